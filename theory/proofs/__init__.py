"""Machine-checked proofs of the paper's theorems, in Coq with the Mathematical Components library.

network.v             the networks of Theorem 1, as the paper writes them
lemma_1.v             Lemma 1
theorem_1.v           Theorem 1: direction, sorting, knots at the points, and a bound on the weights
corollary_1.v         Corollary 1, for every depth
row_space.v           section 5: where SGD stays, which interpolant has least norm, and the curvature
eigenvalue_remark.v   the remark on Lemma 1's least eigenvalue, both ways
lower_bound.v         Theorem 1's width is optimal up to 2
gradient_descent.v    gradient descent on least squares along an eigenvector
certificate.v         a verified checker of certificates; extraction.v and check.ml make a program of it

theorems              the main theorems, by name
compilation           what runs Coq
record                which sources Coq has checked: checked.json
verified_checker      the checker, run on a sample

`python -m theory.proofs` compiles all of it where Coq is installed, and says what the record says where it is not.
"""

from theory.proofs.record import checked_proof
from theory.proofs.theorems import THEOREMS, Theorem
from theory.proofs.verified_checker import VerifiedCheck, verified_check

__all__ = ["THEOREMS", "Theorem", "VerifiedCheck", "checked_proof", "verified_check"]
