"""What a training is, where it runs and how it goes, for people and tools that watch or compare runs.

    FOLDER/run.json     what it is: experiment, model, examples, recipe, seeds; the same for equal inputs
    FOLDER/live.json    how it goes, renewed after every step; gone when the training is done

The experiment id is the digest of base model, examples and recipe: equal ids ask for equal weights.
"""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

import inhouse
from inhouse.digests import digest_file, digest_json, short
from inhouse.errors import UserMistake
from inhouse.measure import resident_bytes
from inhouse.shards import write_json
from inhouse.training.data import examples_digest
from inhouse.training.energy import EnergyMeter
from inhouse.training.forgetting import OTHER_SEED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inhouse.models.resolve import BaseModel
    from inhouse.progress import Progress
    from inhouse.records import Recipe
    from inhouse.training.data import TrainingData
    from inhouse.training.history import Course, Step, Validation
    from inhouse.training.sinks import Sink

__all__ = ["LIVE", "RUN", "Identity", "Tracker", "changes", "check_begun", "environment", "note_versions"]

RUN = "run.json"
LIVE = "live.json"

_LIBRARIES = (
    "torch",
    "transformers",
    "peft",
    "trl",
    "accelerate",
    "tokenizers",
    "safetensors",
    "numpy",
    "bitsandbytes",
)
_LONGEST_VALUE = 60  # characters of a value in a sentence


@dataclass(frozen=True, slots=True)
class Identity:
    """What decides the weights of a training."""

    model: str  # its name
    model_digest: str
    examples: str  # digest
    recipe: dict[str, Any]

    @classmethod
    def of(cls, model: BaseModel, dataset: Path, recipe: Recipe) -> Identity:
        """Return what the training of a model on a dataset by a recipe is."""
        values = json.loads(json.dumps(asdict(recipe)))  # tuples as they are read back
        return cls(model.name, model.digest, examples_digest(dataset), values)

    @property
    def experiment(self) -> str:
        """The identity of all that, without the model's name."""
        return digest_json({"model": self.model_digest, "examples": self.examples, "recipe": self.recipe})

    def as_json(self) -> dict[str, Any]:
        """Return the content of `run.json`."""
        return {"experiment": self.experiment, **asdict(self), "seeds": _seeds(self.recipe)}

    def check(self, folder: Path) -> None:
        """Raise UserMistake, with what changed, where another training was begun."""
        path = folder / RUN
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else self.as_json()
        if found["experiment"] != self.experiment:
            raise UserMistake(
                "a training goes on only with the model, the dataset and the recipe that it began with",
                f"{folder} was begun with {changes(found, self.as_json())}",
                "take that back, or delete the folder to train anew",
            )

    def write(self, folder: Path) -> None:
        """Write `run.json`."""
        write_json(folder / RUN, self.as_json())


def check_begun(folder: Path, identity: Identity, progress: Progress, *, resume: bool) -> None:
    """Look whether a training was begun beside `folder` that `identity` does not go on with there.

    Says what changed since; with `resume`, raises UserMistake. The same training that was begun with other
    versions of libraries lies in another folder: with `resume` it is moved into this one, to go on.
    """
    paths = sorted(folder.parent.glob(f"*.partial/{RUN}"), key=lambda path: path.stat().st_mtime)
    begun = {path.parent: json.loads(path.read_text(encoding="utf-8")) for path in paths}
    if (folder / RUN).exists():
        return
    same = [place for place, run in begun.items() if run["experiment"] == identity.experiment]
    if same:
        _go_on_elsewhere(same[-1], folder, progress, resume=resume)
        return
    if not begun:
        if resume:
            progress.warn("there is no unfinished training to go on with: one begins")
        return
    place, found = list(begun.items())[-1]
    told = f"the one in {place} was begun with {changes(found, identity.as_json())}"
    if resume:
        raise UserMistake(
            "a training goes on only with the model, the dataset and the recipe that it began with",
            told,
            "take that back, or leave out --resume to train anew",
        )
    progress.warn(f"a new training begins: {told}")


