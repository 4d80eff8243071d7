"""Generation in a batch of eight against the same requests one by one, on the embedded base model."""

from __future__ import annotations

import time

from inhouse.engines.base import GenerateRequest
from inhouse.engines.torch_engine import TorchEngine
from inhouse.models.resolve import resolve
from inhouse.models.tokenizer import Tokenizer

NEW_TOKENS = 24
PROMPTS = [f"def function_{name}(first, second):\n    total = first" for name in "abcdefgh"]


def main() -> None:
    model = resolve("builtin:smollm2-135m")
    tokenizer = Tokenizer.load(model.folder)
    engine = TorchEngine(model, tokenizer)
    requests = [GenerateRequest(tuple(tokenizer.encode(prompt)), NEW_TOKENS) for prompt in PROMPTS]
    engine.complete(requests[:1])  # warm up
    start = time.perf_counter()
    alone = ["".join(token.text for token in engine.generate(request)) for request in requests]
    alone_seconds = time.perf_counter() - start
    start = time.perf_counter()
    batch = [answer.text for answer in engine.complete(requests)]
    batch_seconds = time.perf_counter() - start
    same = sum(one == other for one, other in zip(alone, batch, strict=True))
    tokens = NEW_TOKENS * len(requests)
    alone_rate, batch_rate = tokens / alone_seconds, tokens / batch_seconds
    print(f"one by one {alone_rate:.1f} tokens/s, in a batch of {len(requests)} {batch_rate:.1f} tokens/s")
    print(f"ratio {alone_seconds / batch_seconds:.2f}; {same} of {len(requests)} answers equal")


if __name__ == "__main__":
    main()
