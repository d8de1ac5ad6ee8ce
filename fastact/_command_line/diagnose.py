"""``fastact diagnose`` and ``fastact compare``: what activations do to the numbers in a .npy file, of any size."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import fastact
from fastact._command_line.npy_files import open_source


def run_diagnose(arguments: argparse.Namespace) -> None:
    """Carry out ``fastact diagnose``."""
    parameters = dict(arguments.parameters)
    if clash := parameters.keys() & {"activation", "x", "grad", "axis"}:
        raise TypeError(f"{arguments.name} has no parameter {min(clash)!r}")
    print(fastact.diagnose(arguments.name, *_operands(arguments), arguments.axis, **parameters))


def run_compare(arguments: argparse.Namespace) -> None:
    """Carry out ``fastact compare``."""
    activations = [partial(fastact.get(name), **parameters) for name, parameters in arguments.names]
    print(fastact.compare(activations, *_operands(arguments)))


def _operands(arguments: argparse.Namespace) -> tuple[Any, Any]:
    grad = None if arguments.grad is None else open_source(Path(arguments.grad))
    return open_source(Path(arguments.input)), grad
