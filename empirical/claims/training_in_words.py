"""How networks are trained, in words for titles and captions."""

from empirical.runs.config import RunConfig
from empirical.training.config import TrainingConfig
from empirical.training.schedule import is_the_papers


def optimizer_in_words(training: TrainingConfig) -> str:
    """The optimiser, its first step size and whatever else differs from the paper's or its time's, for captions."""
    name = "SGD" if training.optimizer == "sgd" else training.optimizer
    return ", ".join([f"{name} from {training.learning_rate:g}", *unusual_settings(training)])


def unusual_settings(training: TrainingConfig) -> list[str]:
    """Each setting of the optimiser, but for its step size, that differs from the paper's or its time's."""
    paper = TrainingConfig()
    words = []
    words += [f"batches of {training.batch_size}"] * (training.batch_size != paper.batch_size)
    words += [f"momentum {training.momentum:g}"] * (training.momentum != paper.momentum)
    if not is_the_papers(training):
        words.append(f"decay {training.learning_rate_decay:g} every {training.decay_steps:,} steps")
    named = {
        "torch": "torch's initial weights",
        "he": "He's initial weights",
        "he-centred": "He's initial weights, centred, the last layer 0",
    }
    return words + [named[rule] for rule in [training.initialization] if rule in named]


def network_in_words(config: RunConfig) -> str:
    """The network and its explicit regularisers."""
    return ", ".join([config.model, *(explicit_regularisers(config.training) if config.training else [])])


def trained_network_in_words(config: RunConfig) -> str:
    """The network, its optimiser and its explicit regularisers."""
    if config.training is None:
        return config.model
    return ", ".join([config.model, optimizer_in_words(config.training), *explicit_regularisers(config.training)])


def length_in_words(training: TrainingConfig) -> str:
    """How long a network is trained, for captions."""
    return f"trained for at least {training.min_steps:,} steps" if training.min_steps else "trained until it fits"


def explicit_regularisers(training: TrainingConfig) -> list[str]:
    """The regularisers in words, each with its strength; none for the paper's unregularised setting."""
    alone = "" if training.weight_decay_of == "parameters" else " of weights alone"
    return (
        [f"weight decay {training.weight_decay:g}{alone}"] * (training.weight_decay > 0)
        + [f"augmentation {training.augmentation}"] * (training.augmentation != "none")
        + ([f"dropout {training.dropout:g}"] if training.dropout else [])
    )
