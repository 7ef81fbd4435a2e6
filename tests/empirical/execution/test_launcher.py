"""Sweeps in several processes and as job arrays leave the records of an undisturbed one."""

import contextlib
import functools
import json
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
from pathlib import Path

import pytest
import torch
from threadpoolctl import threadpool_limits

from empirical.execution import launcher
from empirical.execution.launcher import LauncherConfig, launch_slurm
from empirical.execution.status import PLANNED, read_status
from empirical.run import main
from empirical.runs.records import RunDirectory, read_config, read_runs

# Small networks: theirs does not depend on the number of threads, and one thread is what the launched runs record.
SWEEP = ["--train-size", "300", "--test-size", "60", "--tests", "random-labels"]
LOCAL = ["--launcher", "local", "--launcher.processes", "2"]
TINY = ["--train-size", "40", "--test-size", "20", "--training.max-steps", "30"]


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    monkeypatch.setattr("empirical.job._draw", lambda out: True)
    monkeypatch.setattr(
        "empirical.job.theory_findings", lambda seed, records: []
    )  # checking theory takes longer than these runs


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    """The records of SWEEP, one run after another in this process, on one thread."""
    out, threads = tmp_path_factory.mktemp("undisturbed"), torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1), pytest.MonkeyPatch.context() as patch:
        patch.setattr("empirical.job._draw", lambda out: True)
        patch.setattr("empirical.job.theory_findings", lambda seed, records: [])
        assert main([*SWEEP, "--out", str(out)]) == 0
    torch.set_num_threads(threads)
    return out


class InProcess:
    """In place of a process: the same command, carried out at once."""

    commands: list[list[str]]

    def __init__(self, command, environment, log):
        self.commands.append(command[3:])
        self.returncode = main(command[3:])

    def poll(self):
        return self.returncode


@pytest.fixture
def in_process(monkeypatch):
    monkeypatch.setattr(InProcess, "commands", [], raising=False)
    monkeypatch.setattr(launcher, "_start", InProcess)
    return InProcess.commands


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


def test_a_killed_process_then_the_same_command(tmp_path, undisturbed, monkeypatch, capsys):
    """Two at a time; SIGKILL to the first that trains; then only its run is done again, to the same results.csv."""
    out, processes, start = tmp_path / "launched", {}, launcher._start

    def note(command, environment, log):
        processes[command[-1]] = start(command, environment, log)
        return processes[command[-1]]

    def kill():
        wait_for(lambda: trained(out))
        run = trained(out)[0]
        killed.append((run.name, next(status.state for status in read_status(out) if status.name == run.name)))
        processes[run.name[-12:]].kill()

    killed: list[tuple[str, str]] = []
    monkeypatch.setattr(launcher, "_start", note)
    killer = threading.Thread(target=kill)
    killer.start()
    arguments = [*SWEEP, "--out", str(out), *LOCAL]
    assert main(arguments) == 1
    killer.join()
    (name, state), errors = killed[0], capsys.readouterr().err
    assert state == "running"
    assert "mlp-1x512: killed by SIGKILL; its output is in" in errors
    states = {status.name: status.state for status in read_status(out)}
    assert states.pop(name) == "stopped"
    assert list(states.values()) == ["finished"]
    stamps = {path: path.stat().st_mtime_ns for path in out.glob("*/summary.json")}
    processes.clear()
    assert main(arguments) == 0
    assert list(processes) == [name[-12:]]
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert (out / "results.csv").read_bytes() == (undisturbed / "results.csv").read_bytes()
    for run, reference in zip(read_runs(out), read_runs(undisturbed), strict=True):
        assert [epoch.train_loss for epoch in run.epochs] == [epoch.train_loss for epoch in reference.epochs]
    assert f"--only-run {name[-12:]}" in (out / "launcher" / f"{name}.log").read_text()


def test_a_failing_run_is_named_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    (tmp_path / "broken_launched.py").write_text(
        "import torch\n"
        "def network(image_shape, num_classes):\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3, num_classes))\n"
    )
    monkeypatch.chdir(tmp_path)
    arguments = ["--model", "broken_launched:network", "--tests", "gaussian", "--out", "out", *TINY, *LOCAL]
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert re.search(r"failed: Gaussian, broken_launched:network: model .*cannot be multiplied", captured.err)
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


def test_a_run_that_another_process_is_at_work_on_is_left_to_it(tmp_path, in_process, capsys):
    arguments = ["--tests", "gaussian", *TINY, "--out", str(tmp_path)]
    assert main(arguments) == 0
    explicit = next(run for run in read_runs(tmp_path) if run.config.kind == "explicit")
    (explicit.path / "summary.json").unlink()
    with RunDirectory(tmp_path, read_config(explicit.path)).claim():
        assert main([*arguments, *LOCAL]) == 0
    assert len(in_process) == 1
    assert "left to another process, which is at work on it" in capsys.readouterr().out
    assert not (explicit.path / "summary.json").exists()


def test_runs_that_follow_from_others(tmp_path, in_process):
    """Every look at a frontier is a run of its own, which its process finds from the records of those before."""
    arguments = ["capacity", "--model", "mlp-1x4", "--train-size", "60", "--training.max-steps", "40"]
    arguments += ["--tests", "random-labels"]
    assert main([*arguments, "--out", str(tmp_path / "undisturbed")]) == 0
    assert main([*arguments, "--out", str(tmp_path / "launched"), *LOCAL]) == 0
    expected = sorted(run.config.hash for run in read_runs(tmp_path / "undisturbed"))
    assert len(expected) > 1
    assert sorted(command[-1] for command in in_process) == expected
    assert sorted(run.config.hash for run in read_runs(tmp_path / "launched")) == expected


def test_a_study_comes_after_the_network_it_is_about(tmp_path, in_process):
    arguments = ["interpolants", "--tests", "true-labels", "random-labels", *TINY, "--out", str(tmp_path)]
    assert main([*arguments, *LOCAL, "--launcher.processes", "4"]) == 0
    kinds = {run.config.hash: run.config.kind for run in read_runs(tmp_path)}
    assert [kinds[command[-1]] for command in in_process] == ["trained", "trained", "interpolants", "interpolants"]


def test_rerun_is_the_launchers_own(tmp_path, in_process):
    arguments = ["--tests", "gaussian", *TINY, "--out", str(tmp_path), *LOCAL]
    assert main(arguments) == 0
    assert main([*arguments, "--rerun"]) == 0
    assert len(in_process) == 4
    assert all("--rerun" not in command for command in in_process)


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
    monkeypatch.setattr("empirical.job.launch_slurm", functools.partial(launch_slurm, cluster="local"))
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
