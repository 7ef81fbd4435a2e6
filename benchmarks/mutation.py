"""How many small faults in `theory/` its tests and claims notice: `python -m benchmarks.mutation`.

A mutant is a module with one change: an operator exchanged for its opposite (+ and -, * and /, < and <=, min and max,
ceil and floor), a sign or a summand dropped, a number made larger or smaller. Raised messages, defaults of arguments
and fields, and indices stay as they are: the changes are to constants of bounds and to signs of certificates. A mutant
is *killed* if a test of the module or a claim that is named for it fails, or takes several times as long as it did;
what is left *survives*.

The tests are collected once. Every mutant is tested in a fork of that process, where the functions of the module get
the changed code, and nothing is written to the source. A test that does not run the changed lines cannot notice the
change, so only those that do are repeated, the quickest first, up to the first that fails; Hypothesis stops at the
first example that fails and does not look for a smaller one. `--json` keeps each verdict as soon as it is known, and a
later run goes on from there; `--again` tests what survived once more, after tests were added.
"""

import argparse
import ast
import copy
import gc
import hashlib
import importlib
import json
import os
import resource
import signal
import sys
import tempfile
import types
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Number
from pathlib import Path
from typing import Any

import pytest

MEMORY = 4 * 2**30
"""Bytes that the tests of a mutant may take beside what was taken before: a wrong size does not stop the machine."""
SURVIVES = "survives"
NOT_RUN = "survives: no test runs it"

