from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.errors import UserMistake
from inhouse.models.tokenizer import Tokenizer
from tests.tiny import MARKERS, builtin_model, write_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedTokenizerFast

WITHOUT_MARKS = (
    "{% for m in messages %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CODE = "def f(x):\n    return {'a': 12345, \"b\": x}  # naïve — 日本語\n\n\n\tif x >= 10:\n\t\tpass\n"

texts = st.lists(
    st.one_of(st.text(), st.sampled_from([*MARKERS, "<|im_", "<<|im_end|>", "\ufdd0", "\ufdd1"]))
).map("".join)
conversations = st.lists(st.tuples(texts, texts), min_size=1, max_size=3).map(
    lambda turns: [
        {"role": role, "content": content}
        for turn in turns
        for role, content in zip(("user", "assistant"), turn, strict=True)
    ]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder)
    return folder


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Tokenizer:
    return Tokenizer.load(folder)


@pytest.fixture(scope="module")
def unmarked(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder = tmp_path_factory.mktemp("unmarked")
    return changed(folder, chat_template=WITHOUT_MARKS)


@pytest.fixture(scope="module")
def real() -> Tokenizer:
    return Tokenizer.load(builtin_model().folder)


def reference(folder: Path) -> PreTrainedTokenizerFast:
    from transformers import PreTrainedTokenizerFast

    loaded: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    return loaded


def changed(folder: Path, **settings: object) -> Tokenizer:
    """Write the tiny tokenizer with other settings, and load it."""
    write_tokenizer(folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    return Tokenizer.load(folder)


def rewritten(folder: Path, **parts: object) -> Tokenizer:
    """Write the tiny tokenizer with other parts of its `tokenizer.json`, and load it."""
    write_tokenizer(folder)
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | parts))
    return Tokenizer.load(folder)


# ------------------------------------------------------------------ text


@given(texts)
def test_every_text_comes_back_and_every_byte_is_counted(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert sum(tokenizer.byte_lengths(ids)) == len(text.encode())


@given(texts)
def test_markers_in_the_words_of_users_stay_words(tokenizer: Tokenizer, text: str) -> None:
    assert min(tokenizer.encode(text), default=len(MARKERS)) >= len(MARKERS)


def test_lone_surrogates_do_not_stop_a_request(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode(tokenizer.encode("a\ud800b")) == "a\ufffdb"


def test_markers_stand_for_no_text_unless_asked(tokenizer: Tokenizer) -> None:
    ids = [1, *tokenizer.encode("hi"), 2]
    assert tokenizer.decode(ids) == "hi"
    assert tokenizer.decode(ids, markers=True) == "<|im_start|>hi<|im_end|>"
    assert tokenizer.byte_lengths(ids)[0] == tokenizer.byte_lengths(ids)[-1] == 0


def test_rows_beyond_the_vocabulary_stand_for_nothing(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode([tokenizer.vocabulary_size + 5]) == ""


def test_unicode_normalisation_is_off_because_code_must_come_back(tmp_path: Path) -> None:
    tokenizer = rewritten(tmp_path, normalizer={"type": "NFC"})
    assert tokenizer.decode(tokenizer.encode("e\u0301")) == "e\u0301"


def test_a_tokenizer_that_loses_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="with the normalizer Lowercase"):
        rewritten(tmp_path / "a", normalizer={"type": "Lowercase"})
    with pytest.raises(UserMistake, match="able to spell every text"):
        rewritten(tmp_path / "b", pre_tokenizer={"type": "Whitespace"}, decoder=None)


def test_white_space_tokens_are_text_and_other_added_tokens_are_not_markers(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    description = json.loads((tmp_path / "tokenizer.json").read_text())
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    size = len(description["model"]["vocab"])
    for id_, content in ((size, "    "), (size + 1, "<think>"), (size + 2, "<|fim_middle|>")):
        description["added_tokens"].append({"id": id_, "content": content, **plain})
    (tmp_path / "tokenizer.json").write_text(json.dumps(description))
    tokenizer = Tokenizer.load(tmp_path)
    assert tokenizer.encode("    <think>") == [size, size + 1]
    assert tokenizer.byte_lengths([size, size + 1, size + 2]) == [4, 7, 0]
    assert size + 2 not in tokenizer.encode("<|fim_middle|>")


def test_sentencepiece_puts_no_space_in_front(tmp_path: Path) -> None:
    from tokenizers import Tokenizer as Backend
    from tokenizers import decoders, models, normalizers

    words = ["<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "a", "b", "▁a", "ab"]
    backend = Backend(
        models.BPE(
            {word: id_ for id_, word in enumerate(words)}, [("▁", "a"), ("a", "b")], byte_fallback=True
        )
    )
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    backend.add_special_tokens(["<s>", "</s>"])
    backend.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>"}))
    tokenizer = Tokenizer.load(tmp_path)
    ids = tokenizer.encode("ab a</s>é")
    assert [words[id_] for id_ in ids[:2]] == ["ab", "▁a"]
    assert tokenizer.decode(ids) == "ab a</s>é"
    assert tokenizer.byte_lengths(ids) == [2, 2, 1, 1, 1, 1, 1, 1]
    assert words[tokenizer.pad] == "<s>"


@pytest.mark.model
@given(st.text())
def test_the_real_vocabulary_spells_all_but_a_few_control_characters(real: Tokenizer, text: str) -> None:
    lost = {character for character in text if not real.missing_bytes.isdisjoint(character.encode())}
    ids = real.encode(text)
    assert real.decode(ids) == "".join("\ufffd" if character in lost else character for character in text)
    assert sum(real.byte_lengths(ids)) == len(real.decode(ids).encode())
    assert all(character < " " or character > "\U0003ffff" for character in lost)


@pytest.mark.model
def test_the_real_vocabulary_spells_numbers_digit_by_digit(real: Tokenizer) -> None:
    assert [real.decode([id_]) for id_ in real.encode("x = 2048")] == ["x", " =", " ", "2", "0", "4", "8"]


@pytest.mark.model
def test_the_real_tokens_are_those_of_transformers(real: Tokenizer) -> None:
    expected = reference(builtin_model().folder).encode(CODE, add_special_tokens=False)
    assert real.encode(CODE) == expected


# ------------------------------------------------------------------ which token is what


def test_loading_is_possible_without_torch_and_transformers(folder: Path) -> None:
    program = (
        "import sys, pathlib; from inhouse.models.tokenizer import Tokenizer;"
        "Tokenizer.load(pathlib.Path(sys.argv[1])).chat([{'role': 'user', 'content': 'hi'}]);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", program, str(folder)], check=False).returncode == 0


def test_the_digest_follows_the_chat_template(
    tokenizer: Tokenizer, unmarked: Tokenizer, tmp_path: Path
) -> None:
    assert tokenizer.digest != unmarked.digest
    assert changed(tmp_path).digest == changed(tmp_path).digest


@pytest.mark.model
def test_the_declared_pad_that_is_also_the_end_mark_is_not_used(real: Tokenizer) -> None:
    # SmolLM2 pads with <|im_end|>: masking padding by id would teach it never to stop
    assert real.eos == 2
    assert real.pad not in {*real.ends, *real.document_end}
    assert real.decode([real.pad], markers=True) == "<reponame>"


def test_a_vocabulary_with_one_marker_pads_with_a_byte_that_no_text_has(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    description = json.loads((tmp_path / "tokenizer.json").read_text())
    description["added_tokens"] = description["added_tokens"][:1]
    (tmp_path / "tokenizer.json").write_text(json.dumps(description))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|endoftext|>"}))
    tokenizer = Tokenizer.load(tmp_path)
    assert tokenizer.token_bytes(tokenizer.pad) in (b"\xff", b"\xfe", b"\xc0", b"\xc1")
    assert tokenizer.document_end == [tokenizer.eos] == [0]


def test_a_model_ends_where_its_template_ends_whatever_its_settings_say(tmp_path: Path) -> None:
    tokenizer = changed(tmp_path, eos_token="<|endoftext|>")
    assert tokenizer.eos == 0
    assert tokenizer.ends == {0, 2}


def test_all_ends_of_the_generation_settings_count(tmp_path: Path) -> None:
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [2, 5]}))
    assert changed(tmp_path).ends == {0, 2, 5}


def test_a_model_that_names_no_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="must name the token that ends a text"):
        changed(tmp_path, eos_token=None)


# ------------------------------------------------------------------ documents


def test_documents_begin_with_the_models_own_markers(tokenizer: Tokenizer) -> None:
    ids = tokenizer.document(repository="acme", path="src/a.py", message="Mend <file_sep>\n")
    shown = "<repo_name>acme\nCommit: Mend <file_sep>\n<file_sep>src/a.py\n"
    assert tokenizer.decode(ids, markers=True) == shown
    assert [id_ for id_ in ids if id_ < len(MARKERS)] == [4, 5]
    without = tokenizer.document(repository="acme", path="src/a.py")
    assert tokenizer.decode(without, markers=True) == "<repo_name>acme\n<file_sep>src/a.py\n"
    assert tokenizer.document_end == [0]


def test_documents_of_a_model_without_markers_begin_with_plain_lines(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    text = (tmp_path / "tokenizer.json").read_text().replace("file_sep", "other")
    (tmp_path / "tokenizer.json").write_text(text)
    ids = Tokenizer.load(tmp_path).document(repository="acme", path="a.c", message="Mend it")
    assert Tokenizer.load(tmp_path).decode(ids) == "Repository: acme\nCommit: Mend it\nFile: a.c\n"


def test_a_model_trained_with_a_first_token_gets_it(tmp_path: Path) -> None:
    processor = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "<|im_start|>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {"<|im_start|>": {"id": "<|im_start|>", "ids": [1], "tokens": ["<|im_start|>"]}},
    }
    tokenizer = rewritten(tmp_path, post_processor=processor)
    assert tokenizer.bos == tokenizer.start == 1
    assert tokenizer.document(repository="acme", path="a.c")[:2] == [1, 4]
    assert 1 not in tokenizer.encode("text")


# ------------------------------------------------------------------ conversations


def test_a_conversation_is_tokenized_as_transformers_does(folder: Path, tokenizer: Tokenizer) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": CODE},
        {"role": "assistant", "content": "Fine."},
        {"role": "user", "content": "more"},
    ]
    expected = reference(folder).apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert tokenizer.chat(messages) == expected


def test_the_mask_is_that_of_the_templates_generation_marks(folder: Path, tokenizer: Tokenizer) -> None:
    messages = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "assistant says user"},
        {"role": "user", "content": "assistant says user"},
        {"role": "assistant", "content": "two"},
    ]
    expected = reference(folder).apply_chat_template(
        messages, return_dict=True, return_assistant_tokens_mask=True
    )
    ids, trained = tokenizer.chat_example(messages)
    assert ids == expected["input_ids"]
    assert trained == [bool(flag) for flag in expected["assistant_masks"]]


