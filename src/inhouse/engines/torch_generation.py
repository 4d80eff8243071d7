"""The parts of generation: one answer that grows, and rows that go through the model together.

Shape legend: R rows, T positions of the longest prompt, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

from inhouse.engines.answer_text import AnswerText
from inhouse.engines.torch_prefix import filled_cache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.engines.base import GenerateRequest
    from inhouse.engines.torch_prefix import Pairs
    from inhouse.models.tokenizer import Tokenizer

__all__ = ["Answer", "Rows"]

_LIKELY = 512  # tokens among which a nucleus usually lies


class Answer:
    """An answer that grows by one token at a time. Each samples from a generator of its own."""

    def __init__(
        self, request: GenerateRequest, tokenizer: Tokenizer, limit: int, device: torch.device
    ) -> None:
        self.text = ""
        self.tokens: list[int] = []
        self.finish = ""
        self._request = request
        self._ends = tokenizer.ends
        self._left = limit
        self._certain = AnswerText(tokenizer.token_bytes, request.stop)
        self._generator = torch.Generator(device).manual_seed(request.seed)

    def choose(self, logits: torch.Tensor, likeliest: int) -> int:
        """Return the next token, given the logits (V) and the likeliest token.

        Sampling is from the nucleus (Holtzman et al. 2020, https://arxiv.org/abs/1904.09751).
        """
        if self._request.temperature == 0.0:
            return likeliest
        chances = (logits / self._request.temperature).softmax(0)
        if self._request.top_p == 1.0:
            return int(torch.multinomial(chances, 1, generator=self._generator))
        best, tokens = chances.topk(min(_LIKELY, len(chances)))
        if best.sum() < self._request.top_p:  # seldom; sorting a whole vocabulary takes long
            best, tokens = chances.sort(descending=True, stable=True)
        best[best.cumsum(0) - best >= self._request.top_p] = 0.0  # the likeliest always stays
        return int(tokens[torch.multinomial(best, 1, generator=self._generator)])

    def add(self, token: int) -> tuple[str, str]:
        """Add a token; return the text that it makes certain, and why the answer ends now, or ""."""
        self._left -= 1
        self.tokens.append(token)
        is_end = token in self._ends
        text, stopped = self._certain.push(token, last=is_end or self._left == 0)
        self.text += text
        self.finish = "stop" if is_end or stopped else "length" if self._left == 0 else ""
        return text, self.finish


class Rows:
    """Prompts that are continued together: (R, T), padded on the left, with the keys and values so far.

    `prefix` holds keys and values of virtual tokens that stand before every prompt, one pair a layer.
    """

    def __init__(self, prompts: Sequence[Sequence[int]], pad: int, model: Any, prefix: Pairs = ()) -> None:
        width = max(map(len, prompts))
        padded = [[*[pad] * (width - len(prompt)), *prompt] for prompt in prompts]
        virtual = prefix[0][0].shape[-2] if prefix else 0
        real = [[1] * virtual + [0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        self._model = model
        self._new = torch.tensor(padded, device=model.device)  # (R, T), then (R, 1)
        self._mask = torch.tensor(real, device=model.device)  # (R, all positions so far)
        self._past = DynamicCache(config=model.config)
        layers = self._past.layers
        self._past.layers = [_Buffered() if type(layer) is DynamicLayer else layer for layer in layers]
        filled_cache(model, prefix, len(prompts), self._past)

    def next_logits(self) -> torch.Tensor:
        """Run the new positions through the model; return the logits of each row's next token, (R, V)."""
        places = (self._mask.cumsum(1) - 1).clamp(min=0)[:, -self._new.shape[1] :]
        output = self._model(
            self._new,
            attention_mask=self._mask,
            position_ids=places,
            past_key_values=self._past,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1].float()

    def extend(self, tokens: Sequence[int], keep: Sequence[int]) -> None:
        """Append one token to each of the rows `keep`, and drop the others; a row kept twice is doubled."""
        if list(keep) != list(range(len(self._mask))):
            kept = torch.tensor(keep, device=self._mask.device)
            self._past.batch_select_indices(kept)
            self._mask = self._mask[kept]
        self._new = torch.tensor(tokens, device=self._mask.device)[:, None]
        self._mask = torch.cat([self._mask, torch.ones_like(self._new)], dim=1)


class _Buffered(DynamicLayer):  # type: ignore[misc]
    """Keys and values with room behind them: a new position is written there, and the others stay in place.

    transformers' own layer copies all positions at every step, which took a quarter of the time.
    """

    _ROOM = 64  # positions
    keys: torch.Tensor
    values: torch.Tensor
    _buffers: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append positions, (R, heads, new, size); return all of them."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        begin = self.get_seq_length()
        end = begin + key_states.shape[-2]
        if self._buffers is None or self._buffers[0].shape[-2] < end:
            self._buffers = (
                self._roomy(key_states, self.keys, end),
                self._roomy(value_states, self.values, end),
            )
        keys, values = self._buffers
        keys[:, :, begin:end] = key_states
        values[:, :, begin:end] = value_states
        self.keys, self.values = keys[:, :, :end], values[:, :, :end]
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep the rows `indices`, in that order."""
        super().batch_select_indices(indices)
        self._buffers = None

    def _roomy(self, new: torch.Tensor, before: torch.Tensor, end: int) -> torch.Tensor:
        """Return a buffer that begins with what was there before."""
        rows, heads, _, size = new.shape
        buffer = new.new_zeros(rows, heads, end + self._ROOM, size)
        if before.numel():
            buffer[:, :, : before.shape[-2]] = before
        return buffer
