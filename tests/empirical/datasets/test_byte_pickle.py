import builtins
import os
import pickle
import pickletools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from empirical.datasets.byte_pickle import ByteArray, read_byte_pickle


@pytest.fixture
def read(tmp_path):
    def read(content):
        path = tmp_path / "content.pickle"
        path.write_bytes(content)
        return read_byte_pickle(path)

    return read


class Calls:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def stack_global(module, name):
    """A pickle of protocol 4, which may walk along the dots of a name."""
    text = [b"\x8c" + bytes([len(part)]) + part.encode() for part in (module, name)]
    return b"\x80\x04" + b"".join(text) + b"\x93."


@given(array=arrays(np.uint8, array_shapes(min_dims=1, max_dims=3)), fortran=st.booleans())
def test_arrays_of_bytes_come_back(tmp_path_factory, array, fortran):
    array = np.asfortranarray(array) if fortran else array
    path = tmp_path_factory.getbasetemp() / "array.pickle"
    path.write_bytes(pickle.dumps({b"data": array, b"rest": [1, "two", b"three", None]}, protocol=2))
    content = read_byte_pickle(path)
    assert np.array_equal(content[b"data"].array, array)
    assert content[b"rest"] == [1, "two", b"three", None]


def test_python_2_is_read(read, python2_pickle):
    array = np.arange(600, dtype=np.uint8).reshape(2, 300)
    content = read(python2_pickle({b"data": array, b"labels": [3, 5], b"batch_label": b"training batch 1 of 5"}))
    assert np.array_equal(content[b"data"].array, array)
    assert content[b"labels"] == [3, 5]
    assert content[b"batch_label"] == b"training batch 1 of 5"


def test_the_python_2_writer_writes_what_numpy_reads(python2_pickle):
    array = np.arange(600, dtype=np.uint8).reshape(2, 300)
    content = pickle.loads(python2_pickle({b"data": array, b"labels": [3]}), encoding="bytes")
    assert np.array_equal(content[b"data"], array)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_a_hostile_pickle_does_not_run(read, tmp_path, protocol):
    touched = tmp_path / "touched"
    attacks = {
        f"{os.system.__module__}.system": Calls(os.system, f"touch {touched}"),
        "eval": Calls(eval, f"open({str(touched)!r}, 'w')"),
        "exec": Calls(exec, f"open({str(touched)!r}, 'w')"),
        "getattr": Calls(getattr, Calls(getattr, np.ndarray, "tofile"), "__call__"),
        "open": Calls(open, str(touched), "w"),
        "import": Calls(builtins.__import__, "this"),
        "pathlib": Path(touched),
        "_reconstructor": Calls(pickle.Unpickler, None),
    }
    for name, attack in attacks.items():
        for content in (attack, {b"data": [attack]}, [np.zeros(2, np.uint8), attack]):
            with pytest.raises(ValueError, match=r"content\.pickle.*refused"):
                read(pickle.dumps(content, protocol))
            assert not touched.exists(), name


def test_the_attacks_would_run_otherwise(tmp_path):
    touched = tmp_path / "touched"
    pickle.loads(pickle.dumps(Calls(os.system, f"touch {touched}")))
    assert touched.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("__builtin__", "eval"),
        ("numpy", "ndarray.tofile"),
        ("numpy", "ndarray.__class__.__subclasses__"),
        ("numpy", "dtype.__class__"),
        ("numpy.core.multiarray", "_reconstruct.__self__"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy._core.multiarray", "fromfile"),
        ("numpy", "load"),
        ("numpy", "_core.multiarray._reconstruct"),
        ("_codecs", "encode.__self__.lookup"),
        ("_codecs", "lookup"),
        ("_codecs", "register"),
        ("codecs", "encode"),
        ("copyreg", "__newobj__"),
    ],
)
def test_other_names_are_refused_by_name(read, module, name):
    with pytest.raises(ValueError, match=rf"asks for {module}\.{name}, .*refused"):
        read(stack_global(module, name))
    with pytest.raises(ValueError, match=rf"asks for {module}\.{name}, .*refused"):
        read(b"\x80\x02c" + f"{module}\n{name}\n.".encode())


@pytest.mark.parametrize(
    "array",
    [
        np.array([None]),
        np.array([Calls(os.system, "true")], dtype=object),
        np.zeros(3, np.float32),
        np.zeros(3, np.int64),
        np.zeros(3, [("a", "u1"), ("b", "O")]),
        np.zeros(3, "V8"),
    ],
    ids=lambda array: str(array.dtype),
)
def test_arrays_of_anything_else_are_refused(read, array):
    with pytest.raises(ValueError, match=r"only bytes|refused"):
        read(pickle.dumps({b"data": array}, 2))


def test_the_data_type_cannot_be_faked(read):
    array = b"cnumpy.core.multiarray\n_reconstruct\n)R"
    with pytest.raises(ValueError, match="without a data type"):
        read(array + b"(K\x01K\x03\x85X\x02\x00\x00\x00u1\x89C\x03abctb.")
    fields = b"cnumpy\ndtype\nX\x02\x00\x00\x00u1\x85R(K\x03X\x01\x00\x00\x00|NNNJ\x00\x00\x00\x7fK\x01K\x3ftb"
    content = read(array + b"(K\x01K\x03\x85" + fields + b"\x89C\x03abctb.")  # a state of 2 GB an element: ignored
    assert content.array.tobytes() == b"abc"
    with pytest.raises(ValueError, match="cannot reshape"):
        read(array + b"(K\x01J\x00\x00\x00\x7f\x85" + fields + b"\x89C\x03abctb.")


@pytest.mark.parametrize("name", [b"cnumpy\ndtype\n", b"c_codecs\nencode\n", b"cnumpy.core.multiarray\n_reconstruct\n"])
def test_what_a_pickle_is_given_cannot_be_altered_for_the_next(read, name):
    good = pickle.dumps(np.arange(3, dtype=np.uint8), 2)
    alterations = b"}(X\x0c\x00\x00\x00__defaults__K\x01\x85X\x0a\x00\x00\x00__call__xxNu"
    for state in (b"N" + alterations + b"\x86", alterations):
        try:
            read(name + state + b"b.")
        except ValueError as error:
            assert "content.pickle" in str(error)  # noqa: PT017 - either outcome is right
        assert read(good).array.tobytes() == b"\x00\x01\x02"


def test_persistent_names_are_refused(read):
    with pytest.raises(ValueError, match="persistent"):
        read(b"Pname\n.")


def test_a_truncated_pickle_is_an_error_at_every_length(read, python2_pickle):
    whole = python2_pickle({b"data": np.arange(4, dtype=np.uint8), b"labels": [1]})
    assert isinstance(read(whole)[b"data"], ByteArray)
    for length in range(len(whole)):
        with pytest.raises(ValueError, match=r"content\.pickle: not a pickle"):
            read(whole[:length])


def test_only_these_names_are_in_a_pickle_of_bytes():
    names = {
        argument
        for _, argument, _ in pickletools.genops(pickle.dumps(np.zeros(2, np.uint8), 2))
        if " " in str(argument)
    }
    assert {str(name).split()[-1] for name in names} <= {"_reconstruct", "ndarray", "dtype", "encode"}