@given(conversations)
def test_only_answers_and_their_end_marks_are_trained(
    tokenizer: Tokenizer, messages: list[dict[str, str]]
) -> None:
    ids, trained = tokenizer.chat_example(messages)
    shown = tokenizer.decode([id_ for id_, flag in zip(ids, trained, strict=True) if flag], markers=True)
    answers = [message["content"] + "<|im_end|>" for message in messages if message["role"] == "assistant"]
    assert shown == "".join(answers)
    whole = "".join(f"<|im_start|>{each['role']}\n{each['content']}<|im_end|>\n" for each in messages)
    assert tokenizer.decode(ids, markers=True) == whole
    assert sum(id_ == 2 for id_ in ids) == len(messages)  # no marker came from the words


@given(conversations)
def test_what_is_trained_on_is_what_is_asked_later(
    tokenizer: Tokenizer, messages: list[dict[str, str]]
) -> None:
    ids, trained = tokenizer.chat_example(messages)
    for number in range(1, len(messages), 2):
        before = tokenizer.chat(messages[:number])
        assert ids[: len(before)] == before
        assert trained[len(before)]


@given(conversations)
def test_a_template_without_marks_gives_the_same_mask(
    tokenizer: Tokenizer, unmarked: Tokenizer, messages: list[dict[str, str]]
) -> None:
    assert unmarked.chat_example(messages) == tokenizer.chat_example(messages)


