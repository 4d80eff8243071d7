"""A sentence-transformers folder, run with transformers: tokens, states, one vector for each text.

modules.json lists what a text goes through: Transformer, Pooling, then Dense and Normalize where it has them.
Shapes: R texts, T positions of the longest, D size of a state.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from inhouse.digests import digest_json, short
from inhouse.errors import UserMistake
from inhouse.models.folder import check_folder, read_json, weight_files, weights_digest
from inhouse.models.tokenizer import tokenizer_digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import torch

__all__ = ["SentenceEncoder"]

_KNOWN = ("Transformer", "Pooling", "Dense", "Normalize")
_ROWS = 32
_POSITIONS = 8_192  # R * T of a forward pass
_OLD_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_ACTIVATIONS = {"Identity": "Identity", "Tanh": "Tanh", "GELU": "GELU", "ReLU": "ReLU", "Sigmoid": "Sigmoid"}


class SentenceEncoder:
    """A model of sentences. Its weights are read with the first text."""

    def __init__(self, folder: Path) -> None:
        """Read what the folder says; raises UserMistake for code, pickles and modules that are not known."""
        self._folder = folder
        self._modules = _modules(folder)
        self._place = self._modules[0][1]
        check_folder(self._place)
        pooling = next((place for kind, place in self._modules if kind == "Pooling"), None)
        self._modes = _pooling_modes({} if pooling is None else read_json(pooling / "config.json"), folder)
        settings = read_json(folder / "config_sentence_transformers.json")
        self.prompts: dict[str, str] = {
            name: text for name, text in (settings.get("prompts") or {}).items() if isinstance(text, str)
        }

    def identity(self, *more: str) -> str:
        """Return the folder's name and a digest of everything that decides about vectors."""
        weights = [
            weights_digest(weight_files(place))
            for kind, place in self._modules
            if kind in {"Transformer", "Dense"}
        ]
        parts = [
            weights,
            tokenizer_digest(self._place),
            self._modes,
            self._longest,
            [kind for kind, _ in self._modules],
            more,
        ]
        return f"{self._folder.resolve().name}:{short(digest_json(parts))}"

    @property
    def dimension(self) -> int:
        """Return the size of a vector."""
        for kind, place in reversed(self._modules):
            if kind == "Dense":
                return int(read_json(place / "config.json", required=True)["out_features"])
        return int(read_json(self._place / "config.json", required=True)["hidden_size"]) * len(self._modes)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return (R, dimension) float32; what a text has beyond the length of the model is left out."""
        import numpy as np
        import torch

        encoded = self._tokenizer(list(texts), truncation=True, max_length=self._longest) if texts else {}
        lengths = [len(ids) for ids in encoded.get("input_ids", ())]
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        with torch.inference_mode():
            for rows in _batches(lengths):
                batch = {name: [values[row] for row in rows] for name, values in encoded.items()}
                padded = self._tokenizer.pad(batch, return_tensors="pt").to(self._model.device)
                vectors[rows] = self._pooled(padded).float().cpu().numpy()
        return vectors

    # ------------------------------------------------------------ the model

    @cached_property
    def _longest(self) -> int:
        """Tokens of a text that are read."""
        longest = read_json(self._place / "sentence_bert_config.json").get("max_seq_length")
        if longest:
            return int(longest)
        lengths = (
            read_json(self._place / "tokenizer_config.json").get("model_max_length"),
            read_json(self._place / "config.json").get("max_position_embeddings"),
        )
        return min((int(length) for length in lengths if length and length > 0), default=512)

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        lower = read_json(self._place / "sentence_bert_config.json").get("do_lower_case")
        more = {"do_lower_case": True} if lower else {}
        return AutoTokenizer.from_pretrained(self._place, local_files_only=True, **more)

    @cached_property
    def _model(self) -> Any:
        import torch
        from transformers import AutoModel
        from transformers.utils import logging

        logging.disable_progress_bar()
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = AutoModel.from_pretrained(
            self._place, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
        return model.eval().to(device)

    @cached_property
    def _dense(self) -> list[Any]:
        return [
            _dense_layer(place).to(self._model.device) for kind, place in self._modules if kind == "Dense"
        ]

    def _pooled(self, padded: Any) -> torch.Tensor:
        import torch

        states = self._model(**padded).last_hidden_state  # (R, T, D)
        vectors = torch.cat([_pool(mode, states, padded["attention_mask"]) for mode in self._modes], dim=-1)
        for layer in self._dense:
            vectors = layer(vectors)
        return vectors


# ------------------------------------------------------------------ what a folder says


def _modules(folder: Path) -> list[tuple[str, Path]]:
    """Return the kinds and folders of the modules; without a list it is a transformer to be averaged."""
    file = folder / "modules.json"
    try:
        listed = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
        modules = [(row["type"].rpartition(".")[2], (folder / row["path"]).resolve()) for row in listed]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _refused(folder, "modules.json is damaged") from None
    modules = modules or [("Transformer", folder.resolve())]
    strange = next((kind for kind, _ in modules if kind not in _KNOWN), None)
    if (
        strange is not None
        or [kind for kind, _ in modules].count("Transformer") != 1
        or modules[0][0] != "Transformer"
    ):
        raise _refused(folder, f"it has {strange or [kind for kind, _ in modules]}")
    if any(not place.is_relative_to(folder.resolve()) for _, place in modules):
        raise _refused(folder, "a module lies outside")
    return modules


def _pooling_modes(config: dict[str, Any], folder: Path) -> tuple[str, ...]:
    modes = config.get("pooling_mode")
    found = (modes,) if isinstance(modes, str) else tuple(modes or ())
    found = found or tuple(mode for name, mode in _OLD_MODES.items() if config.get(name)) or ("mean",)
    strange = next((mode for mode in found if mode not in _OLD_MODES.values()), None)
    if strange is not None:
        raise _refused(folder, f"its pooling is {strange}")
    if config.get("include_prompt") is False:
        raise _refused(folder, "its pooling leaves prompts out")
    return found


def _dense_layer(place: Path) -> Any:
    """Return the linear layer of a Dense module with its activation."""
    import torch
    from safetensors.torch import load_file

    config = read_json(place / "config.json", required=True)
    name = str(config.get("activation_function", "torch.nn.modules.activation.Tanh")).rpartition(".")[2]
    if name not in _ACTIVATIONS:
        raise _refused(place, f"its activation is {name}")
    linear = torch.nn.Linear(config["in_features"], config["out_features"], bias=config.get("bias", True))
    weights = load_file(weight_files(place)[0])
    linear.load_state_dict({key.removeprefix("linear."): value.float() for key, value in weights.items()})
    return torch.nn.Sequential(linear, getattr(torch.nn, name)()).eval()


def _refused(folder: Path, given: str) -> UserMistake:
    return UserMistake(
        f"a folder of sentence-transformers is read when it has {', '.join(_KNOWN)} with plain pooling",
        f"{folder}: {given}",
        "use another model, or serve it and name the server's URL",
    )


# ------------------------------------------------------------------ running it


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Return rows in batches of like length, so that little of a batch is padding."""
    batches: list[list[int]] = []
    longest = 0
    for row in sorted(range(len(lengths)), key=lambda row: (lengths[row], row)):
        longest = lengths[row]
        if not batches or len(batches[-1]) == _ROWS or (len(batches[-1]) + 1) * longest > _POSITIONS:
            batches.append([])
        batches[-1].append(row)
    return batches


def _pool(mode: str, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return (R, D) of states, (R, T, D), where `mask`, (R, T), is 1; texts may be padded on either side."""
    import torch

    rows = torch.arange(len(states), device=states.device)
    if mode == "cls":
        return states[rows, mask.argmax(dim=1)]
    if mode == "lasttoken":
        return states[rows, mask.shape[1] - 1 - mask.flip(1).argmax(dim=1)]
    if mode == "max":
        return states.masked_fill(mask[..., None] == 0, float("-inf")).max(dim=1).values
    weights = mask * mask.cumsum(dim=1) if mode == "weightedmean" else mask  # the n-th token counts n times
    total = weights.sum(dim=1, keepdim=True).clamp(min=1)
    summed = (states * weights[..., None]).sum(dim=1)
    return summed / (total.sqrt() if mode == "mean_sqrt_len_tokens" else total)
