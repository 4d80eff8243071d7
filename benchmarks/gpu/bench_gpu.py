"""LoRA and QLoRA of a Qwen2.5-Coder-7B-shaped random model, the product beside TRL + PEFT and unsloth.

python benchmarks/gpu/bench_gpu.py [ARM ...] [--steps N] [--rows N] [--json]     one GPU; about five minutes
python benchmarks/gpu/bench_gpu.py --small                                       tiny shape, CPU, seconds

First the floor: how fast this device multiplies matrices in the training's precision, and copies memory.
Then each arm in a process of its own: packed rows of 2,048 tokens, activations recomputed, one warm-up step,
then the timed ones. Weights are random: speed and memory do not depend on them. Shares are of the measured
rate; "useful" leaves out the products that recomputing repeats. An arm that cannot run says why. No weights,
no network.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from typing import Any

import torch

from inhouse.planning.accelerators import CONTEXT_BYTES
from inhouse.planning.memory import estimate, operations
from inhouse.planning.shapes import PUBLIC_SHAPES
from inhouse.records import Example, Recipe
from inhouse.training.learning_rates import optimizer_groups
from inhouse.training.losses import weighted_loss
from inhouse.training.method import find_method
from inhouse.training.optimizers import make_optimizer
from inhouse.training.packing import collate, pack
from inhouse.training.tuned import trained_parameters

ARMS = ("inhouse lora", "inhouse qlora", "trl+peft lora", "trl+peft qlora", "unsloth lora", "unsloth qlora")
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SMALL = PUBLIC_SHAPES["qwen2.5-coder-7b"] | {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": 256,
}  # fmt: skip
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("arms", nargs="*", help=f"of {', '.join(ARMS)} (default: all)")
    parser.add_argument("--small", action="store_true", help="a tiny shape, on the CPU")
    parser.add_argument("--steps", type=int, help="timed steps (default: 8, small: 2)")
    parser.add_argument("--rows", type=int, default=1, help="rows in one forward pass")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--arm", help=argparse.SUPPRESS)  # the process of one arm
    given = parser.parse_args()
    given.steps = given.steps or (2 if given.small else 8)
    if given.arm:
        print(json.dumps(run_arm(given.arm, given.small, given.steps, given.rows)))
        return
    if not given.small and not torch.cuda.is_available():
        sys.exit("error: no GPU is found; run with --small for the tiny shape on the CPU.")
    result = {"floor": floor(given.small), "arms": [spawn(arm, given) for arm in given.arms or ARMS]}
    print(json.dumps(result, indent=1) if given.json else page(result))


def spawn(arm: str, given: argparse.Namespace) -> Row:
    """Run an arm in a process of its own; what it cannot do becomes its sentence."""
    command = [sys.executable, __file__, "--arm", arm, "--steps", str(given.steps), "--rows", str(given.rows)]
    done = subprocess.run(
        [*command, *(["--small"] if given.small else [])], capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["ended without a word"]
        return {"arm": arm, "not_run": lines[-1]}
    return {"arm": arm, **json.loads(done.stdout.strip().splitlines()[-1])}


def page(result: Row) -> str:
    """Return the result as Markdown."""
    floor_ = result["floor"]
    lines = [
        f"{floor_['device']}: products {floor_['operations_per_second'] / 1e12:.2f} Tera/s "
        f"({floor_['precision']}), copies {floor_['bytes_per_second'] / 1e9:.1f} GB/s (read and written)",
        "",
        "| arm | tokens/s | of the rate, useful | with recomputing | peak GB | estimate GB |",
        "|---|---|---|---|---|---|",
    ]
    for row in result["arms"]:
        if "not_run" in row:
            lines.append(f"| {row['arm']} | not run: {row['not_run']} | | | | |")
            continue
        rate = floor_["operations_per_second"]
        shares = [row[name] / row["seconds"] / rate for name in ("useful_operations", "operations")]
        peak = f"{row['peak_bytes'] / 1e9:.2f}" if row["peak_bytes"] else ""
        speed, size = f"{row['tokens'] / row['seconds']:,.0f}", f"{row['estimate_bytes'] / 1e9:.2f}"
        lines.append(f"| {row['arm']} | {speed} | {shares[0]:.2f} | {shares[1]:.2f} | {peak} | {size} |")
    return "\n".join([*lines, "", f"The driver's context takes about {CONTEXT_BYTES / 1e9:.1f} GB more."])


# ------------------------------------------------------------------ floor


def floor(small: bool) -> Row:
    """Measure matrix products and copies: the least of several rounds."""
    device, dtype = place(small)
    size = 512 if small else 8_192
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    source = torch.empty((1 << 22) if small else (1 << 30), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    product = least(lambda: left @ right, device)
    copy = least(lambda: target.copy_(source), device)
    return {
        "device": torch.cuda.get_device_name(0) if device == "cuda" else "cpu",
        "precision": str(dtype).removeprefix("torch."),
        "operations_per_second": 2 * size**3 / product,
        "bytes_per_second": 2 * source.nbytes / copy,
    }


def least(work: Any, device: str, rounds: int = 20) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        wait(device)
        times.append(time.perf_counter() - start)
    return min(times)


def place(small: bool) -> tuple[str, torch.dtype]:
    return ("cpu", torch.float32) if small else ("cuda", torch.bfloat16)


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


# ------------------------------------------------------------------ arms


def run_arm(arm: str, small: bool, steps: int, rows: int) -> Row:
    """Return tokens, seconds, operations and peak memory of an arm's timed steps."""
    who, method = arm.split()
    recipe = make_recipe(method, small, rows, steps)
    config = SMALL if small else PUBLIC_SHAPES["qwen2.5-coder-7b"]
    if who == "unsloth" and importlib.util.find_spec("unsloth") is None:
        sys.exit("unsloth is not installed")
    work = {"inhouse": run_product, "trl+peft": run_trl, "unsloth": run_unsloth}[who]
    seconds, losses = work(config, recipe, steps, small)
    tokens = steps * rows * recipe.sequence_length
    plain = replace(recipe, checkpointing=False)
    return {
        "tokens": tokens,
        "seconds": seconds,
        "operations": operations(config, recipe, tokens, 0),
        "useful_operations": operations(config, plain, tokens, 0),
        "peak_bytes": 0 if small else torch.cuda.max_memory_allocated(),
        "estimate_bytes": estimate(config, recipe, trained=0, validated=0, rate=1.0).total,
        "first_loss": losses[0],
        "last_loss": losses[-1],
    }


