"""Sweeps in several processes and as job arrays leave the records of an undisturbed one."""

import contextlib
import functools
import json
import multiprocessing
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from threadpoolctl import threadpool_limits

from empirical import launch
from empirical.execution import launcher
from empirical.execution.execute import takes_one_thread
from empirical.execution.launcher import LauncherConfig, launch_slurm
from empirical.execution.status import PLANNED, read_status
from empirical.options import Options
from empirical.planned_runs import plan_runs
from empirical.run import main
from empirical.runs.config import trained_run
from empirical.runs.records import RunDirectory, read_config, read_runs

# Small networks: theirs does not depend on the number of threads, and one thread is what the launched runs record.
SWEEP = ["--train-size", "300", "--test-size", "60", "--tests", "random-labels"]
LOCAL = ["--launcher", "local", "--launcher.processes", "2"]
TINY = ["--train-size", "40", "--test-size", "20", "--training.max-steps", "30"]


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    monkeypatch.setattr("empirical.report.run_report._draw", lambda out: True)
    # Checking theory takes longer than these runs.
    monkeypatch.setattr("empirical.report.run_report.theory_findings", lambda seed, records: [])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    """The records of SWEEP, one run after another in this process, on one thread."""
    out, threads = tmp_path_factory.mktemp("undisturbed"), torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1), pytest.MonkeyPatch.context() as patch:
        patch.setattr("empirical.report.run_report._draw", lambda out: True)
        patch.setattr("empirical.report.run_report.theory_findings", lambda seed, records: [])
        assert main([*SWEEP, "--out", str(out)]) == 0
    torch.set_num_threads(threads)
    return out


def starts(out: Path) -> list[str]:
    """Hashes of the runs that workers have begun, in that order; a run that was begun twice is there twice."""
    logs = sorted((out / "launcher").glob("*.log"), key=lambda log: log.stat().st_mtime_ns)
    lines = [line for log in logs for line in log.read_text().splitlines() if line.startswith("$ ")]
    return [line.split()[-1] for line in lines]


def worker_at(run: Path) -> multiprocessing.process.BaseProcess:
    """The worker process that holds the lock of a run."""
    for process in multiprocessing.active_children():
        with contextlib.suppress(OSError):
            if any(os.path.realpath(file) == str(run / "lock") for file in Path(f"/proc/{process.pid}/fd").iterdir()):
                return process
    raise AssertionError(f"no worker is at {run}")


def wait_for(condition, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def trained(out: Path) -> list[Path]:
    """Directories of trained runs that have come to their fifth epoch and are not finished."""
    return [
        path.parent
        for path in out.glob("*/metrics.jsonl")
        if path.read_bytes().count(b"\n") >= 5 and not (path.parent / "summary.json").exists()
    ]


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGKILL, "SIGKILL"), (signal.SIGRTMIN + 3, f"real-time signal {signal.SIGRTMIN + 3}")]
)
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="finds the worker of a run in /proc")
def test_a_killed_process_then_the_same_command(number, name, tmp_path, undisturbed, capsys):
    """Two at a time; a signal to the first that trains; then only its run is done again, to the same results.csv."""
    out = tmp_path / "launched"

    def kill():
        wait_for(lambda: trained(out))
        run = trained(out)[0]
        killed.append((run.name, next(status.state for status in read_status(out) if status.name == run.name)))
        os.kill(worker_at(run).pid, number)

    killed: list[tuple[str, str]] = []
    killer = threading.Thread(target=kill)
    killer.start()
    arguments = [*SWEEP, "--out", str(out), *LOCAL]
    assert main(arguments) == 1
    killer.join()
    (run, state), captured = killed[0], capsys.readouterr()
    assert state == "running"
    assert f"mlp-1x512: killed by {name}" in captured.err
    assert f"in {out / 'launcher'}" in captured.out
    states = {status.name: status.state for status in read_status(out)}
    assert states.pop(run) == "stopped"
    assert list(states.values()) == ["finished"]
    stamps = {path: path.stat().st_mtime_ns for path in out.glob("*/summary.json")}
    assert main(arguments) == 0
    assert sorted(starts(out)) == sorted([*(read.config.hash for read in read_runs(out)), run[-12:]])
    assert starts(out).count(run[-12:]) == 2
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert (out / "results.csv").read_bytes() == (undisturbed / "results.csv").read_bytes()
    for launched, reference in zip(read_runs(out), read_runs(undisturbed), strict=True):
        assert [epoch.train_loss for epoch in launched.epochs] == [epoch.train_loss for epoch in reference.epochs]


