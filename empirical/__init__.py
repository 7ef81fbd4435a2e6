"""What is measured on real images, and held against the theory and the paper: `python -m empirical.run`.

datasets        image data as (images uint8, labels), with digests
randomization   the paper's six tests, pure functions of data and seed
preprocessing   centre crop and per-image whitening
augmentation    random changes of training images
models          the paper's networks
image_source    a network's images, batch after batch: in the device's memory
streamed_images the same, read whenever they are needed
training        one loop: a record an epoch, exact resume
distributed     one run over several processes
training_loss   the loss along a run, as papers draw it
schedule        how long the paper trains, and how fast its step size falls
experiments     named lists of runs
execution       one run, recorded
records         what a run leaves behind
claims          the paper's claims, decided from records by stated rules
paper_tables    rows of the paper's tables, its values beside ours
diagnosis       why a network does not fit random labels
plan            what the runs of a command need, before they start
step_cost       a network's training, measured for seconds
stopwatch       seconds of work, without waiting for a core
run             the command line
options         what it takes
job             what it asks for, carried out
api             experiments from Python
session_code    networks and optimisers that a Python session gives
"""

from typing import TYPE_CHECKING

from theory.common.lazy import lazy_names

if TYPE_CHECKING:
    from empirical.api import ExperimentResults, run_experiment
    from empirical.claims.randomization_tests import ResultSet, compare, result_sets, table
    from empirical.datasets import ImageDataset, ImageSplit, load
    from empirical.datasets.preprocessing import preprocess
    from empirical.models import build_model
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
