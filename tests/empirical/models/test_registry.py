import importlib.util
import sys
from types import ModuleType

import pytest
import torch
from torch import nn

from empirical.import_path import source_digest
from empirical.models import MODELS, build_model, check_model, default_learning_rate, model_factory, num_parameters
from empirical.models.networks import find_network

SMALL = [name for name in MODELS if name != "inception-v3"]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("mlp-1x512", 1_209_866),
        ("mlp-3x512", 1_735_178),
        ("inception", 1_649_402),
        ("inception-no-bn", 1_649_402),
        ("alexnet", 1_387_786),
        ("wide-resnet-28-1", 369_498),  # printed by the authors' release
        ("resnet-18", 11_173_962),  # as the common implementation for CIFAR-10 states
        ("vit-small", 48 * 192 + 192 + 49 * 192 + 6 * (12 * 192**2 + 13 * 192) + 2 * 192 + 192 * 10 + 10),
        ("mlp-2x1024", 2352 * 1024 + 1024 + 1024 * 1024 + 1024 + 1024 * 10 + 10),
    ],
)
def test_parameters_are_the_papers(name, parameters):
    model = build_model(name, (3, 28, 28), 10, seed=0)
    assert num_parameters(model) == sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("image_shape", [(3, 28, 28), (3, 32, 32), (1, 8, 8), (1, 9, 13)])
def test_logits_of_any_image_shape(name, image_shape):
    model = build_model(name, image_shape, 7, seed=0)
    logits = model(torch.randn(2, *image_shape, generator=torch.Generator().manual_seed(0)))
    assert logits.shape == (2, 7)
    assert logits.isfinite().all()
    logits.sum().backward()
    assert all(p.grad is not None for p in model.parameters()), "a parameter that nothing depends on"


@pytest.mark.parametrize("name", SMALL)
def test_initialisation_is_the_seeds_own(name):
    torch.manual_seed(1)
    first = build_model(name, (1, 8, 8), 10, seed=0)
    before = torch.rand(1)
    torch.manual_seed(1)
    assert torch.rand(1) == before, "building a model must leave torch's global generator alone"
    again, reseeded = (build_model(name, (1, 8, 8), 10, seed) for seed in (0, 1))
    same, different = (
        all(torch.equal(p, q) for p, q in zip(first.parameters(), model.parameters(), strict=True))
        for model in (again, reseeded)
    )
    assert same
    assert not different


def test_weights_of_the_perceptron_are_pinned():
    """Records of earlier runs stay comparable: seed 0 must go on giving these weights."""
    weight = build_model("mlp-1x512", (1, 8, 8), 10, 0, "torch")[1].weight
    torch.testing.assert_close(
        weight[0, :3], torch.tensor([-0.00607904792, 0.0684774816, -0.0306432098]), rtol=1e-6, atol=0
    )


@pytest.mark.parametrize("name", SMALL)
def test_evaluation_differs_from_training_by_batch_norm_alone(name):
    model = build_model(name, (3, 12, 12), 10, seed=0)
    images = torch.randn(8, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        training, evaluating = model.train()(images), model.eval()(images)
    has_statistics = any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    assert has_statistics == (name in ("inception", "wide-resnet-28-1", "resnet-18"))
    assert torch.equal(training, evaluating) != has_statistics


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("training", [False, True])
def test_permuting_a_batch_permutes_its_logits(name, training):
    model = build_model(name, (3, 12, 12), 10, seed=0).double().train(training)
    images = torch.randn(8, 3, 12, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        # Float64 sums in another order over at most 28 layers: far below 1e-9.
        torch.testing.assert_close(model(images[order]), model(images)[order], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", SMALL)
def test_state_restores_the_network(name):
    """After steps in training mode, so that statistics have moved, and through torch.save's safe subset."""
    images = torch.randn(8, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    model, copy = (build_model(name, (3, 12, 12), 10, seed) for seed in (0, 1))
    with torch.no_grad():
        model.train()(images)
        copy.load_state_dict(model.state_dict())
        assert torch.equal(model.eval()(images), copy.eval()(images))


@pytest.mark.parametrize("name", ["inception", "inception-no-bn", "alexnet", "wide-resnet-28-1"])
def test_convolutions_work_channels_last(name):
    """It makes the small Inception a third faster on a CPU; a layer that falls back would undo it."""
    model = build_model(name, (3, 12, 12), 10, seed=0)
    formats = []

    def observe(_module, _inputs, output):
        formats.append(output.is_contiguous(memory_format=torch.channels_last))

    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d | nn.MaxPool2d | nn.ReLU):
            module.register_forward_hook(
                lambda module, inputs, output: observe(module, inputs, output) if output.ndim == 4 else None
            )
    model(torch.randn(2, 3, 12, 12))
    assert len(formats) > 4
    assert all(formats)


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("inception", 0.1),
        ("inception-no-bn", 0.1),
        ("alexnet", 0.01),
        ("mlp-1x512", 0.01),
        ("mlp-3x512", 0.01),
        ("mlp-5x64", 0.01),
        ("inception-v3", 0.045),
        ("wide-resnet-28-1", 0.1),
        ("wide-resnet-16-2", 0.1),
        ("torch.nn:Identity", 0.01),
    ],
)
def test_default_learning_rates(name, rate):
    assert default_learning_rate(name) == rate


def test_no_learning_rate_of_an_unknown_network():
    with pytest.raises(ValueError, match=r"unknown name 'inceptoin': did you mean 'inception'"):
        default_learning_rate("inceptoin")


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
        ("mlp-1by512", r"model \(--model\): unknown name 'mlp-1by512': did you mean 'mlp-1x512'"),
        ("mlp-0x512", "unknown name 'mlp-0x512'.*mlp-LxW"),
        ("wide-resnet-28-0", "unknown name 'wide-resnet-28-0'.*wide-resnet-D-W"),
        ("wide-resnet-27-1", r"the depth of a Wide ResNet is 6 n \+ 4.*got 27"),
        ("wide-resnet-4-1", r"the depth of a Wide ResNet is 6 n \+ 4.*got 4"),
        ("nothing.here:at_all", "model: no module 'nothing'"),
        ("mine:nothing", "model: module 'mine' has no 'nothing'"),
        ("mine:number", "is a int, not something to call"),
    ],
)
def test_bad_names(user_module, name, message):
    with pytest.raises(ValueError, match=message):
        model_factory(name)


