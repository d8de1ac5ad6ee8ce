"""``python -m fastact._rewrite``: write anew what a checkout holds that is made from the registry.

That is the stub file, and in README.md what stands between ``<!-- name -->`` and ``<!-- end of name -->``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from fastact import _stub
from fastact._command_line import audit, describe

README = Path(__file__).parent.parent / "README.md"

#: What stands between which markers.
TABLES: Mapping[str, Callable[[], str]] = {
    "activations": describe.markdown_table,
    "differences": describe.remarks,
    "errors": audit.markdown_table,
}


def readme(text: str) -> str:
    """Put what is true now between the markers of README.md."""
    for marker, table in TABLES.items():
        head, _, rest = text.partition(f"<!-- {marker} -->\n")
        _, end, tail = rest.partition(f"<!-- end of {marker} -->")
        text = f"{head}<!-- {marker} -->\n{table()}\n{end}{tail}"
    return text


def main() -> None:
    """Write the stub and, in a checkout, README.md."""
    _stub.PATH.write_text(_stub.text(), encoding="utf-8")
    if README.exists():
        README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
