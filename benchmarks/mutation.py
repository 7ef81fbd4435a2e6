"""How many small faults in `theory/` its tests and claims notice: `python -m benchmarks.mutation`.

A mutant is a module with one change: an operator exchanged for its opposite (+ and -, * and /, < and <=, min and max,
ceil and floor), a sign or a summand dropped, a number made larger or smaller. Raised messages, defaults of arguments
and indices stay as they are: the changes are to constants of bounds and to signs of certificates. A mutant is *killed*
if a test of the module or a claim that is named for it fails, or does not end in time; what is left *survives*.

Every mutant is tested in a fork of one process that has the libraries loaded, the mutated module is compiled in its
place there, and nothing is written to the source. Survivors are printed with their line.
"""

import argparse
import ast
import copy
import importlib.abc
import importlib.machinery
import json
import os
import resource
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

TIMEOUT = 60
"""Seconds of the processor that the tests of one mutant may take: a busy machine kills no mutant."""

MODULES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "theory.complexity.binary_kl": (("complexity/test_pac_bayes.py", "complexity/test_binary_kl.py"), ("binary-kl",)),
    "theory.complexity.bounds": (("complexity/test_rademacher.py",), ("rademacher-theorem-1",)),
    "theory.complexity.union_bound": (("complexity/test_norm_bounds.py",), ()),
    "theory.complexity.rademacher": (("complexity/test_rademacher.py",), ("rademacher-linear", "rademacher-theorem-1")),
    "theory.complexity.vc_dimension": (("complexity/test_vc_dimension.py",), ("vc-bounds",)),
    "theory.complexity.norm_bounds": (
        ("complexity/test_norm_bounds.py",),
        ("rademacher-frobenius", "spectral-perturbation"),
    ),
    "theory.complexity.pac_bayes": (("complexity/test_pac_bayes.py",), ("binary-kl",)),
    "theory.implicit_bias.ridgeless": (
        ("implicit_bias/test_ridgeless.py",),
        ("ridge-limit", "ridgeless-risk", "benign-overfitting"),
    ),
    "theory.implicit_bias.diagonal_networks": (
        ("implicit_bias/test_factored_models.py",),
        ("diagonal-network-limit", "diagonal-network-path"),
    ),
    "theory.implicit_bias.matrix_factorization": (
        ("implicit_bias/test_factored_models.py",),
        ("matrix-factorization",),
    ),
    "theory.least_squares.certificate": (
        ("least_squares/test_references.py", "test_testing.py"),
        ("minimum-norm-certificate", "sgd-pseudo-inverse"),
    ),
    "theory.kernels.certificate": (("kernels/test_certificate.py",), ("kernel-solvers",)),
    "theory.kernels.smallest_eigenvalue": (("kernels/test_certificate.py",), ("kernel-solvers",)),
    "theory.expressivity.depth_two": (("expressivity/test_depth_two.py",), ("theorem-1", "theorem-1-interval")),
    "theory.expressivity.deep": (("expressivity/test_deep.py",), ("corollary-1-float",)),
    "theory.expressivity.intervals": (("expressivity/test_exact.py",), ("theorem-1-interval",)),
}
"""What is mutated: by module its tests, beside the values of `test_closed_forms.py`, and which claims are checked."""

_EVERYWHERE = "test_closed_forms.py::test_values_known_otherwise"
_OPPOSITES: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_NAMES = {"min": "max", "max": "min", "ceil": "floor", "floor": "ceil", "minimum": "maximum", "maximum": "minimum"}
_FIXED_KEYWORDS = {"axis", "ord", "ndmin", "dtype", "strict", "dim", "keepdims", "ddof"}


@dataclass(frozen=True)
class Mutant:
    """One change: where, what it is, and the module's tree with it."""

    line: int
    change: str
    tree: ast.Module


def mutants(source: str) -> Iterator[Mutant]:
    """All changes of a module's source, one at a time, in the order of its lines."""
    tree = ast.parse(source)
    for index, node in enumerate(_changeable(tree)):
        for change, _ in enumerate(_changes(node)):
            other = copy.deepcopy(tree)
            twin = _changeable(other)[index]
            what, replacement = _changes(twin)[change]
            _Replace(twin, replacement).visit(other)
            yield Mutant(getattr(node, "lineno", 0), what, ast.fix_missing_locations(other))


def _changeable(tree: ast.Module) -> list[ast.AST]:
    """Nodes that a change may concern, without messages, defaults, annotations and indices."""
    nodes: list[ast.AST] = []

    def walk(node: ast.AST) -> None:
        if isinstance(node, ast.Raise | ast.JoinedStr | ast.Assert | ast.Import | ast.ImportFrom):
            return
        if isinstance(node, ast.keyword) and node.arg in _FIXED_KEYWORDS:
            return
        if isinstance(node, ast.Subscript):
            walk(node.value)
            return
        if isinstance(node, ast.FunctionDef):
            for statement in node.body:
                walk(statement)
            return
        if isinstance(node, ast.AnnAssign):
            if node.value is not None:
                walk(node.value)
            return
        if _changes(node):
            nodes.append(node)
        for child in ast.iter_child_nodes(node):
            walk(child)

    walk(tree)
    return nodes


