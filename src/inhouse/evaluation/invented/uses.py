"""What a piece of code uses, and the names that a file binds."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Use"]


@dataclass(frozen=True, slots=True)
class Use:
    """One symbol that code relies on. What `path` begins with says how it can be looked up."""

    kind: str  # call, import, attribute, type, field, constant
    path: tuple[str, ...]  # ("os", "path", "join"); of what is not known to be a module only the last name
    owner: str  # module: an imported module; class: a class of the repository; "" for anything else
    shown: str  # as written

    @property
    def name(self) -> str:
        """The symbol itself."""
        return self.path[-1]
