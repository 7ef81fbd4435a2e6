r"""How much a rule's answer on a training image owes to that image: memorisation scores (Feldman 2020).

critical_samples    points with another predicted class nearby (Arpit et al. 2017): search, and exactly if linear
label_bits          how many bits of labels p parameters hold: constructions, and what counting allows
memorised_bits      how much shorter a model makes the code of its training data (Morris et al. 2025)
scores              the score from networks trained on random subsets, with its error
agreement           rank correlation of two estimates of the scores, with its interval
nearest_neighbour   the score of one-nearest-neighbour, exactly
"""

from typing import TYPE_CHECKING

from theory.common.lazy import lazy_names

if TYPE_CHECKING:
    from theory.memorisation.agreement import Agreement, rank_agreement
    from theory.memorisation.critical_samples import find_critical_samples, linear_critical_radius
    from theory.memorisation.label_bits import counting_bits, narrow_bits, theorem_1_bits
    from theory.memorisation.memorised_bits import memorised_bits, most_memorised_bits, uniform_bits
    from theory.memorisation.nearest_neighbour import nearest_neighbour_memorisation
    from theory.memorisation.scores import Counts, MemorisationScores, count_hits, memorisation_scores

__all__ = [
    "Agreement",
    "Counts",
    "MemorisationScores",
    "count_hits",
    "counting_bits",
    "find_critical_samples",
    "linear_critical_radius",
    "memorisation_scores",
    "memorised_bits",
    "most_memorised_bits",
    "narrow_bits",
    "nearest_neighbour_memorisation",
    "rank_agreement",
    "theorem_1_bits",
    "uniform_bits",
]

__getattr__, __dir__ = lazy_names(__name__, __file__)
