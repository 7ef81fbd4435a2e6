"""A CUDA device that is not there: tensors that say `cuda:0`, live on the CPU, and refuse what CUDA refuses.

Within `simulated_cuda()` a tensor is on the device if its memory is: views, gradients, and what a network saves for its
backward pass follow by themselves. Every operation of torch is looked at, those of backward passes too. Refused is what
CUDA refuses:

- operations on tensors of two devices, but for scalars of the CPU in elementwise operations and indices of the CPU;
- NumPy's view of a tensor on the device;
- gradients of outputs that are not where the outputs are; generators of the CPU.

Noted is where the host waits for the device (`Device.synchronisations`): `.item()`, `.tolist()`, `bool`, `int`, copies
to and fro unless from pinned memory and non-blocking, boolean masks, whatever else has a shape that depends on values.

Not simulated: kernels (these are the CPU's), streams, graphs, reduced precision, memory, `torch.compile`, ranks, and
the random numbers of CUDA. Threads that the block starts see tensors of the CPU.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

CUDA, CPU = torch.device("cuda", 0), torch.device("cpu")
_GB = 10**9
_PURGE_EVERY = 10_000  # new storages


class Device:
    """What is on the simulated device, and where the host has waited for it.

    Attributes:
        synchronisations: the file and line of the repository that waited, in order.
    """

    def __init__(self) -> None:
        self.synchronisations: list[str] = []
        self._storages: dict[int, StorageWeakRef] = {}
        self._pinned: dict[int, StorageWeakRef] = {}
        self._purge_at = _PURGE_EVERY

    def __contains__(self, tensor: torch.Tensor) -> bool:
        return _contains(self._storages, tensor)

    def pinned(self, tensor: torch.Tensor) -> bool:
        """Whether the tensor, of the CPU, is in pinned memory."""
        return _contains(self._pinned, tensor)

    def pin(self, tensor: torch.Tensor) -> torch.Tensor:
        """A copy in pinned memory."""
        copy = tensor.clone()
        _put(self._pinned, copy)
        return copy

    def place(self, values: Any, there: bool = True) -> Any:
        """Say of all tensors among the values that they are on the device, or that they are not."""
        for tensor in _tensors(values):
            if there:
                _put(self._storages, tensor)
            elif _strided(tensor):
                self._storages.pop(_key(tensor), None)
        if len(self._storages) > self._purge_at:
            self._storages = {key: storage for key, storage in self._storages.items() if not storage.expired()}
            self._purge_at = len(self._storages) + _PURGE_EVERY
        return values

    def wait(self) -> None:
        """The host waits for the device."""
        self.synchronisations.append(_caller())


@contextmanager
def simulated_cuda(count: int = 1, memory: tuple[int, int] = (64 * _GB, 80 * _GB)) -> Iterator[Device]:
    """Have torch believe in a CUDA device for the time of the block.

    Args:
        count: how many devices torch is to count, of which only the first is simulated.
        memory: its free bytes and all its bytes. Patch neither within the block: what is put back at the end of a test
            would be the simulation's, and every later test would see a device.
    """
    device = Device()
    cuda = patch.multiple(
        torch.cuda,
        is_available=lambda: True,
        device_count=lambda: count,
        current_device=lambda: 0,
        get_device_name=lambda device=None: "simulated",
        mem_get_info=lambda device=None: memory,
        memory_allocated=lambda device=None: 0,
        max_memory_allocated=lambda device=None: _GB,
        reset_peak_memory_stats=lambda device=None: None,
        empty_cache=lambda: None,
        is_current_stream_capturing=lambda: False,
        synchronize=lambda device=None: None,
        manual_seed=lambda seed: None,  # the CPU's generator draws for both
        get_rng_state=lambda device=None: torch.get_rng_state(),
        set_rng_state=lambda state, device=None: torch.set_rng_state(state),
    )
    pinning = patch.object(torch.Tensor, "pin_memory", lambda tensor: device.pin(tensor))
    # What optimisers ask of the present stream, whichever kind of device it is on; older versions of torch ask CUDA.
    stream = SimpleNamespace(is_capturing=lambda: False)
    accelerator = getattr(torch, "accelerator", SimpleNamespace())
    streams = patch.object(accelerator, "current_stream", lambda device=None: stream, create=True)
    with cuda, pinning, streams, patch("torch.autocast", _Autocast), _Functions(device), _Operations(device):
        yield device


class _Autocast(torch.autocast):
    """The CPU's, whose kernels compute."""

    def __init__(self, device_type: str, *arguments: Any, **options: Any) -> None:
        super().__init__("cpu", *arguments, **options)


