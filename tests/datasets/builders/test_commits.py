"""Commits as conversations: which messages count, what stands before the change, and an exact diff."""

from __future__ import annotations

from pathlib import Path

import pytest

from inhouse.datasets.builders.contract import Bench, Past
from inhouse.datasets.builders.refactors import Refactors
from inhouse.datasets.builders.tasks import Tasks
from inhouse.datasets.builders.tickets import Tickets
from inhouse.datasets.material import Material
from inhouse.datasets.messages import read_message
from inhouse.datasets.patches import branch_patches, commit_patches, diff
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Example
from tests.datasets.builders.planted import Planted
from tests.datasets.project import make_settings, prepare
from tests.gitrepo import GitRepo, run_git


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("Add a discount to the cart", "task", ""),
        ("core: strip prefixes from symlinks", "task", ""),
        ("feat(cart): give carts a discount", "task", ""),
        ("Round totals up\n\nFixes #12", "ticket", ""),
        ("Round totals up at last (#34)\n\nHalf a cent was lost.", "ticket", ""),
        ("Round totals up at last (#34)", "task", ""),
        ("Simplify the total of a cart", "refactor", ""),
        ("Rename a and fix the crash in it", "task", ""),
        ('Revert "Add a discount to the cart"', "revert", "a revert"),
        ("Merge branch 'main' into feature", "", "a merge"),
        ("Bump version to 1.1", "", "a version bump"),
        ("bump actions/checkout from 3 to 4", "", "a version bump"),
        ("Release the 2.0 series now", "", "a version bump"),
        ("Run the tests in GitHub Actions too", "", "about the build machines or the change log"),
        ("Added a discount to carts", "", "a subject that is not in the imperative"),
        ("Adds a discount to carts", "", "a subject that is not in the imperative"),
        ("typo in the cart", "", "a subject that is not in the imperative"),
        ("wip", "", "a subject of too few or too many words"),
        ("", "", "no message"),
    ],
)
def test_only_a_message_that_is_an_instruction_makes_a_task(text: str, kind: str, reason: str) -> None:
    message = read_message(text)
    assert (message.kind, message.reason) == (kind, reason)


def test_a_merged_pull_request_is_its_title_and_description() -> None:
    message = read_message(
        "Merge pull request #7 from ada/vat\n\nAdd tax to carts\n\nIt is due.", merged=True
    )
    assert (message.kind, message.subject, message.body) == ("ticket", "Add tax to carts", "It is due.")


def _of(rows: list[Example], planted: Planted, past: Past, name: str) -> list[Example]:
    lineage = {p.commit: p.sources for p in (*past.patches, *past.branches)}[planted.commits[name]]
    return [row for row in rows if row.lineage == lineage]


def _answer(row: Example, tokenizer: Tokenizer) -> str:
    return tokenizer.decode([id_ for id_, own in zip(row.input_ids, row.trained, strict=True) if own])


def test_a_commit_becomes_task_constraints_context_and_solution(
    past: Past, bench: Bench, planted: Planted, tokenizer: Tokenizer
) -> None:
    rows = list(Tasks(bench).rows(past))
    (row,) = _of(rows, planted, past, "task")
    question, _, _ = row.text.partition("<|im_start|>assistant\n")
    assert "Task: Give carts a discount of their own\n\nProject: shop\nConstraints:\n" in question
    assert "- Change nothing but `shop/cart.py`.\n- Answer with a unified diff.\n" in question
    assert "\n# shop/cart.py:" in question
    assert "        price = 0\n" in question
    assert "self.discount" not in question
    assert _answer(row, tokenizer) == (
        "```diff\n--- a/shop/cart.py\n+++ b/shop/cart.py\n@@ -11,7 +11,7 @@\n \n"
        "     def total_price(self, tax):\n"
        '         """Return what the customer pays, with the tax, in cents."""\n'
        "-        price = 0\n+        price = self.discount\n"
        "         for item in self.items:\n             price += item.price\n"
        "         return cents(price * (1 + tax))\n```"
    )
    assert row.trained[-1] is False or row.input_ids[-1] in tokenizer.ends


def test_each_commit_is_of_one_kind_only(past: Past, bench: Bench, planted: Planted) -> None:
    made = {builder.kind: list(builder(bench).rows(past)) for builder in (Tasks, Tickets, Refactors)}
    for name, kind in {"task": "task", "ticket": "ticket", "refactor": "refactor", "merge": "ticket"}.items():
        assert {k: len(_of(rows, planted, past, name)) for k, rows in made.items()} == {
            k: int(k == kind) for k in made
        }, name
    for name in ("revert", "bump", "vat-1"):
        assert not any(_of(rows, planted, past, name) for rows in made.values()), name


