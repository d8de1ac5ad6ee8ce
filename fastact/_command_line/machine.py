"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import fastact


def facts(card: str = "") -> str:
    """Name versions, processor and threads, or a GPU in their place, in two lines."""
    versions = ["fastact", "numba", *["numba-cuda"] * bool(card), "numpy"]
    software = ", ".join(f"{package} {found}" for package in versions if (found := _version(package)))
    hardware = card or f"{_processor()}, {os.cpu_count()} CPUs, {fastact.get_num_threads()} threads"
    return f"{software}, Python {platform.python_version()}\n{hardware}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # numba-cuda, which its simulator does without
        return None


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        models = []
    return models[0] if models else platform.processor() or platform.machine()
