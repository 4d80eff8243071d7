"""A mount namespace in which an unprivileged user reaches folders that only root may pass to.

As root, the sandbox drops its privileges before anything else, and then it cannot bind what lies below a
folder such as /root (mode 700), though the Python interpreter may well be installed there. So, once and still
as root, a mount namespace is made in which an empty folder that all may enter lies over each such barrier,
with nothing in it but the whitelisted places, read-only, under their own names:

    outside                          in the view
    /root              drwx------    /root              drwxr-xr-x, empty but for
    /root/python                     /root/python       the same folder, read-only

The rest of /root is not hidden by permissions there: it does not exist.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.sandbox.levels import SetupFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["barrier", "view_for"]

_made: dict[tuple[str, ...], int] = {}
_lock = threading.Lock()


def barrier(place: Path) -> Path | None:
    """Return the uppermost folder above a resolved path that other users may not pass, or None."""
    for folder in reversed(place.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None


def view_for(owner: int | None, readable: Iterable[Path]) -> int | None:
    """Return a handle of the namespace in which `owner` reaches all of `readable`, None if none is needed.

    None is needed for `owner` None, who is no other user than ours. Made once for each set of places, as
    root. Raises SetupFailed where the kernel does not let us.
    """
    if owner is None:
        return None
    places = [path.resolve() for path in readable]
    hidden = tuple(sorted({str(place) for place in places if barrier(place) is not None}))
    if not hidden:
        return None
    with _lock:
        if hidden not in _made:
            _made[hidden] = _make(hidden)
        return _made[hidden]


def _make(hidden: tuple[str, ...]) -> int:
    """Let a maker make the namespace, take hold of it, and let the maker go."""
    source = Path(__file__).with_name("view_maker.py").read_text(encoding="utf-8")
    pairs = [f"{barrier(Path(place))}\0{place}" for place in hidden]
    maker = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", source],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
    )
    assert maker.stdin is not None and maker.stdout is not None and maker.stderr is not None  # noqa: S101
    try:
        maker.stdin.write("\n".join(pairs).encode("utf-8", "surrogateescape") + b"\n\n")
        maker.stdin.flush()
        if maker.stdout.readline() != b"ready\n":
            why = maker.stderr.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise SetupFailed(f"what may be read lies where only root may go ({why})")
        return os.open(f"/proc/{maker.pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        maker.communicate()
