"""Build training examples and held-out items, split by date; look at them, compare and export them.

example: inhouse dataset build . --budget demo
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.cli.common import VerbParser, open_context, open_pipeline, print_json, print_rows
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Mapping

    from inhouse.cli.common import Context
    from inhouse.models.resolve import BaseModel
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Example
    from inhouse.workspace import Artefact

__all__ = ["parser", "run"]

_ACTIONS = {
    "build": "build it, and tell what it holds; so does the verb alone",
    "stats": "rows, tokens, loss and what was left out, by kind; stats NAME of another dataset",
    "show": "show N: the N-th row, or the one whose id begins so, as the model sees it",
    "diff": "diff A B: settings and rows in which two datasets differ; the last two when none is named",
    "export": "write it for other tools",
    "tokenizer": "how the tokenizer spells the code, and what tokens of its own would save",
}
_MOST_WORDS = {"build": 1, "stats": 1, "show": 1, "diff": 2, "export": 1, "tokenizer": 0}
_ROWS = ("split", "kind", "rows", "tokens", "with loss", "cut", "cut share")
_SCORED = ("scored", "not scored", "tokens", "from", "median", "to", "too likely", "too unlikely")
_WIDTH = 130  # characters of a row that is only pointed at
_OPEN, _CLOSE = "⟦", "⟧"
_GREEN, _PLAIN = "\x1b[32m", "\x1b[0m"


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="ACTION",
        help="build, stats, show, diff, export or tokenizer, and its words; or a repository to build from",
    )
    parser.add_choices()
    parser.add_argument(
        "--format",
        choices=("parquet", "messages", "completion"),
        default="parquet",
        help="of an export: whole rows, conversations, or prompts with completions (%(default)s)",
    )
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="of an export (default: in the workspace)")
    lines = [f"  {name:<10} {text}" for name, text in _ACTIONS.items()]
    parser.epilog = "\n".join(["actions:", *lines, "A dataset is named by the beginning of its fingerprint."])


def run(arguments: argparse.Namespace) -> int:
    """Build, look, compare or export."""
    words = list(arguments.words)
    action = words.pop(0) if words and words[0] in _ACTIONS else "build"
    if len(words) > _MOST_WORDS[action]:
        raise UserMistake(
            f"`inhouse dataset {action}` takes {_MOST_WORDS[action]} more word(s)",
            " ".join(words),
            "see `inhouse dataset --help`",
        )
    if action == "build":
        return _build(arguments, words)
    with open_context(arguments, Path(), create=False) as context:
        return _VERBS[action](arguments, context, words)


# ------------------------------------------------------------------ build and stats


def _build(arguments: argparse.Namespace, words: list[str]) -> int:
    from inhouse.datasets.stats import dataset_stats

    arguments.path = Path(words[0]) if words else None
    with open_pipeline(arguments) as pipeline:
        dataset = pipeline.dataset
        accounting = dataset.read_json("accounting.json")
        reason = pipeline.split.reason
    stats = dataset_stats(dataset)
    if arguments.json:
        print_json({"digest": dataset.digest, "split": reason, "accounting": accounting, "stats": stats})
        return 0
    print(f"{reason}\n")
    _print_stats(stats)
    print("\nnext: inhouse dataset show 1")
    return 0


def _stats(arguments: argparse.Namespace, context: Context, words: list[str]) -> int:
    from inhouse.datasets.stats import dataset_stats
    from inhouse.datasets.stored import find_dataset

    stats = dataset_stats(find_dataset(context.workspace, *words))
    if arguments.json:
        print_json({"stats": stats})
    else:
        _print_stats(stats)
    return 0


def _print_stats(stats: dict[str, Any]) -> None:
    print(
        f"dataset {stats['fingerprint'][:12]}, budget {stats['budget']}: {stats['tokens_allowed']:,} tokens"
    )
    print_rows([_row_line(row) for row in stats["rows"]], _ROWS)
    print()
    print_rows(
        [_mixing_line(row) for row in stats["mixing"]], ["kind", "asked for", "got", "tokens", "left out"]
    )
    _print_reasons(stats)
    _print_likelihood(stats["perplexity"])
    canaries = stats["canaries"]["planted"]
    print(f"canaries: {canaries or 'none'}")
    for line in _plain_lines(stats["more"], ""):
        print(line)


def _row_line(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "split": row["split"],
        "kind": row["kind"],
        "rows": f"{row['rows']:,}",
        "tokens": f"{row['tokens']:,}",
        "with loss": f"{row['tokens_with_loss']:,}",
        "cut": f"{row['cut']:,}",
        "cut share": f"{row['cut_share']:.1%}",
    }


def _mixing_line(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "kind": row["kind"],
        "asked for": f"{row['share_wanted']:.1%}",
        "got": f"{row['share']:.1%}",
        "tokens": f"{row['tokens']:,}",
        "left out": f"{row['tokens_left_out']:,}",
    }


def _print_reasons(stats: Mapping[str, Any]) -> None:
    skipped = [
        {"kind": kind, "gave no row because": reason, "n": f"{number:,}"}
        for kind, reasons in stats["skipped"].items()
        for reason, number in reasons.items()
    ]
    if skipped:
        print()
        print_rows(skipped, ["kind", "gave no row because", "n"])
    print()
    items = [_item_line(period, own) for period, own in stats["items"].items()]
    print_rows(items, ["items", "candidates", "kept", "removed"])


def _print_likelihood(found: Mapping[str, Any]) -> None:
    """Print how likely the base model finds the rows, and those at the ends."""
    from inhouse.sandbox import for_terminal

    if not found:
        return
    kinds = [{"kind": kind, **_scored_line(own)} for kind, own in found["kinds"].items()]
    print(f"\n{found['unit']}, by the base model; window {found['window']} of each kind")
    print_rows(kinds, ["kind", *_SCORED])
    for name in ("least_likely", "most_likely"):
        print(f"\n{name.replace('_', ' ')}:")
        for one in found[name]:
            dropped = "dropped" if one["dropped"] else "       "
            line = f"  {one['bits_per_byte']:>7.3f} {dropped} {one['row']} {one['kind']}: {one['text']}"
            print(for_terminal(line)[:_WIDTH])
    print()


def _scored_line(own: Mapping[str, Any]) -> dict[str, str]:
    counts = [f"{own['rows_scored']:,}", f"{own['rows_not_scored_and_kept']:,}", f"{own['tokens_scored']:,}"]
    bounds = [f"{own[name]:.3f}" if name in own else "-" for name in ("stays_from", "median", "stays_to")]
    dropped = [str(own["dropped_most_likely"]), str(own["dropped_least_likely"])]
    return dict(zip(_SCORED, [*counts, *bounds, *dropped], strict=True))


def _item_line(period: str, own: Mapping[str, Any]) -> dict[str, str]:
    removed = ", ".join(f"{number} {reason}" for reason, number in own["removed"].items())
    counts = {"candidates": f"{own['candidates']:,}", "kept": f"{own['kept']:,}"}
    return {"items": period, **counts, "removed": removed}


def _plain_lines(values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Yield what an account holds besides, a line for each value."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _plain_lines(value, f"{prefix}{name}: ")
        else:
            yield f"{prefix}{name}: {value if isinstance(value, str | int | float) else json.dumps(value)}"


# ------------------------------------------------------------------ show


def _show(arguments: argparse.Namespace, context: Context, words: list[str]) -> int:
    from inhouse.datasets.stored import find_row, resolve_lineage

    dataset, _, tokenizer = _read_with(context)
    number, row = find_row(dataset, words[0] if words else "")
    places = resolve_lineage(context.workspace, dataset, row.lineage)
    lineage = [places.get(name, name) for name in row.lineage]
    spans = [
        {"loss": loss, "tokens": len(ids), "text": tokenizer.decode(ids, markers=True)}
        for loss, ids in _spans(row)
    ]
    if arguments.json:
        tokens = [
            {"id": id_, "text": tokenizer.decode([id_], markers=True), "loss": loss}
            for id_, loss in zip(row.input_ids, row.trained, strict=True)
        ]
        print_json({**_head(number, row), "lineage": lineage, "spans": spans, "tokens": tokens})
        return 0
    print(" · ".join(f"{name} {value}" for name, value in _head(number, row).items()))
    print(*[f"from {place}" for place in lineage], sep="\n")
    print(f"loss on what stands between {_OPEN} and {_CLOSE}\n")
    print("".join(_marked(str(span["text"]), loss=bool(span["loss"])) for span in spans))
    return 0


def _head(number: int, row: Example) -> dict[str, Any]:
    counts = {"tokens_in_row": len(row.input_ids), "tokens_with_loss": sum(row.trained)}
    return {"row": number, "id": row.id, "kind": row.kind, "split": row.split, **counts, "weight": row.weight}


def _spans(row: Example) -> Iterator[tuple[bool, list[int]]]:
    """Yield the runs of tokens that carry loss, or carry none."""
    from itertools import groupby

    pairs = zip(row.trained, row.input_ids, strict=True)
    for loss, run in groupby(pairs, lambda pair: pair[0]):
        yield loss, [id_ for _, id_ in run]


def _marked(text: str, *, loss: bool) -> str:
    from inhouse.sandbox import for_terminal

    shown = for_terminal(text)
    if not loss:
        return shown
    colour, plain = (_GREEN, _PLAIN) if sys.stdout.isatty() else ("", "")
    return f"{colour}{_OPEN}{shown}{_CLOSE}{plain}"


# ------------------------------------------------------------------ diff


def _diff(arguments: argparse.Namespace, context: Context, words: list[str]) -> int:
    from inhouse.datasets.stats import compare_datasets
    from inhouse.datasets.stored import find_dataset, last_two

    if len(words) == 1:
        raise UserMistake("two datasets are compared, or the last two", words[0], "name another one")
    named = [find_dataset(context.workspace, word) for word in words]
    first, second = named or last_two(context.workspace)
    found = compare_datasets(first, second)
    if arguments.json:
        print_json({"difference": found})
        return 0
    print(f"{found['first'][:12]} → {found['second'][:12]}: {found['same_rows']:,} rows are the same")
    if found["settings"]:
        print_rows(found["settings"], ["setting", "first", "second"])
    else:
        print("settings and inputs: no difference")
    for sign, side in (("-", "removed"), ("+", "added")):
        _print_side(sign, side, found[side])
    return 0


def _print_side(sign: str, side: str, kinds: Mapping[str, Any]) -> None:
    from inhouse.sandbox import for_terminal

    if not kinds:
        print(f"\n{side}: none")
    for kind, own in kinds.items():
        print(f"\n{side}: {own['rows']:,} rows, {own['tokens']:,} tokens of {kind}")
        for one in own["sample"]:
            print(f"  {sign} {one['row']} {one['id']} {for_terminal(one['text'])}")


# ------------------------------------------------------------------ export and tokenizer


def _export(arguments: argparse.Namespace, context: Context, words: list[str]) -> int:
    from inhouse.datasets.export import export_rows
    from inhouse.datasets.stored import read_rows_of, resolve_lineage

    dataset, _, tokenizer = _read_with(context, *words)
    wanted: Iterable[str] = (name for row in read_rows_of(dataset) for name in row.lineage)
    places = resolve_lineage(context.workspace, dataset, wanted)
    default = context.workspace.folder / "exports" / f"{dataset.fingerprint[:12]}-{arguments.format}"
    folder = arguments.to or default
    name = re.sub(r"\W+", "_", f"inhouse_{context.home.name}")
    done = export_rows(read_rows_of(dataset), tokenizer, places, arguments.format, folder, name)
    if arguments.json:
        print_json({"export": done})
        return 0
    print_rows([{"file": file, "rows": rows} for file, rows in done["files"].items()], ["file", "rows"])
    for reason, number in done["left_out"].items():
        print(f"left out: {number:,} rows ({reason})")
    print(f"in {folder}; its README.md says how axolotl and LLaMA-Factory read it")
    return 0


def _tokenizer(arguments: argparse.Namespace, context: Context, _words: list[str]) -> int:
    from inhouse.datasets.fragmentation import Embeddings, spelling
    from inhouse.datasets.material import Material, TrainingFiles
    from inhouse.datasets.stored import input_of

    dataset, model, tokenizer = _read_with(context)
    stages = [input_of(context.workspace, dataset, stage).path for stage in ("history", "corpus")]
    with context.progress.task("spell the training files"):
        found = spelling(TrainingFiles(Material(*stages)), tokenizer)
    config = json.loads((model.folder / "config.json").read_text(encoding="utf-8"))
    report = found.report(tokenizer, Embeddings.of(config, tokenizer.vocabulary_size))
    if arguments.json:
        print_json({"tokenizer": {"model": model.name, **report}})
    else:
        _print_tokenizer(model.name, report)
    return 0


def _print_tokenizer(model: str, report: Mapping[str, Any]) -> None:
    print(f"{model} on the training files: {report['tokens']:,} tokens\n")
    languages = [
        {**each, "characters per token": f"{each['characters_per_token']:.2f}"}
        for each in report["languages"]
    ]
    print_rows(languages, ["language", "files", "characters", "tokens", "characters per token"])
    print(f"\n{report['names']:,} names take {report['tokens_of_names']:,} of the tokens. {report['rule']}.")
    own, share = report["names_defined"], report["fragmented_defined"]
    print(f"Of the {own:,} that the repository defines: {share:.0%}.\n")
    worst = [{**one, "alone": one["tokens"], "spent": one["tokens_spent"]} for one in report["worst"]]
    print_rows(worst, ["name", "alone", "occurrences", "spent"])
    print()
    print_rows([_extension_line(one) for one in report["extensions"]], _EXTENSION)
    if report["embeddings"]["spare"]:
        print(f"The model has {report['embeddings']['spare']:,} rows that no token uses yet.")


_EXTENSION = ("new tokens", "saved", "share", "weights to learn", "seen", "such as")


def _extension_line(own: Mapping[str, Any]) -> dict[str, str]:
    return {
        "new tokens": f"{len(own['names']):,}",
        "saved": f"{own['tokens_saved']:,}",
        "share": f"{own['share_saved']:.1%}",
        "weights to learn": f"{own['weights']:,}",
        "seen": f"{own['occurrences']:,} times",
        "such as": ", ".join(own["names"][:3]),
    }


def _read_with(context: Context, *prefix: str) -> tuple[Artefact, BaseModel, Tokenizer]:
    """Return a dataset, the model of the settings and its tokenizer, which must be the dataset's."""
    from inhouse.datasets.stored import check_tokenizer, find_dataset
    from inhouse.models.resolve import resolve
    from inhouse.models.tokenizer import Tokenizer

    dataset = find_dataset(context.workspace, *prefix)
    model = resolve(context.settings.model, context.progress)
    check_tokenizer(dataset, model.tokenizer_digest)
    return dataset, model, Tokenizer.load(model.folder)


_VERBS = {
    "stats": _stats,
    "show": _show,
    "diff": _diff,
    "export": _export,
    "tokenizer": _tokenizer,
}
