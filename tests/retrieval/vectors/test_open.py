from __future__ import annotations

import sys

import pytest

from inhouse.cli.trust import require_trust, trust
from inhouse.config import Settings, Vectors, load_settings
from inhouse.errors import SettingsMistake, UserMistake
from inhouse.retrieval.vectors import open_source
from inhouse.retrieval.vectors.remote import RemoteVectors

URL = "http://127.0.0.1:1/v1"


def test_none_is_the_default_and_opens_nothing():
    assert open_source(Settings().retrieval.vectors) is None


def test_a_url_is_noted_and_not_asked():
    source = open_source(Vectors(source=URL, model="m", query_prompt="q: "))
    assert isinstance(source, RemoteVectors)  # nothing listens there


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(UserMistake, match="none, static, a folder"):
        open_source(Vectors(source=str(tmp_path / "gone")))


def test_a_library_that_lacks_is_named_with_what_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UserMistake, match=r"tokenizers is not installed.*inhouse\[vectors\]"):
        open_source(Vectors(source="static"))


def test_a_password_in_the_address_is_refused_and_not_repeated():
    with pytest.raises(SettingsMistake, match="holds no password") as caught:
        load_settings(None, {"retrieval.vectors.source": "https://me:s3cret@host/v1"})
    assert "s3cret" not in str(caught.value)


def test_a_server_named_by_a_stranger_s_settings_needs_trust(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    file = tmp_path / "inhouse.yaml"
    file.write_text(
        f"retrieval: {{vectors: {{source: '{URL}', model: m, key: AWS_SECRET}}}}", encoding="utf-8"
    )
    settings = load_settings(file)
    with pytest.raises(UserMistake, match=f"open the network.*vectors of {URL}"):
        require_trust(file, settings)
    trust(file)
    require_trust(file, settings)


def test_static_vectors_need_no_trust(tmp_path):
    file = tmp_path / "inhouse.yaml"
    file.write_text("retrieval: {vectors: {source: static}}", encoding="utf-8")
    require_trust(file, load_settings(file))
