"""The likelihood of new code, taken apart: by language, age of the file and kind of identifier, over time.

Everything is read from the stored scores; nothing is scored again. All values are bits per byte and shares of
tokens, with the interval of `statistics` resampled by commit.

    calibration     is a token to which the model gives 80% right four times in five?
    by_language     of the file
    by_age          of the file, at the commit: how long ago the history read first shows its path
    by_identifier   of the tokens: parts of identifiers that occur before the cut or in the file so far
                    ("known"), of others ("new"), and everything else
    drift           in periods of about equally many commits after the cut, and the trend of tuned minus base
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from inhouse.datasets.formats import item_target, target_text
from inhouse.evaluation.measures import BITS, MEASURES, difference_of, plain, rounded, value_of
from inhouse.evaluation.significance import paired_difference
from inhouse.evaluation.statements import identifier_spans
from inhouse.evaluation.statistics import MIN_COMMITS, estimate, resampled_sums, spread
from inhouse.hygiene.corpus import Corpus
from inhouse.languages import detect
from inhouse.records import Change, Commit, Item, Score
from inhouse.shards import read_records

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Split

__all__ = [
    "AGES",
    "BINS",
    "Scored",
    "breakdown",
    "calibration",
    "first_seen",
    "known_identifiers",
    "read_scored",
    "token_classes",
]

BINS = 10
"""Of equal width, for calibration."""

_PERIODS = 8
_DAY = 86_400
_MONTH = 365.25 / 12 * _DAY
_AGES = ((_MONTH, "under a month"), (12 * _MONTH, "up to a year"), (math.inf, "over a year"))
_NEW_FILE, _OLDEST = "new file", "older than the history read"
AGES = (_NEW_FILE, *(name for _, name in _AGES), _OLDEST)
"""Of a file, youngest first."""
_KNOWN, _NEW, _OTHER = "known identifiers", "new identifiers", "everything else"
_BASE, _TUNED = "base", "tuned"


@dataclass(frozen=True, slots=True)
class Scored:
    """The held-out items that were scored, and what there is to know about them."""

    items: Sequence[Item]
    scores: Mapping[str, Sequence[Score]]  # by arm, in the order of the items
    cut_date: int
    seen: Mapping[str, int]  # by path: when the history read first shows it; absent where it is older
    known: Collection[str]  # identifiers of the tree at the cut
    tokenizer: Tokenizer
    seed: int = 0


def breakdown(scored: Scored) -> dict[str, Any]:
    """Return the likelihood taken apart, as plain JSON values."""
    return {
        "calibration": {
            arm: calibration(scores, scored.seed) for arm, scores in scored.scores.items() if scores
        },
        "by_language": _by_group(scored, lambda item: item.language or "other"),
        "by_age": _by_group(scored, lambda item: _age(item, scored.seen)),
        "by_identifier": _by_identifier(scored),
        "drift": _drift(scored),
    }


def read_scored(
    scores: Path,
    dataset: Path,
    history: Path,
    corpus: Path,
    split: Split,
    tokenizer: Tokenizer,
    seed: int = 0,
) -> Scored:
    """Read what `breakdown` needs from the folders of the artefacts. Nothing is scored again."""
    items = {item.id: item for item in read_records(dataset, "items", Item)}
    by_arm: dict[str, list[Score]] = {}
    for score in read_records(scores, "scores", Score):
        by_arm.setdefault(score.arm, []).append(score)
    tree = Corpus(corpus).tree(history, split.cut, "index")
    return Scored(
        items=[items[score.item] for score in by_arm.get(_BASE, [])],
        scores=by_arm,
        cut_date=split.cut_date,
        seen=first_seen(read_records(history, "commits", Commit), read_records(history, "changes", Change)),
        known=known_identifiers((document.text, detect(path)) for path, document in tree),
        tokenizer=tokenizer,
        seed=seed,
    )


def known_identifiers(texts: Iterable[tuple[str, str]]) -> set[str]:
    """Return the identifiers of (text, language) pairs, such as the files of the tree at the cut."""
    return {word for text, language in texts for word, _, _ in identifier_spans(text, language)}


def first_seen(commits: Iterable[Commit], changes: Iterable[Change]) -> dict[str, int]:
    """Return when each path was added, in seconds, following renames; paths added before what was read lack.

    `changes` are those of the history artefact.
    """
    dates = {commit.id: commit.date for commit in commits}
    found: dict[str, int] = {}
    for change in sorted(changes, key=lambda change: (dates.get(change.commit, 0), change.commit)):
        if change.status == "A":
            found.setdefault(change.path, dates[change.commit])
        elif change.status == "R" and change.old_path in found:
            found.setdefault(change.path, found[change.old_path])
    return found


# ------------------------------------------------------------------ calibration


def calibration(scores: Sequence[Score], seed: int = 0) -> dict[str, Any]:
    """Return how far the model's confidence in its own next token can be trusted.

    The expected calibration error is the mean distance of confidence and share right over ten bins of equal
    width, weighted by tokens (Guo et al. 2017, arXiv 1706.04599). Resampling adds noise to every distance, so
    its interval is moved back by what the resamples are off on average. "overconfidence" is signed: mean
    confidence minus share right.
    """
    told = [score for score in scores if score.best]
    if not told:
        return {
            "told": False,
            "reason": "scored by a version that did not record it; run `inhouse eval` again",
        }
    confidence = np.exp(np.concatenate([score.best for score in told]))  # (tokens)
    right = np.concatenate([score.right for score in told]).astype(float)
    commits = np.repeat([score.commit for score in told], [len(score.best) for score in told])
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    over = estimate(
        [math.fsum(math.exp(best) for best in score.best) - sum(score.right) for score in told],
        [len(score.best) for score in told],
        [score.commit for score in told],
        seed=seed,
    )
    return {
        "told": True,
        "error": _calibration_error(confidence, right, bins, commits, seed) | {"n": len(told)},
        "overconfidence": plain(over),
        "tokens": len(confidence),
        "bins": [_bin(number, confidence, right, bins) for number in range(BINS)],
    }


def _calibration_error(confidence: Any, right: Any, bins: Any, commits: Any, seed: int) -> dict[str, Any]:
    """Return the error with its interval; each resample adds up whole commits before bins are compared."""
    inside = np.arange(BINS) == bins[:, None]  # (tokens, bins)
    distance = inside * (confidence - right)[:, None]
    sums = resampled_sums(np.hstack([distance, np.ones((len(bins), 1))]), commits, seed)
    value = float(np.abs(distance.sum(0)).sum() / len(bins))
    clusters = len(set(commits.tolist()))
    if sums is None:
        return {"value": rounded(value), "low": None, "high": None, "commits": clusters}
    errors = np.abs(sums[:, :BINS]).sum(1) / sums[:, BINS]
    low, high = (max(0.0, edge + value - float(errors.mean())) for edge in spread(errors, clusters))
    return {
        "value": rounded(value),
        "low": rounded(min(low, value)),
        "high": rounded(max(high, value)),
        "commits": clusters,
    }


def _bin(number: int, confidence: Any, right: Any, bins: Any) -> dict[str, Any]:
    inside = bins == number
    count = int(inside.sum())
    return {
        "from": number / BINS,
        "to": (number + 1) / BINS,
        "tokens": count,
        "confidence": rounded(float(confidence[inside].mean())) if count else None,
        "right": rounded(float(right[inside].mean())) if count else None,
    }


# ------------------------------------------------------------------ by kind of file


def _by_group(scored: Scored, key: Callable[[Item], str]) -> dict[str, Any]:
    """Return every arm's bits per byte and share of tokens right, and what tuning changes, by group."""
    groups: dict[str, list[int]] = {}
    for number, item in enumerate(scored.items):
        groups.setdefault(key(item), []).append(number)
    return {name: _group(scored, numbers) for name, numbers in sorted(groups.items())}


