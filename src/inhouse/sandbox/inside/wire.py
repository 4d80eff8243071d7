"""Messages between referee and player: four bytes of length, then JSON."""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["receive", "send"]

_LENGTH = 4
_LARGEST = 1 << 28


def send(handle: int, message: Any) -> None:
    """Write one message. Raises OSError when nobody reads any more."""
    text = json.dumps(message).encode("ascii")
    left = memoryview(len(text).to_bytes(_LENGTH, "big") + text)
    while left:
        left = left[os.write(handle, left) :]


def receive(handle: int) -> Any:
    """Read one message of two parts. Raises EOFError at the end and ValueError for anything else."""
    length = int.from_bytes(_exactly(handle, _LENGTH), "big")
    if length > _LARGEST:
        raise ValueError(length)
    try:
        message = json.loads(_exactly(handle, length))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(message, list) or len(message) != 2:
        raise ValueError(message)
    return message


def _exactly(handle: int, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        more = os.read(handle, count - len(data))
        if not more:
            raise EOFError
        data += more
    return bytes(data)
