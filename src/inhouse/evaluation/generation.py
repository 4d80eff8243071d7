"""What the arms write: every completion once, in shards that outlive a kill, judged while others are written.

    generation.json             whose the shards are: model, adapter, engine, settings, digest of the prompts
    completions-NNNNN.parquet   one batch of the engine each
    judgements.parquet          how they were judged; made again from the completions at any time

Sample 0 is greedy and there for every task and arm; samples 1, 2, ... are drawn at random, for pass@k, by the
arms that are named for it. Answers of about one length are written together; those of one task and arm share
its prompt and stand side by side.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from inhouse.digests import digest_rows, digest_text
from inhouse.engines.base import GenerateRequest
from inhouse.errors import UserMistake
from inhouse.evaluation.extraction import extract
from inhouse.evaluation.prompts import ABOUT_REPOSITORY, OF_REPOSITORY, prompt
from inhouse.evaluation.tasks import Completion, Judgement
from inhouse.shards import read_records, write_json, write_records

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from inhouse.config import Generation
    from inhouse.engines.base import Generated
    from inhouse.evaluation.arms import Arm, Bench
    from inhouse.evaluation.prompts import Before, Prompt
    from inhouse.evaluation.tasks import Project, Suite, Task
    from inhouse.progress import Progress

__all__ = ["SAMPLED_ARMS", "SHARD_ROWS", "generate_and_judge", "generate_completions", "written"]

SAMPLED_ARMS = ("base", "tuned")
"""Arms that answer several times at random: the base, and the arm that is to be released."""

SHARD_ROWS = 16
"""Answers in one shard, which are one batch of the engine: what a kill can cost."""

_STAMP = "generation.json"
_NONE: Mapping[str, Before] = {}


@dataclass(frozen=True, slots=True)
class _Request:
    """One answer that is wanted."""

    task: Task
    arm: str
    sample: int
    prompt: Prompt
    wanted: GenerateRequest


def generate_completions(
    bench: Bench,
    tasks: Sequence[Task],
    arms: Sequence[Arm],
    settings: Generation,
    folder: Path,
    progress: Progress,
    *,
    texts: Mapping[str, Before] = _NONE,
    sampled: Collection[str] = SAMPLED_ARMS,
    model: str = "",
    on_shard: Callable[[list[Completion]], None] | None = None,
) -> list[Completion]:
    """Let every arm answer every task, and return the answers in the order of the shards.

    `texts` make what an arm puts in front of a task of the repository. Tasks that have nothing to do with the
    repository are asked of the arms without such a text only. Of the tasks that are run, the first
    `settings.sampled_tasks` are also answered at random, by the arms `sampled`. `model` is the digest of the
    base model; `on_shard` gets the completions of each shard, those of an earlier run included.

    Raises UserMistake when the folder holds answers of another model, adapter, engine, or other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    requests = _requests(bench, tasks, arms, texts, settings, sampled)
    _check_stamp(folder / _STAMP, _stamp(bench, model, settings, requests))
    shards = [requests[start : start + SHARD_ROWS] for start in range(0, len(requests), SHARD_ROWS)]
    completions: list[Completion] = []
    title = f"answers of {tasks[0].suite}" if tasks else "answers"
    with progress.task(title, len(requests), "answers") as bar:
        for number, shard in enumerate(shards):
            path = folder / f"completions-{number:05d}.parquet"
            if path.exists():
                bar.skip(len(shard))
            else:
                write_records(path, _write(bench, shard, bar.advance), Completion)
            found = list(read_records(folder, path.stem, Completion))
            completions += found
            if on_shard is not None:
                on_shard(found)
    return completions


def generate_and_judge(
    bench: Bench,
    project: Project,
    suite: Suite,
    tasks: Sequence[Task],
    arms: Sequence[Arm],
    folder: Path,
    **options: Any,
) -> tuple[list[Completion], list[Judgement]]:
    """Do as `generate_completions`, and let the suite judge finished answers while the next are written.

    The judgements are written to `judgements.parquet`. A suite gets all samples of a task and arm at once.
    """
    by_id = {task.id: task for task in tasks}
    wanted = _answers_each(tasks, arms, project.settings.generation, options.get("sampled", SAMPLED_ARMS))
    waiting: dict[tuple[str, str], list[Completion]] = defaultdict(list)
    with ThreadPoolExecutor(1) as judge:
        judged = []

        def on_shard(found: Iterable[Completion]) -> None:
            ready: list[Completion] = []
            for completion in found:
                key = completion.task, completion.arm
                waiting[key].append(completion)
                if len(waiting[key]) == wanted[key]:
                    ready += sorted(waiting.pop(key), key=lambda one: one.sample)
            asked = [by_id[name] for name in dict.fromkeys(completion.task for completion in ready)]
            judged.append(judge.submit(lambda: list(suite.judge(project, asked, ready))))

        completions = generate_completions(
            bench,
            tasks,
            arms,
            project.settings.generation,
            folder,
            project.progress,
            on_shard=on_shard,
            **options,
        )
        judgements = [judgement for future in judged for judgement in future.result()]
    write_records(folder / "judgements.parquet", judgements, Judgement)
    return completions, judgements


