# Made by `python -m fastact._rewrite` from the registry; do not edit.
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

aptx: Activation
arctan: Activation
bent_identity: Activation
bilinear_glu: GatedActivation
binary_step: Activation
celu: Activation
cloglog: Activation
crelu: JoinedActivation
elu: Activation
entmax15: AxisActivation
exponential: Activation
gaussian: Activation
geglu: GatedActivation
geglu_tanh: GatedActivation
gelu: Activation
gelu_tanh: Activation
general_relu: Activation
glu: GatedActivation
hard_mish: Activation
hard_sigmoid: Activation
hard_swish: Activation
hard_tanh: Activation
hardmax: AxisActivation
hardshrink: Activation
identity: Activation
isrlu: Activation
isru: Activation
leaky_relu: Activation
log_log: Activation
log_sigmoid: Activation
log_softmax: AxisActivation
logish: Activation
logit: Activation
logsumexp: AxisActivation
maxout: AxisActivation
mish: Activation
phish: Activation
prelu: Activation
quick_gelu: Activation
reglu: GatedActivation
relu: Activation
relu6: Activation
relu_squared: Activation
rrelu: Activation
selu: Activation
serf: Activation
shrink: Activation
sigmoid: Activation
sigmoid_binary_cross_entropy: SigmoidBinaryCrossEntropy
silu: Activation
sine: Activation
smelu: Activation
snake: Activation
softexponential: Activation
softmax: AxisActivation
softmax_cross_entropy: SoftmaxCrossEntropy
softmin: AxisActivation
softplus: Activation
softshrink: Activation
softsign: Activation
sparse_plus: Activation
sparse_sigmoid: Activation
sparsemax: AxisActivation
squareplus: Activation
star_relu: Activation
swiglu: GatedActivation
swish: Activation
tanh: Activation
tanhexp: Activation
tanhshrink: Activation
threshold: Activation
thresholded_relu: Activation
