"""Every check against a network or a pipeline broken on purpose: it alone is what is to be changed first."""

import dataclasses
import itertools
import math
import os
import sys
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from empirical.datasets import load
from empirical.diagnosis import (
    Answer,
    Pass,
    Probe,
    Verdict,
    check_accuracy,
    check_dead_units,
    check_duplicates,
    check_gradients,
    check_images_fixed,
    check_labels_fixed,
    check_labels_random,
    check_narrowest_layer,
    check_parameters,
    check_schedule,
    check_step_size,
    check_stochastic_layers,
    check_weight_decay,
    diagnose,
    first_problem,
    probe,
    read_pass,
)
from empirical.diagnosis.gradient_flow import UnitCount, parameter_gradients, relu_units
from empirical.diagnosis.label_randomness import agreement_up_to_permutation, nearest_neighbours
from empirical.diagnosis.passes import image_digests
from empirical.diagnosis.probe import Fit, fit_in_training_mode, given_labels
from empirical.randomization import parse_test, randomize
from empirical.run import main
from empirical.runs.preparation import resident_data
from empirical.training.config import TrainingConfig
from empirical.training.data import ResidentData
from empirical.training.evaluation import evaluate

N, D, K = 300, 64, 10
CONFIG = TrainingConfig(learning_rate=0.01)

LABELS_FIXED = "Does an image keep its label"
LABELS_RANDOM = "Are the random labels random"
IMAGES_FIXED = "Does an image stay the same"
ORDER = "Do the samples come in random order"
SCALE = "Are the images normalised"
CLASSES = "Are the classes numbered from 0"
OUTPUTS = "Are the network's outputs logits"
STOCHASTIC = "Is a layer random in training"
DECAY = "Is weight decay on"
ACCURACY = "Is accuracy measured"
DEAD = "Are ReLU units dead"
GRADIENTS = "Does every layer get a gradient"
STEP = "Is the step size right"
SCHEDULE = "Does the learning-rate schedule last"
PARAMETERS = "Are there enough parameters"
NARROW = "Is a layer too narrow"
DUPLICATES = "Can the labels be fitted at all"
ALL = (
    LABELS_FIXED,
    LABELS_RANDOM,
    IMAGES_FIXED,
    ORDER,
    SCALE,
    CLASSES,
    OUTPUTS,
    STOCHASTIC,
    DECAY,
    ACCURACY,
    DEAD,
    GRADIENTS,
    STEP,
    SCHEDULE,
    PARAMETERS,
    NARROW,
    DUPLICATES,
)


@pytest.fixture(scope="module")
def data() -> ResidentData:
    """300 digits with random labels."""
    randomized = randomize(load("digits", None).subset(N, 10), parse_test("random-labels"), seed=0)
    return resident_data(randomized, 28, "cpu")


def relu(width: int) -> nn.Module:
    return nn.ReLU()


