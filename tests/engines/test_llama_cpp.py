"""llama.cpp on the embedded model's own file: its answers are nearly those of torch, with adapters too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inhouse.engines.base import Generated, GenerateRequest, ScoreRequest
from inhouse.engines.llama_adapters import convert_adapter
from inhouse.engines.llama_cpp import LlamaCppEngine, agreement, gguf_file
from inhouse.engines.torch_engine import TorchEngine
from inhouse.errors import UserMistake
from inhouse.models.tokenizer import Tokenizer
from tests.tiny import builtin_model, make_tiny_adapter, make_tiny_model

if TYPE_CHECKING:
    from inhouse.models.resolve import BaseModel

NAMES = ("add", "multiply", "largest", "merge_lists", "read_file", "count_words")


@pytest.fixture(scope="module")
def model() -> BaseModel:
    pytest.importorskip("xllamacpp")
    return builtin_model()


@pytest.fixture(scope="module")
def tokenizer(model: BaseModel) -> Tokenizer:
    return Tokenizer.load(model.folder)


@pytest.fixture(scope="module")
def adapter(model: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_adapter(tmp_path_factory.mktemp("adapter"), model, alpha=1)


@pytest.fixture(scope="module")
def open_before() -> set[str]:
    """Sockets that other tests of this process left open."""
    return _open_sockets()


@pytest.fixture(scope="module")
def llama(model: BaseModel, tokenizer: Tokenizer, adapter: Path, open_before: set[str]) -> LlamaCppEngine:
    engine = LlamaCppEngine(model, tokenizer, threads=1)
    assert engine.load_adapter("tuned", adapter).largest_change > 0
    return engine


@pytest.mark.model
def test_it_agrees_with_torch_with_and_without_an_adapter(
    model: BaseModel, tokenizer: Tokenizer, adapter: Path, llama: LlamaCppEngine
) -> None:
    """A wrong order of rotary rows, scale or vocabulary would leave next to no token the same."""
    torch = TorchEngine(model, tokenizer, device="cpu")
    torch.load_adapter("tuned", adapter)
    prompts = [tuple(tokenizer.encode(f"def {name}(first, second):\n")) for name in NAMES]
    plain = agreement(torch, llama, prompts, 12)
    assert plain.prompts == 6
    assert plain.equal >= 4
    assert plain.common >= 0.75
    asked = [GenerateRequest(prompt, 12, adapter="tuned") for prompt in prompts]
    pairs = list(zip(torch.complete(asked), llama.complete(asked), strict=True))
    assert sum(one.tokens[:3] == other.tokens[:3] for one, other in pairs) >= 4
    base = torch.complete([replace(one, adapter="") for one in asked])
    assert (
        sum(
            one.tokens[:3] == other.tokens[:3] for one, other in zip(base, llama.complete(asked), strict=True)
        )
        <= 3
    )


@pytest.mark.model
def test_random_answers_to_one_prompt_differ_and_stop_strings_end_them(
    tokenizer: Tokenizer, llama: LlamaCppEngine
) -> None:
    prompt = tuple(tokenizer.encode("import os\n\n\ndef list_files(folder):\n"))
    drawn = [GenerateRequest(prompt, 12, temperature=1.0, seed=seed) for seed in range(3)]
    greedy = GenerateRequest(prompt, 40, stop=("\n",))
    done: list[int] = []
    first, *others = llama.complete([greedy, *drawn], done.append)
    assert first.finish == "stop"
    assert "\n" not in first.text
    assert len({one.text for one in others}) > 1
    assert [one.finish for one in others] == ["length"] * 3
    assert [len(one.tokens) for one in others] == [12] * 3
    assert sorted(done) == [0, 1, 2, 3]
    for one, answer in (
        (greedy, first),
        (GenerateRequest(prompt, 4), llama.complete([GenerateRequest(prompt, 4)])[0]),
    ):
        steps = list(llama.generate(one))
        assert "".join(step.text for step in steps) == answer.text
        assert [step.finish for step in steps] == [""] * (len(steps) - 1) + [answer.finish]


@pytest.mark.model
@pytest.mark.parametrize("wrong", [{"max_new_tokens": 0}, {"temperature": -1.0}, {"top_p": 0.0}])
def test_what_the_torch_engine_refuses_is_refused_here_in_either_way_of_asking(
    llama: LlamaCppEngine, wrong: dict[str, float]
) -> None:
    request = replace(GenerateRequest((1,), 8), **wrong)
    with pytest.raises(UserMistake):
        llama.complete([request])
    with pytest.raises(UserMistake):
        next(llama.generate(request))


@pytest.mark.model
def test_it_opens_no_port_and_says_what_it_cannot_do(llama: LlamaCppEngine, open_before: set[str]) -> None:
    listening = [
        line.split()[9]
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/self/net/{name}").read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    assert not {f"socket:[{inode}]" for inode in listening} & (_open_sockets() - open_before)
    with pytest.raises(UserMistake, match="does not score"):
        llama.score([ScoreRequest((1,), (2,))])
    with pytest.raises(UserMistake, match="no such adapter"):
        llama.complete([GenerateRequest((1,), 2, adapter="other")])
    with pytest.raises(UserMistake, match="reads at most"):
        llama.complete([GenerateRequest((1,) * 20_000, 2)])
    assert llama.capabilities.dtype == "llama.cpp SmolLM2-135M-Instruct.Q4_1.gguf"


def _open_sockets() -> set[str]:
    links = (link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
    return {str(link) for link in links if str(link).startswith("socket:")}


def test_a_model_without_a_gguf_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="reads GGUF files"):
        gguf_file(str(tmp_path))


def test_an_adapter_that_is_no_plain_lora_is_told(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    folder = make_tiny_adapter(tmp_path / "adapter", base)
    settings = (folder / "adapter_config.json").read_text()
    for word in ('"use_dora": true', '"use_rslora": true'):
        name = word.split(":")[0]
        (folder / "adapter_config.json").write_text(settings.replace(f"{name}: false", word))
        with pytest.raises(UserMistake, match="plain LoRA"):
            convert_adapter(folder, tmp_path / "any.gguf", tmp_path / "out.gguf")
    with pytest.raises(UserMistake, match="plain LoRA"):
        convert_adapter(tmp_path, tmp_path / "any.gguf", tmp_path / "out.gguf")


class Fixed:
    """An engine that always says the same."""

    def __init__(self, *answers: tuple[int, ...]) -> None:
        self.answers = answers

    def complete(self, requests: list[GenerateRequest]) -> list[Generated]:
        return [Generated("", tokens, "stop") for tokens in self.answers]


def test_agreement_counts_answers_and_tokens_before_the_first_difference() -> None:
    found = agreement(Fixed((1, 2, 3), (1, 2, 3), ()), Fixed((1, 2, 3), (1, 9, 3, 4), ()), [(1,), (2,), (3,)])
    assert (found.prompts, found.equal, found.common) == (3, 2, pytest.approx((1 + 0.25 + 1) / 3))