@pytest.mark.parametrize("kind", ["auto", "none"])
def test_without_being_asked_runs_of_one_thread_are_carried_out_side_by_side(kind, tmp_path, undisturbed, monkeypatch):
    """The same records to the bit; --launcher none keeps them in this process."""
    processes: list[int] = []
    monkeypatch.setattr("empirical.launch.cpu_count", lambda: 2)
    monkeypatch.setattr("empirical.launch._run_in_workers", note_calls(launch._run_in_workers, processes))
    arguments = [*SWEEP, "gaussian", "--training.max-steps", "30", "--launcher", kind]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    assert len(processes) == (kind == "auto")
    assert len(read_runs(tmp_path)) == 4


def note_calls(function, calls: list[int]):
    def noting(*arguments):
        calls.append(len(calls))
        return function(*arguments)

    return noting


@pytest.mark.parametrize(
    ("options", "alone"),
    [
        ([], True),
        (["--model", "mlp-3x512"], False),
        (["--model", "alexnet", "--data", "cifar10"], False),
        (["--model", "wide-resnet-10-1", "--data", "cifar10"], False),  # few weights, each used at every place
        (["--model", "theirs:network"], False),
    ],
)
def test_only_runs_of_one_thread_share_a_machine(options, alone, tmp_path):
    config = plan_runs(Options(tests=("gaussian",)))[2][0]
    name = options[1] if options else config.model
    shape = (3, 32, 32) if "cifar10" in options else (1, 8, 8)
    assert takes_one_thread(replace(config, model=name), shape) is alone
    assert not takes_one_thread(replace(config, device="cuda"), shape)


def test_a_failing_run_is_named_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    (tmp_path / "broken_launched.py").write_text(
        "import math, torch\n"
        "class Breaking(torch.nn.Flatten):\n"
        "    def forward(self, images):\n"
        "        if len(images) > 10: raise RuntimeError('too many images')\n"
        "        return super().forward(images)\n"
        "def network(image_shape, num_classes):\n"
        "    return torch.nn.Sequential(Breaking(), torch.nn.Linear(math.prod(image_shape), num_classes))\n"
    )
    monkeypatch.chdir(tmp_path)
    arguments = ["--model", "broken_launched:network", "--tests", "gaussian", "--out", "out", *TINY, *LOCAL]
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert re.search(r"failed: Gaussian, broken_launched:network: RuntimeError: too many images", captured.err)
    assert "[2/2] " in captured.out
    assert [run.config.kind for run in read_runs(tmp_path / "out")] == ["explicit"]
    sys.modules.pop("broken_launched", None)


def test_stopping_the_launcher_stops_its_processes(tmp_path):
    """SIGTERM to the launcher alone."""
    command = [sys.executable, "-m", "empirical.run", "--tests", "random-labels", "--out", str(tmp_path), *LOCAL]
    launched = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    wait_for(lambda: trained(tmp_path) or launched.poll() is not None)
    assert launched.poll() is None
    launched.send_signal(signal.SIGTERM)
    _, errors = launched.communicate(timeout=60)
    assert launched.returncode == 130
    assert "to go on: python -m empirical.run --tests random-labels" in errors
    assert {status.state for status in read_status(tmp_path)} <= {"stopped", "finished", "waiting"}


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds processes in /proc")
def test_workers_end_with_a_launcher_that_is_killed(tmp_path):
    """SIGKILL to the launcher alone, which can then stop nobody."""
    command = [sys.executable, "-m", "empirical.run", "--tests", "random-labels", "--out", str(tmp_path), *LOCAL]
    launched = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wait_for(lambda: trained(tmp_path) or launched.poll() is not None)
    assert launched.poll() is None
    launched.kill()
    launched.wait()
    wait_for(lambda: "running" not in {status.state for status in read_status(tmp_path)}, 30)
    assert "stopped" in {status.state for status in read_status(tmp_path)}