def test_missing_torchvision(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ValueError, match="inception-v3 needs torchvision: install this package with the extra imagenet"
    ):
        check_model("inception-v3", (3, 75, 75), 10)


def test_a_factory_that_gives_no_network(user_module):
    with pytest.raises(ValueError, match=r"must return a torch\.nn\.Module, it returned int"):
        build_model("mine:broken", (1, 8, 8), 10, seed=0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("raises", r"model 'mine:raises' cannot be built: ZeroDivisionError: division by zero"),
        ("too_few", r"must give logits of shape \(2, 10\) for two images, it gives \(2, 9\)"),
        ("nothing", r"must give logits of shape \(2, 10\) for two images, it gives NoneType"),
        ("auxiliary", r"must give logits of shape \(2, 10\) for two images, it gives tuple in training"),
        ("too_small", r"fails on images \(2, 1, 8, 8\): RuntimeError"),
    ],
)
def test_a_network_that_cannot_be_used_says_so_before_it_is_trained(user_module, name, message):
    user_module.write_text(
        "from torch import nn\n"
        "class Nothing(nn.Module):\n"
        "    def forward(self, images): return None\n"
        "class Auxiliary(nn.Linear):\n"
        "    def forward(self, images):\n"
        "        logits = super().forward(images.flatten(1))\n"
        "        return (logits, logits) if self.training else logits\n"
        "def auxiliary(shape, classes): return Auxiliary(64, classes)\n"
        "def raises(shape, classes): return 1 / 0\n"
        "def nothing(shape, classes): return Nothing()\n"
        "def too_few(shape, classes): return nn.Sequential(nn.Flatten(), nn.Linear(64, 9))\n"
        "def too_small(shape, classes): return nn.Sequential(nn.Flatten(), nn.Linear(63, 10))\n"
    )
    with pytest.raises(ValueError, match=message):
        build_model(f"mine:{name}", (1, 8, 8), 10, seed=0)


def test_a_module_that_cannot_be_imported_says_why(user_module):
    user_module.write_text("def network(:\n")
    with pytest.raises(ValueError, match=r"model: module 'mine' cannot be imported: SyntaxError: "):
        model_factory("mine:network")


def test_looking_at_the_logits_leaves_the_network_as_it_was_drawn(user_module):
    user_module.write_text(
        "from torch import nn\ndef lazy(shape, classes): return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))\n"
    )
    first, again = (build_model("mine:lazy", (1, 8, 8), 10, seed=0) for _ in range(2))
    assert torch.equal(first[1].weight, again[1].weight), "weights made at first sight are the seed's too"
    assert first.training


def test_a_factory_without_positional_arguments_is_told_the_classes_by_name(monkeypatch):
    """As torchvision's: its first argument by position would be taken for `pretrained`."""
    options = {}

    def named(*, weights=None, progress=True, **sizes):
        options.update(sizes, weights=weights)
        return "network"

    def shaped(*, image_shape, num_classes):
        return image_shape, num_classes

    def ours(image_shape, num_classes):
        return image_shape, num_classes

    module = ModuleType("someones_networks")
    module.named, module.shaped, module.ours = named, shaped, ours
    monkeypatch.setitem(sys.modules, "someones_networks", module)
    assert find_network("someones_networks:named").build((3, 32, 32), 7) == "network"
    assert options == {"num_classes": 7, "weights": None}
    for name in ("shaped", "ours"):
        assert find_network(f"someones_networks:{name}").build((3, 32, 32), 7) == ((3, 32, 32), 7)


def test_torchvisions_resnet_is_built():
    pytest.importorskip("torchvision")
    network = find_network("torchvision.models:resnet18").build((3, 32, 32), 7)
    assert network.fc.out_features == 7
