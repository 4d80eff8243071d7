"""`inhouse VERB ...`: find the verb, run it, turn every ending into an exit code.

Exit codes: 0 done, 1 a gate or check failed, 2 a user's mistake, 3 a bug, 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import difflib
import sys
from importlib import import_module

from inhouse import __version__

__all__ = ["VERBS", "main"]

VERBS = {
    "run": "any git checkout, no configuration: corpus, index, dataset, adapter, comparison, report",
    "init": "write a short, commented inhouse.yaml",
    "config": "show every effective setting and why it has its value",
    "status": "what went in, what was kept, what was removed and why; which stages are done",
    "ingest": "read the history, remove what must not be learnt",
    "index": "build or update the retrieval index",
    "search": "search the index",
    "definition": "where a name is defined",
    "references": "what refers to a name or a file, how sure that is, and by which rule",
    "outline": "the definitions of a file, nested, with their lines",
    "context": "what to read for a task, within an exact number of tokens",
    "history": "which commits made a line what it is",
    "chunking": "compare the ways to cut files into chunks, on this repository",
    "dataset": "build training examples and held-out items; look at them, compare, export",
    "advise": "what fits this hardware, which recipe and why, what it costs; memory of any model",
    "train": "train the adapter; a stopped training goes on where it stopped",
    "runs": "list the trainings of a workspace, or compare two",
    "tasks": "mine tasks with tests from the repository itself, list them, or show one",
    "eval": "compare base, retrieval, tuned and both on code written after the cut",
    "compare": "compare two adapters, or two arms, on the same stored tasks",
    "adapters": "list registered adapters, or show one",
    "mcp": "offer the index to agents and editors, over the Model Context Protocol",
    "serve": "serve base and adapters over an OpenAI-compatible API",
    "sandbox": "run a command in the sandbox: no network, a private folder, hard limits",
    "models": "list the base models that this machine has",
    "doctor": "what this machine can do, what is missing, and the command that mends it",
}

_HELP = """\
usage: inhouse VERB [options]

Turn a company's private repositories into an in-house coding model, and prove whether it helps.

{verbs}

example: inhouse run .
Every verb has --help and --json. inhouse --version prints the version.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    verb = words[0] if words else "--help"
    if verb in ("-h", "--help", "help"):
        print(_HELP.format(verbs="\n".join(f"  {name:11}{text}" for name, text in VERBS.items())), end="")
        return 0
    if verb in ("-V", "--version"):
        print(f"inhouse {__version__}")
        return 0
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1)
        hint = f"did you mean `inhouse {near[0]}`?" if near else "see `inhouse --help`."
        print(f"error: there is no verb {verb}; {hint}", file=sys.stderr)
        return 2
    from inhouse.cli.common import execute

    return execute(import_module(f"inhouse.cli.{verb}"), verb, words[1:])


if __name__ == "__main__":
    sys.exit(main())
