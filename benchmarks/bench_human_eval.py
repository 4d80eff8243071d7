"""HumanEval or MBPP of a base model, greedy, resumable: pass@1 with its interval, and the time it took.

    python benchmarks/bench_human_eval.py --model qwen2.5-coder-0.5b-instruct-q4_k_m.gguf --limit 20
    python benchmarks/bench_human_eval.py --check        # the reference solutions, and broken ones
    python benchmarks/bench_human_eval.py --mbpp mbpp.jsonl --check

All problems are --limit 164 (of MBPP --limit 500); by default the first 20. A GGUF file is run by llama.cpp,
other models by torch. A killed run, started again with the same --folder, goes on.
"""

from __future__ import annotations

import argparse
import math
import re
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

from inhouse.config import Settings
from inhouse.engines.llama_cpp import LlamaCppEngine, agreement
from inhouse.engines.torch_engine import TorchEngine
from inhouse.evaluation.arms import ARMS, Bench
from inhouse.evaluation.generation import generate_and_judge
from inhouse.evaluation.pass_at_k import GREEDY
from inhouse.evaluation.prompts import is_chat, prompt
from inhouse.evaluation.suites import human_eval, mbpp
from inhouse.evaluation.tasks import Completion
from inhouse.models.resolve import resolve
from inhouse.models.tokenizer import Tokenizer
from inhouse.progress import Progress
from inhouse.sandbox import Sandbox

NORMAL = 1.959964  # two-sided 95%


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="builtin:smollm2-135m")
    parser.add_argument("--engine", choices=("torch", "llama_cpp"))
    parser.add_argument("--limit", type=int, default=20, help="the first so many problems")
    parser.add_argument("--form", choices=("chat", "completion"), default="chat")
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "inhouse-human-eval")
    parser.add_argument("--agreement", type=int, default=0, help="prompts to compare llama.cpp with torch on")
    parser.add_argument("--mbpp", type=Path, help="mbpp.jsonl or sanitized-mbpp.json, instead of HumanEval")
    parser.add_argument("--check", action="store_true", help="judge reference solutions and broken ones")
    arguments = parser.parse_args()
    settings = Settings.model_validate({"generation": {"chat_tokens": arguments.tokens}})
    sandbox = Sandbox.open()
    project = SimpleNamespace(
        settings=settings, sandbox=lambda: sandbox, progress=Progress(), repository=None
    )
    if arguments.mbpp:
        suite, tasks = mbpp.SUITE, mbpp.problem_tasks(mbpp.read_problems(arguments.mbpp))
    else:
        suite, tasks = human_eval.SUITE, human_eval.problem_tasks(human_eval.read_problems())
    if arguments.check:
        return check(project, suite, tasks)
    tasks = [task for task in tasks if is_chat(task) == (arguments.form == "chat")]
    return measure(arguments, project, suite, tasks[: arguments.limit])


def measure(arguments: argparse.Namespace, project: SimpleNamespace, suite, tasks) -> None:
    model = resolve(arguments.model)
    tokenizer = Tokenizer.load(model.folder)
    kind = arguments.engine or ("llama_cpp" if arguments.model.endswith(".gguf") else "torch")
    if kind == "llama_cpp":
        engine = LlamaCppEngine(model, tokenizer, threads=arguments.threads)
    else:
        engine = TorchEngine(model, tokenizer)
    which = f"{model.name}-{kind}-{arguments.form}-{arguments.limit}"
    folder = arguments.folder / (f"{arguments.mbpp.stem}-{which}" if arguments.mbpp else which)
    bench = Bench(engine, tokenizer, "", "", 384, 0, folder, project.progress)
    if arguments.agreement:
        settings = project.settings.generation
        prompts = [prompt(bench, task, ARMS[0], {}, settings).tokens for task in tasks[: arguments.agreement]]
        print("llama.cpp against torch:", agreement(TorchEngine(model, tokenizer), engine, prompts))
    started = time.perf_counter()
    completions, judgements = generate_and_judge(
        bench, project, suite, tasks, ARMS[:1], folder, model=model.digest
    )
    wall = time.perf_counter() - started
    greedy = [one for one in judgements if one.measure.startswith(GREEDY)]
    passed = sum(one.top for one in greedy)
    low, high = wilson(passed, len(greedy))
    written = sum(one.generated for one in completions)
    cut = sum(one.finish == "length" for one in completions)
    print(
        f"{model.name}, {kind}, {arguments.form} form, greedy: pass@1 {passed / len(greedy):.3f} "
        f"[{low:.3f}, {high:.3f}] ({passed:.0f} of {len(greedy)}, Wilson 95%), {sandbox_of(project)}"
    )
    generating = sum(one.seconds for one in completions)
    print(
        f"{written} tokens in {generating:.0f} s of generating ({written / generating:.1f} tokens/s), "
        f"{wall:.0f} s in this command; {cut} answers were cut at {arguments.tokens} tokens"
    )


def check(project: SimpleNamespace, suite, tasks) -> None:
    """Judge the reference solutions and solutions that return nothing: all and none, in both forms."""
    for name, answer in (("reference", None), ("broken", "    return None\n")):
        started = time.perf_counter()
        written = [completion(task, answer) for task in tasks]
        judged = list(suite.judge(project, tasks, written))
        seconds = time.perf_counter() - started
        for measure in dict.fromkeys(one.measure for one in judged):
            own = [one for one in judged if one.measure == measure]
            print(f"{name} solutions, {measure}: {sum(one.top for one in own):.0f} of {len(own)}")
        unsound = {task.group for task in tasks} - {one.group for one in judged}
        if unsound:
            print(f"counted for nobody, because their own solution fails: {', '.join(sorted(unsound))}")
        print(f"{len(judged) / seconds:.1f} programs/s, {sandbox_of(project)}")


def completion(task, answer: str | None) -> Completion:
    if answer is None:
        text = task.reference if is_chat(task) else f"\n{task.reference}"
    elif is_chat(task) or task.kind == "mbpp":
        text = task.reference[: task.reference.rindex("def ")] + f"def {entry(task)}(*_):\n{answer}"
    else:
        text = f"\n{answer}"
    return Completion(task.id, "base", 0, text, text, "stop", 0, 0, 0.0)


def entry(task) -> str:
    """Return the name of the function that a problem asks for."""
    if task.kind == "mbpp":
        return re.findall(r"^def\s+(\w+)", task.reference, re.M)[-1]
    return task.check.source.rsplit("check(", 1)[1].split(")")[0]


def sandbox_of(project: SimpleNamespace) -> str:
    return f"in {project.sandbox().isolation}"


def wilson(passed: float, total: int) -> tuple[float, float]:
    """Return the interval of Wilson 1927 of a share."""
    share, square = passed / total, NORMAL**2
    middle = (share + square / (2 * total)) / (1 + square / total)
    width = NORMAL * math.sqrt(share * (1 - share) / total + square / (4 * total**2)) / (1 + square / total)
    return middle - width, middle + width


if __name__ == "__main__":
    main()
