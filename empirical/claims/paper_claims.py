"""The paper's claims C1 to C29 in one list, collected from the modules that decide them.

Defined here are the claims that no record decides: theorems, which `theory.checks` checks, and ImageNet at full size.
"""

from empirical.claims import (
    bits,
    bounds,
    capacity,
    distance,
    double_descent,
    dynamics,
    interpolants,
    kernels,
    label_noise,
    measures,
    memorisation,
    network_double_descent,
    order,
    pac_bayes,
    randomization_tests,
    regularization,
)
from empirical.claims import paper_words as words
from empirical.claims.claim import RecordClaim

_WITHOUT_RECORDS = (
    RecordClaim(
        "C10",
        "Networks fit random labels on ImageNet, as they do on CIFAR-10.",
        "table 2",
        paper=f"train accuracy on random labels {words.IMAGENET.train_top_1:g}% (top 5: "
        f"{words.IMAGENET.train_top_5:g}%), test {words.IMAGENET.test_top_1:g}%",
        decided_by="Inception V3 on all of ImageNet, the work of a cluster",
        command="table2 --data imagenet --scale paper",
    ),
    RecordClaim(
        "C19",
        "The matrix of Theorem 1's network has full rank, and where the biases are well placed its smallest eigenvalue "
        "bounds the weights.",
        "section 4, appendix C, lemma 1",
        paper="a reasonable bound, wherever the biases are; badly placed biases have none (lemma-1-eigenvalue-remark)",
        theory=(
            "lemma-1-rank",
            "lemma-1-eigenvalue",
            "lemma-1-weights-bounded",
            "lemma-1-eigenvalue-remark",
            "lemma-1-singular-value",
        ),
    ),
    RecordClaim(
        "C20",
        "For every depth k there is a network of width O(n/k) with O(n + d) weights that fits any labels of n points.",
        "appendix C, corollary 1",
        theory=("corollary-1", "corollary-1-float"),
    ),
    RecordClaim(
        "C23",
        "SGD from zero on least squares ends in the minimum-norm interpolant, within the span of the data.",
        "section 5",
        theory=(
            "sgd-pseudo-inverse",
            "sgd-cvxpy",
            "sgd-row-space",
            "sgd-start",
            "minimum-norm-references",
            "kernel-linear",
        ),
    ),
    RecordClaim("C24", "Curvature is the same at all global minima.", "section 5", theory=("curvature",)),
)

_MODULES = (
    randomization_tests,
    regularization,
    kernels,
    bounds,
    dynamics,
    distance,
    capacity,
    label_noise,
    interpolants,
    order,
    memorisation,
    double_descent,
    network_double_descent,
    pac_bayes,
    measures,
    bits,
)

ALL_CLAIMS: tuple[RecordClaim, ...] = (*(claim for module in _MODULES for claim in module.CLAIMS), *_WITHOUT_RECORDS)
"""Every claim that this project decides, once."""


def _number(claim: RecordClaim) -> int | None:
    digits = claim.id.removeprefix("C")
    return int(digits) if digits.isdigit() else None


CLAIMS = tuple(sorted((claim for claim in ALL_CLAIMS if _number(claim)), key=lambda claim: _number(claim) or 0))
"""The paper's claims, in the order of their numbers."""

ADDED_CLAIMS = tuple(claim for claim in ALL_CLAIMS if not _number(claim))
"""The claims that the experiments add, in the order of the modules."""
