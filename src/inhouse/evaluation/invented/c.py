"""What C code uses, and what a repository of C files defines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from inhouse.evaluation.invented.uses import Use
from inhouse.evaluation.syntax import capture, encode, syntax_tree, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tree_sitter import Node

    from inhouse.evaluation.placed import Placed

__all__ = ["LIBRARY", "CNames", "c_names", "c_uses"]

_NAMES = """
    (function_declarator declarator: (identifier) @name)
    (init_declarator declarator: (identifier) @name)
    (declaration declarator: (identifier) @name)
    (pointer_declarator declarator: (identifier) @name)
    (array_declarator declarator: (identifier) @name)
    (parameter_declaration declarator: (identifier) @name)
    (parenthesized_declarator (_) @inner)
    (preproc_def name: (identifier) @name)
    (preproc_function_def name: (identifier) @name)
    (preproc_params (identifier) @name)
    (enumerator name: (identifier) @name)
    (type_definition declarator: (_) @type)
    (struct_specifier name: (type_identifier) @type)
    (union_specifier name: (type_identifier) @type)
    (enum_specifier name: (type_identifier) @type)
    (field_identifier) @field
    (preproc_def value: (_) @text)
    (preproc_function_def value: (_) @text)
    (preproc_include path: (_) @include)
"""
_USES = """
    (call_expression function: (identifier) @call)
    (type_identifier) @type
    (field_expression field: (field_identifier) @field)
    (identifier) @identifier
"""
_WORD = re.compile(r"[A-Za-z_]\w*")
_UPPER = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")

_LIBRARY = """
    abort abs accept access acos alarm aligned_alloc asin assert atan atan2 atexit atof atoi atol atoll
    bind bsearch calloc ceil chdir chmod chown clearerr clock clock_gettime close closedir connect cos
    ctime difftime div dup dup2 errno execl execlp execv execve execvp exit exp fabs fclose fcntl fdopen
    feof ferror fflush fgetc fgets fileno floor fmod fopen fork fprintf fputc fputs fread free
    freeaddrinfo freopen fscanf fseek fseeko fstat fsync ftell ftello ftruncate fwrite gai_strerror
    getaddrinfo getc getchar getcwd getenv getgid getopt getpeername getpid getppid getsockname
    getsockopt gettimeofday getuid gmtime gmtime_r htonl htons inet_ntop inet_pton ioctl isalnum isalpha
    isatty isdigit islower isprint ispunct isspace isupper isxdigit kill labs listen localtime
    localtime_r log log10 log2 longjmp lseek lstat malloc memchr memcmp memcpy memmove memset mkdir
    mkdtemp mkstemp mktime mmap munmap nanosleep ntohl ntohs offsetof open opendir perror pipe poll pow
    pread printf pthread_cond_destroy pthread_cond_init pthread_cond_signal pthread_cond_wait
    pthread_create pthread_join pthread_mutex_destroy pthread_mutex_init pthread_mutex_lock
    pthread_mutex_unlock pthread_self putc putchar puts pwrite qsort raise rand read readdir readlink
    realloc realpath recv recvfrom recvmsg remove rename rewind rmdir round scanf select send sendmsg
    sendto setbuf setenv setjmp setsockopt setvbuf shutdown sigaction sigaddset sigemptyset signal sin
    sleep snprintf socket socketpair sprintf sqrt srand sscanf stat strcasecmp strcat strchr strcmp
    strcpy strcspn strdup strerror strerror_r strftime strlen strncasecmp strncat strncmp strncpy
    strndup strnlen strpbrk strrchr strsep strspn strstr strtod strtof strtok strtok_r strtol strtoll
    strtoul strtoull symlink sysconf system tan time tmpfile tolower toupper truncate umask uname ungetc
    unlink unsetenv usleep va_arg va_copy va_end va_start vfprintf vprintf vsnprintf vsprintf wait
    waitpid write NULL EOF FILE DIR size_t ssize_t off_t pid_t uid_t gid_t mode_t time_t clock_t
    ptrdiff_t intptr_t uintptr_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t
    intmax_t uintmax_t bool va_list jmp_buf socklen_t wchar_t wint_t fpos_t div_t sockaddr sockaddr_in
    sockaddr_in6 sockaddr_storage sockaddr_un addrinfo timeval timespec tm stat dirent pollfd iovec
    msghdr sigset_t pthread_t pthread_mutex_t pthread_cond_t EXIT_SUCCESS EXIT_FAILURE INT_MAX INT_MIN
    UINT_MAX LONG_MAX LONG_MIN ULONG_MAX SIZE_MAX PATH_MAX RAND_MAX __attribute__ __func__ __FILE__
    __LINE__ __builtin_expect defined sizeof alignof typeof