def mlp(*hidden: int, between: tuple[Callable[[int], nn.Module], ...] = (relu,), seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in itertools.pairwise((D, *hidden)):
        layers += [nn.Linear(inputs, outputs), *(kind(outputs) for kind in between)]
    return nn.Sequential(*layers, nn.Linear(hidden[-1], K))


def first_to_change(model: nn.Module, data: ResidentData, config: TrainingConfig = CONFIG, **options) -> Answer | None:
    return first_problem(diagnose(model, data, config, **options))


def blamed(model: nn.Module, data: ResidentData, config: TrainingConfig = CONFIG, **options) -> str:
    problem = first_to_change(model, data, config, **options)
    assert problem is not None, "nothing found"
    assert problem.advice
    return problem.question


# The healthy network ---------------------------------------------------------------------------------------------


def test_a_healthy_network_passes_every_check(data):
    answers = list(diagnose(mlp(256), data, CONFIG))
    assert [answer.question.startswith(start) for answer, start in zip(answers, ALL, strict=True)] == [True] * len(ALL)
    assert [(answer.question, answer.answer) for answer in answers if answer.verdict is not Verdict.OK] == []
    assert first_problem(answers) is None


def test_the_paper_s_networks_and_batch_norm_pass(data):
    batch_norm = mlp(256, 256, between=(nn.BatchNorm1d, relu))
    for model in (mlp(512, 512, 512), batch_norm):
        assert first_to_change(model, data) is None


def test_the_model_and_the_generator_are_left_as_they_are(data):
    model = mlp(32, between=(nn.BatchNorm1d, relu))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(5)
    list(diagnose(model, data, CONFIG))
    numbers = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(numbers, torch.rand(3))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_true_labels_need_not_be_random(data):
    true = dataclasses.replace(data, train_labels=data.clean_labels)
    assert first_to_change(mlp(256), true, random_labels=False) is None
    assert blamed(mlp(256), true).startswith(LABELS_RANDOM)


# 1. The data -----------------------------------------------------------------------------------------------------


class Redrawn(TensorDataset):
    """Draws a label at every access."""

    def __getitem__(self, index):
        image, _ = super().__getitem__(index)
        return image, torch.randint(K, ())


class WithIndex(TensorDataset):
    """Tells the index, and adds noise to the images: augmentation."""

    def __getitem__(self, index):
        image, label = super().__getitem__(index)
        return image + 0.1 * torch.randn_like(image), label, index


def by_place(batches):
    """Gives the labels to places in the batch."""

    class Pipeline:
        def __iter__(self):
            for number, (images, labels) in enumerate(batches):
                random = torch.Generator().manual_seed(number)
                yield images, torch.randint(K, labels.shape, generator=random)

    return Pipeline()


def two_passes(batches) -> tuple[Pass, Pass]:
    return read_pass(batches, 10_000, 0)[0], read_pass(batches, 10_000, 0)[0]


def loader(kind: type[TensorDataset], data: ResidentData, shuffle: bool = True) -> DataLoader:
    torch.manual_seed(0)
    return DataLoader(kind(data.train_images, data.train_labels), batch_size=50, shuffle=shuffle)


def test_a_healthy_pipeline(data):
    passes = two_passes(loader(TensorDataset, data))
    assert passes[0].digests != passes[1].digests
    assert first_to_change(mlp(256), data, passes=passes) is None


def test_labels_redrawn_at_every_epoch(data):
    problem = first_to_change(mlp(256), data, passes=two_passes(loader(Redrawn, data)))
    assert problem.question.startswith(LABELS_FIXED)
    assert "drawn anew" in problem.answer
    assert problem.measured["matched"] == N
    assert problem.measured["changed"] / N == pytest.approx(1 - 1 / K, abs=0.07)  # 4 standard deviations


def test_labels_by_place_in_the_batch(data):
    problem = first_to_change(mlp(256), data, passes=two_passes(by_place(loader(TensorDataset, data))))
    assert problem.question.startswith(LABELS_FIXED)
    assert "by the place in the batch" in problem.answer


def test_labels_by_place_do_not_show_without_shuffling(data):
    answer = check_labels_fixed(*two_passes(by_place(loader(TensorDataset, data, shuffle=False))))
    assert answer.verdict is Verdict.OK
    assert "would not show: shuffle" in answer.answer


def test_augmentation_by_index(data):
    problem = first_to_change(mlp(256), data, passes=two_passes(loader(WithIndex, data)))
    assert problem.question.startswith(IMAGES_FIXED)
    assert problem.measured == {"compared": N, "changed": N}


def test_augmentation_without_index(data):
    passes = [dataclasses.replace(reading, indices=None) for reading in two_passes(loader(WithIndex, data))]
    assert check_labels_fixed(*passes).verdict is Verdict.CANNOT_TELL
    assert check_images_fixed(*passes).verdict is Verdict.PROBLEM


def test_a_pass_that_leaves_samples_out_is_no_augmentation():
    """As drop_last does, or a sampler with replacement, of whose images 37% do not come again."""
    digests = tuple(bytes([i]) for i in range(200))
    labels = np.zeros(200, np.int64)
    for kept in (slice(0, 190), slice(0, 126)):
        answer = check_images_fixed(Pass(digests, labels), Pass(digests[kept], labels[kept]))
        assert answer.verdict is Verdict.CANNOT_TELL
        assert "drop_last" in answer.answer
        assert "indices" in answer.advice
    half = (*digests[:100], *(bytes([255, i]) for i in range(100)))
    assert check_images_fixed(Pass(digests, labels), Pass(half, labels)).verdict is Verdict.PROBLEM


def test_passes_that_were_cut():
    labels = np.arange(40) % K
    digests = tuple(bytes([i]) for i in range(40))
    cut = (Pass(digests[:30], labels[:30], None, False), Pass(digests[5:], labels[5:], None, False))
    assert check_labels_fixed(*cut).measured == {"matched": 25, "changed": 0}
    assert check_images_fixed(*cut).verdict is Verdict.CANNOT_TELL


def test_equal_images_with_two_labels_are_fixed_all_the_same():
    digests = (b"a", b"a", b"b")
    forth, back = Pass(digests, np.array([0, 1, 2])), Pass(digests[::-1], np.array([2, 1, 0]))
    assert check_labels_fixed(forth, back).verdict is Verdict.OK


def test_a_permutation_of_the_classes_is_not_random(data):
    permuted = (data.clean_labels + 3) % K
    relabelled = dataclasses.replace(data, train_labels=permuted)
    unknown = dataclasses.replace(relabelled, clean_labels=permuted)
    assert not (permuted == data.clean_labels).any()
    for fed in (relabelled, unknown):
        assert blamed(mlp(256), fed).startswith(LABELS_RANDOM)
    assert check_labels_random(relabelled.train_images, permuted, data.clean_labels, K, 0).measured["agreement"] == 1


def test_the_test_of_randomness_has_its_size(data):
    """Random labels are called dependent once in 1,000; twice in 40 (probability 8e-4) would be too often."""
    random = np.random.default_rng(0)
    images = data.train_images[:60]
    rejected = Counter(
        check_labels_random(images, torch.from_numpy(random.integers(0, K, 60)), clean, K, seed=0).verdict
        for clean in [data.clean_labels[:60], None]
        for _ in range(20)
    )
    assert rejected[Verdict.PROBLEM] < 2


def test_agreement_up_to_permutation_is_the_best_of_all():
    random = np.random.default_rng(0)
    labels, reference = random.integers(0, 4, (2, 30))
    best = max((np.array(s)[reference] == labels).mean() for s in itertools.permutations(range(4)))
    assert agreement_up_to_permutation(labels, reference, 4) == best


def test_nearest_neighbours():
    images = torch.tensor([0.0, 1.0, 1.5, 9.0]).reshape(4, 1, 1, 1)
    assert nearest_neighbours(images).tolist() == [1, 2, 1, 2]


# 2. Regularisation -----------------------------------------------------------------------------------------------


def test_dropout_is_named(data):
    problem = first_to_change(mlp(256, between=(relu, lambda width: nn.Dropout())), data)
    assert problem.question.startswith(STOCHASTIC)
    assert "3 (p = 0.5)" in problem.answer


class FunctionalDropout(nn.Module):
    def __init__(self, *, always: bool):
        super().__init__()
        self.always, self.inner = always, mlp(256)

    def forward(self, images):
        return functional.dropout(self.inner(images), 0.2, training=self.always or self.training)


def test_dropout_that_is_no_module(data):
    problem = first_to_change(FunctionalDropout(always=False), data)
    assert problem.question.startswith(STOCHASTIC)
    assert "no nn.Dropout on" in problem.answer
    assert (
        "even in evaluation mode"
        in check_stochastic_layers(FunctionalDropout(always=True), data.train_images, 0).answer
    )


def test_batch_norm_and_idle_dropout_are_not_random(data):
    model = mlp(64, between=(nn.BatchNorm1d, relu, lambda width: nn.Dropout(0.0)))
    answer = check_stochastic_layers(model, data.train_images, 0)
    assert answer.verdict is Verdict.OK
    assert answer.measured["difference_in_training"] == 0


def test_weight_decay(data):
    assert blamed(mlp(256), data, TrainingConfig(learning_rate=0.01, weight_decay=5e-4)).startswith(DECAY)
    assert (
        check_weight_decay(mlp(8), TrainingConfig(learning_rate=0.01, optimizer="torch.optim:AdamW")).measured[
            "weight_decay"
        ]
        == 0.01
    )
    assert (
        check_weight_decay(mlp(8), TrainingConfig(learning_rate=0.01, optimizer="torch.optim:Adam")).verdict
        is Verdict.OK
    )


# 3. Accuracy -----------------------------------------------------------------------------------------------------


def test_batch_norm_whose_averages_stand_still(data):
    model = mlp(256, between=(lambda width: nn.BatchNorm1d(width, momentum=1e-7), relu))
    model[2].running_mean.fill_(3.0)
    problem = first_to_change(model, data, TrainingConfig(learning_rate=0.1))
    assert problem.question.startswith(ACCURACY)
    assert "hardly move, momentum 1e-07" in problem.answer
    assert problem.measured["fixed_with_fresh_statistics"] > problem.measured["fixed"] + 0.05


def test_batches_too_small_for_their_statistics(data):
    """Pairs of one image in two brightnesses, labelled by which is brighter: the statistics of the pair tell, those of
    all the data do not.
    """
    brightness = torch.rand(100, 1, generator=torch.Generator().manual_seed(0))
    values = torch.cat([brightness - 0.01, brightness + 0.01], dim=1).reshape(200, 1, 1, 1)
    labels = torch.tensor([0, 1]).repeat(100)
    pairs = ResidentData(values, labels, labels, values[:1], labels[:1])
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(1), nn.Linear(1, 2))
    network[1].eps = 1e-9
    with torch.no_grad():
        network[2].weight.copy_(torch.tensor([[-1.0], [1.0]]))
        network[2].bias.zero_()
    config = TrainingConfig(learning_rate=0.01, batch_size=2)
    fixed = (evaluate(network, values).argmax(dim=1) == labels).double().mean().item()
    result = Probe(0.1, 1, Fit(1.0, 0.5), fit_in_training_mode(network, pairs, 2, 0), 0.5, fixed, (), network)
    assert result.after.accuracy == 1
    answer = check_accuracy(result, pairs, config)
    assert answer.verdict is Verdict.PROBLEM
    assert "larger batches than 2" in answer.advice


