"""PiSSA, Meng et al. 2024, https://arxiv.org/abs/2404.02948."""

from inhouse.training.low_rank import WarmStart, low_rank, warm_start_choices

METHOD = low_rank(
    "pissa",
    "LoRA that begins as the principal part of the weights: learns faster; the adapter has twice the rank",
    defaults=warm_start_choices,
    tuned=WarmStart,
    init_lora_weights="pissa_niter_16",
)
