"""Packed documents give the loss that they give alone; what would break this is shown to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from inhouse.training.losses import weighted_loss
from inhouse.training.packing import collate, pack
from tests.tiny import make_tiny_model
from tests.training.material import PAD, example, examples

if TYPE_CHECKING:
    from inhouse.records import Example

DOCUMENTS = examples(9, seed=5)


@pytest.fixture(scope="module", params=["sdpa", "eager"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from inhouse.training.adapter import load_base

    loaded = load_base(make_tiny_model(tmp_path_factory.mktemp("tiny")), "float32").eval()
    loaded.set_attn_implementation(request.param)
    return loaded.requires_grad_(False)


def _alone(model: Any, document: Example) -> float:
    """Return the summed loss of one document from the model's own logits, without any of our code."""
    ids = torch.tensor([document.input_ids])
    logprobs = model(ids).logits.log_softmax(-1)[0]
    carries = [index for index in range(1, len(document.input_ids)) if document.trained[index]]
    return -sum(logprobs[index - 1, document.input_ids[index]].item() for index in carries)


def _only(number: int) -> list[Example]:
    """Return the documents with all weights but one at zero."""
    return [
        example(one.id, one.input_ids, one.trained, weight=float(index == number))
        for index, one in enumerate(DOCUMENTS)
    ]


@pytest.mark.parametrize("number", range(len(DOCUMENTS)))
def test_a_packed_document_has_the_loss_that_it_has_alone(model: Any, number: int) -> None:
    rows = pack(DOCUMENTS, 100).rows
    assert len(rows) > 1  # so that padding is part of the test
    assert max(len(row) for row in rows) > 2
    packed = weighted_loss(model, collate(rows, _only(number), PAD)).item()
    carried = sum(DOCUMENTS[number].trained[1:])
    assert packed / carried == pytest.approx(_alone(model, DOCUMENTS[number]) / carried, abs=1e-5)


def test_an_all_ones_mask_or_a_cache_would_let_documents_read_each_other(model: Any) -> None:
    batch = collate(pack(DOCUMENTS, 100).rows[:1], DOCUMENTS, PAD)
    ours = model(**_inputs(batch)).logits
    first = int((batch["position_ids"][0] == 0).nonzero()[1])  # where the second document begins
    for trap in ({"attention_mask": torch.ones_like(batch["input_ids"])}, {"use_cache": True}):
        contaminated = model(**_inputs(batch) | trap).logits
        assert (ours[0, :first] - contaminated[0, :first]).abs().max() < 1e-4
        assert (ours[0, first:] - contaminated[0, first:]).abs().max() > 0.1


def test_what_a_document_holds_changes_nothing_in_its_neighbours(model: Any) -> None:
    rows = pack(DOCUMENTS, 100).rows[:1]
    before = model.model(**_inputs(collate(rows, DOCUMENTS, PAD))).last_hidden_state
    number = rows[0][0].example
    other = list(DOCUMENTS)
    other[number] = example("other", [200] * len(DOCUMENTS[number].input_ids))
    after = model.model(**_inputs(collate(rows, other, PAD))).last_hidden_state
    size = rows[0][0].end
    assert torch.equal(before[0, size:], after[0, size:])
    assert not torch.equal(before[0, :size], after[0, :size])


def _inputs(batch: dict[str, torch.Tensor]) -> dict[str, Any]:
    return {"input_ids": batch["input_ids"], "position_ids": batch["position_ids"], "use_cache": False}
