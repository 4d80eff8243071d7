"""Runs inside the sandbox: the process that gives the verdict, and never runs the candidate's code.

    inhouse  --stdin: the tests-->  referee  --pipe-->  player: the candidate's code,
             <--stdout: verdict--            <--pipe--  a child made before the tests came

The player has no handle of the referee's standard streams, and the referee cannot be traced or read (it is
not "dumpable"). Three games:

    apart     the test program runs in the referee; each call of a candidate's function goes to the player
    together  the test program runs in the player, which is told a key before it and a word after it
    pytest    pytest runs in the player, with key and word likewise

Argument: JSON without secrets. Standard library only.
"""

from __future__ import annotations

import builtins
import ctypes
import json
import os
import random
import signal
import sys

from inhouse.sandbox.inside.counting import run_counted
from inhouse.sandbox.inside.player import play, signer, told
from inhouse.sandbox.inside.values import Remote, decode, encode
from inhouse.sandbox.inside.wire import receive, send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["main"]

_NOT_DUMPABLE = (4, 0, 0, 0, 0)  # prctl(PR_SET_DUMPABLE, 0)


_GONE, _NONSENSE = "the candidate ended its process", "the candidate's process sent nonsense"


class Ended(Exception):
    """The player said nothing more, or nonsense."""


def main() -> None:
    """Do it."""
    given = json.loads(sys.argv[1])
    ctypes.CDLL(None).prctl(*_NOT_DUMPABLE)
    question_out, question_in = os.pipe()
    answer_out, answer_in = os.pipe()
    player = os.fork()
    if player == 0:
        os.close(question_in)
        os.close(answer_out)
        play(given, question_out, answer_in)
    os.close(question_out)
    os.close(answer_in)
    secret = json.loads(sys.stdin.buffer.read())
    line = _Line(question_in, answer_out)
    try:
        verdict = _referee(given["game"], secret, line)
    except Ended as ended:
        verdict = {"error": str(ended), "checks": 0, "tests": {}, "problems": []}
    os.kill(player, signal.SIGKILL)  # a zombie at worst: nobody has waited for it
    verdict["word"] = secret["word"]
    sys.stdout.write(json.dumps(verdict))
    sys.stdout.flush()
    os._exit(0)


def _referee(game: str, secret: dict[str, Any], line: _Line) -> dict[str, Any]:
    if game == "apart":
        line.send("play", None)
        return _apart(secret["program"], line)
    key = bytes.fromhex(secret["key"])
    line.send("play", secret["key"])
    line.receive("ready")
    line.send("tests", secret["program"])
    claim = line.receive("done")
    line.send("word", secret["word"])
    proof = str(line.receive("proof"))
    said = json.dumps(claim, sort_keys=True) + secret["word"]
    if proof != signer(key)(said):
        raise Ended("the candidate's process gave a false proof")
    return dict(claim)


def _apart(program: str, line: _Line) -> dict[str, Any]:
    """Run the test program here, with stand-ins for what the candidate defines."""
    random.seed(0)
    names = line.receive("ready")
    space: dict[str, Any] = {"__name__": "tests", "__builtins__": builtins}
    for name, data in names:
        space[str(name)] = _stand_in(data, line)
    checks, raised = run_counted(program, space)
    error = line.broken or (told(raised) if raised else "")
    return {"error": error, "checks": checks, "tests": {}, "problems": []}


def _stand_in(data: Any, line: _Line) -> Any:
    if isinstance(data, list) and data[:1] == ["module"]:
        return __import__(data[1], fromlist=["_"]) if data[1] in sys.stdlib_module_names else None
    return line.value(data)


class _Line:
    """The two pipes to the player. `broken` says why it is of no use any more, whatever the tests caught."""

    def __init__(self, to: int, back: int) -> None:
        self._to, self._back = to, back
        self.broken = ""

    def send(self, what: str, data: Any) -> None:
        """Say something. Raises Ended."""
        try:
            send(self._to, [what, data])
        except OSError:
            raise self._end(_GONE) from None

    def receive(self, what: str) -> Any:
        """Hear the one thing that is expected. Raises Ended."""
        try:
            said, data = receive(self._back)
        except EOFError:
            raise self._end(_GONE) from None
        except ValueError:
            raise self._end(_NONSENSE) from None
        if said != what:
            raise self._end(str(data) if said == "failed" else _NONSENSE)
        return data

    def value(self, data: Any) -> Any:
        """Return what the player's data means here. Raises Ended."""
        try:
            return decode(data, lambda number: Remote(int(number), self.ask), _nothing_of_ours)
        except (ValueError, TypeError, KeyError, IndexError, RecursionError):
            raise self._end(_NONSENSE) from None

    def ask(self, what: str, *args: Any, **kwargs: Any) -> Any:
        """Ask the player about one of its objects; arguments that it changed in place change here as well."""
        if self.broken:
            raise Ended(self.broken)
        self.send(what, [encode(list(args), _nothing_stays)[1], encode(kwargs, _nothing_stays)])
        answer = self.receive("answer")
        if not isinstance(answer, dict) or not isinstance(answer.get("args"), list):
            raise self._end(_NONSENSE)
        for mine, data in zip(args, answer["args"], strict=False):
            _update(mine, data, self)
        if "raised" in answer:
            raise _exception(answer["raised"])
        return self.value(answer.get("value"))

    def _end(self, why: str) -> Ended:
        self.broken = why
        return Ended(why)


def _update(mine: Any, data: Any, line: _Line) -> None:
    """Make an argument what the candidate has made of its copy."""
    if type(mine) not in (list, dict, set) or encode(mine, _nothing_stays) == data:
        return
    theirs = line.value(data)
    if type(theirs) is type(mine):
        mine.clear()
        getattr(mine, "extend" if type(mine) is list else "update")(theirs)


def _exception(raised: Any) -> BaseException:
    """Return the nearest built-in exception; one that would end the interpreter becomes an ordinary error."""
    try:
        kinds, text = [str(kind) for kind in raised[0]], str(raised[1])
    except (TypeError, IndexError):
        raise Ended(_NONSENSE) from None
    for kind in kinds:
        found = getattr(builtins, kind, None)
        if isinstance(found, type) and issubclass(found, Exception):
            try:
                return found(text)
            except TypeError:  # UnicodeDecodeError wants five arguments
                continue
    return RuntimeError(f"{kinds[:1]} {text}")


def _nothing_stays(value: Any) -> int:
    raise TypeError(f"a {type(value).__name__} cannot be handed to the candidate's process")


def _nothing_of_ours(number: int) -> Any:
    raise ValueError(number)
