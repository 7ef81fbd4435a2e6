"""The paper's claims C1 to C29: what each says, the paper's numbers, the theory's checks, and what would decide it."""

from dataclasses import dataclass

from empirical.claims.paper import KERNEL_NORMS, NONE, TABLE_1, TABLE_2, TABLE_3, TABLE_4
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS
from theory.claims import Claim


@dataclass(frozen=True)
class PaperClaim:
    """A claim of Zhang et al. 2017.

    Attributes:
        id: C1 to C29.
        statement: in a sentence.
        source: section, table or figure.
        paper: the paper's numbers; "" where it gives none.
        theory: ids of the claims of `theory.checks` that decide it, where it is a theorem.
        related: ids of those that stand beside what experiments say, and decide nothing.
        decided_by: what would decide it where nothing recorded does.
    """

    id: str
    statement: str
    source: str
    paper: str = ""
    theory: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    decided_by: str = ""


_RANDOM = {model: TABLE_1[model, RANDOM_LABELS, NONE] for model in ("inception", "alexnet", "mlp-3x512", "mlp-1x512")}
_TRUE = {model: TABLE_1[model, TRUE_LABELS, NONE] for model in (*_RANDOM, "inception-no-bn")}
_TRAIN = ", ".join(f"{model} {accuracy.train:g}%" for model, accuracy in _RANDOM.items())
_TEST = ", ".join(f"{model} {accuracy.test:g}%" for model, accuracy in _RANDOM.items())
_NO_REGULARISER = ", ".join(f"{model} {accuracy.test:g}%" for model, accuracy in _TRUE.items())
_CROPPED = TABLE_1["inception", TRUE_LABELS, ("crop", False)].test
_DECAYED = TABLE_1["inception", TRUE_LABELS, ("none", True)].test
_IMAGENET = TABLE_2[RANDOM_LABELS, "none", 0.0, False]
_IMAGENET_TRUE = TABLE_2[TRUE_LABELS, "none", 0.0, False]
_TABLE_4 = ", ".join(
    f"{model} {'did not converge' if accuracy is None else f'{accuracy:g}%'}"
    for (model, chosen), accuracy in TABLE_4.items()
    if chosen == ("none", True)
)
_KERNELS = ", ".join(f"{data} {row.setting} {row.test_error:g}%" for (data, _, _), row in TABLE_3.items())

