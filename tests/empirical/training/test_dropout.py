import pytest
import torch
from torch import nn

from empirical.training.dropout import DROPOUT_LAYERS, set_dropout


def test_own_layers_get_the_probability():
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2), nn.Dropout(0.1))
    assert [m.p for m in set_dropout(model, 0.3) if isinstance(m, nn.Dropout)] == [0.3, 0.3]


@pytest.mark.parametrize("layer", DROPOUT_LAYERS)
def test_every_kind_of_dropout_layer_is_the_networks_own(layer):
    model = nn.Sequential(nn.Conv2d(1, 2, 1), layer(0.5), nn.Flatten(), nn.Linear(2, 2))
    set_dropout(model, 0.0)
    assert model[1].p == 0.0
    assert len(set_dropout(model, 0.2)) == 4, "no second one is added"
    assert model[1].p == 0.2


def test_otherwise_the_inputs_of_the_last_linear_layer_are_dropped():
    model = nn.Sequential(nn.Sequential(nn.Linear(3, 50), nn.ReLU()), nn.Linear(50, 50), nn.Flatten())
    with torch.no_grad():
        model[1].weight.copy_(torch.eye(50))
        model[1].bias.zero_()
        model[0][0].weight.zero_()
        model[0][0].bias.fill_(1.0)
    before = sum(p.numel() for p in model.parameters())
    set_dropout(model, 0.25)
    torch.manual_seed(0)
    outputs = model(torch.ones(400, 3))
    assert outputs.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert (outputs == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert torch.equal(model.eval()(torch.ones(4, 3)), torch.ones(4, 50))
    assert sum(p.numel() for p in model.parameters()) == before


def test_a_linear_model_is_replaced():
    assert isinstance(set_dropout(nn.Linear(2, 2), 0.5)[0], nn.Dropout)


def test_zero_switches_off_what_there_is_and_adds_nothing():
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2))
    assert set_dropout(model, 0.0)[0].p == 0.0
    assert len(list(set_dropout(nn.Conv2d(1, 1, 1), 0.0).modules())) == 1


def test_nothing_to_drop():
    with pytest.raises(ValueError, match=r"neither a dropout nor an nn.Linear"):
        set_dropout(nn.Conv2d(1, 1, 1), 0.5)