"""
LIBRARY = frozenset(_LIBRARY.split())
"""The names of the C library and POSIX that need no look at a header."""


@dataclass(slots=True)
class CNames:
    """What files declare, by the place in which it may be used."""

    names: set[str] = field(default_factory=set)  # functions, macros, variables, enumerators; what is called
    defined: set[str] = field(default_factory=set)  # of these, what the files themselves declare
    types: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    includes: set[str] = field(default_factory=set)  # of the system: <...>
    always: set[str] = field(default_factory=set)  # of these, those that no condition leaves out
    macro_words: set[str] = field(
        default_factory=set
    )  # in the text of macros: parts of names are pasted there

    def update(self, other: CNames) -> None:
        """Add what other files declare."""
        self.names |= other.names
        self.defined |= other.defined
        self.types |= other.types
        self.fields |= other.fields
        self.includes |= other.includes
        self.always |= other.always
        self.macro_words |= other.macro_words


def c_names(files: Iterable[tuple[str, str]]) -> CNames:
    """Read what the C files of a tree, given as (path, text), declare."""
    names = CNames()
    for _, text in files:
        tree = syntax_tree("c", encode(text))
        if tree is not None:
            names.update(_declared(tree.root_node, None, uses_too=True))
    return names


def c_uses(answer: Placed) -> tuple[list[Use], CNames]:
    """Return what an answer uses, and what its file declares, the answer included."""
    tree = syntax_tree("c", answer.source)
    if tree is None:
        return [], CNames()
    span = answer.byte_span
    uses: list[Use] = []
    for kind, nodes in capture("c", _USES, tree.root_node, span).items():
        for node in nodes:
            name = text_of(node)
            if _is_declarator(node) or (kind == "identifier" and not _UPPER.fullmatch(name)):
                continue
            uses.append(Use("constant" if kind == "identifier" else kind, (name,), "", name))
    names = CNames()
    names.update(_given_names(answer.given))
    names.update(_declared(tree.root_node, span, uses_too=False))
    return list(dict.fromkeys(uses)), names


@lru_cache(maxsize=64)
def _given_names(text: str) -> CNames:
    """Return what a file without its answer declares and uses: read once for all the answers to a task."""
    tree = syntax_tree("c", encode(text))
    return CNames() if tree is None else _declared(tree.root_node, None, uses_too=True)


def _declared(root: Node, span: tuple[int, int] | None, *, uses_too: bool) -> CNames:
    """Return what a file declares, and where asked for, what it uses as if that were declared elsewhere."""
    captured = capture("c", _NAMES, root, span)
    names = CNames()
    names.names = {text_of(node) for node in captured.get("name", ())}
    for kind, found in (("inner", names.names), ("type", names.types)):
        for node in captured.get(kind, ()):
            found.update(_WORD.findall(text_of(node)))
    for node in captured.get("field", ()):
        if uses_too or node.parent is None or node.parent.type != "field_expression":
            names.fields.add(text_of(node))
    for node in captured.get("text", ()):
        names.macro_words.update(_WORD.findall(text_of(node)))
    for node in captured.get("include", ()):
        if text_of(node).startswith("<"):
            names.includes.add(text_of(node).strip("<> "))
            if not _is_conditional(node):
                names.always.add(text_of(node).strip("<> "))
    names.defined = set(names.names)
    if uses_too:
        used = capture("c", _USES, root)
        names.names.update(text_of(node) for kind in ("call", "identifier") for node in used.get(kind, ()))
        names.types.update(text_of(node) for node in used.get("type", ()))
    return names


def _is_declarator(node: Node) -> bool:
    """Does this name stand where something is declared, not used?"""
    parent = node.parent
    return (
        parent is not None
        and (
            parent.type.endswith("_declarator")
            or parent.type in ("enumerator", "preproc_def", "preproc_function_def")
        )
        and not (parent.type == "init_declarator" and parent.child_by_field_name("value") == node)
    )


def _is_conditional(node: Node) -> bool:
    """Does a line stand under a condition of the preprocessor, a header's guard apart?"""
    parent = node.parent
    while parent is not None:
        if parent.type.startswith(("preproc_if", "preproc_el")) and not text_of(parent).startswith("#ifndef"):
            return True
        parent = parent.parent
    return False
