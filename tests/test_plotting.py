"""Curves and figures: what is drawn is what the functions are."""

import math
from itertools import pairwise
from pathlib import Path

import pytest
from cases import ELEMENTWISE
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from mpmath import mpf

import fastact as fa
from fastact._accuracy.cases import default_parameters, exact_parameters
from fastact._accuracy.jet import Jet, jet
from fastact._accuracy.reference import REFERENCE
from fastact._curves import curve, default_interval, graphs, view
from fastact._subject import subject
from fastact.plotting import THEMES

NO_CURVE = fa.names("axiswise") + fa.names("loss")
PICTURES = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
README_PICTURE = Path(__file__).parent.parent / ".github" / "images" / "curves.svg"


def curves_of(wanted, interval=None):
    shown = graphs(subject(wanted))
    interval = interval or default_interval(shown)
    return {name: curve(shown[0], name, interval) for name in shown[0].directions}


def lines_of(figure):
    """The labelled lines of every panel."""
    return [[line for line in ax.get_lines() if not line.get_label().startswith("_")] for ax in figure.axes]


# --- curves ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_curves_are_the_functions(name):
    info, drawn_curves = fa.get(name).info, curves_of(name)
    low, high = view(list(drawn_curves.values()), default_interval(graphs(subject(name))))
    assert 0.1 < high - low < 20
    exact = exact_parameters(name, default_parameters(name))
    for order, drawn in enumerate(drawn_curves.values()):
        points = [point for piece in drawn.pieces for point in piece]
        assert [x for x, _ in points] == sorted(x for x, _ in points)
        for x, y in points[1 :: len(points) // 6 or 1]:
            if min((abs(x - place) for place in (*info.kinks, *info.bends)), default=1.0) < 1e-6:
                continue
            expected = jet(REFERENCE[name](Jet(mpf(x), 1, 0), *exact))
            expected = (expected.value, expected.first, expected.second)[order]
            assert y == pytest.approx(float(expected), rel=1e-7, abs=1e-12), x  # float32's formulas


@pytest.mark.parametrize(
    ("wanted", "direction", "pieces", "ends", "marks"),
    [
        ("relu", "value", 1, [], [(0, 0)]),
        ("relu", "derivative", 2, [(0, 0), (0, 1)], [(0, 0)]),
        ("relu6", "derivative", 3, [(0, 0), (0, 1), (6, 1), (6, 0)], [(0, 0), (6, 0)]),
        ("binary_step", "value", 2, [(0, 0), (0, 1)], [(0, 1)]),
        ("softshrink", "value", 1, [], [(-0.5, 0), (0.5, 0)]),
        ("hardshrink", "value", 3, [(-0.5, -0.5), (-0.5, 0), (0.5, 0), (0.5, 0.5)], [(-0.5, 0), (0.5, 0)]),
        ("hardshrink(lambd=2)", "value", 3, [(-2, -2), (-2, 0), (2, 0), (2, 2)], [(-2, 0), (2, 0)]),
        ("elu", "derivative", 1, [], []),
        ("elu(alpha=0.5)", "derivative", 2, [(0, 0.5), (0, 1)], [(0, 0.5)]),
        ("elu", "second_derivative", 2, [(0, 1), (0, 0)], [(0, 1)]),
        ("hard_tanh(minimum=-2, maximum=3)", "derivative", 3, [(-2, 0), (-2, 1), (3, 1), (3, 0)], [(-2, 0), (3, 0)]),
        ("hard_sigmoid(slope=0)", "derivative", 1, [], []),
        ("gelu", "second_derivative", 1, [], []),
        ("softsign", "second_derivative", 2, [(0, 2), (0, -2)], [(0, 0)]),
    ],
)
def test_jumps_and_kinks(wanted, direction, pieces, ends, marks):
    drawn = curves_of(wanted)[direction]
    assert len(drawn.pieces) == pieces
    assert [*drawn.ends, *drawn.marks] == [pytest.approx(point, abs=1e-6) for point in (*ends, *marks)]


def test_curves_are_cut_short_where_they_bend_only():
    (straight,) = curves_of("identity")["value"].pieces
    assert len(straight) == 2
    (wave,) = curve(*graphs(subject("sine(omega=10)")), "value", (-4, 4)).pieces
    middles = [((a + c) / 2, (b + d) / 2) for (a, b), (c, d) in pairwise(wave)]
    assert max(abs(y - math.sin(10 * x)) for x, y in middles) < 1e-2


@pytest.mark.parametrize(
    ("wanted", "interval"),
    [("gelu", (-4, 4)), ("relu6", (-4, 7.5)), ("logit", (0, 1)), ("hard_tanh(minimum=-8)", (-10, 4))],
)
def test_intervals_show_every_kink(wanted, interval):
    assert default_interval(graphs(subject(wanted))) == interval


def test_a_curve_ends_where_the_function_does():
    drawn = curves_of("softexponential(alpha=-1)")["value"]  # log(x)
    assert min(x for piece in drawn.pieces for x, _ in piece) == pytest.approx(0, abs=1e-2)
    assert curves_of("logit", (2, 3))["value"].pieces == ()


# --- what is meant -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "name", "parameters", "label"),
    [
        ("gelu", "gelu", (), "gelu"),
        ("SiLU", "silu", (), "silu"),
        (fa.elu, "elu", (1.0,), "elu"),
        ("elu(alpha=0.5)", "elu", (0.5,), "elu(alpha=0.5)"),
        (("elu", {"alpha": 2}), "elu", (2.0,), "elu(alpha=2)"),
        ((fa.shrink, {"bias": 0.5}), "shrink", (0.5, 0.5), "shrink(bias=0.5)"),
        ("gelu(approximate='tanh')", "gelu_tanh", (), "gelu_tanh"),
        (fa.compat.jax.gelu, "gelu_tanh", (), "gelu_tanh"),
        (fa.compat.keras.leaky_relu, "leaky_relu", (0.2,), "leaky_relu(negative_slope=0.2)"),
    ],
)
def test_names_calls_objects_and_pairs(wanted, name, parameters, label):
    found = subject(wanted)
    assert (found.definition.name, found.parameters, found.label) == (name, parameters, label)


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        ("gelo", ValueError, "'gelo'; did you mean 'gelu'"),
        ("elu(alpha=0.5", ValueError, "is not a call with keywords"),
        ("elu(0.5)", ValueError, "is not a call with keywords"),
        ("elu(alpha=x)", ValueError, "is not a call with keywords"),
        ("elu(**x)", ValueError, "is not a call with keywords"),
        ("elu(alfa=1)", ValueError, "no parameter 'alfa'; did you mean 'alpha'"),
        ("celu(alpha=0)", ValueError, "alpha must be greater than 0, got 0.0"),
        ("hard_tanh(minimum=2)", ValueError, "minimum must be less than maximum"),
        ("gelu(approximate='exact')", ValueError, "approximate must be 'none' or 'tanh', got 'exact'"),
        (("elu", {"alpha": [1, 2]}), TypeError, r"alpha must be one number here, got \[1, 2\]"),
        (fa.gelu.derivative, TypeError, "is no activation"),
        (max, TypeError, "is no activation"),
    ],
)
def test_what_is_not_meant(wanted, error, message):
    with pytest.raises(error, match=message):
        fa.plot(wanted)


