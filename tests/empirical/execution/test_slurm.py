"""A sweep on a real SLURM that kills, preempts, and loses its controller ends as an undisturbed one does."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import empirical
from empirical.execution.status import PLANNED, read_status
from empirical.run import main
from empirical.runs.records import read_runs

TESTS = ["true-labels", "corrupted-0.5", "random-labels", "gaussian"]
SWEEP = ["--train-size", "300", "--test-size", "60", "--training.max-steps", "1200", "--tests", *TESTS]
SWEEP += ["--training.optimizer", "slow:optimizer"]
SLURM = ["--launcher", "slurm", "--launcher.partition", "normal"]

# Plain SGD that on SLURM takes its time, long enough to be disturbed, and counts its steps, a byte each, in a file for
# every process: the number of a process alone does not tell a job's processes apart, since it may come again. A process
# stops before the step that `steps/limit` says until that file says more or is gone: however slow the machine, a run
# that is to be disturbed is not over before.
SLOW = """
import os
import time
from pathlib import Path
import torch

LIMIT = Path("steps/limit")

def limit():
    try:
        return int(LIMIT.read_text())
    except FileNotFoundError:
        return float("inf")

class Slow(torch.optim.SGD):
    def step(self, closure=None):
        job, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
        if own := f"{job}_{task}" if job else os.environ.get("SLURM_JOB_ID"):
            counter = Path(f"steps/{own}-{os.environ.get('SLURM_RESTART_COUNT', 0)}-{os.getpid()}")
            while counter.exists() and counter.stat().st_size >= limit():
                time.sleep(0.05)
            with open(counter, "a") as steps:
                steps.write(".")
            time.sleep(0.02)
        return super().step(closure)

def optimizer(parameters, learning_rate):
    return Slow(parameters, lr=learning_rate)
"""
STEPS_BETWEEN_CHECKPOINTS = 110  # two seconds' worth at most, and an epoch
STEPS_OF_A_TRIAL = 3  # a process tries a user's optimiser before it trains
DISTURBED_AFTER = 150  # steps of a process: from the start again would be more than from the checkpoint


@pytest.fixture
def cluster() -> Iterator[Path]:
    """The configuration of a cluster that .ci/slurm has started for these tests, for one of them at a time."""
    if "SLURM_OF_TESTS" not in os.environ:
        reason = os.environ.get("NO_SLURM_OF_TESTS", "none was started, as .ci/slurm python -m pytest does")
        pytest.skip(f"needs a SLURM cluster of its own: {reason}")
    configuration = Path(os.environ["SLURM_OF_TESTS"])
    with open(configuration) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield configuration
        # What a failed test leaves in the queue would fail the next one as well.
        if jobs := queue():
            slurm("scancel", *jobs)
            wait_for(lambda: not queue())


@pytest.fixture
def sweeps(tmp_path, monkeypatch) -> Path:
    """A directory for them, the current one, with a blank in its name."""
    directory = tmp_path / "of several runs"
    (directory / "steps").mkdir(parents=True)
    (directory / "slow.py").write_text(SLOW)
    monkeypatch.chdir(directory)
    monkeypatch.setenv("PYTHONPATH", str(Path(empirical.__file__).parents[1]))
    monkeypatch.syspath_prepend(directory)
    monkeypatch.setattr("empirical.report.run_report._draw", lambda out: True)
    # Checking theory takes longer than these runs.
    monkeypatch.setattr("empirical.report.run_report.theory_findings", lambda seed, records: [])
    yield directory
    sys.modules.pop("slow", None)


def wait_for(condition: Callable[[], Any], seconds: float = 300) -> Any:
    """What `condition` returns once it is true."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, f"it took too long\n{slurm('squeue', '--array')}"
        time.sleep(0.1)
    return result


