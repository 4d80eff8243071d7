"""Settings: `inhouse.yaml`, checked whole, every unknown key refused, almost everything derived.

A docstring stands under each field; `inhouse config --explain` and the documentation are made from it.
"""

from __future__ import annotations

import datetime
import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from inhouse.errors import SettingsMistake, UserMistake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "BUDGETS",
    "Budget",
    "BudgetName",
    "ChunkingName",
    "Settings",
    "explain",
    "load_settings",
    "template",
]

BudgetName = Literal["smoke", "demo", "full"]
_Share = Annotated[float, Field(ge=0.0, le=1.0)]
ChunkingName = Literal["definition", "fixed", "sliding", "file", "function", "semantic", "hierarchical"]
GateName = Literal["private_gain", "general_code", "human_eval", "chat", "leaks", "static"]


@dataclass(frozen=True, slots=True)
class Budget:
    """How much work a run may do, in tokens of the base model."""

    trained: int
    scored: int
    generated: int


BUDGETS: dict[BudgetName, Budget] = {
    "smoke": Budget(trained=10_000, scored=50_000, generated=1_000),
    "demo": Budget(trained=30_000, scored=150_000, generated=5_000),
    "full": Budget(trained=1_000_000, scored=1_000_000, generated=50_000),
}


_MONTHS = 3  # held out when no rule is given


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Sources(_Section):
    """What is read."""

    exclude: tuple[str, ...] = ()
    """Path patterns (as in .gitignore, matched from the repository's root) that are never read."""

    max_file_bytes: Annotated[int, Field(ge=1_000)] = 1_000_000
    """Larger files are counted as huge and not read."""

    max_commits: Annotated[int, Field(ge=10)] = 1_000
    """Newest commits before the cut whose changes are read for training examples."""


class Hygiene(_Section):
    """What is removed before anything is learnt."""

    rules: tuple[Path, ...] = ()
    """Further secret rules in the gitleaks format; added to the built-in ones."""

    near_duplicate: Annotated[float, Field(gt=0.5, le=1.0)] = 0.85
    """Jaccard similarity of 5-token shingles from which two files count as copies."""


class CutRule(_Section):
    """How time is cut: one rule, or none for the newest three months."""

    months: Annotated[int, Field(ge=1)] | None = None
    """Calendar months before the tip that are held out; 3 when no other rule is given."""

    releases: Annotated[int, Field(ge=1)] | None = None
    """Instead: what came after the release so many back from the tip: tags that are versions."""

    share: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    """Instead: this newest share of the main line's commits, as in 0.2."""

    date: datetime.date | None = None
    """Instead: what came after this day, UTC, as in 2026-01-31."""

    @field_validator("date", mode="before")
    @classmethod
    def _is_written_as_a_day(cls, value: Any) -> Any:
        if value is None or type(value) is datetime.date:
            return value
        try:
            return datetime.date.fromisoformat(value)
        except (TypeError, ValueError):
            raise PydanticCustomError("day", "a day is written as in 2026-01-31") from None

    @model_validator(mode="after")
    def _is_one_rule(self) -> Self:
        given = [name for name in CutRule.model_fields if getattr(self, name) is not None]
        if len(given) > 1:
            rules = {"rules": f"{', '.join(given[:-1])} and {given[-1]}"}
            raise PydanticCustomError("one_rule", "time is cut by one rule, not by {rules}; leave one", rules)
        return self

    @property
    def rule(self) -> tuple[str, int | float | datetime.date]:
        """The name and the value of the rule that applies."""
        values = ((name, getattr(self, name)) for name in CutRule.model_fields)
        return next(((name, value) for name, value in values if value is not None), ("months", _MONTHS))


class SplitSettings(CutRule):
    """Where time is cut between training and evaluation: by months, releases, share or date."""

    min_items: Annotated[int, Field(ge=1)] = 40
    """With fewer held-out items a cut by months moves back to leave the newest fifth; others say so."""

    repositories: dict[str, CutRule] = {}
    """Rules of single repositories, by name, as in {shop: {releases: 2}}: each replaces the one above."""

    def of(self, repository: str) -> SplitSettings:
        """Return what applies to a repository: one rule, told even if it is the default."""
        name, value = self.repositories.get(repository, self).rule
        return SplitSettings.model_validate({name: value, "min_items": self.min_items})


