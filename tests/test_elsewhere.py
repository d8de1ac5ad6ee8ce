"""What is said of other libraries' functions: that they exist there and here, and compute the same."""

import importlib
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

import fastact as fa
from fastact._elsewhere import ELSEWHERE, rows
from fastact.compat import PRESETS

X = np.linspace(-5, 5, 24, dtype="f4").reshape(2, 12)


def found(library, name):
    """The library's function, where the library is installed."""
    if library == "onnx":
        return pytest.importorskip("onnx.defs").get_schema(name)
    for place in ELSEWHERE[library].places:
        module, _, name_in_it = f"{place}.{name}".rpartition(".")
        pytest.importorskip(place)
        if module in sys.modules and hasattr(sys.modules[module], name_in_it):
            return getattr(sys.modules[module], name_in_it)
    raise AssertionError(f"{library} has no {name}")


@pytest.mark.parametrize("library", ELSEWHERE)
def test_names_are_known_here(library):
    assert {row.ours for row in rows(library)} <= set(dir(fa))


@pytest.mark.parametrize("library", ELSEWHERE)
def test_names_exist_there(library):
    for row in rows(library):
        for name in row.theirs:
            found(library, name)


@pytest.mark.parametrize("library", [library for library in ELSEWHERE if library != "onnx"])
def test_what_computes_the_same(library):
    """Functions of one array of which nothing is said."""
    if library != "scipy":
        pytest.importorskip(library)
    here = [row for row in rows(library) if not row.differs and "." not in row.theirs[0]]
    for row in here:
        theirs, ours = found(library, row.theirs[0]), getattr(fa, row.ours)
        if library == "torch" and (not row.theirs[0].islower() or ours.info.kind == "loss"):
            continue
        x = np.abs(X) / 6 if row.ours == "logit" else X
        expected = np.asarray(theirs(importlib.import_module("torch").asarray(x) if library == "torch" else x))
        assert_allclose(ours(x), expected, rtol=2e-4, atol=2e-6, err_msg=row.theirs[0])


def test_scipy_has_what_is_said_of_it():
    special = pytest.importorskip("scipy.special")
    for name in ("softmax", "log_softmax", "logsumexp"):
        assert_allclose(fa.get(name)(X, axis=None), getattr(special, name)(X), rtol=1e-5)


@pytest.mark.parametrize(("library", "module"), [("jax", "jax.nn"), ("keras", "keras.activations")])
def test_nothing_is_forgotten(library, module):
    public = {name for name in dir(pytest.importorskip(module)) if not name.startswith("_")}
    named = {name for row in rows(library) for name in row.theirs}
    assert public - named == set(ELSEWHERE[library].absent)


def test_every_preset_is_named(run):
    code, page, _ = run("list", "--from", "all", "--markdown")
    assert code == 0
    for preset in PRESETS:
        assert f"`fastact.compat.{preset.library}.{preset.name}` has" in page.replace("\n ", "")


@pytest.mark.parametrize("library", ELSEWHERE)
def test_list_from(run, library):
    code, out, err = run("list", "--from", library)
    assert (code, err) == (0, "")
    for row in rows(library):
        (line,) = [line for line in out.splitlines() if line.startswith(", ".join(row.theirs) + " ")]
        assert row.ours in line.split()
    assert max(map(len, out.splitlines())) <= 100


def test_an_unknown_library(refused):
    assert "torch" in refused("list", "--from", "theano")
