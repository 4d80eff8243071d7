"""`inhouse sandbox run` and what `inhouse doctor` says about it, as a user meets them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inhouse.sandbox import Sandbox
from inhouse.sandbox.view import barrier
from tests.end_to_end.command import Ended, inhouse


def _sandbox(*words: object) -> Ended:
    return inhouse("sandbox", "run", *words)


def test_json_says_how_it_ended(strongest: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("from the folder")
    ended = _sandbox("--json", "--files", tmp_path, "--", "sh", "-c", "cat a.txt; echo oops >&2; exit 3")
    assert ended.code == 1
    said = ended.json
    assert said["status"] == 3 and said["hit"] == []
    assert (said["stdout"], said["stderr"]) == ("from the folder", "oops\n")
    assert said["isolation"] == strongest.isolation
    assert set(said) == {"status", "stdout", "stderr", "hit", "isolation", "seconds", "cpu_seconds"}


def test_the_exit_code_is_0_only_when_all_went_well(strongest: Sandbox) -> None:
    fine = _sandbox("--", sys.executable, "-c", "print(6 * 7)")
    assert (fine.code, fine.out) == (0, "42\n")
    assert f"isolation {strongest.isolation}]" in fine.err
    slow = _sandbox("--time", "0.5", "--json", "--", "sleep", "9")
    assert slow.code == 1
    assert slow.json["status"] is None and slow.json["hit"] == ["wall"]
    large = _sandbox("--memory", "100", "--json", "--", sys.executable, "-c", "bytearray(500 << 20)")
    assert large.code == 1 and large.json["hit"] == ["memory"]


def test_words_behind_the_two_dashes_are_the_commands(strongest: Sandbox) -> None:
    ended = _sandbox("--", "echo", "--json", "--time", "x", "--")
    assert (ended.code, ended.out) == (0, "--json --time x --\n")


def test_a_terminal_is_not_steered_by_what_was_run(strongest: Sandbox) -> None:
    ended = _sandbox("--", "printf", r"\033]0;owned\007\033[2J\rdone\n")
    assert ended.out == "\\x1b]0;owned\\x07\\x1b[2J\\rdone\n"


def test_unsafe_local_is_stamped_into_the_result() -> None:
    assert _sandbox("--unsafe-local", "--json", "--", "true").json["isolation"] == "unsafe-local"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "needs a command"),
        (["--"], "needs a command"),
        (["--", "no-such-program"], "no-such-program"),
        (["--", "/root/secret"], "/root/secret"),
        (["--files", "/no/such/folder", "--", "ls"], "/no/such/folder"),
        (["--readable", "/no/such/place", "--", "ls"], "/no/such/place"),
        (["--time", "0", "--", "ls"], "wall_s = 0.0"),
        (["--time", "nan", "--", "ls"], "wall_s = nan"),
        (["--time", "soon", "--", "ls"], "--time"),
        (["--memory", "-5", "--", "ls"], "memory_mb = -5"),
        (["--processes", "0", "--", "ls"], "processes = 0"),
        (["--unknown", "--", "ls"], "--unknown"),
    ],
)
def test_a_mistake_is_one_sentence(strongest: Sandbox, words: list[str], part: str) -> None:
    ended = _sandbox(*words)
    assert ended.code == 2, ended.err
    assert len(ended.errors) == 1 and "Traceback" not in ended.err
    assert part in ended.errors[0]


def test_the_verb_alone_says_what_is_missing() -> None:
    ended = inhouse("sandbox")
    assert ended.code == 2 and len(ended.errors) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_gets_the_same(strongest: Sandbox) -> None:
    """The other tests may run as root: a user has no view to prepare and nobody to become."""
    source = Path(__file__).parents[2] / "src"
    pythons = [Path(sys.executable), Path("/usr/bin/python3")]
    reachable = [python for python in pythons if python.exists() and not barrier(python.resolve())]
    if not reachable or barrier(source) or strongest.isolation != "bubblewrap":
        pytest.skip("an ordinary user can reach no Python here")
    code = (
        "import sys; sys.version_info < (3, 11) and sys.exit('old')\n"
        "from inhouse.sandbox import Sandbox\n"
        "outcome = Sandbox.open().run(['sh', '-c', 'id -u; echo x > f; cat f'], collect=['f'])\n"
        "print(outcome.stdout.split(), outcome.collected, outcome.isolation)"
    )
    done = subprocess.run(
        ["setpriv", "--reuid=4321", "--regid=4321", "--clear-groups", str(reachable[0]), "-c", code],
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(source)},
    )
    if done.stderr.strip() == "old":
        pytest.skip("the system's Python is too old")
    assert done.stdout == "['65534', 'x'] {'f': b'x\\n'} bubblewrap\n", done.stderr


def test_doctor_says_which_level_this_machine_gets(strongest: Sandbox) -> None:
    checks = inhouse("doctor", "--json").json["checks"]
    [found] = [check for check in checks if check["what"] == "sandbox for untrusted code"]
    assert found["state"] == "ok"
    assert f"this machine gets {strongest.isolation}" in found["found"]
    assert found["mend"] == "" if strongest.isolation == "bubblewrap" else "bubblewrap" in found["mend"]


def test_doctor_without_bubblewrap_names_the_command_that_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from inhouse.cli import doctor
    from inhouse.sandbox import box, probe
    from inhouse.sandbox.levels import SetupFailed

    def absent() -> object:
        raise SetupFailed("bubblewrap is not installed")

    monkeypatch.setattr(box, "LEVELS", {"bubblewrap": absent})
    monkeypatch.setattr(box, "_proved", {})
    monkeypatch.setattr(probe.shutil, "which", lambda name: name if name == "apt-get" else None)
    found = doctor._sandbox()
    assert (found.state, found.mend) == ("absent", "apt-get install bubblewrap")
