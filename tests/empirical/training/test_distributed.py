"""Training over several ranks, on CPUs: the experiment of one rank, whatever happens to one of them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import multiprocessing, nn

from empirical.run import main
from empirical.training.batches import Batches
from empirical.training.config import TrainingConfig
from empirical.training.data import ResidentData
from empirical.training.distributed import LostRankError, Ranks, joined_ranks, launched
from empirical.training.evaluation import predict
from empirical.training.loop import train
from empirical.training.synchronised_layers import BatchShare, GlobalBatchNorm, over_global_batch, synchronised
from tests.empirical.training.saved_states import loaded, saved

CONFIG = TrainingConfig(learning_rate=0.01, batch_size=8, max_steps=40)
ROUNDING = 1e-3
"""Forty steps in float32: sums in another order differ by some units of 6e-8, and steps magnify it (at five times this
step size to 3e-4). Local batch norm, or another order of samples, changes losses by hundredths and more."""


def made_data(n: int = 58) -> ResidentData:
    """Gaussian images in 3 classes; the last batch of 8 has two, so that of four ranks some have none of it."""
    random = np.random.default_rng(0)
    labels = torch.from_numpy(random.integers(0, 3, n))
    images = torch.from_numpy(random.standard_normal((n, 1, 4, 4)).astype(np.float32))
    stored = (images * 10 + 100).clamp(0, 255).to(torch.uint8)
    return ResidentData(
        images[:, :, :3, :3], labels, labels.clone(), images[:21, :, :3, :3] + 0.1, labels[:21], stored, 3
    )


def made_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 2), nn.BatchNorm2d(8), nn.ReLU()),
        *(
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(32, 16),
            nn.BatchNorm1d(16, affine=False),
            nn.ReLU(),
            nn.Dropout(0.5),
        ),
        nn.Linear(16, 3),
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _on_rank(rank: int, count: int, port: int, task, directory: Path) -> None:
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    with joined_ranks("cpu", 120) as ranks:
        torch.save(task(ranks), directory / f"{rank}.pt")


def on_ranks(count: int, task, directory: Path) -> list:
    """What a task gives on each of so many ranks, processes of their own."""
    multiprocessing.spawn(_on_rank, (count, free_port(), task, directory), nprocs=count)
    return [torch.load(directory / f"{rank}.pt", weights_only=False) for rank in range(count)]


def curve(config: TrainingConfig, ranks: Ranks, state=None) -> dict:
    """Records and final state of a run."""
    network = made_network()
    records = []
    for record, latest in train(network, made_data(), config, 0, state, ranks=ranks):
        state = latest
        if record:
            records.append({name: value for name, value in asdict(record).items() if name != "seconds"})
    return {"records": records, "state": saved(state), "buffers": [b.clone() for b in network.buffers()]}


def losses(result: dict) -> np.ndarray:
    return np.array([(record["train_loss"], record["test_loss"]) for record in result["records"]])


def weights(result: dict) -> torch.Tensor:
    return torch.cat([value.double().flatten() for value in loaded(result["state"]).model.values()])


def several_things(ranks: Ranks) -> dict:
    """All that is looked at with the same processes: to start them takes seconds."""
    data = made_data()
    shares = [[(i.flatten(1), t) for i, t, _ in Batches(data, CONFIG, 0, e, ranks).starting(0)] for e in (1, 2)]
    fitted = predict(made_network(), data.test_source, data.test_labels, ranks)
    return {
        "plain": curve(CONFIG, ranks),
        "cropped": curve(replace(CONFIG, augmentation="resized-crop"), ranks),
        "local": curve(replace(CONFIG, batch_norm="local", batch_size=24, max_steps=9), ranks),
        "shares": shares,
        "predictions": (fitted.classes, fitted.losses, fitted.top_5),
    }


@pytest.fixture(scope="module")
def on_one() -> dict:
    return {"plain": curve(CONFIG, Ranks()), "cropped": curve(replace(CONFIG, augmentation="resized-crop"), Ranks())}


@pytest.fixture(scope="module", params=[2, 4])
def on_many(request, tmp_path_factory) -> list[dict]:
    return on_ranks(request.param, several_things, tmp_path_factory.mktemp("ranks"))


@given(n=st.integers(0, 1000), count=st.integers(1, 70))
def test_shares_are_each_sample_once_and_of_equal_size(n, count):
    shares = [range(n)[Ranks(rank, count).share(n)] for rank in range(count)]
    assert [sample for share in shares for sample in share] == list(range(n))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("kind", ["plain", "cropped"])
def test_many_ranks_have_the_curve_of_one(on_one, on_many, kind):
    """Batch norm, dropout, augmentation, batches that do not divide evenly and one with fewer samples than ranks."""
    for result in on_many:
        np.testing.assert_allclose(losses(result[kind]), losses(on_one[kind]), rtol=ROUNDING)
        assert [r["online_accuracy"] for r in result[kind]["records"]] == [
            r["online_accuracy"] for r in on_one[kind]["records"]
        ]
        torch.testing.assert_close(weights(result[kind]), weights(on_one[kind]), rtol=1e-3, atol=1e-3)
    moved = losses(on_one[kind])
    assert np.ptp(moved[:, 0]) > 100 * ROUNDING * moved.max(), "the curves tell one network from another"


def test_ranks_stay_equal_to_the_bit(on_many):
    first, *peers = on_many
    for peer in peers:
        assert peer["plain"]["records"] == first["plain"]["records"]
        assert torch.equal(weights(peer["plain"]), weights(first["plain"]))


def test_every_sample_is_trained_on_once_an_epoch(on_many):
    data = made_data()
    for epoch in range(2):
        flat_images = torch.cat([images for result in on_many for images, _ in result["shares"][epoch]])
        rows = (flat_images[:, None] == data.train_images.flatten(1)).all(dim=2).nonzero()[:, 1]
        assert sorted(rows.tolist()) == list(range(58))
        labels = torch.cat([labels for result in on_many for _, labels in result["shares"][epoch]])
        assert torch.equal(labels, data.train_labels[rows]), "and has its own label"


def test_every_sample_is_evaluated_once(on_many):
    """As one rank evaluates it: on 21 samples, which no number of ranks here divides."""
    data = made_data()
    alone = predict(made_network(), data.test_source, data.test_labels)
    for result in on_many:
        classes, per_sample, top_5 = result["predictions"]
        assert torch.equal(classes, alone.classes)
        assert torch.equal(top_5, alone.top_5)
        torch.testing.assert_close(per_sample, alone.losses, rtol=1e-6, atol=1e-6)


def test_a_state_of_two_ranks_is_one_for_any_number(on_many, on_one):
    """Whoever goes on, with more or fewer: states hold nothing of the ranks that made them."""
    longer = replace(CONFIG, max_steps=80)
    state = loaded(on_many[0]["plain"]["state"])
    resumed = curve(longer, Ranks(), state)
    whole = curve(longer, Ranks())
    np.testing.assert_allclose(losses(resumed), losses(whole)[len(on_one["plain"]["records"]) :], rtol=10 * ROUNDING)


def test_local_batch_norm_is_another_experiment_with_equal_buffers(on_many):
    single = curve(replace(CONFIG, batch_size=24, max_steps=9), Ranks())
    local = [result["local"] for result in on_many]
    assert np.abs(losses(local[0]) - losses(single)).max() > 10 * ROUNDING
    for mine, theirs in zip(local[0]["buffers"], local[-1]["buffers"], strict=True):
        assert torch.equal(mine, theirs)


def _moments(ranks: Ranks) -> list:
    """Forward, backward and running moments of batch norm on a share of 13 samples."""
    torch.manual_seed(1)
    whole = torch.randn(13, 5, 3, 2) * 3 + 100  # a mean far from 0: what one pass over squares would lose
    layer = nn.BatchNorm2d(5, momentum=None)
    nn.init.normal_(layer.weight)
    model = over_global_batch(nn.Sequential(layer), ranks, BatchShare("cpu"), batch_norm=True)
    mine = whole[ranks.share(13)].requires_grad_()
    out = model.train()(mine)
    (out * torch.arange(13.0)[ranks.share(13)].view(-1, 1, 1, 1)).square().sum().backward()
    return [out.detach(), mine.grad, model[0].running_mean, model[0].running_var, model.eval()(whole).detach()]


def test_batch_norm_over_ranks_is_torch_s_on_the_whole_batch(tmp_path):
    parts = on_ranks(3, _moments, tmp_path)
    torch.manual_seed(1)
    whole = (torch.randn(13, 5, 3, 2) * 3 + 100).requires_grad_()
    layer = nn.BatchNorm2d(5, momentum=None)
    nn.init.normal_(layer.weight)
    out = layer.train()(whole)
    (out * torch.arange(13.0).view(-1, 1, 1, 1)).square().sum().backward()
    expected = [out.detach(), whole.grad, layer.running_mean, layer.running_var, layer.eval()(whole).detach()]
    # Values of 100 and deviations of 3 in float32: each of torch's and ours has errors of 1e-5.
    for place, value in enumerate(expected):
        gathered = torch.cat([part[place] for part in parts]) if place < 2 else parts[0][place]
        torch.testing.assert_close(gathered, value, rtol=1e-3, atol=1e-3)


def test_batch_norm_of_one_value_is_refused(monkeypatch):
    monkeypatch.setattr("torch.distributed.all_reduce", lambda values: None)
    with pytest.raises(ValueError, match="more than one value of each channel"):
        synchronised(nn.BatchNorm1d(3), GlobalBatchNorm).train()(torch.ones(1, 3))


@pytest.mark.parametrize(
    ("environment", "several"),
    [
        ({}, False),
        ({"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost"}, False),
        ({"WORLD_SIZE": "4"}, False),  # a number alone, as other programs may have set it
        ({"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost"}, True),
    ],
)
def test_ranks_are_those_that_torchrun_started(environment, several):
    assert launched(environment) == several


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--launcher", "local"], "torchrun trains one network at a time"),
        (["capacity"], "run it without torchrun"),
        (["--network-timeout", "0"], "--network-timeout must be positive"),
    ],
)
def test_what_ranks_cannot_do_is_refused_by_the_first_alone(arguments, message, monkeypatch, capsys, tmp_path):
    for name, value in {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost"}.items():
        monkeypatch.setenv(name, value)
    for rank in "01":
        monkeypatch.setenv("RANK", rank)
        assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
        error = capsys.readouterr().err
        assert (message in error) == (rank == "0")


def _lonely(rank: int, port: int, box) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    try:
        with joined_ranks("cpu", 5) as ranks:
            ranks.sum(torch.ones(1))
            if rank == 1:
                os.kill(os.getpid(), signal.SIGSTOP)  # it hangs
            ranks.sum(torch.ones(1))
    except LostRankError as error:
        box.put(str(error))


def test_a_rank_that_hangs_is_named_within_the_time_out():
    context = multiprocessing.get_context("spawn")
    box = context.Queue()
    port = free_port()
    processes = [context.Process(target=_lonely, args=(rank, port, box)) for rank in (0, 1)]
    for process in processes:
        process.start()
    try:
        message = box.get(timeout=60)
    finally:
        processes[1].kill()
        for process in processes:
            process.join()
    assert "rank 0 of 2 lost the other ranks" in message
    assert "nothing was heard for 5 s" in message
    assert "The same command goes on from the last checkpoint" in message


def _attempt(rank: int, attempt: int, port: int) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": str(attempt)}
    if attempt and rank:
        time.sleep(3)  # the first rank looks for the second, and in the same store finds the address of the dead one
    with joined_ranks("cpu", 60) as ranks:
        assert ranks.sum(torch.ones(1)) == 2


def test_restarted_ranks_do_not_look_for_the_dead_ones():
    """In one store for all attempts, which is torchrun's own."""
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    for attempt in (0, 1):
        multiprocessing.start_processes(_attempt, (attempt, store.port), nprocs=2, start_method="spawn")


