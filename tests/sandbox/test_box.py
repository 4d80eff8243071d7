"""What a run gets, what it leaves behind, and what the caller is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from inhouse.errors import UserMistake
from inhouse.sandbox import Job, Limits, Sandbox, calibrated, for_terminal
from inhouse.sandbox import box as box_module
from inhouse.sandbox.folder import NOBODY, _base, sweep
from inhouse.sandbox.levels import SetupFailed

PYTHON = [sys.executable, "-I", "-c"]


def _alive(marker: str) -> list[int]:
    """Return the processes of this machine that have the marker in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if marker in (entry / "cmdline").read_bytes().decode("utf-8", "replace"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def _gone(marker: str, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while _alive(marker):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_status_output_and_isolation_come_back(sandbox: Sandbox) -> None:
    outcome = sandbox.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (outcome.status, outcome.stdout, outcome.stderr) == (3, "out\n", "err\n")
    assert outcome.hit == () and not outcome.ok
    assert outcome.isolation == sandbox.isolation
    assert 0 < outcome.cpu_seconds < 5 and 0 < outcome.seconds < 20


def test_a_signal_becomes_128_and_its_number(sandbox: Sandbox) -> None:
    assert sandbox.run(["sh", "-c", "kill -9 $$"]).status == 137


def test_standard_input_arrives_whole_and_one_that_nobody_reads_does_no_harm(sandbox: Sandbox) -> None:
    data = bytes(range(256)) * 2000
    assert sandbox.run(["wc", "-c"], stdin=data).stdout.strip() == str(len(data))
    assert sandbox.run(["true"], stdin=data).status == 0


def test_files_arrive_and_chosen_ones_come_back(sandbox: Sandbox) -> None:
    outcome = sandbox.run(
        ["sh", "-c", "pwd; cat a/b.txt; tr a-z A-Z < a/b.txt > result.txt; mkdir d; echo 1 > d/x"],
        files={"a/b.txt": b"hello\n"},
        collect=["result.txt", "d/x", "absent"],
    )
    assert outcome.stdout == "/work\nhello\n"
    assert outcome.collected == {"result.txt": b"HELLO\n", "d/x": b"1\n"}
    assert outcome.not_collected == {"absent": "absent"}


def test_a_folder_is_copied_and_stays_as_it_was(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("original")
    (tmp_path / "link").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe")  # reading it would wait for ever
    outcome = sandbox.run(
        ["sh", "-c", "echo changed > a.txt; ls a.txt link pipe 2> /dev/null; readlink link"], files=tmp_path
    )
    assert outcome.stdout == "a.txt\nlink\n/etc/hostname\n"
    assert (tmp_path / "a.txt").read_text() == "original"


def test_collected_files_are_no_way_out(sandbox: Sandbox, tmp_path: Path) -> None:
    """A link that was followed by us, with our rights, would bring any file of this machine."""
    code = """
import os, socket
os.symlink("/etc/passwd", "link")
os.symlink("/etc", "folder")
open("one", "w").write("x"); os.link("one", "two")
os.mkdir("directory")
try:
    os.mkfifo("pipe")
except PermissionError:  # sandlock allows none
    os.mkdir("pipe")
open("sparse", "w").truncate(3 * 2**20)
open("good", "w").write("fine")
"""
    names = ["link", "folder/passwd", "one", "two", "pipe", "directory", "sparse", "good"]
    outcome = sandbox.run([*PYTHON, code], collect=names, limits=Limits(file_mb=4))
    assert outcome.status == 0, outcome.stderr
    assert outcome.collected.keys() == {"good", "sparse"}
    assert outcome.not_collected["link"] == "a link"
    assert outcome.not_collected["folder/passwd"] in ("a link", "below a link or a file")
    for name in ("one", "two", "pipe", "directory"):
        assert outcome.not_collected[name] == "not a regular file with one name"


def test_what_is_not_collected_leaves_no_descriptor_open(strongest: Sandbox) -> None:
    def run() -> int:
        strongest.run(["sh", "-c", "mkdir d && mkfifo p && ln -s d l"], collect=["d", "p", "l", "absent"])
        return len(list(Path("/proc/self/fd").iterdir()))

    assert run() == run()


def test_a_collected_file_is_no_larger_than_the_limit(sandbox: Sandbox) -> None:
    files = {"big": b"x" * 3 * 2**20}
    outcome = sandbox.run(["true"], files=files, collect=["big"], limits=Limits(file_mb=2))
    assert outcome.not_collected == {"big": "too large"}


def test_two_runs_agree_and_know_nothing_of_our_environment(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INHOUSE_TOKEN", "secret")
    monkeypatch.setenv("LD_PRELOAD", "/nonexistent.so")
    code = "import os; print(hash('a'), sorted({'x', 'y', 'z'}, key=hash), sorted(os.environ))"
    first, second = (sandbox.run([sys.executable, "-c", code]) for _ in range(2))
    assert first.stdout == second.stdout
    assert "INHOUSE_TOKEN" not in first.stdout and "LD_PRELOAD" not in first.stdout
    extra = sandbox.run(["sh", "-c", "echo $ASKED"], environment={"ASKED": "for"})
    assert extra.stdout == "for\n"


def test_nothing_lasts_from_one_run_to_the_next(sandbox: Sandbox) -> None:
    """Start-up files of Python and a shell, and any file at all."""
    write = """
import os, site, sys
home = os.path.expanduser("~")
places = ["/tmp/left", "/dev/shm/left", "/work/left", home + "/.pythonrc", home + "/sitecustomize.py",
    site.getusersitepackages() + "/usercustomize.py", site.getusersitepackages() + "/left.pth",
    sys.prefix + "/lib/left.pth", *(p + "/sitecustomize.py" for p in sys.path if p)]
for place in places:
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        open(place, "w").write("import sys; print('LEFT')")
    except OSError:
        pass
print(sum(map(os.path.exists, places)))
"""
    read = "import os; print([p for p in ('/tmp/left', '/dev/shm/left', '/work/left') if os.path.exists(p)])"
    first = sandbox.run([sys.executable, "-c", write])
    assert int(first.stdout) >= 3, first.stderr
    assert sandbox.run([sys.executable, "-c", read]).stdout == "[]\n"


def test_installed_packages_can_be_imported(sandbox: Sandbox) -> None:
    outcome = sandbox.run([sys.executable, "-c", "import pytest, psutil; print('fine')"])
    assert outcome.stdout == "fine\n", outcome.stderr


def test_more_can_be_made_readable_but_not_writable(sandbox: Sandbox, tmp_path: Path) -> None:
    place = tmp_path / "extra"
    place.mkdir()
    (place / "data").write_text("shown")
    outcome = sandbox.run(
        ["sh", "-c", f"cat {place}/data; echo x >> {place}/data || echo kept"], readable=[place]
    )
    assert outcome.stdout == "shownkept\n"
    assert (place / "data").read_text() == "shown"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that the user inside may not pass")
def test_as_root_a_whitelisted_place_below_a_closed_folder_is_shown_and_its_neighbours_are_not(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Python often lies below /root, which is closed."""
    closed = tmp_path / "closed"
    shown, hidden = closed / "shown", closed / "hidden"
    for folder in (shown, hidden):
        folder.mkdir(parents=True)
        (folder / "a").write_text(folder.name)
    closed.chmod(0o700)
    outcome = sandbox.run(["sh", "-c", f"cat {shown}/a; cat {hidden}/a; ls {closed}"], readable=[shown])
    assert outcome.stdout.startswith("shown") and "hidden" not in outcome.stdout
    assert closed.stat().st_mode & 0o777 == 0o700


def test_daemons_die_with_the_run(sandbox: Sandbox) -> None:
    marker = f"98761.{os.getpid()}{time.monotonic_ns()}"
    daemon = f"setsid setsid sleep {marker} > out 2>&1 < /dev/null & sleep 0.3; echo started"
    assert sandbox.run(["sh", "-c", daemon]).stdout == "started\n"
    assert _gone(marker)


def test_daemons_would_outlive_a_run_without_a_sandbox(unsafe: Sandbox) -> None:
    marker = f"98762.{os.getpid()}{time.monotonic_ns()}"
    unsafe.run(["sh", "-c", f"setsid sleep {marker} > out 2>&1 < /dev/null & sleep 0.3"])
    left = _alive(marker)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left


def test_a_daemon_that_holds_the_output_does_not_hold_the_caller(sandbox: Sandbox) -> None:
    outcome = sandbox.run(["sh", "-c", "sleep 60 & echo done"], limits=Limits(wall_s=20))
    assert outcome.stdout == "done\n"
    assert outcome.seconds < 10


def test_all_die_when_inhouse_is_killed(sandbox: Sandbox) -> None:
    marker = f"98763.{os.getpid()}{time.monotonic_ns()}"
    code = (
        "from inhouse.sandbox import Sandbox; "
        f"command = ['sh', '-c', 'setsid sleep {marker} & sleep {marker}']; "
        f"Sandbox.at({sandbox.isolation!r}).run(command, files={{'{marker}': b''}})"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    end = time.monotonic() + 20
    while len([pid for pid in _alive(f"sleep\0{marker}") if pid != parent.pid]) < 2:
        assert time.monotonic() < end, "it never started"
        time.sleep(0.02)
    left = [place for place in _base(NOBODY).glob("inhouse-sandbox-*") if (place / "work" / marker).exists()]
    sweep(NOBODY, older_than_s=0)
    assert left and all(place.exists() for place in left)  # in use
    parent.kill()
    parent.wait()
    assert _gone(f"sleep\0{marker}")
    sweep(NOBODY, older_than_s=0)
    assert not any(place.exists() for place in left)


def test_runs_side_by_side_keep_their_order_and_read_little_ahead(sandbox: Sandbox) -> None:
    taken: list[int] = []

    def jobs() -> object:
        for number in range(12):
            taken.append(number)
            yield Job(["sh", "-c", f"sleep 0.{(12 - number) % 3}; echo {number}"])

    stream = sandbox.run_many(jobs(), workers=2)  # type: ignore[arg-type]
    assert next(stream).stdout == "0\n"
    assert len(taken) <= 6
    assert [outcome.stdout for outcome in stream] == [f"{number}\n" for number in range(1, 12)]


def test_runs_from_threads_do_not_disturb_each_other(sandbox: Sandbox) -> None:
    results: dict[int, str] = {}

    def one(number: int) -> None:
        results[number] = sandbox.run(
            ["sh", "-c", f"echo {number} > f{number}; sleep 0.1; cat f*; ls -d f*"]
        ).stdout

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: f"{number}\nf{number}\n" for number in range(6)}


def test_output_that_a_terminal_would_obey_is_made_visible() -> None:
    text = "a\x1b[2J\x1b]0;title\x07\r\x08\x9b1mb\u202ec\n\td é"
    assert for_terminal(text) == "a\\x1b[2J\\x1b]0;title\\x07\\r\\x08\\x9b1mb\\u202ec\n\td é"


def test_output_that_is_no_text_still_arrives(sandbox: Sandbox) -> None:
    outcome = sandbox.run([*PYTHON, "import os; os.write(1, bytes(range(256)) * 100)"])
    assert outcome.status == 0
    assert "\ufffd" in outcome.stdout and "ABC" in outcome.stdout


def test_mistakes_are_one_sentence(sandbox: Sandbox, tmp_path: Path) -> None:
    for arguments, words in [
        ({"command": []}, "needs a command"),
        ({"command": ["no-such-program"]}, "no-such-program"),
        ({"command": ["/root/x"]}, "/root/x"),
        ({"command": ["./absent"]}, "./absent"),
        ({"command": ["ls"], "files": tmp_path / "absent"}, "absent"),
        ({"command": ["ls"], "files": {"../x": b""}}, "../x"),
        ({"command": ["ls"], "files": {"/etc/x": b""}}, "/etc/x"),
        ({"command": ["ls"], "collect": ["../x"]}, "../x"),
        ({"command": ["ls"], "readable": [tmp_path / "absent"]}, "absent"),
        ({"command": ["ls"], "environment": {"A=B": "x"}}, "A=B"),
    ]:
        with pytest.raises(UserMistake, match=r"^[^\n]*$") as raised:
            sandbox.run(**arguments)  # type: ignore[arg-type]
        assert words in str(raised.value)


@pytest.mark.parametrize(
    "field", ["wall_s", "cpu_s", "memory_mb", "processes", "file_mb", "disk_mb", "output_bytes"]
)
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_limit_that_limits_nothing_is_refused(field: str, value: float) -> None:
    with pytest.raises(UserMistake, match=field):
        Limits(**{field: value})  # type: ignore[arg-type]


def test_time_limits_follow_the_reference_and_have_a_floor() -> None:
    assert calibrated(0.05).cpu_s == 4
    assert calibrated(3).cpu_s == 12
    assert calibrated(3).wall_s == 36
    assert calibrated(3, Limits(memory_mb=99)).memory_mb == 99
    with pytest.raises(UserMistake):
        calibrated(0)


def test_without_isolation_it_refuses_and_names_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent() -> object:
        raise SetupFailed("bubblewrap is not installed")

    monkeypatch.setattr(box_module, "LEVELS", {"bubblewrap": absent})
    monkeypatch.setattr(box_module, "_proved", {})
    with pytest.raises(UserMistake, match=r"run `.*bubblewrap`, or accept the risk with --unsafe-local"):
        Sandbox.open()
    assert Sandbox.open(unsafe_local=True).isolation == "unsafe-local"


def test_a_level_that_lets_the_probe_out_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from inhouse.sandbox.local import UnsafeLocal

    monkeypatch.setattr(box_module, "LEVELS", {"bubblewrap": UnsafeLocal})
    monkeypatch.setattr(box_module, "_proved", {})
    with pytest.raises(UserMistake, match="the probe read a file outside and reached the network"):
        Sandbox.open()


def test_the_outcome_can_be_written_as_json(sandbox: Sandbox) -> None:
    outcome = sandbox.run(["true"])
    assert json.loads(json.dumps({"hit": outcome.hit, "isolation": outcome.isolation})) == {
        "hit": [],
        "isolation": sandbox.isolation,
    }
