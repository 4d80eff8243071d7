"""inspect-ai as a log format and as a runner: an optional extra, and nothing else needs it.

    logs      what was written and judged here, as logs that `inspect view` opens
    runner    our tasks and our judge for `inspect eval`, before any model that it can reach

https://inspect.aisi.org.uk
"""

from __future__ import annotations

from importlib.util import find_spec

from inhouse.errors import UserMistake

__all__ = ["require_inspect"]


def require_inspect(wanted: str) -> None:
    """Raise UserMistake, which says what to install, unless inspect-ai is there. `wanted` names what for."""
    if find_spec("inspect_ai") is None:
        raise UserMistake(
            f"{wanted} needs inspect-ai", "it is not installed", "run `pip install 'inhouse[inspect]'`"
        )
