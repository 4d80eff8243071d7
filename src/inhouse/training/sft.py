"""TRL's trainer with our rows, our loss, and checkpoints without pickles.

Everything heavy is imported here, so this module is imported where training begins and nowhere else.
"""

from __future__ import annotations

import json
import math
import time
import warnings
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.lr_scheduler import LambdaLR
from transformers import PreTrainedTokenizerFast, PrinterCallback, TrainerCallback
from transformers.utils import logging
from trl import SFTConfig, SFTTrainer

from datasets import Dataset
from inhouse.errors import UserMistake
from inhouse.training.adapter import prepare, read_adapter, write_adapter
from inhouse.training.data import validation_steps
from inhouse.training.guards import BLOWN_UP, FirstSteps, check_finite
from inhouse.training.history import Step, Validation
from inhouse.training.learning_rates import learning_rate_factor, optimizer_groups, warmup_steps
from inhouse.training.losses import weighted_loss
from inhouse.training.optimizers import make_optimizer
from inhouse.training.state import read_optimizer, read_random, write_state
from inhouse.training.tuned import trained_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from transformers import TrainerControl, TrainerState

    from inhouse.models.resolve import BaseModel
    from inhouse.progress import Progress, Task
    from inhouse.training.checkpoints import Checkpoints
    from inhouse.training.data import TrainingData
    from inhouse.training.history import Course
    from inhouse.training.tracking import Tracker
    from inhouse.training.tuned import Tuned

__all__ = ["AdapterTrainer", "fit"]

_TRAINER_STATE = "trainer_state.json"  # the name under which transformers looks for it


def fit(
    model: BaseModel,
    data: TrainingData,
    store: Checkpoints,
    course: Course,
    progress: Progress,
    tracker: Tracker,
) -> None:
    """Train until `course` is finished, from its last checkpoint or from the start."""
    with _quiet_libraries():
        trainer = AdapterTrainer(model, data, store, course)
        if course.history.step == 0 and data.validation_rows:
            with progress.task("validate the base model"):
                trainer.evaluate()
                tracker.validation(course.history.validations[-1])
        with progress.task("train", data.tokens, "tokens") as task:
            task.skip(course.history.tokens)
            first_steps = FirstSteps(data, trainer.first_batch_loss)
            trainer.add_callback(_Watch(course, data, store.folder.parent, task, tracker, first_steps))
            start = course.history.step
            trainer.train(resume_from_checkpoint=str(store.path(start)) if start else None)
        if torch.cuda.is_available():
            course.timing.device_memory_bytes = torch.cuda.max_memory_allocated()