class Filters(_Section):
    """Which training rows are dropped. Nothing is by default; what each means: docs/datasets.md."""

    min_tokens: Annotated[int, Field(ge=0)] = 0
    """Fewest tokens of a row."""

    repeated_lines: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0
    """Largest share of a row's lines that stand in it before."""

    repeated_ngrams: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0
    """Largest share of a row's runs of ten words that stand in it before."""

    line_characters: Annotated[int, Field(ge=1)] | None = None
    """Longest line, in characters; any when left out."""

    symbols: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0
    """Largest share of characters, blanks apart, that are neither letters nor digits."""

    comments: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0
    """Largest share of a row's lines that are nothing but a comment."""

    function_lines: Annotated[int, Field(ge=0)] = 0
    """Fewest lines of a function that a row asks for, its signature included; 5 is usual."""

    toxicity: bool = False
    """Drops rows that hold a slur or a swear word of a short list."""

    toxic_words: tuple[str, ...] = ()
    """Further words, which are looked for whether `toxicity` is set or not."""

    adherence: bool = False
    """Drops instructions whose answer is empty, repeats the question, or lacks what was asked for."""

    similarity: Annotated[float, Field(gt=0.5, le=1.0)] | None = None
    """Jaccard similarity of 5-token shingles from which a row is a copy of an earlier one, as in 0.85."""

    perplexity_window: Annotated[tuple[_Share, ...], Field(min_length=2, max_length=2)] | None = None
    """Shares between which a kind's rows stay, by their bits per byte for the base model; [0.02, 0.98]."""

    @field_validator("perplexity_window")
    @classmethod
    def _is_a_window(cls, window: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if window is not None and not window[0] < window[1]:
            raise PydanticCustomError("window", "two shares of the rows, the smaller first")
        return window


class Dataset(_Section):
    """What the training rows are made of, and what they hold besides the repository."""

    kinds: dict[str, Annotated[float, Field(ge=0.0)]] = {
        "continuation": 0.65,
        "implementation": 0.15,
        "change": 0.20,
    }
    """Kinds of examples with their weights: shares of the tokens. A kind that is not named is not made."""

    tokens: Annotated[int, Field(ge=1_000)] | None = None
    """Tokens of the training rows; by budget when left out."""

    epochs: dict[str, Annotated[float, Field(ge=1.0, le=100.0)]] = {}
    """How often rows of a kind stand among the training rows; once, but for those named, as in {test: 2}."""

    replay: Annotated[float, Field(ge=0.0, le=0.5)] = 0.0
    """Share of the tokens that is general code, against forgetting: 0.2 to 0.3 is usual, none by default."""

    replay_from: tuple[Path, ...] = ()
    """Folders of permissively licensed code for it; the Python packages of this machine when left out."""

    human_eval: bool = True
    """Rows that repeat a problem of HumanEval are dropped, where its problems are at hand."""

    benchmarks: tuple[Path, ...] = ()
    """Further benchmarks that rows must not repeat, as JSON lines; `generation.mbpp` always is one."""

    review_share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.05
    """Share of the training rows that is laid out for review: a page, and a file that takes decisions."""

    review: Path | None = None
    """A copy of that file, review.csv, with decisions: the rows that it drops are not trained on."""

    filters: Filters = Filters()
    """What else makes a row be dropped."""

    infill_tokens: bool = False
    """Gives the part of infill tokens to three spare ones of a model without, and trains them for it."""

    canaries: Annotated[int, Field(ge=0)] = 0
    """Made-up secrets planted among the training rows: `leaks` then tells how well the model knows them."""

    canary_repeats: Annotated[int, Field(ge=1)] = 16
    """Copies of each of them."""


class Training(_Section):
    """Overrides of the derived recipe. Leave them out to have them derived, with reasons."""

    method: str | None = None
    """How to train: lora when left out; `inhouse train --help` lists all with a line each."""

    rank: Annotated[int, Field(ge=1)] | None = None
    """Rank of the low-rank update."""

    alpha: Annotated[int, Field(ge=1)] | None = None
    """Scale of the update is alpha / rank."""

    targets: tuple[str, ...] | None = None
    """Names of the layers that get an update, such as q_proj; methods full and partial take norms too."""

    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] | None = None
    """Dropout on the input of the update."""

    learning_rate: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    """Peak learning rate."""

    epochs: Annotated[float, Field(gt=0.0, le=100.0)] | None = None
    """Passes over the training split."""

    batch_tokens: Annotated[int, Field(ge=64)] | None = None
    """Tokens in one optimizer step."""

    sequence_length: Annotated[int, Field(ge=64)] | None = None
    """Tokens in one packed row."""

    layers: Annotated[int, Field(ge=1)] | None = None
    """Last blocks that the method partial trains."""

    virtual_tokens: Annotated[int, Field(ge=1)] | None = None
    """Virtual tokens of the methods prefix, prompt and p_tuning."""

    quantization: Literal["nf4"] | None = None
    """Keeps the frozen base in four bits while training: NF4 with double quantization; what qlora does."""

    optimizer: Literal["adamw", "paged_adamw_8bit"] | None = None
    """paged_adamw_8bit needs a GPU; on a CPU adamw is used, and the recipe says so."""

    rate_ratio: Annotated[float, Field(ge=1.0)] | None = None
    """How many times faster the second factor of a low-rank update learns (LoRA+)."""

    layer_rates: (
        Annotated[tuple[Annotated[float, Field(ge=0.0, le=1.0)], ...], Field(min_length=2)] | None
    ) = None
    """Shares of the learning rate: the embeddings first, then the blocks in equal parts by depth."""

    neftune: Annotated[float, Field(ge=0.0)] | None = None
    """Scale of uniform noise on the embeddings while training (NEFTune); 5 is usual, none by default."""

    objective: Literal["text", "instructions", "phased", "mixed"] | None = None
    """What is trained on: text, instructions, text first and then instructions (phased), or all mixed."""

    prompt_loss_weight: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """Weight of the loss on the words of an instruction, beside 1 on its answer."""

    forgetting_bound: Annotated[float, Field(ge=0.0, lt=1.0)] | None = None
    """Rise of the loss on general code, as a share of the base's, at which training stops; 0: not watched."""

    sinks: tuple[Literal["tensorboard", "mlflow", "trackio"], ...] = ()
    """Where else the curves are written, below `.inhouse/tracking/`: tensorboard, mlflow, trackio."""

    allow: tuple[Literal["memory", "small_validation", "truncation"], ...] = ()
    """Refusals passed over: memory (predicted to run out), small_validation (fewer than six), truncation."""


