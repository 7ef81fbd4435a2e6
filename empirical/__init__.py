"""What is measured on real images, and held against the theory and the paper: `python -m empirical.run`.

datasets        image data as (images uint8, labels), with digests; preprocessing
randomization   the paper's tests, pure functions of data and seed
models          the paper's networks, and later ones
training        one loop: data, steps, evaluation, exact resume, ranks
kernels         feature maps, and runs without a network
runs            what a run is, and what it leaves behind
studies         measurements that hold theory against trained networks
execution       one run, many runs, progress, status
experiments     named experiments and their scales
claims          the paper's claims, decided from records by stated rules
observers       runs told to TensorBoard and others as they are recorded
report          tables on a terminal and as CSV
planning        what runs will need, before they start
diagnosis       why a network does not fit random labels
run, options, job   the command line: its words, what it takes, what it asks for
planned_runs    the runs that a command's options ask for
launch, ranked_runs  where they are carried out: here, on a cluster, under torchrun
claimed_run     one run from its claim to its end
api, session_code   experiments from Python
import_path     the user's own models and optimisers, by name
source_digest   the user's code as a part of a run's identity
outcome         a classifier's results on a test set, small enough for a record
text_table      a table of plain text, for the console and the page alike
"""

from typing import TYPE_CHECKING

from theory.common.lazy import lazy_names
from theory.common.version import __version__ as __version__

if TYPE_CHECKING:
    from empirical.api import ExperimentResults, run_experiment
    from empirical.claims.randomization_tests import compare
    from empirical.claims.result_sets import ResultSet, result_sets
    from empirical.claims.results_table import table
    from empirical.datasets import ImageDataset, ImageSplit, load
    from empirical.datasets.preprocessing import preprocess
    from empirical.models import build_model
    from empirical.observers import Observer
    from empirical.randomization import Randomization, RandomizedDataset, parse_test, randomize
    from empirical.runs.config import RunConfig
    from empirical.runs.records import Run, read_runs
    from empirical.training.config import TrainingConfig
    from empirical.training.data import ResidentData
    from empirical.training.epoch_record import EpochRecord
    from empirical.training.loop import train
    from theory.label_noise import corrupt_labels

__all__ = [
    "EpochRecord",
    "ExperimentResults",
    "ImageDataset",
    "ImageSplit",
    "Observer",
    "Randomization",
    "RandomizedDataset",
    "ResidentData",
    "ResultSet",
    "Run",
    "RunConfig",
    "TrainingConfig",
    "build_model",
    "compare",
    "corrupt_labels",
    "load",
    "parse_test",
    "preprocess",
    "randomize",
    "read_runs",
    "result_sets",
    "run_experiment",
    "table",
    "train",
]

__getattr__, __dir__ = lazy_names(__name__, __file__)
