"""What notebooks show: formulas without the net, sketches, facts; and the facts themselves."""

import re
import sys
from xml.etree import ElementTree

import pytest

import fastact as fa
from fastact._facts import dead_intervals, facts
from fastact._sketch import legend, sketch, ticks
from fastact._typeset import in_cases, mathml

ALL = fa.names() + fa.names("loss")
INFINITY = float("inf")


def words_of(html):
    return " ".join(ElementTree.fromstring(html.replace("&nbsp;", " ")).itertext())


@pytest.mark.parametrize("name", ALL)
def test_every_formula_is_typeset(name):
    info = fa.get(name).info
    root = ElementTree.fromstring(mathml(info.formula))
    letters = "".join(root.itertext())
    assert "\\" not in letters
    assert "merror" not in mathml(info.formula)
    for operator in re.findall(r"\\(tanh|log|max|min|sin|arctan)\b", info.formula):
        assert operator in letters


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        (r"f(x) = e^x", r"f(x) = e^x"),
        (
            r"f(x) = x \text{ for } x > 0, \quad 0 \text{ otherwise}",
            r"f(x) = \begin{cases} x & \text{for } x > 0 \\ 0 & \text{otherwise} \end{cases}",
        ),
        (r"f = a, \quad b \text{ such that } c", r"\begin{array}{l} f = a, \\ b \text{ such that } c \end{array}"),
    ],
)
def test_cases_stand_one_below_the_other(tex, expected):
    assert in_cases(tex) == expected


@pytest.mark.parametrize(
    ("tex", "part"),
    [
        (r"x \tanh(x)", '<mspace width="0.167em" /><mi>tanh</mi>'),
        (r"\max(0, -x)", "<mi>max</mi>"),
        (r"\max(0, -x)", '<mo form="prefix">&#x02212;</mo>'),
        (r"\log \sigma(x)", '<mi>log</mi><mspace width="0.167em" />'),
        (r"|x|", '<mo stretchy="false" lspace="0" rspace="0">&#x0007C;</mo>'),
    ],
)
def test_spaces_are_those_of_tex(tex, part):
    assert part in mathml(tex)
    assert '<mo form="prefix">' not in mathml("f(x) - g")


def test_unknown_commands_are_refused():
    with pytest.raises(ValueError, match=r"does not know \\frobnicate"):
        mathml(r"x \frobnicate y")


@pytest.mark.parametrize("name", ALL)
def test_every_activation_shows_itself(name):
    activation, info = fa.get(name), fa.get(name).info
    html = activation._repr_html_()
    words = " ".join(words_of(html).split())
    for text in (info.saturation, info.use, info.avoid, *info.papers):
        assert " ".join(text.replace("`", "").split()) in words
    assert "<math" in html
    assert ("<svg" in html) == (info.kind != "loss")
    assert not re.search(r"<script|<style|\bid=|src=", html)  # nothing that reaches out of its cell


def test_formulas_without_a_converter_are_left_to_the_notebook(monkeypatch):
    monkeypatch.setitem(sys.modules, "latex2mathml.converter", None)
    mathml.cache_clear()
    html = fa.silu._repr_html_()
    assert "<math" not in html
    assert r"$f(x) = x \, \sigma(x)$" in html
    with pytest.raises(ImportError, match=r'pip install "fastact\[plot\]"'):
        mathml("x")


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("gelu", ["f", "f′", "f″"]),
        ("swiglu", ["f: swiglu's gate, silu", "f′", "f″"]),
        ("softmax", ["first result for the row (x, 0)", "second result for the row (x, 0)"]),
        ("logsumexp", ["result for the row (x, 0)"]),
        ("crelu", [f"{f}: crelu, {half} half" for half in ("first", "second") for f in ("f", "f′")]),
        ("softmax_cross_entropy", []),
    ],
)
def test_sketches_say_what_they_show(name, entries):
    info = fa.get(name).info
    assert [text for _, text in legend(info)] == entries
    if entries:
        assert all(text in ElementTree.fromstring(sketch(info)).get("aria-label") for text in entries)


def test_sketches_of_rows_are_the_functions():
    info = fa.get("sparsemax").info
    svg = ElementTree.fromstring(sketch(info))
    (path,) = [path for path in svg.iter("{http://www.w3.org/2000/svg}path") if path.get("class") == "value"]
    points = [tuple(map(float, point.split(","))) for point in path.get("d").strip("M").split()]
    assert points == [(pytest.approx(x), pytest.approx(y)) for x, y in points]
    for x, y in points:
        assert -y == pytest.approx(min(max((x + 1) / 2, 0), 1), abs=1e-3)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((-4, 4), [-4, -2, 0, 2, 4]),
        ((-0.1, 1.1), [0, 0.5, 1]),
        ((0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ((3, 8), [3, 4, 5, 6, 7, 8]),
    ],
)
def test_ticks_are_round(bounds, expected):
    assert ticks(bounds) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("relu", [(-INFINITY, 0)]),
        ("relu6", [(-INFINITY, 0), (6, INFINITY)]),
        ("hard_sigmoid", [(-INFINITY, -3), (3, INFINITY)]),
        ("hard_swish", [(-INFINITY, -3)]),
        ("softshrink", [(-0.5, 0.5)]),
        ("smelu", [(-INFINITY, -1)]),
        ("binary_step", [(-INFINITY, INFINITY)]),
        ("leaky_relu", []),
        ("elu", []),
        ("gelu", []),
        ("cloglog", []),  # which only underflows
        ("gaussian", []),
        ("sine", []),
    ],
)
def test_dead_intervals(name, expected):
    assert dead_intervals(fa.get(name).info) == expected


@pytest.mark.parametrize(
    ("name", "heading", "lines"),
    [
        ("relu", "Gradient", ["exactly 0 for x < 0: units can die"]),
        ("relu", "Shape", ["monotone; never negative, so not zero-centred"]),
        ("relu", "Kinks", ["at 0, where f′ is taken to be 0"]),
        ("relu6", "Gradient", ["exactly 0 for x < 0 and for x > 6: units can die"]),
        ("hardshrink", "Gradient", ["exactly 0 for −0.5 < x < 0.5: units can die"]),
        ("tanh", "Gradient", ["exactly 0 on no interval: units do not die", "vanishes towards −∞ and ∞"]),
        ("tanh", "Shape", ["monotone; odd, so zero-centred"]),
        ("log_sigmoid", "Shape", ["monotone; never positive, so not zero-centred"]),
        ("elu", "Kinks", ["only f″ jumps at 0"]),
        ("elu", "Limits", ["f → −1 at −∞, ∞ at ∞", "f′ → 0 at −∞, 1 at ∞", "f″ → 0 at −∞, 0 at ∞"]),
        ("logit", "Domain", ["0 … 1"]),
        ("hard_sigmoid", "Parameters", ["slope = 1/6: Slope a of the middle piece.", "offset = 0.5: Value b at 0."]),
        ("hard_sigmoid", "Other defaults elsewhere", ["compat.onnx.hard_sigmoid: alpha=0.2, beta=0.5"]),
    ],
)
def test_facts(name, heading, lines):
    assert dict(facts(fa.get(name).info))[heading] == lines