CLAIMS = (
    PaperClaim(
        "C1",
        "Networks fit random labels: train error 0 with unchanged hyper-parameters.",
        "section 2.1, table 1",
        f"train accuracy: {_TRAIN}",
        decided_by="a run on random labels: table1",
    ),
    PaperClaim(
        "C2",
        "With random labels, test error is that of guessing.",
        "section 2.1, table 1",
        f"test accuracy: {_TEST}",
        decided_by="a run on random labels that fits them: table1",
    ),
    PaperClaim(
        "C3",
        "Fitting random labels costs a small constant factor of training time.",
        "section 1.1, figure 1b",
        related=("random-labels-slower", "predicted-dynamics"),
        decided_by="runs on true and on random labels that fit them, several seeds: figure1",
    ),
    PaperClaim(
        "C4",
        "Once fitting starts it converges quickly, without a change of schedule.",
        "section 2.1",
        decided_by="a run on random labels that fits them: figure1",
    ),
    PaperClaim(
        "C5",
        "Networks fit shuffled pixels, random pixels and Gaussian images to train error 0.",
        "figure 1a",
        decided_by="runs on all three: figure1",
    ),
    PaperClaim(
        "C6",
        "Random pixels and Gaussian images start to converge sooner than random labels.",
        "section 2.1",
        decided_by="runs on all three: figure1",
    ),
    PaperClaim(
        "C7",
        "They do since such inputs are further apart.",
        "section 2.1, a conjecture",
        related=("predicted-dynamics",),
        decided_by="predicted and measured dynamics on random labels, random pixels and Gaussian images: dynamics",
    ),
    PaperClaim(
        "C8",
        "Test error rises steadily with label corruption, to chance at p = 1.",
        "figure 1c",
        related=("nearest-neighbour-noise", "interpolant-noise-accuracy"),
        decided_by="runs at p = 0, p = 1 and between that fit their labels: figure1",
    ),
    PaperClaim(
        "C9",
        "At partial corruption networks capture the remaining signal while fitting the noise.",
        "section 1.1",
        related=("nearest-neighbour-noise",),
        decided_by="runs at p = 0 and at partial corruption that fit their labels: figure1",
    ),
    PaperClaim(
        "C10",
        "It is true of ImageNet too.",
        "table 2",
        f"train accuracy on random labels {_IMAGENET.train_top_1:g}% (top 5: {_IMAGENET.train_top_5:g}%), test "
        f"{_IMAGENET.test_top_1:g}%",
        decided_by="Inception V3 on all of ImageNet, the work of a cluster: table2 --scale paper",
    ),
    PaperClaim(
        "C11",
        "Explicit regularisation is not necessary: without it networks generalise.",
        "section 3, table 1",
        f"test accuracy without any: {_NO_REGULARISER}",
        decided_by="table1",
    ),
    PaperClaim(
        "C12",
        "Nor is it sufficient: with it networks still fit random labels.",
        "section 3, tables 2 and 4",
        f"train accuracy with weight decay: {_TABLE_4}",
        decided_by="table4",
    ),
    PaperClaim(
        "C13",
        "AlexNet with weight decay does not fit random labels.",
        "section 3, table 4",
        "failed to converge",
        decided_by="table4 at the paper's scale",
    ),
    PaperClaim(
        "C14",
        "Augmentation helps more than weight decay.",
        "section 3, table 1",
        f"Inception: {_CROPPED:g}% with crops, {_DECAYED:g}% with weight decay, {_TRUE['inception'].test:g}% with "
        "neither",
        decided_by="table1, several seeds",
    ),
    PaperClaim(
        "C15",
        "Early stopping does not help on CIFAR-10.",
        "section 3.1",
        f"(on ImageNet {TABLE_2[TRUE_LABELS, 'none', 0.0, False].best_top_1:g}% at best against "
        f"{_IMAGENET_TRUE.test_top_1:g}%)",
        decided_by="table1",
    ),
    PaperClaim(
        "C16",
        "Batch normalisation steadies training and improves test accuracy by 3 to 4 points.",
        "figure 2b, table 1",
        f"test accuracy {_TRUE['inception'].test:g}% with, {_TRUE['inception-no-bn'].test:g}% without",
        decided_by="figure2, several seeds",
    ),
    PaperClaim(
        "C17",
        "Changing the architecture gains more than regularising.",
        "section 3, table 1",
        f"test accuracy without regularisers: {_NO_REGULARISER}",
        decided_by="table1",
    ),
    PaperClaim(
        "C18",
        "A depth-2 ReLU network of 2n + d weights fits any labels of any n distinct points.",
        "section 4, theorem 1",
        theory=("theorem-1", "theorem-1-exact", "theorem-1-interval"),
    ),
    PaperClaim(
        "C19",
        "Its matrix has full rank, and where the biases are well placed the smallest eigenvalue bounds the weights.",
        "section 4, appendix C, lemma 1",
        "a reasonable bound, wherever the biases are; badly placed ones have none (lemma-1-eigenvalue-remark)",
        theory=(
            "lemma-1-rank",
            "lemma-1-eigenvalue",
            "lemma-1-weights-bounded",
            "lemma-1-eigenvalue-remark",
            "lemma-1-singular-value",
        ),
    ),
    PaperClaim(
        "C20",
        "For every depth k there is such a network of width O(n/k) with O(n + d) weights.",
        "appendix C, corollary 1",
        theory=("corollary-1", "corollary-1-float"),
    ),
    PaperClaim(
        "C21",
        "The Rademacher complexity of the trained classes is about 1.",
        "section 2.2",
        related=("rademacher-theorem-1", "rademacher-linear"),
        decided_by="random signs fitted by training: bounds",
    ),
    PaperClaim(
        "C22",
        "VC, norm and stability bounds do not tell true from random labels.",
        "section 2.2",
        related=("vc-bounds", "rademacher-frobenius", "spectral-perturbation", "stability-convex"),
        decided_by="bounds on networks trained on both: bounds",
    ),
    PaperClaim(
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
    PaperClaim(
        "C24",
        "Curvature is the same at all global minima.",
        "section 5",
        theory=("curvature",),
    ),
    PaperClaim(
        "C25",
        "Exact interpolation with a kernel generalises, without any regularisation.",
        "section 5, table 3",
        f"test error: {_KERNELS}",
        related=("kernel-least-norm", "kernel-solvers"),
        decided_by="kernels",
    ),
    PaperClaim(
        "C26",
        "Regularisation does not improve these kernels.",
        "section 5, of MNIST",
        related=("ridge-limit",),
        decided_by="kernels with several ridges",
    ),
    PaperClaim(
        "C27",
        "Interpolants that do not generalise exist, with a much larger norm.",
        "section 5",
        related=("kernel-noise-norm",),
        decided_by="kernels with forced-test-labels",
    ),
    PaperClaim(
        "C28",
        "The minimum norm does not predict generalisation: other features may have a larger norm and a smaller error.",
        "section 5",
        f"MNIST: norm about {KERNEL_NORMS['mnist', 'pixels']} on pixels and {KERNEL_NORMS['mnist', 'gabor']} with "
        f"wavelets, error {TABLE_3['mnist', 'pixels', False].test_error:g}% and "
        f"{TABLE_3['mnist', 'gabor', False].test_error:g}%",
        decided_by="kernels on several features",
    ),
    PaperClaim(
        "C29",
        "Network, size, hyper-parameters and optimiser do not explain generalisation: the same ones generalise or not.",
        "section 1.1",
        f"train and test accuracy of Inception: {_TRUE['inception'].train:g}% and {_TRUE['inception'].test:g}% on true "
        f"labels, {_RANDOM['inception'].train:g}% and {_RANDOM['inception'].test:g}% on random ones",
        decided_by="two runs that differ in their labels alone: randomization-tests",
    ),
)
"""In the order of their numbers."""

_BY_ID = {one.id: Claim(one.id, one.statement, one.source) for one in CLAIMS}


def paper_claim(number: int) -> Claim:
    """Claim C`number`."""
    return _BY_ID[f"C{number}"]
