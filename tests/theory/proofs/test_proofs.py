import json
import re
import shutil
from fractions import Fraction

import numpy as np
import pytest

from theory.checks import CLAIMS
from theory.claims import CheckedClaim, Claim, Evidence, Proof, Verdict, read_findings, run_check, write_findings
from theory.proofs import THEOREMS, checked_proof
from theory.proofs.compilation import CLOSED, ProofError, assumptions, compile_file, compiled, missing, run_coq
from theory.proofs.record import SOURCES, digest, files, read_record, requirements
from theory.proofs.theorems import Theorem, proof

needs_coq = pytest.mark.skipif(missing() is not None, reason=missing() or "")


def test_the_record_is_of_the_files_as_they_are():
    record = read_record()
    assert record is not None
    assert record.sources == {file: digest(file) for file in files()}
    assert {(file, name) for file, names in record.theorems.items() for name in names} == {
        (theorem.file, theorem.name) for theorem in THEOREMS
    }
    assert all(checked_proof(theorem.proof) for theorem in THEOREMS)


def test_no_file_assumes_what_it_should_prove():
    for file in files():
        code = re.sub(r"\(\*.*?\*\)", "", (SOURCES / f"{file}.v").read_text(), flags=re.DOTALL)
        assert not re.search(r"\b(Axiom|Axioms|Parameter|Conjecture|Admitted|admit|Abort)\b", code), file


def test_files_come_after_those_they_build_on():
    order = files()
    assert sorted(order) == sorted(path.stem for path in SOURCES.glob("*.v"))
    for file in order:
        assert all(order.index(requirement) < order.index(file) for requirement in requirements(file)[:-1])
    assert requirements("corollary_1") == ["network", "lemma_1", "theorem_1", "corollary_1"]


@pytest.fixture
def copied(tmp_path):
    """A copy of the proofs with their record, to be changed."""
    for path in (*SOURCES.glob("*.v"), SOURCES / "checked.json"):
        shutil.copyfile(path, tmp_path / path.name)
    return tmp_path


@pytest.mark.parametrize("edited", ["theorem_1", "network"])
def test_a_theorem_is_not_called_proved_once_its_file_or_one_below_it_is_edited(copied, edited):
    assert checked_proof(proof("theorem_1"), copied).startswith("proved, machine-checked: theorem_1 in theory/proofs/")
    with open(copied / f"{edited}.v", "a") as file:
        file.write("\n")
    assert checked_proof(proof("theorem_1"), copied) is None


def test_a_theorem_that_is_not_recorded_is_not_called_proved(copied):
    assert checked_proof(None) is None
    assert checked_proof(Proof("theory/proofs/theorem_1.v", "theorem_2"), copied) is None
    assert checked_proof(Proof("theory/proofs/theorem_2.v", "theorem_1"), copied) is None
    (copied / "network.v").unlink()
    assert checked_proof(proof("theorem_1"), copied) is None
    (copied / "checked.json").unlink()
    assert checked_proof(proof("lemma_1"), copied) is None


def test_claims_name_theorems_that_are_there():
    proofs = {checked.claim.id: checked.claim.proof for checked in CLAIMS if checked.claim.proof}
    assert set(proofs.values()) <= {theorem.proof for theorem in THEOREMS}
    assert {"theorem-1", "lemma-1-rank", "lemma-1-eigenvalue", "corollary-1", "sgd-row-space", "curvature"} <= set(
        proofs
    )


def test_findings_carry_proofs_and_those_without_still_read(tmp_path):
    claim = Claim("test", "a statement", "a source", proof("lemma_1"))
    evidence = Evidence(Verdict.HOLDS, "1", "1", "arithmetic")
    findings = [run_check(CheckedClaim(claim, lambda seed: evidence), seed=0)]
    path = tmp_path / "findings.json"
    write_findings(findings, path)
    assert read_findings(path) == findings
    entries = json.loads(path.read_text())
    del entries[0]["claim"]["proof"]
    path.write_text(json.dumps(entries))
    (finding,) = read_findings(path)
    assert finding.claim == Claim("test", "a statement", "a source")


@needs_coq
@pytest.mark.slow
def test_coq_accepts_every_file_and_no_theorem_rests_on_an_assumption():
    with compiled() as build:
        assert set(assumptions(build).values()) == {CLOSED}


MUTATIONS = {
    "points need not be distinct": ("theorem_1", "Theorem theorem_1 : injective x ->\n", "Theorem theorem_1 :\n"),
    "relu is a minimum": ("network", "Num.max x 0", "Num.min x 0"),
    "a bound on the weights twice as good": ("theorem_1", "4%:R * M / g", "2%:R * M / g"),
    "z_i <= b_j is not asked for": ("network", "j = i.+1 :> nat -> z i <= b j).", "j = i.+1 :> nat -> b i <= b j)."),
    "one hidden unit fewer would do": ("lower_bound", "(n - 2 <= m)%N", "(n - 1 <= m)%N"),
    "the checker does not look at labels": ("certificate", "same (add (mul S' z) (opp T')) y && sweep", "sweep"),
}


@needs_coq
@pytest.mark.slow
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_changed_statement_or_definition_is_not_accepted(copied, mutation):
    file, text, replacement = MUTATIONS[mutation]
    source = (copied / f"{file}.v").read_text()
    assert text in source
    (copied / f"{file}.v").write_text(source.replace(text, replacement))
    *below, _ = requirements(file, copied)
    with compiled(below, copied) as build, pytest.raises(ProofError, match=rf"does not accept {file}\.v"):
        compile_file(file, build, copied)


@needs_coq
def test_an_admitted_theorem_is_found_out(tmp_path):
    (tmp_path / "hope.v").write_text(
        "Theorem hope : 1 = 2. Proof. Admitted.\nTheorem fact : 1 = 1. Proof. reflexivity. Qed.\n"
    )
    run_coq(tmp_path / "hope.v")
    hope, fact = Theorem("hope", "hope", "hope"), Theorem("hope", "fact", "a fact")
    answers = assumptions(tmp_path, [hope, fact])
    assert answers[fact] == CLOSED
    assert answers[hope].startswith("Axioms: ")


@needs_coq
def test_coq_and_python_agree_on_the_networks_values():
    from theory.expressivity import certificate, exact_relu_interpolant
    from theory.proofs.verified_checker import instance

    random = np.random.default_rng(0)
    with compiled(["network", "certificate"]) as build:
        points = np.unique(random.integers(-20, 21, (6, 2)), axis=0) / 4
        labels = np.array([Fraction(int(value), 3) for value in random.integers(-9, 10, len(points))], dtype=object)
        network = exact_relu_interpolant(points, labels)
        anywhere = np.concatenate([points, random.integers(-90, 91, (20, 2)) / 8])
        values = [value for (value,) in network.evaluate(anywhere)]
        assert values[: len(points)] == list(labels)
        (build / "instance.v").write_text(instance(certificate(network), anywhere, values))
        run_coq(build / "instance.v")
        values[-1] += Fraction(1, 10**9)
        (build / "instance.v").write_text(instance(certificate(network), anywhere, values))
        with pytest.raises(ProofError):
            run_coq(build / "instance.v")
