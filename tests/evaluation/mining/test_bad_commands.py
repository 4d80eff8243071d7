"""C and JavaScript tests that hang, shout, need the network or change their mind cost no others."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from inhouse.config import Execution
from inhouse.evaluation.mining.commands import CommandTests, plan_for, survey_command
from inhouse.evaluation.mining.plans import NoCommand, Plan
from inhouse.evaluation.mining.verify import Checker, Trial
from inhouse.sandbox import Outcome
from inhouse.sources.git import Repository
from tests.evaluation.mining.shop import open_sandbox
from tests.gitrepo import GitRepo

_needs_cc = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
_needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
_needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")

_MAIN = "#include <stdio.h>\nint main(void) {\n%s\n}\n"
_C = {
    "lib.c": "int one(void) { return 1; }\n",
    "tests/test_good.c": _MAIN % '    puts("good: ok");\n    return 0;',
    "tests/test_hangs.c": _MAIN % "    for (;;)\n        ;",
    "tests/test_loud.c": _MAIN
    % '    for (;;)\n        puts("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");',
    "tests/test_network.c": "#include <arpa/inet.h>\n#include <stdio.h>\n#include <sys/socket.h>\n"
    "int main(void) {\n    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};\n"
    '    inet_pton(AF_INET, "192.0.2.1", &to.sin_addr);\n'
    "    int s = socket(AF_INET, SOCK_STREAM, 0);\n"
    '    if (connect(s, (struct sockaddr *)&to, sizeof to) < 0) { perror("connect"); return 1; }\n'
    "    return 0;\n}\n",
    "tests/test_wrong.c": _MAIN % '    puts("wrong: failed");\n    return 1;',
}
_TEST = "const test = require('node:test')\nconst assert = require('node:assert')\n"
_JAVASCRIPT = {
    "lib.js": "module.exports = { one () { return 1 } }\n",
    "test/good.test.js": _TEST + "test('good', () => assert.equal(require('../lib.js').one(), 1))\n",
    "test/hangs.test.js": _TEST + "test('for ever', () => { for (;;) {} })\n",
    "test/loud.test.js": _TEST
    + "test('loud', () => { for (let i = 0; i < 50; i++) console.log('x'.repeat(100_000)) })\n",
    "test/network.test.js": _TEST + "test('far away', () => fetch('http://192.0.2.1/'))\n",
    "test/wrong.test.js": _TEST + "test('wrong', () => assert.equal(1, 2))\n",
}
_COUNTS = {
    "collected": 5, "passed": 1, "failed": 4, "failed_for_the_network": 1, "failed_by_hanging": 1,
    "failed_by_output": 1, "flaky": 0,
}  # fmt: skip


def _survey(folder: Path, language: str, files: dict[str, str], **execution: Any) -> CommandTests:
    repo = GitRepo(folder / "repo")
    for path, text in files.items():
        repo.write(path, text)
    repo.commit("All")
    repository = Repository.open(repo.path)
    checker = Checker(open_sandbox(), repository, Execution(**{"timeout": 20, **execution}))
    plan = plan_for(checker, repository.tip, language)
    return survey_command(checker, repository.tip, language, plan, 2)


@pytest.mark.parametrize(
    ("language", "files"),
    [
        pytest.param("c", _C, marks=_needs_cc),
        pytest.param("javascript", _JAVASCRIPT, marks=_needs_node),
    ],
)
def test_what_hangs_shouts_or_needs_the_network_is_left_out_and_told_apart(
    tmp_path: Path, language: str, files: dict[str, str]
) -> None:
    found = _survey(tmp_path, language, files, timeout=10)
    assert [Path(unit).name.partition(".")[0] for unit in found.units] in (["test_good"], ["good"])
    assert found.counts == _COUNTS


@_needs_make
@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("sleep 60", r"hit its limit of wall"),
        ("yes", r"hit its limit of output"),
        ("echo nothing works >&2; exit 3", r"status 2\); its words: .*nothing works"),
    ],
)
def test_a_suite_that_cannot_be_divided_is_given_up_in_one_sentence(
    tmp_path: Path, recipe: str, said: str
) -> None:
    files = {"lib.c": "int one(void) { return 1; }\n", "Makefile": f"test:\n\t@{recipe}\n"}
    with pytest.raises(NoCommand, match=rf"`make test` does not pass in the sandbox \(.*{said}") as caught:
        _survey(tmp_path, "c", files, timeout=4)
    assert str(caught.value).endswith("name another command with execution.test_command in inhouse.yaml")


@_needs_node
def test_a_script_of_javascript_that_fails_is_told_with_what_it_printed(tmp_path: Path) -> None:
    files = {
        "check.js": "console.error('no luck'); process.exit(3)\n",
        "package.json": '{"scripts": {"test": "node check.js"}}',
    }
    with pytest.raises(NoCommand, match=r"^`node check\.js` does not pass .* no luck; name another command"):
        _survey(tmp_path, "javascript", files)


@_needs_node
def test_a_runner_in_the_node_modules_of_the_checkout_is_used_and_not_copied(tmp_path: Path) -> None:
    folder = tmp_path / "repo" / "node_modules"
    (folder / ".bin").mkdir(parents=True)
    (folder / "tape").mkdir()
    (folder / "tape" / "package.json").write_text('{"name": "tape", "main": "index.js"}')
    (folder / "tape" / "index.js").write_text(
        "module.exports = (name, run) => { run(); console.log(`ok ${name}`) }\n"
    )
    runner = folder / "tape" / "bin.js"
    runner.write_text(
        "#!/usr/bin/env node\nprocess.argv.slice(2).forEach(path => require(require('path').resolve(path)))\n"
    )
    runner.chmod(0o755)
    (folder / ".bin" / "tape").symlink_to("../tape/bin.js")
    files = {
        ".gitignore": "node_modules\n",
        "lib.js": "module.exports = { one () { return 1 } }\n",
        "test/all.js": "const { one } = require('../lib.js')\n"
        "require('tape')('one', () => { if (one() !== 1) process.exit(1) })\n",
        "package.json": '{"scripts": {"test": "nyc npm run test:unit", "test:unit": "tape test/*.js"}}',
    }
    found = _survey(tmp_path, "javascript", files)
    assert found.plan.shown == "tape test/*.js"
    assert found.counts == {"passed": 1}
    assert found.reach.known
    assert set(found.reach.units[""]) == {"lib.js", "test/all.js"}
    assert not any("node_modules" in path for path in found.checker.trees.tree(found.revision).files)


# ------------------------------------------------------------ flaky


class _Scripted:
    """A checker whose runs end as they were told to."""

    settings = Execution(timeout=20)
    search = None

    def __init__(self, *outputs: str) -> None:
        self._outputs = list(outputs)

    def build(self, _check: object) -> None:
        """Nothing is built."""

    def outcomes(self, trials: Sequence[Trial], _workers: int) -> list[Outcome]:
        return [_outcome(self._outputs.pop(0)) for _ in trials]

    def reach(self, _revision: str, _given: bytes) -> tuple[bytes, Outcome]:
        return b"", _outcome("")


def _outcome(output: str) -> Outcome:
    return Outcome(int("FAIL" in output), output, "", 0.1, 0.1, (), "bubblewrap")


_PLAN = Plan("node", ("sh", "-c", "all"), "node --test a.js b.js", units=("a.js", "b.js"))


def test_a_unit_that_ends_differently_twice_is_flaky_and_left_out() -> None:
    checker = _Scripted(
        "PASS: a.js\nPASS: b.js\n", "PASS: a.js\nFAIL: b.js\n", "PASS: b.js\n", *["PASS: a.js\n"] * 2
    )
    found = survey_command(checker, "", "javascript", _PLAN, 1)  # type: ignore[arg-type]
    assert found.units == ("a.js",)
    assert found.counts["flaky"] == 1
    assert found.counts["passed"] == 1


def test_a_suite_that_reports_another_number_of_tests_each_time_is_no_check() -> None:
    plan = Plan("script", ("sh", "-c", "all"), "mocha")
    checker = _Scripted("ok 1\nok 2\n", "ok 1\n")
    with pytest.raises(NoCommand, match="`mocha` reports 1 passed tests once and 2 once; name another"):
        survey_command(checker, "", "javascript", plan, 1)  # type: ignore[arg-type]