def test_the_running_mean_is_that_of_changing_weights(data):
    """Against the loop written out: each batch by the weights of its step, then the fixed network."""
    model = mlp(256)
    result = probe(model, data, TrainingConfig(batch_size=100, learning_rate=0.1), seed=0)
    assert result.steps == 42  # 14 epochs of 3
    hits = result.network(data.train_images).argmax(dim=1) == data.train_labels
    assert result.fixed_accuracy == hits.double().mean().item() == result.after.accuracy
    assert result.running_accuracy < result.fixed_accuracy
    assert sorted(result.passes[0].digests) == sorted(image_digests(data.train_images))
    labels = dict(zip(image_digests(data.train_images), data.train_labels.tolist(), strict=True))
    assert [labels[digest] for digest in result.passes[1].digests] == result.passes[1].labels.tolist()
    answer = check_accuracy(result, data, CONFIG)
    assert answer.verdict is Verdict.OK
    assert answer.measured["running"] == result.running_accuracy


def test_running_accuracy_of_one_step(data):
    """With one batch an epoch the running mean is the accuracy before the step: of the network one epoch earlier."""
    config = TrainingConfig(batch_size=N, learning_rate=0.05)
    result = probe(mlp(64), data, config, seed=0)
    assert result.steps == 40
    shorter = probe(mlp(64), data, dataclasses.replace(config, max_steps=39), seed=0)
    assert result.running_accuracy == shorter.fixed_accuracy
    rare = probe(mlp(64), data, dataclasses.replace(config, epochs_per_record=7, epochs_per_train_evaluation=7), seed=0)
    assert (rare.steps, rare.running_accuracy, len(rare.passes)) == (40, result.running_accuracy, 2)