def written(folder: Path) -> list[Completion]:
    """Return the completions that a folder holds, to be judged again."""
    return list(read_records(folder, "completions", Completion))


# ------------------------------------------------------------------ what is asked


def _requests(
    bench: Bench,
    tasks: Sequence[Task],
    arms: Sequence[Arm],
    texts: Mapping[str, Before],
    settings: Generation,
    sampled: Collection[str],
) -> list[_Request]:
    """Return all answers that are wanted, in the order of writing: by adapter, longest first."""
    answers = _answers_each(tasks, arms, settings, sampled)
    requests = []
    for task in tasks:
        for arm in arms:
            if (task.id, arm.name) in answers:
                read = prompt(bench, task, arm, texts, settings)
                adapter = bench.adapter if arm.tuned else ""
                requests += [
                    _Request(
                        task, arm.name, sample, read, _wanted(task, read, sample, adapter, bench, settings)
                    )
                    for sample in range(answers[task.id, arm.name])
                ]
    return sorted(requests, key=_place)


def _answers_each(
    tasks: Sequence[Task], arms: Sequence[Arm], settings: Generation, sampled: Collection[str]
) -> dict[tuple[str, str], int]:
    """Return how many answers each task and arm is to have; a pair that is not asked is not in it."""
    drawn = [task.id for task in tasks if task.kind in OF_REPOSITORY and task.check.runner]
    several = set(drawn[: settings.sampled_tasks])
    return {
        (task.id, arm.name): 1 + settings.samples * (task.id in several and arm.name in sampled)
        for task in tasks
        for arm in arms
        if task.kind in ABOUT_REPOSITORY or not arm.text
    }


def _wanted(
    task: Task, read: Prompt, sample: int, adapter: str, bench: Bench, settings: Generation
) -> GenerateRequest:
    seed = int(digest_text(f"{bench.seed} {task.id} {sample}")[:8], 16)  # the same for every arm
    return GenerateRequest(
        prompt=read.tokens,
        max_new_tokens=read.max_new_tokens,
        temperature=settings.temperature if sample else 0.0,
        top_p=settings.top_p if sample else 1.0,
        seed=seed if sample else 0,
        stop=read.stop,
        adapter=adapter,
    )


def _place(request: _Request) -> tuple[Any, ...]:
    length = len(request.prompt.tokens) + request.prompt.max_new_tokens
    return bool(request.wanted.adapter), -length, request.task.id, request.arm, request.sample


# ------------------------------------------------------------------ writing


def _write(bench: Bench, shard: Sequence[_Request], advance: Callable[[], None]) -> list[Completion]:
    started = time.perf_counter()
    answers = bench.engine.complete([request.wanted for request in shard], lambda _: advance())
    seconds = time.perf_counter() - started
    tokens = sum(len(answer.tokens) for answer in answers) or 1
    return [
        _completion(request, answer, seconds * len(answer.tokens) / tokens)
        for request, answer in zip(shard, answers, strict=True)
    ]


def _completion(request: _Request, answer: Generated, seconds: float) -> Completion:
    return Completion(
        task=request.task.id,
        arm=request.arm,
        sample=request.sample,
        text=answer.text,
        answer=extract(request.task, answer.text),
        finish=answer.finish,
        prompted=len(request.prompt.tokens),
        generated=len(answer.tokens),
        seconds=seconds,
    )


# ------------------------------------------------------------------ whose answers these are


def _stamp(bench: Bench, model: str, settings: Generation, requests: Sequence[_Request]) -> dict[str, Any]:
    engine = bench.engine.capabilities
    rows = ([request.task.id, request.arm, request.sample, asdict(request.wanted)] for request in requests)
    return {
        "model": model,
        "tokenizer": bench.tokenizer.digest,
        "adapter": bench.adapter,
        "engine": f"{engine.device} {engine.dtype}",
        "settings": settings.model_dump(mode="json"),
        "prompts": digest_rows(rows),
        "seed": bench.seed,
    }


def _check_stamp(path: Path, stamp: dict[str, Any]) -> None:
    if not path.exists():
        write_json(path, stamp)
        return
    begun = json.loads(path.read_text(encoding="utf-8"))
    other = [name for name in stamp if stamp[name] != begun.get(name)]
    if other:
        name = other[0]
        raise UserMistake(
            f"answers are gone on with by the same {name} as they were begun",
            f"{path.parent} was begun with {begun.get(name)}, this is {stamp[name]}",
            "delete that folder, or go on with what it was begun with",
        )
