"""Whatever takes what is printed: the program goes on to its end."""

import os
import subprocess
import sys

import pytest

PROGRAM = "import sys; from theory.common.terminal import prepare_output; prepare_output(); "


def python(code: str, shell: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = f'"$0" -c "$1" {shell}'
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LC_", "LANG", "PYTHONIO", "PYTHONUNBUFFERED"))
    }
    arguments = ["bash", "-o", "pipefail", "-c", command, sys.executable, PROGRAM + code]
    return subprocess.run(arguments, capture_output=True, env=clean | environment, check=False)


def test_characters_that_the_locale_does_not_have_are_spelled():
    process = python("print('a — b'); print('é', file=sys.stderr)", PYTHONIOENCODING="ascii")
    assert process.returncode == 0, process.stderr
    assert process.stdout == b"a \\u2014 b\n"
    assert process.stderr == b"\\xe9\n"


@pytest.mark.parametrize("shell", [">&-", ">&- 2>&-", "| true", "2>&1 | head -n 1"])
def test_nobody_listens(tmp_path, shell):
    end = tmp_path / "end"
    code = "[print('x' * 1000, flush=True) for _ in range(500)]; print('y', file=sys.stderr); "
    code += f"sys.stdout.isatty(); open({str(end)!r}, 'w').write('end')"
    process = python(code, shell)
    assert process.returncode == 0, process.stderr
    assert end.read_text() == "end"
    assert b"Broken" not in process.stderr
    assert b"Traceback" not in process.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
def test_a_full_disk_is_not_hidden():
    assert python("print('x' * 100_000)", "> /dev/full").returncode != 0


def test_nothing_is_lost_or_twice(tmp_path):
    process = python("print('a'); print('b', flush=True); sys.stderr.write('c'); sys.stdout.write('d')")
    assert process.stdout == b"a\nb\nd"
    assert process.stderr == b"c"


def test_unbuffered_stays_unbuffered(tmp_path):
    """A log is read while its process is at work, and after it was killed."""
    code = "print('a'); import os; os._exit(0)"
    assert python(code, PYTHONUNBUFFERED="1").stdout == b"a\n"
    assert python(code).stdout == b""