MODULES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "theory.common.rounding": (("common/test_rounding.py",), ()),
    "theory.complexity.binary_kl": (("complexity/test_pac_bayes.py", "complexity/test_binary_kl.py"), ("binary-kl",)),
    "theory.complexity.bounds": (("complexity/test_rademacher.py",), ("rademacher-theorem-1",)),
    "theory.complexity.union_bound": (("complexity/test_norm_bounds.py",), ()),
    "theory.complexity.rademacher": (
        (
            "complexity/test_rademacher.py",
            "test_any_input.py::test_complexity_of_linear_functions_in_any_unit",
            "test_every_scale.py::test_rademacher_complexities",
        ),
        ("rademacher-linear", "rademacher-theorem-1"),
    ),
    "theory.complexity.vc_dimension": (("complexity/test_vc_dimension.py",), ("vc-bounds",)),
    "theory.complexity.norm_bounds": (
        (
            "complexity/test_norm_bounds.py",
            "test_every_scale.py::test_norm_bounds_mind_what_the_function_is_not_how_its_factors_are_scaled",
            "test_every_scale.py::test_a_network_of_very_small_and_very_large_layers_is_not_free",
        ),
        ("rademacher-frobenius", "spectral-perturbation"),
    ),
    "theory.complexity.pac_bayes": (
        ("complexity/test_pac_bayes.py", "test_every_scale.py::test_stability_and_noise_on_weights"),
        ("binary-kl",),
    ),
    "theory.implicit_bias.ridgeless": (
        (
            "implicit_bias/test_ridgeless.py",
            "implicit_bias/test_units.py::test_ridge",
            "implicit_bias/test_units.py::test_risk_without_noise",
            "implicit_bias/test_units.py::test_risks_of_nothing",
            "test_every_scale.py::test_ridge_and_ranks",
        ),
        ("ridge-limit", "ridgeless-risk", "benign-overfitting"),
    ),
    "theory.implicit_bias.diagonal_networks": (
        (
            "implicit_bias/test_factored_models.py",
            "implicit_bias/test_units.py::test_least_nuclear_norm_and_least_entropy",
            "test_every_scale.py::test_excess_bounds",
            "test_every_scale.py::test_diagonal_networks",
        ),
        ("diagonal-network-limit", "diagonal-network-path"),
    ),
    "theory.implicit_bias.matrix_factorization": (
        (
            "implicit_bias/test_factored_models.py",
            "implicit_bias/test_units.py::test_least_nuclear_norm_and_least_entropy",
            "test_every_scale.py::test_excess_bounds",
            "test_every_scale.py::test_factorisations",
        ),
        ("matrix-factorization",),
    ),
    "theory.least_squares.certificate": (
        (
            "least_squares/test_certificate.py",
            "least_squares/test_references.py",
            "test_testing.py",
            "least_squares/test_any_scale.py::test_a_trend_far_from_the_origin",
            "least_squares/test_any_scale.py::test_a_diagonal_of_very_different_numbers",
            "least_squares/test_any_scale.py::test_a_rank_that_was_cut_leaves_no_bound",
            "least_squares/test_any_scale.py::test_a_rank_that_is_proved",
            "least_squares/test_any_scale.py::test_equations_in_any_units",
            "test_every_scale.py::test_estimators",
        ),
        ("minimum-norm-certificate", "sgd-pseudo-inverse"),
    ),
    "theory.kernels.certificate": (
        (
            "kernels/test_certificate.py",
            "kernels/test_near_points.py::test_near_points_far_from_the_mean",
            "kernels/test_checkpoint.py::test_a_fit_killed_at_any_stage_goes_on_to_the_bit[certify-cholesky]",
        ),
        ("kernel-solvers",),
    ),
    "theory.kernels.smallest_eigenvalue": (
        (
            "kernels/test_smallest_eigenvalue.py",
            "kernels/test_certificate.py",
            "kernels/test_linear_systems.py::test_lanczos_in_float32_does_not_overstate",
            "kernels/test_linear_systems.py::test_eigenvalue_bounds_hold_and_are_useful",
            "kernels/test_linear_systems.py::test_eigenvalue_bounds_do_not_overstate",
            "test_every_scale.py::test_gram_systems",
        ),
        ("kernel-solvers",),
    ),
    "theory.expressivity.depth_two": (
        (
            "expressivity/test_depth_two.py",
            "expressivity/test_misses.py",
            "test_any_input.py::test_constructions_in_any_unit",
        ),
        ("theorem-1", "theorem-1-interval"),
    ),
    "theory.expressivity.deep": (
        (
            "expressivity/test_deep.py",
            "expressivity/test_misses.py",
            "test_any_input.py::test_constructions_in_any_unit",
        ),
        ("corollary-1-float",),
    ),
    "theory.expressivity.intervals": (
        ("expressivity/test_exact.py", "test_every_scale.py::test_geometry_and_enclosures"),
        ("theorem-1-interval",),
    ),
    "theory.complexity.stability": (
        ("complexity/test_stability.py", "test_every_scale.py::test_stability_and_noise_on_weights"),
        ("stability-convex",),
    ),
    "theory.complexity.gaussian_posterior": (
        (
            "complexity/test_gaussian_posterior.py",
            "test_every_scale.py::test_a_stochastic_network_and_its_bound",
        ),
        (),
    ),
    "theory.complexity.norm_measures": (
        (
            "complexity/test_norm_measures.py",
            "test_every_scale.py::test_norms_over_the_margin_and_sharpness_of_a_network_in_another_unit_of_its_weights",
        ),
        (),
    ),
    "theory.expressivity.projection": (
        (
            "expressivity/test_projection.py",
            "expressivity/test_geometry.py",
            "expressivity/test_depth_two.py",
            "expressivity/test_misses.py",
            "expressivity/test_deep.py",
            "test_any_input.py::test_constructions_in_any_unit",
            "test_every_scale.py::test_geometry_and_enclosures",
        ),
        ("theorem-1",),
    ),
    "theory.expressivity.knots": (
        ("expressivity/test_knots.py", "expressivity/test_depth_two.py", "expressivity/test_deep.py"),
        ("theorem-1",),
    ),
    "theory.expressivity.lower_bounds": (
        ("expressivity/test_lower_bounds.py", "test_every_scale.py::test_exact_constructions"),
        ("lower-bound-alternating", "lower-bound-thresholds", "lower-bound-parameters"),
    ),
    "theory.least_squares.step_sizes": (
        ("least_squares/test_step_sizes.py", "least_squares/test_solvers.py", "least_squares/test_any_scale.py"),
        ("gd-threshold", "kaczmarz-rate", "momentum-rate", "sgd-decaying-steps"),
    ),
    "theory.least_squares.exact": (
        ("least_squares/test_references.py", "test_every_scale.py::test_exact_constructions"),
        ("minimum-norm-monotone",),
    ),
    "theory.label_noise.linear_smoother": (
        ("label_noise/test_linear_smoother.py",),
        ("smoother-noise-moments", "interpolant-noise-accuracy"),
    ),
    "theory.label_noise.transition": (("label_noise/test_transition.py",), ()),
    "theory.dynamics.limiting_kernel": (
        ("dynamics/test_limiting_kernel.py", "test_every_scale.py::test_dynamics"),
        ("limiting-kernel", "limiting-kernel-definite"),
    ),
    "theory.dynamics.predicted_dynamics": (
        ("dynamics/test_predicted_dynamics.py", "test_every_scale.py::test_dynamics"),
        ("predicted-dynamics", "random-labels-slower"),
    ),
    "theory.memorisation.memorised_bits": (("memorisation/test_memorised_bits.py",), ()),
    "theory.memorisation.scores": (("memorisation/test_memorisation.py",), ()),
}
"""What is mutated: by module its tests, beside the values of `test_closed_forms.py`, and which claims are checked."""

