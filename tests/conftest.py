"""One kernel cache for the whole run: empty at its start, and shared with the processes that tests start."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

COMPILE_AHEAD = Path(__file__).with_name("compile_ahead.py")
MANY_TESTS = 300
CACHE = tempfile.mkdtemp(prefix="fastact-tests-")
os.environ["FASTACT_CACHE_DIR"] = CACHE  # before fastact is first imported
compiler = None


def pytest_collection_finish(session):
    global compiler
    if len(session.items) > MANY_TESTS and (os.cpu_count() or 1) > 1:
        compiler = subprocess.Popen([sys.executable, COMPILE_AHEAD])


def pytest_unconfigure():
    if compiler is not None:
        compiler.kill()
        compiler.wait()
    shutil.rmtree(CACHE, ignore_errors=True)


@pytest.fixture
def threads():
    """`fa.set_num_threads`, undone after the test."""
    import fastact as fa

    before = fa.get_num_threads()
    yield fa.set_num_threads
    fa.set_num_threads(before)


@pytest.fixture
def run_python(tmp_path):
    """Run a script in a fresh interpreter, where every warning is an error; return what it printed."""

    def run(script: str, **environment: str) -> str:
        path = tmp_path / "script.py"  # a file, since spawned children import the main module
        path.write_text(script)
        result = subprocess.run(
            [sys.executable, "-W", "error", path],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=300,
            cwd=tmp_path,
        )
        assert result.returncode == 0, result.stderr + result.stdout
        assert result.stderr == ""
        return result.stdout.strip()

    return run