@pytest.mark.parametrize("name", NO_CURVE)
def test_what_takes_rows_has_no_curve(name):
    with pytest.raises(ValueError, match=f"{name} has no curve: it is no function of one number"):
        fa.plot(name)


# --- figures -----------------------------------------------------------------------------------------


def test_one_activation_has_one_panel():
    figure = fa.plot("gelu")
    assert isinstance(figure, Figure)
    ((*lines,),) = lines_of(figure)
    assert [line.get_label() for line in lines] == ["$f$", "$f'$", "$f''$"]
    assert figure.axes[0].get_title() == "gelu"
    x, y = (values[:-1] for values in lines[0].get_data())  # the last is a gap
    assert y == pytest.approx([t / 2 * math.erfc(-t / math.sqrt(2)) for t in x], abs=1e-9)


def test_several_have_a_panel_for_each_direction():
    figure = fa.plot("gelu", fa.mish, ("elu", {"alpha": 0.5}), interval=(-2, 3))
    assert [ax.get_title() for ax in figure.axes] == ["value", "derivative", "second derivative"]
    for ax, lines in zip(figure.axes, lines_of(figure), strict=True):
        assert [line.get_label() for line in lines] == ["gelu", "mish", "elu(alpha=0.5)"]
        assert ax.get_xlim() == (-2, 3)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["gelu", "mish", "elu(alpha=0.5)"]


