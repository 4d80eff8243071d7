from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch

from inhouse.digests import digest_file
from inhouse.errors import UserMistake
from inhouse.models.convert import convert_gguf
from inhouse.models.tokenizer import Tokenizer
from tests.tiny import MARKERS, builtin_model, make_tiny_model

if TYPE_CHECKING:
    from pathlib import Path

    from inhouse.models.resolve import BaseModel

GGUF_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def load(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)


def write_gguf(path: Path, model: Any, tokenizer: Path, *, quantize: bool = False, **changes: object) -> Path:
    """Write a transformers model as llama.cpp's converter does: its names, its rotary order, its metadata."""
    from gguf import GGMLQuantizationType, GGUFWriter, quants

    config = model.config
    kind = str(changes.pop("architecture", config.model_type))
    writer = GGUFWriter(path, kind)
    writer.add_license("apache-2.0")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    _add_tokenizer(writer, json.loads((tokenizer / "tokenizer.json").read_text()))
    for name, value in changes.items():
        writer.add_string(name.replace("__", "."), str(value))
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = weight.float().numpy()
        if config.model_type == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
            heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
            values = (
                values.reshape(heads, 2, len(values) // heads // 2, -1).swapaxes(1, 2).reshape(values.shape)
            )
        if quantize and values.ndim == 2:
            packed = quants.quantize(values, GGMLQuantizationType.Q8_0)
            writer.add_tensor(_gguf_name(name), packed, raw_dtype=GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(_gguf_name(name), values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _gguf_name(name: str) -> str:
    stem, _, kind = name.rpartition(".")
    if stem.startswith("model.layers."):
        _, _, number, inner = stem.split(".", 3)
        return f"blk.{number}.{GGUF_NAMES[inner]}.{kind}"
    return f"{GGUF_NAMES[stem]}.{kind}"


def _add_tokenizer(writer: Any, description: dict[str, Any]) -> None:
    vocabulary = sorted(description["model"]["vocab"].items(), key=lambda item: item[1])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([name for name, _ in vocabulary])
    writer.add_token_types([3 if name in MARKERS else 1 for name, _ in vocabulary])
    writer.add_token_merges([" ".join(pair) for pair in description["model"]["merges"]])
    writer.add_eos_token_id(2)
    writer.add_bos_token_id(1)


def test_llama_comes_over_exactly(tiny: BaseModel, tmp_path: Path) -> None:
    source = write_gguf(tmp_path / "tiny.gguf", load(tiny.folder), tiny.folder)
    (tmp_path / "out").mkdir()
    assert convert_gguf(source, tmp_path / "out") == "apache-2.0"
    ids = torch.tensor([Tokenizer.load(tiny.folder).encode("def area(width, height): return 12")])
    with torch.inference_mode():
        assert torch.equal(load(tmp_path / "out")(ids).logits, load(tiny.folder)(ids).logits)


def test_the_tokenizer_comes_over_exactly(tiny: BaseModel, tmp_path: Path) -> None:
    source = write_gguf(tmp_path / "tiny.gguf", load(tiny.folder), tiny.folder)
    (tmp_path / "out").mkdir()
    convert_gguf(source, tmp_path / "out")
    text = "class Reader:\n    naïve = 10 <|im_end|>"
    ours, original = Tokenizer.load(tmp_path / "out"), Tokenizer.load(tiny.folder)
    assert ours.encode(text) == original.encode(text)
    assert (ours.eos, ours.bos, ours.ends) == (2, None, {0, 2})


def test_qwen_with_biases_and_its_own_output_layer_comes_over_exactly(
    tiny: BaseModel, tmp_path: Path
) -> None:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=512,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.1,
        tie_word_embeddings=False,
    )
    model = Qwen2ForCausalLM(config).eval()
    for name, weight in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(weight)
    source = write_gguf(tmp_path / "qwen.gguf", model, tiny.folder)
    (tmp_path / "out").mkdir()
    convert_gguf(source, tmp_path / "out")
    ids = torch.arange(40)[None]
    with torch.inference_mode():
        assert torch.equal(load(tmp_path / "out")(ids).logits, model(ids).logits)


def test_quantized_weights_are_those_that_transformers_reads(tiny: BaseModel, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    source = write_gguf(tmp_path / "tiny.gguf", load(tiny.folder), tiny.folder, quantize=True)
    (tmp_path / "out").mkdir()
    convert_gguf(source, tmp_path / "out")
    expected = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="tiny.gguf", local_files_only=True)
    ours = load(tmp_path / "out").state_dict()
    assert ours.keys() == expected.state_dict().keys()
    assert all(torch.equal(ours[name], weight) for name, weight in expected.state_dict().items())


def test_the_same_file_gives_the_same_bytes(tiny: BaseModel, tmp_path: Path) -> None:
    source = write_gguf(tmp_path / "tiny.gguf", load(tiny.folder), tiny.folder)
    digests = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        convert_gguf(source, tmp_path / name)
        digests.append({path.name: digest_file(path) for path in (tmp_path / name).iterdir()})
    assert digests[0] == digests[1]
    assert sorted(digests[0]) == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_a_file_cut_short_anywhere_is_one_sentence(tiny: BaseModel, tmp_path: Path) -> None:
    data = write_gguf(tmp_path / "tiny.gguf", load(tiny.folder), tiny.folder).read_bytes()
    for length in (5, 50, 500, 20_000, len(data) // 2, len(data) - 1):
        (tmp_path / "cut.gguf").write_bytes(data[:length])
        with pytest.raises(UserMistake, match=r"cut\.gguf is cut short or damaged"):
            convert_gguf(tmp_path / "cut.gguf", tmp_path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"architecture": "mamba"}, "it has the architecture mamba; llama, qwen2, qwen3 can be read"),
        ({"llama__rope__scaling__type": "yarn"}, "it has a scaled rotary embedding"),
        ({"tokenizer__ggml__pre": "unheard-of"}, "this one has gpt2/unheard-of"),
    ],
)
def test_what_would_not_be_exact_is_refused(
    tiny: BaseModel, tmp_path: Path, changes: dict[str, str], sentence: str
) -> None:
    source = write_gguf(tmp_path / "odd.gguf", load(tiny.folder), tiny.folder, **changes)
    with pytest.raises(UserMistake, match=sentence):
        convert_gguf(source, tmp_path)


def test_a_missing_tensor_is_named(tiny: BaseModel, tmp_path: Path) -> None:
    model = load(tiny.folder)
    del model.model.layers[1].mlp.up_proj
    source = write_gguf(tmp_path / "odd.gguf", model, tiny.folder)
    with pytest.raises(UserMistake, match=r"such as model\.layers\.1\.mlp\.up_proj\.weight"):
        convert_gguf(source, tmp_path)


@pytest.mark.model
def test_the_embedded_model_has_its_weights_and_its_settings() -> None:
    from safetensors import safe_open

    folder = builtin_model().folder
    config = json.loads((folder / "config.json").read_text())
    assert (config["rms_norm_eps"], config["rope_parameters"]["rope_theta"]) == (1e-05, 100000.0)
    assert (config["num_hidden_layers"], config["head_dim"], config["tie_word_embeddings"]) == (30, 64, True)
    with safe_open(folder / "model.safetensors", framework="pt") as file:
        assert len(list(file.keys())) == 272
        assert file.get_slice("model.embed_tokens.weight").get_dtype() == "F32"