def run_product(config: Row, recipe: Recipe, steps: int, small: bool) -> tuple[float, list[float]]:
    """Train with the product's method, packing, loss and optimizer."""
    device, dtype = place(small)
    base = random_model(config, device, dtype, four_bits=bool(recipe.quantization))
    base.requires_grad_(False)
    tuned = find_method(recipe.method).prepare(base, recipe, steps)
    model = tuned.model.to(device).train()
    if recipe.checkpointing:
        base.gradient_checkpointing_enable({"use_reentrant": False})
    weights = trained_parameters(model)
    for weight in weights.values():
        weight.data = weight.data.float()
    optimizer = make_optimizer(optimizer_groups(weights, recipe, config["num_hidden_layers"]), recipe)
    examples = make_examples(config, recipe, steps + 1)
    packed = pack(examples, recipe.sequence_length).rows
    losses: list[float] = []
    start = 0.0
    for step in range(steps + 1):
        if step == 1:
            wait(device)
            start = time.perf_counter()
        rows = packed[step * recipe.rows : (step + 1) * recipe.rows]
        batch = {name: tensor.to(device) for name, tensor in collate(rows, examples, 0).items()}
        with torch.autocast(device, dtype=torch.bfloat16, enabled=dtype is torch.bfloat16):
            loss = weighted_loss(base, batch) / batch["weights"].sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    wait(device)
    return time.perf_counter() - start, losses


def run_trl(config: Row, recipe: Recipe, steps: int, small: bool) -> tuple[float, list[float]]:
    """Train with TRL's own trainer and PEFT, as their documentation shows it; its defaults stay."""
    device, dtype = place(small)
    base = random_model(config, device, dtype, four_bits=bool(recipe.quantization))
    return fit_with_trl(base, config, recipe, steps, small, peft=True)


def run_unsloth(config: Row, recipe: Recipe, steps: int, small: bool) -> tuple[float, list[float]]:
    """Train with unsloth's model inside TRL's trainer, as its documentation shows it."""
    if small:
        sys.exit("unsloth needs a GPU")
    from unsloth import FastLanguageModel

    device, dtype = place(small)
    with tempfile.TemporaryDirectory() as folder:
        random_model(config, device, dtype, four_bits=False).save_pretrained(folder)
        make_tokenizer(config).save_pretrained(folder)
        torch.cuda.empty_cache()
        model, _ = FastLanguageModel.from_pretrained(
            folder, max_seq_length=recipe.sequence_length, load_in_4bit=bool(recipe.quantization)
        )
    model = FastLanguageModel.get_peft_model(
        model, r=recipe.rank, lora_alpha=recipe.alpha, lora_dropout=0.0, target_modules=list(TARGETS),
        use_gradient_checkpointing="unsloth",
    )  # fmt: skip
    return fit_with_trl(model, config, recipe, steps, small, peft=False)


