r"""What the model sees: the one place that training, validation and evaluation share.

    continuation     markers | a window of the file                  loss on the window
    item             [retrieved text] markers | end of the prefix    the context, without loss
                     line end and blank lines before the run | run   the target, with loss: what is scored

Markers are the repository, the commit message and the path. White space before a run belongs to the target,
and none behind it is scored, because byte-level vocabularies join line ends with the indentation that comes
next. A context that ends in "\n" and a target that begins with bare indentation are tokens that no model was
trained on: on SmolLM2-135M that seam costs 21 bits an item, a tenth of all, and tuning would win them back
without knowing any more of the repository.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.datasets.encoded import Encoded
from inhouse.digests import digest_json
from inhouse.records import Example

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Item

__all__ = [
    "example",
    "first_lines",
    "item_context",
    "item_example",
    "item_target",
    "last_lines",
    "last_tokens",
    "markers",
    "space_at_end",
    "target_text",
    "text_needed",
]

_MESSAGE_SHARE = 4  # the commit message may take a quarter of the budget
_USUAL, _LONGEST = 5, 16  # characters of a token, on average over a context: longer ones are not expected


# ------------------------------------------------------------------ items


def item_context(
    item: Item, tokenizer: Tokenizer, budget: int, repository: str, retrieved: str = ""
) -> list[int]:
    """Return the tokens before an item's target: at most `budget`.

    Retrieved text is kept from its start, the prefix from its end, both in whole lines. When there is not
    room for all, the markers come first.
    """
    head = markers(tokenizer, repository, item.path, item.message, budget)
    found = _retrieved(retrieved, tokenizer, budget - len(head))
    room = budget - len(head) - len(found)
    before = last_tokens(item.prefix.rstrip(), tokenizer, room)
    start = head[:1] if tokenizer.bos is not None and head[:1] == [tokenizer.bos] else []
    return [*start, *found, *head[len(start) :], *before]


def item_target(item: Item, tokenizer: Tokenizer) -> list[int]:
    """Return the tokens that are scored after `item_context`."""
    return tokenizer.encode(target_text(item.prefix, item.target))


def target_text(prefix: str, target: str) -> str:
    """Return what is scored: the white space before the target, and the target without any behind it."""
    return space_at_end(prefix) + target.rstrip()


def text_needed(budget: int) -> int:
    """Return how many characters of a prefix `item_context` may look at."""
    return budget * _LONGEST


def item_example(
    item: Item,
    tokenizer: Tokenizer,
    budget: int,
    repository: str,
    split: str,
    lineage: Sequence[str],
    retrieved: str = "",
    kind: str = "change",
) -> Example:
    """Return an item as it is scored, for training or validation: context and target, loss on the target.

    `budget` is of the context, `retrieved` text included.
    """
    context = item_context(item, tokenizer, budget, repository, retrieved)
    target = item_target(item, tokenizer)
    return example(kind, split, tokenizer, (context, target), lineage, item.id)


def example(
    kind: str,
    split: str,
    tokenizer: Tokenizer,
    parts: tuple[Sequence[int], Sequence[int]],
    lineage: Sequence[str],
    place: str,
) -> Example:
    """Return an example whose tokens are two parts: one without loss, then one with it.

    `place` tells examples of the same tokens apart.
    """
    context, target = parts
    ids = (*context, *target)
    return Example(
        id=digest_json([kind, split, place, list(lineage), ids]),
        kind=kind,
        split=split,
        text=tokenizer.decode(ids, markers=True),
        input_ids=ids,
        trained=(False,) * len(context) + (True,) * len(target),
        lineage=tuple(lineage),
        weight=1.0,
    )


# ------------------------------------------------------------------ parts


def markers(tokenizer: Tokenizer, repository: str, path: str, message: str, budget: int) -> list[int]:
    """Return the document markers: at most `budget` tokens, of which the message takes at most a quarter.

    If even that is too much, the message is left out, then the beginning of the repository and the path.
    """
    short = _first_tokens(message.strip(), tokenizer, budget // _MESSAGE_SHARE)
    ids = tokenizer.document(repository=repository, path=path, message=short)
    if len(ids) > budget:
        ids = tokenizer.document(repository=repository, path=path)
    return ids[max(0, len(ids) - budget) :]


def first_lines(text: str, tokenizer: Tokenizer, room: int) -> str:
    """Return the first whole lines of `text` that fit into `room` tokens, white space behind them apart."""
    for reach in _reaches(room):
        near = text if len(text) <= reach else text[: text.rfind("\n", 0, reach) + 1]
        kept = _first_fitting(near, tokenizer, room)
        if len(kept) < len(near) or near == text:
            break
    return kept


def last_lines(text: str, tokenizer: Tokenizer, room: int) -> str:
    """Return the last whole lines of `text` that fit into `room` tokens."""
    return _last(text, tokenizer, room)[0]


def last_tokens(text: str, tokenizer: Tokenizer, room: int) -> list[int]:
    """Return the tokens of `last_lines`."""
    return _last(text, tokenizer, room)[1]


def _last(text: str, tokenizer: Tokenizer, room: int) -> tuple[str, list[int]]:
    for reach in _reaches(room):
        near = text if len(text) <= reach else text[len(text) - reach :].partition("\n")[2]
        kept, ids = _last_fitting(near, tokenizer, room)
        if len(kept) < len(near) or near == text:
            break
    return kept, ids


def space_at_end(text: str) -> str:
    """Return the white space that closes `text`."""
    return text[len(text.rstrip()) :]


def _reaches(room: int) -> tuple[int, int]:
    """Return how far to look for lines that fill `room`: as far as usually suffices, then as far as ever."""
    return max(0, room) * _USUAL, max(0, room) * _LONGEST


def _first_fitting(text: str, tokenizer: Tokenizer, room: int) -> str:
    raw = text.encode("utf-8", "surrogatepass")
    ink = Encoded(text.rstrip(), tokenizer)
    ids, end = ink.ids, len(raw)
    while end and len(ids) > room:
        fitting = sum(tokenizer.byte_lengths(ids[: max(0, room)]))
        end = raw.rfind(b"\n", 0, min(fitting + 1, end - 1)) + 1
        ids = ink.part(0, len(raw[:end].rstrip()))
    first_line = text[: text.find("\n") + 1]
    if not end and len(tokenizer.encode(first_line.rstrip())) <= room:
        return first_line  # alone it may have a token less
    return raw[:end].decode("utf-8", "surrogatepass")


def _last_fitting(text: str, tokenizer: Tokenizer, room: int) -> tuple[str, list[int]]:
    """Return the last lines and their tokens."""
    whole = Encoded(text, tokenizer)
    ids, start = whole.ids, 0
    while start < len(whole.raw) and len(ids) > room:
        excess = sum(tokenizer.byte_lengths(ids[: len(ids) - max(0, room)]))
        end = whole.raw.find(b"\n", start + max(excess, 1) - 1)
        start = end + 1 if end >= 0 else len(whole.raw)
        ids = whole.part(start, len(whole.raw))
    return whole.raw[start:].decode("utf-8", "surrogatepass"), ids


def _retrieved(text: str, tokenizer: Tokenizer, room: int) -> list[int]:
    """Encode retrieved text, closed by a line end; what does not fit is left out at its end."""
    if not text:
        return []
    ids = tokenizer.encode(f"{text.rstrip()}\n")
    if len(ids) <= room:
        return ids
    kept = first_lines(text, tokenizer, room - 1)
    return tokenizer.encode(f"{kept.rstrip()}\n") if kept else []


def _first_tokens(text: str, tokenizer: Tokenizer, limit: int) -> str:
    """Return the beginning of `text` that fits into `limit` tokens."""
    ids = tokenizer.encode(text[: limit * _LONGEST])
    kept = limit
    while len(ids) > limit:  # a text cut in the middle of a word may need one token more
        ids = tokenizer.encode(tokenizer.decode(ids[:kept]).rstrip("\ufffd").rstrip())
        kept -= 1
    return tokenizer.decode(ids)
