"""The budget is exact: never exceeded, used up when the material suffices, and every token accounted for."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from inhouse.datasets.mixing import SHARES, Pool, mix
from inhouse.records import Example


def _row(kind: str, number: int, size: int) -> Example:
    return Example(f"{kind}{number}", kind, "train", "", tuple(range(size)), (True,) * size, (), 1.0)


def _shorten(row: Example, room: int) -> Example | None:
    return _row(row.kind, -1, room) if room >= 10 else None


class Material:
    """Rows of given sizes, and how many of them were asked for."""

    def __init__(self, **sizes: list[int]) -> None:
        self.sizes = sizes
        self.made = dict.fromkeys(sizes, 0)
        self.pools = {
            kind: Pool(self._rows(kind), _shorten if kind == "continuation" else None) for kind in sizes
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
    assert [len(row.input_ids) for row in pool.kept] == [60] * 16 + [40]
    assert pool.tokens_left_out == 20


def test_a_large_row_that_does_not_fit_its_share_is_kept_for_later() -> None:
    material = Material(continuation=[], implementation=[400, 20], change=[])
    assert mix(material.pools, 1000) == 580
    assert [len(row.input_ids) for row in material.pools["implementation"].kept] == [20, 400]


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