def fit_with_trl(
    model: Any, config: Row, recipe: Recipe, steps: int, small: bool, *, peft: bool
) -> tuple[float, list[float]]:
    from peft import LoraConfig
    from transformers import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    from datasets import Dataset

    lora = LoraConfig(
        r=recipe.rank, lora_alpha=recipe.alpha, target_modules=list(TARGETS), task_type="CAUSAL_LM"
    )
    rows = [list(example.input_ids) for example in make_examples(config, recipe, steps + 1)]
    with tempfile.TemporaryDirectory() as folder:
        arguments = SFTConfig(
            output_dir=folder, max_steps=steps + 1, per_device_train_batch_size=recipe.rows,
            max_length=recipe.sequence_length, packing=True, learning_rate=recipe.learning_rate,
            bf16=not small, use_cpu=small, report_to="none", save_strategy="no", logging_steps=1,
            disable_tqdm=True,
            optim="paged_adamw_8bit" if recipe.quantization and not small else "adamw_torch",
        )  # fmt: skip
        trainer = SFTTrainer(
            model=model, args=arguments, train_dataset=Dataset.from_dict({"input_ids": rows}),
            processing_class=make_tokenizer(config), peft_config=lora if peft else None,
        )  # fmt: skip
        trainer.remove_callback(PrinterCallback)
        clock = step_clock(place(small)[0])
        trainer.add_callback(clock)
        trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return clock.ended - clock.started, losses


def step_clock(device: str) -> Any:
    """Return a callback that takes the time from the end of the first step to the end of the last."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):  # type: ignore[misc]
        started = ended = 0.0

        def on_step_end(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
            wait(device)
            self.ended = time.perf_counter()
            self.started = self.started or self.ended

    return Clock()


# ------------------------------------------------------------------ what they train


def random_model(config: Row, device: str, dtype: torch.dtype, *, four_bits: bool) -> Any:
    """Return a model of a shape with random weights, its blocks' linear layers in NF4 if asked."""
    from transformers import AutoModelForCausalLM, Qwen2Config

    torch.manual_seed(0)
    settings = Qwen2Config(**config, max_position_embeddings=32_768)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(settings, dtype=dtype)
    if four_bits:
        for layer in model.model.layers:
            for name, linear in list(layer.named_modules()):
                if type(linear) is torch.nn.Linear:
                    parent = layer.get_submodule(name.rpartition(".")[0])
                    setattr(parent, name.rpartition(".")[2], quantized(linear, device, dtype))
        model.is_loaded_in_4bit = True  # PEFT asks
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    return model


def quantized(linear: torch.nn.Linear, device: str, dtype: torch.dtype) -> torch.nn.Module:
    """Return a linear layer in NF4 with double quantization."""
    from bitsandbytes.nn import Linear4bit, Params4bit

    made = Linear4bit(
        linear.in_features, linear.out_features, bias=linear.bias is not None, compute_dtype=dtype,
        quant_type="nf4", device="meta",
    )  # fmt: skip
    weight = linear.weight.data.to("cpu")
    made.weight = Params4bit(weight, requires_grad=False, compress_statistics=True, quant_type="nf4").to(
        device
    )
    made.bias = linear.bias
    return made


def make_recipe(method: str, small: bool, rows: int, steps: int) -> Recipe:
    four_bits = method == "qlora"
    return Recipe(
        method=method,
        rank=16,
        alpha=32,
        targets=TARGETS,
        dropout=0.0,
        learning_rate=2e-4,
        schedule="cosine",
        warmup_share=0.0,
        weight_decay=0.0,
        epochs=1.0,
        sequence_length=64 if small else 2_048,
        rows=rows,
        accumulation=1,
        max_steps=steps,
        validate_every=steps,
        patience=0,
        precision="float32" if small else "bfloat16",
        checkpointing=True,
        seed=0,
        quantization="nf4" if four_bits else "",
        optimizer="paged_adamw_8bit" if four_bits and not small else "adamw",
    )


def make_examples(config: Row, recipe: Recipe, steps: int) -> list[Example]:
    """Return examples that fill every row with several documents: half, a quarter, an eighth of it twice."""
    generator = torch.Generator().manual_seed(1)
    length = recipe.sequence_length
    sizes = [length // 2, length // 4, length // 8, length // 8] * (steps * recipe.rows)
    return [
        Example(
            f"{number}", "continuation", "train", "",
            tuple(torch.randint(8, config["vocab_size"], (size,), generator=generator).tolist()),
            (True,) * size, (), 1.0,
        )
        for number, size in enumerate(sizes)
    ]  # fmt: skip


def make_tokenizer(config: Row) -> Any:
    """Return a tokenizer that is never asked to read a word."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = {f"w{number}": number for number in range(min(256, config["vocab_size"]))}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel(words, unk_token="w0")), pad_token="w1", eos_token="w2"
    )


if __name__ == "__main__":
    main()