def test_a_run_that_another_process_is_at_work_on_is_left_to_it(tmp_path, capsys):
    arguments = ["--tests", "gaussian", *TINY, "--out", str(tmp_path)]
    assert main(arguments) == 0
    explicit = next(run for run in read_runs(tmp_path) if run.config.kind == "explicit")
    (explicit.path / "summary.json").unlink()
    with RunDirectory(tmp_path, read_config(explicit.path)).claim():
        assert main([*arguments, *LOCAL]) == 0
    assert starts(tmp_path) == [explicit.config.hash]
    output = capsys.readouterr().out
    assert "left to another process, which is at work on it" in output
    assert "1 runs are left to other processes" in output
    assert not (explicit.path / "summary.json").exists()


def test_runs_that_follow_from_others(tmp_path):
    """Every look at a frontier is a run of its own, which its process finds from the records of those before."""
    arguments = ["capacity", "--model", "mlp-1x4", "--train-size", "60", "--training.max-steps", "40"]
    arguments += ["--tests", "random-labels"]
    assert main([*arguments, "--out", str(tmp_path / "undisturbed")]) == 0
    assert main([*arguments, "--out", str(tmp_path / "launched"), *LOCAL]) == 0
    expected = sorted(run.config.hash for run in read_runs(tmp_path / "undisturbed"))
    assert len(expected) > 1
    assert sorted(starts(tmp_path / "launched")) == expected
    assert sorted(run.config.hash for run in read_runs(tmp_path / "launched")) == expected


def test_a_study_comes_after_the_network_it_is_about(tmp_path):
    arguments = ["interpolants", "--tests", "true-labels", "random-labels", *TINY, "--out", str(tmp_path)]
    assert main([*arguments, *LOCAL, "--launcher.processes", "4"]) == 0
    times = {run.config.hash: (run.path / "summary.json").stat().st_mtime_ns for run in read_runs(tmp_path)}
    studies = [run.config for run in read_runs(tmp_path) if run.config.kind == "interpolants"]
    assert len(studies) == 2
    assert all(times[trained_run(study).hash] < times[study.hash] for study in studies)


def test_rerun_is_the_launchers_own(tmp_path):
    arguments = ["--tests", "gaussian", *TINY, "--out", str(tmp_path), *LOCAL]
    assert main(arguments) == 0
    assert main([*arguments, "--rerun"]) == 0
    assert len(starts(tmp_path)) == 4
    assert not any("--rerun" in log.read_text() for log in (tmp_path / "launcher").glob("*.log"))


