"""What was written and judged here in the log format of inspect-ai: one `.eval` file for each suite and arm.

    sample    id        group and digest of the task; the epoch counts the answers of one task from 1
              input     what every arm is asked (`questions`)
              target    the reference
              output    what the model wrote, with its tokens and seconds
              scores    measure -> top / bottom, with the answer that was judged and the note of the judge
    results   measure -> value, low, high (95%), n, as `inhouse eval` prints them

A judgement without an answer, such as a likelihood, is a sample without output whose input says of what. All
comes from what is stored: nothing is generated or judged again.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from inhouse import __version__
from inhouse.digests import digest_json, digest_text, short
from inhouse.errors import UserMistake
from inhouse.evaluation.inspection.questions import question
from inhouse.evaluation.results import GENERAL_CODE, LIKELIHOOD
from inhouse.evaluation.suites import find_suite

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from inspect_ai.log import EvalLog, EvalResults, EvalSample, EvalScore, EvalSpec
    from inspect_ai.model import ModelOutput, ModelUsage
    from inspect_ai.scorer import Score

    from inhouse.evaluation.tasks import Completion, Judgement, Suite, Task

__all__ = ["Answers", "Measured", "write_logs"]

_METRICS = ("value", "low", "high", "n")
_STOPS = {"stop": "stop", "length": "max_tokens"}


@dataclass(frozen=True, slots=True)
class Measured:
    """What all logs of one examination say of themselves, in their metadata."""

    repository: str
    model: str  # as it was named
    model_digest: str
    adapter_digest: str  # of the tuned arms; "" where none was asked
    isolation: str  # of the sandbox
    engine: str  # that wrote
    seed: int


class Answers(Protocol):
    """Where tasks and stored answers of a suite are found: an examination."""

    def tasks(self, suite: Suite) -> Sequence[Task]:
        """Return what was asked. Raises UserMistake where there was nothing to ask."""
        ...

    def answers(self, suite: Suite) -> Sequence[Completion]:
        """Return what the arms wrote."""
        ...


def write_logs(
    folder: Path,
    stored: Answers,
    judgements: Iterable[Judgement],
    results: Mapping[str, Mapping[str, Any]],
    measured: Measured,
) -> list[Path]:
    """Write a log for each suite and arm and return the files; those of an earlier time are replaced.

    `results` is what `evaluation.results` made of the judgements. Raises UserMistake for no folder.
    """
    from inspect_ai.log import write_eval_log

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise UserMistake("logs are written into a folder", str(folder), "name another one") from None
    files = []
    for (suite, arm), own in sorted(_by_arm(judgements).items()):
        log = _log(suite, arm, own, *_asked(stored, suite), results.get(suite, {}), measured)
        files.append(folder / f"{_file_name(suite)}-{arm}.eval")
        write_eval_log(log, str(files[-1]))
    return files


def _by_arm(judgements: Iterable[Judgement]) -> dict[tuple[str, str], list[Judgement]]:
    found: dict[tuple[str, str], list[Judgement]] = defaultdict(list)
    for judgement in judgements:
        found[judgement.suite, judgement.arm].append(judgement)
    return found


def _asked(stored: Answers, suite: str) -> tuple[Sequence[Task], Sequence[Completion]]:
    if suite in (LIKELIHOOD, GENERAL_CODE):
        return (), ()
    found = find_suite(suite)
    try:
        return stored.tasks(found), stored.answers(found)
    except UserMistake:  # a suite that scores documents, and has no questions to them
        return (), ()


def _file_name(suite: str) -> str:
    """Return a name for files; suites of the user are named by a path."""
    plain = re.sub(r"[^A-Za-z0-9_.]+", "-", suite).strip("-")
    return plain if plain == suite else f"{plain}-{short(digest_text(suite))}"


# ------------------------------------------------------------------ one log


def _log(
    suite: str,
    arm: str,
    judgements: Sequence[Judgement],
    tasks: Sequence[Task],
    completions: Sequence[Completion],
    measures: Mapping[str, Any],
    measured: Measured,
) -> EvalLog:
    from inspect_ai.log import EvalLog, EvalPlan, EvalStats

    model = f"{measured.model} ({arm})"
    written = {(one.task, one.sample): one for one in completions if one.arm == arm}
    samples = _samples(judgements, {task.id: task for task in tasks}, written, model)
    spec = _spec(suite, model, samples, asdict(measured) | {"suite": suite, "arm": arm})
    return EvalLog(
        status="success",
        eval=spec,
        plan=EvalPlan(name=arm),
        results=_results(arm, measures, len(samples)),
        stats=EvalStats(
            started_at=spec.created, completed_at=spec.created, model_usage={model: _all_usage(samples)}
        ),
        samples=samples,
    )


def _spec(suite: str, model: str, samples: Sequence[EvalSample], origin: dict[str, Any]) -> EvalSpec:
    from inspect_ai.log import EvalConfig, EvalDataset, EvalSpec

    ids = list(dict.fromkeys(str(sample.id) for sample in samples))
    most = max(sample.epoch for sample in samples)
    epochs = most if len(samples) == len(ids) * most else 1  # only some tasks may have random answers
    name = short(digest_json([origin, [(sample.id, sample.epoch) for sample in samples]]))
    return EvalSpec(
        eval_id=name,
        run_id=name,
        task_id=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        task=suite,
        dataset=EvalDataset(name=suite, samples=len(samples) // epochs, sample_ids=ids),
        model=model,
        config=EvalConfig(epochs=epochs),
        packages={"inhouse": __version__},
        metadata=origin,
    )


def _results(arm: str, measures: Mapping[str, Any], samples: int) -> EvalResults:
    from inspect_ai.log import EvalResults

    leading_first = sorted(measures.items(), key=lambda one: not one[1]["leading"])
    scores = [_total(name, entry, arm) for name, entry in leading_first if arm in entry["arms"]]
    return EvalResults(total_samples=samples, completed_samples=samples, scores=scores)


def _total(name: str, entry: Mapping[str, Any], arm: str) -> EvalScore:
    """Return a measure of one arm; too few commits for an interval leave n and the sums."""
    from inspect_ai.log import EvalMetric, EvalScore

    values = entry["arms"][arm]
    known = [metric for metric in _METRICS if values[metric] is not None]
    about = {key: entry[key] for key in ("unit", "lower_is_better", "leading")}
    return EvalScore(
        name=name,
        scorer=name,
        scored_samples=values["samples"],
        metrics={metric: EvalMetric(name=metric, value=values[metric]) for metric in known},
        metadata=about | {key: values[key] for key in ("top", "bottom", "commits")},
    )


def _all_usage(samples: Sequence[EvalSample]) -> ModelUsage:
    from inspect_ai.model import ModelUsage

    used = [usage for sample in samples for usage in sample.model_usage.values()]
    return sum(used, ModelUsage())


# ------------------------------------------------------------------ one sample


def _samples(
    judgements: Sequence[Judgement],
    tasks: Mapping[str, Task],
    written: Mapping[tuple[str, int], Completion],
    model: str,
) -> list[EvalSample]:
    """Return a sample for each answer that was judged, and for each judgement without one."""
    found: dict[tuple[str, int], list[Judgement]] = defaultdict(list)
    for judgement in judgements:
        found[judgement.task, judgement.sample].append(judgement)
    return [
        _sample(own, tasks.get(task), written.get((task, sample)), model)
        for (task, sample), own in sorted(found.items())
    ]


def _sample(
    judgements: Sequence[Judgement], task: Task | None, completion: Completion | None, model: str
) -> EvalSample:
    from inspect_ai.log import EvalSample
    from inspect_ai.model import ChatMessageUser

    first = judgements[0]
    name = f"{first.group} {short(first.task)}"
    asked = question(task) if task else next((one.note for one in judgements if one.note), first.group)
    output = _output(completion, model)
    answer = completion.answer if completion else None
    return EvalSample(
        id=name,
        epoch=first.sample + 1,
        input=asked,
        target=task.reference if task else "",
        messages=[
            ChatMessageUser(id=f"{name} asked", content=asked),
            *(choice.message for choice in output.choices),
        ],
        output=output,
        scores={one.measure: _score(one, answer) for one in judgements if one.bottom},
        metadata=_about(task) | {"task": first.task, "group": first.group},
        model_usage={model: output.usage} if output.usage is not None else {},
        total_time=completion.seconds if completion else None,
    )


def _about(task: Task | None) -> dict[str, Any]:
    if task is None:
        return {}
    return {
        "kind": task.kind,
        "path": task.path,
        "language": task.language,
        "runner": task.check.runner,
        "verified": task.verified,
    }


def _output(completion: Completion | None, model: str) -> ModelOutput:
    from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, ModelOutput, ModelUsage

    if completion is None:
        return ModelOutput(model=model)
    said = f"{short(completion.task)} {completion.sample}"  # by chance otherwise
    choice = ChatCompletionChoice.model_validate(
        {
            "message": ChatMessageAssistant(id=said, content=completion.text, model=model),
            "stop_reason": _STOPS.get(completion.finish, "unknown"),
        }
    )
    read, wrote = completion.prompted, completion.generated
    usage = ModelUsage(input_tokens=read, output_tokens=wrote, total_tokens=read + wrote)
    return ModelOutput(model=model, choices=[choice], usage=usage, time=completion.seconds)


def _score(judgement: Judgement, answer: str | None) -> Score:
    from inspect_ai.scorer import Score

    return Score(
        value=judgement.top / judgement.bottom,
        answer=answer,
        explanation=judgement.note or None,
        metadata={"top": judgement.top, "bottom": judgement.bottom},
    )
