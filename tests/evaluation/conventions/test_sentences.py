"""Every habit that can be seen can be said."""

from __future__ import annotations

import pytest

from inhouse.evaluation.conventions.c import c_sites
from inhouse.evaluation.conventions.python import python_sites
from inhouse.evaluation.conventions.sentences import sentence
from tests.evaluation.conventions import test_c, test_python


@pytest.mark.parametrize("text", [case[1] for case in test_python.CASES])
def test_every_habit_of_python_can_be_said(text: str) -> None:
    sites = python_sites(f"{text}\n".encode(), test_python.KNOWN)
    assert all(sentence(one.aspect, one.value) for one in sites if one.aspect != "python.own_exception")


@pytest.mark.parametrize("text", [case[1] for case in test_c.CASES])
def test_every_habit_of_c_can_be_said(text: str) -> None:
    assert all(sentence(one.aspect, one.value) for one in c_sites(f"{text}\n".encode(), "shop.h"))


def test_what_has_no_common_form_is_said_in_words() -> None:
    assert sentence("c.static_prefix", "none") == "Names of static functions have no common prefix."
    assert sentence("python.error_wrapped", "plain") == "Error messages are plain strings."
