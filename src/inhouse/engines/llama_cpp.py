"""A quantized base model in this process, by llama.cpp: for machines without a GPU (package `xllamacpp`).

It reads the GGUF file itself, so that four-bit weights stay four-bit; the activations that they meet are
rounded too, so its answers are not those of `TorchEngine` to the last token. `agreement` says how often they
are, and answers of both are never mixed. It does not score: it gives no probabilities of a given text.

Random answers are not the same again for the same seed: what shares a batch decides how numbers are rounded.
"""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from inhouse.engines.base import (
    Capabilities,
    Generated,
    GenerateRequest,
    LoadedAdapter,
    Token,
    check_request,
)
from inhouse.errors import UserMistake
from inhouse.models.builtin import BUILTINS, source_file
from inhouse.models.convert import is_gguf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from inhouse.engines.base import Engine, ScoreRequest, TokenScores
    from inhouse.models.resolve import BaseModel
    from inhouse.models.tokenizer import Tokenizer

__all__ = ["Agreement", "LlamaCppEngine", "agreement", "gguf_file"]

_SLOTS = 8  # answers that advance together: on a CPU more bring nothing
_SLOT_TOKENS = 2048
_INSTALL = "pip install 'inhouse[llama]'"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two engines write the same, greedily."""

    prompts: int
    equal: int  # prompts whose answers are the same, token for token
    common: float  # share of the tokens before the first difference, averaged over prompts


def agreement(one: Engine, other: Engine, prompts: Sequence[tuple[int, ...]], tokens: int = 32) -> Agreement:
    """Let two engines continue the same prompts greedily and compare what they write, token for token."""
    requests = [GenerateRequest(prompt, tokens) for prompt in prompts]
    pairs = list(zip(one.complete(requests), other.complete(requests), strict=True))
    shares = [_common(first.tokens, second.tokens) for first, second in pairs]
    equal = sum(share == 1.0 for share in shares)
    return Agreement(len(pairs), equal, sum(shares) / len(shares) if shares else 1.0)


def gguf_file(reference: str) -> Path:
    """Return the GGUF file of a base model. Raises UserMistake for a model that has none."""
    name = reference.removeprefix("builtin:")
    if reference.startswith("builtin:") and name in BUILTINS:
        return source_file(BUILTINS[name])
    path = Path(reference).expanduser()
    if path.is_file() and is_gguf(path):
        return path
    raise UserMistake(
        "the llama.cpp engine reads GGUF files", reference, "name one with --model, or use the torch engine"
    )


class LlamaCppEngine:
    """Generates from the GGUF file that a base model was named by. Safe to call from several threads."""

    def __init__(self, model: BaseModel, tokenizer: Tokenizer, *, threads: int | None = None) -> None:
        _library()
        self._file = gguf_file(model.reference)
        self._tokenizer = tokenizer
        self._threads = threads or len(os.sched_getaffinity(0))
        self._adapters: dict[str, Path] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="inhouse-llama-")
        self._lock = Lock()
        self._server: Any = None
        self._servers = 0

    @property
    def capabilities(self) -> Capabilities:
        """What this engine can do."""
        return Capabilities(False, True, "cpu", f"llama.cpp {self._file.name}", _SLOT_TOKENS)

    def load_adapter(self, name: str, folder: Path) -> LoadedAdapter:
        """Make a LoRA adapter available under a name, converted to llama.cpp's form.

        Raises UserMistake if it does not fit this base model or is no LoRA adapter in safetensors.
        """
        from inhouse.engines.llama_adapters import convert_adapter

        if not name or name in self._adapters:
            raise UserMistake("an adapter needs a name that is not in use", repr(name), "choose another name")
        target = Path(self._folder.name) / f"adapter{len(self._adapters)}.gguf"
        largest = convert_adapter(folder, self._file, target)
        with self._lock:
            self._adapters[name] = target
            self._server = None  # adapters are read when the model is
        return LoadedAdapter(name, largest)

    def score(
        self, requests: Sequence[ScoreRequest], on_done: Callable[[int], None] | None = None
    ) -> list[TokenScores]:
        """Raise UserMistake: this engine does not score."""
        del requests, on_done
        raise UserMistake("the llama.cpp engine does not score", "", "score with the torch engine")

    def generate(
        self, request: GenerateRequest, cancelled: Callable[[], bool] | None = None
    ) -> Iterator[Token]:
        """Yield the tokens of an answer once it is complete; its text comes with the last of them."""
        self._check(request)
        if cancelled is not None and cancelled():
            return
        choice = self._ask(request, 1, request.seed)[0]
        steps = _steps(choice) or [{"id": self._tokenizer.eos, "logprob": 0.0}]
        for step in steps[:-1]:
            yield Token(step["id"], "", step["logprob"], "")
        yield Token(steps[-1]["id"], choice["text"], steps[-1]["logprob"], choice["finish_reason"])

    def complete(
        self, requests: Sequence[GenerateRequest], on_done: Callable[[int], None] | None = None
    ) -> list[Generated]:
        """Return the answers in the order of the requests; random answers to one prompt read it once."""
        for request in requests:
            self._check(request)
        answers: dict[int, Generated] = {}
        with ThreadPoolExecutor(_SLOTS) as pool:
            groups = _groups(requests)
            asked = [pool.submit(self._ask, requests[group[0]], len(group)) for group in groups]
            for group, future in zip(groups, asked, strict=True):
                for index, choice in zip(group, future.result(), strict=True):
                    answers[index] = _generated(choice)
                    if on_done is not None:
                        on_done(index)
        return [answers[index] for index in range(len(requests))]

    def _ask(self, request: GenerateRequest, count: int, seed: int | None = None) -> list[dict[str, Any]]:
        lora = [
            {"id": number, "scale": float(name == request.adapter)}
            for number, name in enumerate(self._adapters)
        ]
        reply = self._running().handle_completions(
            {
                "prompt": list(request.prompt or (self._tokenizer.start,)),
                "max_tokens": request.max_new_tokens,
                "n": count,
                "temperature": request.temperature,
                "top_p": request.top_p,
                "top_k": 0,
                "min_p": 0.0,
                "seed": request.seed if seed is None else seed,
                "stop": list(request.stop),
                "n_probs": 1,
                "cache_prompt": True,
                **({"lora": lora} if lora else {}),
            }
        )
        if "choices" not in reply:
            raise UserMistake("llama.cpp could not answer", str(reply)[:300], "use the torch engine")
        choices: list[dict[str, Any]] = sorted(reply["choices"], key=lambda choice: int(choice["index"]))
        return choices

    def _check(self, request: GenerateRequest) -> None:
        check_request(request, self._adapters)
        if len(request.prompt) + request.max_new_tokens > _SLOTS * _SLOT_TOKENS:
            raise UserMistake(
                f"this engine reads at most {_SLOTS * _SLOT_TOKENS} tokens",
                f"{len(request.prompt)}",
                "shorten it",
            )

    def _running(self) -> Any:
        """Return the model, loaded with all adapters. It listens on a socket file, not on a port."""
        with self._lock:
            if self._server is None:
                library = _library()
                parameters = library.CommonParams()
                parameters.model.path = str(self._file)
                parameters.n_parallel = _SLOTS
                parameters.n_ctx = _SLOTS * _SLOT_TOKENS
                parameters.kv_unified = True
                parameters.cpuparams.n_threads = self._threads
                parameters.cpuparams_batch.n_threads = self._threads
                parameters.n_gpu_layers = 0
                parameters.offline = True
                parameters.verbosity = 0
                parameters.warmup = False
                parameters.ui = False
                self._servers += 1
                parameters.hostnames = [str(Path(self._folder.name) / f"{self._servers}.sock")]
                adapters = [_lora(library, path) for path in self._adapters.values()]
                parameters.lora_adapters = adapters
                self._server = _started(library, parameters, self._file)
            return self._server


def _library() -> Any:
    try:
        import xllamacpp
    except ImportError:
        raise UserMistake(
            "the llama.cpp engine needs the package xllamacpp", "it is not installed", f"run `{_INSTALL}`"
        ) from None
    return xllamacpp


def _started(library: Any, parameters: Any, file: Path) -> Any:
    try:
        return library.Server(parameters)
    except RuntimeError as error:
        raise UserMistake(
            "llama.cpp could not load the model", f"{file} ({error})", "use the torch engine"
        ) from None


def _lora(library: Any, path: Path) -> Any:
    info = library.CommonAdapterLoraInfo()
    info.path = str(path)
    info.scale = 0.0  # each request names its own
    return info


def _groups(requests: Sequence[GenerateRequest]) -> list[list[int]]:
    """Return indices of requests that are asked in one call: random answers to one prompt, longest first.

    A greedy answer stands alone.
    """
    together: dict[Any, list[int]] = defaultdict(list)
    for index, request in enumerate(requests):
        alone = index if request.temperature == 0.0 else -1
        key = (
            request.prompt,
            request.adapter,
            request.temperature,
            request.top_p,
            request.max_new_tokens,
            alone,
        )
        together[key].append(index)
    groups = [
        group[start : start + _SLOTS] for group in together.values() for start in range(0, len(group), _SLOTS)
    ]
    return sorted(
        groups, key=lambda group: (requests[group[0]].adapter, -len(requests[group[0]].prompt), group)
    )


def _generated(choice: dict[str, Any]) -> Generated:
    return Generated(choice["text"], tuple(step["id"] for step in _steps(choice)), choice["finish_reason"])


def _steps(choice: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tokens of an answer, none where nothing stands before its end."""
    return list((choice["logprobs"] or {}).get("content", []))


def _common(first: tuple[int, ...], second: tuple[int, ...]) -> float:
    """Return the share of the longer answer that stands before the first difference; 1 for equal ones."""
    if first == second:
        return 1.0
    same = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        same += 1
    return same / max(len(first), len(second))
