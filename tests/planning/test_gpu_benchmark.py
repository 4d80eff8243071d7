"""The GPU benchmark runs, in its small shape on a CPU, before anybody rents a GPU for it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu" / "bench_gpu.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_gpu", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("arm", ["inhouse lora", "inhouse qlora", "trl+peft lora"])
def test_an_arm_trains_the_small_shape(script: ModuleType, arm: str) -> None:
    if arm.endswith("qlora"):
        pytest.importorskip("bitsandbytes")
    row = script.run_arm(arm, True, 1, 1)
    assert row["tokens"] == 64
    assert row["seconds"] > 0
    assert row["operations"] > row["useful_operations"] > 0
    assert 0 < row["last_loss"] < 10


def test_recomputing_repeats_the_forward_pass_and_nothing_else(script: ModuleType) -> None:
    row = script.run_arm("inhouse lora", True, 1, 1)
    assert 1.4 < row["operations"] / row["useful_operations"] < 1.5


def test_the_page_names_what_could_not_run(script: ModuleType) -> None:
    floor = script.floor(True)
    assert floor["operations_per_second"] > 1e9
    page = script.page(
        {"floor": floor, "arms": [{"arm": "unsloth lora", "not_run": "unsloth is not installed"}]}
    )
    assert "| unsloth lora | not run: unsloth is not installed |" in page
