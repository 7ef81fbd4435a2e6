"""Bounds on trained networks: every number against an independent one, resume, and verdicts on made-up records."""

import json
import math
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from empirical.claims.bounds import bounds_results, bounds_table, compare_bounds
from empirical.datasets import load
from empirical.datasets.preprocessing import preprocess
from empirical.execution.execute import execute
from empirical.models import MODELS, Network
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS, randomize
from empirical.runs.config import RunConfig, StudyRun, Trained
from empirical.runs.records import Run, RunDirectory
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import BoundsConfig
from empirical.runs.trained_network import load_trained
from empirical.studies.bounds import EvaluatedBound, measure_bounds
from empirical.studies.bounds.registry import BOUNDS
from empirical.studies.bounds.sgd_stability import weight_vector
from empirical.training.config import TrainingConfig
from tests.made_up import made_up_config, made_up_run
from theory.claims import Verdict
from theory.common.streams import words
from theory.complexity import binary_kl, random_signs

N, M, CLASSES, WIDTH = 60, 40, 10, 8
STUDY = BoundsConfig(
    sigmas=(0.03, 0.3),
    noise_draws=3,
    kernel_images=50,
    rademacher_draws=2,
    rademacher_images=30,
    rademacher_steps=300,
    stability_pairs=2,
    stability_images=30,
    stability_steps=20,
    linear_epochs=3,
)


class Silent:
    def epoch(self, record):
        pass

    def stage(self, name, share):
        pass


@pytest.fixture(scope="module")
def digits():
    return load("digits").subset(N, M)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def configuration(test: str, model: str = f"mlp-1x{WIDTH}") -> RunConfig:
    return made_up_config(
        Trained(TrainingConfig(learning_rate=0.05, batch_size=20, max_steps=3000, initialization="torch")),
        test,
        n_train=N,
        n_test=M,
        num_classes=CLASSES,
        model=model,
        crop=None,
        seed=3,
    )


def bounds_of(config: RunConfig) -> RunConfig:
    """The run that studies this trained one."""
    return replace(config, experiment="bounds", what=StudyRun(STUDY, config.training))


def measured(config: RunConfig, digits, records: Path, parts: Parts) -> dict:
    randomized = randomize(digits, config.randomization, config.seed)
    return measure_bounds(bounds_of(config), randomized, parts, records)


