"""What stands beside exported rows: how each tool is told to read them.

axolotl is given `chat_template`, user-defined prompts, or tokens with labels; LLaMA-Factory `sharegpt`, or
`alpaca` with the template `empty`, which adds nothing. The tests run `datasets.load_dataset`,
`benchmarks/peer_readers.py` the loaders of the other two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["README", "dataset_info", "write_readme"]

README = "README.md"

_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}
_AXOLOTL_MESSAGES = """\
  - path: {file}
    ds_type: json
    type: chat_template
    field_messages: messages
    message_property_mappings: {{role: role, content: content}}
    roles_to_train: [assistant]
    train_on_eos: turn
"""
_AXOLOTL_TOKENS = """\
  - path: {file}
    ds_type: parquet
    type:  # none: the rows hold tokens, labels and attention masks
"""
_AXOLOTL_COMPLETION = """\
  - path: {file}
    ds_type: json
    type:  # loss on the completion; where every prompt is empty: `type: completion`, `field: completion`
      field_instruction: prompt
      field_output: completion
      format: "{{instruction}}"
      no_input_format: "{{instruction}}"
"""


def dataset_info(files: Sequence[str], name: str, form: str) -> dict[str, Any]:
    """Return LLaMA-Factory's description of exported files."""
    return {_llama_name(file, name): _llama_entry(file, form) for file in files}


def write_readme(
    path: Path, rows: Mapping[str, int], left_out: Mapping[str, int], name: str, form: str
) -> None:
    """Write the page; its head tells `datasets.load_dataset(FOLDER)` which files belong together."""
    files = list(rows)
    lines = ["---", "configs:"]
    for config, members in _configs(files).items():
        lines += [f"- config_name: {config}", "  data_files:"]
        lines += [part for split, file in members.items() for part in _data_file(split, file)]
    lines += ["---", f"# {name}, exported", "", "| file | rows |", "|---|---|"]
    lines += [f"| {file} | {number:,} |" for file, number in rows.items()]
    lines += [f"\nLeft out: {number:,} rows ({reason})." for reason, number in left_out.items()]
    lines += ["", _WHAT, "## datasets", "", "```python", "from datasets import load_dataset", ""]
    lines += [f'load_dataset("FOLDER", "{config}")' for config in _configs(files)]
    train = [file for file in files if file.startswith("train")]
    lines += ["```", "", "## axolotl", "", "```yaml", "datasets:"]
    lines += [_axolotl(file, form).rstrip() for file in train]
    lines += ["```", "", "## LLaMA-Factory", "", "```yaml"]
    lines += ["---\n".join(_llama_factory(file, name, form) for file in train).rstrip(), "```", ""]
    path.write_text("\n".join(lines), encoding="utf-8")


_WHAT = """\
`messages` is a question and its answer. `prompt` is what carries no loss and `completion` what does, as the
model sees them, with the markers of its own template: to be read without another template. Plain text has an
empty prompt. `lineage` is path@commit of what a row was made from, or message@commit; `weight` that of its
loss. Tools may add the model's end mark to every row. The held-out period is no part of an export: it is for
measuring. A row of the kind `canary` is a made-up secret.
"""


def _configs(files: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the files by what they hold and split, conversations first."""
    found: dict[str, dict[str, str]] = {}
    for file in files:
        split, _, form = file.partition(".")[0].partition("-")
        found.setdefault(form or "default", {})[split] = file
    return dict(sorted(found.items(), key=lambda pair: (pair[0] != "default", pair[0])))


def _data_file(split: str, file: str) -> tuple[str, str]:
    return f"  - split: {split}", f"    path: {file}"


def _is_messages(file: str, form: str) -> bool:
    """Does a file hold conversations? What is none lies in a file beside them."""
    return form == "messages" and "-" not in file


def _axolotl(file: str, form: str) -> str:
    if file.endswith(".parquet"):
        return _AXOLOTL_TOKENS.format(file=file)
    return (_AXOLOTL_MESSAGES if _is_messages(file, form) else _AXOLOTL_COMPLETION).format(file=file)


def _llama_factory(file: str, name: str, form: str) -> str:
    template = "# template: left out, so that the tokenizer's own is taken"
    if not _is_messages(file, form):
        template = "template: empty"
    return f"dataset_dir: FOLDER\ndataset: {_llama_name(file, name)}\n{template}\n"


def _llama_name(file: str, name: str) -> str:
    return f"{name}_{file.partition('.')[0]}".replace("-", "_")


def _llama_entry(file: str, form: str) -> dict[str, Any]:
    if _is_messages(file, form):
        columns = {"messages": "messages"}
        return {"file_name": file, "formatting": "sharegpt", "columns": columns, "tags": _TAGS}
    columns = {"prompt": "prompt", "response": "completion"}
    return {"file_name": file, "formatting": "alpaca", "columns": columns}
