"""What an index offers for a place in a file: one way to choose it, for evaluation and for training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.datasets.formats import item_context
from inhouse.retrieval.context import assemble
from inhouse.retrieval.query import code_query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Hit, Item
    from inhouse.retrieval.context import Context
    from inhouse.retrieval.index import Index

__all__ = ["HITS", "offered"]

HITS = 10
_QUERY_CHARACTERS = 2000  # of the text before the cursor


def offered(
    index: Index,
    item: Item,
    tokenizer: Tokenizer,
    repository: str,
    context_tokens: int,
    share: float,
    choose: Callable[[Index, str], Sequence[Hit]] | None = None,
) -> Context:
    """Return retrieved text for an item, without what the model sees of the file anyway.

    It has at most `share` of `context_tokens` tokens. `choose` takes other hits than the ten best.
    """
    reserved = int(context_tokens * share)
    visible = item_context(item, tokenizer, context_tokens - reserved, repository)
    query = code_query(item.message, item.path, item.prefix[-_QUERY_CHARACTERS:])
    hits = index.search(query, HITS) if choose is None else choose(index, query)
    already = tokenizer.decode(visible)
    return assemble(hits, reserved, lambda text: len(tokenizer.encode(text)), already=already)
