"""README.md says what is true: its code runs, and its table is the generated one."""

import re
from pathlib import Path

import pytest

from fastact._command_line import audit, describe

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_python_code_runs_and_prints_what_is_shown(capsys):
    code = blocks("python")
    assert len(code) > 3
    exec("\n".join(code), {})
    printed = capsys.readouterr().out
    assert all(text in printed for text in blocks("text"))


@pytest.mark.parametrize(
    ("marker", "table", "command"),
    [
        ("activations", describe.markdown_table, "list --markdown"),
        ("differences", describe.all_differences, "list --from all --markdown"),
        ("errors", audit.markdown_table, "audit --markdown"),
    ],
)
def test_tables_are_generated(marker, table, command):
    _, written = README.split(f"<!-- {marker} -->\n")
    written, _ = written.split(f"<!-- end of {marker} -->")
    assert written.strip() == table(), f"write it anew: python -m fastact {command}"


def test_two_commands_do_the_set_up():
    block = README.split("<!-- set-up -->\n", maxsplit=1)[1].split("```")[1]
    commands = [line for line in block.splitlines()[1:] if line and not line.startswith("#")]
    assert [command.rpartition(" && ")[2] for command in commands] == [
        ".venv/bin/python -m fastact bench",
        ".venv/bin/python -m pytest",
    ]
