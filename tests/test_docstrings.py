"""What help() shows of everything public: complete, true, and made for a terminal."""

import doctest
import inspect
import pydoc

import matplotlib
import pytest
from cases import EVERY_DIRECTION

import fastact as fa
from fastact import compat
from fastact._accuracy.cases import direction_of

matplotlib.use("agg")
FUNCTIONS = ["compare", "diagnose", "get", "get_num_threads", "names", "plot", "set_num_threads"]
METHODS = {
    "gumbel_softmax": ("backward_from_output",),
    "maxout_dense": ("backward",),
} | dict.fromkeys(fa.names("loss"), ("value_and_gradient", "backward"))
PRESETS = {f"compat.{preset.library}.{preset.name}": preset for preset in compat.PRESETS}


def of_activations():
    for name in fa.names():
        info = fa.get(name).info
        more = ["parameter_gradients"] * (info.kind == "elementwise" and bool(info.parameters))
        for direction in [*info.directions, *["jacobian"] * info.has_jacobian, *more]:
            yield name, direction


OBJECTS = (
    {name: getattr(fa, name) for name in [*FUNCTIONS, *METHODS]}
    | {
        f"{name}.{method}": getattr(getattr(fa, name), method)
        for name, methods in METHODS.items()
        for method in methods
    }
    | {name if each == "value" else f"{name}.{each}": direction_of(name, each) for name, each in of_activations()}
    | {name: getattr(getattr(compat, preset.library), preset.name) for name, preset in PRESETS.items()}
)
SIGNED = OBJECTS.keys() - set(FUNCTIONS) - {f"{name}.{method}" for name, each in METHODS.items() for method in each}


def test_everything_public_is_here():
    here = {name.partition(".")[0] for name in OBJECTS}
    assert here == {name for name in dir(fa) if not name.startswith("_")}
    assert set(EVERY_DIRECTION) <= set(of_activations())


@pytest.mark.parametrize("name", OBJECTS)
def test_examples_print_what_they_say(name):
    test = doctest.DocTestParser().get_doctest(inspect.getdoc(OBJECTS[name]), {}, name, None, None)
    assert test.examples
    said = []
    assert doctest.DocTestRunner().run(test, out=said.append).failed == 0, "".join(said)


@pytest.mark.parametrize("name", OBJECTS)
def test_sections(name):
    text = inspect.getdoc(OBJECTS[name])
    takes = list(inspect.signature(OBJECTS[name]).parameters)
    wanted = ["Returns", "Examples"] if name != "set_num_threads" else ["Raises", "Examples"]
    wanted += ["Parameters"] if takes else []
    places = [text.index(f"\n{title}\n{'-' * len(title)}\n") for title in ["Parameters"] * bool(takes) + wanted[:2]]
    assert places == sorted(places)
    described, _, _ = text.partition("\nReturns\n---")
    assert [each for each in takes if f"{each}" not in described.partition("Parameters\n---")[2]] == []


@pytest.mark.parametrize("name", sorted(SIGNED))
def test_help_begins_with_the_call_and_fits_a_terminal(name):
    public = OBJECTS[name]
    call, _, text = inspect.getdoc(public).partition("\n\n")
    assert call.startswith(f"{name}(")
    assert [each for each in inspect.signature(public).parameters if each not in call] == []
    assert call in pydoc.render_doc(public, renderer=pydoc.plaintext)
    free = (".. math::", ">>>")
    generated = text.partition("\nNotes\n")[2] if name in METHODS else text.partition("\nSee Also\n")[0]
    assert [line for line in generated.splitlines()[1:] if len(line) > 76 and not line.startswith(free)] == []


def test_a_class_keeps_its_own_docstring():
    assert inspect.getdoc(type(fa.gelu)) != inspect.getdoc(fa.gelu)
    assert "element-wise activation" in inspect.getdoc(type(fa.gelu))
