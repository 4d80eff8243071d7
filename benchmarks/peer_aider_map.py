"""Aider's repository map for the tasks of `bench_context.py`, by aider's own code, at the same token budgets.

    pip install --no-deps aider-chat grep-ast 'tree-sitter-language-pack<1.0' networkx numpy scipy pygments \
        diskcache tqdm pathspec tokenizers ...                  (a virtual environment of its own)
    PYTHONPATH=src python benchmarks/peer_aider_map.py TASKS.jsonl OUT.jsonl --model MODEL_FOLDER

A line of TASKS is {id, checkout, commit, text, budgets}; `checkout` is a clone that this script may change.
No file is in the chat; files and identifiers are mentioned as aider's own `Coder` finds them in the text. The
map is made twice: as aider makes it ("shipped": it samples lines to count tokens and takes what is within 15%
of the budget, above it too), and with as many of aider's ranked tags as fit exactly ("filled"). A line of OUT
is {id, budget, form, tokens, shown: {path: lines}}. Tasks that stand in OUT already are not done again.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import time
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

from aider.repomap import RepoMap

from inhouse.models.tokenizer import Tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    arguments = parser.parse_args()
    tokenizer = Tokenizer.load(arguments.model)
    tasks = [json.loads(line) for line in arguments.tasks.read_text(encoding="utf-8").splitlines()]
    done = set()
    if arguments.out.exists():
        done = {json.loads(line)["id"] for line in arguments.out.read_text(encoding="utf-8").splitlines()}
    for task in tasks:
        if task["id"] not in done:
            rows = maps(task, tokenizer)
            with arguments.out.open("a", encoding="utf-8") as stream:
                stream.writelines(json.dumps(row) + "\n" for row in rows)


def maps(task: dict, tokenizer: Tokenizer) -> list[dict]:
    checkout = Path(task["checkout"])
    git(checkout, "checkout", "-q", "-f", task["commit"])
    files = [name for name in git(checkout, "ls-files", "-z").split("\0") if (checkout / name).is_file()]
    names, words = mentioned(task["text"], files)
    map_ = Map(checkout, tokenizer)
    rows = []
    for budget in task["budgets"]:
        started = time.perf_counter()
        map_.max_map_tokens = budget
        text = map_.get_repo_map(set(), map_.absolute(files), names, words) or ""
        spent = time.perf_counter() - started
        rows.append(map_.row(task, budget, "shipped", text, spent))
        tags = map_.get_ranked_tags(set(), map_.absolute(files), names, words)
        rows.append(map_.row(task, budget, "filled", map_.filled(tags, budget), spent))
    return rows


class Map(RepoMap):
    """Aider's map, which remembers its ranking and the lines that it showed."""

    def __init__(self, checkout: Path, tokenizer: Tokenizer) -> None:
        count = SimpleNamespace(token_count=lambda text: len(tokenizer.encode(text)))
        super().__init__(root=str(checkout), main_model=count, io=Io(), refresh="always")
        self.exact = count.token_count
        self.ranked: list | None = None
        self.shown: dict[str, dict[str, list[int]]] = {}

    def absolute(self, files: list[str]) -> set[str]:
        return {str(Path(self.root) / name) for name in files}

    def get_ranked_tags(self, *arguments, **named):
        if self.ranked is None:  # the budgets of a task share it
            self.ranked = super().get_ranked_tags(*arguments, **named)
        return self.ranked

    def to_tree(self, tags, chat_rel_fnames):
        self.lines: dict[str, list[int]] = {tag[0]: [] for tag in tags}
        text = super().to_tree(tags, chat_rel_fnames)
        self.shown[text] = self.lines
        return text

    def render_tree(self, abs_fname, rel_fname, lois):
        self.tree_cache = {}  # so that the context below is that of these lines
        text = super().render_tree(abs_fname, rel_fname, lois)
        context = self.tree_context_cache[rel_fname]["context"]
        self.lines[rel_fname] = sorted(line + 1 for line in context.show_lines)
        return text

    def filled(self, tags: list, budget: int) -> str:
        """Return the map of as many of the best tags as fit, counted exactly."""
        low, high = 0, len(tags)
        while low < high:
            middle = (low + high + 1) // 2
            fits = self.exact(self.to_tree(tags[:middle], set())) <= budget
            low, high = (middle, high) if fits else (low, middle - 1)
        return self.to_tree(tags[:low], set())

    def row(self, task: dict, budget: int, form: str, text: str, spent: float) -> dict:
        return {
            "id": task["id"],
            "budget": budget,
            "form": form,
            "tokens": self.exact(text),
            "seconds": round(spent, 2),
            "shown": self.shown.get(text, {}),
        }


class Io:
    """What aider's input and output is asked for."""

    def read_text(self, name: str) -> str:
        return Path(name).read_text(encoding="utf-8", errors="replace")

    def tool_output(self, *_: object) -> None: ...

    tool_error = tool_warning = tool_output


def mentioned(text: str, files: list[str]) -> tuple[set[str], set[str]]:
    """Return the file names and the words that aider takes for mentioned in a message."""
    coder = coder_methods()
    known = SimpleNamespace(
        get_addable_relative_files=lambda: files,
        get_all_relative_files=lambda: files,
        get_inchat_relative_files=list,
        abs_read_only_fnames=[],
    )
    names = coder["get_file_mentions"](known, text)
    words = coder["get_ident_mentions"](known, text)
    return names | coder["get_ident_filename_matches"](known, words), words


def coder_methods() -> dict:
    """Return methods of aider's Coder from its source: its module imports some hundred packages."""
    source = Path(find_spec("aider").submodule_search_locations[0]) / "coders" / "base_coder.py"
    tree = ast.parse(source.read_text(encoding="utf-8"))
    coder = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Coder")
    wanted = ("get_file_mentions", "get_ident_mentions", "get_ident_filename_matches")
    methods = [node for node in coder.body if isinstance(node, ast.FunctionDef) and node.name in wanted]
    found = {"os": os, "re": re, "Path": Path, "defaultdict": defaultdict}
    exec(compile(ast.Module(methods, []), str(source), "exec"), found)
    return found


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, check=True)
    return os.fsdecode(done.stdout)


if __name__ == "__main__":
    main()
