"""A tiny real model for tests: Llama architecture, byte-level vocabulary, ChatML with generation marks.

It is made in about a second (plus the import of transformers), from a seed, and needs no download.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

import pytest

from inhouse.errors import UserMistake
from inhouse.models.resolve import BaseModel, resolve

if TYPE_CHECKING:
    from pathlib import Path

CHATML = """\
{%- for message in messages %}
{{- '<|im_start|>' + message['role'] + '\\n' }}
{%- if message['role'] == 'assistant' %}
{%- generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}
{%- else %}{{ message['content'] + '<|im_end|>' }}{% endif %}
{{- '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
"""
MARKERS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>", "<repo_name>", "<file_sep>")
_TEXT = """
def area(width, height):
    \"\"\"Return the area of a rectangle.\"\"\"
    return width * height

class Reader:
    def __init__(self, path):
        self.path = path
        self.lines = []

    def read(self):
        for line in open(self.path):
            self.lines.append(line.strip())
        return [int(value) for value in self.lines if value != ""]

static int parse_header(const char *data, size_t size)
{
    if (size < 4 || data == NULL)
        return -1;
    for (size_t i = 0; i < size; i++)
        checksum += data[i];
    return 0;
}

The quick brown fox jumps over the lazy dog. Please write a function that returns the sum of two numbers.
import os, sys, json
from collections import defaultdict
raise ValueError("expected a number, got %r" % value)
assert result == {"name": "value", "count": 3}
"""


def make_tiny_model(
    folder: Path, *, seed: int = 0, layers: int = 2, hidden: int = 64, biases: bool = False, tied: bool = True
) -> BaseModel:
    """Write a randomly initialised model of about 150,000 weights into `folder` and resolve it."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    size = write_tokenizer(folder)
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        initializer_range=0.1,  # wide, so that the likeliest token is never a matter of rounding
        tie_word_embeddings=tied,
        attention_bias=biases,
        bos_token_id=None,
        eos_token_id=MARKERS.index("<|im_end|>"),
        pad_token_id=MARKERS.index("<|pad|>"),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        LlamaForCausalLM(config).save_pretrained(folder)
    return resolve(str(folder))


def make_tiny_adapter(
    folder: Path, base: BaseModel, *, seed: int = 0, rank: int = 4, alpha: int = 16
) -> Path:
    """Write a LoRA adapter for `base` with random weights, so that it changes answers; return `folder`."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base.folder, local_files_only=True)
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=["q_proj", "v_proj", "down_proj"])
    adapted = get_peft_model(model, config)
    generator = torch.Generator().manual_seed(seed)
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            weight.data = 0.2 * torch.randn(weight.shape, generator=generator)
    adapted.save_pretrained(folder)
    return folder


def write_tokenizer(folder: Path) -> int:
    """Write a byte-level tokenizer trained on a few lines of code; return the size of its vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=list(MARKERS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_TEXT.splitlines(keepends=True), trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"eos_token": "<|im_end|>", "pad_token": "<|pad|>", "chat_template": CHATML}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return tokenizer.get_vocab_size()


@cache
def builtin_model() -> BaseModel:
    """Return the embedded base model, or skip the test with the reason. Mark such tests `model`."""
    try:
        return resolve("builtin:smollm2-135m")
    except UserMistake as mistake:
        pytest.skip(str(mistake))
