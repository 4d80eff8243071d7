"""What to read for a task, within an exact number of tokens; the task may come from standard input.

The best is shown in full, then signatures, then paths, each with where it is from. Tokens are those of the
base model, or an estimate where its tokenizer is not installed.

example: inhouse context "retries ignore the configured limit" --budget 8000 > context.txt
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

from inhouse.cli.common import VerbParser, print_json
from inhouse.cli.names import open_tip
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from inhouse.retrieval.context import Context

__all__ = ["Counter", "parser", "run", "token_counter"]

_BUDGET = 8_000


class Counter(NamedTuple):
    """What counts tokens, and what it is called."""

    count: Callable[[str], int]
    name: str
    exact: bool


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument("task", nargs="?", help="what is to be done, in any words (default: standard input)")
    parser.add_argument(
        "--budget", type=int, default=_BUDGET, metavar="N", help=f"tokens, never more (default: {_BUDGET})"
    )
    parser.add_argument("--model", help="whose tokens: builtin:NAME, a folder, a GGUF file or a hub id")
    parser.add_workspace()


def run(arguments: argparse.Namespace) -> int:
    """Print the context."""
    from inhouse.retrieval.context import for_task

    if arguments.budget < 1:
        raise UserMistake("--budget is a positive number of tokens", str(arguments.budget), "try 8000")
    task = arguments.task if arguments.task is not None else sys.stdin.read()
    budget, arguments.budget = arguments.budget, None  # of settings, a budget is another thing
    with open_tip(arguments, with_vectors=True) as (opened, index):
        counter = token_counter(opened.settings.model, chosen=arguments.model is not None)
        commit = index.store.get("commit") or ""
        found = for_task(index, task, budget, counter.count, commit=commit)
        if not found.pieces and found.left_out["no_room"]:
            raise UserMistake("a context has room for a path at least", f"--budget {budget}", "try 200")
        if not counter.exact:
            opened.progress.warn(f"tokens are counted by {counter.name}")
    _print(found, counter, budget, commit, as_json=arguments.json)
    return 0


def token_counter(reference: str, *, chosen: bool = False) -> Counter:
    """Return a base model's own counter; an estimate where it cannot be had and nobody named the model."""
    try:
        from inhouse.models.resolve import resolve_tokenizer
        from inhouse.models.tokenizer import Tokenizer

        name, folder = resolve_tokenizer(reference)
        tokenizer = Tokenizer.load(folder)
    except (ImportError, UserMistake) as error:
        if chosen and isinstance(error, UserMistake):
            raise
        from inhouse.retrieval.chunking import estimate_tokens

        reason = "a library is missing" if isinstance(error, ImportError) else "the model is not here"
        return Counter(estimate_tokens, f"an estimate, because {reason}: {error}", exact=False)
    return Counter(lambda text: len(tokenizer.encode(text)), name, exact=True)


def _print(found: Context, counter: Counter, budget: int, commit: str, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "text": found.text,
                "tokens": found.tokens,
                "budget": budget,
                "tokenizer": counter.name,
                "exact": counter.exact,
                "commit": commit,
                "pieces": [asdict(piece) for piece in found.pieces],
                "left_out": dict(found.left_out),
            }
        )
    elif found.text:
        print(found.text, end="")
    else:
        print("nothing found; try other words, or `inhouse index` if the code is new", file=sys.stderr)
