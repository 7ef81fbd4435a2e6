"""One run from its claim to its end: carried out unless another process has finished it, told to the observers."""

from collections.abc import Callable

from empirical.datasets import ImageDataset
from empirical.execution.execute import execute
from empirical.execution.progress import RunLine, Watcher
from empirical.observers import observed, tell_finished
from empirical.observers.telling import Observers
from empirical.runs.records import BusyError, Run, RunDirectory
from empirical.training.distributed import ALONE, Ranks


def carry_out_claimed(
    directory: RunDirectory,
    dataset: ImageDataset,
    observers: Observers,
    watcher: Watcher,
    memory_limit: int | None = None,
    ranks: Ranks = ALONE,
    announce: Callable[[bool], None] = lambda at_work: None,
) -> None:
    """Claim a run and carry it out; where another process has finished it meanwhile, nothing is done again.

    Arguments:
        directory: the run's directory; the other arguments are those of `execute` and `observed`.
        announce: called once the run is claimed, with whether there is anything to do.

    Raises BusyError if another process is at work on it, and whatever the run raises.
    """
    with directory.claim():
        at_work = not directory.finished
        announce(at_work)
        with observed(directory, observers, watcher) as watched:
            if at_work:
                execute(directory.config, dataset, directory, watched, memory_limit, ranks)


def skip_finished(directory: RunDirectory, observers: Observers, line: RunLine) -> bool:
    """Whether a run is finished; then the observers that came later are told of it, and the line says so."""
    if not directory.finished:
        return False
    directory.remove_scratch()  # a kill may have come between the summary and this
    tell_finished(directory, observers, line)
    line.end("finished before")
    return True


def reason_of(error: Exception) -> str:
    """Why a run failed, in words: with the kind of an error whose message does not stand alone."""
    plain = isinstance(error, ValueError | OSError | FloatingPointError | BusyError)
    return str(error) if plain else f"{type(error).__name__}: {error}"


def outcome_of(run: Run) -> str:
    """How a finished run ended, on a line."""
    summary, metrics = run.summary, run.summary.metrics
    epochs = f"{metrics['epoch']} epochs, " if "epoch" in metrics else ""
    if "train_accuracy" not in metrics:
        return f"{summary.time['seconds']:.1f} s"
    return (
        f"{epochs}{summary.time['seconds']:.1f} s, train {metrics['train_accuracy']:.2%}, "
        f"test {metrics['test_accuracy']:.2%}"
    )
