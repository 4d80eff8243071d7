"""Run pytest and record, for each test, how it ended and how many of its assertions held."""

from __future__ import annotations

import os
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["load_pytest", "run_pytest"]


class _Recorder:
    def __init__(self) -> None:
        self.tests: dict[str, list[Any]] = {}
        self.complaints: list[str] = []
        self.late: list[str] = []
        self._collecting = False

    def pytest_collection(self) -> None:
        self._collecting = True

    def pytest_plugin_registered(self, plugin: Any) -> None:
        if self._collecting:  # from now on only conftest.py files of the task register themselves
            name = getattr(plugin, "__name__", type(plugin).__name__)
            self.late.append(f"registered the pytest plugin {name}")

    def pytest_runtest_logreport(self, report: Any) -> None:
        entry = self.tests.setdefault(report.nodeid, ["passed", 0])
        if report.outcome == "failed":
            entry[0] = "failed" if report.when == "call" else "error"
        elif report.outcome == "skipped" and entry[0] == "passed":
            entry[0] = "skipped"

    def pytest_assertion_pass(self, item: Any) -> None:
        self.tests.setdefault(item.nodeid, ["passed", 0])[1] += 1

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.complaints.append(str(report.longrepr).strip().splitlines()[-1][:500])


def load_pytest() -> None:
    """Import pytest and the plugins that it always loads, so that the guard knows how they were."""
    for name in import_module("_pytest.config").default_plugins:
        import_module(f"_pytest.{name}")


def run_pytest(words: list[str]) -> tuple[dict[str, list[Any]], str, list[str]]:
    """Run pytest with these arguments.

    Return ({node id: [outcome, assertions that held]}, complaint, plugins that joined too late).
    """
    import pytest

    recorder = _Recorder()
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["-o", "enable_assertion_pass_hook=true", "-p", "no:cacheprovider", "--rootdir=."]
    code = int(pytest.main([*options, *words], plugins=[recorder]))
    complaint = "" if code <= 1 else f"pytest ended with code {code}"
    if recorder.complaints:
        complaint = f"the tests could not be collected: {recorder.complaints[0]}"
    return recorder.tests, complaint, recorder.late