def _group(scored: Scored, numbers: Sequence[int]) -> dict[str, Any]:
    of_arm = {arm: [scores[number] for number in numbers] for arm, scores in scored.scores.items()}
    bits, right = MEASURES[BITS], MEASURES["next_token_accuracy"]
    return {
        "arms": {
            arm: {
                BITS: plain(value_of(scores, bits, scored.seed)),
                "next_token_accuracy": plain(value_of(scores, right, scored.seed)),
            }
            for arm, scores in of_arm.items()
        },
        "tuned - base": plain(difference_of(of_arm[_TUNED], of_arm[_BASE], bits, scored.seed), tested=True),
    }


def _age(item: Item, seen: Mapping[str, int]) -> str:
    if not item.known_path:
        return _NEW_FILE
    if item.path not in seen:
        return _OLDEST
    age = item.date - seen[item.path]
    return next(name for limit, name in _AGES if age < limit)


# ------------------------------------------------------------------ by kind of token


def token_classes(item: Item, tokenizer: Tokenizer, known: Collection[str]) -> list[str]:
    """Return for each scored token whether it stands for part of a known identifier, a new one, or neither.

    An identifier is known where it occurs in the tree at the cut or earlier in the file. A token that holds
    the first byte of one and white space before it belongs to the identifier.
    """
    target = target_text(item.prefix, item.target)
    before = {word for word, _, _ in identifier_spans(item.prefix, item.language)}
    lengths = tokenizer.byte_lengths(item_target(item, tokenizer))
    kinds = np.full(len(target.encode()), 0)  # of each byte
    for word, start, end in identifier_spans(target, item.language):
        first = len(target[:start].encode())
        kinds[first : first + len(target[start:end].encode())] = 1 if word in known or word in before else 2
    ends = list(accumulate(lengths))
    names = (_OTHER, _KNOWN, _NEW)
    return [
        names[int(kinds[end - length : end].max(initial=0))]
        for end, length in zip(ends, lengths, strict=True)
    ]


