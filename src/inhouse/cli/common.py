"""What all verbs share: their parser, opening a workspace, and how a command ends."""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import sys
import traceback
import warnings
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from inhouse.errors import CheckFailed, SettingsMistake, UserMistake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inhouse.config import Settings
    from inhouse.pipeline import Pipeline
    from inhouse.progress import Progress
    from inhouse.workspace import Workspace

__all__ = [
    "Context",
    "Verb",
    "VerbParser",
    "execute",
    "open_context",
    "open_pipeline",
    "print_json",
    "print_rows",
    "repository_of",
    "settings_of",
]

_STOPPED = 130
_CHATTY = ("accelerate", "datasets", "peft", "torch", "transformers", "trl")


class Verb(Protocol):
    """A module of this package."""

    def parser(self, parser: VerbParser) -> None:
        """Add the verb's own arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it and return the exit code."""


class VerbParser(argparse.ArgumentParser):
    """A parser whose complaints are one sentence with the next command."""

    def error(self, message: str) -> NoReturn:
        """Print the sentence and exit with code 2."""
        print(f"error: {message}; see `{self.prog} --help`.", file=sys.stderr)
        raise SystemExit(2)

    def add_repository(self, *, optional: bool = True) -> None:
        """Add the arguments of verbs that read a repository."""
        self.add_argument(
            "path", nargs="?" if optional else None, type=Path, help="a git repository (default: .)"
        )
        self.add_choices()

    def add_choices(self) -> None:
        """Add the options of verbs that read a repository."""
        self.add_workspace()
        self.add_argument("--model", help="base model: builtin:NAME, a folder, a GGUF file or a hub id")
        self.add_argument("--budget", choices=("smoke", "demo", "full"), help="how many tokens a run may use")
        self.add_argument(
            "--method",
            dest="training.method",
            metavar="NAME",
            help="how to train: lora by default; `inhouse train --help` lists the methods",
        )
        self.add_argument("--seed", type=int, help="seed of every random choice")
        self.add_argument("--workers", type=int, help="processes for corpus work (default: one per core)")

    def add_workspace(self) -> None:
        """Add the arguments of verbs that need a workspace only."""
        self.add_argument("--workspace", type=Path, help="folder for .inhouse/ (default: beside the code)")
        self.add_argument(
            "--settings", type=Path, help="settings file (default: inhouse.yaml in the workspace)"
        )


@dataclass(frozen=True, slots=True)
class Context:
    """An open workspace with the settings that apply."""

    home: Path  # the folder that holds .inhouse/
    workspace: Workspace
    settings: Settings
    progress: Progress

    @property
    def repository(self) -> Path:
        """The repository that the workspace was made from."""
        return repository_of(self.home)


