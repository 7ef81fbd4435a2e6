"""The paper's numbers in words, as claims and their evidence quote them."""

from empirical.claims.paper import KERNEL_NORMS, NONE, TABLE_1, TABLE_2, TABLE_3, TABLE_4
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS

RANDOM = {model: TABLE_1[model, RANDOM_LABELS, NONE] for model in ("inception", "alexnet", "mlp-3x512", "mlp-1x512")}
TRUE = {model: TABLE_1[model, TRUE_LABELS, NONE] for model in (*RANDOM, "inception-no-bn")}
TRAIN = ", ".join(f"{model} {accuracy.train:g}%" for model, accuracy in RANDOM.items())
TEST = ", ".join(f"{model} {accuracy.test:g}%" for model, accuracy in RANDOM.items())
NO_REGULARISER = ", ".join(f"{model} {accuracy.test:g}%" for model, accuracy in TRUE.items())
CROPPED = TABLE_1["inception", TRUE_LABELS, ("crop", False)].test
DECAYED = TABLE_1["inception", TRUE_LABELS, ("none", True)].test
IMAGENET = TABLE_2[RANDOM_LABELS, "none", 0.0, False]
IMAGENET_TRUE = TABLE_2[TRUE_LABELS, "none", 0.0, False]
WEIGHT_DECAY = ", ".join(
    f"{model} {'did not converge' if accuracy is None else f'{accuracy:g}%'}"
    for (model, chosen), accuracy in TABLE_4.items()
    if chosen == ("none", True)
)
KERNELS = ", ".join(f"{data} {row.setting} {row.test_error:g}%" for (data, _, _), row in TABLE_3.items())
KERNEL_NORM = (
    f"MNIST: norm about {KERNEL_NORMS['mnist', 'pixels']} on pixels and {KERNEL_NORMS['mnist', 'gabor']} with "
    f"wavelets, error {TABLE_3['mnist', 'pixels', False].test_error:g}% and "
    f"{TABLE_3['mnist', 'gabor', False].test_error:g}%"
)
SAME_NETWORK = (
    f"accuracy of Inception: train {TRUE['inception'].train:g}% and test {TRUE['inception'].test:g}% on true "
    f"labels, {RANDOM['inception'].train:g}% and {RANDOM['inception'].test:g}% on random ones"
)
AUGMENTATION = (
    f"Inception: {CROPPED:g}% with crops, {DECAYED:g}% with weight decay, {TRUE['inception'].test:g}% with neither"
)
EARLY_STOPPING = f"(on ImageNet {IMAGENET_TRUE.best_top_1:g}% at best against {IMAGENET_TRUE.test_top_1:g}%)"