@pytest.fixture(scope="module")
def records(digits, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("bounds-records")
    for test in ("true-labels", "random-labels"):
        config = configuration(test)
        directory = RunDirectory(root, config)
        with directory.claim():
            execute(config, digits, directory, Silent())
    return root


@pytest.fixture(scope="module", params=["true-labels", "random-labels"])
def case(request, digits, records, tmp_path_factory):
    """The metrics, and what they are recomputed from."""
    config = configuration(request.param)
    parts = Parts(tmp_path_factory.mktemp("parts"), lambda name, share: None)
    metrics = measured(config, digits, records, parts)
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics
    randomized = randomize(digits, config.randomization, config.seed)
    weights = torch.load(RunDirectory(records, config).path / "checkpoint.pt", weights_only=True)["model"]
    return Case(config, randomized, weights, metrics)


class Case:
    """The trained weights in numpy, biases in the matrices, and the whitened images with a last coordinate 1."""

    def __init__(self, config, randomized, weights, metrics):
        self.config, self.metrics, self.randomized = config, metrics, randomized
        train, test = randomized.data.train, randomized.data.test
        self.images, self.test_images = preprocess(train.images, None), preprocess(test.images, None)
        self.labels, self.test_labels = train.labels, test.labels
        self.X, self.X_test = (self.extended(images) for images in (self.images, self.test_images))
        self.matrices = self.extended_matrices({name: value.double().numpy() for name, value in weights.items()})
        with torch.random.fork_rng(devices=[]):
            self.initial = self.extended_matrices(
                {
                    name: value.double().numpy()
                    for name, value in self.network(CLASSES, config.seed).state_dict().items()
                }
            )
        outputs = self(self.X)
        runners_up = np.where(np.eye(CLASSES, dtype=bool)[self.labels], -np.inf, outputs).max(1)
        self.margins = outputs[np.arange(N), self.labels] - runners_up

    def network(self, outputs, seed):
        from empirical.models import build_model

        return build_model(self.config.model, (1, 8, 8), outputs, seed, "torch")

    @staticmethod
    def extended(images):
        flat = images.flatten(1).double().numpy()
        return np.column_stack([flat, np.ones(len(flat))])

    @staticmethod
    def extended_matrices(weights):
        first = np.column_stack([weights["1.weight"], weights["1.bias"]])
        return np.vstack([first, np.eye(1, 65, 64)]), np.column_stack([weights["3.weight"], weights["3.bias"]])

    def __call__(self, X):
        first, last = self.matrices
        return np.maximum(X @ first.T, 0) @ last.T

    def bound(self, name) -> EvaluatedBound:
        (evaluated,) = [EvaluatedBound(**entry) for entry in self.metrics["bounds"] if entry["name"] == name]
        return evaluated

    def best(self, bound):
        return min(bound(gamma) for gamma in self.margins[self.margins > 0])


def share(index: int) -> float:
    return 2 / 3 / ((abs(index) + 1) * (abs(index) + 2))


def deviation(n: int, delta: float) -> float:
    return 3 * math.sqrt(math.log(2 / delta) / (2 * n))


def up(value: float, points: int = 1) -> int:
    return math.ceil(math.log2(value) * points)


def test_the_errors_are_the_networks(case):
    errors = (case(case.X).argmax(1) != case.labels).mean(), (case(case.X_test).argmax(1) != case.test_labels).mean()
    assert (case.metrics["train_error"], case.metrics["test_error"]) == pytest.approx(errors)
    assert case.metrics["gap"] == pytest.approx(errors[1] - errors[0])
    assert errors[0] == 0, "the labels are fitted"
    assert case.metrics["parameters"] == 65 * WIDTH + (WIDTH + 1) * CLASSES


def test_every_bound_is_above_what_it_bounds(case):
    bounds = [EvaluatedBound(**entry) for entry in case.metrics["bounds"]]
    assert len({bound.name for bound in bounds}) == len(bounds)
    for bound in bounds:
        assert bound.value is not None
        assert bound.measured is not None
        assert bound.value >= bound.measured, bound.name


REFERENCES: set[str] = set()
"""The bounds that a test below computes again, by other means."""


def reference(*names: str):
    """Marks a test as the independent reference of these bounds."""
    REFERENCES.update(names)
    return lambda test: test


def test_every_bound_has_a_reference_and_is_evaluated(case):
    assert set(BOUNDS) == REFERENCES, "write a test of the new bound, marked with @reference(name)"
    assert [entry["name"] for entry in case.metrics["bounds"]] == list(BOUNDS)


@reference("VC")
def test_vc(case):
    units, parameters, n = (WIDTH, CLASSES - 1), (65 * WIDTH, 65 * WIDTH + (WIDTH + 1) * CLASSES), 2 * N
    layers = sum(
        min(n * k, 1 + W * math.log2(2 * math.e * n * k * i / W)) if n * k >= W else n * k
        for i, (k, W) in enumerate(zip(units, parameters, strict=True), start=1)
    )
    growth = min(n, layers)
    expected = math.sqrt(8 * (math.log(4 / 0.05) + math.log(2) * growth) / N)
    assert case.bound("VC").value == pytest.approx(expected)
    assert case.bound("VC").vacuous
    assert case.metrics["vc_dimension"]["lower"] == 2 * 64 * (WIDTH // 3)


@reference("Frobenius norms, margin")
def test_frobenius(case):
    def bound(gamma):
        product = np.linalg.norm(case.matrices[0]) * np.linalg.norm(case.matrices[1], axis=1).sum() / gamma
        index = up(product)
        factor = math.sqrt(2 * (2 * math.log(2) + math.log(CLASSES))) + 1
        complexity = 4 * 2.0**index * factor * np.linalg.norm(case.X) / N
        return (case.margins < gamma).mean() + complexity + deviation(N, 0.05 * share(index))

    assert case.bound("Frobenius norms, margin").value == pytest.approx(case.best(bound))


@reference("spectral norms, margin")
def test_spectral(case):
    spectral = [np.linalg.svd(matrix)[1][0] for matrix in case.matrices]
    moved = [
        np.linalg.norm(after - before, axis=1).sum() for after, before in zip(case.matrices, case.initial, strict=True)
    ]
    indices = [up(value, 2) for value in (*spectral, *moved)]
    s, b = np.split(2.0 ** (np.array(indices) / 2), 2)

    def bound(gamma):
        at = math.floor(math.log2(gamma) * 2)
        V = 2 * np.linalg.norm(case.X) * math.sqrt(math.log(2 * 65**2)) * 2 ** (-at / 2)
        V *= s.prod() * ((b / s) ** (2 / 3)).sum() ** 1.5
        delta = 0.05 * math.prod(share(index) for index in (at, *indices))
        return (case.margins < gamma).mean() + 8 * N**-1.5 + 36 * V * math.log(N) / N + deviation(N, delta)

    assert case.bound("spectral norms, margin").value == pytest.approx(case.best(bound))
    distance = math.sqrt(sum(((a - m) ** 2).sum() for a, m in zip(case.matrices, case.initial, strict=True)))
    assert case.metrics["norms"]["distance_from_initialisation"] == pytest.approx(distance)
    ratios = sum((y / x) ** (2 / 3) for x, y in zip(spectral, moved, strict=True))
    assert case.metrics["norms"]["spectral_complexity"] == pytest.approx(math.prod(spectral) * ratios**1.5)


@reference("PAC-Bayes, spectral norms, margin")
def test_pac_bayes_from_spectral_norms(case):
    spectral = [np.linalg.norm(matrix, 2) for matrix in case.matrices]

    def bound(gamma):
        beta, B, D, L = math.sqrt(math.prod(spectral) / gamma), math.sqrt(65), 65, 2
        noise = min(1 / (4 * math.e * B * L * beta), beta / L) / math.sqrt(2 * D * math.log(4 * L * D))
        index = math.floor(4 * math.log2(noise))
        squares = sum((np.linalg.norm(a) / s) ** 2 for a, s in zip(case.matrices, spectral, strict=True))
        divergence = beta**2 * squares / (2 * 2 ** (index / 2))
        return (case.margins < gamma).mean() + 4 * math.sqrt(
            (divergence + math.log(6 * N / (0.05 * share(index)))) / (N - 1)
        )

    assert case.bound("PAC-Bayes, spectral norms, margin").value == pytest.approx(case.best(bound))


@reference("linear interpolant", "Gaussian kernel interpolant")
@pytest.mark.parametrize("name", ["linear interpolant", "Gaussian kernel interpolant"])
def test_interpolants(case, name):
    X, Z, targets = case.X[:50, :-1], case.X_test[:, :-1], np.eye(CLASSES)[case.labels[:50]]
    if name.startswith("linear"):
        weights = np.linalg.pinv(X) @ targets
        outputs, test_outputs, norm, trace = X @ weights, Z @ weights, np.linalg.norm(weights), (X**2).sum()
    else:
        distances = np.linalg.norm(X[:, None] - X, axis=2)
        apart = np.linalg.norm(Z[:, None] - Z, axis=2)  # of the test images: the class is fixed before the sample
        h = 0.28 * np.median(apart[np.triu_indices(len(Z), 1)])
        K = np.exp(-(distances**2) / (2 * h**2))
        alpha = np.linalg.solve(K, targets)
        cross = np.exp(-((Z[:, None] - X) ** 2).sum(2) / (2 * h**2))
        outputs, test_outputs, norm, trace = K @ alpha, cross @ alpha, math.sqrt((alpha * targets).sum()), 50
    own = targets.astype(bool)
    values = outputs[own] - np.where(own, -np.inf, outputs).max(1)

    def bound(gamma):
        index = up(norm / gamma)
        complexity = 4 * 2.0**index * math.sqrt(CLASSES * trace) / 50
        return (values < gamma).mean() + complexity + deviation(50, 0.05 * share(index))

    evaluated, ball = case.bound(name), case.metrics["balls"][name]
    assert evaluated.value == pytest.approx(min(bound(gamma) for gamma in values[values > 0]), rel=1e-4)
    assert ball["norm"] == pytest.approx(norm, rel=1e-4)
    assert evaluated.measured == pytest.approx((test_outputs.argmax(1) != case.test_labels).mean())
    assert ball["rademacher"]["upper"] <= norm * math.sqrt(trace) / 50 * 1.2


@reference("PAC-Bayes, Gaussian")
def test_pac_bayes(case):
    evaluated, made_of = case.bound("PAC-Bayes, Gaussian"), case.metrics["pac_bayes"]
    d = case.metrics["parameters"]
    squared = sum(((a - m) ** 2).sum() for a, m in zip(case.matrices, case.initial, strict=True))
    s, prior = made_of["sigma"] ** 2, made_of["prior_variance"]
    divergence = 0.5 * (d * s / prior - d + squared / prior + d * math.log(prior / s))
    assert made_of["divergence"] == pytest.approx(divergence)
    assert prior == pytest.approx(s + squared / d, rel=2 ** (1 / 64) - 1)
    index = round(64 * math.log2(prior))
    complexity = (divergence + math.log(2 * math.sqrt(N) / (0.05 / 2 * share(index)))) / N
    if evaluated.value < 1:
        assert binary_kl(made_of["training_error_bound"], evaluated.value) == pytest.approx(complexity)
    estimate = binary_kl(made_of["mean_training_error"], made_of["training_error_bound"])
    assert estimate == pytest.approx(math.log(1 / (0.05 / 2 / 2)) / 3)
    assert evaluated.vacuous == (evaluated.value == 1)


@reference("Rademacher")
def test_random_signs(case):
    n, seed = 30, case.config.seed
    correlations = []
    for index, signs in enumerate(random_signs(n, 2, seed)):
        network = case.network(2, seed + index)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
        labels = torch.from_numpy((signs > 0).astype(np.int64))
        step = epoch = 0
        while step < 300:  # a look every 33 epochs
            epoch += 1
            order = torch.from_numpy(np.argsort(words(seed + index, "shuffling", [epoch], n)[0], kind="stable"))
            for batch in order.split(20):
                optimizer.zero_grad()
                nn.functional.cross_entropy(network(case.images[batch]), labels[batch]).backward()
                optimizer.step()
                step += 1
            predictions = network(case.images[:n]).argmax(1)
            if epoch % 33 == 0 and (predictions == labels).all():
                break
        correlations.append(float(signs @ (2.0 * predictions.numpy() - 1)) / n)
    rademacher = case.metrics["rademacher"]
    assert rademacher["value"] == pytest.approx(np.mean(correlations))
    assert rademacher["lower"] == pytest.approx(np.mean(correlations) - math.sqrt(2 * math.log(20) / (2 * n)))
    assert (rademacher["images"], rademacher["sign_vectors"]) == (n, 2)
    assert case.bound("Rademacher").value == pytest.approx(rademacher["lower"] + deviation(n, 0.05))


def softmax(scores):
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


@reference("uniform stability, convex")
def test_stability_of_the_linear_classifier(case):
    n, rate = 30, min(0.05, 2 / 65)
    X, Z, y = case.X[:n], case.X_test[:n], case.labels[:n]

    def fit(X, y):
        W = np.zeros((CLASSES, 65))
        for epoch in range(1, 4):
            for i in np.argsort(words(case.config.seed, "shuffling", [epoch], n)[0], kind="stable"):
                W -= rate * np.outer(softmax(W @ X[i]) - np.eye(CLASSES)[y[i]], X[i])
        return W

    def losses(W):
        points, labels = np.concatenate([X, Z]), np.concatenate([y, case.test_labels[:n]])
        return -np.log(softmax(points @ W.T)[np.arange(2 * n), labels])

    W = fit(X, y)
    differences, distances = [], []
    for pair in range(2):
        X_other, y_other = X.copy(), y.copy()
        X_other[pair], y_other[pair] = case.X[n + pair], case.labels[n + pair]
        W_other = fit(X_other, y_other)
        distances.append(np.linalg.norm(W - W_other))
        differences.append(np.abs(losses(W) - losses(W_other)).max())
    stability, bound = case.metrics["stability"]["linear"], case.bound("uniform stability, convex")
    assert stability["parameter_distance"] == pytest.approx(max(distances), rel=1e-4)
    assert stability["loss_difference"] == pytest.approx(max(differences), rel=1e-4)
    assert stability["train_loss"] == pytest.approx(losses(W)[:n].mean(), rel=1e-4)
    assert bound.value == pytest.approx(2 * (2 * 65) / n * 3 * n * rate)
    assert bound.gap == pytest.approx(losses(W)[n:].mean() - losses(W)[:n].mean(), rel=1e-3)
    assert bound.guessing == pytest.approx(math.log(CLASSES) - losses(W)[:n].mean(), rel=1e-4)
    assert max(distances) <= 2 * math.sqrt(2 * 65) / n * 3 * n * rate, "theorem 3.8's own bound on parameters"


@reference("uniform stability, not convex")
def test_stability_of_the_network(case):
    n, seed = 30, case.config.seed
    images = torch.cat([case.images[:n], case.test_images[:n]])
    labels = torch.from_numpy(np.concatenate([case.labels[:n], case.test_labels[:n]]))

    def losses(pair):
        given_images, targets = case.images[:n].clone(), torch.from_numpy(case.labels[:n].copy())
        if pair is not None:
            given_images[pair], targets[pair] = case.images[n + pair], int(case.labels[n + pair])
        network = case.network(CLASSES, seed)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
        for epoch in range(1, 11):  # of two steps
            order = torch.from_numpy(np.argsort(words(seed, "shuffling", [epoch], n)[0], kind="stable"))
            for batch in order.split(20):
                optimizer.zero_grad()
                nn.functional.cross_entropy(network(given_images[batch]), targets[batch]).backward()
                optimizer.step()
        return nn.functional.cross_entropy(network(images).double(), labels, reduction="none").detach()

    base = losses(None)
    stability = case.metrics["stability"]["network"]
    assert stability["steps"] == 20
    assert stability["loss_difference"] == pytest.approx(
        max(float((base - losses(p)).abs().max()) for p in (0, 1)), rel=1e-3
    )
    L, b, c = stability["lipschitz"], stability["smoothness"], 20 * 0.05
    M = float(base.max())
    assert stability["largest_loss"] == pytest.approx(M, rel=1e-4)
    expected = M * (1 + 1 / (b * c)) / (n - 1) * (2 * c * L**2 / M) ** (1 / (b * c + 1)) * 20 ** (b * c / (b * c + 1))
    assert case.bound("uniform stability, not convex").value == pytest.approx(expected, rel=1e-4)


def test_gradients_and_curvatures_are_seen(case):
    """The initial network's curvature, by the whole Hessian: power iteration comes near from below."""
    network = case.network(CLASSES, case.config.seed)
    names = [name for name, _ in network.named_parameters()]
    flat = torch.cat([p.detach().reshape(-1) for p in network.parameters()]).double()
    sizes = [p.shape for p in network.parameters()]

    def loss(vector, at):
        pieces = vector.split([size.numel() for size in sizes])
        parameters = {n: v.reshape(s) for n, v, s in zip(names, pieces, sizes, strict=True)}
        logits = torch.func.functional_call(network, parameters, (case.images[at : at + 1].double(),))
        return nn.functional.cross_entropy(logits, torch.tensor(case.labels[at : at + 1]))

    stability = case.metrics["stability"]["network"]
    gradients = [float(torch.func.grad(loss)(flat, at).norm()) for at in range(N)]
    hessians = [torch.autograd.functional.hessian(partial(loss, at=at), flat) for at in range(8)]
    curvatures = [float(torch.linalg.eigvalsh(hessian).abs().max()) for hessian in hessians]
    assert stability["lipschitz"] >= max(gradients) * (1 - 1e-5)
    assert stability["smoothness"] >= 0.95 * max(curvatures)


class KilledError(Exception):
    pass


class ShortLived(Parts):
    """Parts of a process that is killed while it is at work on its sixth."""

    budget = 5

    def __call__(self, name, compute):
        return super().__call__(name, lambda: self._last(compute))

    def _last(self, compute):
        if self.budget == 0:
            raise KilledError
        self.budget -= 1
        return compute()


def test_a_kill_between_parts_changes_nothing(digits, records, tmp_path, case):
    shares, again, kills = [], None, 0
    while again is None:
        try:
            parts = ShortLived(tmp_path, lambda name, share: shares.append(share))
            again = measured(case.config, digits, records, parts)
        except KilledError:
            kills += 1
    assert again == case.metrics
    assert kills > 1
    assert max(shares) < 1, "there are no more parts than were announced"


def test_the_spectral_bound_measures_from_the_initialisation(digits, records, tmp_path, monkeypatch):
    """A network that never left it: what is left of the bound are the margins missed and the deviation."""

    def untrained(config, randomized, records):
        _, initial, data = load_trained(config, randomized, records)
        return initial, initial, data

    monkeypatch.setattr("empirical.studies.bounds.measure.load_trained", untrained)
    monkeypatch.setattr(f"{__name__}.STUDY", replace(STUDY, sigmas=(0.3,), rademacher_draws=0, stability_pairs=0))
    metrics = measured(configuration("true-labels"), digits, records, Parts(tmp_path, lambda name, share: None))
    bounds = {entry["name"]: EvaluatedBound(**entry) for entry in metrics["bounds"]}
    assert bounds["spectral norms, margin"].value < 5 < bounds["Frobenius norms, margin"].value
    assert metrics["norms"]["distance_from_initialisation"] == 0
    assert {name for name, bound in bounds.items() if bound.note == "not measured"} == {
        "Rademacher",
        "uniform stability, convex",
        "uniform stability, not convex",
    }


def convolutional(image_shape, num_classes):
    layers = (
        nn.Conv2d(image_shape[0], 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4 * 6 * 6, num_classes),
    )
    return nn.Sequential(*layers)


def test_a_network_that_bounds_do_not_cover(digits, tmp_path, monkeypatch):
    monkeypatch.setitem(MODELS, "small-convolutional", Network(convolutional, "a small network"))
    config = configuration("true-labels", "small-convolutional")
    directory = RunDirectory(tmp_path / "records", config)
    with directory.claim():
        execute(config, digits, directory, Silent())
    metrics = measured(config, digits, tmp_path / "records", Parts(tmp_path / "parts", lambda name, share: None))
    bounds = {entry["name"]: EvaluatedBound(**entry) for entry in metrics["bounds"]}
    left_out = {name: bound.note for name, bound in bounds.items() if bound.vacuous is None}
    assert set(bounds) - set(left_out) == {
        "linear interpolant",
        "Gaussian kernel interpolant",
        "Rademacher",
        "uniform stability, convex",
    }
    assert "Conv2d" in left_out["VC"]
    assert "Conv2d" in left_out["spectral norms, margin"]
    for name in ("PAC-Bayes, Gaussian", "uniform stability, not convex"):
        assert "statistics of the training sample" in left_out[name]


def test_weights_in_any_memory_format():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, 2))
    expected = torch.cat([parameter.detach().reshape(-1) for parameter in network.parameters()])
    assert torch.equal(weight_vector(network.to(memory_format=torch.channels_last)), expected)


