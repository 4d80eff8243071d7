"""Each habit is seen where it is, and places that fit several habits are no sites."""

from __future__ import annotations

import pytest

from inhouse.evaluation.conventions.python import exception_classes, python_sites
from inhouse.evaluation.conventions.sites import Known

KNOWN = Known(frozenset({"ShopError"}), frozenset({"shop"}))
CASES = [
    (
        "function_name",
        "def read_it(): ...\ndef read(): ...\ndef readIt(): ...\ndef __len__(): ...",
        ["snake_case", "camelCase"],
    ),
    ("class_name", "class A_b: ...\nclass Cart: ...\nclass cart: ...", ["other", "PascalCase", "snake_case"]),
    ("constant_name", "MAX = 3\nlow_est = 1\nf = call()\n__version__ = '1'", ["UPPER_CASE", "snake_case"]),
    ("variable_name", "def f(a_b, cD):\n    eF = 1\n    g = 2", ["snake_case", "camelCase", "camelCase"]),
    (
        "names_per_import",
        "from a import b\nfrom a import c\nfrom d import e\nfrom f import g, h",
        ["one", "one", "several"],
    ),
    ("own_imports", "from .a import b\nfrom shop.c import d\nfrom other import e", ["relative", "absolute"]),
    (
        "import:typing",
        "import typing as t\nfrom typing import Any\nimport typing",
        ["import typing as t", "from typing import ...", "import typing"],
    ),
    ("import_place", "import a\ndef f():\n    import b", ["top", "function"]),
    ("future_annotations", "from __future__ import annotations\nfrom a import b\nx = 1", ["yes"]),
    (
        "except",
        "try:\n    f()\nexcept:\n    pass\nexcept Exception:\n    pass\nexcept (A, B) as e:\n    pass",
        ["bare", "broad", "specific"],
    ),
    (
        "raised",
        "raise ShopError('a')\nraise ValueError\nraise other.Thing\nraise error\nraise",
        ["own", "built-in"],
    ),
    (
        "raise_from",
        "try:\n    f()\nexcept A:\n    raise B('x') from None\nexcept C:\n    raise D('y')\nraise E",
        ["yes", "no"],
    ),
    (
        "error_capital",
        "raise A('Bad')\nraise B(_('bad {x}').format(x=1))\nraise C(f'{x} is bad')\nraise D('IO failed')",
        ["capital", "small"],
    ),
    ("error_period", "raise A('Bad.')\nraise B('bad')\nraise C(f'bad {x}')", ["yes", "no"]),
    ("error_wrapped", "raise A(_('x'))\nraise B('x')\nraise C(x)", ["_", "plain"]),
    (
        "exception_suffix",
        "class TooMany(ShopError): ...\nclass TooFewError(ValueError): ...",
        ["none", "Error"],
    ),
    (
        "exception_base",
        "class TooMany(ShopError): ...\nclass TooFewError(ValueError): ...",
        ["own", "built-in"],
    ),
    (
        "logger",
        "log.info('x')\nself._logger.error('y')\nmath.log.real\ncatalog.info()",
        ["log", "self._logger"],
    ),
    (
        "log_arguments",
        "log.info('a %s', b)\nlog.info(f'a {b}')\nlog.info('a {}'.format(b))\n"
        "log.info('a %s' % b)\nlog.info('a')",
        ["arguments", "f-string", ".format()", "%"],
    ),
    (
        "interpolation",
        "b = f'{a}'\n'{}'.format(a)\n'%s' % a\nc = f'a'\n7 % a",
        ["f-string", ".format()", "%"],
    ),
    ("quotes", "a = 'x'\nb = \"y\"\nc = \"it's\"\nd = f'{x[\"y\"]}'\ne = '''z'''", ["single", "double"]),
    (
        "docstring_quotes",
        "def f():\n    '''A.'''\ndef g():\n    \"\"\"B.\"\"\"\ndef h():\n    'C.'",
        ["'''", '"""', "single"],
    ),
    (
        "docstring_period",
        "def f():\n    '''A.'''\ndef g():\n    '''B'''\ndef h():\n    '''C:'''",
        ["yes", "no"],
    ),
    (
        "docstring_mood",
        "def f():\n    '''Return it.'''\ndef g():\n    '''Copies it.'''\ndef h():\n    '''Address.'''",
        ["imperative", "third person"],
    ),
    (
        "docstring_start",
        "def f():\n    '''A.\n\n    B.\n    '''\ndef g():\n    '''\n    A.\n    '''\ndef h():\n    '''A.'''",
        ["same line", "next line"],
    ),
    (
        "docstring_sections",
        "def f(a):\n    '''A.\n\n    :param a: b\n    '''\ndef g(a):\n    '''A.\n\n"
        "    Args:\n        a: b\n    '''",
        [":param name:", "Args:"],
    ),
    (
        "function_docstring",
        "def f():\n    '''A.'''\n    b()\n    c()\n    d()\ndef g():\n    b()\n    c()\n"
        "    d()\n    e()\ndef _h():\n    b()\n    c()\n    d()\n    e()\ndef i():\n"
        "    b()",
        ["yes", "no"],
    ),
    (
        "parameter_annotations",
        "def f(a: int, *b: str): ...\ndef g(self, a, b: int): ...\ndef h(self): ...\n"
        "def i(a: int, *, b=1): ...",
        ["yes", "no", "no"],
    ),
    ("return_annotations", "def f() -> int: ...\ndef g(): ...", ["yes", "no"]),
    ("optional", "a: t.Optional[int]\nb: int | None\nc: int", ["Optional[X]", "X | None"]),
    ("generics", "a: List[int]\nb: dict[str, int]\nc: cabc.list[int]", ["List[X]", "list[X]"]),
    ("super", "super().f()\nsuper(A, self).f()", ["super()", "super(Class, self)"]),
    ("indent", "if a:\n    b\nif c:\n  d\nif e:\n\tf\nif g: h", ["4 spaces", "2 spaces", "a tab"]),
    (
        "trailing_comma",
        "f(\n    a,\n    b,\n)\ng(\n    a,\n    b\n)\nh(a,\n  b)\ni(\n    x for x in y\n)",
        ["yes", "no"],
    ),
    ("comment_capital", "# Do it\na\n# do it\nb  # no\n# noqa\n# a\n# B", ["capital", "small"]),
    ("assertion", "assert a\nself.assertEqual(a, b)", ["assert", "self.assert...()"]),
]


@pytest.mark.parametrize(("aspect", "text", "values"), CASES, ids=[case[0] for case in CASES])
def test_a_habit_is_seen_where_it_is(aspect: str, text: str, values: list[str]) -> None:
    sites = [site for site in python_sites(f"{text}\n".encode(), KNOWN) if site.aspect == f"python.{aspect}"]
    assert [site.value for site in sorted(sites, key=lambda site: site.start)] == values


def test_subclasses_of_own_exceptions_are_exceptions() -> None:
    texts = [
        "class A(B): ...\nclass Thing: ...",
        "class B(click.C): ...\nclass C(Exception, metaclass=M): ...",
    ]
    assert exception_classes(texts) == {"A", "B", "C"}


@pytest.mark.parametrize("source", ["class A:\n", "class A():\n", "def f():\n", "class A:\n    # nothing\n"])
def test_a_definition_that_was_cut_before_its_body_is_read(source: str) -> None:
    aspects = {site.aspect for site in python_sites(source.encode(), KNOWN)}
    assert not aspects & {"class_docstring", "function_docstring", "docstring_quotes"}
