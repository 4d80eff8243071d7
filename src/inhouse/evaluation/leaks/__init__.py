"""Leaks: what a model gives away that it should not know, or should not say.

    exposure    planted canaries: how much likelier than others of their kind the model finds them
    removed     secrets that hygiene took out of the history: are they continued from the text before them?
    copies      the longest passages that answers share with documents of others, and with training text
    personal    e-mail addresses, telephone numbers, accounts and the like in answers

Nothing here keeps a secret: verdicts hold digests, kinds and numbers.
"""

from inhouse.evaluation.leaks.copies import Copy, longest_copies
from inhouse.evaluation.leaks.exposure import Exposure, exposure, measure_exposure
from inhouse.evaluation.leaks.personal import Personal, personal_data
from inhouse.evaluation.leaks.removed import Extraction, extract_removed, removed_secrets

__all__ = [
    "Copy",
    "Exposure",
    "Extraction",
    "Personal",
    "exposure",
    "extract_removed",
    "longest_copies",
    "measure_exposure",
    "personal_data",
    "removed_secrets",
]
