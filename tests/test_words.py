"""The words of the code: what a machine can tell of the rules for docstrings, comments, messages and names.

Whether a sentence is understood, no test can tell; these are signs of sentences that were not.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = [
    path for package in ("theory", "empirical", "figures", "benchmarks") for path in (ROOT / package).rglob("*.py")
]
MODULES = [*sorted(MODULES), ROOT / "tests" / "made_up.py"]

DOCSTRING, COMMENT, STRING = "docstring", "comment", "string"

_LISTED = re.compile(r"^((?:\w+, )*\w+)  +\S", re.MULTILINE)


def _docstring(package: Path) -> str:
    return ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""


LISTING = [path.parent for path in MODULES if path.name == "__init__.py" and _LISTED.search(_docstring(path.parent))]
"""The packages whose docstring is a list of modules."""

SIGNS = {
    "a sentence begins with 'of'": ((DOCSTRING, COMMENT), r"(?:^|[.?!] )[Oo]f\b"),
    "the text on a name begins with 'of'": ((DOCSTRING,), r"\n +[\w`*, ]+: [Oo]f\b"),
    "a docstring begins within a sentence": (
        (DOCSTRING,),
        r"^(?:(?!lambda )[a-z]{2,} |(?:Also|As|Beside|By|From|In|Likewise|So|Those|Told|Until|Without) )",
    ),
    "a phrase of no known English": (
        (DOCSTRING, COMMENT, STRING),
        r"\b(?:(?:to|can) be had|makes? an end|guessing has|none of \w+'s business)\b",
    ),
    "an American spelling": (
        (DOCSTRING, COMMENT, STRING),
        r"(?<![\w`.:/\"-])(?<!upper )(?<!lower )(?!initialization)(?i:analyz\w*|behavior\w*|canceled|catalog"
        r"|center(?:s|ed|ing)?|color(?:s|ed)?|favor\w*|gray|(?:factor|general|initial|maxim|memor|minim|normal|organ"
        r"|random|recogn|regular|serial|summar|synchron|visual)iz(?:e|es|er|ers|ing|ation)"
        r"|optimiz(?:e|es|ed|ing|ation)|label(?:ed|ing)|model(?:ed|ing)|neighbor\w*)(?![\w`(=.\"-]|:|  )",
    ),
}
"""What each sign shows, the kinds of text that are searched for it, and its pattern."""

NO_NOUNS = {"one", "each", "left", "found", "known", "given", "got", "wanted", "told", "tried", "asked"}
"""Pronouns and participles that name no variable; `left` is a noun beside `right` or `top`."""


@cache
def texts(source: str) -> list[tuple[int, str, str]]:
    """The line, the kind and the text of every docstring, every comment and every other string of several words."""
    return [*strings(source), *comments(source)]


def strings(source: str) -> Iterator[tuple[int, str, str]]:
    """The docstrings and the other strings; the values within a formatted string are left out."""
    handled: set[ast.AST] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            handled.add(node.value)
            yield node.lineno, DOCSTRING, node.value.value
        elif isinstance(node, ast.JoinedStr):
            handled.update(node.values)
            parts = [str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values]
            yield node.lineno, STRING, "".join(parts)
        elif isinstance(node, ast.Constant) and node not in handled and " " in str(node.value).strip():
            yield node.lineno, STRING, str(node.value)


def comments(source: str) -> Iterator[tuple[int, str, str]]:
    """The comments; lines that follow one another in a column are one comment."""
    line, column, block = 0, 0, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if block and token.start != (line + len(block), column):
                yield line, COMMENT, " ".join(block)
                block = []
            if not block:
                line, column = token.start
            block.append(token.string.removeprefix("#").strip())
    if block:
        yield line, COMMENT, " ".join(block)


def signs(source: str, sign: str) -> list[tuple[int, str]]:
    """The lines of a module whose text shows a sign, and the text around it. Titles in quotes are their authors'."""
    kinds, pattern = SIGNS[sign]
    by_lines = "\\n" in pattern or "  " in pattern
    offences = []
    for line, kind, text in texts(source):
        own = re.sub(r'"[^"]*"', '""', text)
        match = re.search(pattern, own if by_lines else " ".join(own.split()))
        if kind in kinds and match:
            offences.append((line, match.string[max(0, match.start() - 20) : match.end() + 60].replace("\n", " ")))
    return offences


