"""From tokens to text while the answer is still being made."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["AnswerText"]


class AnswerText:
    """Releases text as soon as it is certain: whole characters, and nothing that may become a stop string."""

    def __init__(self, token_bytes: Callable[[int], bytes], stop: Sequence[str]) -> None:
        self._token_bytes = token_bytes
        self._stop = tuple(string for string in stop if string)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def push(self, token: int, *, last: bool) -> tuple[str, bool]:
        """Add a token; return the text that is now certain, and whether a stop string was completed.

        With `last`, everything that was held back is certain.
        """
        self._held += self._decoder.decode(self._token_bytes(token), final=last)
        found = [place for string in self._stop if (place := self._held.find(string)) >= 0]
        if found:
            return self._held[: min(found)], True
        keep = 0 if last else self._longest_beginning()
        certain, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return certain, False

    def _longest_beginning(self) -> int:
        """Return the length of the longest end of the held text with which a stop string begins."""
        longest = max((len(string) for string in self._stop), default=1) - 1
        lengths = range(min(longest, len(self._held)), 0, -1)
        return next(
            (n for n in lengths if any(string.startswith(self._held[-n:]) for string in self._stop)), 0
        )
