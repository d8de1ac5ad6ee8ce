"""The stub file of the public names, made from the registry: ``python -m fastact._rewrite`` writes it anew."""

from pathlib import Path
from typing import Any

import fastact

PATH = Path(__file__).with_name("__init__.pyi")
_HEAD = """# Made by `python -m fastact._rewrite` from the registry; do not edit.
from typing import Literal

from fastact import compat as compat
from fastact._activation import Activation
from fastact._axis_activation import AxisActivation
from fastact._dense import MaxoutDense
from fastact._gated_activation import GatedActivation
from fastact._gumbel_softmax import GumbelSoftmax
from fastact._joined_activation import JoinedActivation
from fastact._losses import Loss, SigmoidBinaryCrossEntropy, SoftmaxCrossEntropy
from fastact.diagnostics import compare as compare
from fastact.diagnostics import diagnose as diagnose
from fastact.plotting import plot as plot

__version__: str

def names(kind: Literal["elementwise", "axiswise", "gated", "joined", "loss"] | None = None) -> list[str]: ...
def get(name: str) -> Activation | AxisActivation | GatedActivation | JoinedActivation | Loss: ...
def set_num_threads(threads: int) -> None: ...
def get_num_threads() -> int: ...

gumbel_softmax: GumbelSoftmax
maxout_dense: MaxoutDense

"""


def text() -> str:
    """What the stub file must say."""
    named = sorted([*fastact.names(), *fastact.names("loss")])
    return _HEAD + "".join(f"{name}: {_type_of(fastact.get(name))}\n" for name in named)


def _type_of(public: Any) -> str:
    kinds = {
        "elementwise": "Activation",
        "axiswise": "AxisActivation",
        "gated": "GatedActivation",
        "joined": "JoinedActivation",
    }
    return kinds.get(public.info.kind) or type(public).__name__
