"""Make the mounts of `view`, say "ready" and wait until standard input ends. Run as root, by itself.

Input: lines of BARRIER NUL PLACE, then an empty line.
"""

from __future__ import annotations

import ctypes
import os
import sys

__all__ = ["main"]

_NEW_MOUNTS = 0x20000
_READ_ONLY, _NO_SUID, _NO_DEVICES, _REMOUNT, _BIND = 1, 2, 4, 32, 4096
_RECURSIVE, _PRIVATE = 16384, 1 << 18


def main() -> None:
    """Do it."""
    lines = iter(sys.stdin.buffer.readline, b"\n")
    pairs = [line.rstrip(b"\n").split(b"\0") for line in lines]
    _call("unshare", ctypes.c_int(_NEW_MOUNTS))
    _mount(b"none", b"/", b"", _RECURSIVE | _PRIVATE)
    opened = [os.open(place, os.O_PATH) for _, place in pairs]  # before anything is covered
    for cover in sorted({cover for cover, _ in pairs}):
        _mount(b"tmpfs", cover, b"tmpfs", _NO_SUID | _NO_DEVICES, b"mode=755,size=1m")
    for (_, place), handle in zip(pairs, opened, strict=True):
        source = f"/proc/self/fd/{handle}".encode()
        if os.path.isdir(source):  # noqa: PTH112 - a path of bytes
            os.makedirs(place, mode=0o755, exist_ok=True)  # noqa: PTH103
        else:
            os.makedirs(os.path.dirname(place), mode=0o755, exist_ok=True)  # noqa: PTH103, PTH120
            os.close(os.open(place, os.O_WRONLY | os.O_CREAT, 0o644))
        _mount(source, place, b"", _BIND)
        _mount(b"none", place, b"", _BIND | _REMOUNT | _READ_ONLY | _NO_SUID | _NO_DEVICES)
    print("ready", flush=True)
    sys.stdin.buffer.read()


def _mount(source: bytes, target: bytes, kind: bytes, flags: int, options: bytes = b"") -> None:
    _call("mount", source, target, kind or None, ctypes.c_ulong(flags), options or None)


def _call(name: str, *arguments: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__":
    main()