def test_labels_from_the_gradient_of_the_loss():
    torch.manual_seed(0)
    logits = torch.cat([torch.randn(50, K), 200 * torch.randn(50, K), torch.zeros(10, K)]).requires_grad_()
    labels = torch.cat([torch.randint(K, (100,)), torch.arange(10)])
    (gradient,) = torch.autograd.grad(functional.cross_entropy(logits, labels), logits)
    recovered, correct = given_labels(logits.detach(), gradient)
    assert torch.equal(recovered, labels)
    assert torch.equal(correct, logits.argmax(dim=1) == labels)


# 4. Gradients ----------------------------------------------------------------------------------------------------


def test_dead_units(data):
    model = mlp(256)
    nn.init.constant_(model[1].bias, -1000.0)
    problem = first_to_change(model, data)
    assert problem.question.startswith(DEAD)
    assert "256 of 256 units of 2" in problem.answer
    assert "initialise their biases" in problem.advice
    few, many = {"2": UnitCount(10, 1)}, {"2": UnitCount(10, 6)}
    assert "training killed them" in check_dead_units(few, many).advice
    assert check_dead_units(many, few).verdict is Verdict.OK


def test_units_are_features_or_channels():
    image = torch.tensor([[-1.0, 2.0], [0.0, -1.0]]).reshape(1, 1, 2, 2)
    shared = nn.ReLU()
    convolutional = nn.Sequential(nn.Conv2d(1, 3, 1, bias=False), shared, nn.Flatten(), shared)
    convolutional[0].weight.data = torch.tensor([1.0, -1.0, 0.0]).reshape(3, 1, 1, 1)
    units = relu_units(convolutional, torch.cat([image, torch.zeros_like(image)]), batch_size=1, seed=0)
    assert units == {"1": UnitCount(3, 1), "1 #2": UnitCount(12, 9)}