_EVERYWHERE = ("test_closed_forms.py::test_values_known_otherwise", "test_parameters.py")
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
    """One change: what it is, the lines of its statement, and the module's tree with it.

    Attributes:
        place: line, column and number of the change, a name within the module.
        lines: first and last line that have to be run for the change to be noticed; None outside functions.
    """

    place: str
    change: str
    lines: tuple[int, int] | None
    tree: ast.Module

    @property
    def name(self) -> str:
        """Place and change."""
        return f"{self.place}  {self.change}"


def mutants(source: str) -> Iterator[Mutant]:
    """All changes of a module's source, one at a time, in the order of its lines."""
    tree = ast.parse(source)
    for index, (node, lines) in enumerate(_changeable(tree)):
        for number, _ in enumerate(_changes(node)):
            other = copy.deepcopy(tree)
            twin, _ = _changeable(other)[index]
            change, replacement = _changes(twin)[number]
            _Replace(twin, replacement).visit(other)
            place = f"{getattr(node, 'lineno', 0)}:{getattr(node, 'col_offset', 0)}.{number}"
            yield Mutant(place, change, lines, ast.fix_missing_locations(other))


def _changeable(tree: ast.Module) -> list[tuple[ast.AST, tuple[int, int] | None]]:
    """Nodes that a change may concern, without messages, defaults, annotations and indices, and their statements."""
    nodes: list[tuple[ast.AST, tuple[int, int] | None]] = []

    def walk(node: ast.AST, lines: tuple[int, int] | None, inside: bool) -> None:
        if isinstance(node, ast.Raise | ast.JoinedStr | ast.Assert | ast.Import | ast.ImportFrom):
            return
        if isinstance(node, ast.keyword) and node.arg in _FIXED_KEYWORDS:
            return
        if isinstance(node, ast.Subscript):
            walk(node.value, lines, inside)
            return
        if isinstance(node, ast.ClassDef):
            for statement in node.body:
                if isinstance(statement, ast.FunctionDef):
                    walk(statement, lines, inside)
            return
        if isinstance(node, ast.FunctionDef):
            for statement in node.body:
                walk(statement, lines, True)
            return
        if isinstance(node, ast.stmt) and inside:
            body = getattr(node, "body", None)
            last = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or node.lineno
            lines = (node.lineno, last)
        if isinstance(node, ast.AnnAssign):
            if node.value is not None:
                walk(node.value, lines, inside)
            return
        if _changes(node):
            nodes.append((node, lines))
        for child in ast.iter_child_nodes(node):
            walk(child, lines, inside)

    walk(tree, None, False)
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


