"""Arms: the same budget for all of them, and no answer scored twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from inhouse.datasets.formats import target_text
from inhouse.evaluation.arms import ARMS, DIFFERENCES, RETRIEVED, Arm, Retriever, available, stand_ins
from inhouse.evaluation.sampling import even_order


def test_every_arm_has_the_same_budget_and_uses_it_when_there_is_text(bench, index, planted):
    prefix = "".join(f"value_{number} = {number}\n" for number in range(400))
    retriever = Retriever(index, bench, 0.5)
    for item in planted.items():
        long = replace(item, prefix=prefix + item.prefix)
        cases = bench.cases(long, ARMS, {RETRIEVED: retriever})
        assert [case.arm for case in cases] == ["base", "retrieval", "tuned", "tuned_retrieval"]
        for case in cases:
            assert bench.context_tokens - 60 <= len(case.context) <= bench.context_tokens  # whole lines only


def test_tuned_arms_differ_from_the_others_in_nothing_but_the_adapter(bench, index, planted):
    base, retrieval, tuned, both = bench.cases(
        planted.items()[0], ARMS, {RETRIEVED: Retriever(index, bench, 0.5)}
    )
    assert [case.adapter for case in (base, retrieval, tuned, both)] == ["", "", "tuned", "tuned"]
    assert base.context == tuned.context
    assert retrieval.context == both.context
    assert base.context != retrieval.context
    assert base.target == retrieval.target == tuned.target == both.target


@pytest.mark.parametrize("share", [0.4, 0.7])
def test_retrieved_text_stays_within_its_share(bench, index, planted, share):
    retriever = Retriever(index, bench, share)
    for item in planted.items():
        text = retriever(item)
        assert text
        assert len(bench.tokenizer.encode(text)) <= share * bench.context_tokens


def test_what_the_model_sees_of_the_file_is_not_retrieved_again(bench, index, planted):
    item = next(item for item in planted.items() if item.known_path)
    text = Retriever(index, bench, 0.5)(item)
    head = item.prefix.split("\n")[0]
    assert head.startswith('"""')
    assert head not in text


def test_an_arm_without_its_text_is_another_one_under_a_new_name():
    assert [arm.name for arm in available(ARMS, ())] == ["base", "tuned"]
    assert stand_ins(ARMS, ()) == {"retrieval": "base", "tuned_retrieval": "tuned"}
    assert available(ARMS, (RETRIEVED,)) == ARMS
    assert stand_ins(ARMS, (RETRIEVED,)) == {}


def test_a_further_arm_is_one_entry(bench, planted):
    arms = (*ARMS, Arm("prompted", tuned=False, text="conventions"))
    item = planted.items()[0]
    texts = {"conventions": lambda _: "# raise LedgerFault only\n"}
    cases = {case.arm: case for case in bench.cases(item, available(arms, texts), texts)}
    assert "LedgerFault only" in bench.tokenizer.decode(cases["prompted"].context)
    assert "LedgerFault only" not in bench.tokenizer.decode(cases["base"].context)


def test_every_difference_is_between_arms_that_exist():
    names = {arm.name for arm in ARMS}
    assert {name for pair in DIFFERENCES for name in pair} == names


def test_a_target_stands_for_exactly_its_bytes(bench, planted):
    for item in planted.items():
        (case,) = bench.cases(item, ARMS[:1], {})
        scored = target_text(item.prefix, item.target)
        assert bench.tokenizer.decode(case.target) == scored
        assert sum(bench.tokenizer.byte_lengths(case.target)) == len(scored.encode())


def test_any_first_part_of_the_order_is_an_even_sample_over_commits(planted):
    one = planted.items()
    many = [replace(item, id=f"{item.id}{copy}") for item in one for copy in range(1 + len(item.path) % 3)]
    order = even_order(many, seed=0)
    assert sorted(item.id for item in order) == sorted(item.id for item in many)
    assert {item.commit for item in order[: len(one)]} == {item.commit for item in one}
    sizes = Counter(item.commit for item in many)
    for length in range(1, len(order)):
        taken = Counter(item.commit for item in order[:length])
        for commit in sizes:  # nobody has a second turn before everybody had a first
            assert taken[commit] >= min(sizes[commit], max(taken.values()) - 1)


def test_the_order_depends_on_the_seed_and_on_nothing_else(planted):
    items = planted.items()
    assert even_order(items, 0) == even_order(items[::-1], 0)
    assert even_order(items, 0) != even_order(items, 1)