def test_stability_of_an_augmented_network_is_measured_without_augmentation(digits, records, tmp_path):
    """An augmented run keeps stored images beside those that are exchanged: it would not see the exchange."""
    plain = configuration("true-labels")
    augmented = plain.with_training(replace(plain.training, augmentation="flip-rotate", max_steps=20))
    directory = RunDirectory(tmp_path / "records", augmented)
    with directory.claim():
        execute(augmented, digits, directory, Silent())
    contents = [
        measured(config, digits, root, Parts(tmp_path / name, lambda name, share: None))
        for name, config, root in (("plain", plain, records), ("augmented", augmented, tmp_path / "records"))
    ]
    stability = [metrics["stability"]["network"]["parameter_distance"] for metrics in contents]
    assert stability[0] == stability[1] > 0
    notes = {entry["name"]: entry["note"] for entry in contents[1]["bounds"]}
    assert notes["uniform stability, not convex"].endswith("trained without augmentation")


# Verdicts on made-up records.


def bound(name: str, family: str, value: float | None, **more) -> EvaluatedBound:
    vacuous = value is None or value >= 1
    return EvaluatedBound(name, family, "test error", "made up", value, vacuous, 0.9, 0.1, 0.1, **more)


def made_up(test: str, gap: float, values: dict[str, float | None], lower: float | None = 0.98) -> Run:
    families = {"VC": "VC", "spectral": "norm", "stability": "stability", "PAC-Bayes": "PAC-Bayes"}
    config = bounds_of(configuration(test))
    metrics = {
        "gap": gap,
        "train_error": 0.0,
        "bounds": [asdict(bound(name, families[name], value)) for name, value in values.items()],
    }
    if lower is not None:
        signs = {"value": 1.0, "lower": lower, "upper": 1.0, "failure_probability": 0.05, "sign_vectors": 5}
        metrics["rademacher"] = signs | {"images": 1000}
    return made_up_run(config, metrics)


