"""LoRA, Hu et al. 2021, https://arxiv.org/abs/2106.09685."""

from inhouse.training.low_rank import low_rank
from inhouse.training.method import no_choices

METHOD = low_rank(
    "lora",
    "low-rank update of the linear layers: the default, little memory, nearly the quality of full training",
    defaults=no_choices,
    uses=frozenset({"quantization"}),
)