class _Functions(TorchFunctionMode):
    """What Python code asks of torch: where tensors are, and that they go elsewhere."""

    def __init__(self, device: Device) -> None:
        super().__init__()
        self._device = device

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensor = args[0] if args and isinstance(args[0], torch.Tensor) else None
        there = tensor is not None and tensor in self._device
        if tensor is not None and func in _MOVES:
            return self._move(func, tensor, args[1:], kwargs)
        if there and func in _ANSWERS:
            return _ANSWERS[func]
        if there and func in (torch.Tensor.numpy, torch.Tensor.__array__):
            raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first.")
        if there and func is torch.Tensor.tolist:
            self._device.wait()
        if func in (torch.autograd.grad, torch.autograd.backward, torch.Tensor.backward):
            self._check_gradients(func, args, kwargs)
        if kwargs.get("device") is not None:
            return self._make(func, args, kwargs)
        result = func(*args, **kwargs)
        if there and func in (torch.Tensor.__deepcopy__, torch.Tensor.new_tensor):
            self._device.place(result)
        return result

    def _move(self, func: Any, tensor: torch.Tensor, args: Any, kwargs: dict[str, Any]) -> torch.Tensor:
        """`.to`, `.cpu` and `.cuda`."""
        there = tensor in self._device
        goal, dtype, blocking, memory_format = there, None, True, kwargs.get("memory_format")
        if func is not torch.Tensor.to:
            goal = func is torch.Tensor.cuda
            blocking = not kwargs.get("non_blocking", False)
        elif args and isinstance(args[0], torch.Tensor):
            goal, dtype, args = args[0] in self._device, args[0].dtype, args[1:]
            blocking = not kwargs.get("non_blocking", False)
        else:
            options = {name: value for name, value in kwargs.items() if name != "copy"}
            destination, dtype, non_blocking, memory_format = torch._C._nn._parse_to(*args, **options)
            goal, blocking = goal if destination is None else destination.type == "cuda", not non_blocking
        if goal == there:
            if dtype is None and memory_format is None and not kwargs.get("copy"):
                return tensor
        elif blocking or (goal and not self._device.pinned(tensor)):
            self._device.wait()
        copy = bool(kwargs.get("copy")) or goal != there
        options = {} if memory_format is None else {"memory_format": memory_format}
        moved = tensor.to(dtype or tensor.dtype, copy=copy, **options)
        return self._device.place(moved, goal) if goal != there else moved

    def _make(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """A new tensor on a device that is named."""
        there = _is_cuda(kwargs["device"])
        if there and kwargs.get("generator") is not None:
            raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
        if there and func in (torch.tensor, torch.as_tensor, torch.asarray, torch.Tensor.new_tensor):
            self._device.wait()
            func = torch.tensor if func in (torch.as_tensor, torch.asarray) else func
        tensor = func(*args, **(kwargs | {"device": "cpu" if there else kwargs["device"]}))
        return self._device.place(tensor, there)

    def _check_gradients(self, func: Any, args: Any, kwargs: dict[str, Any]) -> None:
        is_grad = func is torch.autograd.grad
        names = ("grad_outputs", 2) if is_grad else ("gradient", 1) if func is torch.Tensor.backward else ("", 1)
        cotangent = kwargs.get(names[0]) if names[0] in kwargs else (args[names[1]] if len(args) > names[1] else None)
        outputs, gradients = _tensors(args[0]), _tensors(cotangent)
        for output, gradient in zip(outputs, gradients, strict=False):
            if (output in self._device) != (gradient in self._device):
                raise RuntimeError("the gradient of an output is on another device than the output")


class _Operations(TorchDispatchMode):
    """Every operation, those of backward passes too: checked, carried out on the CPU, its results placed."""

    def __init__(self, device: Device) -> None:
        super().__init__()
        self._device = device

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        device, tensors = self._device, _tensors((args, kwargs))
        there = [tensor in device for tensor in tensors]
        if not any(there):
            return func(*args, **kwargs)
        if func is torch.ops.aten.copy_.default:
            if not all(there) and not _from_setitem(tensors[1]):
                device.wait()
            return func(*args, **kwargs)
        if not all(there):
            self._check(func, tensors, there)
        if kwargs.get("generator") is not None:
            raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
        if _depends_on_values(func, tensors):
            device.wait()
        return device.place(func(*args, **kwargs))

    def _check(self, func: Any, tensors: list[torch.Tensor], there: list[bool]) -> None:
        if there[0] and func.overloadpacket in _INDEXING:
            return
        elsewhere = [tensor for tensor, placed in zip(tensors, there, strict=True) if not placed]
        changed = func._schema.is_mutable and not there[0]
        if not changed and torch.Tag.pointwise in func.tags and all(tensor.dim() == 0 for tensor in elsewhere):
            return
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! ({func})"
        )


