"""Third-party code, and first-party folders that are called alike."""

from __future__ import annotations

import pytest

from inhouse.hygiene.vendored import Layout, vendored_by_name


@pytest.mark.parametrize(
    "path",
    [
        "third_party/zlib/inflate.c",
        "src/3rdparty/a.cpp",
        "web/node_modules/react/index.js",
        "src/pip/_vendor/urllib3/util.py",
        "vendor/github.com/pkg/errors/errors.go",
        "vendor/bundle/ruby/a.rb",
        "static/jquery-3.6.0.min.js",
        "js/bootstrap.js",
        "gradlew",
        "build-aux/config.guess",
        ".yarn/releases/yarn-3.2.0.cjs",
        "env/lib/python3.11/site-packages/a.py",
    ],
)
def test_names_that_mean_nothing_else(path: str) -> None:
    assert vendored_by_name(path)


@pytest.mark.parametrize(
    "path",
    [
        "vendor/views.py",  # an app about vendors
        "app/models/vendor/invoice.rb",
        "src/external/api_client.py",
        "deps/graph.py",
        "src/third_party_billing/stripe.py",
        "src/vendors.py",
        "lib/bootstrap_server.js",
        "src/d3_adapter.js",
        "packages/moment-picker/index.js",
        "pods.py",
    ],
)
def test_first_party_folders_stay(path: str) -> None:
    paths = [path, "LICENSE", "src/LICENSE", "app/models/user.rb", "vendor/__init__.py"]
    assert Layout.of(paths).vendored(path) == ""


def test_a_licence_of_its_own_makes_a_dependency() -> None:
    layout = Layout.of(
        ["LICENSE", "deps/lua/COPYRIGHT", "deps/lua/src/lapi.c", "deps/graph.py", "deps/own/a.c"]
    )
    assert layout.vendored("deps/lua/src/lapi.c") == "deps/lua/ has a licence or a package list of its own"
    assert layout.vendored("deps/own/a.c") == ""
    assert layout.vendored("deps/graph.py") == ""


def test_a_package_list_makes_the_whole_folder_vendored() -> None:
    layout = Layout.of(["go.mod", "vendor/modules.txt", "vendor/gopkg/x.go"])
    assert layout.vendored("vendor/gopkg/x.go")
    assert layout.vendored("main.go") == ""


def test_the_licence_of_a_package_in_a_monorepo_is_no_evidence() -> None:
    layout = Layout.of(["packages/core/LICENSE", "packages/core/a.ts", "libs/x/LICENSE.md", "libs/x/a.c"])
    assert layout.vendored("packages/core/a.ts") == ""
    assert layout.vendored("libs/x/a.c") == ""


def test_git_attributes_overrule_folders_both_ways() -> None:
    files = {
        ".gitattributes": "# comment\nthird_party/ours/** -linguist-vendored\n*.inc linguist-vendored=true\n",
        "lib/.gitattributes": "old/** linguist-vendored\nnew.inc linguist-vendored=false\n",
    }
    layout = Layout.of([], files)
    assert layout.vendored("third_party/ours/a.c") == ""
    assert layout.vendored("third_party/zlib/a.c") == "folder third_party/"
    assert layout.vendored("src/a.inc") == ".gitattributes"
    assert layout.vendored("lib/new.inc") == ""
    assert layout.vendored("lib/old/a.c") == ".gitattributes"
    assert layout.vendored("old/a.c") == ""