def changes(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Return what differs between the `run.json` of two trainings, each field with both values."""
    before, after = _told(found), _told(wanted)
    names = sorted({*before, *after})
    parts = [
        f"{name} {_shown(before.get(name))} instead of {_shown(after.get(name))}"
        for name in names
        if before.get(name) != after.get(name)
    ]
    return ", ".join(parts) or "no difference"


def environment() -> dict[str, Any]:
    """Return the code, the libraries and the machine that a training ran with."""
    return {
        "inhouse": inhouse.__version__,
        "code_digest": _code_digest(),
        "libraries": _libraries(),
        "hardware": _hardware(),
    }


def note_versions(course: Course, progress: Progress) -> None:
    """Write down what a training runs with now; say what has changed since its last checkpoint."""
    now = {"inhouse": inhouse.__version__, **_libraries()}
    before = course.versions[-1] if course.versions else now
    if before != now:
        progress.warn(
            f"the checkpoint after step {course.history.step} was written with "
            f"{_other_versions(before, now)}: training goes on, but its weights may differ from those of one "
            "version alone"
        )
    if before != now or not course.versions:
        course.versions.append(now)


@dataclass
class Tracker:
    """Follows one training: `live.json`, the line beside the progress bar, and the sinks."""

    folder: Path
    data: TrainingData
    course: Course
    progress: Progress
    sinks: list[Sink] = field(default_factory=list)
    started: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self._unwritten = False
        self._meter = EnergyMeter()
        self._environment = environment()
        self._write("running")

    def step(self, step: Step) -> str:
        """Record a step; return the line that the user sees beside the bar."""
        for source, joules in self._meter.read().items():
            used = self.course.timing.energy_joules
            used[source] = used.get(source, 0.0) + joules
        self._send(
            step.step,
            {
                "train/loss": step.loss,
                "train/learning_rate": step.learning_rate,
                "train/gradient_norm": step.gradient_norm,
                "speed/tokens_per_second": self._rate(),
                "memory/bytes": float(self.memory()),
            },
        )
        self._write("running")
        return self.line()

    def validation(self, validation: Validation) -> None:
        """Record a validation."""
        values = {"validation/loss": validation.loss}
        if validation.general is not None:
            values["general/loss"] = validation.general
        self._send(validation.step, values)
        self._write("running")

    def line(self) -> str:
        """Return loss, validation, general code, speed and memory as one short line."""
        history = self.course.history
        parts = [f"loss {history.steps[-1].loss:.3f}"] if history.steps else []
        if history.validations:
            last = history.validations[-1]
            parts.append(f"validation {last.loss:.3f}")
            if last.general is not None and last.step:
                parts.append(f"general code {history.forgotten(last):+.1%}")
        parts += [f"{self._rate():,.0f} tokens/s", f"{self.memory() / 1e9:.1f} GB"]
        return ", ".join(parts)

    def memory(self) -> int:
        """Return the bytes in use: of the accelerator's peak, or of this process."""
        return self.course.timing.device_memory_bytes or resident_bytes()

    def failed(self, error: BaseException) -> None:
        """Leave word of how the training ended, as far as that can still be written."""
        state = "failed" if isinstance(error, Exception) else "stopped"
        sentence = str(error) if isinstance(error, UserMistake) else f"{type(error).__name__}: {error}"
        self._write(state, sentence)
        self._close(finished=False)

    def done(self) -> dict[str, Any]:
        """Remove the live state; return what is measured and worth keeping."""
        (self.folder / LIVE).unlink(missing_ok=True)
        self._close(finished=True)
        energy = dict(self.course.timing.energy_joules)
        return {"started": self.started, "energy_joules": energy or None, **self._environment}

    def _rate(self) -> float:
        seconds = self.course.timing.training_seconds
        return self.course.history.tokens / seconds if seconds else 0.0

    def _write(self, state: str, sentence: str = "") -> None:
        history = self.course.history
        latest = history.validations[-1] if history.validations else None
        base = history.base
        content = {
            "state": state,
            "sentence": sentence,
            "process": [os.getpid(), psutil.Process().create_time()],
            "started": self.started,
            "updated": time.time(),
            "step": history.step,
            "steps": self.data.steps,
            "loss": history.steps[-1].loss if history.steps else None,
            "base_validation": base.loss if base else None,
            "validation": latest.loss if latest else None,
            "general": latest.general if latest else None,
            "tokens": history.tokens,
            "tokens_per_second": self._rate(),
            "memory_bytes": self.memory(),
            "remaining_seconds": self._remaining(),
            **self._environment,
        }
        temporary = self.folder / f"{LIVE}.tmp"  # renamed, but not flushed: it is no result
        try:
            temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
            temporary.replace(self.folder / LIVE)
        except OSError as error:  # a disk that is full now may have room when the next checkpoint is due
            temporary.unlink(missing_ok=True)
            if not self._unwritten:
                self.progress.warn(f"{self.folder / LIVE} could not be written: {error.strerror}")
            self._unwritten = True

    def _remaining(self) -> float | None:
        rate = self._rate()
        left = self.data.tokens - self.course.history.tokens
        return left / rate if rate else None

    def _send(self, step: int, values: Mapping[str, float]) -> None:
        for sink in list(self.sinks):
            try:
                sink.log(step, values)
            except Exception as error:
                self._drop(sink, error)

    def _close(self, *, finished: bool) -> None:
        for sink in list(self.sinks):
            try:
                sink.close(finished=finished)
            except Exception as error:
                self._drop(sink, error)
        self.sinks = []

    def _drop(self, sink: Sink, error: Exception) -> None:
        """A curve that cannot be drawn is no reason to lose a training."""
        self.sinks.remove(sink)
        name = type(sink).__module__.rpartition(".")[2]
        self.progress.warn(f"the sink {name} failed and gets no more values: {error}")


def _go_on_elsewhere(place: Path, folder: Path, progress: Progress, *, resume: bool) -> None:
    """Move a training into the folder that it has under the versions of today, or say that it lies there."""
    if resume:
        folder.mkdir(exist_ok=True)
        for path in place.iterdir():
            path.rename(folder / path.name)
        place.rmdir()
        return
    live = _read_live(place)
    before = {"inhouse": live.get("inhouse", ""), **live.get("libraries", {})}
    now = {"inhouse": inhouse.__version__, **_libraries()}
    progress.warn(
        f"a new training begins: the same one in {place} was begun with {_other_versions(before, now)}; "
        "`inhouse train --resume` goes on with it"
    )


def _other_versions(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return the libraries whose versions differ, with both."""
    names = [name for name in now if before.get(name) and before[name] != now[name]]
    told = [f"{name} {before[name]} instead of {now[name]}" for name in names]
    return ", ".join(told) or "other code of inhouse"


def _read_live(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / LIVE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _libraries() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: _version(name) for name in _LIBRARIES}}


def _seeds(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return every seed and what is drawn with it."""
    seed = recipe["seed"]
    return {
        "weights of the adapter, dropout (torch, numpy, random)": seed,
        "order of the rows in pass N": f"{seed} N",
        "sample of general code": f"{seed} + {OTHER_SEED}",
    }


def _told(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that people change, flat; names of models stand for nothing."""
    recipe = {f"recipe.{name}": value for name, value in run["recipe"].items()}
    return {"model": short(run["model_digest"]), "dataset": short(run["examples"]), **recipe}


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


@cache
def _code_digest() -> str:
    """Return the digest of the Python files of this package, as they are installed."""
    package = Path(inhouse.__file__).parent
    files: Sequence[Path] = sorted(package.rglob("*.py"))
    return digest_json({path.relative_to(package).as_posix(): digest_file(path) for path in files})


@cache
def _hardware() -> dict[str, Any]:
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": int(psutil.virtual_memory().total),
        "gpu": str(gpu),
        "system": platform.platform(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