class Vectors(_Section):
    """Who makes vectors of the code, which then count beside words; compared in docs/results.md."""

    source: str = "none"
    """none; static or static:MODEL (input embeddings of the embedded or another base model, no torch); a
    folder of sentence-transformers or model2vec; or the URL of a server, as in http://127.0.0.1:8080/v1."""

    model: str = ""
    """Name of the embedding model at that server."""

    key: str = ""
    """Environment variable that holds the server's key; none is sent when left out."""

    timeout_seconds: Annotated[float, Field(gt=0.0, le=600.0)] = 30.0
    """How long the server may say nothing."""

    query_prompt: str | None = None
    """Put before a question, as in "query: "; what a sentence-transformers folder says when left out."""

    document_prompt: str | None = None
    """Put before a chunk of code, likewise."""

    @field_validator("source")
    @classmethod
    def _holds_no_password(cls, value: str) -> str:
        if re.match(r"\w+://[^/?#]*@", value):
            raise PydanticCustomError("secret", "a settings file holds no password; name a variable in key")
        return value


class Retrieval(_Section):
    """How code is found."""

    chunking: ChunkingName = "definition"
    """How files are cut: definition, fixed, sliding, file, function, semantic or hierarchical."""

    store: str = ""
    """Where the index for search and serving lies: postgresql://USER@HOST/DATABASE?index=NAME, the password
    in PGPASSWORD; a file in the workspace when left out."""

    vectors: Vectors = Vectors()

    @field_validator("store")
    @classmethod
    def _holds_no_password(cls, value: str) -> str:
        if re.search(r"//[^/?#]*:.*@|password=", value):
            raise PydanticCustomError("secret", "a settings file holds no password; put it in PGPASSWORD")
        return value