_MOVES = (torch.Tensor.to, torch.Tensor.cpu, torch.Tensor.cuda)
_ANSWERS: dict[Any, Any] = {
    torch.Tensor.device.__get__: CUDA,
    torch.Tensor.is_cuda.__get__: True,
    torch.Tensor.is_cpu.__get__: False,
    torch.Tensor.get_device: 0,
}
_INDEXING = (torch.ops.aten.index, torch.ops.aten.index_put, torch.ops.aten.index_put_)


def _depends_on_values(func: Any, tensors: list[torch.Tensor]) -> bool:
    """Whether the host must know values before it goes on. Integer indices need none, masks do."""
    if func.overloadpacket in _INDEXING:
        return any(tensor.dtype in (torch.bool, torch.uint8) for tensor in tensors[1:])
    return torch.Tag.data_dependent_output in func.tags or torch.Tag.dynamic_output_shape in func.tags


def _from_setitem(source: torch.Tensor) -> bool:
    """Whether a number is written into a tensor, which CUDA does without a copy."""
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_code.co_name != "__torch_function__":
        frame = frame.f_back
    return source.dim() == 0 and frame is not None and frame.f_locals.get("func") is torch.Tensor.__setitem__


def _is_cuda(device: Any) -> bool:
    return isinstance(device, int) or torch.device(device).type == "cuda"


def _tensors(values: Any) -> list[torch.Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, torch.Tensor)]


def _strided(tensor: torch.Tensor) -> bool:
    return tensor.layout == torch.strided and tensor.device.type == "cpu"


def _key(tensor: torch.Tensor) -> int:
    with torch._C.DisableTorchFunction():
        return int(tensor.untyped_storage()._cdata)


def _contains(storages: dict[int, StorageWeakRef], tensor: torch.Tensor) -> bool:
    with torch._C.DisableTorchFunction():
        if not _strided(tensor):
            return False
        storage = storages.get(_key(tensor))
        return storage is not None and not storage.expired()


def _put(storages: dict[int, StorageWeakRef], tensor: torch.Tensor) -> None:
    with torch._C.DisableTorchFunction():
        if _strided(tensor) and (key := _key(tensor)) not in storages:
            storages[key] = StorageWeakRef(tensor.untyped_storage())


def _caller() -> str:
    """The innermost line of the repository, this file and an environment installed inside the repository apart."""
    here, root, installed = Path(__file__), Path(__file__).parents[1], Path(torch.__file__).parents[1]
    frame: Any = sys._getframe(1)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path != here and path.is_relative_to(root) and not path.is_relative_to(installed):
            return f"{path.relative_to(root)}:{frame.f_lineno}"
        frame = frame.f_back
    return "elsewhere"
