"""Networks that torchvision builds need it installed."""

import importlib.util


def require_torchvision(model: str) -> None:
    """Raise ValueError, saying how to get torchvision, if it is missing."""
    if importlib.util.find_spec("torchvision") is None:
        raise ValueError(
            f"the model {model} needs torchvision: install this package with the extra imagenet, "
            "rethinking-generalization[imagenet]"
        )
