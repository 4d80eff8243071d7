"""A workspace with a small index, for the verbs that ask it."""

from __future__ import annotations

from pathlib import Path

import pytest

from inhouse.digests import digest_text
from inhouse.retrieval.index import Index
from inhouse.workspace import Workspace

_FILES = {
    "ledger.py": "class Ledger:\n    def book(self, entry):\n        self.entries.append(entry)\n",
    "report.py": "def report(ledger):\n    return ledger.entries\n\n\ndef book_report():\n    return 1\n",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    Workspace.open(tmp_path / ".inhouse").close()
    folder = tmp_path / ".inhouse" / "index"
    folder.mkdir(exist_ok=True)
    index = Index.open(folder / "tip.db")
    index.update((path, digest_text(text), text) for path, text in _FILES.items())
    index.store.set("commit", "0123456789abcdef")
    index.close()
    return tmp_path
