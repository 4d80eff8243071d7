"""Attention by document gives what masked attention gives, and leaves the unusual to transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.training import attention
from inhouse.training.adapter import load_base
from inhouse.training.attention import attend_by_document, documents_apart
from inhouse.training.losses import weighted_loss
from inhouse.training.packing import collate, pack
from tests.tiny import make_tiny_model
from tests.training.material import PAD, example, examples

if TYPE_CHECKING:
    from inhouse.models.resolve import BaseModel

HEADS, SHARED, SIZE = 4, 2, 8


class _Layer(torch.nn.Module):
    is_causal = True
    num_key_value_groups = HEADS // SHARED


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def _base(folder: BaseModel, *, by_document: bool) -> Any:
    base = load_base(folder, "float32").eval().requires_grad_(False)
    if by_document:
        attend_by_document(base)
        assert base.config._attn_implementation == attention._NAME
    return base


def _masked(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, positions: torch.Tensor
) -> torch.Tensor:
    """Return attention by its definition: softmax over the earlier tokens of the same document."""
    key, value = (part.repeat_interleave(HEADS // SHARED, 1) for part in (key, value))
    rows = []
    for number in range(len(query)):
        jumps = [1, *((positions[number].diff() != 1).int().tolist())]
        document = torch.tensor(jumps).cumsum(0)
        allowed = (document[:, None] == document[None, :]).tril()
        scores = query[number] @ key[number].transpose(1, 2) / SIZE**0.5
        rows.append(scores.masked_fill(~allowed, float("-inf")).softmax(-1) @ value[number])
    return torch.stack(rows).transpose(1, 2)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=4), min_size=1, max_size=3),
    st.integers(0, 3),
)
def test_values_and_gradients_are_those_of_the_definition_for_any_documents_and_padding(
    rows: list[list[int]], more: int
) -> None:
    width = max(map(sum, rows)) + more
    positions = torch.tensor(
        [[*(n for size in sizes for n in range(size)), *[0] * (width - sum(sizes))] for sizes in rows]
    )
    generator = torch.Generator().manual_seed(width)
    query, key, value = (
        torch.randn(len(rows), heads, width, SIZE, generator=generator, requires_grad=True)
        for heads in (HEADS, SHARED, SHARED)
    )
    ours, weights = documents_apart(_Layer(), query, key, value, None, position_ids=positions)
    wanted = _masked(query, key, value, positions)
    assert weights is None
    assert torch.allclose(ours, wanted, atol=1e-6)
    pull = torch.randn(ours.shape, generator=generator)
    for mine, true in zip(
        torch.autograd.grad(ours, (query, key, value), pull, materialize_grads=True, allow_unused=True),
        torch.autograd.grad(wanted, (query, key, value), pull),
        strict=True,
    ):
        assert torch.allclose(mine, true, atol=1e-5)


def test_a_packed_batch_has_the_loss_and_gradients_of_the_masked_attention(folder: BaseModel) -> None:
    documents = [*examples(9, seed=5), example("one", [11, 12])]
    batch = collate(pack(documents, 100).rows, documents, PAD)
    found = []
    for by_document in (False, True):
        base = _base(folder, by_document=by_document)
        weight = base.get_parameter("model.layers.0.self_attn.k_proj.weight").requires_grad_()
        loss = weighted_loss(base, batch)
        (gradient,) = torch.autograd.grad(loss, weight)
        found.append((loss.item(), gradient))
    (masked, wanted), (ours, gradient) = found
    assert ours == pytest.approx(masked, rel=1e-6)
    assert torch.allclose(gradient, wanted, rtol=1e-3, atol=1e-5 * wanted.abs().max().item())


def test_what_another_document_holds_is_not_even_read(folder: BaseModel) -> None:
    base = _base(folder, by_document=True)
    documents = [example("bad", [20] * 9), example("good", list(range(10, 20)))]
    batch = collate(pack(documents, 40).rows, documents, PAD)
    inputs = {"input_ids": batch["input_ids"], "position_ids": batch["position_ids"], "use_cache": False}
    before = base.model(**inputs).last_hidden_state
    begin = int((batch["position_ids"][0] == 0).nonzero()[1])
    inputs["input_ids"] = inputs["input_ids"].clone()
    inputs["input_ids"][0, :begin] = 200
    after = base.model(**inputs).last_hidden_state
    assert torch.equal(before[0, begin:], after[0, begin:])


def _spied(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor | None]:
    masks: list[torch.Tensor | None] = []
    whole = attention.sdpa_attention_forward

    def spy(module: Any, query: Any, key: Any, value: Any, mask: Any, **others: Any) -> Any:
        masks.append(mask)
        return whole(module, query, key, value, mask, **others)

    monkeypatch.setattr(attention, "sdpa_attention_forward", spy)
    return masks


def test_keys_from_a_cache_go_to_transformers_and_give_its_answer(
    folder: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = _spied(monkeypatch)
    ids = torch.tensor([[11, 12, 13, 14, 15, 16]])
    whole = _base(folder, by_document=False)(ids).logits
    base = _base(folder, by_document=True)
    start = base(ids[:, :4], use_cache=True)
    assert not masks
    end = base(ids[:, 4:], past_key_values=start.past_key_values).logits
    assert len(masks) == base.config.num_hidden_layers
    assert torch.allclose(end, whole[:, 4:], atol=1e-5)


def test_a_window_shorter_than_a_document_goes_to_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    masks = _spied(monkeypatch)
    query = torch.randn(1, HEADS, 8, SIZE)
    key = torch.randn(1, SHARED, 8, SIZE)
    positions = torch.tensor([[0, 1, 2, 3, 4, 0, 1, 2]])
    allowed = torch.ones(8, 8).tril().bool()[None, None]
    for window, asked in ((5, 0), (4, 1)):
        documents_apart(_Layer(), query, key, key, allowed, position_ids=positions, sliding_window=window)
        assert len(masks) == asked


def test_attention_that_looks_ahead_goes_to_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    masks = _spied(monkeypatch)
    layer = _Layer()
    layer.is_causal = False
    key = torch.randn(1, SHARED, 3, SIZE)
    documents_apart(layer, torch.randn(1, HEADS, 3, SIZE), key, key, None, position_ids=torch.arange(3)[None])
    assert masks == [None]


def test_a_model_with_another_attention_keeps_it(folder: BaseModel) -> None:
    base = load_base(folder, "float32")
    base.set_attn_implementation("eager")
    attend_by_document(base)
    assert base.config._attn_implementation == "eager"
