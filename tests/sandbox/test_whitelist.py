"""What the sandbox may read, as places that can be mounted."""

from __future__ import annotations

from pathlib import Path

from inhouse.sandbox.whitelist import outermost


def test_a_link_in_a_readable_folder_that_leads_out_of_it_brings_its_target(tmp_path: Path) -> None:
    """Such is a virtual environment that a checkout on the import path only links to."""
    checkout, environment = tmp_path / "checkout", tmp_path / "environment"
    for folder in (checkout / "src", environment / "bin"):
        folder.mkdir(parents=True)
    (checkout / ".venv").symlink_to(environment)
    assert outermost([checkout, checkout / "src", checkout / ".venv"]) == [checkout, environment]
    assert outermost([checkout / ".venv", environment / "bin"]) == [checkout / ".venv", environment / "bin"]
