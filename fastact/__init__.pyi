# Made by `python -m fastact._stub` from the registry; do not edit.
from typing import Literal

from fastact._activation import Activation
from fastact._axis_activation import AxisActivation
from fastact._dense import MaxoutDense
from fastact._gated_activation import GatedActivation

__version__: str

def names(kind: Literal["elementwise", "axiswise", "gated"] | None = None) -> list[str]: ...
def get(name: str) -> Activation | AxisActivation | GatedActivation: ...
def set_num_threads(threads: int) -> None: ...
def get_num_threads() -> int: ...

maxout_dense: MaxoutDense

bilinear_glu: GatedActivation
celu: Activation
elu: Activation
geglu: GatedActivation
geglu_tanh: GatedActivation
gelu: Activation
gelu_tanh: Activation
glu: GatedActivation
hard_sigmoid: Activation
hard_swish: Activation
hard_tanh: Activation
identity: Activation
leaky_relu: Activation
log_sigmoid: Activation
log_softmax: AxisActivation
maxout: AxisActivation
mish: Activation
prelu: Activation
reglu: GatedActivation
relu: Activation
relu6: Activation
selu: Activation
sigmoid: Activation
silu: Activation
softmax: AxisActivation
softplus: Activation
softsign: Activation
squareplus: Activation
swiglu: GatedActivation
swish: Activation
tanh: Activation
tanhshrink: Activation
