"""Freed memory is used again in place of new pages, and goes back to the system in the end."""

import resource
import subprocess
import sys

import numpy as np
import pytest
import torch

from empirical.execution.kept_memory import kept_memory

_MIB = 2**20

# In a process of its own: the options of malloc are those of a process, and other tests take memory, too.
_TAKE_AND_FREE = f"""
import resource
import torch
from empirical.execution.kept_memory import kept_memory

def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

def new_pages():
    for turn in range(21):
        if turn == 1:
            before = pages()
        torch.ones(64 * {_MIB} // 4)
    return pages() - before

torch.set_num_threads(1)
plain = new_pages()
with kept_memory() as kept:
    again = min(new_pages() for _ in range(3))
    print(kept, plain, again, end=" ")
    blocks = [torch.ones(64 * {_MIB} // 4) for _ in range(8)]
    full = resident()
    del blocks
    print(full - resident(), end=" ")
print(full - resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc and glibc are Linux's")
def test_freed_blocks_are_used_again_and_given_back_in_the_end():
    done = subprocess.run([sys.executable, "-c", _TAKE_AND_FREE], capture_output=True, text=True, check=True)
    kept, plain, again, freed_within, freed_after = done.stdout.split()
    if kept == "False":
        pytest.skip("the C library here is not glibc")
    at_least = 20 * 64 * _MIB // max(resource.getpagesize(), 2 * _MIB)  # pages of 2 MiB, if the system has them
    assert int(plain) > at_least
    # In the first of three rounds the heap grows: glibc asks for more than a block's size to align it, so that a freed
    # block with a small one behind it does not hold the next. 5 to 7 of 20 blocks were new there, none later.
    assert int(again) < int(plain) / 20
    assert int(freed_within) < 64 * _MIB
    assert int(freed_after) > 7 * 64 * _MIB


def test_numbers_stay_the_same_and_a_failure_passes_through():
    def product() -> np.ndarray:
        torch.manual_seed(0)
        return torch.nn.Conv2d(3, 64, 3)(torch.ones(128, 3, 28, 28)).detach().numpy()

    plain = product()
    with kept_memory():
        np.testing.assert_array_equal(product(), plain)
    with pytest.raises(ZeroDivisionError), kept_memory():
        raise ZeroDivisionError


def test_a_library_without_these_options_is_left_alone(monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    with kept_memory() as kept:
        assert not kept
