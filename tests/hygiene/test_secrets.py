"""What the scanner finds, and what it leaves alone."""

from __future__ import annotations

import random
import sysconfig
import time
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.hygiene.rules import BUILTIN_RULES, Rule, read_rules
from inhouse.hygiene.secrets import SecretScanner, entropy
from tests.hygiene.samples import Sample, fill, private_key, samples


@cache
def _scanner() -> SecretScanner:
    return SecretScanner()


@cache
def _rules() -> tuple[Rule, ...]:
    return read_rules(BUILTIN_RULES).rules


def _found(text: str, *paths: str) -> list[tuple[str, str]]:
    return [(match.rule, text[match.start : match.end]) for match in _scanner().scan(text, paths)]


def _covered(text: str, secret: str, *paths: str) -> bool:
    matches = _scanner().scan(text, paths)
    start = text.index(secret)
    return set(range(start, start + len(secret))) <= {
        place for match in matches for place in range(match.start, match.end)
    }


# ------------------------------------------------------------ every rule


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.rule)
def test_every_builtin_rule_finds_its_kind(sample: Sample) -> None:
    assert sample.rule in {rule for rule, _ in _found(sample.text, sample.path)}
    assert _covered(sample.text, sample.secret, sample.path)


def test_no_builtin_rule_is_without_a_sample() -> None:
    assert {sample.rule for sample in samples()} == set(_scanner().rule_ids)


def test_no_random_secret_slips_through_by_its_digits() -> None:
    """Keywords, entropy floors and allowlists must hold for any secret of a kind, not for one example."""
    missed = [
        (sample.rule, seed)
        for seed in range(1, 15)
        for sample in samples(seed)
        if not _covered(sample.text, sample.secret, sample.path)
    ]
    assert missed == []


def test_keywords_only_save_time() -> None:
    """A keyword that a match need not hold would hide findings: rules alone find the same."""
    text = "\n".join(sample.text for sample in samples(3))
    lower = text.lower()
    for rule in _rules():
        matched = rule.regex.search(text.encode()) is not None
        assert not matched or any(word in lower for word in rule.keywords), rule.id


def test_the_automaton_finds_the_same_keywords_as_a_plain_search() -> None:
    words = sorted({word for rule in _rules() for word in rule.keywords})
    choose = random.Random(7)
    for _ in range(200):
        text = " ".join(choose.choices(words, k=3)) + choose.choice(["é", "İ", "\0", ""])
        holds = [any(word in text.lower() for word in rule.keywords) for rule in _rules()]
        assert _scanner()._candidates(text) == [number for number, held in enumerate(holds) if held]


# ------------------------------------------------------------ private keys


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED "])
def test_a_private_key_of_any_kind_is_one_match(kind: str) -> None:
    key = private_key(kind)
    assert _found(f"before\n{key}\nafter\n") == [("private-key", key)]


def test_a_private_key_inside_a_json_string_is_found_whole() -> None:
    key = private_key("", end="\\n")
    text = f'{{"private_key": "{key}\\n", "client_id": "1"}}'
    assert _covered(text, key)


def test_a_private_key_as_python_lines_is_found_whole() -> None:
    rows = private_key().split("\n")
    text = "KEY = (\n" + "\n".join(f'    "{row}\\n"' for row in rows) + "\n)\nprint(KEY)\n"
    (match,) = _scanner().scan(text)
    assert text[match.start : match.end].startswith(rows[0])
    assert rows[-1] in text[match.start : match.end]


def test_a_private_key_cut_short_is_found_to_its_last_full_line() -> None:
    key = private_key().split("\n")
    text = "\n".join(key[:12]) + "\n\ndef next_function():\n    return 1\n"
    assert _found(text) == [("private-key", "\n".join(key[:12]))]


def test_headers_and_encryption_do_not_hide_a_private_key() -> None:
    first, *rest = private_key().split("\n")
    text = "\n".join([first, "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,0123456789ABCDEF", "", *rest])
    assert _covered(text, text)


def test_the_marks_of_a_private_key_alone_are_code() -> None:
    """A parser's constants: the code between them must stay."""
    begin, *_, end = private_key().split("\n")
    assert (
        _found(f'BEGIN = "{begin}"\n\ndef parse(text):\n    return text.split(BEGIN)\n\nEND = "{end}"\n')
        == []
    )


# ------------------------------------------------------------ passwords

