"""Runs told to others as they are recorded: TensorBoard, Weights & Biases, MLflow, or an observer of the user's.

observer      what an observer is, and the numbers that it is told
telling       each epoch told once, over interruptions
named         observers by name
tensorboard   event files below the records
wandb         Weights & Biases, offline unless asked otherwise
mlflow        MLflow, in the file `mlflow.db` below the records unless asked otherwise
"""

from empirical.observers.named import OBSERVERS, check_observers, find_observers
from empirical.observers.observer import Observer, numbers
from empirical.observers.telling import Told, observed, tell_finished

__all__ = [
    "OBSERVERS",
    "Observer",
    "Told",
    "check_observers",
    "find_observers",
    "numbers",
    "observed",
    "tell_finished",
]
