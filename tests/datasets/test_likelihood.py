"""The perplexity window: who is scored and dropped, what is shown, and that nothing is lost on the way."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.config import Settings
from inhouse.datasets.builders.continuation import Continuation
from inhouse.datasets.builders.contract import Bench
from inhouse.datasets.formats import example
from inhouse.datasets.likelihood import LEAST, MOST, SAMPLE_TOKENS, Likelihood, bits_per_byte
from inhouse.datasets.stats import dataset_stats
from inhouse.engines.base import ScoreRequest, TokenScores
from inhouse.engines.torch_engine import TorchEngine
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Example
from inhouse.shards import read_records
from inhouse.workspace import Artefact, Cost
from tests.datasets.project import make_dataset, make_project, make_settings, prepare
from tests.tiny import builtin_model, make_tiny_model


def _row(tokenizer: Tokenizer, bits: float, size: int = 4, kind: str = "continuation") -> Example:
    """A row whose text says how many bits per byte it is to cost."""
    ids = [*tokenizer.encode(f"{bits:08.3f}"), *tokenizer.encode(" x" * size)]
    return example(kind, "train", tokenizer, ([], ids), ("o",), f"{bits} {size}")


def _planted(rows: Sequence[Example]) -> list[float]:
    return [float(row.text.split()[0]) for row in rows]


def _within(
    likelihood: Likelihood, tokenizer: Tokenizer, rows: Iterable[Example], share: float = 1.0
) -> tuple[list[float], Continuation]:
    builder = Continuation(Bench(tokenizer, "shop", 512))
    return _planted(list(likelihood.within(builder, rows, share))), builder


def test_the_ends_are_dropped_with_their_reasons_and_shown(tokenizer: Tokenizer) -> None:
    bits = [float(number) for number in (5, 3, 9, 1, 7, 2, 8, 4, 6, 10)]
    likelihood = Likelihood((0.1, 0.8), tokenizer, _planted)
    kept, builder = _within(likelihood, tokenizer, [_row(tokenizer, each) for each in bits])
    assert kept == [5, 3, 7, 2, 8, 4, 6]
    assert builder.tally.skipped == {MOST: 1, LEAST: 2}
    assert builder.tally.tokens_waiting == 0
    account = likelihood.account()["perplexity"]
    own = account["kinds"]["continuation"]
    assert (own["rows_scored"], own["rows_not_scored_and_kept"], own["share_scored"]) == (10, 0, 1.0)
    assert (own["lowest"], own["stays_from"], own["median"], own["stays_to"], own["highest"]) == (
        1,
        2,
        6,
        8,
        10,
    )
    assert [(one["bits_per_byte"], one["dropped"]) for one in account["least_likely"]] == [
        (10, True), (9, True), (8, False), (7, False), (6, False),
    ]  # fmt: skip
    assert [(one["bits_per_byte"], one["dropped"]) for one in account["most_likely"]][:2] == [
        (1, True), (2, False),
    ]  # fmt: skip


@given(st.lists(st.integers(0, 6), max_size=40), st.floats(0, 1), st.floats(0, 1))
def test_never_more_than_the_share_is_dropped_and_equal_rows_share_their_fate(
    bits: list[int], one: float, other: float
) -> None:
    tokenizer, (low, high) = _TOKENIZER[0], sorted((one, other))
    likelihood = Likelihood((low, high), tokenizer, _planted)
    kept, _ = _within(likelihood, tokenizer, [_row(tokenizer, each) for each in bits])
    gone = set(bits) - set(kept)
    assert sorted(kept) == sorted(each for each in bits if each not in gone)
    if kept:
        assert sum(each < min(kept) for each in bits) <= math.floor(low * len(bits))
        assert sum(each > max(kept) for each in bits) <= math.floor((1 - high) * len(bits) + 1e-9)


_TOKENIZER: list[Tokenizer] = []


@pytest.fixture(autouse=True)
def _shared_tokenizer(tokenizer: Tokenizer) -> None:
    _TOKENIZER[:] = [tokenizer]


def test_too_few_rows_of_a_kind_lose_none(tokenizer: Tokenizer) -> None:
    likelihood = Likelihood((0.02, 0.98), tokenizer, _planted)
    assert len(_within(likelihood, tokenizer, [_row(tokenizer, each) for each in range(49)])[0]) == 49
    likelihood = Likelihood((0.02, 0.98), tokenizer, _planted)
    assert len(_within(likelihood, tokenizer, [_row(tokenizer, each) for each in range(50)])[0]) == 48


@pytest.mark.parametrize("gpu", [False, True])
def test_beyond_the_sample_a_cpu_lets_all_pass_and_a_gpu_goes_on_with_the_same_bounds(
    gpu: bool, tokenizer: Tokenizer
) -> None:
    first = [_row(tokenizer, each, size=100) for each in range(100)]
    size = sum(len(row.input_ids) for row in first)
    later = [_row(tokenizer, each) for each in (0.5, 50.0, 99.5) * 40]
    scored: list[int] = []

    def score(rows: Sequence[Example]) -> list[float]:
        scored.append(len(rows))
        return _planted(rows)

    likelihood = Likelihood((0.1, 0.9), tokenizer, score, scores_all=gpu)
    kept, builder = _within(likelihood, tokenizer, [*first, *later], (size + 1) / SAMPLE_TOKENS)
    own = likelihood.account()["perplexity"]["kinds"]["continuation"]
    assert kept[:80] == list(range(10, 90))
    assert kept[80:] == ([50.0] * 40 if gpu else [0.5, 50.0, 99.5] * 40)
    assert scored == ([100, 64, 56] if gpu else [100])
    assert own["rows_not_scored_and_kept"] == (0 if gpu else 120)
    assert own["share_scored"] == (1.0 if gpu else 0.455)
    assert own["tokens_scored"] <= SAMPLE_TOKENS or gpu
    assert builder.tally.tokens_waiting == 0


def test_without_a_window_nothing_is_scored_or_told(tokenizer: Tokenizer) -> None:
    likelihood = Likelihood.of(Settings(model="a model that is not there"), tokenizer)
    kept, _ = _within(likelihood, tokenizer, [_row(tokenizer, 1.0)])
    assert kept == [1.0]
    assert likelihood.account() == {}
    assert likelihood.extremes() == ([], [])


def test_markers_cost_nothing_and_only_what_is_taught_counts(tokenizer: Tokenizer) -> None:
    context, target = tokenizer.encode("abc"), [*tokenizer.encode("de"), *tokenizer.document_end]
    row = example("change", "train", tokenizer, (context, target), ("o",), "1")
    size = len(target) - 1
    scores = TokenScores((*[-math.log(2)] * size, -99.0), (True,) * len(target))
    assert bits_per_byte(row, scores, tokenizer) == pytest.approx(size / 2)
    whole = example("change", "train", tokenizer, ([], tokenizer.document_end), ("o",), "1")
    assert bits_per_byte(whole, TokenScores((-1.0,), (True,)), tokenizer) == 0.0


# ------------------------------------------------------------------ with a model


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Settings, tuple[Path, Path], Tokenizer]:
    folder = tmp_path_factory.mktemp("built")
    model = make_tiny_model(folder / "model")
    filters = {"filters": {"perplexity_window": [0.1, 0.9]}}
    settings = make_settings(dataset=filters).model_copy(update={"model": str(model.folder)})  # type: ignore[arg-type]
    prepared = prepare(make_project(folder / "shop.git").path, settings, folder / "prepared")
    tokenizer = Tokenizer.load(model.folder)
    return make_dataset(prepared, tokenizer, settings, folder / "dataset"), settings, prepared, tokenizer


Built = tuple[Path, Settings, tuple[Path, Path], Tokenizer]


def test_the_same_bytes_come_again_and_every_token_is_accounted_for(built: Built, tmp_path: Path) -> None:
    dataset, settings, prepared, tokenizer = built
    again = make_dataset(prepared, tokenizer, settings, tmp_path / "again")
    for path in sorted(dataset.iterdir()):
        assert (again / path.name).read_bytes() == path.read_bytes(), path.name
    account = json.loads((dataset / "accounting.json").read_text())
    for kind, own in account["kinds"].items():
        counted = sum(own[f"tokens_{name}"] for name in ("kept", "left_out", "truncated", "dropped"))
        assert own["tokens_seen"] == counted, kind
    assert sum(own["tokens_kept"] for own in account["kinds"].values()) <= account["tokens_allowed"]
    dropped = [
        (own["dropped_most_likely"], own["dropped_least_likely"])
        for own in account["perplexity"]["kinds"].values()
    ]
    assert max(dropped) >= (1, 1)
    for kind, own in account["perplexity"]["kinds"].items():
        assert account["skipped"][kind].get(MOST, 0) == own["dropped_most_likely"]


def test_rows_that_stayed_lie_inside_the_bounds_by_the_engines_own_scores(built: Built) -> None:
    dataset, settings, _, tokenizer = built
    from inhouse.models.resolve import resolve

    kinds = json.loads((dataset / "accounting.json").read_text())["perplexity"]["kinds"]
    engine = TorchEngine(resolve(settings.model), tokenizer, device="cpu")
    rows = [row for row in read_records(dataset, "examples", Example) if row.split == "train"]
    inside = 0
    for row in rows:
        start = row.trained.index(True)
        (scores,) = engine.score([ScoreRequest(row.input_ids[:start], row.input_ids[start:])])
        bits = bits_per_byte(row, scores, tokenizer)
        bounds = kinds[row.kind]["stays_from"] - 0.001, kinds[row.kind]["stays_to"] + 0.001
        inside += bounds[0] <= bits <= bounds[1]
    outside = sum(own["rows_not_scored_and_kept"] for own in kinds.values())
    assert inside >= len(rows) - outside - 1  # the last row of a kind may have been shortened


def test_the_page_and_the_stats_show_the_ends(built: Built, tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    shutil.copytree(built[0], dataset)
    page = (dataset / "review.html").read_text()
    assert "Least and most likely rows" in page
    assert page.count("Least likely ") >= 5
    manifest = {"settings": {"dataset": {"kinds": {"continuation": 1.0}}}}
    (dataset / "artefact.json").write_text(json.dumps(manifest))
    stats = dataset_stats(Artefact("dataset", "f" * 64, "d" * 64, dataset, Cost(0.0, 0)))
    assert stats["perplexity"]["least_likely"]
    assert any(LEAST in reasons for reasons in stats["skipped"].values())


@pytest.mark.model
def test_the_embedded_model_tells_noise_and_what_repeats_itself_from_code() -> None:
    model = builtin_model()
    tokenizer = Tokenizer.load(model.folder)
    texts = [
        "def total(prices):\n    result = 0\n    for price in prices:\n        result += price\n",
        "".join(chr(33 + (number * number * 7 + number * 31) % 90) for number in range(120)),
        "x = 1\n" * 60,
        "class Reader:\n    def __init__(self, path):\n        self.path = path\n        self.lines = []\n",
    ]
    rows = [
        example("continuation", "train", tokenizer, ([], tokenizer.encode(text)), ("o",), str(number))
        for number, text in enumerate(texts)
    ]
    filters = {"dataset": {"filters": {"perplexity_window": [0.25, 0.75]}}, "model": "builtin:smollm2-135m"}
    likelihood = Likelihood.of(Settings.model_validate(filters), tokenizer)
    builder = Continuation(Bench(tokenizer, "shop", 512))
    assert list(likelihood.within(builder, rows, 1.0)) == [rows[0], rows[3]]
    account = likelihood.account()["perplexity"]
    assert account["least_likely"][0]["text"].startswith("!")
    assert account["most_likely"][0]["text"].startswith("x = 1 x = 1")
