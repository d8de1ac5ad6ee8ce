"""Where the tests of GPU arrays run: on a device, or else in Numba's simulator, which a process has from its start."""

import pytest
from numba.core import config

#: The tests that need a device or the simulator; those of PTX need a compiler alone.
collect_ignore_glob = []


def _is_available():
    from fastact.cuda import target

    try:
        target.require_device()
    except RuntimeError:
        return False
    return True


if not (config.ENABLE_CUDASIM or _is_available()):
    collect_ignore_glob = ["test_gpu_*.py"]


def pytest_report_header():
    """What the tests run on."""
    if config.ENABLE_CUDASIM:
        return "GPU arrays: in Numba's simulator"
    if collect_ignore_glob:
        return "GPU arrays: no device, so PTX alone (NUMBA_ENABLE_CUDASIM=1 starts Numba's simulator)"
    from numba import cuda

    return f"GPU arrays: on {cuda.get_current_device().name}"


@pytest.fixture
def cuda():
    """Numba's module, or its simulator."""
    from numba import cuda

    return cuda
