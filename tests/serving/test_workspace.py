from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from inhouse.digests import digest_text
from inhouse.engines.base import Engine
from inhouse.models.resolve import BaseModel
from inhouse.models.tokenizer import Tokenizer
from inhouse.progress import Progress
from inhouse.registry.adapters import Registry
from inhouse.retrieval.index import Index
from inhouse.serving.service import Service
from inhouse.serving.workspace import context_length, index_retriever, load_adapters
from tests.serving.conftest import Served, make_adapter, serve

AREA = """\
def area_of(width, height):
    '''Return the area of a rectangle.'''
    return width * height
"""
READER = """\
class LineReader:
    def read_lines(self, path):
        return open(path).readlines()
"""
GUIDE = "# Guide\n\nUse the reader to read lines, and area to measure rectangles.\n"
FILES = {"src/area.py": AREA, "src/reader.py": READER, "docs/guide.md": GUIDE}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("index") / "tip.db"
    index = Index.open(path)
    index.update((name, digest_text(text), text) for name, text in sorted(FILES.items()))
    index.close()
    return path


@pytest.fixture(scope="module")
def registry(tiny_model: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """One adapter that fits, and one that was trained on another model."""
    home = tmp_path_factory.mktemp("home")
    registry = Registry(home / "registry")
    for seed, (name, digest) in enumerate((("good", tiny_model.digest), ("foreign", "0"))):
        folder = home / name
        make_adapter(tiny_model, folder, seed=seed)
        registry.register(folder, name, {"base": {"digest": digest, "reference": f"model {digest[:4]}"}})
    return registry


@pytest.fixture(scope="module")
def engine(tiny_model: BaseModel) -> Engine:
    from inhouse.engines.torch_engine import TorchEngine

    return TorchEngine(tiny_model, Tokenizer.load(tiny_model.folder))


@pytest.fixture(scope="module")
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(scope="module")
def served(
    tiny_model: BaseModel, engine: Engine, registry: Registry, index: Path, said: io.StringIO
) -> Iterator[Served]:
    tokenizer = Tokenizer.load(tiny_model.folder)
    names = {"base": "", **load_adapters(engine, tiny_model, registry, Progress(stream=said))}
    retriever = index_retriever(index, tokenizer)
    length = context_length(tiny_model)
    service = Service(engine, tokenizer, names, retriever, length, 1, model_digest=tiny_model.digest)
    with ExitStack() as stack:
        yield serve(stack, service, engine, tokenizer)


def test_adapters_of_this_base_are_served_and_the_others_named_with_a_reason(
    served: Served, registry: Registry, said: io.StringIO
) -> None:
    foreign, good = (adapter.name for adapter in registry.list())
    names = [model.id for model in served.client.models.list()]
    assert names == ["base", good, "base+retrieval", f"{good}+retrieval"]
    assert f"{foreign} is not served: it was trained on model 0" in said.getvalue()


def test_an_adapter_whose_files_changed_is_not_served(
    tiny_model: BaseModel, engine: Engine, tmp_path: Path
) -> None:
    registry = Registry(tmp_path / "registry")
    make_adapter(tiny_model, tmp_path / "weights", seed=9)
    adapter = registry.register(tmp_path / "weights", "x", {"base": {"digest": tiny_model.digest}})
    (adapter.folder / "adapter_model.safetensors").write_bytes(b"")
    said = io.StringIO()
    assert load_adapters(engine, tiny_model, registry, Progress(stream=said)) == {}
    assert f"{adapter.name} is not served: a registered adapter never changes" in said.getvalue()


def test_a_question_about_the_repository_gets_its_lines_and_says_where_from(served: Served) -> None:
    model = served.client.models.list().data[1].id
    question: Any = [{"role": "user", "content": "How does area_of work?"}]
    options: Any = {"model": model, "messages": question, "max_tokens": 2, "temperature": 0}
    reply: Any = served.client.chat.completions.create(**options, extra_body={"retrieval": {"budget": 300}})
    [*_, best] = reply.inhouse["retrieved"]
    assert best == {"path": "src/area.py", "start_line": 1, "end_line": 3}
    plain = served.client.chat.completions.create(**options)
    added = reply.usage.prompt_tokens - plain.usage.prompt_tokens  # type: ignore[union-attr]
    assert 0 < added == reply.inhouse["retrieved_tokens"] <= 300 == reply.inhouse["retrieval_budget"]
    assert reply.inhouse["adapter_digest"]
    first = next(
        iter(served.client.chat.completions.create(**options | {"model": f"{model}+retrieval"}, stream=True))
    )
    assert first.inhouse["retrieved"][-1]["path"] == "src/area.py"  # type: ignore[attr-defined]


def test_a_completion_does_not_retrieve_what_stands_in_its_prompt(served: Served) -> None:
    model = served.client.models.list().data[2].id

    def retrieved(prompt: str) -> list[str]:
        reply: Any = served.client.completions.create(model=model, prompt=prompt, max_tokens=1)
        return [span["path"] for span in reply.inhouse["retrieved"]]

    assert "src/area.py" in retrieved("total = area_of(")
    assert "src/area.py" not in retrieved(AREA + "\ntotal = area_of(")


@pytest.mark.parametrize("content", ["", " ", "\n", '"*() AND NOT ^:', "\ufdd0", "漢字", "x" * 5_000])
def test_any_question_can_be_searched_for(served: Served, content: str) -> None:
    model = served.client.models.list().data[2].id
    messages: Any = [{"role": "user", "content": content[:1500]}]
    served.client.chat.completions.create(model=model, messages=messages, max_tokens=1)
    served.client.completions.create(model=model, prompt=content[:1500], max_tokens=1)


def test_many_threads_may_search_one_index(tokenizer: Tokenizer, index: Path) -> None:
    retrieve = index_retriever(index, tokenizer)
    queries = ("area_of", "read_lines")
    alone = [retrieve(query, 200, "") for query in queries]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda number: retrieve(queries[number % 2], 200, ""), range(120)))
    assert together == alone * 60
