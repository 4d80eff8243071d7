"""The next statement as each arm writes it: greedy, up to the end of the statement, within a token budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.datasets.formats import target_text
from inhouse.engines.base import GenerateRequest
from inhouse.evaluation.likelihood import SHARD_ITEMS
from inhouse.evaluation.statements import (
    Statement,
    exact_match,
    first_statement,
    identifier_match,
    identifiers,
)
from inhouse.shards import read_records, write_records

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inhouse.engines.base import Engine
    from inhouse.evaluation.arms import Bench, Case
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.progress import Task

__all__ = ["MAX_NEW_TOKENS", "Answer", "Question", "answer_shards", "ask"]

MAX_NEW_TOKENS = 32


@dataclass(frozen=True, slots=True)
class Answer:
    """What one arm wrote for one item, and how well it matches."""

    item: str
    arm: str
    text: str
    exact: float  # 1 or 0
    identifiers: float
    generated: int  # tokens written
    prompted: int  # tokens read for that


@dataclass(slots=True)
class Question:
    """A case whose first statement is wanted, and what has been written of it."""

    case: Case
    reference: Statement
    text: str  # begins as the indentation, which the model is given but for its last character
    generated: int = 0
    prompted: int = 0

    @property
    def is_open(self) -> bool:
        """Is there something left to write, and tokens to write it with?"""
        return self.generated < MAX_NEW_TOKENS and not self.statement.closed

    @property
    def statement(self) -> Statement:
        """The statement as far as it is written."""
        text = f"{self.text}\n"
        return first_statement(text, self.case.item.language) or Statement("", self.text, closed=False)


def answer_shards(
    bench: Bench, planned: Sequence[Sequence[Case]], budget: int, most_read: int
) -> list[Answer]:
    """Let every arm write the first statement of the items, from the first on, within `budget` new tokens.

    The contexts that are read for it hold at most `most_read` tokens: reading them costs more than writing.
    Each shard is written to `statements-NNNNN.parquet`; those that are there are not written again.
    """
    queue = _queue(planned, most_read)
    answers: list[Answer] = []
    number = 0
    total = _expected(bench.tokenizer, queue, budget)
    with bench.progress.task("next statements", total, "statements") as task:
        while items := _affordable(queue, budget - sum(answer.generated for answer in answers)):
            shard, queue = queue[:items], queue[items:]
            path = bench.folder / f"statements-{number:05d}.parquet"
            cases = [case for item in shard for case in item]
            if path.exists():
                task.skip(len(cases))
            else:
                write_records(path, ask(bench.engine, bench.tokenizer, cases, task), Answer)
            answers += read_records(bench.folder, path.stem, Answer)
            number += 1
    return answers


def ask(engine: Engine, tokenizer: Tokenizer, cases: Sequence[Case], task: Task) -> list[Answer]:
    """Let the model write one statement for each case that has one.

    The model begins where the statement does, so that it has nothing to write but the statement, and stops at
    the end of the line. Statements that are still open there are gone on with up to 32 tokens in all.
    """
    questions = [question for question in map(_question, cases) if question is not None]
    _write(engine, tokenizer, questions, ("\n",), lambda _: task.advance())
    _write(engine, tokenizer, [question for question in questions if question.is_open], (), None)
    return [_answer(question) for question in questions]


def _question(case: Case) -> Question | None:
    """Return the question for a case; None where the target has no statement.

    Vocabularies join the last blank of an indentation to the word behind it: it is left to the model.
    """
    reference = first_statement(case.item.target, case.item.language)
    if reference is None:
        return None
    indentation = reference.text[: len(reference.text) - len(reference.text.lstrip())]
    return Question(case, reference, text=indentation[:-1])


def _write(
    engine: Engine,
    tokenizer: Tokenizer,
    questions: Sequence[Question],
    stop: tuple[str, ...],
    on_done: Callable[[int], None] | None,
) -> None:
    requests = [_request(tokenizer, question, stop) for question in questions]
    answers = engine.complete(requests, on_done)
    for question, request, answer in zip(questions, requests, answers, strict=True):
        question.text += answer.text
        question.prompted += len(request.prompt)
        question.generated += min(len(tokenizer.encode(answer.text)) + 1, request.max_new_tokens)


def _request(tokenizer: Tokenizer, question: Question, stop: tuple[str, ...]) -> GenerateRequest:
    line_end = target_text(question.case.item.prefix, "")
    before = tokenizer.encode(line_end + question.reference.lead + question.text)
    return GenerateRequest(
        prompt=(*question.case.context, *before),
        max_new_tokens=MAX_NEW_TOKENS - question.generated,
        stop=stop,
        adapter=question.case.adapter,
    )


def _answer(question: Question) -> Answer:
    language = question.case.item.language
    wanted, given = question.reference.text, question.statement.text
    return Answer(
        item=question.case.item.id,
        arm=question.case.arm,
        text=given,
        exact=float(exact_match(wanted, given)),
        identifiers=identifier_match(identifiers(wanted, language), identifiers(given, language)),
        generated=question.generated,
        prompted=question.prompted,
    )


def _queue(planned: Sequence[Sequence[Case]], most_read: int) -> list[Sequence[Case]]:
    """Return the items that have a statement, as many as may be read."""
    queue = []
    for cases in planned:
        if _question(cases[0]) is not None:
            most_read -= sum(len(case.context) for case in cases)
            if most_read < 0:
                break
            queue.append(cases)
    return queue


def _affordable(queue: Sequence[Sequence[Case]], budget: int) -> int:
    """Return how many items the next shard may hold, should every statement use all the tokens it may."""
    return min(len(queue), SHARD_ITEMS, budget // (MAX_NEW_TOKENS * len(queue[0]))) if queue else 0


def _expected(tokenizer: Tokenizer, queue: Sequence[Sequence[Case]], budget: int) -> int:
    """Return about how many statements will be written, were all as long as those they are compared with."""
    statements = 0
    for cases in queue:
        question = _question(cases[0])
        tokens = len(tokenizer.encode(question.reference.text)) + 1 if question is not None else 0
        budget -= min(MAX_NEW_TOKENS, tokens) * len(cases)
        if budget < 0:
            break
        statements += len(cases)
    return statements
