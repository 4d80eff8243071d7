"""A model's own chat template, rendered so that the words of users stay words.

A template writes markers such as ``<|im_end|>`` and the words of users into one string. To keep them apart,
the words are escaped before rendering: the first character of everything in them that looks like a marker
becomes ``ESCAPE hex ;``. What the assistant said stands between OPEN and CLOSE. The three signs are Unicode
noncharacters, which are reserved for such internal use, and are escaped themselves where users write them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from jinja2.parser import Parser
    from jinja2.runtime import Macro

__all__ = ["CLOSE", "OPEN", "ChatTemplate", "unescape"]

Message = dict[str, str]

OPEN = "\ufdd1"
CLOSE = "\ufdd2"
_ESCAPE = "\ufdd0"
_ESCAPED = re.compile(_ESCAPE + "([0-9a-f]+);")


class ChatTemplate:
    """A Jinja template, sandboxed, and without a clock: a conversation is the same tokens every day."""

    def __init__(self, source: str, variables: Mapping[str, str], markers: Collection[str]) -> None:
        self.source = source
        self._variables = dict(variables)
        signs = [_ESCAPE, OPEN, CLOSE, *sorted(markers)]
        self._dangerous = re.compile("(?=" + "|".join(map(re.escape, signs)) + ")(.)", re.DOTALL)
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, "jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = _refuse
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise UserMistake(
                "the model's chat template must be a template of Jinja",
                str(error).rstrip("."),
                "mend chat_template in its tokenizer_config.json, or take another base model",
            ) from None

    def render(self, messages: Sequence[Message], *, prompt: bool) -> str:
        """Return the conversation with escaped words; `prompt` adds what comes before the next answer.

        Answers are enclosed in OPEN and CLOSE if the template has ``{% generation %}`` marks.
        """
        escaped = [{key: self._escape(value) for key, value in message.items()} for message in messages]
        try:
            return self._template.render(
                messages=escaped, add_generation_prompt=prompt, tools=None, documents=None, **self._variables
            )
        except (TemplateError, TypeError) as error:
            raise _wrong_template(error) from None

    def render_marked(self, messages: Sequence[Message], *, prompt: bool = False) -> str:
        """Return `render` with every answer in OPEN and CLOSE, whether or not the template has marks.

        Without marks of the template, an answer is what it adds to the prompt before it. Raises UserMistake
        when the template writes the past differently once the conversation goes on.
        """
        whole = self.render(messages, prompt=prompt)
        if OPEN in whole:
            return whole
        parts: list[str] = []
        done = 0
        for number, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            before = self.render(messages[:number], prompt=True)
            after = self.render(messages[: number + 1], prompt=False)
            answer = self._escape(message["content"]).strip()
            if not (after.startswith(before) and whole.startswith(after) and answer in after[len(before) :]):
                raise UserMistake(
                    "the chat template does not let the assistant's words be told from the rest",
                    f"message {number + 1} of {len(messages)}",
                    "add {% generation %} marks to the template",
                )
            parts += [whole[done : len(before)], OPEN, whole[len(before) : len(after)], CLOSE]
            done = len(after)
        return "".join([*parts, whole[done:]])

    def _escape(self, text: str) -> str:
        return self._dangerous.sub(lambda match: f"{_ESCAPE}{ord(match[1]):x};", text)


def unescape(text: str) -> str:
    """Return the words as the user wrote them."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


class _Generation(Extension):
    """``{% generation %}...{% endgeneration %}`` encloses what the assistant says in OPEN and CLOSE."""

    tags = {"generation"}  # noqa: RUF012 - the name and type that Jinja wants

    def parse(self, parser: Parser) -> nodes.Node:
        """Turn the block into a call of `_enclose`."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_enclose"), [], [], body).set_lineno(line)

    def _enclose(self, caller: Macro) -> str:
        return f"{OPEN}{caller()}{CLOSE}"


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> None:
    raise TemplateError(message)


def _wrong_template(error: Exception) -> UserMistake:
    return UserMistake(
        "the model's chat template refused the conversation", str(error), "use the roles that it knows"
    )