@pytest.mark.parametrize(
    ("status", "cause"), [(3, "its process ended with exit status 3"), (-signal.SIGUSR1, "killed by SIGUSR1")]
)
def test_a_network_that_ends_its_process(status, cause, tmp_path, monkeypatch, capsys):
    """Whatever way it takes, the other run goes on."""
    ending = f"os._exit({status})" if status > 0 else f"os.kill(os.getpid(), {-status})"
    (tmp_path / "ending.py").write_text(
        "import math, os, torch\n"
        "class Ending(torch.nn.Flatten):\n"
        "    def forward(self, images):\n"
        f"        if len(images) > 10: {ending}\n"
        "        return super().forward(images)\n"
        "def network(image_shape, num_classes):\n"
        "    return torch.nn.Sequential(Ending(), torch.nn.Linear(math.prod(image_shape), num_classes))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["--model", "ending:network", "--tests", "gaussian", "--out", "out", *TINY, *LOCAL]) == 1
    assert cause in capsys.readouterr().err
    assert [run.config.kind for run in read_runs(tmp_path / "out")] == ["explicit"]
    sys.modules.pop("ending", None)


def test_only_run_of_another_sweep(tmp_path, capsys):
    assert main([*TINY, "--out", str(tmp_path), "--only-run", "0123456789ab"]) == 2
    assert "--only-run 0123456789ab: these options ask for no run of this hash" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--launcher.threads", "0"], "--launcher.threads must be at least 1, got 0"),
        (["--launcher.gpus", "2"], "--launcher.gpus is 0 or 1"),
        (["--launcher.processes", "-1"], "--launcher.processes must be at least 0"),
        (["--launcher.memory-gb", "0"], "--launcher.memory-gb must be positive"),
    ],
)
def test_bad_arguments(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with contextlib.suppress(SystemExit):  # of the parser, for what is wrong by itself
        assert main(arguments) == 2
    assert message in " ".join(re.sub("[│╭╮╰╯─]", " ", capsys.readouterr().err).split())
    assert list(tmp_path.iterdir()) == []


def test_without_submitit(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert main(["--launcher", "slurm", "--out", str(tmp_path), *TINY]) == 2
    assert "pip install 'rethinking-generalization[cluster]'" in capsys.readouterr().err


def test_without_slurm(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    assert main(["--launcher", "slurm", "--out", str(tmp_path), *TINY]) == 2
    assert 'Could not detect "srun"' in capsys.readouterr().err


def task_of(controller: int) -> int | None:
    """The process that submitit's local controller started, once it has."""
    children = Path(f"/proc/{controller}/task/{controller}/children").read_text().split()
    return int(children[0]) if children else None


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds a job's processes in /proc")
def test_a_preempted_job_goes_on_where_it_stopped(tmp_path, undisturbed, monkeypatch, capsys):
    """Submitit's local engine, the signal SLURM would send, submitit's own requeueing, the same results.csv."""
    for name in launcher._THREAD_VARIABLES:  # SLURM's script would say so
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr("empirical.launch.launch_slurm", functools.partial(launch_slurm, cluster="local"))
    out = tmp_path / "launched"
    arguments = [*SWEEP, "--out", str(out), "--launcher", "slurm"]
    assert main(arguments) == 0
    assert "0 of 2 runs are finished" in capsys.readouterr().out
    wait_for(lambda: trained(out))
    name = trained(out)[0].name
    job = json.loads((out / PLANNED).read_text())[name]["job"]
    os.kill(task_of(int(job)), signal.SIGUSR2)
    wait_for(lambda: len(list(out.glob("*/summary.json"))) == 2)
    assert "Requeued job" in (out / "launcher" / "jobs" / f"{job}_0_log.out").read_text()
    assert main(arguments) == 0
    assert (out / "results.csv").read_bytes() == (undisturbed / "results.csv").read_bytes()


@pytest.fixture
def fake_slurm(tmp_path, monkeypatch) -> Path:
    """Commands that number the jobs and leave them in the queue."""
    programs = tmp_path / "bin"
    programs.mkdir()
    counter = shlex.quote(str(tmp_path / "jobs"))
    scripts = {
        "sbatch": f'echo x >> {counter}; echo "Submitted batch job $(wc -l < {counter})"',
        "srun": "exit 1",
        "squeue": f"for job in $(seq $(wc -l < {counter})); do for run in 0 1 2 3; do echo $job\\_$run; done; done",
        "sacct": "echo Slurm accounting storage is disabled >&2; exit 1",
    }
    for name, script in scripts.items():
        program(programs / name, script)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    return tmp_path


def test_what_is_submitted(fake_slurm, monkeypatch, capsys):
    """To GPUs that this machine does not have; a network's study after it; nothing twice."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    out = fake_slurm / "out"
    arguments = ["interpolants", "--tests", "true-labels", "random-labels", *TINY, "--out", str(out)]
    arguments += [
        "--launcher",
        "slurm",
        "--launcher.gpus",
        "1",
        "--launcher.partition",
        "p",
        "--launcher.minutes",
        "30",
    ]
    assert main([*arguments, "--launcher.threads", "3", "--launcher.max-parallel", "1"]) == 0
    output = capsys.readouterr().out
    assert "submitted 2 runs as job 1\nsubmitted 2 runs as job 2, after job 1\n" in output
    assert "the same command again reports what is finished and submits what has failed or follows" in output
    networks, studies = ((out / f"launcher/jobs/{job}_submission.sh").read_text() for job in (1, 2))
    for line in (
        "array=0-1%1",
        "partition=p",
        "gpus-per-node=1",
        "time=30",
        "cpus-per-task=3",
        "requeue",
        "open-mode",
        "signal=USR2@90",
    ):
        assert f"#SBATCH --{line}" in networks
    assert "export OMP_NUM_THREADS=3\n" in networks
    assert "export SRUN_CPUS_PER_TASK=3\n" in networks
    assert "dependency" not in networks
    assert "#SBATCH --dependency=afterany:1\n" in studies
    planned = json.loads((out / PLANNED).read_text())
    assert sorted(entry["job"] for entry in planned.values()) == ["1_0", "1_1", "2_0", "2_1"]
    assert {status.state for status in read_status(out)} == {"waiting"}
    assert main(arguments) == 0
    assert "4 runs are in the queue already" in capsys.readouterr().out
    assert json.loads((out / PLANNED).read_text()) == planned


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(stat.S_IRWXU)


SLURM = [*TINY, "--tests", "true-labels", "random-labels", "--launcher", "slurm"]


def test_a_job_that_left_the_queue_is_submitted_again(fake_slurm, capsys):
    """Whatever ended it: without accounting, sacct knows of no job."""
    arguments = [*SLURM, "--out", str(fake_slurm / "out")]
    assert main(arguments) == 0
    program(fake_slurm / "bin" / "squeue", "printf '1_0\\n1_2\\n1_3\\n'")
    (fake_slurm / "out/launcher/jobs/1_1_0_log.err").touch()
    capsys.readouterr()
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert "3 runs are in the queue already" in output
    assert re.search(
        r"^true labels, theorem-1: job 1_1 ended and left it unfinished, see .*1_1_0_log.err$", output, re.M
    )
    assert "submitted 1 runs as job 2\n" in output
    jobs = sorted(entry["job"] for entry in json.loads((fake_slurm / "out" / PLANNED).read_text()).values())
    assert jobs == ["1_0", "1_2", "1_3", "2"]


def test_nothing_is_submitted_to_a_slurm_that_does_not_answer(fake_slurm, capsys):
    arguments = [*SLURM, "--out", str(fake_slurm / "out")]
    assert main(arguments) == 0
    program(fake_slurm / "bin" / "squeue", "echo Unable to contact slurm controller >&2; exit 1")
    assert main(arguments) == 2
    assert "squeue: Unable to contact slurm controller; nothing was submitted" in capsys.readouterr().err
    assert (fake_slurm / "jobs").read_text() == "x\n"


def test_more_runs_than_an_array_may_have_and_a_refusal(fake_slurm, monkeypatch, capsys):
    """What was accepted before the refusal is known afterwards."""
    monkeypatch.setattr(launcher, "_LARGEST_ARRAY", 3)
    arguments = [*SLURM, "--out", str(fake_slurm / "out")]
    sbatch = fake_slurm / "bin" / "sbatch"
    accepting = sbatch.read_text()
    program(sbatch, f"test -e {shlex.quote(str(fake_slurm / 'jobs'))} && echo Refused >&2 && exit 1\n{accepting}")
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert "submitted 3 runs as job 1\n" in captured.out
    assert "error: --launcher slurm: sbatch: Refused" in captured.err
    sbatch.write_text(accepting)
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert "3 runs are in the queue already" in output
    assert "submitted 1 runs as job 2\n" in output


def test_a_short_time_limit_leaves_time_to_work(fake_slurm):
    """SLURM's signal comes half-way at the soonest: a job that starts with it would never get on."""
    assert main([*SLURM, "--launcher.minutes", "1", "--out", str(fake_slurm / "out")]) == 0
    assert "#SBATCH --signal=USR2@30\n" in (fake_slurm / "out/launcher/jobs/1_submission.sh").read_text()


def test_a_job_is_the_same_command_for_one_run(monkeypatch):
    import pickle

    called = []
    monkeypatch.setattr("empirical.run.main", lambda arguments: called.append(arguments) or len(called) - 1)
    job = pickle.loads(pickle.dumps(launcher.SweepRun(("table1", "--seed", "1"))))
    job("abc")
    assert called == [["table1", "--seed", "1", "--only-run", "abc"]]
    assert job.checkpoint("abc").args == ("abc",)
    with pytest.raises(RuntimeError, match=r"run abc failed \(exit status 1\)"):
        job("abc")


def test_one_gpu_a_run():
    with pytest.raises(ValueError, match="a run trains on one device"):
        LauncherConfig(gpus=2)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("sbatch") is None, reason="needs a SLURM cluster: no sbatch here")
def test_on_a_real_cluster(tmp_path_factory, monkeypatch):
    """On the default partition, records under the current directory, which the nodes must see."""
    out = Path.cwd() / "runs" / f"slurm-{os.getpid()}"
    arguments = ["--tests", "random-labels", *TINY, "--out", str(out), "--launcher", "slurm", "--launcher.minutes", "5"]
    assert main(arguments) == 0
    wait_for(lambda: len(list(out.glob("*/summary.json"))) == 2, 600)
    assert main(arguments) == 0
    assert len(read_runs(out)) == 2
