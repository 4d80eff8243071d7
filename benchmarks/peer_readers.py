"""What other training tools make of an export: their own loaders read it, their masks are held against ours.

    pip install --no-deps axolotl llamafactory      (an environment of its own: they ask for older libraries)
    python benchmarks/peer_readers.py               [--model MODEL] [--folder FOLDER]

The example repository is built into a dataset and exported in all three forms; each tool is told to read it
with the lines of configuration that stand in the export. A row is equal when its tokens, and which of them
carry loss, are those of the dataset. A tool that is not installed, or does not start beside the libraries of
this environment, is skipped with the reason. Nothing is trained, and nothing is sent anywhere.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.machinery
import json
import os
import subprocess
import sys
import tempfile
import types
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

Row = tuple[list[int], list[bool]]  # tokens, and which of them carry loss
Reader = Callable[[Path, str, Any], Iterable[Row]]  # folder, file, tokenizer

ROOT = Path(__file__).parent.parent
SETTINGS = "dataset: {kinds: {continuation: 0.4, implementation: 0.3, change: 0.2, question: 0.1}}\n"
FORMS = ("messages", "completion", "parquet")
LONGEST = 100_000  # tokens: nothing is cut


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="builtin:smollm2-135m")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    os.environ |= {"HF_HUB_OFFLINE": "1", "AXOLOTL_DO_NOT_TRACK": "1", "DO_NOT_TRACK": "1"}
    os.environ["DISABLE_VERSION_CHECK"] = "1"  # LLaMA-Factory refuses libraries newer than it knows
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        export(folder, arguments.model)
        compare(folder, arguments.model)


def export(folder: Path, model: str) -> None:
    """Build the dataset of the example repository and export it in every form."""
    settings, repository = folder / "settings.yaml", folder / "ledger"
    folder.mkdir(parents=True, exist_ok=True)
    settings.write_text(SETTINGS, encoding="utf-8")
    if not repository.exists():
        run(sys.executable, ROOT / "examples" / "make_history.py", repository)
    where = ["--model", model, "--workspace", folder / "work", "--settings", settings, "--quiet"]
    inhouse = (sys.executable, "-m", "inhouse.cli.main", "dataset")
    run(*inhouse, "build", repository, "--budget", "demo", *where)
    for form in FORMS:
        run(*inhouse, "export", *where, "--format", form, "--to", folder / form)


def compare(folder: Path, model: str) -> None:
    """Print how the rows of each tool stand to those of the dataset."""
    from transformers import AutoTokenizer

    from inhouse.models.resolve import resolve

    ours = dict(dataset_rows(folder / "parquet"))
    place = resolve(model).folder
    print(f"{len(ours)} rows of the dataset, {model}")
    for tool, make in (("axolotl", axolotl), ("LLaMA-Factory", llama_factory)):
        try:
            with silence():
                read = make()
        except Exception as error:
            print(f"{tool:<15} skipped: {type(error).__name__}: {str(error).splitlines()[0]}")
            continue
        for form, file in files(folder, tool):
            with silence():
                rows = list(read(folder / form, file, AutoTokenizer.from_pretrained(place)))
            ids = row_ids(folder / form / file)
            assert len(rows) == len(ids), (tool, file, len(rows), len(ids))
            outcomes = Counter(difference(row, ours[id_]) for row, id_ in zip(rows, ids, strict=True))
            told = ", ".join(f"{number} {what}" for what, number in outcomes.most_common())
            print(f"{tool:<15} {form + '/' + file:<35} {told}")


def difference(theirs: Row, ours: Row) -> str:
    """Return in a few words how a row of another tool differs."""
    (ids, mask), (wanted, trained) = theirs, ours
    if (ids, mask) == (wanted, trained):
        return "equal"
    last = len(trained) - trained[::-1].index(True)  # a completion ends with its last token that carries loss
    if ids[:last] != wanted[:last]:
        return "other tokens"
    if mask[:last] == trained[:last]:
        return (
            f"equal but for {sum(mask[last:])} token(s) with loss at the end"
            if any(mask[last:])
            else "equal loss"
        )
    if all(mask[number] for number in range(last) if trained[number]):
        return "more loss: also on the markers"
    return "less loss"


# ------------------------------------------------------------------ ours


def dataset_rows(folder: Path) -> Iterator[tuple[str, Row]]:
    import pyarrow.parquet as pq

    for file in sorted(folder.glob("*.parquet")):
        for row in pq.read_table(file).to_pylist():
            yield row["id"], (row["input_ids"], row["trained"])


def row_ids(file: Path) -> list[str]:
    if file.suffix == ".jsonl":
        return [json.loads(line)["id"] for line in file.read_text(encoding="utf-8").splitlines()]
    import pyarrow.parquet as pq

    return [row["id"] for row in pq.read_table(file, columns=["id"]).to_pylist()]


def files(folder: Path, tool: str) -> Iterator[tuple[str, str]]:
    for form in FORMS:
        if form == "parquet" and tool != "axolotl":  # LLaMA-Factory reads its text, as it does the JSON lines
            continue
        for file in sorted((folder / form).glob("train*")):
            yield form, file.name


# ------------------------------------------------------------------ the others


def axolotl() -> Reader:
    from axolotl.utils.data.shared import load_dataset_with_config
    from axolotl.utils.data.wrappers import get_dataset_wrapper
    from axolotl.utils.dict import DictDefault

    def read(folder: Path, file: str, tokenizer: Any) -> Iterator[Row]:
        entry = next(each for each in written(folder, "axolotl")["datasets"] if each["path"] == file)
        entry = DictDefault({**entry, "path": str(folder / file)})
        settings = DictDefault({"sequence_len": LONGEST, "train_on_inputs": False, "dataset_num_proc": 1})
        dataset = load_dataset_with_config(entry, use_auth_token=False)
        kind = entry.type.split(":")[0] if isinstance(entry.type, str) else None
        rows, _ = get_dataset_wrapper(entry, tokenizer, settings, kind, dataset)
        for row in rows:
            yield list(row["input_ids"]), [label != -100 for label in row["labels"]]

    return read


def llama_factory() -> Reader:
    with_torchaudio()
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import DataArguments, ModelArguments
    from transformers import Seq2SeqTrainingArguments

    def read(folder: Path, file: str, tokenizer: Any) -> Iterator[Row]:
        described = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
        name = next(name for name, entry in described.items() if entry["file_name"] == file)
        lines = next(each for each in llama_factory_lines(folder) if each["dataset"] == name)
        data = DataArguments(
            dataset=name,
            dataset_dir=str(folder),
            template=lines.get("template"),
            cutoff_len=LONGEST,
            overwrite_cache=True,
        )
        with tempfile.TemporaryDirectory() as scratch:
            training = Seq2SeqTrainingArguments(scratch, use_cpu=True, report_to="none")
            template = get_template_and_fix_tokenizer(tokenizer, data)
            model = ModelArguments(model_name_or_path=str(tokenizer.name_or_path))
            rows = get_dataset(template, model, data, training, "sft", tokenizer)["train_dataset"]
        for row in rows:
            yield list(row["input_ids"]), [label != -100 for label in row["labels"]]

    return read


def with_torchaudio() -> None:
    """LLaMA-Factory imports torchaudio, for speech: text never calls it."""
    try:
        import torchaudio  # noqa: F401
    except (ImportError, OSError):
        module = types.ModuleType("torchaudio")
        module.__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)
        sys.modules["torchaudio"] = module


def written(folder: Path, tool: str) -> dict[str, Any]:
    """Return the lines of configuration that the export gives for a tool."""
    return dict(yaml.safe_load(block(folder, tool)))


def llama_factory_lines(folder: Path) -> list[dict[str, Any]]:
    return [dict(each) for each in yaml.safe_load_all(block(folder, "LLaMA-Factory"))]


def block(folder: Path, tool: str) -> str:
    page = (folder / "README.md").read_text(encoding="utf-8")
    return page.partition(f"## {tool}\n")[2].partition("```yaml\n")[2].partition("```")[0]


# ------------------------------------------------------------------ helpers


def run(*words: object) -> None:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-2_000:])


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Both tools print what they load."""
    with (
        Path(os.devnull).open("w") as sink,
        contextlib.redirect_stdout(sink),
        contextlib.redirect_stderr(sink),
    ):
        yield


if __name__ == "__main__":
    main()