def slurm(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def queue() -> set[str]:
    return set(slurm("squeue", "--noheader", "--array", "--format=%i").split())


_BEGUN = ("squeue", "--noheader", "--array", "--states=RUNNING,CONFIGURING", "--format=%i")


def hold_all_starts() -> list[str]:
    """Hold what has not begun and wait for the steps of what has: the jobs held.

    A job that asks for its step while there is no controller for more than ten seconds is ended by srun, without its
    run: `Unable to confirm allocation`.
    """
    held = slurm("squeue", "--noheader", "--array", "--states=PENDING", "--format=%i").split()
    subprocess.run(["scontrol", "hold", *held])  # one that begins just now cannot be held
    wait_for(lambda: all(processes(job) for job in slurm(*_BEGUN).split()))
    return held


def release(held: list[str]) -> None:
    """Let the jobs begin that were held. Those that began before they could be held have nothing to release."""
    subprocess.run(["scontrol", "release", *held])


def set_limit(steps: int) -> None:
    """Let every training process take this many steps."""
    Path("steps/limit.new").write_text(str(steps))
    os.replace("steps/limit.new", "steps/limit")  # at once: a process never reads half of it


def steps_taken() -> int:
    """The steps of all training processes so far."""
    return sum(path.stat().st_size for path in Path("steps").glob("*-*"))


def job_of(out: Path, name: str) -> str:
    return json.loads((out / PLANNED).read_text())[name]["job"]


def processes(job: str) -> list[tuple[int, int]]:
    """The training processes that a job has had, in order: the number of each, and its steps."""
    files = [(*map(int, path.name.split("-")[1:]), path.stat().st_size) for path in Path("steps").glob(f"{job}-*")]
    return [(number, steps) for _, number, steps in sorted(files)]


def disturbable(out: Path) -> list[str]:
    """Runs whose process is alive and beyond a checkpoint; the youngest first."""
    statuses = [
        status
        for status in read_status(out)
        if status.state == "running"
        and (out / status.name / "checkpoint.pt").exists()
        and (own := processes(job_of(out, status.name)))
        and own[-1][1] > DISTURBED_AFTER
    ]
    return [status.name for status in sorted(statuses, key=lambda status: status.steps or 0)]


def finished(out: Path) -> dict[str, tuple[int, int]]:
    """Which file the summary of each finished run is, and since when: another one would have replaced it."""
    stats = {path.parent.name: path.stat() for path in out.glob("*/summary.json")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}


def restarts(job: str) -> int:
    return int(re.search(r"Restarts=(\d+)", slurm("scontrol", "show", "job", job)).group(1))


def test_a_disturbed_sweep(cluster, sweeps, capsys):
    """Eight runs: a task killed, the controller away for a while, all preempted, one signalled as at its time limit.

    Every run is completed once, no step is done twice but those since a checkpoint, and results.csv is what the local
    launcher's is, byte for byte.
    """
    out = sweeps / "out"
    arguments = [*SWEEP, "--out", str(out), *SLURM]
    set_limit(300)  # then 400 for each of two more: a run disturbed three times has still some of its 1,200 left
    submitted = slurm(sys.executable, "-m", "empirical.run", *arguments)
    array = re.search(r"^submitted 8 runs as job (\d+)$", submitted, re.M).group(1)
    jobs = {name: [job_of(out, name)] for name in json.loads((out / PLANNED).read_text())}
    assert sorted(jobs.values()) == [[f"{array}_{task}"] for task in range(8)]
    stamps: dict[str, tuple[int, int]] = {}

    # A task is killed: the run is stopped, and the same command, typed again, says so and submits this run alone.
    killed = wait_for(lambda: disturbable(out))[0]
    first_job = job_of(out, killed)
    os.kill(processes(first_job)[-1][0], signal.SIGKILL)
    wait_for(lambda: first_job not in queue())
    assert next(status.state for status in read_status(out) if status.name == killed) == "stopped"
    stamps |= finished(out)
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert re.search(
        rf", mlp-1x512: job {first_job} ended and left it unfinished, see .*{first_job}_0_log.err$", output, re.M
    )
    jobs[killed] += re.findall(r"^submitted 1 runs as job (\d+)$", output, re.M)
    assert jobs[killed] == [first_job, job_of(out, killed)]

    # The controller goes: runs go on without it, nothing is submitted by guess; it comes back, with all jobs.
    held = hold_all_starts()
    controller = int((cluster.parent / "slurmctld.pid").read_text())
    os.kill(controller, signal.SIGTERM)
    wait_for(lambda: not Path(f"/proc/{controller}/exe").exists())
    before = steps_taken()
    set_limit(400)
    assert main(arguments) == 2
    assert "nothing was submitted" in capsys.readouterr().err
    wait_for(lambda: steps_taken() > before)
    subprocess.run(["slurmctld"], check=True)
    still = wait_for(queue)
    assert {job_of(out, name) for name in jobs if name not in finished(out)} <= still

    # A job of another partition preempts: what is at work goes back into the queue, and on from its checkpoint.
    preempted = wait_for(lambda: disturbable(out))[0]
    job = job_of(out, preempted)
    before, starts = restarts(job), len(processes(job))
    stamps |= finished(out)
    slurm("sbatch", "--partition=urgent", "--cpus-per-task=4", "--output=/dev/null", "--wrap=true")
    wait_for(lambda: restarts(job) == before + 1)
    wait_for(lambda: len(processes(job)) == starts + 1)

    # SLURM's signal before the time limit: submitit's handler puts the job back.
    signalled = wait_for(lambda: disturbable(out))[0]  # the one preempted before, if no other
    job = job_of(out, signalled)
    before = restarts(job)
    slurm("scancel", "--signal=USR2", job)
    wait_for(lambda: restarts(job) == before + 1)
    # Its next line, that the job is requeued, is written only where SLURM's signal to end does not come first.
    assert "Calling checkpoint method" in (out / f"launcher/jobs/{job}_0_log.out").read_text()

    # Everything goes on to its end; meanwhile, the same by the local launcher.
    release(held)
    Path("steps/limit").unlink()
    local = sweeps / "local"
    assert main([*SWEEP, "--out", str(local), "--launcher", "local", "--launcher.processes", "2"]) == 0
    wait_for(lambda: len(finished(out)) == 8)
    wait_for(lambda: not queue())
    stamps |= {name: stamp for name, stamp in finished(out).items() if name not in stamps}
    capsys.readouterr()
    assert main(arguments) == 0
    assert "submitted" not in capsys.readouterr().out
    assert (out / "results.csv").read_bytes() == (local / "results.csv").read_bytes()

    assert finished(out) == stamps
    assert len(list((out / "launcher/jobs").glob("*_submission.sh"))) == 2
    assert jobs.keys() == finished(local).keys()
    for run, reference in zip(read_runs(out), read_runs(local), strict=True):
        logs = "".join((out / f"launcher/jobs/{job}_0_log.out").read_text() for job in jobs[run.path.name])
        assert len(re.findall(r"^\[1/1\] .* \d+\.\d s, train .*, test .*$", logs, re.M)) == 1
        assert [epoch.epoch for epoch in run.epochs] == list(range(len(run.epochs)))
        assert [epoch.train_loss for epoch in run.epochs] == [epoch.train_loss for epoch in reference.epochs]
        if run.config.training:
            steps = [steps for job in jobs[run.path.name] for _, steps in processes(job)]
            more = sum(steps) - run.summary.metrics["step"]
            twice = STEPS_BETWEEN_CHECKPOINTS * (len(steps) - 1)
            assert 0 <= more <= twice + STEPS_OF_A_TRIAL * len(steps), f"{steps} steps\n{logs}"
    assert len(processes(jobs[signalled][-1])) >= 2


def test_jobs_that_wait_for_others(cluster, sweeps, capsys):
    """Single jobs: the study of a network after the network, again so when it was cancelled; the CPUs asked for."""
    out = sweeps / "out"
    arguments = ["interpolants", "--train-size", "60", "--test-size", "20", "--training.max-steps", "100"]
    arguments += ["--training.optimizer", "slow:optimizer", "--tests", "random-labels", "--out", str(out)]
    arguments += [*SLURM, "--launcher.threads", "2"]
    set_limit(50)  # the network is not over before all that is asked of its job
    assert main(arguments) == 0
    network, study = re.search(
        r"submitted 1 runs as job (\d+)\nsubmitted 1 runs as job (\d+), after job \1\n", capsys.readouterr().out
    ).groups()
    slurm("scancel", study)
    wait_for(lambda: study not in queue())
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert "1 runs are in the queue already" in output
    assert f"job {study} ended and left it unfinished\n" in output
    again = re.search(rf"submitted 1 runs as job (\d+), after job {network}\n", output).group(1)
    assert "Dependency" in slurm("squeue", "--noheader", "--format=%r", f"--jobs={again}")
    wait_for(lambda: processes(network))
    assert "CPUs=2 " in slurm("scontrol", "show", "step", f"{network}.0")
    Path("steps/limit").unlink()
    wait_for(lambda: len(finished(out)) == 2)
    wait_for(lambda: not queue())
    assert main(arguments) == 0
    assert {run.config.kind for run in read_runs(out)} == {"trained", "interpolants"}


def test_a_refused_job(cluster, sweeps, capsys):
    arguments = ["--train-size", "60", "--test-size", "20", "--out", "out", *SLURM, "--launcher.partition", "none-such"]
    assert main(arguments) == 2
    assert "error: --launcher slurm: sbatch: " in (errors := capsys.readouterr().err)
    assert "invalid partition specified: none-such" in errors
    assert not queue()
