"""The public object: names, look-up, signature, documentation, pickling, the stub."""

import ast
import copy
import inspect
import pickle
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
from cases import AXISWISE, ELEMENTWISE, EVERY_DIRECTION

import fastact as fa
from fastact._accuracy.cases import default_parameters, direction_of
from fastact._accuracy.reference import AXISWISE_REFERENCE, REFERENCE

ACTIVATIONS = ELEMENTWISE + AXISWISE + fa.names("gated")
ALL = ACTIVATIONS + fa.names("loss")


def test_names_are_sorted_and_complete():
    assert fa.names() == sorted(ACTIVATIONS)
    assert set(ELEMENTWISE) == set(REFERENCE)
    assert set(AXISWISE) == set(AXISWISE_REFERENCE)
    for name in ALL:
        assert fa.get(name) is getattr(fa, name)
        assert name in dir(fa)


@pytest.mark.parametrize("name", ALL)
def test_aliases(name):
    for alias in fa.get(name).info.aliases:
        assert fa.get(alias) is fa.get(name)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("hardswish", "hard_swish"),
        ("hard_silu", "hard_swish"),
        ("logsigmoid", "log_sigmoid"),
        ("hardtanh", "hard_tanh"),
        ("hardsigmoid", "hard_sigmoid"),
        ("soft_sign", "softsign"),
        ("tanh_shrink", "tanhshrink"),
        ("linear", "identity"),
        ("expit", "sigmoid"),
    ],
)
def test_spellings_of_other_libraries(spelling, name):
    assert fa.get(spelling) is fa.get(name)


@pytest.mark.parametrize(
    ("wrong", "nearest"), [("gelo", "gelu"), ("sigmiod", "sigmoid"), ("hard-swish", "hard_?swish")]
)
def test_unknown_name_suggests_the_nearest(wrong, nearest):
    with pytest.raises(ValueError, match=f"{wrong}.*did you mean '{nearest}'"):
        fa.get(wrong)
    with pytest.raises(AttributeError):
        getattr(fa, wrong)


@pytest.mark.parametrize("name", ALL)
def test_record_is_complete(name):
    info = fa.get(name).info
    assert info.name == name
    assert name in fa.names(info.kind)
    for text in (info.family, info.summary, info.formula, info.use, info.avoid):
        assert text.strip()
    assert info.cost > 0
    assert {"value", "backward"} <= set(info.directions)
    assert len(info.kinks) == len(info.derivative_at_kinks)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_signature_and_documentation(name):
    activation = fa.get(name)
    signature = inspect.signature(activation)
    assert next(iter(signature.parameters)) == "x"
    for parameter, default in default_parameters(name).items():
        assert signature.parameters[parameter].default == default
    for keyword in ("out", "where", "casting", "order", "dtype"):
        assert signature.parameters[keyword].kind is inspect.Parameter.KEYWORD_ONLY
    assert name in repr(activation)
    for direction in activation.info.directions:
        function = direction_of(name, direction)
        documentation = inspect.getdoc(function)
        for section in ("Parameters\n----------", "Returns\n-------"):
            assert section in documentation, direction
        assert name in repr(function)
        first = next(iter(inspect.signature(function).parameters))
        expected = "grad" if direction.startswith("backward") else "y" if "from_output" in direction else "x"
        assert first == expected


@pytest.mark.parametrize("name", ALL)
def test_pickle_and_copy_give_the_same_object(name):
    activation = fa.get(name)
    for library in (pickle, cloudpickle):
        assert library.loads(library.dumps(activation)) is activation
    assert copy.copy(activation) is activation
    assert copy.deepcopy(activation) is activation


@pytest.mark.parametrize(("name", "direction"), EVERY_DIRECTION)
def test_directions_and_ufuncs_pickle(name, direction):
    function = direction_of(name, direction)
    assert pickle.loads(pickle.dumps(function)).ufunc is function.ufunc
    for library in (pickle, cloudpickle):
        assert library.loads(library.dumps(function.ufunc)) is function.ufunc


def test_unpickling_in_a_new_process(run_python, tmp_path):
    path = tmp_path / "pickled"
    path.write_bytes(pickle.dumps([fa.gelu, fa.gelu.ufunc, fa.silu.derivative, fa.silu.derivative.ufunc]))
    script = f"import pickle, pathlib\nfunctions = pickle.loads(pathlib.Path({str(path)!r}).read_bytes())\n"
    printed = run_python(script + "print([function(1.0) for function in functions])")
    expected = [fa.gelu(1.0), fa.gelu(1.0), fa.silu.derivative(1.0), fa.silu.derivative(1.0)]
    assert printed == repr(expected)


def test_stub_lists_exactly_the_public_names():
    stub = ast.parse((Path(fa.__file__).parent / "__init__.pyi").read_text())
    listed = set()
    for node in stub.body:
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                listed.add(node.name)
            case ast.AnnAssign(target=ast.Name(id=identifier)):
                listed.add(identifier)
            case ast.ImportFrom(names=names):
                listed |= {alias.asname for alias in names if alias.asname}
    public = {name for name in listed if not name.startswith("_")}
    assert public == {name for name in dir(fa) if not name.startswith("_")}
    assert set(ALL) <= public


def test_import_costs_numpy_only(run_python):
    script = """
import sys
import numpy
before = set(sys.modules)
import fastact as fa
fa.names(), fa.gelu, fa.gelu.info, dir(fa)
heavy = {module.partition(".")[0] for module in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(heavy - {"numpy"})
"""
    assert run_python(script) == "{'fastact'}"


def test_version():
    assert isinstance(fa.__version__, str)
    assert np.__version__ != fa.__version__
