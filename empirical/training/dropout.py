"""Dropout, an explicit regulariser (Srivastava et al. 2014), for any network."""

from torch import nn

DROPOUT_LAYERS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
"""The layers of torch that drop activations, or whole channels of activations, in training."""


def set_dropout(model: nn.Module, probability: float) -> nn.Module:
    """Make a network drop activations while it is trained.

    A network with dropout layers, of single activations or of whole channels, gets this probability in all of them; any
    other network gets a dropout layer before its last linear layer, as Inception V3 has it, unless the probability is
    0. The parameters stay as they are.

    Returns the network, which is changed in place, or the layer that replaces it if it is that linear layer itself.
    Raises ValueError for a network without dropout and linear layers.
    """
    own = [module for module in model.modules() if isinstance(module, DROPOUT_LAYERS)]
    if own:
        for module in own:
            module.p = probability
        return model
    if probability == 0:
        return model
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise ValueError("dropout: the network has neither a dropout nor an nn.Linear layer; build it in yourself")
    parent, _, name = linear[-1].rpartition(".")
    dropped = nn.Sequential(nn.Dropout(probability), model.get_submodule(linear[-1]))
    if linear[-1] == "":
        return dropped
    setattr(model.get_submodule(parent), name, dropped)
    return model