def _changes(node: ast.AST) -> list[tuple[str, ast.AST]]:
    """(what changes, the node that takes its place)."""
    text = ast.unparse(node) if isinstance(node, ast.expr) else ""
    if isinstance(node, ast.BinOp) and type(node.op) in _OPPOSITES:
        options: list[ast.expr] = [ast.BinOp(node.left, _OPPOSITES[type(node.op)](), node.right)]  # type: ignore[arg-type]
        if isinstance(node.op, ast.Add | ast.Sub):
            options.append(node.left)
        return [(f"{text}  ->  {ast.unparse(option)}", option) for option in options]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return [(f"{text}  ->  {ast.unparse(node.operand)}", node.operand)]
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _OPPOSITES:
        other = ast.Compare(node.left, [_OPPOSITES[type(node.ops[0])]()], node.comparators)  # type: ignore[list-item]
        return [(f"{text}  ->  {ast.unparse(other)}", other)]
    if isinstance(node, ast.Call):
        called = node.func
        name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
        if name in _NAMES:
            swapped: ast.expr = ast.Name(_NAMES[name], ast.Load())
            if isinstance(called, ast.Attribute):
                swapped = ast.Attribute(called.value, _NAMES[name], ast.Load())
            return [(f"{text}  ->  {_NAMES[name]}", ast.Call(swapped, node.args, node.keywords))]
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        value = node.value
        alternatives: list[float] = [value + 1, value - 1]
        if isinstance(value, float):
            alternatives = [2 * value, value / 2] if value else [1.0]
        return [(f"{value}  ->  {other}", ast.Constant(other)) for other in alternatives]
    return []


class _Replace(ast.NodeTransformer):
    def __init__(self, node: ast.AST, replacement: ast.AST) -> None:
        self.node, self.replacement = node, replacement

    def visit(self, node: ast.AST) -> ast.AST:
        return self.replacement if node is self.node else self.generic_visit(node)


class _Loader(importlib.machinery.SourceFileLoader):
    """A module from its tree in place of its source."""

    tree: ast.Module

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.tree, self.path, "exec")


class _Finder(importlib.abc.MetaPathFinder):
    """Compiles one module from a mutated tree."""

    def __init__(self, module: str, path: Path, tree: ast.Module) -> None:
        self.module, self.path, self.tree = module, path, tree

    def find_spec(self, name: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name != self.module:
            return None
        loader = _Loader(name, str(self.path))
        loader.tree = self.tree
        return importlib.machinery.ModuleSpec(name, loader, origin=str(self.path))


def survives(module: str, path: Path, tree: ast.Module, tests: list[str]) -> bool:
    """Whether all tests and claims pass with the mutated module, in a process of their own."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (TIMEOUT, TIMEOUT))
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            sys.meta_path.insert(0, _Finder(module, path, tree))
            import pytest

            options = ["-x", "-q", "-n0", "-p", "no:cacheprovider"]
            status = int(pytest.main([*options, *tests]))
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return status == 0


def main() -> None:
    """Mutate the modules and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=list(MODULES), help="modules, all of MODULES by default")
    parser.add_argument("--sample", type=int, help="so many mutants of each module, evenly spread; all by default")
    parser.add_argument("--json", type=Path, help="file for the scores and the survivors")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = tempfile.mkdtemp()
    sys.dont_write_bytecode = True
    # What takes long to load is loaded once, before the forks.
    for name in ("cvxpy", "flint", "pytest", "scipy.stats", "sklearn.utils.estimator_checks", "torch"):
        importlib.import_module(name)
    scores = {}
    for module in arguments.only:
        files, claims = MODULES[module]
        tests = [f"tests/theory/{name}" for name in (_EVERYWHERE, *files)]
        tests = [test for test in tests if Path(test.split("::")[0]).exists()]
        tests += [f"tests/theory/test_checks.py::test_claim_holds[0-{claim}]" for claim in claims]
        path = Path(module.replace(".", "/") + ".py").resolve()
        source = path.read_text()
        if not survives(module, path, ast.parse(source), tests):
            raise SystemExit(f"{module}: the tests fail without a mutation, or take more than {TIMEOUT} s")
        all_mutants = list(mutants(source))
        if arguments.sample and arguments.sample < len(all_mutants):
            all_mutants = [
                all_mutants[index * len(all_mutants) // arguments.sample] for index in range(arguments.sample)
            ]
        alive = [mutant for mutant in all_mutants if survives(module, path, mutant.tree, tests)]
        scores[module] = {
            "mutants": len(all_mutants),
            "killed": len(all_mutants) - len(alive),
            "survivors": [f"{mutant.line}: {mutant.change}" for mutant in alive],
        }
        print(f"{module}: {len(all_mutants) - len(alive)} of {len(all_mutants)} killed", flush=True)
        for mutant in alive:
            print(f"    {mutant.line}: {mutant.change}", flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(scores, indent=1) + "\n")
    total, killed = (sum(int(str(score[key])) for score in scores.values()) for key in ("mutants", "killed"))
    print(f"{killed} of {total} killed, {killed / total:.1%}")


if __name__ == "__main__":
    main()
