import gc
import threading
import time

import pytest

from empirical.datasets.read_ahead import ProgressLines, read_ahead, usable_cores


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("ahead", [1, 2, 30])
def test_results_come_in_order(workers, ahead):
    def slow_first(item):
        time.sleep(0.01 / (1 + item))
        return item * item

    assert list(read_ahead(slow_first, range(12), workers=workers, ahead=ahead)) == [item * item for item in range(12)]
    assert not threads()


def test_no_more_is_begun_than_allowed():
    calls = []
    results = read_ahead(calls.append, range(100), workers=2, ahead=4)
    next(results)
    time.sleep(0.05)
    assert len(calls) <= 5
    results.close()


def test_an_error_comes_in_its_place():
    results = read_ahead(lambda item: 1 // (3 - item), range(10), workers=2)
    assert [next(results) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert not threads()


@pytest.mark.parametrize("how", ["closed", "dropped", "never begun"])
def test_an_abandoned_iterator_leaves_no_threads(how):
    results = read_ahead(lambda item: item, range(1000), workers=3)
    if how != "never begun":
        next(results)
        assert threads()
    if how == "closed":
        results.close()
    del results
    gc.collect()
    assert not threads()


def test_cores():
    assert usable_cores() >= 1


def test_progress_is_said_when_it_takes_long(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    lines = ProgressLines("memory map", 1000)
    for now[0] in (5.0, 10.0, 25.0, 30.0, 60.0):
        lines.advance(100)
    messages = capsys.readouterr().err.splitlines()
    assert messages == [
        "memory map: 300 of 1,000 images, 12 a second, about 1 minutes left",
        "memory map: 500 of 1,000 images, 8 a second, about 1 minutes left",
    ]