VALUES = {"VC": 14.0, "spectral": 1e6, "stability": 20.0, "PAC-Bayes": 0.95}


def verdicts(true: dict, random: dict, lower: float | None = 0.98, gaps=(0.03, 0.9)) -> dict[str, Verdict]:
    runs = [made_up("random-labels", gaps[1], random, lower), made_up("true-labels", gaps[0], true, lower)]
    (results,) = bounds_results(runs)
    assert [run.config.randomization for run in results.runs] == [TRUE_LABELS, RANDOM_LABELS]
    return {finding.claim.id: finding.evidence.verdict for finding in compare_bounds(results)}


def test_vacuous_bounds_do_not_tell_whatever_their_order():
    assert set(verdicts(VALUES, VALUES).values()) == {Verdict.HOLDS}
    assert verdicts(VALUES, VALUES | {"spectral": 4e6})["C22"] is Verdict.HOLDS
    assert verdicts(VALUES, VALUES | {"spectral": None})["C22"] is Verdict.HOLDS
    assert verdicts(VALUES | {"spectral": None}, VALUES)["C22"] is Verdict.HOLDS


def test_a_bound_that_tells():
    assert verdicts(VALUES | {"spectral": 0.5}, VALUES)["C22"] is Verdict.DOES_NOT_HOLD
    assert verdicts(VALUES | {"VC": 0.5}, VALUES | {"VC": None})["C22"] is Verdict.DOES_NOT_HOLD