def names_without_noun(source: str) -> list[tuple[int, str]]:
    """The variables, parameters and fields of a module that are called by a pronoun or a participle."""
    tree = ast.parse(source)
    result = []
    for scope in [tree, *(node for node in ast.walk(tree) if isinstance(node, _SCOPES))]:
        names = dict(_names(scope))
        if {"right", "top"} & names.keys():
            names.pop("left", None)
        result += [(line, name) for name, line in names.items() if name in NO_NOUNS]
    return result


_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _names(node: ast.AST) -> Iterator[tuple[str, int]]:
    """The names that a scope binds, without those of the scopes within."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id.strip("_"), child.lineno
        elif isinstance(child, ast.arg):
            yield child.arg.strip("_"), child.lineno
        if not isinstance(child, _SCOPES):
            yield from _names(child)


@pytest.mark.parametrize("sign", SIGNS)
def test_the_words_follow_the_rules(sign):
    offences = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in MODULES
        for line, text in signs(path.read_text(encoding="utf-8"), sign)
    ]
    assert not offences, f"{sign}:\n" + "\n".join(offences)


def test_variables_are_nouns():
    offences = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in MODULES
        for line, name in names_without_noun(path.read_text(encoding="utf-8"))
    ]
    assert not offences, "names that are no nouns:\n" + "\n".join(offences)


@pytest.mark.parametrize(
    ("sign", "source"),
    [
        ("a sentence begins with 'of'", '"""Of all these runs the first."""'),
        ("a sentence begins with 'of'", '"""The runs. Of these the first."""'),
        ("a sentence begins with 'of'", "SHARE = 0.5  # of the time"),
        ("the text on a name begins with 'of'", '"""A run.\n\n    Attributes:\n        name: of the run.\n    """'),
        ("a docstring begins within a sentence", '"""and the others."""'),
        ("a docstring begins within a sentence", '"""By the kind of run."""'),
        ("a phrase of no known English", 'raise ValueError("bounds that are not to be had for this run")'),
        ("an American spelling", '"""The color of a neighbor."""'),
        ("an American spelling", 'print(f"{n} labeled images")'),
    ],
)
def test_the_checker_sees_what_it_is_to_see(sign, source):
    assert signs(source, sign)


@pytest.mark.parametrize(
    "source",
    [
        '"""The runs of a sweep, in the order of their names."""',
        "# The share\n# of the time.\n",
        '"""A run.\n\n    Attributes:\n        name: the name of the run.\n    """',
        'axes.plot(color="red")',
        '"""The optimiser is a `torch.optim.Optimizer`; see `empirical.randomization`."""',
    ],
)
def test_the_checker_lets_sound_text_pass(source):
    assert not [sign for sign in SIGNS if signs(source, sign)]


def test_the_checker_tells_nouns_from_other_words():
    source = "def f(found, run):\n    return [one for one in run]\ndef g():\n    top, left = 0, 0\n"
    assert [name for _, name in names_without_noun(source)] == ["found", "one"]


@pytest.mark.parametrize("package", LISTING, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_package_that_lists_its_modules_lists_them_all(package):
    listed = [name for names in _LISTED.findall(_docstring(package)) for name in names.split(", ")]
    modules = [path.stem for path in package.glob("*.py") if not path.stem.startswith("_")]
    packages = [path.parent.name for path in package.glob("*/__init__.py")]
    assert sorted(listed) == sorted({*modules, *packages})