@pytest.mark.parametrize(
    ("wanted", "interval"),
    [
        ("exponential", (0, 800)),
        ("logit", (2, 3)),
        ("identity", (1e16, 1e16 + 4)),
        ("relu", (-1e-300, 1e-300)),
        ("threshold(threshold=1e300)", None),
        (("elu", {"alpha": math.nan}), None),
        ("relu_squared", (-1e200, 1e200)),
    ],
)
def test_extremes_are_drawn_without_a_warning(wanted, interval):
    assert fa.plot(wanted, interval=interval)._repr_png_()


@pytest.mark.parametrize(
    ("names", "directions", "titles"),
    [
        (["gelu"], None, ["gelu"]),
        (["gelu"], "derivative", ["gelu, derivative"]),
        (["gelu", "mish"], "derivative", ["derivative"]),
        (["gelu", "mish"], ["value", "second_derivative"], ["value", "second derivative"]),
        (["crelu"], None, [""]),
    ],
)
def test_titles_say_what_labels_do_not(names, directions, titles):
    assert [ax.get_title() for ax in fa.plot(*names, directions=directions).axes] == titles


def test_gates_and_halves():
    assert fa.plot("swiglu").axes[0].get_title() == "swiglu's gate, silu"
    labels = [line.get_label() for line in lines_of(fa.plot("crelu", directions="value"))[0]]
    assert labels == ["crelu, first half", "crelu, second half"]


@pytest.mark.parametrize("theme", THEMES)
def test_lines_differ_without_colour_too(theme):
    names = ["gelu", "mish", "silu", "relu", "elu"]
    (lines,) = lines_of(fa.plot(*names, directions="value", theme=theme))
    assert len({str(line._dash_pattern) for line in lines}) == len(names)
    background = 1.0 if theme == "light" else 0.1
    greys = [
        sum(w * c for w, c in zip((0.3, 0.59, 0.11), to_rgb(colour), strict=True)) for colour in THEMES[theme].lines
    ]
    assert all(abs(grey - background) > 0.25 for grey in greys)
    assert len({round(grey, 2) for grey in greys[:3]}) == 3


def test_themes_have_a_background():
    assert fa.plot("relu").get_facecolor() == (1, 1, 1, 1)
    assert fa.plot("relu", theme="dark").get_facecolor()[3] == 0