def execute(verb: Any, name: str, words: list[str]) -> int:
    """Parse and run a verb; every ending becomes an exit code and at most one sentence."""
    parser = VerbParser(
        prog=f"inhouse {name}", description=verb.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verb.parser(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    arguments = parser.parse_args(words)
    for library in _CHATTY:  # their deprecations are ours to follow, not the user's
        warnings.filterwarnings("ignore", module=library)
    try:
        return int(verb.run(arguments))
    except SettingsMistake as mistake:
        return _fail(arguments, 2, str(mistake), [f"  - {problem}" for problem in mistake.problems])
    except UserMistake as mistake:
        return _fail(arguments, 2, str(mistake))
    except CheckFailed as failed:
        return _fail(arguments, 1, str(failed))
    except KeyboardInterrupt:
        return _fail(
            arguments, _STOPPED, "stopped; finished work is kept, the same command goes on from there."
        )
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        sentence = _machine_sentence(error)
        return _fail(arguments, 2, sentence) if sentence else _bug(arguments)


@contextlib.contextmanager
def open_context(arguments: argparse.Namespace, default_home: Path, *, create: bool) -> Iterator[Context]:
    """Open the workspace that a verb's arguments mean, with its settings and its log."""
    from inhouse.progress import Progress
    from inhouse.workspace import Workspace

    home = (arguments.workspace or default_home).resolve()
    settings = settings_of(arguments, home)
    state = home / ".inhouse"
    workspace = Workspace.open(state) if create else Workspace.find(state)
    progress = Progress(state / "logs" / "inhouse.log", quiet=arguments.quiet)
    try:
        yield Context(home, workspace, settings, progress)
    finally:
        progress.close()
        workspace.close()


def settings_of(arguments: argparse.Namespace, home: Path) -> Settings:
    """Return the settings that apply to a verb in the workspace of a folder."""
    from inhouse.cli.trust import require_trust
    from inhouse.config import load_settings

    file = arguments.settings or _existing(home / "inhouse.yaml")
    settings = load_settings(file, _overrides(arguments))
    if arguments.settings is None and file is not None:
        require_trust(file, settings, own_model=not arguments_lack_model(arguments))
    return settings


def repository_of(home: Path) -> Path:
    """Return the repository that the workspace in a folder was made from: by default the folder itself."""
    note = home / ".inhouse" / "repository.json"
    return Path(json.loads(note.read_text(encoding="utf-8"))) if note.exists() else home


@contextlib.contextmanager
def open_pipeline(arguments: argparse.Namespace) -> Iterator[Pipeline]:
    """Open the repository and its workspace, hold the workspace for writing, and give the pipeline."""
    from inhouse.pipeline import Pipeline
    from inhouse.sources.git import Repository

    repository = Repository.open(arguments.path or _remembered(arguments) or Path())
    with open_context(arguments, repository.path, create=True) as context, context.workspace.locked():
        if context.home != repository.path.resolve():
            _remember(context, repository.path)
        yield Pipeline(repository, context.workspace, context.settings, context.progress)


def arguments_lack_model(arguments: argparse.Namespace) -> bool:
    """Return whether the model comes from the settings file and not from the user's own words."""
    return getattr(arguments, "model", None) is None


def print_json(value: Any) -> None:
    """Print one JSON object on standard output."""
    print(json.dumps(value, indent=1, sort_keys=False, default=str))


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows as a table: aligned on a terminal and when piped."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(row.get(column, "")) for column in columns))
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False)
    console.print(table)


def _fail(arguments: argparse.Namespace, code: int, sentence: str, more: list[str] | None = None) -> int:
    print(f"error: {sentence}", *(more or []), sep="\n", file=sys.stderr)
    if arguments.json:
        print_json({"error": sentence, "exit_code": code})
    return code


def _bug(arguments: argparse.Namespace) -> int:
    traceback.print_exc()
    return _fail(
        arguments, 3, "this is a bug in inhouse; finished work is kept. Please report the lines above."
    )


def _machine_sentence(error: Exception) -> str | None:
    """Return the sentence for a fault of the machine: a full or read-only disk, a process that was killed."""
    if isinstance(error, BrokenExecutor):
        return (
            "a worker process was killed, as the system does when memory runs out; finished work is kept, "
            "run again, with --workers 1 if it is killed again."
        )
    place = getattr(error, "filename", None) or "where the workspace lies"
    number, name, text = getattr(error, "errno", None), type(error).__name__, str(error)
    if number in (errno.ENOSPC, errno.EDQUOT) or name == "FullError" or os.strerror(errno.ENOSPC) in text:
        return f"the disk is full: {place}; free some space and run again, finished work is kept."
    if number in (errno.EROFS, errno.EACCES, errno.EPERM) or name == "ReadOnlyError":
        return f"it may not write here: {place} ({text}); use another folder: --workspace DIR."
    return None


def _existing(path: Path) -> Path | None:
    return path if path.exists() else None


def _overrides(arguments: argparse.Namespace) -> dict[str, Any]:
    plain = {name: getattr(arguments, name, None) for name in ("model", "budget", "seed", "workers")}
    return plain | {name: value for name, value in vars(arguments).items() if "." in name}


def _remembered(arguments: argparse.Namespace) -> Path | None:
    """Return the repository that a workspace elsewhere was made from."""
    if arguments.workspace is None:
        return None
    found = repository_of(arguments.workspace)
    return None if found == arguments.workspace else found


def _remember(context: Context, repository: Path) -> None:
    note = context.workspace.folder / "repository.json"
    note.write_text(json.dumps(str(repository.resolve())), encoding="utf-8")
