"""Each of the causes that people name, planted and found; the page has them all."""

import pytest
import torch
from torch import nn

from empirical.diagnosis import Verdict, check_classes, check_order, check_outputs, check_scale
from empirical.diagnosis.passes import Pass
from tests.empirical.diagnosis.planted import BEGIN, CAUSES, END, PAGE, diagnosed, digits, network


@pytest.fixture(scope="module")
def data():
    return digits()


@pytest.mark.parametrize("cause", CAUSES)
def test_what_was_planted_is_found(data, cause):
    plant, question = CAUSES[cause]
    problem = diagnosed(plant, data)
    assert problem is not None
    assert problem.question.startswith(question)
    assert problem.advice


def test_the_page_has_every_cause_and_all_are_found():
    table = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip().splitlines()[2:]
    if not table:
        pytest.skip("the table has not been made: python -m tests.empirical.diagnosis.planted")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert [row[0] for row in rows] == list(CAUSES)
    assert {row[1] for row in rows} == {"yes"}
    assert all(row[2].startswith(question) for row, (_, question) in zip(rows, CAUSES.values(), strict=True))


def test_outputs(data):
    images = data.train_images[:20]
    assert check_outputs(network(32), images).verdict is Verdict.OK
    softmax = check_outputs(network(32, last=nn.Softmax(dim=1)), images)
    assert "they are probabilities" in softmax.answer
    assert softmax.measured["least_loss"] == pytest.approx(1.46, abs=0.02)  # log(1 + 9 / e)
    for harmless in (nn.LogSoftmax(dim=1), nn.Identity(), nn.LayerNorm(10)):
        assert check_outputs(network(32, last=harmless), images).verdict is Verdict.OK
    for harmful in (nn.Sigmoid(), nn.Tanh(), nn.LayerNorm(10, elementwise_affine=False)):
        assert check_outputs(network(32, last=harmful), images).verdict is Verdict.PROBLEM


class Capped(nn.Module):
    """Logits within 30 of zero, as some large models have them."""

    def forward(self, logits):
        return 30 * torch.tanh(logits / 30)


def test_a_cap_on_logits_does_no_harm(data):
    assert check_outputs(network(32, last=Capped()), data.train_images[:20]).verdict is Verdict.OK


def test_scale_classes_and_order(data):
    assert check_scale(data.train_images).verdict is Verdict.OK
    assert check_scale(255 * torch.rand(4, 1, 8, 8)).verdict is Verdict.PROBLEM
    labels = torch.arange(40) % 10
    assert check_classes(labels, 10).verdict is Verdict.OK
    assert check_classes(labels + 1, 11).verdict is Verdict.PROBLEM
    assert check_classes(labels[labels > 0], 100).verdict is Verdict.OK, "some classes may be missing"
    digests = tuple(bytes([i]) for i in range(40))
    assert check_order(Pass(digests, labels.numpy())).verdict is Verdict.OK
    assert check_order(Pass(digests, labels.sort().values.numpy())).verdict is Verdict.PROBLEM
    assert check_order(Pass(digests[:5], labels[:5].numpy())).verdict is Verdict.CANNOT_TELL
