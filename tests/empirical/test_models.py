import sys

import pytest
import torch
from torch import nn

from empirical.import_path import source_digest
from empirical.models import MODELS, build_model, num_parameters


@pytest.mark.parametrize(("name", "parameters"), [("mlp-1x512", 1_209_866), ("mlp-3x512", 1_735_178)])
def test_parameters_are_the_papers(name, parameters):
    assert num_parameters(build_model(name, (3, 28, 28), 10, seed=0)) == parameters


@pytest.mark.parametrize("name", MODELS)
def test_initialisation_is_the_seeds_own(name):
    torch.manual_seed(1)
    first = build_model(name, (1, 8, 8), 10, seed=0)
    before = torch.rand(1)
    torch.manual_seed(1)
    assert torch.rand(1) == before, "building a model must leave torch's global generator alone"
    again, other = (build_model(name, (1, 8, 8), 10, seed) for seed in (0, 1))
    same, different = (
        all(torch.equal(p, q) for p, q in zip(first.parameters(), model.parameters(), strict=True))
        for model in (again, other)
    )
    assert same
    assert not different


@pytest.fixture
def user_module(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n"
        "def linear(image_shape, num_classes):\n"
        "    c, h, w = image_shape\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(c * h * w, num_classes))\n"
        "def broken(image_shape, num_classes):\n"
        "    return 3\n"
        "number = 3\n"
    )
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "mine.py"
    sys.modules.pop("mine", None)


def test_a_model_by_import_path(user_module):
    model = build_model("mine:linear", (1, 8, 8), 10, seed=0)
    assert isinstance(model, nn.Module)
    assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    before = source_digest("mine:linear", "model")
    user_module.write_text(user_module.read_text() + "\n")
    assert source_digest("mine:linear", "model") != before
    assert source_digest("mlp-1x512", "model") == ""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mlp-1x51", r"model \(--model\): unknown name 'mlp-1x51': did you mean 'mlp-1x512'"),
        ("nothing.here:at_all", "model: no module 'nothing'"),
        ("mine:nothing", "model: module 'mine' has no 'nothing'"),
        ("mine:number", "is a int, not something to call"),
        ("mine:broken", "must return a torch.nn.Module, it returned int"),
    ],
)
def test_bad_names(user_module, name, message):
    with pytest.raises(ValueError, match=message):
        build_model(name, (1, 8, 8), 10, seed=0)
