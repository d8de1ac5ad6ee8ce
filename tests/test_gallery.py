"""The gallery, opened and operated in a browser."""

import json
import re

import pytest
from browser import visiting

import fastact as fa
from fastact._accuracy.measured import worst
from fastact._gallery.page import traits

NAMES = fa.names()
SPEED = {
    "machine": "fastact 0.1.0, numba 1\nAn abacus, 2 CPUs",
    "dtype": "float32",
    "rows": [
        {"name": "gelu", "direction": "value", "size": 1000, "out": 0.5, "new": 0.75, "copyto": 0.25, "plain": 3.0},
        {"name": "gelu", "direction": "derivative", "size": 1000, "out": 1, "new": 1, "copyto": 0.25, "plain": None},
    ],
}


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """The page that the command writes, with figures of speed."""
    from fastact.__main__ import main

    folder = tmp_path_factory.mktemp("gallery")
    (folder / "speed.json").write_text(json.dumps(SPEED))
    assert main(["gallery", "-o", str(folder / "gallery.html"), "--speed", str(folder / "speed.json")]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["gallery.html", "speed.json"]
    return folder / "gallery.html"


@pytest.fixture(scope="module", params=[(1280, "light"), (390, "dark")], ids=["desktop", "phone"])
def screen(request, chromium, gallery):
    """The page on a screen; it may ask for nothing but itself."""
    width, scheme = request.param
    with visiting(chromium, viewport={"width": width, "height": 844}, color_scheme=scheme) as visit:
        visit.page.goto(gallery.as_uri())
        yield visit.page
        assert {address for address in visit.requests if not address.startswith("data:")} == {gallery.as_uri()}


@pytest.fixture
def opened(screen):
    """The page as it was opened."""
    screen.evaluate("dialog.close(), pick(null), showAll(), search.blur(), scrollTo(0, 0)")
    screen.evaluate("document.querySelector('#shown [value=second_derivative]').checked = false")
    return screen


def visible(page):
    return page.eval_on_selector_all(".card:not([hidden])", "cards => cards.map(card => card.dataset.name)")


def facts_of(page):
    """The dialog's table: headings to the texts of their cells."""
    cells = page.eval_on_selector_all(
        "#facts > *", "cells => cells.map(cell => [cell.className === 'heading', cell.innerText.trim()])"
    )
    found = {}
    for is_heading, text in cells:
        if is_heading:
            found[text] = current = []
        else:
            current.append(text)
    return found


def wait_for_title(page, title):
    page.locator("#dialog[open] #title").filter(has_text=re.compile(f"^{title}$")).wait_for()


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_every_activation_has_a_card(opened):
    assert visible(opened) == NAMES
    assert opened.locator(".card .sketch .plane path").count() > 2 * len(NAMES)
    assert opened.locator(".card math").count() == len(NAMES)
    assert fits(opened)
    widths = opened.eval_on_selector_all(
        ".sketch", "sketches => sketches.map(each => each.getBoundingClientRect().width)"
    )
    assert min(widths) > 250


def test_search_finds_names_aliases_and_papers(opened):
    opened.keyboard.press("/")
    opened.keyboard.type("HardSwish")
    assert visible(opened) == ["hard_swish"]
    assert opened.locator("#count").inner_text() == f"1 of {len(NAMES)}"
    opened.fill("#search", "shazeer swi")
    assert visible(opened) == ["swiglu"]
    opened.fill("#search", "no such thing")
    assert visible(opened) == []
    opened.click("#clear")
    assert visible(opened) == NAMES


def test_filters_by_family_and_trait(opened):
    opened.click('.chip[data-family="sigmoids"]')
    family = [name for name in NAMES if fa.get(name).info.family == "sigmoids"]
    assert visible(opened) == family
    opened.click('.chip[data-trait="zero-centred"]')
    assert visible(opened) == [name for name in family if fa.get(name).info.odd]
    opened.click('.chip[data-family=""]')
    opened.click('.chip[data-trait="never dead"]')
    assert visible(opened) == [
        name for name in NAMES if {"zero-centred", "never dead"} <= set(traits(fa.get(name).info))
    ]
    opened.click('.chip[data-trait="zero-centred"]')
    assert "gelu" in visible(opened)
    assert "relu" not in visible(opened)


def test_an_activation_is_told_in_full(opened):
    opened.click("#card-gelu h2 a")
    wait_for_title(opened, "gelu")
    info, facts = fa.gelu.info, facts_of(opened)
    assert facts["Use"] == [info.use]
    assert facts["Saturation"] == [info.saturation]
    assert opened.locator('#facts a[href="https://arxiv.org/abs/1606.08415"]').count() == 1
    assert f"{worst('gelu', 'derivative', 'float32').ulp:.3f}" in facts["Accuracy"][0]
    assert re.search(r"value\s+1,000\s+0\.500\s+0\.50\s+4\.0", facts["Speed"][0])
    assert re.search(r"derivative\s+1,000\s+1\.000\s+0\.25", facts["Speed"][0])
    assert opened.locator("#plot svg svg path").count() == 2
    opened.check('#shown input[value="second_derivative"]')
    assert opened.locator("#plot svg svg path").count() == 3
    opened.keyboard.press("Escape")
    assert not opened.locator("#dialog").is_visible()


def test_two_are_compared(opened):
    opened.click("#card-gelu .compare")
    assert opened.locator("#tray").inner_text().startswith("gelu: choose another")
    opened.fill("#search", "relu6")
    opened.click("#card-relu6 .compare")
    wait_for_title(opened, "gelu and relu6")
    assert not opened.locator("#tray").is_visible()
    for number, count in ((1, 2), (2, 2)):
        assert opened.locator(f"#plot svg svg .of-{number} path").count() == count
    assert opened.locator("#plot .of-2 circle").count() == 2 + 4 + 2
    facts = facts_of(opened)
    assert facts["Range"] == ["−0.169971 … ∞", "0 … 6"]
    assert facts["Kinks"][0] == "none: smooth"
    assert all(len(cells) == 2 for cells in facts.values())
    assert facts["Speed"][1] == "–"  # which was not measured
    assert fits(opened)
    opened.select_option("#other", "softmax")
    wait_for_title(opened, "gelu and softmax")
    assert "first result for the row (x, 0)" in opened.locator("#key").inner_text()


def test_keys_go_from_one_to_the_next(opened):
    opened.locator("#card-gelu h2 a").focus()
    opened.keyboard.press("Enter")
    wait_for_title(opened, "gelu")
    opened.keyboard.press("ArrowRight")
    wait_for_title(opened, NAMES[NAMES.index("gelu") + 1])
    opened.keyboard.press("ArrowLeft")
    opened.keyboard.press("ArrowLeft")
    wait_for_title(opened, NAMES[NAMES.index("gelu") - 1])
    opened.click("#close")
    assert not opened.locator("#dialog").is_visible()


def test_an_address_opens_what_it_names(opened, gallery):
    opened.goto(f"{gallery.as_uri()}#mish,silu")
    wait_for_title(opened, "mish and silu")
    opened.goto(f"{gallery.as_uri()}#nothing")
    opened.wait_for_selector("#dialog", state="hidden")


def test_every_activation_opens(opened):
    opened_names = opened.evaluate("""
        [...document.querySelectorAll(".card")].map(card => {
            history.replaceState(null, "", `#${card.dataset.name}`);
            open();
            const curves = document.querySelectorAll("#plot svg svg path").length;
            const fits = document.querySelector("#dialog").scrollWidth <= window.innerWidth;
            return curves && fits && document.querySelectorAll("#facts > *").length > 10 && title.innerText;
        })
    """)
    assert opened_names == NAMES


def test_nothing_is_said_of_speed_that_was_not_measured(run, folder):
    assert run("gallery", "-o", "gallery.html") == (0, "", "")
    page = (folder / "gallery.html").read_text(encoding="utf-8")
    assert "Speed was not measured" in page
    assert "np.copyto" not in page


def test_measured_speed_names_the_machine(run, folder, monkeypatch):
    from fastact._command_line import bench

    monkeypatch.setattr(bench, "record", lambda names, sizes, dtype, seconds: SPEED)
    assert run("gallery", "-o", "gallery.html", "--measure") == (0, "", "")
    assert "numba 1, An abacus, 2 CPUs" in (folder / "gallery.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "none/gallery.html"], "none: No such file or directory"),
        (["-o", "."], ".: Is a directory"),
        (["-o", "g.html", "--speed", "none.json"], "none.json: No such file or directory"),
        (["-o", "g.html", "--speed", "wrong.json"], "wrong.json: is not what fastact bench --json writes"),
        (["-o", "g.html", "--speed", "list.json"], "list.json: is not what fastact bench --json writes"),
        (["-o", "g.html", "--speed", "list.json", "--measure"], "not allowed with"),
        ([], "-o/--output"),
    ],
)
def test_command_refuses(refused, folder, options, message):
    (folder / "wrong.json").write_text(json.dumps(SPEED | {"rows": [{"name": "gelu"}]}))
    (folder / "list.json").write_text("[1]")
    assert message in refused("gallery", *options)
    assert sorted(path.name for path in folder.iterdir()) == ["list.json", "wrong.json"]


def test_what_is_not_installed_is_named_before_the_work(refused, folder, monkeypatch):
    from fastact._command_line import bench
    from fastact._typeset import mathml

    monkeypatch.setitem(__import__("sys").modules, "latex2mathml.converter", None)
    monkeypatch.setattr(bench, "record", None)
    mathml.cache_clear()
    assert 'pip install "fastact[plot]"' in refused("gallery", "-o", "g.html", "--measure")
    assert not list(folder.iterdir())
