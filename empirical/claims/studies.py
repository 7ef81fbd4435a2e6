"""The experiments that compare theory with measurement: how each sorts runs, decides claims and shows its numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from empirical.claims.bits import bits_results, bits_table, compare_bits
from empirical.claims.bounds import bounds_results, bounds_table, compare_bounds
from empirical.claims.capacity import capacity_results, capacity_table, compare_capacity
from empirical.claims.distance import compare_distance, distance_results, distance_table
from empirical.claims.double_descent import compare_double_descent, double_descent_results, double_descent_table
from empirical.claims.dynamics import compare_dynamics, dynamics_results, dynamics_table
from empirical.claims.interpolants import compare_interpolants, interpolants_results, interpolants_table
from empirical.claims.label_noise import compare_noise, noise_results, noise_table
from empirical.claims.measures import compare_measures, measures_results, measures_table
from empirical.claims.memorisation import compare_memorisation, memorisation_results, memorisation_table
from empirical.claims.network_double_descent import (
    compare_network_double_descent,
    network_double_descent_results,
    network_double_descent_table,
)
from empirical.claims.order import compare_order, order_results, order_table
from empirical.claims.pac_bayes import compare_pac_bayes, pac_bayes_results, pac_bayes_table
from empirical.claims.results import Results
from empirical.runs.records import Run
from empirical.text_table import TextTable
from theory.claims import Finding


@dataclass(frozen=True)
class Comparison:
    """How one experiment's records are read.

    Attributes:
        title: the title of its section.
        results: sorts runs into sets that are compared with one another.
        compare: decides the claims that a set bears on.
        table: shows a set.
    """

    title: str
    results: Callable[[list[Run]], Sequence[Results]]
    compare: Callable[[Any], list[Finding]]
    table: Callable[[Any], TextTable]


COMPARISONS: Mapping[str, Comparison] = {
    "capacity": Comparison("Capacity", capacity_results, compare_capacity, capacity_table),
    "bounds": Comparison("Complexity measures and bounds", bounds_results, compare_bounds, bounds_table),
    "dynamics": Comparison("Predicted dynamics", dynamics_results, compare_dynamics, dynamics_table),
    "distance": Comparison("Images moved apart", distance_results, compare_distance, distance_table),
    "noise": Comparison("Label noise", noise_results, compare_noise, noise_table),
    "interpolants": Comparison("Two interpolants", interpolants_results, compare_interpolants, interpolants_table),
    "order": Comparison("The order of learning", order_results, compare_order, order_table),
    "memorisation": Comparison("Memorisation", memorisation_results, compare_memorisation, memorisation_table),
    "double-descent": Comparison(
        "Double descent", double_descent_results, compare_double_descent, double_descent_table
    ),
    "network-double-descent": Comparison(
        "Double descent of networks",
        network_double_descent_results,
        compare_network_double_descent,
        network_double_descent_table,
    ),
    "measures": Comparison("Measures of generalisation", measures_results, compare_measures, measures_table),
    "pac-bayes": Comparison("Optimised PAC-Bayes bound", pac_bayes_results, compare_pac_bayes, pac_bayes_table),
    "bits": Comparison("Bits per parameter", bits_results, compare_bits, bits_table),
}
"""The comparisons by the name of their experiment."""