def _by_identifier(scored: Scored) -> dict[str, Any]:
    """Return bits per token and share right of every arm by class of token, and what tuning changes."""
    if not all(score.logprobs for scores in scored.scores.values() for score in scores):
        return {}
    classes = [np.asarray(token_classes(item, scored.tokenizer, scored.known)) for item in scored.items]
    return {
        name: _token_class(scored, [found == name for found in classes]) for name in (_KNOWN, _NEW, _OTHER)
    }


def _token_class(scored: Scored, chosen: Sequence[Any]) -> dict[str, Any]:
    """Return the same for one class; `chosen` says for each item which of its tokens are of it."""
    counts = [int(mask.sum()) for mask in chosen]
    commits = [item.commit for item in scored.items]
    with_any = [number for number, count in enumerate(counts) if count]
    bits = {
        arm: [_bits(s, mask) for s, mask in zip(scores, chosen, strict=True)] for arm, scores in _arms(scored)
    }
    right = {
        arm: [_right(s, mask) for s, mask in zip(scores, chosen, strict=True)]
        for arm, scores in _arms(scored)
    }

    def of_any(column: Sequence[Any]) -> list[Any]:
        return [column[number] for number in with_any]

    def found(tops: Sequence[float]) -> dict[str, Any]:
        return plain(estimate(of_any(tops), of_any(counts), of_any(commits), seed=scored.seed))

    tuned, base = ((of_any(bits[arm]), of_any(counts)) for arm in (_TUNED, _BASE))
    return {
        "tokens": sum(counts),
        "arms": {
            arm: {"bits_per_token": found(bits[arm]), "next_token_accuracy": found(right[arm])}
            for arm in bits
        },
        "tuned - base": plain(paired_difference(tuned, base, of_any(commits), seed=scored.seed), tested=True),
    }


def _arms(scored: Scored) -> Iterable[tuple[str, Sequence[Score]]]:
    return scored.scores.items()


def _bits(score: Score, mask: Any) -> float:
    return -float(np.asarray(score.logprobs)[mask].sum()) / math.log(2)


def _right(score: Score, mask: Any) -> float:
    return float(np.asarray(score.right)[mask].sum())


# ------------------------------------------------------------------ over time


def _drift(scored: Scored) -> dict[str, Any]:
    """Return the likelihood over time after the cut: periods of whole commits, and the trend of the gain."""
    return {
        "periods": [_period(scored, numbers) for numbers in _periods(scored.items)],
        "trend": _trend(scored),
    }


def _periods(items: Sequence[Item]) -> list[list[int]]:
    """Divide items by commit date into at most 8 periods of about equally many commits, 5 at least."""
    commits = sorted({(item.date, item.commit) for item in items})
    wanted = max(1, min(_PERIODS, len(commits) // MIN_COMMITS))
    period_of = {commit: place * wanted // len(commits) for place, (_, commit) in enumerate(commits)}
    periods: list[list[int]] = [[] for _ in range(wanted)]
    for number, item in enumerate(items):
        periods[period_of[item.commit]].append(number)
    return [period for period in periods if period]


def _period(scored: Scored, numbers: Sequence[int]) -> dict[str, Any]:
    dates = [scored.items[number].date for number in numbers]
    middle = sum(dates) / len(dates)
    return {
        "from": f"{datetime.fromtimestamp(min(dates), UTC):%Y-%m-%d}",
        "to": f"{datetime.fromtimestamp(max(dates), UTC):%Y-%m-%d}",
        "months": rounded((middle - scored.cut_date) / _MONTH),
        **_group(scored, numbers),
    }


def _trend(scored: Scored) -> dict[str, Any]:
    """Return by how much tuned minus base changes each month: the slope of a line through all items.

    Weighted by bytes. Above zero, what was learnt wears off.
    """
    base, tuned = (scored.scores[arm] for arm in (_BASE, _TUNED))
    weights = np.array([score.bytes for score in base], dtype=float)
    months = np.array([(item.date - scored.cut_date) / _MONTH for item in scored.items])
    changes = np.array([t.bits - b.bits for t, b in zip(tuned, base, strict=True)])
    if not len(weights) or np.ptp(months) == 0:
        return plain(estimate([], [], []), detectable=True)
    months -= np.average(months, weights=weights)
    changes -= weights * changes.sum() / weights.sum()
    slope = estimate(
        (months * changes).tolist(),
        (months**2 * weights).tolist(),
        [item.commit for item in scored.items],
        seed=scored.seed,
    )
    return plain(slope, detectable=True)
