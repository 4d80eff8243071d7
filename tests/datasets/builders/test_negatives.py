"""Code that was wrong is found, judged, paired with what was better, and never imitated."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.datasets.builders.contract import Bench, Past
from inhouse.datasets.builders.critiques import Critiques
from inhouse.datasets.formats import example
from inhouse.datasets.insecure import insecure_calls
from inhouse.datasets.negatives import Guard, Negative, find_negatives, plain, preference
from inhouse.datasets.patches import FilePatch, Patch
from inhouse.languages import detect, parse
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Hunk
from tests.datasets.builders.planted import INSECURE, LOYALTY, SHIPPING_BUG, SHIPPING_FIX, Planted


def test_the_planted_faults_are_found_with_who_made_them_and_why(past: Past, planted: Planted) -> None:
    found = {negative.source: negative for negative in past.negatives}
    assert sorted(found) == ["insecure", "later fixed", "reverted"]
    fixed, reverted, insecure = found["later fixed"], found["reverted"], found["insecure"]
    assert (fixed.code, fixed.better) == (SHIPPING_BUG, SHIPPING_FIX)
    assert fixed.commit == planted.commits["shipping"]
    assert "The weight was counted twice" in fixed.why
    assert plain(reverted.code) == plain(LOYALTY)
    assert reverted.commit == planted.commits["loyalty"]
    assert reverted.why == "It looked at every customer for each point and slowed the checkout down."
    assert insecure.code == INSECURE
    assert "CWE-78" in insecure.why


def test_a_critique_shows_the_fault_and_carries_loss_on_the_judgement_alone(
    past: Past, bench: Bench, tokenizer: Tokenizer
) -> None:
    rows = list(Critiques(bench).rows(past))
    assert len(rows) == 3
    (row,) = [row for row in rows if SHIPPING_BUG in row.text]
    question, _, answer = row.text.partition("<|im_start|>assistant\n")
    assert SHIPPING_BUG in question
    assert answer.startswith("Fix the shipping price of heavy parcels\n\nThe weight was counted twice")
    assert f"This took its place:\n\n```python\n{SHIPPING_FIX}```" in answer
    trained = tokenizer.decode([i for i, own in zip(row.input_ids, row.trained, strict=True) if own])
    assert plain(SHIPPING_BUG) not in plain(trained)


def test_a_pair_prefers_what_took_the_place_of_the_fault(past: Past) -> None:
    pairs = [pair for negative in past.negatives if (pair := preference(negative, "shop"))]
    (pair,) = pairs
    assert (pair.chosen, pair.rejected) == (SHIPPING_FIX, SHIPPING_BUG)
    assert pair.prompt.startswith("Continue `shop/util.py` of shop.\n\n```python\n")
    assert pair.prompt.endswith('    """Return the price of sending a parcel."""\n```')


def _negative(code: str, source: str = "reverted") -> Negative:
    return Negative(source, "a.py", "python", 1, code, code, "", "why", "", "", ())


FAULT = "    total = first_price * second_price\n    return total - discount_of(customer)\n"


@pytest.mark.parametrize(
    "text",
    [
        f"def price():\n{FAULT}\n\nx = 1\n",
        f"def price():\n{FAULT.replace('    ', '        ')}",
        "@@ -1,2 +1,3 @@\n" + "".join(f"+{line}\n" for line in FAULT.splitlines()),
        "@@ -1,2 +1,3 @@\n" + "".join(f"-{line}\n" for line in FAULT.splitlines()),
        FAULT.replace("\n", "\n\n", 1),
        f"{FAULT}x = 1\n{FAULT}",
    ],
)
def test_the_guard_takes_the_loss_off_a_fault_however_it_is_written(text: str, tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(text)
    row = example("continuation", "train", tokenizer, ([], [*ids, *tokenizer.document_end]), ("o",), "1")
    kept = Guard([_negative(FAULT)], tokenizer).guarded(row)
    assert kept is not None
    assert kept.input_ids == row.input_ids
    assert kept.id != row.id
    trained = tokenizer.decode([i for i, own in zip(kept.input_ids, kept.trained, strict=True) if own])
    assert "first_price" not in trained
    assert "discount_of" not in trained
    assert ("x = 1" in trained) == ("x = 1" in text)


def test_the_guard_leaves_other_rows_as_they_are_and_drops_one_that_is_all_fault(
    tokenizer: Tokenizer,
) -> None:
    guard = Guard([_negative(FAULT), _negative("os.system(command)", "insecure")], tokenizer)
    other = example("change", "train", tokenizer, ([], tokenizer.encode("total = first_price\n")), (), "1")
    assert guard.guarded(other) is other
    shown = tokenizer.encode(FAULT)
    context = example("change", "train", tokenizer, (shown, tokenizer.encode("x = 1")), (), "1")
    assert guard.guarded(context) is context
    alone = example("infill", "train", tokenizer, (shown, tokenizer.encode("os.system(command)")), (), "1")
    assert guard.guarded(alone) is None


@given(
    st.lists(
        st.sampled_from(["é = 1", "    a = b", "+ c", "", "- d(é)", "fault_one(ü)", "  fault_two()"]),
        max_size=12,
    )
)
def test_what_the_guard_leaves_never_holds_a_fault(lines: list[str]) -> None:
    tokenizer = _TOKENIZER[0]
    fault = "fault_one(ü)\nfault_two()"
    ids = tokenizer.encode("\n".join(lines))
    row = example("change", "train", tokenizer, ([tokenizer.start], [*ids, tokenizer.eos]), (), "1")
    kept = Guard([_negative(fault)], tokenizer).guarded(row)
    assert kept is not None
    start = 0
    runs = []
    for number, own in enumerate((*kept.trained, False)):
        if not own:
            runs.append(tokenizer.decode(kept.input_ids[start:number]))
            start = number + 1
    assert not any(fault in plain(run) for run in runs)
    if fault not in plain("\n".join(lines)):
        assert kept is row


_TOKENIZER: list[Tokenizer] = []


@pytest.fixture(autouse=True)
def _shared_tokenizer(tokenizer: Tokenizer) -> None:
    _TOKENIZER[:] = [tokenizer]


def test_what_came_back_was_right_after_all(past: Past) -> None:
    """A fault that stands in the tree again is no negative."""
    files = list(past.files)
    again = [
        replace(file, text=file.text + LOYALTY) if file.path == "shop/cart.py" else file for file in files
    ]
    assert {negative.source for negative in find_negatives(past.patches, again)} == {
        "insecure",
        "later fixed",
    }


# ------------------------------------------------------------------ review


def _commit(number: int, message: str, before: str, after: str) -> Patch:
    """A change of one line of a file, each version the one before the next."""
    hunk = Hunk(2, 1, 2, 1)
    file = FilePatch("a.py", "", "M", "python", before, after, (hunk,), (f"old {number}", f"new {number}"))
    return Patch(f"commit{number}", message, (file,), (f"message {number}",), 0)


FIRST, ASKED, SECOND = (
    f"def price(parcel):\n    return {value}\n"
    for value in ("None", "parcel.weight * parcel.weight * rate", "parcel.weight * rate_of(parcel)")
)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("Address review comments", ""),
        ("Apply suggestions from code review", ""),
        ("fixup! Add the price of parcels to the helpers", ""),
        (
            "Changes requested by @bob\n\nThe weight was counted twice here.",
            "Changes requested by @bob\n\nThe weight was counted twice here.",
        ),
    ],
)
def test_the_version_before_a_reviews_changes_is_the_rejected_one(message: str, why: str) -> None:
    patches = [_commit(2, message, ASKED, SECOND), _commit(1, "Add the price of parcels", FIRST, ASKED)]
    (found,) = find_negatives(patches, ())
    assert (found.source, found.commit, found.why) == ("in review", "commit1", why)
    pair = preference(found, "shop")
    assert pair is not None
    assert (pair.rejected, pair.chosen) == tuple(text.split("\n", 1)[1] for text in (ASKED, SECOND))
    assert pair.lineage == ("new 1", "old 2", "new 2", "message 2")


@pytest.mark.parametrize(
    "message",
    [
        "Remove comments from the parser",
        "Add a code review page",
        "Address review comments on the docs",
        "Round",
    ],
)
def test_a_commit_that_only_speaks_of_comments_rejects_nothing(message: str) -> None:
    patches = [_commit(2, message, ASKED, SECOND), _commit(1, "Add the price of parcels", FIRST, ASKED)]
    assert find_negatives(patches, ()) == []


# ------------------------------------------------------------------ insecure calls


@pytest.mark.parametrize(
    ("path", "insecure", "secure"),
    [
        ("a.py", "eval(text)", "ast.literal_eval(text)"),
        ("a.py", "os.system(command)", "subprocess.run([program])"),
        ("a.py", "subprocess.run(command, shell=True)", "subprocess.run(command, shell=False)"),
        ("a.py", "pickle.loads(data)", "json.loads(data)"),
        ("a.py", "yaml.load(text)", "yaml.load(text, Loader=yaml.SafeLoader)"),
        ("a.py", "yaml.load(text, Loader=yaml.Loader)", "yaml.safe_load(text)"),
        ("a.py", "hashlib.md5(data)", "hashlib.md5(data, usedforsecurity=False)"),
        ("a.py", "requests.get(url, verify=False)", "requests.get(url)"),
        ("a.py", "tempfile.mktemp()", "tempfile.mkstemp()"),
        ("a.py", "archive.extractall(path)", 'archive.extractall(path, filter="data")'),
        ("a.c", "strcpy(to, from);", "snprintf(to, sizeof(to), from);"),
        ("a.c", 'sprintf(to, "%s", from);', 'sprintf(to, "%d", from);'),
        ("a.c", 'sscanf(text, "%s", word);', 'sscanf(text, "%9s", word);'),
        ("a.c", "printf(text);", 'printf("%s", text);'),
        ("a.c", "system(command);", 'system("true");'),
        ("a.js", "eval(text)", 'eval("1")'),
        ("a.js", "child_process.exec(command)", "child_process.execFile(program)"),
        ("a.go", 'exec.Command("sh", "-c", text)', 'exec.Command("ls", text)'),
    ],
)
def test_each_rule_tells_the_insecure_call_from_the_secure_one(path: str, insecure: str, secure: str) -> None:
    def found(call: str) -> int:
        body = f"void f(void) {{\n{call}\n}}\n" if path.endswith(".c") else f"{call}\n"
        text = f"package a\nfunc f() {{\n{call}\n}}\n" if path.endswith(".go") else body
        return len(list(insecure_calls(parse(path, text, detect(path)), text)))

    assert (found(insecure), found(secure)) == (1, 0)