class Target:
    """A module that is loaded, to be changed in a fork of this process."""

    def __init__(self, name: str) -> None:
        self.module = importlib.import_module(name)
        self.path = str(self.module.__file__)
        self.source = Path(self.path).read_text()
        self.functions = [
            thing
            for thing in gc.get_objects()
            if type(thing) is types.FunctionType and thing.__code__.co_filename == self.path
        ]

    def change(self, mutant: Mutant) -> None:
        """Give the module's functions the mutant's code, and its constants the mutant's values, wherever they went."""
        code = compile(mutant.tree, self.path, "exec")
        codes = {(part.co_qualname, part.co_firstlineno): part for part in _codes(code)}
        for function in self.functions:
            function.__code__ = codes[function.__code__.co_qualname, function.__code__.co_firstlineno]
        if mutant.lines is None:
            changed = types.ModuleType(self.module.__name__)
            exec(code, changed.__dict__)
            for name, value in vars(changed).items():
                before = vars(self.module).get(name)
                if _is_plain(value) and value != before:
                    for module in list(sys.modules.values()):
                        if vars(module).get(name) is before:
                            setattr(module, name, value)
                    for function in self.functions:
                        _replace_default(function, before, value)


def _replace_default(function: types.FunctionType, before: Any, value: Any) -> None:
    """Give the arguments whose default is the constant `before` the default `value`."""
    named = function.__kwdefaults__ or {}
    named.update({name: value for name, default in named.items() if default is before})
    if function.__defaults__:
        function.__defaults__ = tuple(value if default is before else default for default in function.__defaults__)


def _is_plain(value: Any) -> bool:
    """Whether it is a constant, and no tuple of claims, whose functions would be those of another module."""
    return isinstance(value, Number | str) or (isinstance(value, tuple) and all(map(_is_plain, value)))


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


@dataclass(frozen=True)
class Run:
    """An unchanged test: seconds of the processor, and the lines of the module that it ran."""

    item: pytest.Item
    seconds: float
    lines: frozenset[int]

    def notices(self, mutant: Mutant) -> bool:
        """Whether the test can tell the mutant from the module."""
        return mutant.lines is None or any(mutant.lines[0] <= line <= mutant.lines[1] for line in self.lines)


