"""A tiny real model with two random adapters behind a real server on a free port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import openai
import pytest

from inhouse.engines.base import Engine
from inhouse.models.resolve import BaseModel
from inhouse.models.tokenizer import Tokenizer
from inhouse.serving.server import Server, listen
from inhouse.serving.service import Service
from tests.tiny import make_tiny_model, write_tokenizer

CONTEXT = 2048
NAMES = {"tiny": "", "tiny-one": "digest-of-one", "tiny-two": "digest-of-two"}


@dataclass(frozen=True)
class Served:
    """A running server and what is behind it."""

    url: str
    client: openai.OpenAI
    engine: Engine
    tokenizer: Tokenizer
    log: list[str]


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder)
    return Tokenizer.load(folder)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny(tiny_model: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The tiny model with its adapters; no retrieval."""
    from inhouse.engines.torch_engine import TorchEngine

    tokenizer = Tokenizer.load(tiny_model.folder)
    engine = TorchEngine(tiny_model, tokenizer)
    for seed, name in enumerate(filter(None, NAMES.values())):
        folder = tmp_path_factory.mktemp(name)
        make_adapter(tiny_model, folder, seed=seed)
        engine.load_adapter(name, folder)
    service = Service(engine, tokenizer, NAMES, None, CONTEXT, 1, model_digest=tiny_model.digest)
    with ExitStack() as stack:
        yield serve(stack, service, engine, tokenizer)


@pytest.fixture
def start(tokenizer: Tokenizer) -> Iterator[Callable[..., Served]]:
    """Start servers over an engine double; they stop when the test ends."""
    with ExitStack() as stack:

        def start_one(engine: Engine, **options: object) -> Served:
            names = {"parrot": ""}
            service_options = {key: options.pop(key) for key in ("active", "waiting") if key in options}
            retriever = options.pop("retriever", None)
            service = Service(
                engine, tokenizer, names, retriever, CONTEXT, 1, model_digest="0", **service_options
            )
            return serve(stack, service, engine, tokenizer, **options)

        yield start_one


def serve(
    stack: ExitStack, service: Service, engine: Engine, tokenizer: Tokenizer, **options: object
) -> Served:
    log: list[str] = []
    server = Server(service, listen("127.0.0.1", 0), log=log.append, **{"grace_seconds": 0.2, **options})
    stack.enter_context(server)
    client = stack.enter_context(
        openai.OpenAI(base_url=server.url, api_key="none", max_retries=0, timeout=60)
    )
    return Served(server.url, client, engine, tokenizer, log)


def make_adapter(model: BaseModel, folder: Path, *, seed: int) -> None:
    """Write a LoRA adapter whose both halves are random, so that it changes the answers."""
    import torch
    from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
    from safetensors.torch import save_file
    from transformers import AutoConfig, AutoModelForCausalLM

    folder.mkdir(exist_ok=True)
    config = LoraConfig(r=4, lora_alpha=16, target_modules=["q_proj", "v_proj", "down_proj"])
    with torch.device("meta"):
        shapes = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(model.folder))
        state = get_peft_model_state_dict(get_peft_model(shapes, config))
    source = torch.Generator().manual_seed(seed)
    weights = {name: 0.2 * torch.randn(value.shape, generator=source) for name, value in state.items()}
    save_file(weights, folder / "adapter_model.safetensors")
    config.save_pretrained(str(folder))
