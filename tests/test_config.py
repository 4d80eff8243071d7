"""A mistyped setting never vanishes, and all mistakes are told at once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from inhouse.config import Settings, explain, load_settings, template
from inhouse.errors import SettingsMistake, UserMistake


def _load(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "inhouse.yaml"
    path.write_text(text)
    return load_settings(path)


def test_without_a_file_everything_has_a_default() -> None:
    assert load_settings(None) == Settings()


def test_an_unknown_key_names_its_nearest_neighbour(tmp_path: Path) -> None:
    with pytest.raises(SettingsMistake) as caught:
        _load(tmp_path, "bugdet: smoke\n")
    assert caught.value.problems == ("unknown key bugdet, did you mean budget?",)


def test_an_unknown_key_inside_a_section_names_its_neighbour_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsMistake) as caught:
        _load(tmp_path, "training: {learning_rat: 0.1}\n")
    assert caught.value.problems == ("unknown key training.learning_rat, did you mean learning_rate?",)


def test_two_problems_are_told_together(tmp_path: Path) -> None:
    with pytest.raises(SettingsMistake) as caught:
        _load(tmp_path, "seed: -1\ntraining: {rank: many}\n")
    assert len(caught.value.problems) == 2
    assert caught.value.problems[0].startswith("seed: ")
    assert caught.value.problems[1].startswith("training.rank: ")
    assert "'many'" in caught.value.problems[1]


def test_a_scalar_in_the_place_of_a_section_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsMistake, match="training: "):
        _load(tmp_path, "training: 3\n")


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n"])
def test_a_file_that_is_no_mapping_is_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserMistake, match="keys to values"):
        _load(tmp_path, text)


def test_broken_yaml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="at line 3"):
        _load(tmp_path, "seed: 1\nmodel: [\n")


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="does not exist"):
        load_settings(tmp_path / "absent.yaml")


def test_words_on_the_command_line_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "inhouse.yaml"
    path.write_text("budget: full\nseed: 7\ntraining: {rank: 4}\n")
    settings = load_settings(path, {"budget": "smoke", "training.alpha": 8, "seed": None})
    assert (settings.budget, settings.seed, settings.training.rank, settings.training.alpha) == (
        "smoke",
        7,
        4,
        8,
    )


def test_every_setting_says_what_it_means() -> None:
    missing = [key for key, _, _, meaning in explain(Settings()) if not meaning]
    assert missing == []


# ------------------------------------------------------------------ split


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("{}", ("months", 3)),
        ("{months: 6}", ("months", 6)),
        ("{releases: 2}", ("releases", 2)),
        ("{share: 0.2, months: null}", ("share", 0.2)),
        ("{date: 2026-01-31}", ("date", date(2026, 1, 31))),
        ("{date: '2026-01-31'}", ("date", date(2026, 1, 31))),
    ],
)
def test_time_is_cut_by_the_rule_that_is_given(
    tmp_path: Path, written: str, rule: tuple[str, object]
) -> None:
    settings = _load(tmp_path, f"split: {written}\n")
    assert settings.split.rule == rule
    assert settings.split.of("shop").rule == rule
    assert Settings.model_validate(settings.model_dump(mode="json")) == settings


def test_two_rules_for_one_cut_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsMistake) as caught:
        _load(tmp_path, "split: {months: 3, releases: 2, share: 0.1}\n")
    assert caught.value.problems == (
        "split: time is cut by one rule, not by months, releases and share; leave one",
    )


@pytest.mark.parametrize("day", ["20260131", "true", "soon", "'2026-02-30'", "2026-01-31T10:00:00", "12.5"])
def test_a_day_that_is_none_is_told_how_to_write_it(tmp_path: Path, day: str) -> None:
    with pytest.raises(SettingsMistake, match=r"split.date: a day is written as in 2026-01-31, not "):
        _load(tmp_path, f"split: {{date: {day}}}\n")


def test_a_day_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        UserMistake, match=r"days that exist: .*out of range for month\); mend it and run again"
    ):
        _load(tmp_path, "split: {date: 2026-02-30}\n")


def test_a_repository_is_cut_by_its_own_rule_and_others_by_the_common_one(tmp_path: Path) -> None:
    own = "{shop: {releases: 2}, bank: {date: 2026-01-31}, plain: {}}"
    split = _load(tmp_path, f"split: {{share: 0.1, min_items: 7, repositories: {own}}}\n").split
    names = ("shop", "bank", "plain", "else", "Shop")
    assert [split.of(name).rule[0] for name in names] == ["releases", "date", "months", "share", "share"]
    assert split.of("shop").model_dump(exclude_none=True) == {
        "releases": 2,
        "min_items": 7,
        "repositories": {},
    }


def test_mistakes_in_the_rule_of_a_repository_name_the_place(tmp_path: Path) -> None:
    with pytest.raises(SettingsMistake) as caught:
        _load(
            tmp_path, "split: {repositories: {a: {relases: 2}, b: {share: 0.1, months: 1}, c: {share: 2}}}\n"
        )
    assert caught.value.problems == (
        "unknown key split.repositories.a.relases, did you mean releases?",
        "split.repositories.b: time is cut by one rule, not by months and share; leave one",
        "split.repositories.c.share: input should be less than 1, not 2",
    )


def test_explain_shows_the_rules_of_repositories_without_what_was_left_out(tmp_path: Path) -> None:
    settings = _load(tmp_path, "split: {releases: 1, repositories: {shop: {date: 2026-01-31}}}\n")
    shown = {key: (value, origin) for key, value, origin, _ in explain(settings)}
    assert shown["split.repositories"] == ({"shop": {"date": "2026-01-31"}}, "set")
    assert shown["split.releases"] == (1, "set")
    assert shown["split.months"] == (None, "default")


def test_explain_says_what_was_set(tmp_path: Path) -> None:
    origins = {key: origin for key, _, origin, _ in explain(_load(tmp_path, "training: {rank: 8}\n"))}
    assert origins["training.rank"] == "set"
    assert origins["training.alpha"] == "default"


def test_the_template_is_valid_and_each_line_of_it_can_be_switched_on() -> None:
    assert yaml.safe_load(template()) is None
    switched_on = "\n".join(
        line.removeprefix("# ") for line in template().splitlines()[2:] if ": " in line or line.endswith(":")
    )
    Settings.model_validate(yaml.safe_load(switched_on))
