"""Losses, each with its gradient: importing this package registers them all."""

from fastact.losses import binary, categorical

__all__ = ["binary", "categorical"]
