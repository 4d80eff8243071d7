from __future__ import annotations

from typing import Any

import pytest
import torch

from inhouse.training import losses
from inhouse.training.losses import has_plain_head, linear_cross_entropy, weighted_loss
from inhouse.training.packing import collate, pack
from tests.training.material import PAD, examples


def _inputs(tokens: int = 23, hidden: int = 8, vocabulary: int = 50) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(3)
    states = torch.randn(tokens, hidden, generator=generator, requires_grad=True)
    head = torch.randn(vocabulary, hidden, generator=generator)
    targets = torch.randint(0, vocabulary, (tokens,), generator=generator)
    return states, head, targets, torch.rand(tokens, generator=generator)


@pytest.mark.parametrize("at_once", [50, 150, 1 << 24])  # one token, three, all
def test_value_and_gradient_equal_pytorchs_whatever_the_chunk(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(losses, "LOGITS_AT_ONCE", at_once)
    states, head, targets, weights = _inputs()
    ours = linear_cross_entropy(states, head, targets, weights)
    (gradient,) = torch.autograd.grad(3 * ours, states)
    per_token = torch.nn.functional.cross_entropy(states @ head.T, targets, reduction="none")
    expected = (per_token * weights).sum()
    (wanted,) = torch.autograd.grad(3 * expected, states)
    assert ours.item() == pytest.approx(expected.item(), rel=1e-6)
    assert torch.allclose(gradient, wanted, atol=1e-6)


def test_large_logits_do_not_overflow() -> None:
    states, head, targets, weights = _inputs()
    loss = linear_cross_entropy(states * 1e4, head, targets, weights)
    (gradient,) = torch.autograd.grad(loss, states)
    assert torch.isfinite(loss)
    assert torch.isfinite(gradient).all()


def test_no_token_with_loss_is_zero_and_still_has_a_gradient() -> None:
    states, head, targets, weights = _inputs(tokens=0)
    loss = linear_cross_entropy(states, head, targets, weights)
    (gradient,) = torch.autograd.grad(loss, states)
    assert loss.item() == 0.0
    assert gradient.shape == (0, 8)


def test_no_gradient_is_computed_where_none_is_wanted() -> None:
    states, head, targets, weights = _inputs()
    with torch.no_grad():
        loss = linear_cross_entropy(states, head, targets, weights)
    assert not loss.requires_grad
    assert loss.item() == pytest.approx(linear_cross_entropy(states, head, targets, weights).item())


def _model(kind: str, **more: Any) -> Any:
    """Return a small model with TRL's head on it, as the trainer has it."""
    from transformers import AutoConfig, AutoModelForCausalLM
    from trl.trainer.utils import add_fused_lm_head

    sizes = {"vocab_size": 97, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
    config = AutoConfig.for_model(kind, **sizes, **heads, **more)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).eval()
    model.requires_grad_(False)
    model.get_input_embeddings().weight.mul_(20)  # logits far enough from zero for a cap to bend them
    add_fused_lm_head(model)
    return model


@pytest.mark.parametrize(
    ("kind", "more", "plain"),
    [
        ("llama", {"tie_word_embeddings": True}, True),
        ("qwen2", {"tie_word_embeddings": False}, True),
        ("gemma2", {"final_logit_softcapping": 2.0}, False),
        ("granite", {"logits_scaling": 4.0}, False),
    ],
)
def test_the_loss_follows_from_the_models_own_logits(kind: str, more: dict[str, Any], plain: bool) -> None:
    """A head that caps or scales its logits must not be taken for a plain one."""
    model = _model(kind, **more)
    assert has_plain_head(model) is plain
    batch = collate(pack(examples(6), 64).rows, examples(6), PAD)
    places = {"position_ids": batch["position_ids"], "use_cache": False}
    logits = model(batch["input_ids"], **places).logits[:, :-1]
    per_token = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), batch["labels"][:, 1:].flatten(), reduction="none"
    )
    expected = (per_token * batch["weights"][:, 1:].flatten()).sum().item()
    assert weighted_loss(model, batch).item() == pytest.approx(expected, rel=1e-5)