def test_a_refactoring_gives_its_reasons_before_the_diff(
    past: Past, bench: Bench, planted: Planted, tokenizer: Tokenizer
) -> None:
    (row,) = _of(list(Refactors(bench).rows(past)), planted, past, "refactor")
    assert "Simplify the total of a cart, in `shop/cart.py` of shop. Keep the behaviour" in row.text
    assert _answer(row, tokenizer).startswith("A sum says in one line what the loop said in two")
    assert "sum says" not in row.text.partition("assistant\n")[0]


def test_a_branch_is_one_change_of_all_its_commits(past: Past, bench: Bench, planted: Planted) -> None:
    (row,) = _of(list(Tickets(bench).rows(past)), planted, past, "merge")
    question, _, answer = row.text.partition("<|im_start|>assistant\n")
    assert "# Add value added tax as the default of carts" in question
    assert '+"""The cart, with value added tax."""\n' in answer
    assert "+    def total_price(self, tax=0.19):\n" in answer


def test_what_is_changed_stands_in_the_context_or_there_is_no_row(past: Past, tokenizer: Tokenizer) -> None:
    for length in (256, 512, 1024):
        for row in Tasks(Bench(tokenizer, "shop", length)).rows(past):
            question, _, answer = row.text.partition("<|im_start|>assistant\n")
            taken = [line[1:].strip() for line in answer.split("\n")[3:] if line.startswith("-")]
            assert all(line in question for line in taken)
            assert len(row.input_ids) <= length


# ------------------------------------------------------------------ diffs


def _history(folder: Path) -> Material:
    repo = GitRepo(folder / "repo")
    numbered = [f"line {number}\n" for number in range(40)]
    versions = [
        {"a.py": "".join(numbered)},
        {"a.py": "".join(["first\n", *numbered[1:20], "new\n", "newer\n", *numbered[20:39]])},
        {"a.py": "".join([*numbered[3:20], *numbered[30:]]) + "no end"},
        {"a.py": "\n".join(["x = 1"] * 3), "b.py": "b = 1\n\n\nc = 2\n"},
        {"a.py": "", "b.py": "b = 1\n"},
        {"b.py": "b = 1\nlast"},
    ]
    for number, files in enumerate(versions):
        for path, text in files.items():
            repo.write(path, text)
        repo.commit(f"Change the lines of version {number}")
    repo.remove("b.py")
    repo.commit("Remove the file again")
    words = [f"def f{n}(a):\n    total = a * {n}\n    return total + {n * n}\n\n\n" for n in range(9)]
    for number in range(1, 9):
        repo.write("c.py", "".join(words[:number]))
        repo.commit(f"Add function {number}", date=repo.date + 40 * 86_400)
    settings = make_settings(split={"min_items": 1, "months": 1})
    return Material(*prepare(repo.path, settings, folder))


def test_git_applies_every_diff_to_the_old_files_and_gets_the_new_ones(tmp_path: Path) -> None:
    material = _history(tmp_path)
    patches = list(commit_patches(material, material.periods["train"]))
    assert {file.status for patch in patches for file in patch.files} >= {"A", "M", "D"}
    for patch in patches:
        work = tmp_path / patch.commit[:8]
        work.mkdir()
        for file in patch.files:
            if file.status != "A":
                (work / (file.old_path or file.path)).write_text(file.before)
        run_git(work, "apply", "-", data="".join(diff(file) for file in patch.files).encode())
        for file in patch.files:
            path = work / file.path
            assert (path.read_text() if path.exists() else None) == (
                None if file.status == "D" else file.after
            )


def test_a_branch_that_met_other_changes_has_no_files(tmp_path: Path) -> None:
    """Main changed the same file meanwhile, so the branch's first and last version say too much."""
    repo = GitRepo(tmp_path / "repo")
    base = "".join(f"line_{n} = {n}\n" for n in range(60))
    repo.write("a.py", base)
    repo.commit("Begin with many lines")
    repo.switch("side", "HEAD")
    repo.write("a.py", base.replace("line_3 = 3", "line_3 = 33"))
    repo.commit("one")
    repo.switch("main")
    repo.write("a.py", base.replace("line_50 = 50", "line_50 = 55"))
    repo.commit("Change line fifty on main")
    repo.switch("side")
    repo.merge("main", message="Merge main into side")
    repo.write("a.py", (repo.path / "a.py").read_text().replace("line_9 = 9", "line_9 = 99"))
    repo.commit("two")
    repo.switch("main")
    repo.merge("side", message="Merge pull request #1 from x/side\n\nChange two lines of the file")
    for number in range(8):
        repo.write(
            "c.py",
            "".join(f"def f{n}(a):\n    b = a * {n}\n    return b + {n * n}\n\n\n" for n in range(number))
            or "\n",
        )
        repo.commit(f"Add function {number}", date=repo.date + 40 * 86_400)
    settings = make_settings(split={"min_items": 1, "months": 1})
    material = Material(*prepare(repo.path, settings, tmp_path))
    assert [len(patch.files) for patch in branch_patches(material)] == [0]
