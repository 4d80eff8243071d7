"""The page of a sweep: the curve over learning rates, the ranks, and which is best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.reporting.page import environment, style, write_page
from inhouse.reporting.plots import Curve, Interval, curves_svg, interval_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["write_sweep_page"]


def write_sweep_page(repository: str, found: Mapping[str, Any], path: Path) -> None:
    """Write the page of a sweep's `sweep.json`."""
    done = [point for point in found["points"] if point["validation"]]
    curves = [Curve(point["name"], [tuple(pair) for pair in point["losses"]]) for point in done]
    page = (
        environment()
        .get_template("sweep.html")
        .render(
            css=style("report.css"),
            repository=repository,
            found=found,
            points=interval_rows(
                [_interval(point, found["best"]["name"]) for point in done], zero=False, digits=4
            ),
            curves=curves_svg(curves, "optimizer step", "training loss, nats a token"),
            left_out=[point["name"] for point in found["points"] if not point["validation"]],
        )
    )
    write_page(path, page)


def _interval(point: Mapping[str, Any], best: str) -> Interval:
    values = point["validation"]
    tone = "good" if point["name"] == best else "plain"
    if values["value"] is None:  # too few examples for an interval
        loss = point["loss"]
        return Interval(point["name"], loss, loss, loss, values["n"], tone)
    return Interval(point["name"], values["value"], values["low"], values["high"], values["n"], tone)
