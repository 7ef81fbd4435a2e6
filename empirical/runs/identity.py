"""A configuration as JSON, and the fields that name a run: one rule by which every configuration can grow.

A record is named by a hash of its configuration. A new field must leave the names of all earlier records as they are: a
later field is left out of the hash where its value is the value that a record without the field means. That value is
the field's default, or what its metadata has under `before`. Only the fields that were there from the first are always
in the hash: `FIRST_FIELDS` lists them, and that list never grows. Whoever adds a field with a default to a
configuration, or a new configuration, needs to do nothing else. Whoever changes the default of a later field gives it
the old one: `field(default=new, metadata={"before": old})`.
"""

import hashlib
import json
from dataclasses import MISSING, Field, fields, is_dataclass
from inspect import getmro
from typing import TYPE_CHECKING, Any, TypeVar

from empirical.kernels.config import KernelConfig
from empirical.randomization import LabelNoise, Randomization
from empirical.runs.studies import (
    BitsConfig,
    BoundsConfig,
    DoubleDescentConfig,
    DynamicsConfig,
    InterpolantsConfig,
    MeasuresConfig,
    MemorisationConfig,
    NetworkDoubleDescentConfig,
    NoiseConfig,
    OrderConfig,
    PacBayesConfig,
)
from empirical.training.config import TrainingConfig

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

C = TypeVar("C", bound="DataclassInstance")

FIRST_FIELDS: dict[type, str] = {
    Randomization: "pixels label_noise",
    TrainingConfig: "optimizer learning_rate momentum weight_decay learning_rate_decay decay_steps batch_size "
    "max_steps",
    KernelConfig: "kernel bandwidth features ridge interpolant solver leave_one_out certify",
    DynamicsConfig: "width scale rate fitted max_steps",
    NoiseConfig: "levels bandwidth repeats",
    InterpolantsConfig: "norms fractions images draws",
    BoundsConfig: "failure_probability sigmas noise_draws kernel_images rademacher_draws rademacher_images "
    "rademacher_steps stability_pairs stability_images stability_steps linear_epochs",
    MemorisationConfig: "networks share removed networks_without together shown",
    DoubleDescentConfig: "ratios levels bandwidth",
    NetworkDoubleDescentConfig: "ratios levels networks steps learning_rate look_ratio",
    BitsConfig: "offered vocabulary length head steps batch_size learning_rate",
    MeasuresConfig: "draws search_steps bisections",
    OrderConfig: "ratio radius search_steps images",
    PacBayesConfig: "threshold failure_probability sampling_failure_probability largest_prior_variance "
    "priors_per_factor_e first_variance steps batch_size learning_rate variance_rate draws stretches",
}
"""The fields with a default that each configuration had in its first records; never add to these lists."""


def recorded(config: Any) -> Any:
    """All fields of a configuration, as its record holds them: mappings, lists, numbers, strings."""
    return _content(config, whole=True)


def identity(config: Any) -> Any:
    """The part of `recorded` that names a run: later fields are left out where they have the value of records without
    them."""
    return _content(config, whole=False)


def digest(content: dict[str, Any]) -> str:
    """Twelve hexadecimal digits of SHA-256 of the content as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def restored(kind: type[C], content: dict[str, Any]) -> C:
    """The configuration that `recorded` wrote, now or before some of its fields existed.

    Raises TypeError for names that are no fields of the configuration.
    """
    earlier = {attribute.name: _earlier(attribute) for attribute in fields(kind) if attribute.name not in content}
    stated = {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}
    return kind(**{name: value for name, value in earlier.items() if value is not MISSING}, **stated)


def _content(value: Any, *, whole: bool) -> Any:
    if isinstance(value, LabelNoise):
        return value.record()
    if not is_dataclass(value):
        return list(value) if isinstance(value, tuple) else value
    first = next((FIRST_FIELDS[kind].split() for kind in getmro(type(value)) if kind in FIRST_FIELDS), [])
    return {
        attribute.name: _content(getattr(value, attribute.name), whole=whole)
        for attribute in fields(value)
        if whole or attribute.name in first or getattr(value, attribute.name) != _earlier(attribute)
    }


def _earlier(attribute: Field[Any]) -> Any:
    """The value that a record without the field means; MISSING for a field in every record."""
    default = attribute.default_factory() if attribute.default_factory is not MISSING else attribute.default
    return attribute.metadata.get("before", default)