def test_a_network_without_relu_modules():
    assert check_dead_units({}, None).verdict is Verdict.CANNOT_TELL


def test_a_frozen_layer(data):
    model = mlp(256, 256)
    model[1].requires_grad_(False)
    problem = first_to_change(model, data)
    assert problem.question.startswith(GRADIENTS)
    assert "frozen: 1.weight, 1.bias" in problem.answer


def test_a_network_frozen_altogether(data):
    assert "no, frozen: " in first_to_change(mlp(8).requires_grad_(False), data).answer


def test_a_parameter_that_is_not_used(data):
    model = mlp(256)
    model.register_parameter("forgotten", nn.Parameter(torch.ones(3, 3)))
    problem = first_to_change(model, data)
    assert "no part of the output: forgotten" in problem.answer


def test_vanishing_gradients(data):
    problem = first_to_change(mlp(*[64] * 12, between=(lambda width: nn.Sigmoid(),)), data)
    assert problem.question.startswith(GRADIENTS)
    assert "gradients vanish" in problem.answer
    assert problem.measured["ratio"] > 1e4


def test_a_last_layer_that_starts_at_zero_is_no_problem(data):
    model = mlp(256)
    nn.init.zeros_(model[3].weight)
    before = parameter_gradients(model, data, 128, seed=0)
    assert next(g.norm for g in before if g.name == "1.weight") == 0
    assert first_to_change(model, data) is None
    assert check_gradients(before, None).verdict is Verdict.PROBLEM


def test_gradients_are_those_of_the_mean_loss(data):
    model = mlp(16)
    functional.cross_entropy(model(data.train_images), data.train_labels).backward()
    expected = {name: parameter.grad.norm().item() for name, parameter in model.named_parameters()}
    measured = {g.name: g.norm for g in parameter_gradients(model, data, 70, seed=0)}
    assert measured == pytest.approx(expected, rel=1e-5)  # float32 sums in another order