def torchrun(count: int, out: Path, *arguments: str, restarts: int = 0) -> subprocess.Popen:
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(count)),
        *("--max-restarts", str(restarts), "--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{free_port()}"),
        *("-m", "empirical.run", *arguments, "--out", str(out)),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    with open(out.with_suffix(".log"), "wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)


def ended(process: subprocess.Popen, out: Path, timeout: float = 400) -> str:
    """What it printed."""
    try:
        process.wait(timeout)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return out.with_suffix(".log").read_text(errors="replace")


def only(out: Path, pattern: str) -> Path:
    (path,) = out.glob(pattern)
    return path


def epochs_of(out: Path) -> list[dict]:
    lines = only(out, "*_mlp-1x512_*/metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


SLOW_EPOCHS = ("--tests", "random-labels", "--training.batch-size", "1", "--training.max-steps", "2590")
"""Two epochs of 1,297 steps, longer than the time between checkpoints: a rank can be killed in the middle of one."""


def test_a_rank_killed_within_an_epoch_is_begun_again_by_torchrun(tmp_path):
    """The metrics equal those of an undisturbed run of two ranks to the bit, and those of one rank up to rounding."""
    out = tmp_path / "killed"
    process = torchrun(2, out, *SLOW_EPOCHS, restarts=1)
    wait_for_an_epoch_in_part(out, [process])
    os.kill(second_worker(process.pid), signal.SIGKILL)
    printed = ended(process, out)
    assert process.returncode == 0, printed
    # torchrun names the worker whose end it sees first: the killed one, or the other, which loses it at once.
    assert re.search(r"exitcode: (-9|2)\b", printed), printed
    assert printed.count("report: ") == 1, f"the first rank alone reports, in the end:\n{printed}"
    undisturbed = tmp_path / "undisturbed"
    again = torchrun(2, undisturbed, *SLOW_EPOCHS)
    assert ended(again, undisturbed)
    assert again.returncode == 0
    assert epochs_of(out) == epochs_of(undisturbed)
    summaries = [json.loads(only(o, "*_mlp-1x512_*/summary.json").read_text()) for o in (out, undisturbed)]
    assert summaries[0]["metrics"] == summaries[1]["metrics"]
    assert summaries[0]["environment"]["ranks"] == 2
    assert only(out, "*_explicit_*/summary.json").exists(), "what trains no network is the first rank's alone"


def wait_for_an_epoch_in_part(out: Path, processes: list[subprocess.Popen]) -> None:
    """Until there is a checkpoint from the middle of an epoch."""
    until = time.monotonic() + 300
    while all(process.poll() is None for process in processes) and time.monotonic() < until:
        time.sleep(0.02)
        for checkpoint in out.glob("*_mlp-1x512_*/checkpoint.pt"):
            try:
                state = torch.load(checkpoint, weights_only=True)
            except (OSError, RuntimeError, EOFError):  # replaced while it was read
                continue
            if state["batches"]:
                assert state["batches"] < 1297
                return
    raise AssertionError("no checkpoint from within an epoch")


def second_worker(launcher: int) -> int:
    """The process of rank 1: torchrun's child that says so in its environment."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            environment = (path / "environ").read_bytes().split(b"\0")
        except (OSError, IndexError):
            continue
        if parent == launcher and b"RANK=1" in environment:
            return int(path.name)
    raise AssertionError("no second worker")
