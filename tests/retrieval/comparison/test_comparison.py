"""Every strategy is measured on the same files with the same questions, and planted answers are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from inhouse.retrieval.comparison import BUDGETS, Measured, Question, Target, compare, indexed_paths, prepare

_WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot")
_FILES = [
    (
        f"src/{word}.py",
        word,
        f'def handle_{word}(value):\n    """Turns the {word} signal into a plain number."""\n'
        f"    {word}_level = value + 1\n    {word}_signal = {word}_level\n    return {word}_signal\n\n\n"
        f"class Other{word.title()}:\n    def run(self):\n        return handle_{word}(2)\n",
    )
    for word in _WORDS
]
_STRATEGIES = ("definition", "file", "sliding", "hierarchical", "file_tree")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Measured]:
    folder = tmp_path_factory.mktemp("comparison")
    questions = prepare(lambda: iter(_FILES), folder, 10, 0)
    assert indexed_paths(folder) == {path for path, _, _ in _FILES}
    questions.append(Question("commit", "Mend the echo level", "c1", (Target("src/echo.py"),)))
    assert len(questions) == 7
    return {one.strategy: one for one in compare(_STRATEGIES, folder, questions)}


@pytest.mark.parametrize("strategy", _STRATEGIES)
@pytest.mark.parametrize("approach", ["words", "search"])
def test_planted_answers_are_found(measured: dict[str, Measured], strategy: str, approach: str) -> None:
    answers = measured[strategy].answers[approach]
    assert all(answers.found[budget] == (1.0,) * 7 for budget in BUDGETS)
    assert len(answers.seconds) == 7
    assert 0 < answers.milliseconds[0] <= answers.milliseconds[1]


def test_all_see_the_same_files_and_definitions(measured: dict[str, Measured]) -> None:
    assert {(one.files, one.lines) for one in measured.values()} == {(6, 6 * 9)}
    assert {tuple((path, number) for path, number, _ in one.definitions) for one in measured.values()} == {
        tuple((path, 3) for path, _, _ in _FILES)
    }


def test_whole_definitions_are_counted(measured: dict[str, Measured]) -> None:
    whole = {name: sum(whole for _, _, whole in one.definitions) for name, one in measured.items()}
    assert whole == {"definition": 18, "file": 18, "sliding": 18, "hierarchical": 12, "file_tree": 18}


def test_costs_are_measured(measured: dict[str, Measured]) -> None:
    for one in measured.values():
        assert one.seconds > 0
        assert one.index_bytes > 4_096
        assert 10_000_000 < one.peak_memory_bytes < 2_000_000_000
        assert one.tokens > 0
    assert measured["file"].chunks == 6
    assert measured["file_tree"].index_bytes >= measured["definition"].index_bytes


def test_a_call_in_the_context_is_followed_to_its_definition(measured: dict[str, Measured]) -> None:
    answers = measured["file"].answers["words"]
    assert all(
        known == there > 0 for known, there in zip(answers.known[8_000], answers.there[8_000], strict=True)
    )


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    questions = prepare(lambda: iter(_FILES[:1]), tmp_path, 1, 0)
    list(compare(["file"], tmp_path, questions))
    assert [path.name for path in tmp_path.iterdir()] == ["files.jsonl"]
