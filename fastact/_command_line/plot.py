"""Draw activations with their first and second derivatives.

An activation may be a call with keywords, which a shell wants quoted: "elu(alpha=0.5)". Several have a panel
for each direction. A dot marks a kink, or the value at a jump; rings mark the ends that are not.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from fastact._command_line import whole_file
from fastact.plotting import plot

# Without the date, the same command writes the same bytes.
_METADATA = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def run(arguments: argparse.Namespace) -> None:
    """Carry out ``fastact plot``."""
    target = Path(arguments.output)
    suffix = target.suffix.lower()
    if suffix not in _METADATA:
        raise ValueError(f"{target}: pictures end in {', '.join(_METADATA)}; the end of the name says which to write")
    whole_file.check(target)
    figure = plot(*arguments.names, directions=arguments.directions, interval=arguments.interval, theme=arguments.theme)
    from matplotlib import rc_context

    file = io.BytesIO()
    metadata = {"Title": " ".join(arguments.names), **_METADATA[suffix]}
    with rc_context({"svg.hashsalt": "fastact"}):
        figure.savefig(file, format=suffix[1:], metadata=metadata, dpi=arguments.dpi)
    whole_file.write(target, file.getvalue())