def test_a_bound_between_guessing_and_one_does_not_tell():
    assert verdicts(VALUES | {"VC": 0.95}, VALUES)["C22"] is Verdict.HOLDS


def test_a_bound_that_says_the_same_of_both_does_not_tell():
    assert verdicts(VALUES | {"stability": 0.5}, VALUES | {"stability": 0.5})["C22"] is Verdict.HOLDS


def test_other_families_stand_beside():
    assert verdicts(VALUES | {"PAC-Bayes": 0.2}, VALUES)["C22"] is Verdict.HOLDS


def test_c22_is_not_decided_without_what_decides_it():
    without = {name: value for name, value in VALUES.items() if name != "VC"}
    assert verdicts(without, without)["C22"] is Verdict.NOT_DECIDED
    assert verdicts(VALUES, VALUES, gaps=(0.9, 0.9))["C22"] is Verdict.NOT_DECIDED
    (alone,) = bounds_results([made_up("true-labels", 0.03, VALUES)])
    decided = {finding.claim.id: finding.evidence.verdict for finding in compare_bounds(alone)}
    assert decided["C21"] is Verdict.HOLDS
    assert decided["C22"] is Verdict.NOT_DECIDED


def test_a_network_that_was_stopped_before_it_fitted_decides_nothing():
    runs = [made_up("random-labels", 0.9, VALUES), made_up("true-labels", 0.03, VALUES)]
    runs[0].summary.metrics["train_error"] = 0.4
    for max_steps, expected in ((40, Verdict.NOT_DECIDED), (60_000, Verdict.HOLDS)):
        changed = [
            replace(run, config=run.config.with_training(replace(run.config.hyper_parameters, max_steps=max_steps)))
            for run in runs
        ]
        (results,) = bounds_results(changed)
        assert {finding.claim.id: finding.evidence.verdict for finding in compare_bounds(results)}["C22"] is expected