_REAL = [
    ('password = "{}"', "a.py"),
    ("password: str = '{}'", "a.py"),
    ('"password": "{}",', "a.json"),
    ("'PASSWORD' => '{}',", "a.php"),
    ('private String dbPassword = "{}";', "A.java"),
    ('Password := "{}"', "a.go"),
    ("const userPwd = `{}`;", "a.ts"),
    ('config["db_passwd"] = "{}"', "a.py"),
    ('if password == "{}":', "a.py"),
    ('json.loads("{{\\"password\\":\\"{}\\"}}")', "a.py"),
    ("password: {}", "values.yaml"),
    ("  - MYSQL_ROOT_PASSWORD={}", "docker-compose.yml"),
    ("export PGPASSWORD={}", "run.sh"),
    ("ENV ADMIN_PASS={}", "Dockerfile"),
    ("spring.datasource.password={}", "application.properties"),
    ("db_password = {}", "settings.ini"),
    ("mysql -u root -p{} app", "README.md"),
    ("curl -u admin:{} https://host", "README.md"),
    ("login --password {}", "README.md"),
    ("The password is: `{}`", "README.md"),
    ("the admin password was '{}' until May", "COMMIT_EDITMSG"),
    ('.password("{}")', "A.java"),
    ('setPassword("{}")', "A.java"),
    ('os.getenv("DB_PASSWORD", "{}")', "a.py"),
    ("ALTER USER app WITH PASSWORD '{}';", "a.sql"),
    ('<property name="password" value="{}"/>', "a.xml"),
    ("<password>{}</password>", "pom.xml"),
    ("redis://:{}@cache:6379/0", "a.py"),
    ("https://ci:{}@git.internal/x.git", "a.sh"),
    ("jdbc:postgresql://db/app?user=app&password={}&ssl=true", "a.properties"),
    ("Data Source=db;User ID=sa;Password={};", "web.config"),
]
_PLACEHOLDERS = [
    ('password = "changeme"', "a.py"),
    ('password = "${DB_PASSWORD}"', "a.py"),
    ('password = os.environ["DB_PASSWORD"]', "a.py"),
    ("password: ${DB_PASSWORD}", "values.yaml"),
    ("password: {{ .Values.password }}", "values.yaml"),
    ("password: $DB_PASSWORD", "values.yaml"),
    ("DB_PASSWORD=$(cat /run/secret)", "run.sh"),
    ("password=%(password)s", "a.ini"),
    ('password = "<password>"', "a.py"),
    ('password = "<your-password-here>"', "a.py"),
    ('password = "xxxxxxxx"', "a.py"),
    ('password = "********"', "a.py"),
    ("password = getpass.getpass()", "a.py"),
    ("password = request.form.get('password')", "a.py"),
    ('password = input("Password: ")', "a.py"),
    ("password: getPassword(user),", "a.ts"),
    ("password = user.password", "settings.ini"),
    ("password = None", "a.py"),
    ("password: null", "a.yaml"),
    ("password: true", "a.yaml"),
    ('"password": "string"', "openapi.json"),
    ('{"type": "password", "name": "password"}', "a.json"),
    ('fields = ["username", "password", "email"]', "a.py"),
    ('password_field = "id_password"', "a.py"),
    ('LABELS = {"password": "Password", "email": "Email"}', "a.py"),
    ('password: "Please enter your password"', "a.ts"),
    ('"password": "required|min:8|confirmed"', "a.php"),
    ("password: Contraseña", "config/locales/es.yml"),
    ('PASSWORD = "test"', "test_a.py"),
    ("Password: required, see below", "README.md"),
    ("--password <password>", "README.md"),
    ("--password PASSWORD", "README.md"),
    ("postgres://user:password@localhost/db", "README.md"),
    ("https://user:${TOKEN}@host/x.git", "run.sh"),
    ("http://localhost:8080/@scope/name", "a.js"),
    ("assert pass_count == 12", "a.py"),
    ('api_key = "your_api_key_here"', "a.py"),
    ('token = "authentication.backends.ModelBackend"', "a.py"),
    ('secret_name = "projects/one/secrets/two"', "a.py"),
    ('client_secret: "{{ vault.client_secret }}"', "a.yaml"),
    ('token_url = "https://auth.example.com/oauth2/v1/token"', "a.py"),
    ('API_KEY=""', ".env"),
    ('sha256 = "{H64}"', "a.bzl"),
    ('"integrity": "sha512-{B86}=="', "package.json"),
    ('commit = "{H40}"', "a.py"),
    ("uuid = '{H8}-{H4}-{H4}-{H4}-{H12}'", "a.py"),
    ('aws_secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCY' + 'EXAMPLEKEY"', "a.py"),
]


@pytest.mark.parametrize(("line", "path"), _REAL)
def test_a_password_is_found_in_every_syntax(line: str, path: str) -> None:
    password = fill("{A9}7x")
    text = line.format(password) + "\n"
    assert _covered(text, password, path), text


@pytest.mark.parametrize(("line", "path"), _PLACEHOLDERS)
def test_what_only_looks_like_a_password_stays(line: str, path: str) -> None:
    assert _found(fill(line) + "\n", path) == []


# ------------------------------------------------------------ matches


def test_overlapping_rules_give_one_match_under_the_first_rule() -> None:
    token = fill("ghp_{A36}")
    text = f'github_token = "{token}"'
    assert _found(text, "a.py") == [("github-token", token)]


