from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.training.packing import (
    IGNORED,
    Packing,
    Segment,
    best_fit_decreasing,
    collate,
    pack,
    schedule,
)
from tests.training.material import PAD, example, examples

if TYPE_CHECKING:
    from inhouse.records import Example

SIZES = st.lists(st.integers(1, 12), max_size=40)


def _quadratic_best_fit(sizes: list[int], capacity: int) -> list[list[int]]:
    """Best-fit decreasing as the textbook has it."""
    rows: list[list[int]] = []
    for index in sorted(range(len(sizes)), key=lambda index: (-sizes[index], index)):
        room = [capacity - sum(sizes[other] for other in row) for row in rows]
        fitting = [number for number, free in enumerate(room) if free >= sizes[index]]
        if fitting:
            rows[min(fitting, key=lambda number: (room[number], number))].append(index)
        else:
            rows.append([index])
    return rows


@given(SIZES)
def test_rows_are_those_of_the_textbook_algorithm(sizes: list[int]) -> None:
    assert best_fit_decreasing(sizes, 12) == _quadratic_best_fit(sizes, 12)


def test_a_size_above_the_capacity_is_refused_and_not_dropped() -> None:
    with pytest.raises(ValueError, match="13 does not fit into 12"):
        best_fit_decreasing([3, 13], 12)


@given(SIZES, st.integers(2, 8), st.randoms(use_true_random=False))
def test_every_trained_token_is_predicted_once_and_only_longer_examples_are_cut(
    sizes: list[int], length: int, dice: object
) -> None:
    made = [
        example(str(number), range(1, size + 1), [dice.random() < 0.7 for _ in range(size)])  # type: ignore[attr-defined]
        for number, size in enumerate(sizes)
    ]
    packing = pack(made, length)
    labelled = Counter(
        (segment.example, index)
        for row in packing.rows
        for segment in row
        for index in range(segment.start + 1, segment.end)
        if made[segment.example].trained[index]
    )
    expected = {
        (number, index)
        for number, one in enumerate(made)
        for index in range(1, len(one.input_ids))
        if one.trained[index]
    }
    assert labelled == Counter(expected)
    assert packing.trained == len(expected)
    assert packing.cut == sum(size > length for size in sizes)
    assert all(sum(segment.end - segment.start for segment in row) <= length for row in packing.rows)
    whole = [segment for row in packing.rows for segment in row if sizes[segment.example] <= length]
    assert all(segment.end - segment.start == sizes[segment.example] for segment in whole)


def test_examples_without_loss_are_left_out_and_counted() -> None:
    silent = example("silent", [1, 2, 3], [True, False, False])  # nothing predicts the first token
    packing = pack([silent, example("spoken", [4, 5])], 8)
    assert packing.rows == ((Segment(1, 0, 2),),)
    assert (packing.without_loss, packing.tokens, packing.trained) == (1, 2, 1)


def test_efficiency_counts_padding() -> None:
    assert pack([example("a", range(6)), example("b", range(6))], 8).efficiency == 12 / 16
    assert Packing((), 8, 0, 0, 0, 0).efficiency == 0.0


def test_a_batch_has_restarted_positions_exact_labels_and_isolated_padding() -> None:
    rows = ((Segment(0, 0, 3), Segment(1, 0, 2)), (Segment(2, 0, 2),))
    made: list[Example] = [
        example("a", [11, 12, 13], [False, False, True]),
        example("b", [21, 22], weight=0.5),
        example("c", [31, 32]),
    ]
    batch = {name: tensor.tolist() for name, tensor in collate(rows, made, PAD).items()}
    assert batch == {
        "input_ids": [[11, 12, 13, 21, 22], [31, 32, PAD, PAD, PAD]],
        "position_ids": [[0, 1, 2, 0, 1], [0, 1, 0, 0, 0]],
        "labels": [[IGNORED, IGNORED, 13, IGNORED, 22], [IGNORED, 32, IGNORED, IGNORED, IGNORED]],
        "weights": [[0, 0, 1, 0, 0.5], [0, 1, 0, 0, 0]],
    }


def test_a_cut_example_keeps_its_labels_across_the_cut() -> None:
    made = [example("long", range(10, 20))]
    batches = [collate((row,), made, PAD) for row in pack(made, 4).rows]
    predicted = sorted(
        label for batch in batches for label in batch["labels"].flatten().tolist() if label != IGNORED
    )
    assert predicted == list(range(11, 20))


@given(st.integers(1, 9), st.floats(0.5, 4.0))
def test_each_pass_sees_every_row_once_in_an_order_of_its_own(rows: int, passes: float) -> None:
    order = schedule(rows, passes, seed=3)
    assert len(order) == round(rows * passes)
    for start in range(0, len(order) - rows + 1, rows):
        assert sorted(order[start : start + rows]) == list(range(rows))
    assert order == schedule(rows, passes, seed=3)


def test_the_order_depends_on_the_seed_and_the_pass() -> None:
    order = schedule(20, 2.0, seed=1)
    assert order[:20] != order[20:]
    assert order != schedule(20, 2.0, seed=2)


def test_packing_a_large_dataset_takes_no_time() -> None:
    import time

    start = time.process_time()
    packing = pack(examples(20_000), 512)
    assert time.process_time() - start < 5
    assert packing.efficiency > 0.98