def test_c21_is_a_lower_bound():
    assert verdicts(VALUES, VALUES, lower=0.91)["C21"] is Verdict.HOLDS
    assert verdicts(VALUES, VALUES, lower=0.89)["C21"] is Verdict.NOT_DECIDED
    assert verdicts(VALUES, VALUES, lower=None)["C21"] is Verdict.NOT_DECIDED


def test_sets_share_network_images_and_study():
    runs = [made_up("true-labels", 0.03, VALUES), made_up("random-labels", 0.9, VALUES)]
    reseeded = [replace(run, config=replace(run.config, seed=1)) for run in runs]
    assert [len(results.runs) for results in bounds_results([*runs, *reseeded])] == [2, 2]
    wider = replace(runs[1].config, what=StudyRun(BoundsConfig(), runs[1].config.training))
    (results, _) = bounds_results([runs[0], replace(runs[1], config=wider)])
    assert len(results.runs) == 1


def test_the_table():
    true = made_up("true-labels", 0.03, VALUES | {"PAC-Bayes": 0.99999})
    random = made_up("random-labels", 0.9, VALUES | {"spectral": None, "stability": 0.1})
    (results,) = bounds_results([true, random])
    rows = {row[0]: row[1:] for row in bounds_table(results).rows}
    assert rows["VC"] == ("14", "14", "0.1", "0.1", "vacuous")
    assert rows["spectral"] == ("1e+06", "overflows", "0.1", "0.1", "vacuous")
    assert rows["stability"] == ("20", "0.1", "0.1", "0.1", "vacuous / no")
    assert rows["PAC-Bayes"] == ("1 - 1e-05", "0.95", "0.1", "0.1", "above guessing")
    assert "60 training" in bounds_table(results).title