# 5. The step size ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [1e-6, 1e-5])
def test_too_small_a_step(data, rate):
    problem = first_to_change(mlp(256), data, TrainingConfig(learning_rate=rate))
    assert problem.question.startswith(STEP)
    assert problem.answer.startswith("too small")
    assert 0.01 <= advised(problem) <= 1


@pytest.mark.parametrize("rate", [100.0, 1e30])
def test_too_large_a_step(data, rate):
    problem = first_to_change(mlp(256), data, TrainingConfig(learning_rate=rate))
    assert problem.question.startswith(STEP)
    assert problem.answer.startswith("too large")
    if rate == 100:
        assert 0.01 <= advised(problem) <= 1


def advised(problem: Answer) -> float:
    return float(problem.advice.split("--training.learning-rate ")[1].split(",")[0])


def test_a_schedule_that_decays_at_once(data):
    problem = first_to_change(mlp(256), data, TrainingConfig(learning_rate=0.01, decay_steps=2))
    assert problem.question.startswith(SCHEDULE)
    assert problem.measured["sum_of_steps"] == pytest.approx(0.01 * 2 / 0.05)


def probes(fall_at):
    """Made-up probes: the loss falls by fall_at(rate)."""
    return lambda rate: SimpleNamespace(learning_rate=rate, steps=40, fall=fall_at(rate), stopped="")


def test_verdicts_on_the_step_size():
    short = TrainingConfig(learning_rate=0.01, max_steps=400)
    cases = [
        (lambda rate: -math.inf if rate > 1e-3 else 0.1, CONFIG, "too large"),
        (lambda rate: 0.01 - rate, TrainingConfig(learning_rate=0.05), "too large"),
        (lambda rate: min(rate, 0.9), short, "too small"),  # three times 400 steps are worth a fall by 0.3
        (lambda rate: min(2 * rate, 0.9), short, "in 40 steps"),  # by 0.6
        (lambda rate: min(rate, 0.105), short, "in 40 steps"),  # steps of that size are not small
        (lambda rate: 0.2 if rate <= 0.01 else -1.0, short, "in 40 steps"),
        (lambda rate: 0.4 if rate == 0.1 else rate, short, "in 40 steps"),  # nor if smaller ones reach further
        (lambda rate: 0.0, short, "in 40 steps"),
    ]
    for fall_at, config, start in cases:
        assert check_step_size(probes(fall_at), config).answer.startswith(start)


def test_the_schedule_is_blamed_only_where_the_step_size_is_not():
    config = TrainingConfig(learning_rate=0.01, decay_steps=1)  # worth 20 steps of 0.01
    assert check_schedule(probes(lambda rate: min(10 * rate, 0.6)), config).verdict is Verdict.PROBLEM  # 0.15
    assert check_step_size(probes(lambda rate: min(10 * rate, 0.6)), config).verdict is Verdict.OK
    assert check_schedule(probes(lambda rate: 0.9), config).verdict is Verdict.OK


# 6. Capacity -----------------------------------------------------------------------------------------------------


def test_a_bottleneck_of_one_unit(data):
    problem = first_to_change(mlp(256, 1, 256, seed=1), data)
    assert problem.question.startswith(NARROW)
    assert "all passes through 3, of 1 unit;" in problem.answer


class Beside(nn.Module):
    """A narrow branch that everything can pass by."""

    def __init__(self):
        super().__init__()
        self.wide, self.narrow = mlp(256), nn.Sequential(nn.Flatten(), nn.Linear(D, 1), nn.Linear(1, K))

    def forward(self, images):
        return self.narrow(images) + self.wide(images)


def test_a_narrow_branch_is_no_bottleneck(data):
    answer = check_narrowest_layer(Beside(), data.train_images)
    assert answer.verdict is Verdict.OK
    assert answer.measured["narrowest"] == 1


