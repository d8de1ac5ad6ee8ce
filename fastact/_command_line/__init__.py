"""The commands behind ``python -m fastact``, one module each."""
