"""Figures of activations and their derivatives, for papers and notebooks; Matplotlib draws them."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastact._curves import Curve, Graph, Interval, curve, default_interval, graphs, view
from fastact._definition import REQUIRED_FORMULAS as DIRECTIONS
from fastact._subject import subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLES = {"value": "value", "derivative": "derivative", "second_derivative": "second derivative"}
_SYMBOLS = {"value": "$f$", "derivative": "$f'$", "second_derivative": "$f''$"}
_PANEL = (4.2, 3.2)  # inches
_ALONE = 1.3  # times as wide

# No two of these are told apart by colour alone: dashes differ too, for grey print and for the colour-blind.
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (1.2, 1.4)), (0, (6, 1.5, 1.2, 1.5)), (0, (9, 2.5)))


@dataclass(frozen=True)
class _Theme:
    """Colours for a background.

    The lines' are Okabe and Ito's, which the colour-blind tell apart, those first whose greys differ most.
    """

    ink: str
    faint: str
    background: str
    lines: tuple[str, ...]


THEMES = {
    "light": _Theme(
        "#1a1a1a", "#d4d4d4", "white", ("#0072b2", "#d55e00", "#000000", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
    ),
    "dark": _Theme(
        "#e8e8e8", "#4d4d4d", "none", ("#56b4e9", "#e69f00", "#ffffff", "#009e73", "#cc79a7", "#f0e442", "#d55e00")
    ),
}


def plot(
    *activations: Any,
    directions: str | Sequence[str] | None = None,
    interval: tuple[float, float] | None = None,
    ax: Axes | Sequence[Axes] | None = None,
    theme: str = "light",
) -> Figure:
    """Plot activations with their first and second derivatives.

    Where a curve jumps, a dot marks its value there and rings the ends that are not; dots on a value mark its kinks.

    Parameters
    ----------
    *activations : str, activation or tuple
        What to plot: names, calls such as ``"elu(alpha=0.5)"``, activations, or pairs such as
        ``(fa.elu, {"alpha": 0.5})``. Of a gated linear unit, what its gate goes through is plotted; of `crelu`, both
        halves.
    directions : str or sequence of str, optional
        Which of ``"value"``, ``"derivative"`` and ``"second_derivative"`` to plot: all, unless given.
    interval : tuple of float, optional
        Where to plot: from -4 to 4, or as far as there are kinks, unless given.
    ax : Axes or sequence of Axes, optional
        Where to draw: one for everything, or one for each direction. Unless given, a new figure is made, where several
        activations have a panel for each direction.
    theme : {"light", "dark"}, default "light"
        Dark lines on white, or light lines on a transparent background.

    Returns
    -------
    matplotlib.figure.Figure
        The figure; `pyplot` knows nothing of it. ``figure.savefig("curves.pdf")`` writes it.

    Raises
    ------
    ImportError
        If Matplotlib is not installed: ``pip install "fastact[plot]"``.
    TypeError
        If something is no activation.
    ValueError
        If an activation has no curve, as softmax: its results hang on whole rows. If there is no activation, direction,
        theme or parameter of such a name, or `interval` is none.

    See Also
    --------
    fastact.get : Look an activation up.

    Examples
    --------
    >>> import fastact as fa
    >>> figure = fa.plot("gelu", "mish", ("elu", {"alpha": 0.5}), interval=(-5, 5))
    >>> len(figure.axes)
    3
    """
    shown = [graph for wanted in activations for graph in graphs(subject(wanted))]
    if not shown:
        raise ValueError("plot needs an activation, such as plot('gelu')")
    chosen = _directions(directions)
    interval = default_interval(shown) if interval is None else _interval(interval)
    colours = _theme(theme)
    axes = _new_axes(len(chosen) if len(activations) > 1 else 1, colours) if ax is None else _given_axes(ax, chosen)
    for each, names in _panels(axes, chosen):
        _draw(each, shown, names, interval, colours)
    if ax is None:
        _dress(axes, shown, chosen, colours)
    else:
        for each in axes:
            each.legend()
    figure = axes[0].get_figure(root=True)
    assert figure is not None  # an Axes is drawn somewhere
    return figure


def _panels(axes: Sequence[Axes], chosen: Sequence[str]) -> list[tuple[Axes, Sequence[str]]]:
    """Say which directions go where."""
    if len(axes) == 1:
        return [(axes[0], chosen)]
    return [(each, [name]) for each, name in zip(axes, chosen, strict=True)]


def _directions(directions: str | Sequence[str] | None) -> list[str]:
    chosen = list(DIRECTIONS if directions is None else [directions] if isinstance(directions, str) else directions)
    unknown = [name for name in chosen if name not in DIRECTIONS]
    if unknown or not chosen:
        raise ValueError(f"directions must be some of {', '.join(map(repr, DIRECTIONS))}, got {directions!r}")
    return chosen


def _interval(interval: Any) -> Interval:
    try:
        low, high = (float(end) for end in interval)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (low < high and math.isfinite(high - low)):
        raise ValueError(f"interval must be two finite numbers, the lower first, got {interval!r}")
    return low, high


def _theme(theme: str) -> _Theme:
    if theme not in THEMES:
        raise ValueError(f"theme must be {' or '.join(map(repr, THEMES))}, got {theme!r}")
    return THEMES[theme]


def _given_axes(ax: Any, chosen: Sequence[str]) -> list[Axes]:
    axes = list(ax) if hasattr(ax, "__len__") else [ax]
    if not all(hasattr(each, "get_figure") for each in axes):
        raise TypeError(f"ax must be a matplotlib Axes or a sequence of them, got {ax!r}")
    if len(axes) not in (1, len(chosen)):
        raise ValueError(f"ax must be one Axes, or {len(chosen)}, one for each direction; got {len(axes)}")
    return axes


def _new_axes(panels: int, colours: _Theme) -> list[Axes]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(f'plots need Matplotlib: pip install "fastact[plot]" ({error})') from error

    class NotebookFigure(Figure):
        """A figure that notebooks show, though pyplot, which would see to that, knows nothing of it."""

        def _repr_png_(self) -> bytes:
            file = io.BytesIO()
            self.savefig(file, format="png", dpi=2 * self.dpi)
            return file.getvalue()

    width, height = panels * _PANEL[0] if panels > 1 else _ALONE * _PANEL[0], _PANEL[1]
    figure = NotebookFigure(figsize=(width, height), layout="constrained", facecolor=colours.background)
    return list(figure.subplots(1, panels, squeeze=False)[0])


def _draw(ax: Axes, shown: Sequence[Graph], names: Sequence[str], interval: Interval, colours: _Theme) -> None:
    """Draw some directions of all graphs, each in a style of its own; an empty panel gets limits that fit."""
    is_empty, drawn_before = not ax.has_data(), len(ax.get_legend_handles_labels()[1])
    styles = itertools.islice(_styles(colours), drawn_before, None)
    curves = []
    for graph in shown:
        for name in names:
            style = next(styles)
            if name in graph.directions:
                curves.append(curve(graph, name, interval))
                _line(ax, curves[-1], _label(graph, name, shown, names), style)
    if is_empty:
        ax.set_xlim(interval)
        ax.set_ylim(view(curves, interval))


def _styles(colours: _Theme) -> Iterator[dict[str, Any]]:
    for number in itertools.count():
        yield {
            "color": colours.lines[number % len(colours.lines)],
            "linestyle": _DASHES[number % len(_DASHES)],
        }


def _label(graph: Graph, name: str, shown: Sequence[Graph], names: Sequence[str]) -> str:
    if len(names) == 1:
        return graph.label
    return _SYMBOLS[name] if len(shown) == 1 else f"{graph.label}, {_SYMBOLS[name]}"


def _line(ax: Axes, drawn: Curve, label: str, style: dict[str, Any]) -> None:
    colour = style["color"]
    gap = (math.nan, math.nan)
    points = [point for piece in drawn.pieces for point in (*piece, gap)] or [gap]
    ax.plot(*zip(*points, strict=True), label=label, linewidth=1.6, **style)
    dots = {"linestyle": "none", "marker": "o", "color": colour, "zorder": 3}
    if drawn.ends:
        ax.plot(*zip(*drawn.ends, strict=True), markersize=4.5, markerfacecolor="none", **dots)
    if drawn.marks:
        ax.plot(*zip(*drawn.marks, strict=True), markersize=3.5, **dots)


def _dress(axes: Sequence[Axes], shown: Sequence[Graph], chosen: Sequence[str], colours: _Theme) -> None:
    """Give a new figure its titles, grid and legend."""
    for ax, (_, names) in zip(axes, _panels(axes, chosen), strict=True):
        ax.set_facecolor("none")
        title = [shown[0].label] if len(shown) == 1 else []
        ax.set_title(", ".join([*title, _TITLES[names[0]]] if len(names) == 1 else title), color=colours.ink)
        ax.set_xlabel("$x$", color=colours.ink)
        ax.grid(color=colours.faint, linewidth=0.5)
        ax.axhline(0.0, color=colours.ink, linewidth=0.6, zorder=1)
        ax.tick_params(colors=colours.ink, which="both")
        for edge, spine in ax.spines.items():
            spine.set_visible(edge in ("left", "bottom"))
            spine.set_color(colours.ink)
    if len(shown) > 1 or len(chosen) > 1 or len(axes) > 1:
        axes[0].legend(labelcolor=colours.ink, framealpha=0.0, edgecolor="none")
