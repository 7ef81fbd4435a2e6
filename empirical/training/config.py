"""Hyper-parameters of a training run; the defaults are the paper's.

The paper leaves open: batch size (128, as in the authors' release), initialisation (Glorot's, TensorFlow's default
then). Its learning rate falls by 0.95 every epoch, which on 50,000 images is 391 steps of 128. The schedule here counts
those steps, so that it means the same on a smaller data set: there an epoch has fewer steps, and a decay for each of
them would stop training before it began.
"""

import math
from dataclasses import MISSING, dataclass, field
from typing import Literal, get_args

from empirical.models import Initialization
from theory.common.plain_numbers import plain_numbers

Augmentation = Literal["none", "crop", "flip-rotate", "resized-crop"]

Precision = Literal["float32", "tf32", "bf16"]

BatchNorm = Literal["global", "local"]

Decayed = Literal["parameters", "weights"]


@plain_numbers
@dataclass(frozen=True)
class TrainingConfig:
    """Hyper-parameters; the defaults are the paper's.

    Attributes:
        optimizer: `sgd`, or `package.module:factory`, called as factory(parameters, learning_rate).
        learning_rate: initial step size; by default the paper's: 0.1 for Inception, 0.01 for the others.
        momentum: the momentum of SGD.
        weight_decay: the l2 penalty of SGD; 0 is the paper's unregularised setting.
        learning_rate_decay: factor on the step size every `decay_steps` steps.
        decay_steps: 391 steps are an epoch of the paper.
        batch_size: samples a step; the last batch of an epoch may be smaller.
        max_steps: limit for a run that does not fit its labels; it finishes its epoch. After the default, 153 epochs
            of the paper, the step size has fallen by a factor of 2,600.
        min_steps: a run that fits its labels sooner is trained for this many steps all the same, to see what that does.
        augmentation: random changes of the training images: none, crop, flip-rotate or resized-crop.
        dropout: probability of dropping each input of the last linear layer, or of the network's own dropout layers
            where it has some. By default a network keeps its own dropout layers, and none is added.
        precision: the precision of products: float32; tf32 and bf16 are faster on GPUs that have them, and change
            results.
        compile: have torch.compile rewrite the network's forward and backward pass; on a GPU they are replayed as CUDA
            graphs. Worth it for runs that take much longer than the minute of compiling. A smaller last batch of an
            epoch is not compiled. Refused on several ranks.
        graphed: on a GPU, replay every whole step as one CUDA graph: the same operations without the time that it takes
            to start each. For SGD on images in the GPU's memory, on one rank; refused for others.
        batch_norm: over several ranks: global takes the moments of the whole batch, as one rank does; local those of a
            rank's share, which makes it another experiment with every number of ranks, but saves communication.
        epochs_per_record: epochs between records, and between looks at whether all labels are fitted. On a small data
            set evaluation at the end of every epoch takes longer than the epoch.
        epochs_per_train_evaluation: epochs between evaluations of the whole training split, which on 50,000 images cost
            as much as 0.4 epochs of training. Between them the fixed network sees training images, in the same batches,
            only until it misses a label: one miss shows that it does not fit, none that it does, and then the whole
            split is evaluated. So the epoch of the first fit is the same whatever this is. The untrained and the last
            network are evaluated whole.
        weight_decay_of: what decays: all parameters, as in the authors' release, or the weights alone, without biases
            and without the shifts and scales of normalisation.
        initialization: the rule of the initial weights: own leaves them as the network's factory makes them; the
            others draw them anew (`empirical.models.initialization`). By default glorot for the paper's networks on
            small images, own for all other networks, a user's among them.
    """

    optimizer: str = "sgd"
    learning_rate: float | None = None
    momentum: float = 0.9
    weight_decay: float = 0.0
    learning_rate_decay: float = 0.95
    decay_steps: int = 391
    batch_size: int = 128
    max_steps: int = 60_000
    min_steps: int = 0
    augmentation: Augmentation = "none"
    dropout: float | None = None
    precision: Precision = "float32"
    compile: bool = False
    graphed: bool = False
    batch_norm: BatchNorm = "global"
    epochs_per_record: int = 1
    epochs_per_train_evaluation: int = 1
    weight_decay_of: Decayed = "parameters"
    initialization: Initialization | None = field(default=None, metadata={"before": MISSING})

    def __post_init__(self) -> None:
        for name in (
            "learning_rate",
            "learning_rate_decay",
            "decay_steps",
            "batch_size",
            "max_steps",
            "epochs_per_record",
            "epochs_per_train_evaluation",
        ):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be positive and finite, got {value}")
        for name in ("momentum", "weight_decay", "min_steps"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be at least 0 and finite, got {getattr(self, name)}")
        if self.momentum >= 1:
            raise ValueError(f"momentum must be below 1, got {self.momentum}: past steps would never fade")
        if self.min_steps > self.max_steps:
            raise ValueError(
                f"min_steps is {self.min_steps}, above max_steps, {self.max_steps}: raise --training.max-steps or "
                "lower --training.min-steps"
            )
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is a probability below 1, got {self.dropout}")
        for name, choices in (
            ("augmentation", Augmentation),
            ("precision", Precision),
            ("batch_norm", BatchNorm),
            ("weight_decay_of", Decayed),
        ):
            if getattr(self, name) not in get_args(choices):
                raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}, got {getattr(self, name)!r}")
        if self.initialization not in (None, *get_args(Initialization)):
            rules = ", ".join(get_args(Initialization))
            raise ValueError(f"initialization must be one of {rules}, got {self.initialization!r}")
        if self.graphed and (self.compile or self.optimizer != "sgd"):
            raise ValueError("graphed (--training.graphed) is for SGD, and not for compiled networks")
        if self.optimizer != "sgd" and (self.momentum, self.weight_decay, self.weight_decay_of) != (
            TrainingConfig.momentum,
            TrainingConfig.weight_decay,
            TrainingConfig.weight_decay_of,
        ):
            raise ValueError("momentum and weight_decay are SGD's: set them in your own optimiser's factory")

    @property
    def step_size(self) -> float:
        """The initial step size; ValueError if it is left to the network, which is not known here."""
        if self.learning_rate is None:
            raise ValueError(
                "learning_rate is not set: give one, as --training.learning-rate does; "
                "empirical.models.default_learning_rate has the paper's"
            )
        return self.learning_rate
