"""One kernel cache for the whole run, empty at its start and shared with the processes that tests start; fixtures.

Runs that FASTACT_TESTS_CACHE_DIR names a folder for share its kernels: those in Numba's simulator compare with most of
what the others compile.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

import browser
import pytest

if "PYTEST_XDIST_WORKER" not in os.environ:  # the processes that share the tests share the cache, too
    shared = os.environ.get("FASTACT_TESTS_CACHE_DIR")
    # Before fastact is first imported.
    os.environ["FASTACT_CACHE_DIR"] = shared or tempfile.mkdtemp(prefix="fastact-tests-")


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput") and not os.environ.get("FASTACT_TESTS_CACHE_DIR"):
        shutil.rmtree(os.environ["FASTACT_CACHE_DIR"], ignore_errors=True)


BAD_INPUT = 2


@pytest.fixture
def run(capsys):
    """Run a command in this process; return its exit code, stdout and stderr."""

    from fastact.__main__ import main

    def run(*argv):
        try:
            code = main([str(argument) for argument in argv])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def refused(run):
    """Run a command that must end in a one-line error; return the error."""

    def refused(*argv):
        code, out, err = run(*argv)
        assert code == BAD_INPUT
        assert out == ""
        assert re.fullmatch(r"fastact: error: .+\n", err)
        return err

    return refused


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of its own to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


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


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium, for the tests of a module: Playwright's event loop is in asyncio's way while it runs."""
    with browser.launched() as chromium:
        yield chromium


@pytest.fixture
def visit(chromium):
    """An empty page and what is recorded of it; no request may leave the machine, no error reach the console."""
    with browser.visiting(chromium) as visit:
        yield visit


@pytest.fixture
def page(visit):
    """The page of `visit`."""
    return visit.page
