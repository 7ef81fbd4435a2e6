"""The main theorems: what `python -m theory.proofs` reports, and what a claim's `proof` may name."""

from dataclasses import dataclass

from theory.claims import Proof

FOLDER = "theory/proofs"


@dataclass(frozen=True)
class Theorem:
    """A theorem of a Coq file.

    Attributes:
        file: the file's name in this folder, without ".v".
        name: the theorem's name.
        statement: what it says, in a sentence.
    """

    file: str
    name: str
    statement: str

    @property
    def proof(self) -> Proof:
        """The name by which a claim refers to the theorem."""
        return Proof(f"{FOLDER}/{self.file}.v", self.name)


THEOREMS = (
    Theorem(
        "lemma_1",
        "lemma_1",
        "The matrix [max(z_i - b_j, 0)] of interleaved sequences is lower triangular and invertible; its eigenvalues "
        "are the z_i - b_i, and the least is their minimum, which is positive.",
    ),
    Theorem("theorem_1", "theorem_1", "Some depth-2 network with 2n + d weights takes any labels on distinct points."),
    Theorem(
        "theorem_1",
        "theorem_1_construction",
        "For every direction that separates the points the package's knots and weights do, with |w_j| at most "
        "4 max|y| / min gap.",
    ),
    Theorem(
        "corollary_1",
        "corollary_1",
        "So does a network of every depth k >= 2, of width at most ceil(n/(k-1)) + 3 with at most 2n + d + 2k - 2 "
        "weights.",
    ),
    Theorem("row_space", "sgd_in_row_space", "SGD from 0 stays in the row space, whatever order, steps and loss."),
    Theorem("row_space", "row_space_least_norm", "An interpolant in the row space is the only one of least norm."),
    Theorem(
        "row_space",
        "kernel_linear",
        "K alpha = y makes X^T alpha the interpolant of least norm, and the only interpolant that SGD from 0 can tend "
        "to.",
    ),
    Theorem("row_space", "minimum_norm_interpolant", "If X has rank n, exactly one alpha does."),
    Theorem(
        "row_space",
        "curvature",
        "The Hessian of least squares is the same everywhere, and degenerate if d > n; for losses that are polynomials "
        "of the prediction it is the same at all interpolants.",
    ),
    Theorem(
        "eigenvalue_remark",
        "eigenvalue_bounds_weights",
        "With a knot at every data point |w_j| is at most 4 max|y| / the least eigenvalue.",
    ),
    Theorem(
        "eigenvalue_remark",
        "least_eigenvalue_is_quarter",
        "With biases 1/4 before the points 1, 2, 3, ... the one eigenvalue is 1/4, however many they are.",
    ),
    Theorem(
        "eigenvalue_remark",
        "weights_exceed_every_bound",
        "There the weights for the labels 1, 0, 0, ... exceed every bound.",
    ),
    Theorem(
        "lower_bound",
        "width_is_optimal",
        "Alternating labels on n points of a line need n - 2 hidden units.",
    ),
    Theorem(
        "gradient_descent",
        "gradient_descent_rate",
        "Gradient descent multiplies the error along an eigenvector by 1 - eta lambda at each step.",
    ),
    Theorem(
        "gradient_descent",
        "gradient_descent_threshold",
        "The error along an eigenvector with lambda > 0 tends to 0 exactly if 0 < eta < 2 / lambda.",
    ),
    Theorem(
        "certificate",
        "check_sound",
        "If the checker says true, the network takes the label at every point of the sample, exactly.",
    ),
)


def proof(name: str) -> Proof:
    """The proof that a claim names, from the theorem's name. KeyError if there is no such theorem."""
    return {theorem.name: theorem.proof for theorem in THEOREMS}[name]
