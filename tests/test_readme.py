"""README.md says what is true: its code runs, and its table is the generated one."""

import re
from pathlib import Path

import pytest

from fastact import _rewrite, _stub

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_python_code_runs_and_prints_what_is_shown(capsys):
    code = blocks("python")
    assert len(code) > 3
    exec("\n".join(code), {})
    printed = capsys.readouterr().out
    assert all(text in printed for text in blocks("text"))


@pytest.mark.parametrize("marker", _rewrite.TABLES)
def test_tables_are_generated(marker):
    assert README.count(f"<!-- {marker} -->\n") == README.count(f"<!-- end of {marker} -->\n") == 1


def test_what_is_generated_is_up_to_date():
    assert _rewrite.readme(README) == README, "write it anew: python -m fastact._rewrite"
    assert _stub.text() == _stub.PATH.read_text(encoding="utf-8"), "write it anew: python -m fastact._rewrite"


def test_contents_name_every_section():
    sections = re.findall(r"^## (.+)$", README, re.MULTILINE)
    linked = re.findall(r"\]\(#([a-z-]+)\)", README.partition("\n## ")[0])
    assert linked == [re.sub("[^a-z -]", "", title.lower()).replace(" ", "-") for title in sections[:-1]]


def test_two_commands_do_the_set_up():
    block = README.split("<!-- set-up -->\n", maxsplit=1)[1].split("```")[1]
    commands = [line for line in block.splitlines()[1:] if line and not line.startswith("#")]
    assert [command.rpartition(" && ")[2] for command in commands] == [
        ".venv/bin/python -m fastact bench",
        ".venv/bin/python -m pytest",
    ]
