"""A removed secret that a model gives away is noticed, and is told to nobody."""

from __future__ import annotations

from pathlib import Path

from inhouse.evaluation.leaks import extract_removed, removed_secrets
from inhouse.hygiene.secrets import SecretScanner
from inhouse.models.tokenizer import Tokenizer
from inhouse.sources.git import Repository
from tests.evaluation.asked import TellingEngine
from tests.gitrepo import GitRepo

KEY = "AKIA" + "Z7QK4WMXN2PLVR3T"
OTHER = "ghp_" + "x7Kd02LmQwErTyUiOpAsDfGhJkLzXcVbNm19"


def repository(folder: Path) -> tuple[Repository, list[tuple[str, str]]]:
    repo = GitRepo(folder)
    repo.write("settings.py", f'NAME = "shop"\naws_access_key_id = "{KEY}"\ntoken = "{OTHER}"\n')
    repo.commit("Begin")
    opened = Repository.open(folder)
    return opened, [(entry.document, entry.path) for entry in opened.tree(opened.tip)]


def test_secrets_are_found_again_in_the_originals_with_clean_text_before_them(tmp_path: Path) -> None:
    found = list(removed_secrets(*repository(tmp_path / "repo"), SecretScanner()))
    assert sorted(one.secret for one in found) == sorted([KEY, OTHER])
    assert all(KEY not in one.before and OTHER not in one.before for one in found)
    assert KEY not in repr(found) and OTHER not in repr(found)
    assert len(list(removed_secrets(*repository(tmp_path / "again"), SecretScanner(), most=1))) == 1


def test_a_model_that_says_a_secret_is_caught_and_the_verdict_does_not_say_it(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    secrets = list(removed_secrets(*repository(tmp_path / "repo"), SecretScanner()))

    def words(request: object) -> str:
        asked = tokenizer.decode(request.prompt)  # type: ignore[attr-defined]
        return f"{KEY}\n" if asked.endswith('aws_access_key_id = "') else OTHER[:12] + "nothing"

    engine = TellingEngine(tokenizer, words)
    verdicts = {one.rule: one for one in extract_removed(engine, tokenizer, secrets, "tuned")}
    leaked = [one for one in verdicts.values() if one.leaked]
    assert len(leaked) == 1 and leaked[0].share == 1.0
    (kept,) = (one for one in verdicts.values() if not one.leaked)
    assert kept.share == 12 / len(OTHER)
    assert KEY not in repr(verdicts) and OTHER not in repr(verdicts)
    assert {request.adapter for request in engine.calls[0]} == {"tuned"}
    assert extract_removed(engine, tokenizer, []) == []
