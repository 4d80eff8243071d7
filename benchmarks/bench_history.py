"""Reading a history (commits and the lines that each changed) against plain git on the same commits.

python benchmarks/bench_history.py [REPOSITORY] [--commits N]      (default: this checkout, 1000)

The peer is `git log -p --numstat`, the limit git with the options that inhouse asks for (no lines of context,
no counts): both with their output thrown away, so that nobody reads what git says.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from pathlib import Path

from timing import best_of, seconds

from inhouse.sources.git import Repository

REPEATS = 3
PEER = ("log", "--no-walk=unsorted", "--stdin", "-p", "--numstat")
LIMIT = ("diff-tree", "--stdin", "--root", "-r", "--raw", "--patch", "--unified=0", "--find-renames")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repository", nargs="?", type=Path, default=Path(__file__).parent.parent)
    parser.add_argument("--commits", type=int, default=1_000, help="newest commits to read, merges apart")
    given = parser.parse_args()
    repository = Repository.open(given.repository)
    commits = repository.commits()
    newest = [commit.id for commit in commits if len(commit.parents) < 2][: given.commits]
    ours, peer, limit = best_of(
        REPEATS,
        lambda: read(repository, newest),
        lambda: git(given.repository, newest, *PEER),
        lambda: git(given.repository, newest, *LIMIT),
        clock=time.perf_counter,  # git works in a process of its own
    )
    listing = min(seconds(repository.commits, time.perf_counter) for _ in range(REPEATS))
    changes = list(repository.changes(newest))
    hunks = sum(len(change.hunks) for change in changes)
    print(
        f"{repository.name}: {len(newest)} of {len(commits)} commits, {len(changes)} changes, {hunks} hunks"
    )
    print()
    print("| reader | seconds | commits/s | speed against the peer |")
    print("|---|---|---|---|")
    readers = {
        "git log -p --numstat (peer)": peer,
        "git diff-tree --raw -p -U0 (limit)": limit,
        "inhouse, changes with their lines": ours,
    }
    for name, spent in readers.items():
        print(f"| {name} | {spent:.2f} | {len(newest) / spent:,.0f} | {peer / spent:.2f} |")
    rate = f"{listing:.2f} | {len(commits) / listing:,.0f}"
    print(f"| inhouse, all {len(commits)} commits without changes | {rate} | |")


def read(repository: Repository, commits: list[str]) -> None:
    for _ in repository.changes(commits):
        pass


def git(repository: Path, commits: list[str], *words: str) -> None:
    ids = "\n".join(commits).encode() + b"\n"
    subprocess.run(["git", "-C", str(repository), *words], input=ids, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()
