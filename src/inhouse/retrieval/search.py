"""A search in stages: broad and cheap first, then what is near, then a score whose parts have names.

           +-- words (BM25 over the fields), title's words --+
    query -+-- definitions of the names that it mentions ----+--> pool --> graph --> features --> score
           +-- paths, places, frames of a trace -------------+
           +-- vectors, when there is a source of them ------+

Each stage adds candidates and features to the pool. Work is bounded: so many words, definitions, files.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from inhouse.errors import UserMistake
from inhouse.retrieval.graph import Graph, personalised_pagerank
from inhouse.retrieval.query import understand
from inhouse.retrieval.ranking import history
from inhouse.retrieval.ranking.features import describe, remember
from inhouse.retrieval.ranking.pool import Pool
from inhouse.retrieval.ranking.rerank import best_files, hit, place_of, rank

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from inhouse.records import Chunk, Hit, Symbol
    from inhouse.retrieval.query import Query
    from inhouse.retrieval.store import Store
    from inhouse.retrieval.vectors import VectorSource

__all__ = ["FIELD_WEIGHTS", "FileHit", "files", "gather", "search"]

FIELD_WEIGHTS = (2.0, 3.0, 1.0, 1.0)
"""Of `store.FIELDS` in BM25."""

_LEXICAL = 300  # chunks
_OF_TITLE = 100
_MAX_WORDS = 40
_SAID_OFTEN = 0.5  # weight of the logarithm of how often a word is said
_IN_TITLE = 2.0
_MAX_NAMES = 60
_COMMON_NAME = 500  # chunks: a name in more of them is a word
_MAX_DEFINITIONS = 40
_MAX_FILES = 20  # that are read whole, of each stage
_MAX_FRAMES = 12
_NEAREST = 100  # chunks
_POINTING = frozenset({"identifier", "path", "cursor", "diff", "trace"})
"""Kinds that point at places, whose neighbours are of interest; others only get noise from the graph."""

_SEEDS = 2
_EDGES = 12
_INBOUND = 5  # references into one definition
_RELATED = 30  # definitions
_UNSURE = 0.3  # of a file of which only the last part of a path agrees
_WORTH = 0.3  # of a named file, whose chunks become candidates
_BEST_FILES = 5
_EMBED = "run `inhouse index`"


class FileHit(NamedTuple):
    """A file that answers a query, with its best chunk."""

    path: str
    score: float
    why: str
    best: Chunk


def search(
    store: Store,
    query: str,
    k: int = 10,
    graph: Graph | None = None,
    *,
    skip: Callable[[Chunk], bool] | None = None,
    vectors: VectorSource | None = None,
) -> list[Hit]:
    """Return the `k` best chunks for any text, best first; `skip` leaves chunks out.

    `graph` is one of the store in its present state, where it was walked before.

    A source of `vectors` that fails, or that did not make those of the index, leaves the words: each hit
    says so.
    """
    pool = gather(store, query, graph, skip=skip, vectors=vectors)
    hits = (hit(pool, scored) for scored in rank(pool) if scored.score > 0)
    return list(islice((found for found in hits if found.why), k))  # a hit without a reason is none


def files(
    store: Store,
    query: str,
    k: int = 10,
    graph: Graph | None = None,
    *,
    vectors: VectorSource | None = None,
) -> list[FileHit]:
    """Return the `k` files that a text is about, best first: by the best chunk and by the file as a whole."""
    pool = gather(store, query, graph, vectors=vectors)
    best = list(best_files(pool, rank(pool)).items())[:k]
    hits = [(path, hit(pool, scored)) for path, scored in best]
    return [FileHit(path, found.score, found.why, found.chunk) for path, found in hits]


def gather(
    store: Store,
    query: str,
    graph: Graph | None = None,
    *,
    skip: Callable[[Chunk], bool] | None = None,
    vectors: VectorSource | None = None,
) -> Pool:
    """Return all candidates for a query with their features."""
    asked = understand(query)
    with store.reading():
        frequencies = store.frequencies([*asked.words, *asked.compounds])
        pool = Pool(asked, frequencies, _rarity(frequencies, store.counts()["chunks"]))
        for stage in (_find_words, _find_definitions, _find_paths):
            stage(store, pool)
        if vectors is not None:
            _find_meaning(store, pool, vectors)
        if not _POINTING.isdisjoint(asked.kinds):
            _find_related(store, pool, graph or Graph(store))
        if skip is not None:
            pool.chunks = {number: chunk for number, chunk in pool.chunks.items() if not skip(chunk)}
            pool.lexical = {number: score for number, score in pool.lexical.items() if number in pool.chunks}
        table = history.kept(store)
    describe(pool)
    if table is not None:
        best = best_files(pool, rank(pool))
        remember(pool, table, {path: best[path].score for path in list(best)[:_BEST_FILES]})
    return pool


# ------------------------------------------------------------------ words


def _rarity(frequencies: Mapping[str, int], total: int) -> dict[str, float]:
    """Return the inverse document frequency of words, as BM25 has it, among so many chunks."""
    return {word: math.log(1 + (total - count + 0.5) / (count + 0.5)) for word, count in frequencies.items()}


def _find_words(store: Store, pool: Pool) -> None:
    def matching(words: Iterable[str], limit: int) -> dict[int, float]:
        frequencies = {word: pool.frequencies[word] for word in words}
        return dict(store.matching(frequencies, FIELD_WEIGHTS, limit))

    pool.lexical = matching(_strongest(pool), _LEXICAL)
    title = matching(_of_title(pool), _OF_TITLE) if pool.asked.title else {}
    pool.chunks |= store.chunks([*pool.lexical, *title])
    best = max(title.values(), default=0.0) or 1.0
    for number, score in title.items():
        pool.mark(number, "title", score / best)


def _strongest(pool: Pool) -> list[str]:
    """Return the words that are looked up: rare ones, those said often and those of the title."""
    asked, rarity = pool.asked, pool.rarity

    def strength(word: str) -> float:
        often = 1 + _SAID_OFTEN * math.log(asked.words.get(word, 1.0))
        return rarity[word] * often * (_IN_TITLE if word in asked.title else 1.0)

    return sorted(rarity, key=lambda word: (-strength(word), word))[:_MAX_WORDS]


def _of_title(pool: Pool) -> list[str]:
    return [word for word in (*pool.asked.title, *pool.asked.compounds) if word in pool.rarity]


# ------------------------------------------------------------------ vectors


def _find_meaning(store: Store, pool: Pool, vectors: VectorSource) -> None:
    """Mark the chunks that are nearest in meaning, the nearest fully, the last not at all.

    The convex combination of Bruch, Gai and Ingber (TOIS 42, 2023): a source of weight w counts w against
    1 - w of the words.
    """
    try:
        near = _nearest(store, pool.asked.text, vectors)
    except UserMistake as error:
        pool.notes.append(f"by words only, because {error}")
        return
    pool.chunks |= store.chunks(number for number, _ in near if number not in pool.chunks)
    least = near[-1][1] if near else 0.0
    span = near[0][1] - least if near else 0.0
    for number, cosine in near:
        share = (cosine - least) / span if span else 1.0
        pool.mark(number, "meaning", share * vectors.weight / (1 - vectors.weight), f"{cosine:.2f}")


def _nearest(store: Store, text: str, vectors: VectorSource) -> list[tuple[int, float]]:
    kept = store.get("vectors")
    if kept is None or kept["model"] != vectors.name:
        given = f"it has {kept['model'] if kept else 'none'}, not {vectors.name}"
        raise UserMistake("an index is searched with vectors of the model that it holds", given, _EMBED)
    return store.nearest(vectors.queries([text])[0], _NEAREST)


# ------------------------------------------------------------------ definitions


def _find_definitions(store: Store, pool: Pool) -> None:
    """Mark the chunks that define a name that was mentioned: fully by full name or only definition."""
    found = [symbol for symbol in store.symbols_named(_names(store, pool.asked)) if symbol.kind != "key"]
    common = Counter(symbol.name for symbol in found)
    qualified = set(pool.asked.qualified)
    sure = {
        place: 1.0 if symbol.qualified_name in qualified else common[symbol.name] ** -0.5
        for place, symbol in enumerate(found)
    }
    best = sorted(sure, key=lambda place: (-sure[place], place))[:_MAX_DEFINITIONS]
    by_path: dict[str, list[tuple[Symbol, float]]] = {}
    for place in best:
        by_path.setdefault(found[place].path, []).append((found[place], sure[place]))
    for path in list(by_path)[:_MAX_FILES]:
        for number, chunk in store.chunks_of(path).items():
            for symbol, value in by_path[path]:
                if chunk.start <= symbol.start < chunk.end:
                    pool.chunks[number] = chunk
                    pool.mark(number, "defines", value, symbol.name)


def _names(store: Store, asked: Query) -> list[str]:
    """Return the names to look up, rarest first: a common one would be found everywhere."""
    frequency = store.frequencies(name.lower() for name in asked.identifiers)
    rare = sorted(
        (name for name in asked.identifiers if frequency.get(name.lower(), 0) <= _COMMON_NAME),
        key=lambda name: (frequency.get(name.lower(), 0), name),
    )
    names = list(asked.identifiers) if "identifier" in asked.kinds else rare
    return [*names[:_MAX_NAMES], *asked.qualified[:_MAX_NAMES]]


# ------------------------------------------------------------------ graph


def _find_related(store: Store, pool: Pool, graph: Graph) -> None:
    """Mark the definitions that the best ones so far use or are used by, directly or through others."""
    seeds = _seeds(pool)
    edges = graph.neighbourhood(list(seeds), _EDGES, _INBOUND)
    if not edges:
        return
    shares = personalised_pagerank(edges, seeds)
    near = {node: share for node, share in shares.items() if node[1] and node not in seeds}
    wanted: dict[str, dict[str, float]] = {}
    for path, name in list(near)[:_RELATED]:
        wanted.setdefault(path, {})[name] = near[path, name]
    most = max(near.values(), default=0.0) or 1.0
    for path, names in wanted.items():
        for number, chunk in store.chunks_of(path).items():
            for name in names.keys() & {chunk.symbol, *chunk.defines}:
                pool.chunks[number] = chunk
                pool.mark(number, "graph", names[name] / most, name)


def _seeds(pool: Pool) -> dict[tuple[str, str], float]:
    """Return the definitions that look best before they are described, with how good they look."""
    best = max(pool.lexical.values(), default=0.0) or 1.0
    scores = {
        number: pool.lexical.get(number, 0.0) / best + sum(pool.own[number].values())
        for number, chunk in pool.chunks.items()
        if chunk.symbol
    }
    top = sorted(scores, key=lambda number: (-scores[number], *place_of(pool.chunks[number])))[:_SEEDS]
    return {(pool.chunks[number].path, pool.chunks[number].symbol): scores[number] for number in top}


# ------------------------------------------------------------------ paths, places, traces


def _find_paths(store: Store, pool: Pool) -> None:
    asked = pool.asked
    written = dict.fromkeys([*asked.paths, *(frame.path for frame in asked.frames)])
    known = _Paths(store, written)
    for path in asked.paths:
        for found, sure in known.of(path):
            pool.mark_file(found, "named", sure)
    for place in asked.places:
        for found, sure in known.of(place.path):
            _mark_lines(store, pool, found, place.line, sure)
    _mark_stack(store, pool, known)
    for path in _worth_reading(pool):
        for number, chunk in store.chunks_of(path).items():
            pool.chunks.setdefault(number, chunk)


def _mark_lines(store: Store, pool: Pool, path: str, line: int, sure: float) -> None:
    for number, chunk in store.chunks_of(path).items():
        if chunk.start_line <= line <= chunk.end_line:
            pool.chunks[number] = chunk
            pool.mark(number, "place", sure, f"{path}:{line}")


def _mark_stack(store: Store, pool: Pool, known: _Paths) -> None:
    """Mark the frames that are the repository's own: the innermost fully, those further out for less."""
    own = [(frame, found) for frame in pool.asked.frames if (found := known.of(frame.path))]
    for depth, (frame, found) in enumerate(own[:_MAX_FRAMES], start=1):
        for path, sure in found:
            pool.mark_file(path, "stack", sure / depth)
            for number, chunk in store.chunks_of(path).items() if frame.function else ():
                if frame.function in {name.rpartition(".")[2] for name in (*chunk.defines, chunk.symbol)}:
                    pool.chunks[number] = chunk
                    pool.mark(number, "frame", sure / depth, frame.function)


