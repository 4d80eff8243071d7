"""OLoRA, Büyükakyüz 2024, https://arxiv.org/abs/2406.01775."""

from inhouse.training.low_rank import WarmStart, low_rank, warm_start_choices

METHOD = low_rank(
    "olora",
    "LoRA that begins as an orthonormal part of the weights (QR): a cheap warm start; twice the rank",
    defaults=warm_start_choices,
    tuned=WarmStart,
    init_lora_weights="olora",
)
