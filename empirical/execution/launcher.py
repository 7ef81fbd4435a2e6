"""A sweep in several processes of this machine, or as a job array on a SLURM cluster.

The unit of work is a run. On this machine resident processes carry out run after run (`workers`). On a cluster each is
carried out by the command that asked for all of them, with `--only-run HASH` at its end, so nothing but strings is
handed over, and what such a job does is what the command would have done for that run: claim it, go on from its
checkpoint, record it. Doing so twice is therefore harmless: a finished run is skipped, and a run that another process
is at work on is left to that process. The records are those of an undisturbed sweep; only the number of threads, which
is part of what is recorded, may change the last bits of networks large enough to share work among them.

When the launcher is stopped or killed, its processes end with it, and the same command goes on from their checkpoints.
SLURM's jobs do not depend on the process that submitted them.
"""

import shlex
import subprocess
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from empirical.execution.progress import RunProgress
from empirical.execution.status import changed_plan, read_planned
from empirical.execution.workers import WorkerConfig, carry_out, needed_runs
from empirical.runs.config import RunConfig
from empirical.runs.records import RunDirectory
from theory.common.plain_numbers import plain_numbers

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_TIMEOUTS = 100  # after this many time limits a job is not put back into the queue
_LARGEST_ARRAY = 1000  # tasks: SLURM's default MaxArraySize allows 1001
_PROGRAM = "empirical.run"  # the module that a job starts; it imports the launcher, so it is not imported here
_JOB_NAME = "rethinking"  # the name by which the jobs are found in the queue

Pairs = list[tuple[RunConfig, RunDirectory]]
Failures = list[tuple[RunConfig, str]]


@plain_numbers
@dataclass(frozen=True)
class LauncherConfig:
    """Where the runs of a sweep are carried out, and the resources of each run."""

    kind: Annotated[Literal["auto", "none", "local", "slurm"], tyro.conf.arg(name="")] = "auto"
    """none: one after another in this process; local: in several processes of this machine; slurm: as a job array on a
    cluster, a run a job. auto is one process a core where every run takes a single thread whatever the machine, with
    the same results, and none otherwise."""

    processes: int = 0
    """Runs at a time for local; 0 is as many as the machine's cores have threads for, and on GPUs at most three a GPU.
    The runs share the memory: give each kernel run a --memory. On GPUs each run sees its own GPU alone."""

    threads: int = 1
    """Threads of a run, on SLURM its CPUs. The last bits of the results depend on this number if the network is large
    enough to use several threads."""

    partition: str = ""
    """Partition for slurm; the cluster's own default if it is not given."""

    gpus: int = 0
    """GPUs of a run for slurm, 0 or 1. With 1 the runs are on CUDA, even if this machine has no GPU."""

    minutes: int = 240
    """Time limit for slurm. A run that reaches the limit is put back into the queue and goes on from its checkpoint."""

    memory_gb: float | None = None
    """Memory of a run for slurm; the cluster's own default if it is not given."""

    max_parallel: int = 256
    """Runs of the array that may be at work at a time, for slurm."""

    def __post_init__(self) -> None:
        for name in ("threads", "minutes", "max_parallel"):
            if getattr(self, name) < 1:
                raise ValueError(f"--launcher.{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")
        if self.processes < 0:
            raise ValueError(f"--launcher.processes must be at least 0, got {self.processes}")
        if self.gpus not in (0, 1):
            raise ValueError(f"--launcher.gpus is 0 or 1, for a run trains on one device, got {self.gpus}")
        if self.memory_gb is not None and self.memory_gb <= 0:
            raise ValueError(f"--launcher.memory-gb must be positive, got {self.memory_gb:g}")


def launch_local(runs: Pairs, workers: WorkerConfig, arguments: list[str], out: Path) -> Failures:
    """Carry out the unfinished runs in processes of this machine; returns the runs that failed, with the reasons.

    Arguments:
        runs: the runs of the sweep.
        workers: the processes.
        arguments: the command line that asks for the runs.
        out: directory of the records. What is printed during a run is added to `launcher/<run>.log` there.
    """
    _plan(runs, out, {})
    waiting = [directory for _, directory in runs if not directory.finished]
    print(f"{len(runs) - len(waiting)} of {len(runs)} runs were finished before; {workers.count} at a time", flush=True)
    workers = replace(workers, log=RunLogs(tuple(arguments), out))
    with RunProgress(len(runs), len(runs) - len(waiting)) as progress:
        outcomes = carry_out(waiting, workers, progress)
    if count := sum(outcome.busy for _, outcome in outcomes):
        print(f"{count} runs are left to other processes: once these are done, the same command reports all of them")
    failures = [(config, outcome.failure) for config, outcome in outcomes if outcome.failure]
    if failures:
        print(f"what the runs have printed is in {out / 'launcher'}")
    return failures


@dataclass(frozen=True)
class RunLogs:
    """The function that opens each run's log, with the command that carries out this run alone at its top."""

    arguments: tuple[str, ...]
    out: Path

    def __call__(self, directory: RunDirectory) -> Path:
        """Open the log of a run, with that command at its end."""
        log = self.out / "launcher" / f"{directory.path.name}.log"
        log.parent.mkdir(exist_ok=True)
        command = shlex.join(["python", "-m", _PROGRAM, *self.arguments, "--only-run", directory.config.hash])
        with open(log, "a", encoding="utf-8") as output:
            output.write(f"$ {command}\n")
        return log


