"""Published figures of memory, each with the setting in which the estimate gives it, and a verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace

from inhouse.planning.memory import Estimate, Habits, estimate
from inhouse.planning.serving_memory import estimate_serving
from inhouse.planning.shapes import PUBLIC_SHAPES, Shape
from inhouse.records import Recipe
from tests.planning.settings import RECIPE
from tests.recipes import LINEAR

GIGABYTE, GIBIBYTE = 10**9, 2**30
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
GPU = replace(RECIPE, precision="bfloat16", sequence_length=2_048, dropout=0.05)
FULL = replace(GPU, method="full", targets=LINEAR, rank=0, alpha=0, dropout=0.0)
QLORA = replace(GPU, method="qlora", quantization="nf4")

HANDBOOK = Habits(
    trained=2, gradient=2, moments=8, masks=False, logit=14
)  # of every logit at once, as usual then
PLAIN = Habits(masks=False, logit=14)
PAGED = replace(PLAIN, moments=2)
TORCHTUNE = Habits(
    trained=2, gradient=2, moments=2, logit=10, chunks=8, offloads=True, compiled=True, masks=False
)


@dataclass(frozen=True)
class Point:
    """`tokens` rows of a length; the estimate must lie within `within` of the published bytes."""

    source: str
    claim: str
    model: str
    recipe: Recipe
    habits: Habits
    published: float  # bytes
    verdict: str
    within: float = 0.1

    @property
    def cost(self) -> Estimate:
        return estimate(
            PUBLIC_SHAPES[self.model], self.recipe, trained=0, validated=0, rate=1.0, habits=self.habits
        )

    @property
    def total(self) -> float:
        return self.cost.total

    @property
    def line(self) -> str:
        """The row of the table in docs/planning.md."""
        difference = f"{self.total / self.published - 1:+.0%}"
        sizes = f"{self.published / GIGABYTE:.1f} | {self.total / GIGABYTE:.1f} | {difference}"
        return f"| {self.source} | {self.claim} | {sizes} | {self.verdict} |"


POINTS = [
    Point(
        "handbook", "7B, full: 114 GB", "llama-2-7b",
        replace(FULL, rows=5, sequence_length=1_024), HANDBOOK, 114e9,
        "holds for 16-bit weights and gradients, float32 moments, about 5,000 tokens at once",
    ),
    Point(
        "handbook", "7B, LoRA r=16 on Q and V: 35 GB", "llama-2-7b",
        replace(GPU, rows=2, targets=("q_proj", "v_proj")), PLAIN, 35e9,
        "holds for two rows of 2,048 tokens, nothing recomputed",
    ),
    Point(
        "handbook", "7B, QLoRA: 12 GB", "llama-2-7b",
        replace(QLORA, sequence_length=1_344, targets=("q_proj", "v_proj")), PLAIN, 12e9,
        "not beside the 35 GB: it holds for one row of about 1,300 tokens, a third of that batch",
    ),
    Point(
        "handbook", "13B, QLoRA r=32 on attention: 18 GB", "llama-2-13b",
        replace(QLORA, rank=32, targets=ATTENTION, sequence_length=1_024), PLAIN, 18e9,
        "holds for one row of about 1,000 tokens; its batch of 16 needs accumulation or recomputing",
    ),
    Point(
        "handbook", "Qwen2.5-Coder-7B, 16-bit LoRA r=32, batch 4 of 2,048: 40 GB", "qwen2.5-coder-7b",
        replace(GPU, rank=32, targets=LINEAR, rows=4, checkpointing=True), PLAIN, 40e9,
        "only with recomputed activations and all logits in memory; without recomputing it takes far more",
    ),
    Point(
        "handbook", "the same, QLoRA: 24 GB", "qwen2.5-coder-7b",
        replace(QLORA, rank=32, targets=LINEAR, rows=3, checkpointing=True), PAGED, 24e9,
        "too low beside it: three such rows take that much, four take 30 GB",
    ),
    Point(
        "notes", "QLoRA fits 65B into 48 GB", "llama-65b",
        replace(QLORA, rank=64, targets=LINEAR, sequence_length=512, checkpointing=True),
        replace(PAGED, trained=2, gradient=2), 48 * GIBIBYTE,
        "a bound: one recomputed row of 512, 16-bit adapter, 8-bit moments",
        within=0.25,
    ),
    Point(
        "Qwen", "Qwen-7B, LoRA r=64, 2,048: 23.8 GB", "qwen-7b",
        replace(GPU, rank=64, targets=LINEAR, checkpointing=True),
        replace(PLAIN, trained=2, gradient=2, moments=12), 23.8e9,
        "holds with a float32 copy of a 16-bit adapter, recomputed, all logits in memory",
    ),
    Point(
        "Qwen", "Qwen-7B, QLoRA r=64, 2,048: 13.9 GB", "qwen-7b",
        replace(QLORA, rank=64, targets=LINEAR, checkpointing=True),
        replace(PLAIN, trained=2, gradient=2, moments=12), 13.9e9,
        "the same; its four-bit format (GPTQ) takes about what NF4 takes",
    ),
    Point(
        "litgpt", "Llama-2-7B, LoRA r=8 on Q and V: 21.3 GB", "llama-2-7b",
        replace(GPU, rank=8, targets=("q_proj", "v_proj"), sequence_length=1_304), PLAIN, 21.3e9,
        "one row of 1,304 tokens, the longest example, nothing recomputed",
    ),
    Point(
        "litgpt", "the same, NF4: 14.1 GB", "llama-2-7b",
        replace(QLORA, rank=8, targets=("q_proj", "v_proj"), sequence_length=1_304),
        replace(PLAIN, quantized_inputs=True, moments=8), 14.14e9,
        "four-bit layers kept their inputs then (bitsandbytes 0.41); they no longer do",
    ),
    Point(
        "torchtune", "Llama-3.2-3B, LoRA, 4,096: 8.5 GiB", "llama-3.2-3b",
        replace(GPU, rank=64, targets=LINEAR, dropout=0.0, sequence_length=4_096, rows=2, checkpointing=True),
        TORCHTUNE,
        8.5 * GIBIBYTE,
        "holds for two rows, logits in eight chunks, inputs of layers offloaded, 8-bit moments",
    ),
    Point(
        "torchtune", "the same, QLoRA: 4.6 GiB", "llama-3.2-3b",
        replace(
            QLORA, rank=64, targets=LINEAR, dropout=0.0, sequence_length=4_096, rows=2, checkpointing=True
        ),
        TORCHTUNE,
        4.6 * GIBIBYTE,
        "the same",
    ),
]  # fmt: skip


def rules() -> dict[str, tuple[float, float, str]]:
    """Return the rules of thumb: (what the source says, what the shapes say, what to think of it)."""
    small, large = Shape.of(PUBLIC_SHAPES["llama-2-7b"]), Shape.of(PUBLIC_SHAPES["llama-2-13b"])
    adapter = estimate(
        PUBLIC_SHAPES["llama-2-7b"],
        replace(GPU, targets=("q_proj", "v_proj")),
        trained=0,
        validated=0,
        rate=1.0,
    )
    recipe = replace(GPU, rank=32, targets=LINEAR, checkpointing=True)  # 5,000 examples, three times
    long = estimate(
        PUBLIC_SHAPES["qwen2.5-coder-7b"], recipe, trained=3 * 5_000 * 2_048, validated=0, rate=312e12
    )
    serving = estimate_serving(PUBLIC_SHAPES["llama-2-13b"], "bfloat16", context=6_144, requests=1)
    return {
        "handbook: rank 16 on Q and V of 7B adds about 20 million weights": (
            20e6, adapter.adapter / 4, "wrong: 8.4 million; all of attention would be 16.8 million",
        ),
        "handbook: the states of that adapter take .24 GB": (
            0.24e9, adapter.adapter + adapter.gradients + adapter.optimizer, "wrong for that reason: .13 GB",
        ),
        "handbook: NF4 with double quantization takes 3.5 GB for 7B": (
            3.5e9, small.block_weights * 0.516 + small.embedding_weights * 2,
            "too low: scales, and embeddings and head stay in 16 bits",
        ),
        "handbook: double quantization saves .5 GB for 7B": (
            0.5e9, small.block_weights * (3 / 64 - 4 / 16_384), "too high: .373 bits a weight, .30 GB",
        ),
        "handbook: a hot adapter takes about 100 MB": (
            100e6, 2 * 16 * small.layers * sum(sum(sides) for sides in small.targets.values()),
            "about right for rank 16 on all linear layers in 16 bits; rank 64 takes 320 MB",
        ),
        "notes: inference of 13B takes N x M x 1.2 = 31.2 GB": (
            31.2e9, serving.total, "holds for 6,144 tokens of keys and values in all",
        ),
        "notes: training takes N x M x 3 (Adam), 78 GB for 13B": (
            78e9, large.weights * 12.0, "wrong: weights left out, moments are float32: 12 bytes a weight",
        ),
        "handbook: 5,000 examples of 2,048 tokens, three epochs, 7B on an A100: 6 to 8 hours": (
            7 * 3600, long.seconds, "in seconds: slow, 17% of the published peak; at 55%, 2.2 hours",
        ),
    }  # fmt: skip


def rule_line(rule: str) -> str:
    """Return the row of the table in docs/planning.md."""
    said, counted, verdict = rules()[rule]
    return f"| {rule} | {said:,.3g} | {counted:,.3g} | {verdict} |"