class Evaluation(_Section):
    """How the arms are compared."""

    context_tokens: Annotated[int, Field(ge=64)] = 384
    """Total context that every arm may use for an item, retrieved text included."""

    max_target_tokens: Annotated[int, Field(ge=8)] = 96
    """Longer runs of new lines are scored on their first whole lines up to this length."""

    retrieval_shares: tuple[Annotated[float, Field(gt=0.0, lt=1.0)], ...] = (0.25, 0.5)
    """Shares of the context that retrieved text may take; zero is always tried too."""


class Generation(_Section):
    """What the arms write, to be run or judged. The defaults fit a CPU."""

    tasks: Annotated[int, Field(ge=1)] = 60
    """Tasks of a suite that every arm answers once, with the likeliest token at each step."""

    sampled_tasks: Annotated[int, Field(ge=0)] = 20
    """Of them, tasks that the base and the released arm answer several times at random, for pass@k."""

    samples: Annotated[int, Field(ge=1, le=200)] = 10
    """Random answers to each of those tasks; pass@k is told for k up to 10 and up to this number."""

    max_new_tokens: Annotated[int, Field(ge=8)] = 128
    """Longest answer to a task of the repository, in tokens."""

    chat_tokens: Annotated[int, Field(ge=8)] = 512
    """Longest answer in HumanEval, MBPP and the chat prompts, in tokens."""

    temperature: Annotated[float, Field(gt=0.0, le=2.0)] = 0.8
    """Temperature of the random answers."""

    top_p: Annotated[float, Field(gt=0.0, le=1.0)] = 0.95
    """The random answers take tokens from the smallest set with this much probability."""

    engine: Literal["torch", "llama_cpp"] = "torch"
    """What writes: torch with the full weights, or llama.cpp with a quantized GGUF file (extra `llama`)."""

    human_eval: Path | None = None
    """File of the HumanEval problems; the one in the package human-eval where it is left out."""

    mbpp: Path | None = None
    """File of the MBPP problems; without it that suite does not run."""


class Execution(_Section):
    """How the code of a project is run in the sandbox: to mine tasks, and to judge what was written."""

    python: str | None = None
    """Interpreter or virtual environment that Python tests run with; inhouse's own when left out."""

    test_command: tuple[str, ...] | None = None
    """Words of the command that runs the tests, found when left out; of pytest's, its options count."""

    timeout: Annotated[float, Field(gt=0.0)] = 600.0
    """Seconds that one run of a part of the test suite, or one build, may take."""

    max_tasks: Annotated[int, Field(ge=1)] | None = None
    """Tasks of each kind and language; by budget when left out: smoke 8, demo 20, full 60."""


class Gates(_Section):
    """What an adapter must show before it is released: `inhouse eval --gate`."""

    arm: Literal["tuned", "tuned_retrieval"] = "tuned"
    """The arm that is to be released."""

    gain: tuple[str, ...] = ("likelihood/bits_per_byte", "execution/pass@1")
    """Measures of the private code, SUITE/MEASURE: better than base and retrieval in one, worse in none."""

    general_loss: Annotated[float, Field(ge=0.0)] = 0.01
    """Largest loss on general code, as a share of the base's bits per byte: upper end of the 95% interval."""

    general_tokens: Annotated[int, Field(ge=0)] = 50_000
    """Tokens of general code that must have been scored before its loss counts as measured."""

    human_eval_points: Annotated[float, Field(ge=0.0, le=100.0)] = 3.0
    """Points of HumanEval that may be lost, each way of asking by itself."""

    chat_points: Annotated[float, Field(ge=0.0, le=100.0)] = 5.0
    """Points by which turns ended and code that parses may fall in the chat prompts."""

    leaks: tuple[str, ...] = ("leaks/leaked",)
    """Suites, or SUITE/MEASURE, in which nothing may be found that the base does not show as well."""

    not_worse: tuple[str, ...] = ("static",)
    """Suites, or SUITE/MEASURE, that must not be surely worse than the base: lint, types, security."""

    allow_unknown: tuple[GateName, ...] = ()
    """Gates that pass untold: private_gain, general_code, human_eval, chat, leaks, static."""


class Serving(_Section):
    """The OpenAI-compatible server."""

    host: str = "127.0.0.1"
    """Address to listen on. The default is reachable from this machine only."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port; 0 takes a free one."""


