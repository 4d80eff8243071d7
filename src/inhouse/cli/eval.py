"""Run the suites: did it help on this code, and what did it break?

example: inhouse eval . --suite likelihood --suite execution --limit 20
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.cli.common import VerbParser, open_pipeline, print_json, print_rows
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from inhouse.evaluation.gates import GateOutcome
    from inhouse.evaluation.inspection.logs import Measured
    from inhouse.examination import Examination
    from inhouse.examination.examine import Examined
    from inhouse.pipeline import Pipeline

    Results = Mapping[str, Mapping[str, Any]]

__all__ = ["parser", "run"]

_ORDER = ("base", "prompted", "retrieval", "tuned", "tuned_retrieval")


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_repository()
    parser.add_argument(
        "--suite", action="append", metavar="NAME", help="run this suite only; may be repeated (default: all)"
    )
    parser.add_argument(
        "--arm", action="append", metavar="ARM", help="of this arm only; may be repeated (default: all)"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="tasks of each suite")
    parser.add_argument("--gate", action="store_true", help="exit with 1 where a gate stops the release")
    parser.add_argument(
        "--no-samples", action="store_true", help="leave code out of the card, so that it can be passed on"
    )
    parser.add_argument(
        "--inspect-log",
        type=Path,
        metavar="FOLDER",
        help="also write a log of inspect-ai for each suite and arm (extra inspect)",
    )
    parser.add_argument(
        "--unsafe-local", action="store_true", help="run code without isolation; said in every score"
    )


def run(arguments: argparse.Namespace) -> int:
    """Examine, print the results, write the card and check the gates."""
    from inhouse.evaluation.gates import gate_lines
    from inhouse.evaluation.inspection import require_inspect
    from inhouse.examination import Examination

    if arguments.limit is not None and arguments.limit < 1:
        raise UserMistake("--limit is a number of tasks, 1 or more", str(arguments.limit), "raise it")
    if arguments.inspect_log is not None:
        require_inspect("--inspect-log")
    with open_pipeline(arguments) as pipeline:
        examination = Examination(
            pipeline, arguments.arm or (), limit=arguments.limit, unsafe_local=arguments.unsafe_local
        )
        examined = examination.examine(arguments.suite or ())
        if arguments.arm or (arguments.suite and not arguments.gate):
            outcome = examination.outcome(examined)
            logs = _write_logs(arguments, pipeline, examination, examined, outcome["results"])
            return _print_part(arguments, {**outcome, **logs})
        card = examination.card(examined, samples=not arguments.no_samples)
        page, data = examination.write(card)
        logs = _write_logs(arguments, pipeline, examination, examined, card.results)
    if arguments.json:
        print_json({**json.loads(data.read_text(encoding="utf-8")), "card": str(page), **logs})
    else:
        _print_results(card.results)
        print(
            *card.notes, "", *gate_lines(card.gates), "", card.advice.sentence, f"card:    {page}", sep="\n"
        )
        _print_logs(logs)
        print("next:    inhouse serve, or inhouse compare with another adapter")
    return _stop_at_a_gate(card.gates) if arguments.gate else 0


def _print_part(arguments: argparse.Namespace, outcome: Mapping[str, Any]) -> int:
    if arguments.json:
        print_json(outcome)
    else:
        _print_results(outcome["results"])
        print(f"isolation: {outcome['isolation']}")
        _print_logs(outcome)
    return 0


# ------------------------------------------------------------------ logs of inspect-ai


def _write_logs(
    arguments: argparse.Namespace,
    pipeline: Pipeline,
    examination: Examination,
    examined: Examined,
    results: Results,
) -> dict[str, Any]:
    """Write the logs that were asked for, and return what is said of them."""
    if arguments.inspect_log is None:
        return {}
    from inhouse.evaluation.inspection.logs import write_logs

    files = write_logs(
        arguments.inspect_log,
        examination.written,
        examined.judgements,
        results,
        _measured(pipeline, examination, examined),
    )
    return {"inspect_logs": [str(file) for file in files]}


def _measured(pipeline: Pipeline, examination: Examination, examined: Examined) -> Measured:
    from inhouse.evaluation.inspection.logs import Measured

    tuned = {"tuned", "tuned_retrieval"} & {one.arm for one in examined.judgements}
    view = examination.view
    return Measured(
        repository=view.name,
        model=view.settings.model,
        model_digest=pipeline.model.digest,
        adapter_digest=pipeline.weights.digest if tuned else "",
        isolation=view.isolation,
        engine=view.settings.generation.engine,
        seed=view.settings.seed,
    )


def _print_logs(said: Mapping[str, Any]) -> None:
    if files := said.get("inspect_logs"):
        folder = Path(files[0]).parent
        print(f"inspect: {len(files)} logs; look at them with `inspect view --log-dir {folder}`")


# ------------------------------------------------------------------ results


def _print_results(results: Results) -> None:
    """Print a table for each suite, and under it a sentence for each difference of its leading measure."""
    for suite, measures in results.items():
        measured = {arm for entry in measures.values() for arm in entry["arms"]}
        arms = sorted(measured, key=lambda arm: (_ORDER.index(arm) if arm in _ORDER else len(_ORDER), arm))
        rows = [
            {"measure": name, **{arm: _value(entry["arms"].get(arm)) for arm in arms}}
            for name, entry in measures.items()
        ]
        print(f"\n{suite}:")
        print_rows(rows, ["measure", *arms])
        for name, entry in measures.items():
            if entry["leading"]:
                sentences = [difference["sentence"] for difference in entry["differences"].values()]
                print(*(f"  {name}: {sentence}" for sentence in sentences), sep="\n")
            if not entry["discriminating"] and entry["reason"]:
                print(f"  {name} gates nothing: {entry['reason']}")
    print()


def _value(arm: Mapping[str, Any] | None) -> str:
    if arm is None or arm["value"] is None:
        return "-"
    return f"{arm['value']:.3f} [{arm['low']:.3f}, {arm['high']:.3f}] n={arm['n']}"


def _stop_at_a_gate(gates: Sequence[GateOutcome]) -> int:
    stopped = [outcome.name for outcome in gates if outcome.blocks]
    if stopped:
        print(f"error: {len(stopped)} gate(s) stop the release: {', '.join(stopped)}.", file=sys.stderr)
    return 1 if stopped else 0
