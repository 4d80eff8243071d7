"""The one interface through which models answer: evaluation, synthetic data and serving all use it.

What is measured is therefore what is served. An empty adapter name is the base model itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

__all__ = [
    "Capabilities",
    "Engine",
    "GenerateRequest",
    "Generated",
    "LoadedAdapter",
    "Names",
    "ScoreRequest",
    "Token",
    "TokenScores",
    "check_adapter",
    "check_request",
]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do, and on what."""

    scores: bool  # can it give the probability of a given text?
    adapters: bool  # can it load adapters?
    device: str  # such as "cpu" or "cuda"
    dtype: str  # in which the weights are kept, such as "float32"
    window: int | None = None  # tokens that a prompt and its answer may have together; None: no known limit


@dataclass(frozen=True, slots=True)
class LoadedAdapter:
    """What loading an adapter proved."""

    name: str
    largest_change: float  # of any logit on a fixed text; 0 only for an adapter whose update is zero


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """How likely is `target` after `context`?

    The first token of a target without context is scored after the token that begins or separates documents.
    """

    context: tuple[int, ...]
    target: tuple[int, ...]
    adapter: str = ""


@dataclass(frozen=True, slots=True)
class TokenScores:
    """One value for each token of the target."""

    logprobs: tuple[float, ...]  # natural logarithm
    top1: tuple[bool, ...]  # would the model have chosen this token itself?
    best: tuple[float, ...] = ()  # logprob of the token that it would have chosen; empty where not recorded


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """What is to be continued, and how."""

    prompt: tuple[int, ...]
    max_new_tokens: int
    temperature: float = 0.0  # 0 takes the likeliest token
    top_p: float = 1.0  # sample from the smallest set of tokens that holds this much probability
    seed: int = 0
    stop: tuple[str, ...] = ()  # the answer ends before the first of these strings
    adapter: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """One step of an answer. The texts of all steps, joined, are the answer."""

    id: int
    text: str  # whole characters only, and nothing that may still become a stop string; often ""
    logprob: float  # natural logarithm, before temperature and top_p
    finish: str  # "", or on the last step "stop" (end mark or stop string) or "length"


@dataclass(frozen=True, slots=True)
class Generated:
    """A whole answer."""

    text: str
    tokens: tuple[int, ...]  # as the model wrote them: the end mark and what a stop string cut off included
    finish: str  # "stop" (end mark or stop string) or "length"


class Engine(Protocol):
    """A base model that is ready to answer. Safe to call from several threads."""

    @property
    def capabilities(self) -> Capabilities:
        """What this engine can do."""
        ...

    def load_adapter(self, name: str, folder: Path) -> LoadedAdapter:
        """Make an adapter available under a name. Raises UserMistake if it does not fit or does nothing."""
        ...

    def score(
        self, requests: Sequence[ScoreRequest], on_done: Callable[[int], None] | None = None
    ) -> list[TokenScores]:
        """Return the scores in the order of the requests; `on_done` gets each request's index when done."""
        ...

    def generate(
        self, request: GenerateRequest, cancelled: Callable[[], bool] | None = None
    ) -> Iterator[Token]:
        """Yield the answer token by token; `cancelled` is asked before each, and True ends it at once."""
        ...

    def complete(
        self, requests: Sequence[GenerateRequest], on_done: Callable[[int], None] | None = None
    ) -> list[Generated]:
        """Return the answers in the order of the requests; `on_done` gets each request's index when done.

        Requests with the same prompt and adapter, such as samples of one task, read it once.
        """
        ...


class Names(Protocol):
    """Adapters that are loaded."""

    def __contains__(self, name: str, /) -> bool:
        """Is there one of that name?"""
        ...


def check_adapter(name: str, loaded: Names) -> None:
    """Check that a request names the base model or an adapter that is loaded. Raises UserMistake."""
    if name and name not in loaded:
        raise UserMistake("there is no such adapter in the engine", repr(name), "load it first")


def check_request(request: GenerateRequest, loaded: Names) -> None:
    """Check what every engine asks of a request to generate, its length apart. Raises UserMistake."""
    check_adapter(request.adapter, loaded)
    if request.max_new_tokens < 1:
        raise UserMistake("at least one token must be asked for", f"{request.max_new_tokens}", "ask for more")
    if request.temperature < 0.0 or not 0.0 < request.top_p <= 1.0:
        raise UserMistake(
            "temperature is 0 or more, and top_p above 0 and up to 1",
            f"{request.temperature} and {request.top_p}",
            "change them",
        )