def test_too_few_parameters(data):
    few = nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(16, K))
    assert blamed(few, data).startswith(PARAMETERS)
    verdicts = [check_parameters(nn.Linear(9, 10), n, 20).verdict for n in (40, 41, 100, 101)]
    assert verdicts == [Verdict.OK, Verdict.CANNOT_TELL, Verdict.CANNOT_TELL, Verdict.PROBLEM]


def test_an_image_that_occurs_twice_with_two_labels(data):
    images, labels = data.train_images.clone(), data.train_labels.clone()
    images[7], labels[7] = images[3], (labels[3] + 1) % K
    repeated = dataclasses.replace(data, train_images=images, train_labels=labels)
    problem = first_to_change(mlp(256), repeated)
    assert problem.question.startswith(DUPLICATES)
    assert problem.answer.startswith("1 image occurs more than once")
    assert problem.measured["best_accuracy"] == 1 - 1 / N


def test_the_best_accuracy_is_that_of_the_most_frequent_labels():
    samples = Pass((b"a", b"a", b"a", b"b", b"c", b"c"), np.array([0, 1, 1, 2, 3, 3]))
    answer = check_duplicates(samples)
    assert answer.measured == {
        "images_that_occur_again": 5,
        "labels_that_cannot_be_fitted": 1,
        "best_accuracy": 1 - 1 / 6,
    }
    assert "83.3%" in answer.answer


# Answers and pipelines -------------------------------------------------------------------------------------------


def test_answers_are_frozen_and_problems_have_advice():
    answer = Answer("?", "yes", Verdict.OK)
    with pytest.raises(dataclasses.FrozenInstanceError):
        answer.verdict = Verdict.PROBLEM
    with pytest.raises(ValueError, match="needs advice"):
        Answer("?", "no", Verdict.PROBLEM)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"image": 1}, r"\(images, labels, indices\), got a dict"),
        ((torch.zeros(2, 1, 4, 4),), "got a tuple of 1"),
        ((torch.zeros(2, 16), torch.zeros(2).long()), r"images must be \(batch, channels, height, width\)"),
        ((torch.zeros(2, 1, 4, 4), torch.zeros(2)), "labels must be 2 integers"),
        ((torch.tensor([0.0, torch.nan]).view(2, 1, 1, 1), torch.zeros(2).long()), "image 1 of a batch contains NaN"),
        ((torch.zeros(2, 1, 4, 4), torch.zeros(2, 1).long()), "labels must be 2 integers"),
        ((torch.zeros(2, 1, 4, 4), torch.tensor([0, -1])), "a label is -1"),
        ((torch.zeros(2, 1, 4, 4), torch.zeros(2).long(), torch.zeros(3).long()), "indices must be 2 integers"),
    ],
)
def test_bad_batches(batch, message):
    with pytest.raises(ValueError, match=message):
        read_pass([batch], 10, 10)


def test_a_pass_ends_at_its_limit():
    batches = [(torch.full((4, 1, 1, 1), float(number)), torch.arange(4)) for number in range(3)]
    cut, images = read_pass(batches, limit=8, keep=5)
    assert (len(cut.labels), cut.whole, images.flatten().tolist()) == (8, False, [0, 0, 0, 0, 1])
    assert read_pass(batches, limit=12, keep=0)[0].whole


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.uint8, torch.bool])
def test_images_of_any_dtype(dtype):
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 2, (6, 1, 4, 4), generator=random).to(dtype)
    reading, kept = read_pass([(images, torch.arange(6))], 10, 10)
    assert len(set(reading.digests)) == 6
    assert kept.dtype == torch.float32
    assert torch.equal(kept, images.float())
    assert image_digests(images.flip(3).flip(3)) == reading.digests, "equal content, whatever its strides"
    assert image_digests(images.mT) != reading.digests


# The command -----------------------------------------------------------------------------------------------------

