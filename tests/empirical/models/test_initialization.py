import math
from typing import get_args

import pytest
import torch
from torch import nn

from empirical.models import INITIALIZATIONS, MODELS, Initialization, build_model, default_initialization, find_network
from theory.common.streams import torch_seed

SHAPE = (1, 8, 8)


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def reference(name: str, seed: int = 0) -> nn.Module:
    """As its factory makes it, from the stream of the seed, which goes on after that."""
    torch.manual_seed(torch_seed(seed, "initialisation"))
    return find_network(name).build(SHAPE, 10)


@pytest.fixture(autouse=True)
def _own_stream():
    with torch.random.fork_rng(devices=[]):
        yield


def test_every_rule_has_its_name():
    assert set(INITIALIZATIONS) == set(get_args(Initialization))


@pytest.mark.parametrize("name", ["mlp-1x512", "mlp-2x8", "alexnet", "inception-no-bn"])
def test_the_papers_networks_have_glorots_weights(name):
    """The rule applied by hand, layer by layer, to what the factory made: the draws of the records, to the bit."""
    model = reference(name)
    model.to(memory_format=torch.contiguous_format)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    assert torch.equal(weights(build_model(name, SHAPE, 10, 0)), weights(model))


@pytest.mark.parametrize("name", ["mlp-1x512", "mlp-3x512", "mlp-2x8"])
def test_perceptrons_of_earlier_records_had_torchs_weights(name):
    assert torch.equal(weights(build_model(name, SHAPE, 10, 3, "torch")), weights(reference(name, 3)))


@pytest.mark.parametrize(
    "name", [name for name in MODELS if default_initialization(name) == "own" and "v3" not in name]
)
def test_other_networks_are_left_as_they_are_made(name):
    assert torch.equal(weights(build_model(name, SHAPE, 10, 0)), weights(reference(name)))


@pytest.mark.parametrize(("rule", "variance"), [("glorot", 2 / (256 + 512)), ("he", 2 / 256), ("torch", 1 / (3 * 256))])
def test_a_rule_has_its_variance(rule, variance):
    """The sample variance of 131,072 draws deviates by at most sqrt(2 / 131072), 0.4%; ten times that is allowed."""
    first = build_model("mlp-1x512", (1, 16, 16), 10, 0, rule)[1]
    assert first.weight.var().item() == pytest.approx(variance, rel=0.04)
    assert bool(first.bias.any()) == (rule == "torch")
    assert (first.weight.abs().max() > math.sqrt(3 * variance) * 1.001) == (rule == "he"), "the others are uniform"


def test_centred_weights_take_out_what_images_share():
    whole, centred = (build_model("mlp-3x512", SHAPE, 10, 0, rule) for rule in ("he", "he-centred"))
    assert torch.equal(whole[1].weight, centred[1].weight), "the first layer sees images, not what comes out of ReLUs"
    for layer in (3, 5):
        torch.testing.assert_close(centred[layer].weight.sum(1), torch.zeros(512), rtol=0, atol=1e-5)
        difference = whole[layer].weight - centred[layer].weight
        torch.testing.assert_close(difference, difference[:, :1].expand_as(difference), rtol=0, atol=1e-6)
    shared = torch.full((1, 512), 7.0)
    assert centred[3](shared).abs().max() < 1e-4 < whole[3](shared).abs().max()
    assert not centred[7].weight.any()


def test_centred_filters_have_a_sum_of_0_over_all_their_inputs():
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.Flatten(), nn.Linear(5, 2))
    INITIALIZATIONS["he-centred"](network)
    torch.testing.assert_close(network[2].weight.sum((1, 2, 3)), torch.zeros(5), rtol=0, atol=1e-5)
    assert network[2].weight.sum(1).abs().max() > 0.01, "not over channels alone"
    assert network[0].weight.sum((1, 2, 3)).abs().max() > 0.01


@pytest.mark.parametrize("network", [nn.Conv2d(1, 1, 1), nn.ReLU(), nn.Sequential(nn.Linear(2, 2), nn.Conv2d(1, 1, 1))])
def test_centred_weights_need_a_last_layer_to_set_to_0(network):
    with pytest.raises(ValueError, match="he-centred needs a network that ends with a linear layer"):
        INITIALIZATIONS["he-centred"](network)


def test_a_users_network_is_changed_only_if_that_is_asked_for(tmp_path, monkeypatch):
    (tmp_path / "initialized.py").write_text(
        "import torch\n"
        "def network(shape, classes):\n"
        "    linear = torch.nn.Linear(64, classes)\n"
        "    torch.nn.init.constant_(linear.weight, 0.5)\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.BatchNorm1d(64), linear)\n"
    )
    monkeypatch.chdir(tmp_path)
    kept, changed = (build_model("initialized:network", SHAPE, 10, 0, rule) for rule in (None, "glorot"))
    assert (kept[2].weight == 0.5).all()
    assert not (changed[2].weight == 0.5).any()
    assert (changed[1].weight == 1).all(), "batch norm keeps its scales"


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match=r"initialization \(--training.initialization\): .*did you mean 'glorot'"):
        build_model("mlp-1x512", SHAPE, 10, 0, "glorott")