def test_the_same_secret_elsewhere_in_the_document_is_found_without_its_keyword() -> None:
    secret = fill("{A20}9")
    text = f'password = "{secret}"\nlog("using " + "{secret}")\n'
    assert _found(text, "a.py") == [("password-quoted", secret)] * 2


def test_a_plain_word_used_as_a_password_does_not_take_its_every_use_along() -> None:
    text = 'password = "production"\nenvironment = "production"\n'
    assert _found(text, "a.py") == [("password-quoted", "production")]


@pytest.mark.parametrize("path", ["a.py", "a.rst", "COMMIT_EDITMSG"])
@pytest.mark.parametrize(
    "words",
    [
        "Pass :meth:`peek` to it.",
        "Pass\n:py:meth:`~io.Reader.peek_2`, or",
        "pass :class:`Reader9x` to :func:`open_it`",
        "Password :ref:`reset-password`",
        "pass :option:`--verbose9`",
    ],
)
def test_a_cross_reference_in_prose_is_no_password(path: str, words: str) -> None:
    assert _found(words, path) == []


@pytest.mark.parametrize("words", ["password :code:`@`", "password: `@`", "Pass :meth:`peek`, password: `@`"])
def test_a_password_in_prose_is_one_whatever_its_markup(words: str) -> None:
    secret = fill("{A10}!7x")
    assert secret in [found for _, found in _found(words.replace("@", secret), "a.rst")]


def test_two_secrets_side_by_side_are_both_found() -> None:
    first, second = fill("{A12}1"), fill("{A12}2", 1)
    text = f"--password={first} --password={second}"
    assert [secret for _, secret in _found(text, "run.sh")] == [first, second]


def test_offsets_count_characters_not_bytes() -> None:
    token = fill("ghp_{A36}")
    text = f"# äöü 漢字 🎉\n# é {token} ü\n"
    (match,) = _scanner().scan(text)
    assert text[match.start : match.end] == token
    assert match.line == 2


def test_a_lone_surrogate_shifts_nothing() -> None:
    token = fill("ghp_{A36}")
    text = f"\ud800 {token}"
    (match,) = _scanner().scan(text)
    assert text[match.start : match.end] == token


def test_lines_are_counted_through_multi_line_matches() -> None:
    key, token = private_key(lines=4), fill("ghp_{A36}")
    matches = _scanner().scan(f"a\n{key}\n{token}\nb {token}\n")
    assert [match.line for match in matches] == [2, 2 + key.count("\n") + 1, 2 + key.count("\n") + 2]


def test_an_empty_document_has_no_secret() -> None:
    assert _scanner().scan("", ("a.py",)) == []


def test_the_digest_hangs_on_every_rule_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[[rules]]\nid = 'x'\nregex = '''x'''\n")
    one = SecretScanner([path]).digest
    path.write_text("[[rules]]\nid = 'x'\nregex = '''y'''\n")
    assert len({_scanner().digest, one, SecretScanner([path]).digest}) == 3


@given(st.text(max_size=200), st.integers(0, 200))
def test_matches_are_in_order_apart_and_inside(text: str, place: int) -> None:
    token = fill("ghp_{A36}")
    whole = f"{text[:place]} {token} {text[place:]}"
    matches = _scanner().scan(whole, ("a.py",))
    assert any(match.start <= len(text[:place]) + 1 and match.end > match.start for match in matches)
    ends = [0] + [match.end for match in matches]
    assert all(end <= match.start for end, match in zip(ends, matches, strict=False))
    assert ends[-1] <= len(whole)


def test_entropy_is_shannons() -> None:
    assert entropy("aaaa") == 0
    assert entropy("abcd") == entropy(b"abcd") == 2
    assert entropy("aabb") == 1
    assert entropy("") == 0


# ------------------------------------------------------------ ordinary code


@cache
def _standard_library() -> list[tuple[str, str]]:
    root = Path(sysconfig.get_paths()["stdlib"])
    found = []
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if "site-packages" not in name and not name.startswith(("test/", "idlelib/", "lib2to3/")):
            found.append((name, path.read_text(encoding="utf-8", errors="replace")))
    return found


def test_ordinary_code_has_hardly_a_finding() -> None:
    """Fewer than one finding in a megabyte of the standard library, tests apart."""
    texts = _standard_library()
    findings = sum(len(_scanner().scan(text, (name,))) for name, text in texts)
    assert findings <= sum(len(text) for _, text in texts) / 1e6


def test_two_megabytes_a_second_on_ordinary_code() -> None:
    texts = _standard_library()[::4]
    start = time.process_time()
    for name, text in texts:
        _scanner().scan(text, (name,))
    speed = sum(len(text) for _, text in texts) / 1e6 / (time.process_time() - start)
    assert speed > 2
