"""Numba's CUDA target, and what stands in for it: the simulator, which runs kernels as plain Python."""

import contextlib
import functools
import importlib.util
import inspect
import warnings

MISSING = 'GPU arrays need numba-cuda: pip install "fastact[cuda]"'


@functools.cache
def cuda():
    """The module ``numba.cuda``; a `RuntimeError` says what to install where it is not to be had."""
    from numba.core import config

    if not config.ENABLE_CUDASIM and importlib.util.find_spec("numba_cuda") is None:
        raise RuntimeError(MISSING)
    try:
        import numba.cuda
    except Exception as error:  # whatever keeps it from loading, the user's remedy is one
        raise RuntimeError(f"numba-cuda cannot be imported ({error}); {MISSING}") from None
    return numba.cuda


@functools.cache
def is_simulated():
    """Whether kernels run in Numba's simulator, where a device's memory is the processor's."""
    from numba.core import config

    return bool(config.ENABLE_CUDASIM)


@functools.cache  # what it finds; a refusal is not kept
def require_device():
    """Refuse to go on where there is no GPU."""
    if not cuda().is_available():
        raise RuntimeError("no CUDA device was found; check the driver with nvidia-smi, or pass NumPy arrays")


def intrinsic(typing, codegen, simulated):
    """A function for kernels.

    Parameters
    ----------
    typing : callable
        Takes Numba's types of the arguments, and gives that of the result.
    codegen : callable
        Takes a context, an LLVM builder, the signature and the arguments, and gives the LLVM value of the result.
    simulated : callable
        What the simulator calls; an argument that it may do without is None by default.
    """
    if is_simulated():
        return simulated
    from numba.cuda import extending, types
    from numba.cuda.typing import signature

    def function(typingctx, *given):
        given = [types.Omitted(None) if each is None else each for each in given]
        return signature(typing(*given), *given), codegen

    # Numba reads the arguments' names and defaults from the function itself.
    parameters = inspect.signature(simulated).parameters
    declared = ", ".join(map(str, parameters.values()))
    namespace = {"function": function}
    exec(f"def named(typingctx, {declared}): return function(typingctx, {', '.join(parameters)})", namespace)
    return extending.intrinsic(namespace["named"])


@functools.cache
def multiprocessors():
    """How many multiprocessors the current device has."""
    return 1 if is_simulated() else cuda().get_current_device().MULTIPROCESSOR_COUNT


def grid(threads_wanted, block):
    """How many blocks to launch: as many as are needed, and at most some that keep the device full."""
    wanted = -(-threads_wanted // block)
    return max(1, min(wanted, 2 if is_simulated() else 16 * multiprocessors()))


@functools.lru_cache(maxsize=1024)
def _configured(kernel, blocks, block, stream):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a small array leaves most of the device idle is no news
        return kernel[blocks, block, stream]


def launch(kernel, threads, block, stream, device, arguments):
    """Run a kernel.

    Parameters
    ----------
    kernel : object
        What ``cuda.jit`` gives.
    threads, block : int
        How many threads there is work for, and how many make a block.
    stream : object
        Of Numba's, or 0.
    device : int or None
        The number of the device that the arrays are on, where they say so.
    arguments : tuple
        The kernel's.
    """
    # The simulator's kernels remember but their last configuration.
    configured = _configured.__wrapped__ if is_simulated() else _configured
    with cuda().gpus[device] if device else contextlib.nullcontext():
        configured(kernel, grid(threads, block), block, stream)(*arguments)
