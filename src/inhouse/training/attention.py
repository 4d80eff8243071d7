"""Attention over packed rows on a CPU: one document at a time, so that nothing is computed to be masked out.

    row        a0 a1 a2  b0 b1  c0 c1 c2
    masked     every query with every key of the row, most products thrown away
    by document    a with a, b with b, c with c

Documents are told apart as transformers does it for its mask: a new one begins where a position does not
follow the one before. What is unusual (keys from a cache, a window shorter than a document, attention that is
not causal) goes to the attention of transformers, mask included.

Shapes: R rows, T tokens, A heads, K of them for keys and values, D numbers in each.
"""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import PreTrainedModel

__all__ = ["attend_by_document", "documents_apart"]

_NAME = "inhouse_documents"


def attend_by_document(base: PreTrainedModel) -> None:
    """Make a base on a CPU attend by document; one with an attention of its own is left as it is.

    On a GPU one large call is faster than many small ones.
    """
    if not torch.cuda.is_available() and base.config._attn_implementation == "sdpa":
        AttentionInterface.register(_NAME, documents_apart)
        AttentionMaskInterface.register(_NAME, sdpa_mask)
        base.set_attn_implementation(_NAME)


def documents_apart(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Return the attention (R, T, A, D) of query (R, A, T, D) to key and value (R, K, T, D).

    The signature is that of transformers; `kwargs` hold `position_ids` (R or 1, T).
    """
    rows = _rows(module, query, key, kwargs)
    if not rows:
        given = {"dropout": dropout, "scaling": scaling, **kwargs}
        attended, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **given)
        return attended, None
    sharing = query.shape[1] // key.shape[1]  # heads that read the same keys
    if sharing > 1:
        key, value = key.repeat_interleave(sharing, 1), value.repeat_interleave(sharing, 1)
    attended = torch.cat(
        [
            _row(query[n : n + 1], key[n : n + 1], value[n : n + 1], parts, dropout, scaling)
            for n, parts in enumerate(rows)
        ]
    )
    return attended.transpose(1, 2).contiguous(), None


def _rows(
    module: torch.nn.Module, query: torch.Tensor, key: torch.Tensor, kwargs: dict[str, Any]
) -> list[list[tuple[int, bool]]]:
    """Return the parts of every row, or nothing where something is unusual."""
    positions, window = kwargs.get("position_ids"), kwargs.get("sliding_window")
    causal = kwargs.get("is_causal")
    if positions is None or query.shape[2] != key.shape[2] or query.shape[2] != positions.shape[-1]:
        return []
    if not (getattr(module, "is_causal", True) if causal is None else causal):
        return []
    rows = [list(_parts(row)) for row in positions.expand(len(query), -1).tolist()]
    longest = max(size for row in rows for size, _ in row)
    return rows if window is None or longest <= window else []


def _parts(positions: list[int]) -> Iterator[tuple[int, bool]]:
    """Yield the sizes of the documents of a row; those of one token, as padding is, together and marked."""
    starts = [0, *(n + 1 for n, (one, two) in enumerate(pairwise(positions)) if two != one + 1)]
    sizes = [end - start for start, end in pairwise([*starts, len(positions)])]
    for single, group in groupby(sizes, lambda size: size == 1):
        if single:
            yield sum(group), True
        else:
            yield from ((size, False) for size in group)


def _row(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    parts: list[tuple[int, bool]],
    dropout: float,
    scaling: float | None,
) -> torch.Tensor:
    """Return the attention (1, A, T, D) of one row."""
    sizes = [size for size, _ in parts]
    documents = zip(*(each.split(sizes, 2) for each in (query, key, value)), strict=True)
    attended = [
        v  # a token that sees itself alone takes its own value
        if single
        else scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True, scale=scaling)
        for (q, k, v), (_, single) in zip(documents, parts, strict=True)
    ]
    return torch.cat(attended, 2)