class Runner:
    """The plugin that tests mutants in place of tests."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.path: Path | None = arguments.json
        self.scores: dict[str, Any] = {}
        if self.path and self.path.exists():
            self.scores = json.loads(self.path.read_text())

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Let Hypothesis stop at the first failure; the tests are not loaded yet."""
        from hypothesis import Phase, settings  # not before pytest rewrites its assertions

        settings.register_profile("mutation", settings.default, phases=(Phase.explicit, Phase.generate), database=None)
        settings.load_profile("mutation")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Test all mutants."""
        if session.testsfailed:
            pytest.exit("the tests cannot be collected", returncode=1)
        targets = {name: Target(name) for name in self.arguments.only}
        gc.freeze()  # a collection in a fork would copy what the forks share
        for name, target in targets.items():
            chosen = tests(name)
            items = [item for item in session.items if any(item.nodeid.startswith(test) for test in chosen)]
            self.score(session, name, target, items)
        return True

    def score(self, session: pytest.Session, name: str, target: Target, items: list[pytest.Item]) -> None:
        """Test the mutants of one module whose verdict is not known."""
        every = list(mutants(target.source))
        sample = min(self.arguments.sample or len(every), len(every))
        chosen = [every[index * len(every) // sample] for index in range(sample)]
        digest = hashlib.sha256(target.source.encode()).hexdigest()
        if self.scores.get(name, {}).get("source") != digest:
            self.scores[name] = {"source": digest, "mutants": len(every), "verdicts": {}}
        names = {mutant.name for mutant in every}
        verdicts = {key: value for key, value in self.scores[name]["verdicts"].items() if key in names}
        self.scores[name] |= {"mutants": len(every), "verdicts": verdicts}
        waiting = [mutant for mutant in chosen if mutant.name not in verdicts]
        if self.arguments.again:
            waiting = [mutant for mutant in every if verdicts.get(mutant.name, "").startswith(SURVIVES)]
        if waiting:
            runs = unchanged(session, target, items)
            for mutant in waiting:
                verdicts[mutant.name] = verdict(session, target, mutant, [run for run in runs if run.notices(mutant)])
                self.save()
        alive = {key: value for key, value in verdicts.items() if value.startswith(SURVIVES)}
        report(f"{name}: {len(verdicts) - len(alive)} of {len(verdicts)} killed, of {len(every)} mutants in all")
        for key, value in alive.items():
            report(f"    {key}{value.removeprefix(SURVIVES)}")

    def save(self) -> None:
        """Write the verdicts, so that a run that is stopped loses none."""
        if self.path:
            temporary = self.path.with_suffix(".partial")
            temporary.write_text(json.dumps(self.scores, indent=1) + "\n")
            temporary.replace(self.path)


def unchanged(session: pytest.Session, target: Target, items: list[pytest.Item]) -> list[Run]:
    """Run the tests of a module once as it is, and return them by time. Ends the session if one fails."""

    def trace(frame: types.FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename != target.path:
            return None
        if event == "line":
            lines.add(frame.f_lineno)
        return trace

    lines: set[int] = set()

    def measure() -> str:
        measured: list[tuple[float, list[int]]] = []
        target.change(Mutant("", "", None, ast.parse(target.source)))
        sys.settrace(trace)
        for index, item in enumerate(items):
            lines.clear()
            start = _processor_seconds()
            if not passes(session, items, index):
                return json.dumps(item.nodeid)
            measured.append((_processor_seconds() - start, sorted(lines)))
        return json.dumps(measured)

    answer = json.loads(in_fork(measure) or '"a test that ends the process"')
    if isinstance(answer, str):
        pytest.exit(f"{target.module.__name__}: {answer} fails without a mutation", returncode=1)
    runs = [Run(item, seconds, frozenset(ran)) for item, (seconds, ran) in zip(items, answer, strict=True)]
    return sorted(runs, key=lambda run: run.seconds)


def verdict(session: pytest.Session, target: Target, mutant: Mutant, runs: list[Run]) -> str:
    """Which test kills the mutant, or that none does."""
    if not runs:
        return NOT_RUN
    items = [run.item for run in runs]

    def test() -> str:
        taken = resource.getrlimit(resource.RLIMIT_AS)[1]
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, taken))
        target.change(mutant)
        for index, run in enumerate(runs):
            signal.setitimer(signal.ITIMER_PROF, 2 + 5 * run.seconds)  # the processor's; then the process ends
            if not passes(session, items, index):
                return run.item.nodeid
        return SURVIVES

    return in_fork(test) or "the process ends"


def passes(session: pytest.Session, items: list[pytest.Item], index: int) -> bool:
    """Whether a test passes, the next one being known for what they share."""
    following = items[index + 1] if index + 1 < len(items) else None
    session.config.hook.pytest_runtest_protocol(item=items[index], nextitem=following)
    return not session.testsfailed


def in_fork(function: Any) -> str:
    """What a function returns in a fork of this process, whose output is dropped; nothing if the process ends early."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            with os.fdopen(sender, "w") as pipe:
                pipe.write(function())
        finally:
            os._exit(0)
    os.close(sender)
    with os.fdopen(receiver) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer


def tests(name: str) -> list[str]:
    """The tests and claims of a module."""
    files, claims = MODULES[name]
    chosen = [f"tests/theory/{file}" for file in (*_EVERYWHERE, *files)]
    chosen = [test for test in chosen if Path(test.split("::")[0]).exists()]
    return chosen + [f"tests/theory/test_checks.py::test_claim_holds[1-{claim}]" for claim in claims]


def report(line: str) -> None:
    """Print a line on the standard output that this process began with."""
    print(line, file=sys.__stdout__, flush=True)


def _processor_seconds() -> float:
    used = os.times()
    return used.user + used.system


def main() -> None:
    """Mutate the modules and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=list(MODULES), help="modules, all of MODULES by default")
    parser.add_argument("--sample", type=int, help="so many mutants of each module, evenly spread; all by default")
    parser.add_argument("--json", type=Path, help="file for the verdicts, and to go on from")
    parser.add_argument("--again", action="store_true", help="test what survived in the file, and nothing else")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = tempfile.mkdtemp()
    chosen = list(dict.fromkeys(test for name in arguments.only for test in tests(name)))
    options = ["-q", "-n0", "-p", "no:cacheprovider", "--capture=sys"]
    raise SystemExit(int(pytest.main([*options, *chosen], plugins=[Runner(arguments)])))


if __name__ == "__main__":
    main()