def _worth_reading(pool: Pool) -> list[str]:
    """Return the files that were named, all of whose chunks are candidates."""
    worth = {path: max(said["named"], said["stack"]) for path, said in pool.shared.items()}
    best = sorted(worth, key=lambda path: (-worth[path], path))
    return [path for path in best if worth[path] >= _WORTH][:_MAX_FILES]


class _Paths:
    """The files that paths as written may mean: those that agree with most of their last parts."""

    def __init__(self, store: Store, written: Iterable[str]) -> None:
        self._known = [path.split("/") for path in store.paths_ending(_endings(written))]
        self._found: dict[str, list[tuple[str, float]]] = {}

    def of(self, written: str) -> list[tuple[str, float]]:
        """Return the files with how sure that is: shared by several, less when only the name agrees."""
        if written not in self._found:
            parts = _clean(written).split("/")
            agree = [(_agreement(known, parts), known) for known in self._known]
            most = max((length for length, _ in agree), default=0)
            best = ["/".join(known) for length, known in agree if length == most] if most else []
            sure = 1.0 if most == len(parts) or most > 1 else _UNSURE
            self._found[written] = [(path, sure / len(best)) for path in best[:_MAX_FILES]]
        return self._found[written]


def _endings(written: Iterable[str]) -> Iterator[str]:
    for path in map(_clean, written):
        parts = path.split("/")
        yield from ("/".join(parts[first:]) for first in range(len(parts)))


def _clean(path: str) -> str:
    return path.lstrip("./")


def _agreement(known: list[str], parts: list[str]) -> int:
    """Return how many parts at the end are equal."""
    number = 0
    while number < min(len(known), len(parts)) and known[-1 - number] == parts[-1 - number]:
        number += 1
    return number
