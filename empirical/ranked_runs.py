"""A command in several processes that torchrun has started: all of them train each network together."""

from empirical.datasets import ImageDataset
from empirical.execution.execute import execute
from empirical.execution.launcher import Failures, Pairs
from empirical.experiments.experiments import EXPERIMENTS
from empirical.launch import run_all
from empirical.options import Options
from empirical.runs.records import restart_all
from empirical.training.distributed import Ranks, joined_ranks
from empirical.training.epoch_record import EpochRecord
from empirical.training.torchrun import launched


def check_ranks(options: Options) -> None:
    """ValueError for options that do not go with several ranks, where torchrun has started this process."""
    if options.network_timeout <= 0:
        raise ValueError(f"--network-timeout must be positive, got {options.network_timeout:g}")
    if not launched():
        return
    if options.launcher.kind in ("local", "slurm"):
        raise ValueError(f"torchrun trains one network at a time: leave out --launcher {options.launcher.kind}")
    if EXPERIMENTS[options.name].follow:
        raise ValueError(f"{options.name} finds its next runs from small ones before: run it without torchrun")


def run_on_ranks(runs: Pairs, dataset: ImageDataset, options: Options) -> Failures | None:
    """Carry out the runs in one of the processes that torchrun has started; the failures, None in all but the first
    process, which alone prints. Raises what `joined_ranks` raises, and ValueError if the ranks' data differ.
    """
    device = next((config.device for config, _ in runs if config.kind == "trained"), "cpu")
    with joined_ranks(device, options.network_timeout) as ranks:
        if not ranks.first:
            _follow_all(runs, dataset, ranks)
            return None
        if options.rerun:
            restart_all([directory for _, directory in runs])
        return run_all(runs, dataset, options, ranks)


def _follow_all(runs: Pairs, dataset: ImageDataset, ranks: Ranks) -> None:
    """Take part in every run that the first rank announces. Raises ValueError if its data are not this rank's."""
    for config, directory in runs:
        next_run = ranks.tell(None)
        if next_run is None:
            continue
        if next_run != config.hash:
            raise ValueError(
                f"rank {ranks.rank} is at run {config.hash} ({config.title}), the first rank at {next_run}: they have "
                "other data files, options or code; all of them need the same"
            )
        try:
            execute(config, dataset, directory, _Silent(), ranks=ranks)
        except FloatingPointError:  # a loss that is not finite is the same on all ranks: the first rank reports it
            continue


class _Silent:
    """A watcher that ignores the progress of a run."""

    def epoch(self, record: EpochRecord) -> None:
        """Do nothing."""

    def stage(self, name: str, share: float) -> None:
        """Do nothing."""
