"""Why something is removed, and what each reason forbids.

A document may be unfit to learn from and yet fit to be found: the uses are *train*, *index* (search and
retrieval) and *serve* (show to a user).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["REASONS", "Reason"]

_EVERY_USE = ("train", "index", "serve")


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason for removal: the uses that it forbids, and a sentence for people."""

    forbids: tuple[str, ...]
    meaning: str


# in the order in which they are decided: the first that holds is the one that is counted
REASONS = {
    "link": Reason(_EVERY_USE, "a symbolic link: its target is read where it stands"),
    "submodule": Reason(_EVERY_USE, "a commit of another repository"),
    "excluded": Reason(_EVERY_USE, "its path is excluded by the settings"),
    "huge": Reason(_EVERY_USE, "it is larger than sources.max_file_bytes"),
    "missing": Reason(_EVERY_USE, "its content is not in the repository (a partial or shallow clone)"),
    "binary": Reason(_EVERY_USE, "it is not text"),
    "encoding": Reason(_EVERY_USE, "its text has an encoding that cannot be told"),
    "empty": Reason(_EVERY_USE, "there is nothing in it"),
    "secret": Reason(_EVERY_USE, "most of it is secret: a key file, or nothing but credentials"),
    "vendored": Reason(("train",), "third-party code"),
    "generated": Reason(("train", "index"), "written by a program"),
    "minified": Reason(("train", "index"), "minified code"),
    "data": Reason(("train", "index"), "data rather than code: tables, dumps, fixtures, encoded bytes"),
    "duplicate": Reason(("train",), "the same content stands at another path of the training tree"),
    "near-duplicate": Reason(
        ("train",), "nearly the same content stands at another path of the training tree"
    ),
}
