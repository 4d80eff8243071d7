"""The budget is exact: never exceeded, used up when the material suffices, and every token accounted for."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from inhouse.datasets.mixing import SHARES, Pool, mix
from inhouse.datasets.spill import Rows, Spill
from inhouse.records import Example


def _row(kind: str, number: int, size: int) -> Example:
    return Example(f"{kind}{number}", kind, "train", "", tuple(range(size)), (True,) * size, (), 1.0)


def _shorten(row: Example, room: int) -> Example | None:
    return _row(row.kind, -1, room) if room >= 10 else None


class Material:
    """Rows of given sizes, and how many of them were asked for."""

    def __init__(self, epochs: dict[str, float] | None = None, **sizes: list[int]) -> None:
        self.sizes = sizes
        self.made = dict.fromkeys(sizes, 0)
        self.spill = Spill(Path(tempfile.gettempdir()))
        self.pools = {
            kind: Pool(
                self._rows(kind),
                self.spill,
                _shorten if kind == "continuation" else None,
                epochs=(epochs or {}).get(kind, 1.0),
            )
            for kind in sizes
        }

    def _rows(self, kind: str) -> Iterator[Example]:
        for number, size in enumerate(self.sizes[kind]):
            self.made[kind] += size
            yield _row(kind, number, size)

    def kept(self) -> dict[str, int]:
        return {kind: pool.tokens_kept for kind, pool in self.pools.items()}


def test_shares_are_kept_when_there_is_enough_of_everything() -> None:
    material = Material(continuation=[10] * 100, implementation=[10] * 100, change=[10] * 100)
    assert mix(material.pools, 1000) == 0
    assert material.kept() == {"continuation": 650, "implementation": 150, "change": 200}


def test_what_a_kind_lacks_flows_to_continuation() -> None:
    material = Material(continuation=[10] * 100, implementation=[], change=[10] * 3)
    assert mix(material.pools, 1000) == 0
    assert material.kept() == {"continuation": 970, "implementation": 0, "change": 30}


def test_what_continuation_lacks_flows_back() -> None:
    material = Material(continuation=[10] * 5, implementation=[10] * 30, change=[10] * 60)
    assert mix(material.pools, 1000) == 50
    assert material.kept() == {"continuation": 50, "implementation": 300, "change": 600}


def test_the_last_row_is_shortened_and_what_it_lost_is_counted() -> None:
    material = Material(continuation=[60] * 100, implementation=[], change=[])
    assert mix(material.pools, 1000) == 0
    pool = material.pools["continuation"]
    assert [row.tokens for row in pool.kept] == [60] * 16 + [40]
    assert pool.tokens_left_out == 20


def test_a_large_row_that_does_not_fit_its_share_is_kept_for_later() -> None:
    material = Material(continuation=[], implementation=[400, 20], change=[])
    assert mix(material.pools, 1000) == 580
    assert [row.tokens for row in material.pools["implementation"].kept] == [20, 400]


def test_a_small_budget_does_not_read_a_large_repository() -> None:
    material = Material(continuation=[10] * 10_000, implementation=[10] * 10_000, change=[2000] * 10_000)
    mix(material.pools, 1000)
    assert material.made["continuation"] <= 1000
    assert material.made["implementation"] <= 200
    assert material.made["change"] <= 2000 * 16


def test_replay_has_its_share_of_all_tokens_and_the_others_share_the_rest() -> None:
    material = Material(
        continuation=[10] * 200, implementation=[10] * 50, change=[10] * 50, replay=[10] * 100
    )
    assert mix(material.pools, 1000, SHARES, replay=0.25) == 0
    assert material.kept() == {"continuation": 490, "implementation": 110, "change": 150, "replay": 250}


def test_a_small_repository_is_not_swamped_by_replay() -> None:
    material = Material(continuation=[10] * 30, implementation=[], change=[], replay=[10] * 1000)
    left = mix(material.pools, 10_000, SHARES, replay=0.25)
    assert material.kept() == {"continuation": 300, "implementation": 0, "change": 0, "replay": 100}
    assert left == 10_000 - 400


def test_what_replay_lacks_flows_back() -> None:
    material = Material(continuation=[10] * 200, implementation=[], change=[], replay=[10] * 3)
    assert mix(material.pools, 1000, SHARES, replay=0.25) == 0
    assert material.kept() == {"continuation": 970, "implementation": 0, "change": 0, "replay": 30}


_SIZES = st.lists(st.integers(1, 60), max_size=40)


@given(continuation=_SIZES, implementation=_SIZES, change=_SIZES, budget=st.integers(0, 1500))
def test_the_budget_is_exact_and_nothing_is_lost_or_repeated(
    continuation: list[int], implementation: list[int], change: list[int], budget: int
) -> None:
    material = Material(continuation=continuation, implementation=implementation, change=change)
    left = mix(material.pools, budget)
    assert sum(material.kept().values()) == budget - left
    for kind, pool in material.pools.items():
        assert material.made[kind] == pool.tokens_kept + pool.tokens_left_out
        whole = [row.id for row in pool.kept if not row.id.endswith("-1")]
        assert len(set(whole)) == len(whole)
    if sum(map(sum, (continuation, implementation, change))) >= budget + 60 and sum(continuation) >= budget:
        assert left < 10


# ------------------------------------------------------------------ epochs


def test_every_row_of_a_kind_stands_as_often_as_asked_for_and_the_budget_holds_the_copies() -> None:
    material = Material({"change": 3.0}, continuation=[10] * 100, implementation=[], change=[10] * 100)
    assert mix(material.pools, 1000) == 0
    assert material.kept() == {"continuation": 820, "implementation": 0, "change": 180}
    pool = material.pools["change"]
    rows = list(Rows(material.spill, pool.kept))
    assert set(Counter(place.offset for place in pool.kept).values()) == {3}
    assert pool.tokens_repeated == 120
    assert len({row.id for row in rows}) == 18


def test_of_a_broken_number_of_epochs_the_best_rows_stand_once_more() -> None:
    material = Material({"change": 1.5}, continuation=[], implementation=[], change=[10] * 4)
    assert mix(material.pools, 1000) == 1000 - 60
    pool = material.pools["change"]
    rows = list(Rows(material.spill, pool.kept))
    assert [row.id for row in rows[:4]] == ["change0", "change1", "change2", "change3"]
    assert [pool.kept[number].offset for number in (4, 5)] == [pool.kept[number].offset for number in (0, 1)]
    assert pool.tokens_repeated == 20


def test_copies_are_the_row_but_for_their_id(tmp_path: Path) -> None:
    pool = Pool([_row("change", 1, 30)], Spill(tmp_path), epochs=3)
    pool.take(1000)
    own, *copies = Rows(pool.spill, pool.kept)
    assert len({own.id, *(copy.id for copy in copies)}) == 3
    for copy in copies:
        assert (copy.input_ids, copy.trained, copy.text) == (own.input_ids, own.trained, own.text)


@given(
    sizes=_SIZES,
    rest=_SIZES,
    epochs=st.floats(1.0, 4.0),
    budget=st.integers(0, 3000),
)
def test_epochs_never_exceed_the_budget_and_every_token_is_counted(
    sizes: list[int], rest: list[int], epochs: float, budget: int
) -> None:
    material = Material({"change": epochs}, continuation=rest, implementation=[], change=sizes)
    left = mix(material.pools, budget)
    assert left >= 0
    assert sum(material.kept().values()) == budget - left
    for kind, pool in material.pools.items():
        assert material.made[kind] + pool.tokens_repeated == pool.tokens_kept + pool.tokens_left_out
        assert len({place.id for place in pool.kept}) == len({(p.offset, p.copy) for p in pool.kept})
    if sum(rest) >= budget:
        assert left < 10
