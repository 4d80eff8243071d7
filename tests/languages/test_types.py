"""Types of signatures, reduced to the name that has the members."""

from __future__ import annotations

import pytest

from inhouse.languages import parameters, plain_type, returned


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Client", "Client"),
        ("'Client'", "Client"),
        ("Client | None", "Client"),
        ("None | a.Client", "a.Client"),
        ("Optional[Client]", "Client"),
        ("t.Optional['Client']", "Client"),
        ("Annotated[Client, Depends(f)]", "Client"),
        ("list[Client]", ""),
        ("Box<dyn Codec>", "Codec"),
        ("&'a mut Client", "Client"),
        ("*http.Server", "http.Server"),
        ("const std::vector<int> &", "std::vector"),
        ("std::unique_ptr<Client>", "Client"),
        ("Client | Server", ""),
        ("Map<String, Client>", "Map"),
        ("int", ""),
        ("", ""),
        ("(a) => b", ""),
        ("[[[[", ""),
    ],
)
def test_a_type_is_the_one_name_that_has_members(written: str, plain: str) -> None:
    assert plain_type(written) == plain


@pytest.mark.parametrize(
    ("language", "signature", "types", "result"),
    [
        (
            "python",
            "def f(self, a: A, *b: B, c: 'C | None' = D(1, 2), e=3, **f: Dict[str, F]) -> m.G",
            {"self": "", "a": "A", "b": "B", "c": "C", "e": "", "f": "Dict"},
            "m.G",
        ),
        (
            "typescript",
            "f(a: A, b?: B<C, D>, private c: E = new E()): G",
            {"a": "A", "b": "B", "c": "E"},
            "G",
        ),
        ("rust", "fn f(&self, a: &mut A, b: Box<dyn B>) -> Arc<C>", {"self": "", "a": "A", "b": "B"}, "C"),
        (
            "go",
            "func (s *Server) F(a, b *A, c m.B) (*C, error)",
            {"s": "Server", "a": "A", "b": "A", "c": "m.B"},
            "C",
        ),
        ("go", "func (Server) F(a A) (b, c *B, err error)", {"a": "A"}, "B"),
        ("go", "func F() (chan A, error)", {}, ""),
        (
            "java",
            '@Rule("a(b") public static <T> List<T> f(final A a, Map<B, C<D>> b, @Nullable(c) int c)',
            {"a": "A", "b": "Map", "c": ""},
            "List",
        ),
        ("cpp", "n::A &f(const B &a, std::shared_ptr<C> b)", {"a": "B", "b": "C"}, "n::A"),
        ("python", "LIMIT = 3", {}, ""),
    ],
)
def test_parameters_and_results_are_read_from_a_signature(
    language: str, signature: str, types: dict[str, str], result: str
) -> None:
    assert parameters(signature, language) == types
    assert returned(signature, language) == result
