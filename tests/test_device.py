"""GPU arrays where there is no GPU: what is asked of them, and that nobody else pays for them."""

import pytest

FOREIGN = """
class Foreign:
    __cuda_array_interface__ = {"version": 3, "shape": (4,), "typestr": "<f4", "data": (4096, False), "strides": None}
"""
BLOCKED = f"""
import sys
sys.modules["numba.cuda"] = sys.modules["numba_cuda"] = None  # they cannot be imported

import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *others: None if name == "numba_cuda" else find(name, *others)

import numpy as np
import fastact as fa
{FOREIGN}
"""
CALLS = [
    "fa.silu(x)",
    "fa.silu.backward(x, x)",
    "fa.silu(np.ones(4), out=x)",
    "fa.elu.parameter_gradients(x, x)",
    "fa.softmax(x)",
    "fa.softmax.backward(x, x)",
    "fa.maxout(x, 2)",
    "fa.swiglu(x)",
    "fa.swiglu(x, x)",
    "fa.crelu(x)",
    "fa.softmax_cross_entropy(x, 1)",
    "fa.sigmoid_binary_cross_entropy.value_and_gradient(x, x)",
]


def test_without_numba_cuda_one_line_says_what_to_install(run_python):
    script = "\n".join(
        [
            BLOCKED,
            f"for call in {CALLS!r}:",
            "    try:",
            "        eval(call, {'fa': fa, 'np': np, 'x': Foreign()})",
            "    except RuntimeError as error:",
            "        print(error)",
        ]
    )
    words = 'GPU arrays need numba-cuda: pip install "fastact[cuda]"'
    assert run_python(script, NUMBA_ENABLE_CUDASIM="0").splitlines() == [words] * len(CALLS)


def test_processors_arrays_never_load_the_gpus_part(run_python):
    script = """
import sys
import numpy as np
import pandas
import fastact as fa

x = np.linspace(-1, 1, 4, dtype="f4")


class OnProcessor(np.ndarray):
    '''As tensors of a library for both: it has the interface, and says that it is not there.'''

    is_cuda = False

    @property
    def __cuda_array_interface__(self):
        raise AttributeError("not on a GPU")


for given in (x, x.tolist(), 1.0, pandas.DataFrame({"a": x}), x.view(OnProcessor), np.ma.masked_array(x, x > 0)):
    assert "Foreign" not in type(fa.silu(given)).__name__
    fa.silu.backward(given, given)
fa.softmax(x), fa.swiglu(x), fa.crelu(x), fa.elu.parameter_gradients(x, x)
fa.softmax_cross_entropy(x, 1), fa.sigmoid_binary_cross_entropy(x, x)
print([name for name in sys.modules if name.startswith(("numba.cuda", "numba_cuda", "fastact.cuda", "cupy", "torch"))])
"""
    assert run_python(script) == "[]"


@pytest.mark.parametrize("module", ["fastact", "fastact.cuda"])
def test_importing_costs_nothing(run_python, module):
    script = (
        f"import sys, {module}; print([name for name in ('numba', 'numba.cuda', 'llvmlite') if name in sys.modules])"
    )
    assert run_python(script) == "[]"
