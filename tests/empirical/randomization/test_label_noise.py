import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from empirical.datasets import load
from empirical.randomization import (
    KINDS,
    RANDOM_LABELS,
    TEST_SPELLINGS,
    TRUE_LABELS,
    GivenLabels,
    NoNoise,
    PairFlip,
    Randomization,
    Symmetric,
    Transition,
    Uniform,
    parse_test,
    randomize,
    uniform,
)
from empirical.runs.config import RunConfig
from empirical.runs.packed import PACKED, read_packed
from theory.label_noise import corrupt_labels

RESULTS = Path(__file__).parents[3] / "results"
CLEAN = np.arange(20_000) % 4
MATRIX = ((0.6, 0.4, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.25, 0.25, 0.25, 0.25), (0.0, 0.0, 0.9, 0.1))
GIVEN = GivenLabels.of((CLEAN + (np.arange(20_000) % 5 == 0)) % 4).on(CLEAN, 4)
DRAWN = [NoNoise(), Uniform(0.3), Uniform(1.0), Symmetric(0.4), PairFlip(0.3), Transition(MATRIX)]
EVERY = [*DRAWN, GIVEN]

probabilities = st.floats(0, 1, exclude_min=True)
pixels = st.sampled_from(["original", "shuffled", "random", "gaussian"])