def launch_slurm(
    runs: Pairs, arguments: list[str], launcher: LauncherConfig, out: Path, cluster: str = "slurm"
) -> None:
    """Submit the runs that are neither finished nor in the queue as a job array, and return at once.

    A run that a job left unfinished, because the job was killed, cancelled or failed, is named and submitted again. A
    run about a trained network waits in the queue for the run that trains the network. Runs that are preempted or reach
    the time limit go back into the queue and go on from their checkpoints. Submitit's files, among them what the jobs
    print, are in `launcher/jobs` under the directory of records. All nodes must see it, on a file system whose flock
    holds for all.

    Arguments:
        runs, arguments, launcher, out: as for `launch_local`.
        cluster: submitit's name of the engine; `local` imitates the queue in processes of this machine.

    Raises ValueError if submitit is not installed, or this machine has no SLURM, or SLURM does not answer or refuses a
    job: the jobs accepted before are noted then.
    """
    submitit = _submitit()
    folder = (out / "launcher" / "jobs").absolute()
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster=cluster, **{f"{cluster}_max_num_timeout": _TIMEOUTS})
    except RuntimeError as error:
        raise ValueError(f"--launcher slurm: {error} Submit from a machine that has sbatch and srun.") from error
    executor.update_parameters(
        name=_JOB_NAME,
        timeout_min=launcher.minutes,
        cpus_per_task=launcher.threads,
        gpus_per_node=launcher.gpus or None,
        mem_gb=launcher.memory_gb,
        slurm_partition=launcher.partition or None,
        slurm_array_parallelism=launcher.max_parallel,
        # Since 22.05 srun does not take the CPUs of a task from sbatch: it would bind the run to one.
        slurm_setup=[f"export {name}={launcher.threads}" for name in (*_THREAD_VARIABLES, "SRUN_CPUS_PER_TASK")],
        slurm_signal_delay_s=min(90, 30 * launcher.minutes),  # no later than half-way
        slurm_additional_parameters={"requeue": True},  # also where preemption kills without a signal before
    )
    planned = {name: str(entry.get("job", "")) for name, entry in read_planned(out).items()}
    waiting = _in_queue(set(planned.values()) - {""}, folder, cluster)
    # The queue first: a run that finishes in between is then not taken for one that was lost.
    unfinished = [(config, directory) for config, directory in runs if not directory.finished]
    jobs = {config.hash: planned.get(directory.path.name, "") for config, directory in unfinished}
    missing = [(config, directory) for config, directory in unfinished if jobs[config.hash] not in waiting]
    if queued := len(unfinished) - len(missing):
        print(f"{queued} runs are in the queue already; to have them submitted anew, cancel them")
    for config, _ in missing:
        if job := jobs[config.hash]:
            log = folder / f"{job}_0_log.err"
            print(f"{config.title}: job {job} ended and left it unfinished" + f", see {log}" * log.exists())
    hashes = {config.hash for config, _ in missing}
    first = [pair for pair in missing if not needed_runs(pair[0]) & hashes]
    for wave in (first, [pair for pair in missing if pair not in first]):
        needed = set().union(*(needed_runs(config) for config, _ in wave)) & set(jobs)
        arrays = sorted({jobs[run].partition("_")[0] for run in needed})
        executor.update_parameters(slurm_dependency="afterany:" + ":".join(arrays) if arrays else None)
        for start in range(0, len(wave), _LARGEST_ARRAY):
            some = [config.hash for config, _ in wave[start : start + _LARGEST_ARRAY]]
            try:
                submitted = executor.map_array(SweepRun(tuple(arguments)), some)
            except submitit.core.utils.FailedJobError as error:
                raise ValueError(f"--launcher slurm: sbatch: {str(error).strip()}") from error
            jobs |= {run: job.job_id for run, job in zip(some, submitted, strict=True)}
            _plan(runs, out, jobs)  # at once: what follows may fail
            array = submitted[0].job_id.partition("_")[0]
            print(f"submitted {len(some)} runs as job {array}" + f", after job {', '.join(arrays)}" * bool(arrays))
    _plan(runs, out, jobs)


def _in_queue(jobs: set[str], folder: Path, cluster: str) -> set[str]:
    """The jobs that wait, run or are being put back. The queue itself is asked: submitit asks sacct, which knows
    nothing on a cluster without accounting, and a killed job would count as queued for ever.
    """
    if cluster == "local":
        return {job for job in jobs if not _submitit().LocalJob(folder, job).done()}
    if not jobs:
        return set()
    command = ["squeue", "--noheader", "--array", "--format=%i", f"--name={_JOB_NAME}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise ValueError(f"--launcher slurm: squeue: {answer.stderr.strip()}; nothing was submitted")
    return jobs & set(answer.stdout.split())


@dataclass(frozen=True)
class SweepRun:
    """What a job of the array does: it gives the command that asked for the sweep, for a single run."""

    arguments: tuple[str, ...]

    def __call__(self, run: str) -> None:
        """Carry out the run with this hash. Raises RuntimeError if it fails; the log says why."""
        main = import_module(_PROGRAM).main
        if status := main([*self.arguments, "--only-run", run]):
            raise RuntimeError(f"run {run} failed (exit status {status}): the lines above say why")

    def checkpoint(self, run: str) -> Any:
        """Tell submitit how to put the job back into the queue: the state is in the run's own checkpoint."""
        return _submitit().helpers.DelayedSubmission(self, run)


def _submitit() -> Any:
    try:
        import submitit
    except ImportError as error:
        raise ValueError("--launcher slurm needs submitit: pip install 'rethinking-generalization[cluster]'") from error
    return submitit


def _plan(runs: Pairs, out: Path, jobs: dict[str, str]) -> None:
    """Note the runs asked for, beside those noted before."""
    with changed_plan(out) as planned:
        for config, directory in runs:
            planned[directory.path.name] = {"title": config.title, "job": jobs.get(config.hash, "")}
