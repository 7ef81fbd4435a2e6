"""What a pickle would do to this process, found by inspection before the pickle is read.

Even a pickle that calls nothing is a program: it can share a tuple with itself until no computer hashes it in a year,
nest tuples until the interpreter's stack overflows, or ask for a table of 2^26 memories in six bytes. The pickles of
image data do nothing of this kind.
"""

import pickletools
from typing import Any

_LARGEST = 2**28  # bytes; a batch of CIFAR-10 takes 31 million
_MOST_STEPS = 500_000  # a batch takes 40,000
_DEEPEST = 20  # tuples within tuples; a batch nests 3
_LARGEST_INTEGER = 2**31
_NEVER_NEEDED = {"DUP", "EMPTY_SET", "ADDITEMS", "FROZENSET", "BYTEARRAY8", "NEXT_BUFFER", "READONLY_BUFFER"}
_INTEGERS = {"INT", "LONG", "LONG1", "LONG4", "BININT"}
_TUPLES = {"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}

_MARK = -1


def check_bounds(content: bytes) -> None:
    """Raises ValueError for a pickle that is malformed, or out of bounds in size, depth, memory or integers."""
    if len(content) > _LARGEST:
        raise ValueError(f"it is {len(content):,} bytes long, where image data may take {_LARGEST:,}")
    depths: list[int] = []  # the depths of the values on the unpickler's stack
    tuples: set[int] = set()  # the memories that hold a tuple
    memories, last = 0, ""
    for step, (opcode, argument, _) in enumerate(pickletools.genops(content)):
        name, number = opcode.name, argument if isinstance(argument, int) else 0
        if step > _MOST_STEPS:
            raise ValueError(f"it takes more than {_MOST_STEPS:,} steps")
        if name in _NEVER_NEEDED:
            raise ValueError(f"it uses {name}, which image data does not need: refused")
        if name in _INTEGERS and abs(number) > _LARGEST_INTEGER:
            raise ValueError("it contains an integer of more than 32 bits, which image data does not need")
        if name.endswith("PUT") or name == "MEMOIZE":
            index = memories if name == "MEMOIZE" else number
            if not 0 <= index <= memories + 1:
                raise ValueError(f"it asks for memory {index:,} after {memories:,}")
            memories += 1
            (tuples.add if last in _TUPLES else tuples.discard)(index)
        elif name.endswith("GET") and number in tuples:
            raise ValueError("it uses a tuple twice, which image data does not need")
        _step(depths, opcode)
        last = name


def _step(depths: list[int], opcode: pickletools.OpcodeInfo) -> None:
    """Follow the unpickler's stack over one step."""
    if opcode.name == "MARK":
        depths.append(_MARK)
        return
    if opcode.name == "POP" and depths and depths[-1] == _MARK:
        depths.pop()
        return
    taken: list[int] = []
    before: list[Any] = list(opcode.stack_before)
    if pickletools.markobject in before:
        while depths and depths[-1] != _MARK:
            taken.append(depths.pop())
        if not depths:
            raise ValueError(f"{opcode.name} without a mark")
        depths.pop()
        before = before[: before.index(pickletools.markobject)]
    if len(before) > len(depths) or _MARK in depths[len(depths) - len(before) :]:
        raise ValueError(f"{opcode.name} on too short a stack")
    for _ in before:
        taken.append(depths.pop())
    depth = max(taken, default=0) + (opcode.name in _TUPLES)
    if depth > _DEEPEST:
        raise ValueError(f"it nests tuples more than {_DEEPEST} deep")
    depths.extend(depth for _ in opcode.stack_after)