@st.composite
def noises(draw, directory: Path):
    """Any noise; a matrix or labels that were read from a file in the directory."""
    kind = draw(st.sampled_from(KINDS))
    if kind is NoNoise:
        return kind()
    if kind not in (Transition, GivenLabels):
        return kind(draw(probabilities))
    k, name = draw(st.integers(2, 5)), draw(st.sampled_from(["a+b-0.1", "pair-flip-0.3", "with blanks", "plain"]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    path = directory / f"{name}{draw(st.sampled_from(['.npy', '.json']))}"
    array = random.dirichlet(np.ones(k), size=k) if kind is Transition else random.integers(0, k, 8)
    if path.suffix == ".npy":
        np.save(path, array)
    else:
        path.write_text(json.dumps(array.tolist()))
    return kind.read(path)


@given(st.data(), pixels)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_spelled_is_parsed_and_what_is_recorded_is_read(tmp_path, data, pixels):
    test = Randomization(pixels, data.draw(noises(tmp_path)))
    assert parse_test(test.option) == test
    record = json.loads(json.dumps(test.record()))
    assert Randomization.from_record(record) == test
    assert Randomization.from_record(record).record() == test.record()
    assert Randomization.from_record(record).name == test.name


def test_every_spelling_of_the_help_is_parsed(tmp_path):
    np.save(tmp_path / "matrix.npy", np.eye(3))
    np.save(tmp_path / "labels.npy", np.arange(3))
    torch.save({"NAME": torch.arange(3)}, tmp_path / "labels.pt")
    for spelling in TEST_SPELLINGS:
        word = (
            spelling.replace("-P", "-0.25")
            .replace("mixed-S", "mixed-0.25")
            .replace("PIXELS+LABELS", "gaussian+random-labels")
        )
        word = word.replace("FILE.pt", str(tmp_path / "labels.pt"))
        word = word.replace("FILE", str(tmp_path / ("matrix.npy" if "transition" in word else "labels.npy")))
        assert parse_test(word).option == word
    assert {kind.kind for kind in KINDS} == {noise.kind for noise in EVERY}, "a new kind joins these tests"


def test_the_records_of_the_papers_tests_are_what_they_were():
    assert TRUE_LABELS.record() == {"pixels": "original", "label_noise": 0.0}
    assert json.dumps(RANDOM_LABELS.record()) == '{"pixels": "original", "label_noise": 1.0}'
    assert Randomization("gaussian", uniform(0.25)).record() == {"pixels": "gaussian", "label_noise": 0.25}
    assert json.dumps(Uniform(1).record()) == "1.0"
    assert uniform(0) == NoNoise()
    assert parse_test("corrupted-0") == TRUE_LABELS
    assert parse_test("corrupted-1") == RANDOM_LABELS


def test_every_committed_record_reads_back_with_its_hash_and_its_content():
    records = [
        (name, record["config"])
        for path in RESULTS.glob(f"*/{PACKED}")
        for name, record in read_packed(path.parent).items()
    ]
    assert records
    for name, content in records:
        config = RunConfig.restored(content)
        assert config.hash == name.rpartition("_")[2]
        recorded = config.recorded()["randomization"]
        assert recorded | content["randomization"] == recorded, "later fields may have joined"


def test_a_newer_versions_kind_is_told():
    with pytest.raises(ValueError, match="unknown kind of label noise 'dream': the record is of a newer version"):
        Randomization.from_record({"pixels": "original", "label_noise": {"kind": "dream", "p": 0.5}})


@pytest.mark.parametrize("noise", EVERY, ids=lambda noise: noise.name)
def test_labels_follow_the_transition_matrix(noise):
    """Chi-square tests, size 0.1% each; where only one label is possible, every label is that one."""
    labels, transition = noise.draw(CLEAN, 4, 0), noise.transition(4)
    np.testing.assert_allclose(transition.sum(axis=1), 1, rtol=1e-12)
    assert labels.dtype == np.int64
    for label, row in enumerate(transition):
        counts, possible = np.bincount(labels[label == CLEAN], minlength=4), row > 0
        assert (counts[~possible] == 0).all()
        if possible.sum() > 1:
            assert stats.chisquare(counts[possible], counts.sum() * row[possible]).pvalue > 1e-3


@pytest.mark.parametrize("noise", [Uniform(0.3), Symmetric(0.4), PairFlip(0.3), Transition(MATRIX)])
def test_another_matrix_would_be_noticed(noise):
    labels, wrong = noise.draw(CLEAN, 4, 0), np.roll(noise.transition(4), 1, axis=0)
    counts = np.bincount(labels[CLEAN == 0], minlength=4)
    likely = wrong[0] > 0
    assert counts[~likely].any() or stats.chisquare(counts[likely], counts.sum() * wrong[0][likely]).pvalue < 1e-3


def test_drawing_changes_no_input_and_repeats():
    for noise in EVERY:
        before = CLEAN.copy()
        first, again = noise.draw(CLEAN, 4, 1), noise.draw(CLEAN, 4, 1)
        np.testing.assert_array_equal(first, again)
        np.testing.assert_array_equal(CLEAN, before)
    assert (Symmetric(0.4).draw(CLEAN, 4, 0) != Symmetric(0.4).draw(CLEAN, 4, 1)).any()
    np.testing.assert_array_equal(Uniform(0.3).draw(CLEAN, 4, 5), corrupt_labels(CLEAN, 4, 0.3, 5))


def test_kinds_have_streams_of_their_own():
    """Which labels change is another question for each kind: half of the labels, so chance agrees on half of them."""
    changed = [noise.draw(CLEAN, 4, 0) != CLEAN for noise in (Symmetric(0.5), PairFlip(0.5))]
    assert abs(np.mean(changed[0] == changed[1]) - 0.5) < 4 * 0.5 / len(CLEAN) ** 0.5


def test_what_copying_gives():
    assert NoNoise().copying_accuracy(0.8, 10) == 0.8
    assert Uniform(0.5).copying_accuracy(0.8, 10) == pytest.approx(0.45)
    assert Symmetric(0.4).copying_accuracy(0.9, 10) == pytest.approx(0.9 * 0.6 + 0.1 * 0.4 / 9)
    assert PairFlip(0.3).copying_accuracy(1.0, 10) == pytest.approx(0.7)
    assert GIVEN.copying_accuracy(1.0, 4) == pytest.approx(0.8)


def test_which_noise_leaves_nothing_to_learn():
    independent = [Uniform(1.0), Symmetric(0.9), Transition(((0.3, 0.7), (0.3, 0.7)))]
    assert all(noise.is_independent(k) for noise, k in zip(independent, (10, 10, 2), strict=True))
    assert not Symmetric(1.0).is_independent(10), "every label is wrong, which tells something"
    assert not PairFlip(1.0).is_independent(10), "one permutation of the classes is as learnable as the truth"
    assert not any(noise.is_independent(4) for noise in EVERY if noise != Uniform(1.0))


def test_only_the_papers_corruption_has_a_level():
    levels = {noise.name: noise.uniform_level for noise in EVERY if noise.uniform_level is not None}
    assert levels == {"true labels": 0.0, "corrupted labels, p = 0.3": 0.3, "random labels": 1.0}
    assert Randomization("shuffled", Uniform(0.3)).corruption is None, "the images are changed as well"
    assert [noise for noise in EVERY if Randomization(label_noise=noise).partial] == [Uniform(0.3)]


@pytest.mark.parametrize("kind", [Uniform, Symmetric, PairFlip])
@pytest.mark.parametrize("p", [0, -0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(kind, p):
    with pytest.raises(ValueError, match=f"{kind.kind} label noise takes a probability p in 0 .. 1, above 0"):
        kind(p)


def test_a_number_is_no_label_noise():
    with pytest.raises(TypeError, match=r"label_noise must be a LabelNoise such as Uniform\(0.2\), got 0.5"):
        Randomization(label_noise=0.5)


def test_another_class_takes_two_classes():
    for noise in (Symmetric(0.5), PairFlip(0.5)):
        with pytest.raises(ValueError, match="at least 2 classes, got 1"):
            noise.transition(1)


def write(path: Path, array: np.ndarray) -> str:
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".json":
        path.write_text(json.dumps(array.tolist()))
    else:
        np.savetxt(path, array, delimiter="," if path.suffix == ".csv" else " ", fmt="%.17g")
    return str(path)


def test_the_content_of_a_file_is_its_identity(tmp_path):
    matrix, labels = np.array(MATRIX), np.arange(40) % 4
    files = [f"{name}.{suffix}" for name, suffix in (("a", "npy"), ("b", "csv"), ("c", "txt"), ("d", "json"))]
    matrices = {parse_test(f"transition:{write(tmp_path / f'm{file}', matrix)}") for file in files}
    noises = {parse_test(f"labels:{write(tmp_path / f'l{file}', labels)}") for file in files}
    assert len(matrices) == len(noises) == 1
    assert matrices == {Randomization(label_noise=Transition(MATRIX))}
    changed = parse_test(f"labels:{write(tmp_path / 'l.npy', (labels + 1) % 4)}")
    assert changed not in noises
    assert changed.name not in {test.name for test in noises}


def test_printed_decimals_are_divided_by_their_sum(tmp_path):
    path = tmp_path / "thirds.csv"
    path.write_text("0.333,0.333,0.333\n0,1,0\n0.1,0.2,0.7\n")
    np.testing.assert_allclose(Transition.read(path).transition(3)[0], 1 / 3, rtol=1e-15)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("m.csv", "0.5,0.4\n0,1\n", "row 0 sums to 0.9"),
        ("m.csv", "1,0\n", "square"),
        ("m.csv", "0.5,half\n", "holds no array of numbers"),
        ("m.csv", "", "holds no array of numbers"),
        ("m.json", "[[1, 0], [0]]", "holds no array of numbers"),
        ("m.json", "{", "holds no array of numbers"),
        ("m.json", '{"a": 1}', "holds no array of numbers"),
        ("m.xyz", "", "its name must end in .npy, .csv, .txt, .json"),
    ],
)
def test_a_file_without_a_matrix_is_refused(tmp_path, name, content, says):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(ValueError, match=says) as refused:
        parse_test(f"transition:{path}")
    assert str(path) in str(refused.value)


def test_pickled_objects_are_refused(tmp_path):
    np.save(tmp_path / "human.npy", np.array({"worse_label": np.arange(3)}, dtype=object))
    with pytest.raises(ValueError, match="holds no array of numbers"):
        parse_test(f"labels:{tmp_path / 'human.npy'}")


@pytest.mark.parametrize("kind", ["transition", "labels"])
def test_a_file_that_is_not_there_is_told(kind):
    with pytest.raises(ValueError, match=f"{kind}:FILE takes a file, and there is none called 'nowhere.npy'"):
        parse_test(f"{kind}:nowhere.npy")


@pytest.mark.parametrize("labels", [[3], [[3]], [[3], [1]], [[3, 1]]])
def test_a_list_of_classes_may_be_a_row_or_a_column_and_of_one(labels):
    given = GivenLabels.of(labels).labels
    assert given.tolist() == np.ravel(labels).tolist()


@pytest.mark.parametrize("labels", [3, [[0, 1], [1, 0]], [0.5, 1.0], [0, -1], [np.nan, 1.0], []])
def test_what_is_no_list_of_classes_is_refused(labels):
    with pytest.raises(ValueError, match=r"must be one class number 0, 1, \.\.\. for each training sample"):
        GivenLabels.of(labels)


def test_given_labels_of_a_data_set():
    digits = load("digits")
    clean = digits.train.labels
    noise = GivenLabels.of((clean + 1) % 10, "human.npy")
    noise.check(clean, 10)
    test = Randomization(label_noise=noise).on(digits.subset(100, 50))
    np.testing.assert_array_equal(randomize(digits.subset(100, 50), test, 3).data.train.labels, (clean[:100] + 1) % 10)
    np.testing.assert_array_equal(test.label_noise.transition(10), np.roll(np.eye(10), 1, axis=1))
    assert test == Randomization(label_noise=GivenLabels.of((clean[:100] + 1) % 10)).on(digits.subset(100)), "as used"
    recorded = Randomization.from_record(test.record())
    assert recorded == test
    with pytest.raises(ValueError, match="were read from a record, which does not hold them: read their file again"):
        randomize(digits.subset(100), recorded, 0)
    with pytest.raises(ValueError, match=r"not compared with clean labels yet: call on\(labels, num_classes\)"):
        noise.transition(10)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (np.zeros(100, dtype=int), r"human.npy holds 100 labels, and the data set 1,297 training samples"),
        (np.zeros(1298, dtype=int), r"holds 1,298 labels, and the data set 1,297 training samples"),
        (np.full(1297, 10), r"has the label 10 \(sample 0\), but with 10 classes labels are in 0 .. 9"),
    ],
)
def test_labels_that_do_not_suit_the_data_set_are_refused(labels, says):
    with pytest.raises(ValueError, match=says):
        Randomization(label_noise=GivenLabels.of(labels, "human.npy")).check(load("digits"))


def test_too_few_labels_are_refused():
    with pytest.raises(ValueError, match="contains 3 labels for 5 training samples"):
        GivenLabels.of([0, 1, 2]).on(np.zeros(5, dtype=np.int64), 3)


def test_a_matrix_of_other_classes_is_refused():
    test = Randomization(label_noise=Transition(MATRIX))
    for refused in (test.check, test.on):
        with pytest.raises(ValueError, match="of 4 classes, and the data have 10"):
            refused(load("digits"))


def test_a_class_without_samples_keeps_its_label():
    noise = replace(GIVEN, counts=((1, 1), (0, 0)))
    np.testing.assert_array_equal(noise.transition(2), [[0.5, 0.5], [0.0, 1.0]])
