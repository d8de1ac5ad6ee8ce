"""What the command line accepts."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

import fastact
from fastact._accuracy.cases import DIRECTIONS, DTYPES
from fastact._command_line import apply, audit, bench, describe, diagnose, gallery, plot
from fastact._command_line.peers import KINDS
from fastact._elsewhere import ELSEWHERE
from fastact.plotting import THEMES


class _OneLineParser(argparse.ArgumentParser):
    """An ArgumentParser whose errors take one line, as all other errors of the command do."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"fastact: error: {message} (see {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    """Make the parser; ``parse_args`` leaves the function to call in ``run``."""
    description = "Fast and accurate activation functions for NumPy arrays."
    parser = _OneLineParser(prog="fastact", description=description)
    parser.add_argument("--version", action="version", version=f"fastact {fastact.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_bench(commands)
    _add_audit(commands)
    _add_apply(commands)
    _add_diagnose(commands)
    _add_compare(commands)
    _add_list(commands)
    _add_info(commands)
    _add_plot(commands)
    _add_gallery(commands)
    return parser


def _add_bench(commands: Any) -> None:
    summary = "time the activations beside np.copyto and the plain NumPy formula"
    parser = commands.add_parser("bench", help=summary, description=bench.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="activations to time (default: all)")
    parser.add_argument(
        "--sizes",
        type=_sizes,
        metavar="N,N,...",
        help="numbers of elements (default: 10000,1000000; on a GPU 2**20 and 2**26)",
    )
    parser.add_argument("--device", choices=tuple(bench.DEVICES), default="cpu", help="(default: %(default)s)")
    parser.add_argument("--dtype", choices=("float16", "float32", "float64"), default="float32")
    parser.add_argument(
        "--seconds",
        type=_positive_seconds,
        default=bench.SECONDS,
        metavar="S",
        help="time to spend on each activation, direction and size (default: %(default)s)",
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file, too, for fastact gallery --speed")
    parser.set_defaults(run=bench.run)


def _add_audit(commands: Any) -> None:
    summary = "measure errors in ULP, on a sample or on every input"
    parser = commands.add_parser(
        "audit", help=summary, description=audit.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="activations to measure (default: all)")
    add("--dtype", action="append", choices=DTYPES, help="may be repeated (default: all)")
    add("--directions", type=_directions, default=DIRECTIONS, metavar="D,D,...", help="(default: all three)")
    add("--parameters", choices=("default", "all"), default="all", help="all: two other values each, too (default)")
    add("--exhaustive", action="store_true", help="every float32; seconds to a minute for each line")
    add("--points", type=_count, metavar="N", help="about how many points to compare with mpmath, for float64")
    add("--against", type=_peers, default=(), metavar="P,P,...", help=f"of {', '.join(KINDS)}, where installed")
    add("--seed", type=int, default=1, metavar="N", help="of the random points (default: %(default)s)")
    add("--json", metavar="FILE", help="write what was measured to a file")
    add("--save", action="store_true", help="put it into the package's own record, line by line as it is measured")
    add("--missing", action="store_true", help="leave out what that record has")
    add("--markdown", action="store_true", help="print the table that README.md holds, made of that record")
    parser.set_defaults(run=audit.run)


def _add_apply(commands: Any) -> None:
    summary = "apply an activation to .npy files, folders of them, or Zarr stores, of any size"
    parser = commands.add_parser(
        "apply", help=summary, description=apply.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", metavar="NAME", help="the activation (see fastact list)")
    parser.add_argument("input", metavar="IN", help="a .npy file, a folder of them, or a Zarr store")
    parser.add_argument("output", metavar="OUT", help="the result, of the same kind; a file may be the input itself")
    parser.add_argument("--derivative", action="store_true", help="apply the derivative, not the value")
    parser.add_argument("--axis", type=int, help="the axis of an axis-wise activation such as softmax")
    _add_parameters(parser)
    parser.add_argument(
        "--dtype", choices=("float16", "float32", "float64"), help="convert the input to this dtype first"
    )
    parser.add_argument("--restart", action="store_true", help="begin anew, whatever an earlier run has done")
    parser.set_defaults(run=apply.run)


def _add_parameters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--param",
        dest="parameters",
        type=_parameter,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the activation, such as alpha=0.5 (may be repeated)",
    )


def _add_diagnose(commands: Any) -> None:
    summary = "tell what an activation does to data: dead and saturated units, lost gradient"
    parser = commands.add_parser("diagnose", help=summary, description=diagnose.__doc__)
    parser.add_argument("name", metavar="NAME", help="an element-wise activation (see fastact list)")
    _add_data(parser)
    parser.add_argument("--axis", type=_axes, metavar="K,...", help="figures for each index along these axes, too")
    _add_parameters(parser)
    parser.set_defaults(run=diagnose.run_diagnose)


def _add_compare(commands: Any) -> None:
    summary = "rank activations by what they leave of the gradient, on your data"
    parser = commands.add_parser("compare", help=summary, description=diagnose.__doc__)
    parser.add_argument(
        "names",
        nargs="+",
        type=_with_parameters,
        metavar="NAME",
        help="an element-wise activation, with parameters as in leaky_relu:negative_slope=0.2",
    )
    _add_data(parser)
    parser.set_defaults(run=diagnose.run_compare)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="IN", help="a .npy file of inputs")
    parser.add_argument("--grad", metavar="FILE", help="a .npy file of gradients that broadcasts to IN (default: ones)")


def _add_list(commands: Any) -> None:
    summary = "list the activations"
    parser = commands.add_parser("list", help=summary, description=summary.capitalize() + ".")
    parser.add_argument(
        "--from",
        dest="library",
        choices=(*ELSEWHERE, "all"),
        help="list another library's functions: what they are called here, and what differs",
    )
    parser.add_argument("--markdown", action="store_true", help="print Markdown: README.md's table, or one page")
    parser.set_defaults(run=describe.run_list)


def _add_info(commands: Any) -> None:
    summary = "describe an activation: formula, range, limits, kinks, papers"
    parser = commands.add_parser("info", help=summary, description=summary.capitalize() + ".")
    parser.add_argument("name", metavar="NAME")
    parser.set_defaults(run=describe.run_info)


def _add_plot(commands: Any) -> None:
    summary = "draw activations and their derivatives into a picture"
    parser = commands.add_parser(
        "plot", help=summary, description=plot.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("names", nargs="+", metavar="NAME", help="an activation, or a call of one such as 'elu(alpha=0.5)'")
    add("-o", "--output", required=True, metavar="FILE", help="the picture: its name ends in .png, .svg or .pdf")
    add("--directions", type=_directions, metavar="D,D,...", help="(default: all three)")
    add("--interval", type=float, nargs=2, metavar=("FROM", "TO"), help="(default: -4 to 4, or as far as kinks are)")
    add("--theme", choices=THEMES, default="light", help="dark lines on white (default), or light on transparent")
    add("--dpi", type=_count, default=200, metavar="N", help="dots per inch of a .png (default: %(default)s)")
    parser.set_defaults(run=plot.run)


def _add_gallery(commands: Any) -> None:
    summary = "write one page that shows every activation"
    parser = commands.add_parser(
        "gallery", help=summary, description=gallery.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the page, such as gallery.html")
    speed = parser.add_mutually_exclusive_group()
    speed.add_argument("--speed", metavar="FILE", help="show the speed that fastact bench --json has written")
    speed.add_argument("--measure", action="store_true", help="measure the speed now, as fastact bench does")
    parser.set_defaults(run=gallery.run)


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(float(size)) for size in text.split(","))  # float: 1e6 is welcome
    except (ValueError, OverflowError):
        sizes = (0,)
    if min(sizes) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of positive numbers such as 10000,1000000")
    return sizes


def _directions(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    if not set(DIRECTIONS).issuperset(chosen):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of {', '.join(DIRECTIONS)}")
    return chosen


def _peers(text: str) -> tuple[str, ...]:
    chosen = tuple("numpy/scipy" if name in ("scipy", "numpy") else name for name in text.split(","))
    if not set(KINDS).issuperset(chosen):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of {', '.join(KINDS)}")
    return chosen


def _count(text: str) -> int:
    try:
        count = int(float(text))
    except (ValueError, OverflowError):
        count = 0
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return count


def _positive_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return seconds


def _axes(text: str) -> tuple[int, ...]:
    try:
        return tuple(map(int, text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of axes such as 0,2") from None


def _with_parameters(text: str) -> tuple[str, dict[str, int | float | str]]:
    name, _, parameters = text.partition(":")
    return name, dict(map(_parameter, parameters.split(","))) if parameters else {}


def _parameter(text: str) -> tuple[str, int | float | str]:
    name, equals, value = text.partition("=")
    if not (name.isidentifier() and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as alpha=0.5")
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value