def test_given_axes_are_drawn_into():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert fa.plot("gelu", ax=left) is figure
    assert len(lines_of(figure)[0]) == 3
    left.set_xlim(-1, 1)
    fa.plot("mish", ax=left, directions="value")
    assert left.get_xlim() == (-1, 1)
    *_, last, mish = lines_of(figure)[0]
    assert mish.get_label() == "mish"
    assert mish.get_color() != last.get_color()
    fa.plot("relu", "gelu", ax=figure.subplots(1, 3), theme="dark")
    assert [len(lines) for lines in lines_of(figure)[-3:]] == [2, 2, 2]
    assert isinstance(right, Axes)
    assert not right.has_data()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"directions": "third"}, ValueError, "directions must be some of 'value', 'derivative', 'second_derivative'"),
        ({"directions": []}, ValueError, "directions must be some of"),
        ({"interval": (1, 0)}, ValueError, r"the lower first, got \(1, 0\)"),
        ({"interval": 3}, ValueError, "two finite numbers"),
        ({"interval": (0, math.inf)}, ValueError, "two finite numbers"),
        ({"theme": "blue"}, ValueError, "theme must be 'light' or 'dark', got 'blue'"),
        ({"ax": "left"}, TypeError, "ax must be a matplotlib Axes"),
        ({"ax": Figure().subplots(1, 2)}, ValueError, "ax must be one Axes, or 3, one for each direction; got 2"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        fa.plot("gelu", **arguments)
    with pytest.raises(ValueError, match="plot needs an activation"):
        fa.plot()


def test_notebooks_show_a_figure():
    assert fa.plot("gelu")._repr_png_().startswith(PICTURES[".png"])


def test_neither_pyplot_nor_numba_is_needed(run_python):
    script = "import sys, fastact as fa; fa.plot('gelu', 'softplus')._repr_png_(); fa.gelu._repr_html_()\n"
    assert (
        run_python(script + "print([name for name in ('matplotlib.pyplot', 'numba') if name in sys.modules])") == "[]"
    )


def test_what_is_not_installed_is_named(monkeypatch, refused):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "fastact\[plot\]"'):
        fa.plot("gelu")
    assert 'pip install "fastact[plot]"' in refused("plot", "gelu", "-o", "x.png")


# --- the command -------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", PICTURES)
def test_command_writes_the_same_picture_again(run, folder, suffix):
    for name in ("first", "second"):
        assert run("plot", "elu(alpha=0.5)", "-o", name + suffix, "--interval", "-2", "2") == (0, "", "")
    first, second = ((folder / (name + suffix)).read_bytes() for name in ("first", "second"))
    assert first.startswith(PICTURES[suffix])
    assert first == second
    assert sorted(path.name for path in folder.iterdir()) == [f"first{suffix}", f"second{suffix}"]


def test_command_takes_directions_and_theme(run, folder):
    run("plot", "gelu", "-o", "dark.svg", "--directions", "value", "--theme", "dark")
    assert THEMES["dark"].lines[0] in (folder / "dark.svg").read_text()
    assert THEMES["dark"].lines[1] not in (folder / "dark.svg").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["gelo", "-o", "x.svg"], "did you mean 'gelu'"),
        (["softmax", "-o", "x.svg"], "softmax has no curve"),
        (["gelu", "-o", "x.gif"], "x.gif: pictures end in .png, .svg, .pdf"),
        (["gelu", "-o", "none/x.svg"], "none: No such file or directory"),
        (["gelu", "-o", "folder.svg"], "folder.svg: Is a directory"),
        (["gelu", "-o", "x.svg", "--interval", "2", "1"], "interval must be two finite numbers"),
        (["gelu", "-o", "x.svg", "--directions", "third"], "'third' is not a list of value, derivative"),
        (["gelu"], "-o/--output"),
        (["-o", "x.svg"], "NAME"),
    ],
)
def test_command_refuses(refused, folder, options, message):
    (folder / "folder.svg").mkdir()
    assert message in refused("plot", *options)
    assert [path.name for path in folder.iterdir()] == ["folder.svg"]


def test_the_picture_of_the_readme_is_what_its_command_draws(run, folder):
    readme = (README_PICTURE.parent.parent.parent / "README.md").read_text(encoding="utf-8")
    assert f"]({README_PICTURE.relative_to(README_PICTURE.parents[2])})" in readme
    (line,) = [line for line in readme.splitlines() if line.startswith("fastact plot") and README_PICTURE.name in line]
    command = line.partition("#")[0].split()[1:]
    command[command.index("-o") + 1] = "curves.svg"
    assert run(*command) == (0, "", "")
    # Matplotlib's versions differ in details: what is drawn must be the same.
    made, stored = ((place / "curves.svg").read_text() for place in (folder, README_PICTURE.parent))
    for part in ("<dc:title>", *THEMES["light"].lines):
        assert made.count(part) == stored.count(part)
    title = made.partition("<dc:title>")[2].partition("<")[0]
    assert f"<dc:title>{title}<" in stored
