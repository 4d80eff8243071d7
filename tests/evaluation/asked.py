"""Tasks, answers and an engine that says what it was told to, for tests of generation and of suites."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from inhouse.config import Settings
from inhouse.engines.base import Capabilities, Generated, GenerateRequest, LoadedAdapter
from inhouse.evaluation.tasks import Check, Completion, Task
from inhouse.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from inhouse.models.tokenizer import Tokenizer
    from inhouse.sandbox import Sandbox

RUN = Check("program", "", (), (), "assert area(2, 3) == 6\n", 1, 0.1)


def task(name: str = "one", **changes: Any) -> Task:
    """Return a task of a gap in a file."""
    fields: dict[str, Any] = {
        "id": name,
        "suite": "execution",
        "kind": "function",
        "group": f"{name}.py",
        "date": 0,
        "language": "python",
        "path": f"{name}.py",
        "prefix": f'def {name}_area(w, h):\n    """Return the area."""\n',
        "suffix": "\n\n\ndef other():\n    return 1\n",
        "instruction": "",
        "reference": "    return w * h",
        "context": (),
        "check": RUN,
        "verified": "",
    }
    return Task(**{**fields, **changes})


def completion(of: Task, answer: str, **changes: Any) -> Completion:
    """Return what an arm wrote, its text being the answer."""
    fields: dict[str, Any] = {
        "task": of.id,
        "arm": "base",
        "sample": 0,
        "text": answer,
        "answer": answer,
        "finish": "stop",
        "prompted": 1,
        "generated": 1,
        "seconds": 0.0,
    }
    return Completion(**{**fields, **changes})


def project(sandbox: Sandbox | None = None, **generation: Any) -> Any:
    """Return what a suite looks at, as far as suites without a repository need it."""
    settings = Settings.model_validate({"generation": generation, "workers": 1})
    return SimpleNamespace(
        settings=settings, sandbox=lambda: sandbox, progress=Progress.silent(), repository=None, mined=None
    )


class TellingEngine:
    """Says what `words` makes of a request, and stops answering after `patience` requests."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        words: Callable[[GenerateRequest], str] = lambda request: f" return {request.seed}",
        patience: float = math.inf,
    ) -> None:
        self.tokenizer = tokenizer
        self.words = words
        self.patience = patience
        self.calls: list[list[GenerateRequest]] = []
        self.dtype = "words"

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(False, True, "cpu", self.dtype)

    def load_adapter(self, name: str, folder: Path) -> LoadedAdapter:
        return LoadedAdapter(name, 1.0)

    def complete(
        self, requests: Sequence[GenerateRequest], on_done: Callable[[int], None] | None = None
    ) -> list[Generated]:
        self.calls.append(list(requests))
        answers = []
        for index, request in enumerate(requests):
            self.patience -= 1
            if self.patience < 0:
                raise KeyboardInterrupt
            text = self.words(request)
            tokens = tuple(self.tokenizer.encode(text))
            whole = len(tokens) < request.max_new_tokens
            answers.append(Generated(text, tokens[: request.max_new_tokens], "stop" if whole else "length"))
            if on_done is not None:
                on_done(index)
        return answers