class AdapterTrainer(SFTTrainer):  # type: ignore[misc]
    """Trains an adapter over the rows of `data`, in the order given there."""

    control: TrainerControl
    loss_is_scaled_for_ga = True  # compute_loss divides by the weight of the whole step

    def __init__(self, model: BaseModel, data: TrainingData, store: Checkpoints, course: Course) -> None:
        self.data = data
        self.store = store
        self.course = course
        self.base_name = model.name
        self.tuned = prepare(model, data.recipe, data.steps)
        super().__init__(
            model=self.tuned.model,
            args=_arguments(data, store.folder),
            train_dataset=Dataset.from_dict({"row": data.order}),
            data_collator=lambda rows: data.batch([row["row"] for row in rows]),
            processing_class=PreTrainedTokenizerFast(tokenizer_file=str(model.folder / "tokenizer.json")),
        )
        for weight in trained_parameters(self.tuned.model).values():
            weight.data = weight.data.float()  # TRL rounds them where the base has four bits
        self.remove_callback(PrinterCallback)  # it prints on stdout
        self.add_callback(_AfterStep(self.tuned))
        course.timing.device = _describe(self.args.device)

    def _send_telemetry(self) -> None:
        """TRL reports each trainer to its makers; nothing leaves this machine."""

    # ------------------------------------------------------------ loss

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> tuple[list[Any], Any]:
        """Return the forward passes of one step, and the weight of all their trained tokens.

        Dividing by that makes accumulation equal to one large batch, however the tokens are spread.
        """
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        self.passes = len(batches)
        return batches, sum(batch["weights"].sum() for batch in batches)

    def compute_loss(self, _model: Any, inputs: Any, *, num_items_in_batch: Any) -> torch.Tensor:
        """Return a forward pass's share of the mean loss over the trained tokens of its step."""
        loss = self._weighted_loss(inputs) / num_items_in_batch
        penalty = self.tuned.penalty()
        if penalty is None:
            return loss
        return loss + (penalty - penalty.detach()) / self.passes  # pulls, and leaves the recorded loss alone

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Record the mean loss over all validation tokens, and over general code where it is watched.

        A mean of row means would favour short ones.
        """
        started = time.perf_counter()
        self.model.eval()
        untrained = self.state.global_step == 0
        with torch.no_grad(), self.tuned.as_base() if untrained else nullcontext():
            rows, loss = self._score(self.data.validation_batches())
            general = self._score(self.data.general_batches())[1] if self.data.general else None
        self.course.timing.validation_seconds += time.perf_counter() - started
        check_finite(self.state.global_step, loss, general)
        self.course.history.validations.append(Validation(self.state.global_step, loss, general, tuple(rows)))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, {"eval_loss": loss}
        )
        return {"eval_loss": loss}

    def first_batch_loss(self) -> float:
        """Return the mean loss over the trained tokens of the first step with the weights of now."""
        self.model.eval()
        with torch.no_grad():
            return self._score(self.data.first_batches())[1]

    def _score(self, batches: Iterator[dict[str, torch.Tensor]]) -> tuple[list[float], float]:
        """Return the summed loss of each batch, and the mean over the weights of all."""
        rows: list[float] = []
        weight = 0.0
        for batch in batches:
            rows.append(self._weighted_loss(self._prepare_inputs(batch)).item())
            weight += batch["weights"].sum().item()
        return rows, sum(rows) / weight

    def _weighted_loss(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        half = self.data.recipe.precision == "bfloat16"
        with torch.autocast(self.args.device.type, dtype=torch.bfloat16, enabled=half):
            return weighted_loss(self.tuned.base, batch)

    # ------------------------------------------------------------ optimizer and schedule

    def create_optimizer(self, _model: Any = None) -> torch.optim.Optimizer:
        """Make the optimizer of the recipe, with its learning rate for each part of the model."""
        recipe, blocks = self.data.recipe, self.tuned.base.config.get_text_config().num_hidden_layers
        groups = optimizer_groups(trained_parameters(self.tuned.model), recipe, blocks)
        self.optimizer = make_optimizer(groups, recipe)
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> LambdaLR:
        """Make the schedule of the recipe."""
        recipe = self.data.recipe
        factor = partial(
            learning_rate_factor,
            warmup=warmup_steps(recipe.warmup_share, num_training_steps),
            total=num_training_steps,
            shape=recipe.schedule,
        )
        self.lr_scheduler = LambdaLR(optimizer or self.optimizer, factor)
        return self.lr_scheduler

    # ------------------------------------------------------------ checkpoints

    def _save_checkpoint(self, _model: Any, _trial: Any) -> None:
        history, step = self.course.history, self.state.global_step
        with self.store.writing(step) as folder:
            write_adapter(self.tuned, self.base_name, folder)
            write_state(folder, self.optimizer, self.lr_scheduler)
            self.state.save_to_json(str(folder / _TRAINER_STATE))
            self.course.write(folder)
        self.store.keep({*self.store.steps()[-2:], history.kept_step})

    def _load_from_checkpoint(self, _checkpoint: str) -> None:
        read_adapter(self.tuned, self.store.path(self.course.history.step))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            read_optimizer(self.store.path(self.course.history.step), self.optimizer, self.lr_scheduler)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            read_random(self.store.path(self.course.history.step))


class _AfterStep(TrainerCallback):  # type: ignore[misc]
    """Lets a method act on the gradients of a step before they are cleared."""

    def __init__(self, tuned: Tuned) -> None:
        self.tuned = tuned

    def on_optimizer_step(self, _args: Any, state: TrainerState, *_: Any, **__: Any) -> None:
        """Tell the method which step was made."""
        self.tuned.after_step(state.global_step + 1)


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Writes the history, decides when to validate, save and stop, and moves the progress bar."""

    def __init__(
        self,
        course: Course,
        data: TrainingData,
        folder: Path,
        task: Task,
        tracker: Tracker,
        first_steps: FirstSteps,
    ) -> None:
        self.course = course
        self.data = data
        self.folder = folder
        self.task = task
        self.tracker = tracker
        self.first_steps = first_steps
        self.checkpoint_steps = set(validation_steps(data.steps, data.recipe.validate_every))
        self.started = 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock."""
        self.started = time.perf_counter()

    def on_step_end(self, _args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Stop the clock; ask for a validation and a checkpoint where they are due."""
        self.course.timing.training_seconds += time.perf_counter() - self.started
        if torch.cuda.is_available():
            self.course.timing.device_memory_bytes = torch.cuda.max_memory_allocated()
        if state.global_step in self.checkpoint_steps:
            control.should_save = True
            control.should_evaluate = bool(self.data.validation_rows)

    def on_log(self, _args: Any, state: TrainerState, *_: Any, logs: dict[str, float], **__: Any) -> None:
        """Record a step. Raises UserMistake, before anything is saved, when it blew up or learnt nothing."""
        if "loss" not in logs:  # the summary after the last step
            return
        step = Step(
            step=state.global_step,
            loss=logs["loss"],
            learning_rate=logs["learning_rate"],
            gradient_norm=logs["grad_norm"],
            tokens=self.data.step_tokens(state.global_step - 1),
        )
        if not (math.isfinite(step.loss) and math.isfinite(step.gradient_norm)):
            raise self._blown_up(step)
        self.course.history.steps.append(step)
        self.first_steps.check(self.course.history.steps)
        self.task.advance(step.tokens, self.tracker.step(step))

    def on_evaluate(self, _args: Any, _state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Stop when the patience is spent, or general code has become too unlikely."""
        history = self.course.history
        self.tracker.validation(history.validations[-1])
        if history.stops_early(self.data.recipe.patience) or history.forgot():
            control.should_training_stop = True

    def _blown_up(self, step: Step) -> UserMistake:
        path = self.folder / "failed_batch.json"
        content = {"step": step.step, "examples": self.data.step_examples(step.step - 1)}
        path.write_text(json.dumps(content, indent=1), encoding="utf-8")
        return UserMistake(
            BLOWN_UP,
            f"step {step.step} gave a loss of {step.loss} and a gradient of {step.gradient_norm}",
            f"lower training.learning_rate, or look at the examples listed in {path}",
        )


def _arguments(data: TrainingData, folder: Path) -> SFTConfig:
    recipe = data.recipe
    arguments = SFTConfig(
        output_dir=str(folder),
        max_steps=data.steps,
        per_device_train_batch_size=recipe.rows,
        gradient_accumulation_steps=recipe.accumulation,
        train_sampling_strategy="sequential",  # the order is ours
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        max_grad_norm=1.0,
        optim="adamw_torch",
        seed=recipe.seed,
        bf16=False,  # our own autocast decides, in _weighted_loss
        use_cpu=not torch.cuda.is_available(),
        activation_checkpointing=recipe.checkpointing,
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="no",  # _Watch asks for both
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        router_aux_loss_coef=0.0,  # routers are frozen
    )
    if arguments.n_gpu > 1:  # one process trains on one GPU; otherwise transformers would split every batch
        arguments._n_gpu = 1
    return arguments


def _describe(device: torch.device) -> str:
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{device.type}, {torch.get_num_threads()} threads"


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Switch off the libraries' own progress bars, and one warning that only PEFT can mend."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            yield
    finally:
        if shown:
            logging.enable_progress_bar()