PIPELINES = """
import numpy as np
from sklearn.datasets import load_digits

images = (load_digits().images[:200, None] / 16).astype(np.float32)
labels = np.random.default_rng(0).integers(0, 10, 200)

class Pipeline:
    def __init__(self, redraw):
        self.random, self.redraw = np.random.default_rng(1), redraw
    def __iter__(self):
        for rows in np.split(self.random.permutation(200), 4):
            yield images[rows], self.random.integers(0, 10, 50) if self.redraw else labels[rows]

def healthy():
    return Pipeline(False)

def redrawn():
    return Pipeline(True)

def once():
    return iter(healthy())

def bfloat16():
    import torch
    return [(torch.as_tensor(x).bfloat16(), torch.as_tensor(y)) for x, y in healthy()]

def empty():
    return []

def number():
    return 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "pipelines_e2e.py").write_text(PIPELINES)
    (tmp_path / "networks_e2e.py").write_text(
        "from torch import nn\n"
        "def dropping(shape, classes):\n"
        "    hidden = nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.5)\n"
        "    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(256, classes))\n"
        "def wrong(shape, classes):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))\n"
        "def broken(shape, classes):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(63, classes))\n"
    )
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("pipelines_e2e", "networks_e2e"):
        sys.modules.pop(name, None)
    assert sorted(os.listdir(tmp_path)) in (
        ["networks_e2e.py", "pipelines_e2e.py"],
        ["__pycache__", "networks_e2e.py", "pipelines_e2e.py"],
    ), "a diagnosis writes nothing"


def test_the_command_on_the_default_network_and_data(folder, capsys):
    assert main(["diagnose"]) == 0
    output = capsys.readouterr().out.splitlines()
    assert output[0] == (
        "mlp-1x512 on digits, random labels, 1,297 training images (trained on: the first 1,000); cpu, seed 0"
    )
    assert len(output) == 2 + len(ALL)
    assert all(line.startswith("[ok] ") for line in output[1:-1])
    assert output[-1] == "Nothing found that stands in the way of fitting these labels."


def test_the_command_names_the_first_thing_to_change(folder, capsys):
    assert main(["diagnose", "--model", "networks_e2e:dropping", "--train-size", "200"]) == 1
    captured = capsys.readouterr()
    header, *_, first, advice = captured.out.splitlines()
    assert header == "networks_e2e:dropping on digits, random labels, 200 training images; cpu, seed 0"
    assert "... a short training at step size 0.01\n" in captured.err
    assert first == f"First thing to change: {STOCHASTIC}, such as dropout? Yes, dropout: 3 (p = 0.5)."
    assert advice == "What to do: Set p = 0 in these layers, or leave them out of the network."


def test_the_command_is_stopped(folder, capsys, monkeypatch):
    """What was found until then has been printed."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["empirical.diagnosis.diagnose"], "check_step_size", interrupted)
    assert main(["diagnose", "--train-size", "100"]) == 130
    captured = capsys.readouterr()
    assert f"[ok] {LABELS_FIXED}" in captured.out
    assert captured.err.endswith("stopped\n")


def test_the_command_on_a_pipeline(folder, capsys):
    for name, status in (("bfloat16", 0), ("healthy", 0), ("once", 0), ("redrawn", 1)):
        assert main(["diagnose", "--pipeline", f"pipelines_e2e:{name}"]) == status
        output = capsys.readouterr().out
        assert f"on pipelines_e2e:{name}, 200 training images" in output
    assert f"First thing to change: {LABELS_FIXED}" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "networks_e2e:wrong"], "must give logits of shape (2, 10) for two images, it gives (2, 3)"),
        (["--model", "networks_e2e:broken"], "fails on images (2, 1, 8, 8): RuntimeError"),
        (["--pipeline", "pipelines_e2e:none"], "pipeline (--pipeline): module 'pipelines_e2e' has no 'none'"),
        (["--pipeline", "pipelines_e2e:empty"], "gives no samples"),
        (["--pipeline", "pipelines_e2e:number"], "gives a int, not something to iterate"),
        (["--model", "mlp-1by512"], "did you mean 'mlp-1x512'"),
    ],
)
def test_the_command_on_bad_input(folder, arguments, message, capsys):
    assert main(["diagnose", *arguments]) == 2
    assert message in capsys.readouterr().err
