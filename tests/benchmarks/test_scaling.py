"""From a recorded plan to other machines: a stated device, a sweep's times, and the script end to end."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchmarks.scaling import Options, data_parallel_job, main, recorded_times, sweep_durations
from empirical.planning.plan import Plan, plan_run
from tests.empirical.planning.test_plan import COST, SHAPE, config_of
from tests.figures.made_up_networks import network_run, rise
from tests.made_up import write_run

PLAN = Path("plan.json")


def test_a_stated_device():
    run = plan_run(config_of(), 0, COST, SHAPE)
    measured = data_parallel_job(run, COST, Options(PLAN), stated=False)
    assert measured.compute(128) == 1.0
    assert measured.gradient_bytes == 4_000
    assert measured.evaluations == 1.0
    assert measured.compute.forward_share == pytest.approx(0.128)
    settings = Options(PLAN, images_per_second=256.0, overhead_ms=100.0)
    stated = data_parallel_job(run, COST, settings, stated=True)
    assert [stated.compute(n) for n in (1, 128)] == pytest.approx([0.1 + 1 / 256, 0.6])
    assert stated.evaluation == pytest.approx(0.0005), "as much faster as an image of a step"


def test_times_of_finished_runs(tmp_path):
    runs = [network_run("mlp-1x512", test, 5, rise(0.3, 5)) for test in ("true-labels", "random-labels")]
    for at, run in enumerate(runs):
        write_run(replace(run, summary=replace(run.summary, time={"seconds": 1.0 + at})), tmp_path)
    recorded = recorded_times(tmp_path)
    assert sorted(recorded) == [1.0, 2.0]
    times = sweep_durations(Plan((), (), ()), Options(PLAN, runs=30), recorded)
    assert len(times) == 30
    assert set(times) == {1.0, 2.0}
    assert times == sweep_durations(Plan((), (), ()), Options(PLAN, runs=30), recorded)
    assert times != sweep_durations(Plan((), (), ()), Options(PLAN, runs=30, seed=1), recorded)


def test_times_of_planned_runs():
    """Each to its limit, with its evaluation and checkpoints, again and again; on the device stated if one is."""
    runs = tuple(plan_run(config_of(max_steps=steps), 0, COST, SHAPE) for steps in (391, 782))
    plan = Plan(runs, (COST,), ())
    (base, double, again) = sweep_durations(plan, Options(PLAN, runs=3), [])
    assert base == again == pytest.approx(391 + 391 / 10 * 0.5 + 60)
    assert double == pytest.approx(2 * base)
    stated = Options(PLAN, runs=1, images_per_second=1280.0)
    assert sweep_durations(plan, stated, []) == pytest.approx([391 * 0.1 + 391 / 100 * 0.5 + 6])


@pytest.fixture
def plan(tmp_path) -> Path:
    """A plan of one run, as `--plan.record` writes it."""
    plan = Plan((plan_run(config_of(), 0, COST, SHAPE),), (COST,), ())
    (tmp_path / "plan.json").write_text(json.dumps({"about": {}, "loading": 0.1, "plan": asdict(plan)}))
    return tmp_path / "plan.json"


@pytest.fixture(autouse=True)
def quick_start(monkeypatch):
    monkeypatch.setattr("benchmarks.scaling.measure_start_up", lambda: 5.0)


def test_command_line(plan, tmp_path, capsys):
    beyond = ["--devices", "1", "4", "--slots", "2", "50", "--runs", "40", "--mtbf-hours", "1000"]
    record = tmp_path / "scaling.json"
    assert main([str(plan), *beyond, "--images-per-second", "1000000", "--record", str(record)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "100 Gbit/s and 5 us, stated" in printed
    assert re.search(r"all-reduce in sequence: fastest on \d+ devices.*?; efficiency below one half from \d+", printed)
    assert "Young's optimum" in printed
    assert "a sweep of 40 runs, each to its limit of steps" in printed
    content = json.loads(record.read_text())
    assert [table["compute"] for table in content["scaling"]] == ["measured", "stated"]
    measured, rated = content["scaling"]
    assert [row["devices"] for row in measured["rows"]] == [1, 4]
    assert rated["rows"][0]["compute"] == pytest.approx(128e-6)
    for row in content["sweep"]["rows"]:
        assert row["makespan"] >= row["bound"]
    assert content["start_up"] == pytest.approx(5.1)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (["--devices", "0"], "--devices are numbers from 1 on, got 0"),
        (["--variation", "-1"], "--variation must be at least 0"),
        (["--bandwidth-gbps", "0"], "a positive bandwidth (--bandwidth-gbps)"),
        (["--slots", "1", "--records", "nowhere"], "no directory of records at"),
        (["--slots", "1", "--limit-hours", "1e-9"], "raise --limit-hours"),
    ],
)
def test_refusals_say_what_to_do(wrong, says, plan, capsys):
    try:
        status = main([str(plan), *wrong])
    except SystemExit as stopped:  # tyro's own, for what a field refuses
        status = stopped.code
    assert status == 2
    assert says in " ".join(capsys.readouterr().err.replace("│", " ").split())
