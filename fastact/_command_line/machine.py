"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

import fastact


def facts() -> str:
    """Name versions, processor and threads, in two lines."""
    versions = ", ".join(f"{package} {version(package)}" for package in ("fastact", "numba", "numpy"))
    hardware = f"{_processor()}, {os.cpu_count()} CPUs, {fastact.get_num_threads()} threads"
    return f"{versions}, Python {platform.python_version()}\n{hardware}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        models = []
    return models[0] if models else platform.processor() or platform.machine()
