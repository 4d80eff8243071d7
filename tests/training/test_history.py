from __future__ import annotations

from pathlib import Path

from inhouse.training.history import Course, History, Step, Timing, Validation


def _history(losses: list[float], base: float | None = 9.0, every: int = 2) -> History:
    """Return a history that was validated after every second step."""
    steps = [Step(number + 1, 1.0, 1e-3, 0.5, 100) for number in range(every * len(losses))]
    validations = [Validation(0, base)] if base is not None else []
    validations += [Validation(every * (number + 1), loss) for number, loss in enumerate(losses)]
    return History(steps, validations)


def test_the_best_checkpoint_is_kept_and_the_earlier_of_equals() -> None:
    assert _history([3.0, 2.0, 2.0, 2.5]).kept_step == 4


def test_the_base_is_never_the_best_checkpoint() -> None:
    history = _history([3.0, 4.0], base=1.0)
    assert history.kept_step == 2
    assert "none was better than the base model" in history.ending(4, patience=0)


def test_patience_counts_validations_since_the_best() -> None:
    assert not _history([3.0, 2.0, 2.5]).stops_early(2)
    assert _history([3.0, 2.0, 2.5, 2.4]).stops_early(2)
    assert not _history([3.0, 4.0, 5.0, 6.0]).stops_early(0)


def test_a_training_that_stopped_early_is_finished_and_says_so() -> None:
    history = _history([2.0, 3.0, 4.0])
    assert history.finished(steps=100, patience=2)
    assert not history.finished(steps=100, patience=3)
    assert history.ending(100, 2) == (
        "The weights after step 2 of 6 had the lowest validation loss; "
        "training stopped early after 2 validations without a better one."
    )


def test_without_validation_the_last_weights_are_kept_and_that_is_said() -> None:
    history = History([Step(number, 1.0, 1e-3, 0.5, 100) for number in (1, 2, 3)], [])
    assert history.kept_step == 3
    assert not history.finished(steps=4, patience=2)
    assert history.ending(3, 2) == (
        "There were no validation examples: the weights after all 3 steps are kept."
    )


def test_a_course_comes_back_as_it_was_written(tmp_path: Path) -> None:
    course = Course("run", _history([0.1 + 0.2, 1 / 3]), Timing(1.5, 0.25, "cpu", 7))
    course.write(tmp_path)
    assert Course.read(tmp_path) == course
