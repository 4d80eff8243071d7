"""From a dataset and a recipe to an adapter.

    FOLDER/adapter/           adapter_model.safetensors, adapter_config.json: what PEFT loads
    FOLDER/history.json       every step, every validation, which weights were kept and why
    FOLDER/first_batch.json   what the model saw first
    FOLDER/run.json           what was trained: experiment, model, examples, recipe, seeds
    FOLDER/measured.json      speed, memory, energy, code, libraries and machine; written last
    FOLDER/live.json          how it goes; only while training
    FOLDER/checkpoints/       only while training

Equal inputs on the same machine give equal bytes, `measured.json` apart, and a training that was killed goes
on from its last whole checkpoint to the same bytes.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inhouse.digests import digest_json, short
from inhouse.errors import UserMistake
from inhouse.measure import Cost, measured, resident_bytes
from inhouse.shards import write_json
from inhouse.training.checkpoints import Checkpoints
from inhouse.training.data import TrainingData
from inhouse.training.forgetting import watching_general_code
from inhouse.training.guards import check_data
from inhouse.training.history import Course, History
from inhouse.training.preview import first_batch
from inhouse.training.sinks import check_sinks, open_sinks
from inhouse.training.tracking import Identity, Tracker, check_begun, note_versions
from inhouse.workspace import MEASURED

if TYPE_CHECKING:
    from pathlib import Path

    from inhouse.models.resolve import BaseModel
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.progress import Progress
    from inhouse.records import Recipe
    from inhouse.training.sinks import Sink

__all__ = ["Options", "train"]

_HISTORY = "history.json"


@dataclass(frozen=True, slots=True)
class Options:
    """What a training may be told that changes nothing in its weights."""

    allow: tuple[str, ...] = ()  # refusals that are passed over
    sinks: tuple[str, ...] = ()  # names of `training.sinks`
    tracking: Path | None = None  # folder of the sinks; beside the training when left out
    resume: bool = False  # refuse to begin anew where another training was begun


def train(
    model: BaseModel,
    tokenizer: Tokenizer,
    dataset: Path,
    recipe: Recipe,
    folder: Path,
    progress: Progress,
    options: Options | None = None,
) -> None:
    """Train an adapter on the training split of `dataset` and write it into `folder`.

    Raises UserMistake for what cannot be trained (see `training.guards`), for targets or a rank that the
    model does not have, for a loss that blows up, for a full disk, and for a folder that another training
    has begun.
    """
    options = options or Options()
    check_sinks(options.sinks)
    identity = Identity.of(model, dataset, recipe)
    identity.check(folder)
    check_begun(folder, identity, progress, resume=options.resume)
    data = TrainingData.read(dataset, recipe, tokenizer.pad)
    store = Checkpoints(folder / "checkpoints")
    if not (folder / MEASURED).exists():
        check_data(data, model, tokenizer, options.allow)
        if recipe.forgetting_bound and data.validation_rows:
            data = watching_general_code(data, tokenizer)
        identity.write(folder)
        _say(data, progress)
        course = _last_course(store, identity.experiment, recipe.forgetting_bound, progress)
        note_versions(course, progress)
        start = course.history.step
        tracker = Tracker(folder, data, course, progress, _sinks(identity, folder, start, options))
        try:
            cost, baseline = _fit(model, data, store, course, progress, tracker)
            _export(folder, store, data, course, tokenizer)
        except BaseException as error:
            tracker.failed(error)
            raise
        measurements = _measurements(course, cost, baseline, start) | tracker.done()
        write_json(folder / MEASURED, measurements)
        progress.say(course.history.ending(data.steps, recipe.patience))
    store.remove_all()


def _fit(
    model: BaseModel,
    data: TrainingData,
    store: Checkpoints,
    course: Course,
    progress: Progress,
    tracker: Tracker,
) -> tuple[Cost, int]:
    """Train to the end; return what it cost, and the resident memory before it (0 if nothing was to do)."""
    baseline = 0
    with measured() as cost:
        if not course.history.finished(data.steps, data.recipe.patience):
            from inhouse.training.sft import fit

            baseline = resident_bytes()
            fit(model, data, store, course, progress, tracker)
    return cost, baseline


def _sinks(identity: Identity, folder: Path, start: int, options: Options) -> list[Sink]:
    parameters = {"model": identity.model, "examples": identity.examples, **identity.recipe}
    place = options.tracking or folder.parent / "tracking"
    return open_sinks(options.sinks, place, short(identity.experiment), parameters, start + 1)


def _last_course(store: Checkpoints, run: str, forgetting_bound: float, progress: Progress) -> Course:
    """Return where the newest checkpoint stands that is whole, the best one that it refers to included."""
    for step in reversed(store.steps()):
        course = _read_course(store.path(step)) if store.is_whole(step) else None
        if course is not None:
            _check_run(course.run, run, store.folder)
            if store.is_whole(course.history.kept_step):
                return course
        progress.warn(f"the checkpoint after step {step} is damaged; training goes on from the one before it")
    return Course(run, History(forgetting_bound=forgetting_bound))


def _read_course(folder: Path) -> Course | None:
    try:
        return Course.read(folder)
    except (KeyError, TypeError):  # of a version that wrote other fields
        return None


def _check_run(found: str, wanted: str, folder: Path) -> None:
    if found != wanted:
        raise UserMistake(
            "a training goes on only with the model, the dataset and the recipe that it began with",
            f"{folder} belongs to another",
            "delete that folder to train anew",
        )


def _say(data: TrainingData, progress: Progress) -> None:
    packing = data.packing
    progress.say(
        f"{len(data.train):,} examples in {len(packing.rows):,} rows of {packing.length} tokens, "
        f"{packing.efficiency:.0%} full; {data.steps} steps"
    )
    if packing.cut:
        progress.warn(f"{packing.cut} examples are longer than a row and were cut into pieces")
    if packing.without_loss:
        progress.warn(f"{packing.without_loss} examples have no token that carries loss and were left out")
    if not data.validation_rows:
        progress.warn("without validation examples training cannot stop early and keeps its last weights")


def _export(
    folder: Path, store: Checkpoints, data: TrainingData, course: Course, tokenizer: Tokenizer
) -> None:
    from inhouse.training.adapter import CONFIG, WEIGHTS

    adapter = folder / "adapter"
    adapter.mkdir(exist_ok=True)
    for name in (WEIGHTS, CONFIG):
        shutil.copyfile(store.path(course.history.kept_step) / name, adapter / name)
    write_json(folder / _HISTORY, _summary(data, course))
    write_json(folder / "first_batch.json", first_batch(data, tokenizer))
    (folder / "failed_batch.json").unlink(missing_ok=True)


def _summary(data: TrainingData, course: Course) -> dict[str, Any]:
    history, recipe, packing = course.history, data.recipe, data.packing
    best, base = history.best, history.base
    return {
        "run": course.run,
        **history.as_json(),
        "kept_step": history.kept_step,
        "planned_steps": data.steps,
        "stopped_early": history.step < data.steps,
        "better_than_base": best.loss < base.loss if best is not None and base is not None else None,
        "ending": history.ending(data.steps, recipe.patience),
        "tokens_seen": history.tokens,
        "packing": {
            "examples": len(data.train),
            "rows": len(packing.rows),
            "row_length": packing.length,
            "tokens": packing.tokens,
            "trained_tokens": packing.trained,
            "efficiency": packing.efficiency,
            "examples_cut": packing.cut,
            "examples_without_loss": packing.without_loss,
        },
        "validation": {
            "examples": len(data.validation),
            "rows": len(data.validation_packing.rows),
            "rows_used": len(data.validation_rows),
            "tokens_used": data.validation_tokens,
            "row_examples": [example.id for example in data.validation_examples],
            "row_weights": data.validation_weights,
        },
        "general_code": {
            "functions": len(data.general),
            "tokens": sum(len(example.input_ids) for example in data.general),
            "digest": digest_json([example.id for example in data.general]),
            "forgotten": history.forgotten(best) if best is not None else 0.0,
        },
    }


def _measurements(course: Course, cost: Cost, baseline: int, resumed_from: int) -> dict[str, Any]:
    timing, history = course.timing, course.history
    return {
        "device": timing.device,
        "training_seconds": timing.training_seconds,
        "validation_seconds": timing.validation_seconds,
        "seconds_per_step": timing.training_seconds / history.step,
        "tokens_per_second": history.tokens / timing.training_seconds,
        "peak_memory_bytes": cost.peak_memory_bytes,
        "memory_bytes": cost.peak_memory_bytes - baseline if baseline else None,  # of the training alone
        "device_memory_bytes": timing.device_memory_bytes,
        "resumed_from_step": resumed_from,
        "earlier_versions": course.versions[:-1],
    }
