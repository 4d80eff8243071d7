"""How much each feature counts. Numbers of a linear score, to be read by people.

How they were chosen: by hand first, then by coordinate ascent (one feature at a time over a small grid, kept
when it is worth about one issue) on the 42 issues of `benchmarks/bench_localisation.py` together with the
tune halves of CoSQA and of `benchmarks/data/code_search.jsonl`, so that others do not pay for issues.
That benchmark reports what the same procedure reaches on a repository that it was not shown. "meaning" is in
balance with words and file together, as a source's own weight wants it.
"""

from __future__ import annotations

from types import MappingProxyType

__all__ = ["FACTORS", "WEIGHTS"]

WEIGHTS = MappingProxyType(
    {
        # of the chunk
        "words": 1.0,
        "title": 0.5,
        "names": 0.5,
        "defines": 0.5,
        "code": 0.5,
        "frame": 1.5,
        "place": 2.0,
        "quote": 1.0,
        "meaning": 2.0,
        "graph": 0.25,
        # of its file
        "file": 1.0,
        "module": 0.5,
        "called": 0.25,
        "named": 1.0,
        "stack": 1.0,
        "changes": 0.25,
        "together": 0.25,
    }
)
"""Of each feature; a feature lies between 0 and 1."""

FACTORS = MappingProxyType(
    {"": 1.0, "test": 0.3, "document": 0.3, "log": 0.1, "vendored": 0.5, "example": 0.6, "other": 0.6}
)
"""On the whole score, by what a file is."""