@pytest.mark.model
def test_the_real_template_without_marks_trains_answers_only(real: Tokenizer) -> None:
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "\nhello"}]
    ids, trained = real.chat_example(messages)
    assert (
        real.decode([i for i, flag in zip(ids, trained, strict=True) if flag], markers=True)
        == "\nhello<|im_end|>"
    )
    assert real.decode(ids, markers=True).endswith("<|im_start|>assistant\n\nhello<|im_end|>\n")


def test_a_template_that_rewrites_the_past_can_be_asked_but_not_trained_on(tmp_path: Path) -> None:
    template = "{% for m in messages %}{% if loop.last %}{{ m['content'] }}{% else %}.{% endif %}{% endfor %}"
    tokenizer = changed(tmp_path, chat_template=template)
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    assert tokenizer.decode(tokenizer.chat(messages)) == "..c"
    with pytest.raises(UserMistake, match="message 2 of 3"):
        tokenizer.chat_example(messages)


def test_a_template_that_refuses_is_a_users_mistake(tmp_path: Path) -> None:
    template = "{{ raise_exception('roles must alternate') }}"
    with pytest.raises(UserMistake, match="roles must alternate"):
        changed(tmp_path, chat_template=template).chat([{"role": "user", "content": "hi"}])


def test_a_template_cannot_reach_into_python(tmp_path: Path) -> None:
    tokenizer = changed(tmp_path, chat_template="{{ ''.__class__.__mro__[1].__subclasses__() }}")
    with pytest.raises(UserMistake, match="refused the conversation"):
        tokenizer.chat([{"role": "user", "content": "hi"}])


def test_a_model_without_template_says_so(tmp_path: Path) -> None:
    tokenizer = changed(tmp_path, chat_template=None)
    assert not tokenizer.has_chat_template
    with pytest.raises(UserMistake, match="no chat template"):
        tokenizer.chat([{"role": "user", "content": "hi"}])


def test_a_chat_template_that_jinja_cannot_read_says_where_to_mend_it(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    settings = tmp_path / "tokenizer_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "chat_template": "{{ messages"}))
    with pytest.raises(UserMistake, match=r"must be a template of Jinja: .*; mend chat_template in its"):
        Tokenizer.load(tmp_path)


def test_marks_of_a_chat_template_that_the_vocabulary_lacks_are_known(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    assert Tokenizer.load(tmp_path).unknown_marks == ()
    settings = tmp_path / "tokenizer_config.json"
    settings.write_text(settings.read_text().replace("<|im_start|>", "<|header|>"))
    assert Tokenizer.load(tmp_path).unknown_marks == ("<|header|>",)
