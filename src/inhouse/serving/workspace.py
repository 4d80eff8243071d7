"""Serve what a workspace has: its base model, every adapter registered on it, its newest index."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from inhouse.errors import UserMistake
from inhouse.models.resolve import resolve
from inhouse.models.tokenizer import Tokenizer
from inhouse.registry.adapters import Registry
from inhouse.retrieval.context import Context, assemble
from inhouse.retrieval.index import Index
from inhouse.retrieval.places import tip
from inhouse.serving.server import Server, listen
from inhouse.serving.service import Service

if TYPE_CHECKING:
    from pathlib import Path

    from inhouse.config import Settings
    from inhouse.engines.base import Engine
    from inhouse.models.resolve import BaseModel
    from inhouse.progress import Progress
    from inhouse.retrieval.places import Address
    from inhouse.serving.prompts import Retriever
    from inhouse.workspace import Workspace

__all__ = ["context_length", "index_retriever", "load_adapters", "serve_workspace"]

_HITS = 20


def serve_workspace(
    workspace: Workspace, settings: Settings, host: str, port: int, progress: Progress
) -> None:
    """Answer on `host`:`port` until SIGINT or SIGTERM."""
    from inhouse.engines.torch_engine import TorchEngine

    listener = listen(host, port)
    model = resolve(settings.model, progress)
    tokenizer = Tokenizer.load(model.folder)
    engine = TorchEngine(model, tokenizer)
    names = {
        model.name: "",
        **load_adapters(engine, model, Registry(workspace.folder / "registry"), progress),
    }
    index = tip(workspace.folder, settings.retrieval.store)
    retriever = index_retriever(index, tokenizer) if index.exists() else None
    created = int(workspace.folder.stat().st_ctime)
    service = Service(
        engine, tokenizer, names, retriever, context_length(model), created, model_digest=model.digest
    )
    server = Server(service, listener, log=progress.say)
    progress.say(f"serving {', '.join(names)}" + (" (and each with +retrieval)" if retriever else ""))
    if not server.only_this_machine:
        progress.warn("other machines can reach this server, and it asks for no key")
    progress.say(f"listening on {server.url} (stop with Ctrl-C)")
    server.run()


def load_adapters(engine: Engine, model: BaseModel, registry: Registry, progress: Progress) -> dict[str, str]:
    """Load the adapters that belong to this base; return the engine's name for each public name."""
    names: dict[str, str] = {}
    for adapter in registry.list():
        if adapter.manifest["base"]["digest"] != model.digest:
            progress.warn(
                f"{adapter.name} is not served: it was trained on {adapter.manifest['base']['reference']}"
            )
            continue
        try:
            registry.verify(adapter)
            engine.load_adapter(adapter.digest, adapter.folder)
        except UserMistake as mistake:  # one bad adapter must not take the others down
            progress.warn(f"{adapter.name} is not served: {mistake}")
            continue
        names[adapter.name] = adapter.digest
    return names


def index_retriever(place: Path | Address, tokenizer: Tokenizer) -> Retriever:
    """Return retrieval from an index for calls from many threads; each opens it for itself."""
    local = threading.local()

    def count(text: str) -> int:
        return len(tokenizer.encode(text))

    def retrieve(query: str, budget: int, already: str) -> Context:
        if not hasattr(local, "index"):
            local.index = Index.open(place)
        return assemble(local.index.search(query, _HITS), budget, count, already=already)

    return retrieve


def context_length(model: BaseModel) -> int:
    """Return how many tokens the base model reads at most."""
    config = json.loads((model.folder / "config.json").read_text(encoding="utf-8"))
    return int(config["max_position_embeddings"])
