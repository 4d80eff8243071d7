"""Small real git repositories for tests, made with the git command line: same calls, same object ids.

    repo = GitRepo(tmp_path / "project")
    repo.write("src/a.py", "x = 1\n")
    first = repo.commit("Begin")

Every commit is one day after the one before, unless it is given a date; nothing of the machine's or the
user's git configuration has an effect.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DAY", "FIRST_DATE", "GitRepo", "run_git"]

DAY = 86_400
FIRST_DATE = 1_704_110_400
"""Noon of 1 January 2024, UTC: the date of a repository's first commit."""

_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada Author",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Carl Committer",
    "GIT_COMMITTER_EMAIL": "carl@example.com",
}


def run_git(folder: Path, *arguments: str | Path, data: bytes = b"", **environment: str) -> bytes:
    """Run git in a folder and return its output; fail the test with git's own words if it fails."""
    done = subprocess.run(
        ["git", *map(str, arguments)],
        cwd=folder,
        env=_ENVIRONMENT | environment,
        input=data,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, (
        f"git {' '.join(map(str, arguments))}: {done.stderr.decode(errors='replace')}"
    )
    return done.stdout


class GitRepo:
    """A checkout on branch `main`. File names and contents may be bytes."""

    def __init__(self, path: Path, *, object_format: str = "sha1") -> None:
        self.path = path
        self.date = FIRST_DATE
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", f"--object-format={object_format}")

    def git(self, *arguments: str | Path, data: bytes = b"", **environment: str) -> bytes:
        """Run git in the checkout."""
        return run_git(self.path, *arguments, data=data, **environment)

    @property
    def tip(self) -> str:
        """Return the id of the commit at HEAD."""
        return self.resolve("HEAD")

    def resolve(self, revision: str) -> str:
        """Return the object id that a name such as ``HEAD:a.py`` stands for."""
        return self.git("rev-parse", "--verify", revision).decode().strip()

    # -------------------------------------------------------- what the next commit holds

    def write(self, name: str | bytes, content: str | bytes, *, executable: bool = False) -> None:
        """Write a file, with its folders."""
        path = self._at(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            path.unlink()
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(0o755 if executable else 0o644)

    def remove(self, name: str | bytes) -> None:
        """Remove a file, a link, or a folder with all in it."""
        path = self._at(name)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

    def rename(self, old: str | bytes, new: str | bytes) -> None:
        """Move a file."""
        target = self._at(new)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._at(old).rename(target)

    def symlink(self, name: str | bytes, target: str) -> None:
        """Put a symbolic link in place of whatever was there."""
        path = self._at(name)
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    def submodule(self, name: str, commit: str = "1" * 40) -> None:
        """Put a submodule entry, whose repository does not exist, at a path."""
        self._at(name).mkdir(parents=True, exist_ok=True)  # else `git add` would take it for deleted
        self.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{name}")

    # -------------------------------------------------------- commits

    def commit(self, message: str | bytes = "Change", *, date: int | None = None, encoding: str = "") -> str:
        """Commit the whole checkout, even if nothing changed, and return the id."""
        self.git("add", "--all")
        settings = ("-c", f"i18n.commitEncoding={encoding}") if encoding else ()
        data = message.encode() if isinstance(message, str) else message
        self.git(
            *settings,
            "commit",
            "-q",
            "--allow-empty",
            "--allow-empty-message",
            "--cleanup=verbatim",
            "-F",
            "-",
            data=data,
            **self._dated(date),
        )
        return self.tip

    def switch(self, branch: str, start: str = "") -> None:
        """Check out a branch; make it at `start` if that is given."""
        self.git("checkout", "-q", *(("-b", branch, start) if start else (branch,)))

    def merge(self, *others: str, message: str = "Merge", date: int | None = None) -> str:
        """Merge branches or commits that do not conflict, never by fast-forward, and return the id."""
        self.git("merge", "-q", "--no-ff", "-m", message, *others, **self._dated(date))
        return self.tip

    def versions(self, name: str, contents: Sequence[bytes]) -> list[str]:
        """Make a fresh chain of commits, each with one file, next to the checked out history; fast.

        Returns the ids, oldest first.
        """
        stream = []
        for number, content in enumerate(contents, start=1):
            stream.append(b"commit refs/heads/versions\nmark :%d\n" % number)
            stream.append(b"committer Carl Committer <carl@example.com> %d +0000\n" % (FIRST_DATE + number))
            stream.append(b"data 7\nVersion\n")
            stream.append(b"from :%d\n" % (number - 1) if number > 1 else b"")
            stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(content), content))
        marks = self.path / ".git" / "marks"
        self.git("fast-import", "--quiet", "--force", f"--export-marks={marks}", data=b"".join(stream))
        rows = [line.split() for line in marks.read_text().splitlines()]
        return [commit for _, commit in sorted(rows, key=lambda row: int(row[0][1:]))]

    def clone(self, path: Path, *options: str) -> Path:
        """Clone through git's own protocol, so that --depth and --filter have their effect."""
        self.git("config", "uploadpack.allowFilter", "true")
        self.git("clone", "-q", *options, f"file://{self.path}", path)
        return path

    def _at(self, name: str | bytes) -> Path:
        return self.path / os.fsdecode(name)

    def _dated(self, date: int | None) -> dict[str, str]:
        when = self.date if date is None else date
        self.date = when + DAY
        return {"GIT_AUTHOR_DATE": f"@{when} +0000", "GIT_COMMITTER_DATE": f"@{when} +0000"}
