"""Run untrusted code: what a model wrote, and what a stranger's repository wants to run."""

from __future__ import annotations

from inhouse.sandbox.box import Job, Sandbox
from inhouse.sandbox.limits import Limits, Outcome, calibrated, for_terminal

__all__ = ["Job", "Limits", "Outcome", "Sandbox", "calibrated", "for_terminal"]