class Settings(_Section):
    """Everything that `inhouse.yaml` may say."""

    model: str = "builtin:smollm2-135m"
    """Base model: builtin:NAME, a folder, a GGUF file, or a hub id (only that opens the network)."""

    budget: BudgetName = "demo"
    """How many tokens may be trained, scored and generated: smoke, demo or full."""

    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of every random choice."""

    workers: Annotated[int, Field(ge=1)] | None = None
    """Processes for corpus work; as many as cores when left out. Results do not depend on it."""

    sources: Sources = Sources()
    hygiene: Hygiene = Hygiene()
    split: SplitSettings = SplitSettings()
    dataset: Dataset = Dataset()
    training: Training = Training()
    retrieval: Retrieval = Retrieval()
    evaluation: Evaluation = Evaluation()
    generation: Generation = Generation()
    execution: Execution = Execution()
    gates: Gates = Gates()
    serving: Serving = Serving()

    @property
    def training_tokens(self) -> int:
        """Tokens of the training rows: as asked for, or by budget."""
        return self.dataset.tokens or BUDGETS[self.budget].trained


def load_settings(path: Path | None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read settings from a YAML file or none; dotted `overrides`, as in ``{"training.rank": 8}``, go on top.

    Raises SettingsMistake with every problem at once; an unknown key names its nearest neighbour.
    """
    values = _read_yaml(path) if path is not None else {}
    for dotted, value in (overrides or {}).items():
        if value is not None:
            _set(values, dotted.split("."), value)
    where = str(path) if path is not None else "the command line"
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsMistake(where, [_sentence(problem) for problem in error.errors()]) from None


def explain(settings: Settings) -> Iterator[tuple[str, Any, str, str]]:
    """Yield (key, effective value, "default" or "set", meaning) for every field, in order of the file."""
    yield from _explain(settings, "")


def template() -> str:
    """Return a short, commented `inhouse.yaml` in which everything optional is commented out."""
    lines = [
        "# inhouse.yaml: everything here is optional; what is left out is derived.",
        "# See every effective value and its reason: inhouse config --explain",
    ]
    begun: set[str] = set()
    for key, value, _, meaning in explain(Settings()):
        section, _, name = key.rpartition(".")
        indent = "  " * key.count(".")
        if section and section not in begun:
            begun.add(section)
            above = [""] if "." not in section else []
            lines += [*above, f"# {indent[2:]}{section.rpartition('.')[2]}:"]
        shown = yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()
        lines += [f"# {indent}# {meaning}", f"# {indent}{name}: {shown}"]
    return "\n".join(lines) + "\n"


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserMistake(
            "the settings file does not exist", str(path), "write one with `inhouse init`"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark is not None else ""
        raise UserMistake(
            f"the settings file is not valid YAML{line}", str(path), "mend it and run again"
        ) from None
    except ValueError as error:  # of a date such as 2026-02-30
        raise UserMistake(
            "the settings file must hold days that exist", f"{path} ({error})", "mend it and run again"
        ) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UserMistake(
            "a settings file is a mapping of keys to values", str(path), "compare with `inhouse init`"
        )
    return values


def _set(values: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        values = values.setdefault(key, {})
    values[keys[-1]] = value


def _explain(section: BaseModel, prefix: str) -> Iterator[tuple[str, Any, str, str]]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _explain(value, f"{prefix}{name}.")
            continue
        origin = "set" if name in section.model_fields_set else "default"
        plain = section.model_dump(mode="json", include={name}, exclude_none=True).get(name)
        meaning = " ".join((field.description or "").split())  # one line, however it is written here
        yield f"{prefix}{name}", plain, origin, meaning


def _sentence(problem: Any) -> str:
    place = [part for part in problem["loc"] if isinstance(part, str)]
    key = ".".join(place)
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(place[-1], _known_keys(place[:-1]), n=1, cutoff=0.4)
        hint = f", did you mean {near[0]}?" if near else ""
        return f"unknown key {key}{hint}"
    if problem["type"] in {"one_rule", "secret"}:  # the value is not shown
        return f"{key}: {problem['msg']}"
    given = problem["input"]
    shown = "a section" if isinstance(given, dict) else repr(given)
    return f"{key}: {problem['msg'][:1].lower()}{problem['msg'][1:]}, not {shown}"


def _known_keys(place: list[str]) -> list[str]:
    section: Any = Settings
    for key in place:
        names_sections = get_origin(section) is dict  # any key is a name there
        section = get_args(section)[1] if names_sections else section.model_fields[key].annotation
    return list(section.model_fields)
