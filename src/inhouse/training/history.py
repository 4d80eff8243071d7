"""How a training went: what every step and every validation gave, and which weights are kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from inhouse.shards import write_json

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Course", "History", "Step", "Timing", "Validation"]

_COURSE = "course.json"


@dataclass(frozen=True, slots=True)
class Step:
    """One optimizer step. `loss` is the mean over its trained tokens, in nats, before the step."""

    step: int  # counted from 1
    loss: float
    learning_rate: float
    gradient_norm: float  # before clipping
    tokens: int


@dataclass(frozen=True, slots=True)
class Validation:
    """The mean loss over the validation tokens after `step` steps, in nats; step 0 is the base model."""

    step: int
    loss: float
    general: float | None = None  # mean loss over the tokens of general code, where it is watched
    rows: tuple[float, ...] = ()  # summed loss of each validation row


@dataclass
class History:
    """Grows with the training; kept in every checkpoint."""

    steps: list[Step] = field(default_factory=list)
    validations: list[Validation] = field(default_factory=list)
    forgetting_bound: float = 0.0  # largest rise of the loss on general code, as a share; 0: none

    @property
    def step(self) -> int:
        """Steps done."""
        return len(self.steps)

    @property
    def best(self) -> Validation | None:
        """The best validation of trained weights that forgot little; the earlier of equals.

        Where all forgot too much it is the one that forgot least.
        """
        trained = [validation for validation in self.validations if validation.step > 0]
        within = [validation for validation in trained if not self._beyond(validation)]
        if trained and not within:
            return min(trained, key=lambda validation: (self.forgotten(validation), validation.step))
        return min(within, key=lambda validation: (validation.loss, validation.step), default=None)

    @property
    def tokens(self) -> int:
        """Tokens that were trained on, padding apart."""
        return sum(step.tokens for step in self.steps)

    @property
    def base(self) -> Validation | None:
        """The validation of the base model."""
        return next((validation for validation in self.validations if validation.step == 0), None)

    @property
    def kept_step(self) -> int:
        """The step whose weights become the adapter: the best, or without validation the last."""
        return self.best.step if self.best is not None else self.step

    def forgotten(self, validation: Validation) -> float:
        """Return the rise of the loss on general code over the base's, as a share; 0 where not watched."""
        base = self.base
        if base is None or not base.general or validation.general is None:
            return 0.0
        return validation.general / base.general - 1

    def forgot(self) -> bool:
        """Return whether the latest validation found general code less likely than the bound allows."""
        return bool(self.validations) and self._beyond(self.validations[-1])

    def validations_since_best(self) -> int:
        """Return how many validations have passed without a better one."""
        best = self.best
        return 0 if best is None else sum(validation.step > best.step for validation in self.validations)

    def stops_early(self, patience: int) -> bool:
        """Return whether the patience is spent; a patience of 0 never is."""
        return 0 < patience <= self.validations_since_best()

    def finished(self, steps: int, patience: int) -> bool:
        """Return whether a training of `steps` has nothing left to do."""
        return self.step >= steps or self.stops_early(patience) or self.forgot()

    def ending(self, steps: int, patience: int) -> str:
        """Say in one sentence which weights were kept, and why."""
        if self.best is None:
            return f"There were no validation examples: the weights after all {self.step} steps are kept."
        kept = f"The weights after step {self.best.step} of {self.step} had the lowest validation loss"
        if self._beyond(self.best):
            kept = f"The weights after step {self.best.step} of {self.step} forgot least of all"
        if self.forgot():
            rise = max(self.forgotten(self.best), self.forgotten(self.validations[-1]))
            kept += (
                f"; training stopped because general code became {rise:.1%} less likely, and the bound is "
                f"{self.forgetting_bound:.1%}: a larger share of general code in the dataset, or a lower "
                "learning rate, keeps more"
            )
        elif self.stops_early(patience) and self.step < steps:
            kept += f"; training stopped early after {patience} validations without a better one"
        if self.base is not None and self.best.loss >= self.base.loss:
            kept += "; none was better than the base model"
        return kept + "."

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "steps": [asdict(step) for step in self.steps],
            "validations": [asdict(validation) for validation in self.validations],
            "forgetting_bound": self.forgetting_bound,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> History:
        """Return what `as_json` was made from."""
        return cls(
            [Step(**step) for step in values["steps"]],
            [
                Validation(**{**validation, "rows": tuple(validation["rows"])})
                for validation in values["validations"]
            ],
            values["forgetting_bound"],
        )

    def _beyond(self, validation: Validation) -> bool:
        return 0 < self.forgetting_bound < self.forgotten(validation)


@dataclass
class Timing:
    """What the work cost so far, interruptions apart; never part of a result."""

    training_seconds: float = 0.0  # optimizer steps only
    validation_seconds: float = 0.0
    device: str = ""
    device_memory_bytes: int = 0  # peak on the accelerator; 0 on a CPU
    energy_joules: dict[str, float] = field(default_factory=dict)  # "cpu", "gpu": where the machine tells


@dataclass
class Course:
    """Where a training stands: everything about a checkpoint that is not a tensor."""

    run: str  # digest of the model, the examples and the recipe that it belongs to
    history: History = field(default_factory=History)
    timing: Timing = field(default_factory=Timing)
    versions: list[dict[str, str]] = field(default_factory=list)  # of the libraries, all that it ran with

    def write(self, folder: Path) -> None:
        """Write into the folder of a checkpoint."""
        values = {"run": self.run, "history": self.history.as_json(), "timing": asdict(self.timing)}
        write_json(folder / _COURSE, values | {"versions": self.versions})

    @classmethod
    def read(cls, folder: Path) -> Course:
        """Read from the folder of a checkpoint."""
        values = json.loads((folder / _COURSE).read_text(encoding="utf-8"))
        history, timing = History.from_json(values["history"]), Timing(**values["timing"])
        return cls(values["run"], history, timing, values.get("versions", []))
