"""A run keeps its name when configurations grow: tried on every record in the repository."""

from dataclasses import field, fields, is_dataclass, make_dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from empirical.kernels.config import KernelConfig
from empirical.randomization import Randomization
from empirical.runs.config import Explicit, KernelRun, RunConfig, StudyRun, Trained
from empirical.runs.identity import FIRST_FIELDS, restored
from empirical.runs.packed import PACKED, read_packed
from empirical.runs.studies import STUDIES, NoiseConfig
from empirical.training.config import TrainingConfig
from tests.made_up import made_up_config

RESULTS = Path(__file__).parents[3] / "results"
CONFIGURATIONS = (
    *(RunConfig, Randomization, TrainingConfig, KernelConfig, *STUDIES.values()),
    *(Trained, Explicit, KernelRun, StudyRun),
)


@cache
def records() -> dict[str, RunConfig]:
    """Configurations by the name of the run, as recorded years ago or yesterday."""
    folders = [path.parent for path in RESULTS.glob(f"*/{PACKED}")]
    packed = {name: record for folder in folders for name, record in read_packed(folder).items()}
    return {name: RunConfig.restored(record["config"]) for name, record in packed.items()}


def grown(value, kind: type, larger: type, **new):
    """The same configuration of a program in which `kind` has another field."""
    if not is_dataclass(value):
        return value
    values = {field.name: grown(getattr(value, field.name), kind, larger, **new) for field in fields(value)}
    return larger(**values, **new) if type(value) is kind else type(value)(**values)


def test_records_in_the_repository_are_named_by_their_configurations():
    """A hash that has changed makes the same command run again what is recorded."""
    assert {config.kind for config in records().values()} == {"trained", "explicit", "kernel", *STUDIES}
    assert [name for name, config in records().items() if not name.endswith(f"_{config.hash}")] == []


def in_numpy(value):
    """The same configuration of NumPy's numbers."""
    if is_dataclass(value):
        given = [field.name for field in fields(value) if field.init]
        return type(value)(**{name: in_numpy(getattr(value, name)) for name in given})
    if isinstance(value, tuple):
        return tuple(map(in_numpy, value))
    return {bool: np.bool_, int: np.int64, float: np.float64}.get(type(value), lambda number: number)(value)


def test_numpys_numbers_name_the_same_run():
    """A loop over `np.arange(3)` has seeds that are no `int`, which JSON does not write."""
    assert [name for name, config in records().items() if in_numpy(config).hash != config.hash] == []


@pytest.mark.parametrize("kind", CONFIGURATIONS)
def test_a_new_field_with_a_default_renames_no_run(kind):
    larger = make_dataclass(kind.__name__, [("added", int, field(default=3))], bases=(kind,), frozen=True)
    concerned = 0
    for name, config in records().items():
        assert grown(config, kind, larger).hash == config.hash, name
        concerned += grown(config, kind, larger, added=4).hash != config.hash
    assert concerned, "some record has this configuration, and another value names another run"


@pytest.mark.parametrize("kind", STUDIES.values())
def test_a_changed_measurement_is_measured_again(kind):
    version = field(default=2, metadata={"before": 1})
    changed = make_dataclass(kind.__name__, [("version", int, version)], bases=(kind,), frozen=True)
    assert kind().version == 1, "the records in the repository are of the first version"
    first = made_up_config(StudyRun(kind()))
    assert replace(first, what=StudyRun(changed())).hash != first.hash
    assert replace(first, what=StudyRun(changed(version=1))).hash == first.hash
    assert restored(changed, {}).version == 1, "a record without a version is of the first"


@pytest.mark.parametrize(
    ("model", "before"),
    [("mlp-1x512", "torch"), ("inception", "glorot"), ("alexnet", "glorot"), ("resnet-18", "own"), ("a:b", "own")],
)
def test_records_without_an_initialisation_mean_that_of_their_time(model, before):
    """A perceptron that starts from Glorot's weights is never taken for one that started from torch's."""
    stated = {rule: TrainingConfig(initialization=rule) for rule in ("own", "torch", "glorot", "he", None)}
    configs = {rule: made_up_config(Trained(training), model=model) for rule, training in stated.items()}
    old = configs[before].recorded()
    del old["training"]["initialization"]
    assert RunConfig.restored(old) == configs[before]
    assert len({config.hash for config in configs.values()}) == len(configs)


def test_the_first_fields_are_fields_with_a_default():
    for kind, names in FIRST_FIELDS.items():
        names_of_kind = {field.name for field in fields(kind)}
        assert set(names.split()) <= names_of_kind, f"a field of {kind.__name__} is gone: its records cannot be read"


def test_what_is_recorded_is_read_back():
    study = StudyRun(NoiseConfig(levels=(0.0, 1.0)))
    kinds = (Trained(TrainingConfig(dropout=0.5)), Explicit(), KernelRun(KernelConfig(ridge=1.0)), study)
    for what in kinds:
        config = made_up_config(what)
        assert RunConfig.restored(config.recorded()) == config


def test_a_kind_that_does_not_fit_is_refused():
    recorded = made_up_config(Trained(TrainingConfig())).recorded()
    for change in ({"kind": "magic"}, {"training": None}, {"kind": "kernel"}, {"kind": "noise"}):
        with pytest.raises(ValueError, match="no run of kind"):
            RunConfig.restored(recorded | change)
    with pytest.raises(TypeError, match="unheard"):
        RunConfig.restored(recorded | {"unheard": 1})


def test_a_run_is_asked_only_for_what_it_has():
    explicit = made_up_config(Explicit())
    with pytest.raises(TypeError, match="kind explicit has no hyper-parameters"):
        explicit.hyper_parameters  # noqa: B018
    with pytest.raises(TypeError, match="kind explicit has no NoiseConfig"):
        explicit.study_of(NoiseConfig)
    with pytest.raises(TypeError, match="no hyper-parameters"):
        explicit.with_training(TrainingConfig())
