"""Any optimizer's state goes to the disk and back: shared tables, plain numbers, moments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch.optim.lr_scheduler import LambdaLR

from inhouse.training.state import read_optimizer, write_state, write_tensors


class Eight(torch.optim.Optimizer):
    """Keeps what an eight-bit optimizer keeps: bytes, a table that all share, a number that is no tensor."""

    table = torch.arange(4.0)

    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                old = self.state[weight].get("step", 0)
                moments = torch.full((2,), old + 1, dtype=torch.uint8)
                self.state[weight].update(step=old + 1, qmap=self.table, state1=moments)


def _made() -> tuple[Eight, LambdaLR]:
    weights = [torch.nn.Parameter(torch.zeros(2)) for _ in range(2)]
    groups = [{"params": weights[:1], "lr": 1.0}, {"params": weights[1:], "lr": 0.5}]
    optimizer = Eight(groups, {"betas": (0.9, 0.95)})
    return optimizer, LambdaLR(optimizer, lambda step: 1 / (1 + step))


def test_shared_tables_and_plain_numbers_come_back(tmp_path: Path) -> None:
    optimizer, scheduler = _made()
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    write_state(tmp_path, optimizer, scheduler)
    other, its_scheduler = _made()
    read_optimizer(tmp_path, other, its_scheduler)
    for state in other.state.values():
        assert state["step"] == 3
        assert state["state1"].tolist() == [3, 3]
        assert torch.equal(state["qmap"], Eight.table)
    assert [group["lr"] for group in other.param_groups] == [0.25, 0.125]
    assert its_scheduler.last_epoch == 3


def test_equal_tensors_that_share_memory_are_both_written(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    write_tensors(tmp_path / "file", {"whole": whole, "part": whole[:3], "same": whole})
    written = load_file(tmp_path / "file")
    assert torch.equal(written["whole"], whole)
    assert torch.equal(written["part"], whole[:3])
    assert torch.equal(written["same"], whole)
