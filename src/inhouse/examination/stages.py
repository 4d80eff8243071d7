"""The stages of an examination: what each artefact hangs on, and the version of the code that makes it."""

from __future__ import annotations

from inhouse.workspace import Stage

__all__ = ["ANSWERS", "GENERAL", "JUDGEMENTS", "KNOWN", "NEWER", "PROMPTED", "STAGES"]

_TENSORS = ("torch", "transformers", "peft")

PROMPTED = Stage(
    "prompted",
    6,
    ("evaluation.prompted", "evaluation.conventions", "evaluation.likelihood", "evaluation.arms", "engines"),
    _TENSORS,
)
GENERAL = Stage(
    "general", 4, ("evaluation.retention", "evaluation.likelihood", "evaluation.arms", "engines"), _TENSORS
)
NEWER = Stage(
    "newer",
    15,
    (
        "evaluation.newer",
        "evaluation.prompted",
        "evaluation.conventions",
        "evaluation.likelihood",
        "evaluation.arms",
        "datasets.formats",
        "datasets.offered",
        "datasets.prose",
        "retrieval",
        "engines",
    ),
    _TENSORS,
)
KNOWN = Stage(
    "known", 3, ("evaluation.leaks", "evaluation.suites.leaks", "datasets.canaries", "engines"), _TENSORS
)
ANSWERS = Stage(
    "answers",
    16,
    (
        "evaluation.generation",
        "evaluation.prompts",
        "evaluation.prompted",
        "evaluation.extraction",
        "evaluation.arms",
        "datasets.formats",
        "datasets.offered",
        "retrieval",
        "engines",
    ),
    _TENSORS,
)
JUDGEMENTS = Stage(
    "judgements",
    6,
    (
        "evaluation.suites",
        "evaluation.conventions",
        "evaluation.documents",
        "evaluation.invented",
        "evaluation.judging",
        "evaluation.leaks",
        "evaluation.extraction",
        "evaluation.mining.building",
        "evaluation.mining.reports",
        "evaluation.mining.verify",
        "evaluation.pass_at_k",
        "evaluation.placed",
        "evaluation.programs",
        "evaluation.static_checks",
        "evaluation.syntax",
        "datasets.questions",
        "sandbox",
    ),
)
STAGES = (PROMPTED, GENERAL, NEWER, KNOWN, ANSWERS, JUDGEMENTS)
