"""asv's site, as `python -m benchmarks.publish` makes it: whole, and without a word to another machine."""

import base64
import hashlib
import json
import os
import subprocess
import sys

import pytest
from browser import served

from benchmarks import publish

CONFIGURATION = {
    "version": 1,
    "project": "toy",
    "repo": ".",
    "branches": ["main"],
    "environment_type": "existing",
    "results_dir": "results",
    "html_dir": "html",
    "regressions_thresholds": {".*": 0},
}
SUITE = """
class Toy:
    params = (["elu", "selu"], ["float32", "float64"])
    param_names = ("name", "dtype")
    unit = "ULP"

    def track_error(self, name, dtype):
        return 0.5


def track_never():  # which leaves no graph
    return 0
"""
COMMITS = 4  # the error of selu in float64 grows in the third


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A repository with results: asv's own for the first commit, and made of those for the others."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "benchmarks").mkdir()
    (folder / "benchmarks" / "__init__.py").touch()
    (folder / "benchmarks" / "suite.py").write_text(SUITE)
    (folder / "asv.conf.json").write_text(json.dumps(CONFIGURATION))
    (folder / ".asv-machine.json").write_text('{"here": {"machine": "here"}, "version": 1}')  # in what is HOME below
    commits = [commit(folder, day) for day in range(1, COMMITS + 1)]
    asv = [sys.executable, "-m", "asv", "run", "--quick", "--environment", "existing:same", "--bench", "Toy"]
    environment = os.environ | {"HOME": str(folder)}
    subprocess.run(
        [*asv, "--machine", "here", "--set-commit-hash", commits[0]], cwd=folder, env=environment, check=True
    )
    (first,) = (folder / "results" / "here").glob("*-existing*.json")
    for day, later in enumerate(commits[1:], start=2):
        result = json.loads(first.read_text()) | {"commit_hash": later, "date": 1767225600000 + day * 86400000}
        if day >= 3:
            result["results"]["suite.Toy.track_error"][0] = [0.5, 0.5, 0.5, 0.9]
        first.with_name(first.name.replace(commits[0][:8], later[:8])).write_text(json.dumps(result))
    return folder


def commit(folder, day):
    """Make an empty commit; give its name."""
    author = {f"GIT_{who}_{what}": "toy" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    dates = {f"GIT_{who}_DATE": f"2026-01-{day:02} 12:00:00 +0000" for who in ("AUTHOR", "COMMITTER")}

    def git(*command):
        environment = os.environ | author | dates
        done = subprocess.run(
            ["git", *command], cwd=folder, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    if day == 1:
        git("init", "--quiet", "--initial-branch=main")
    git("commit", "--quiet", "--allow-empty", "--message", f"day {day}")
    return git("rev-parse", "HEAD")


@pytest.fixture(scope="module")
def modules():
    """The packages that npm installs."""
    try:
        return publish.packages()
    except publish.UnreachableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def site(project, modules):
    return publish.publish(project / "asv.conf.json")


def drawn(page, selector):
    """Count the pixels that have been drawn in a graph."""
    pixels = 'canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data'
    opaque = f"canvas => ({pixels})(canvas).filter((byte, place) => place % 4 == 3 && byte).length"
    return page.wait_for_selector(f"{selector} canvas.flot-base").evaluate(opaque)


def test_the_site_shows_what_was_measured(site, page):
    """`page` sees to it that no request leaves the machine, and that nothing is wrong."""
    with served(site) as address:
        page.goto(f"{address}/index.html")
        page.wait_for_selector("text=Toy.track_error")
        assert drawn(page, ".benchmark-plot") > 100
        assert page.locator("text=track_never").count() == 0

        page.click("text=Benchmark list")
        page.wait_for_selector("text=+80.0% (+0.400 ULP)")
        assert page.locator("#summarylist-body tbody tr").count() == 4
        for direction in ("asc", "desc"):
            page.click("th:has-text('Value')")
            page.wait_for_url(f"**sort=1&dir={direction}")
        page.wait_for_selector("#summarylist-body tbody tr:first-child:has-text('0.900 ULP')")

        page.click("text=Regressions")
        page.wait_for_selector("text=1.80x")
        page.click("text=suite.Toy.track_error('selu', 'float64')")
        assert drawn(page, "#main-graph") > 100
        assert page.locator(".legend >> text=float64").count() == 1


def test_files_that_take_another_s_place_keep_their_licences(site):
    for package in (site / publish.VENDOR).iterdir():
        stated = json.loads((package / "package.json").read_text()).get("license")
        assert stated == "MIT" or list(package.glob("LICENSE*"))


ADDRESS, FILE = next(iter(publish.SAME.items()))
DIGEST = "sha256-" + base64.b64encode(hashlib.sha256(b"ours").digest()).decode()


@pytest.fixture
def vendored(tmp_path):
    """Bring here what a page of these elements loads, with packages of one file; return the page."""

    def vendored(*elements, style=""):
        script, site = tmp_path / "modules" / FILE, tmp_path / "site"
        script.parent.mkdir(parents=True)
        script.write_bytes(b"ours")
        (tmp_path / "modules" / FILE.partition("/")[0] / "package.json").write_text("{}")
        site.mkdir()
        (site / "index.html").write_text("".join(elements))
        (site / "asv.css").write_text(style)
        publish.vendor(site, tmp_path / "modules")
        return (site / "index.html").read_text()

    return vendored


def test_a_script_is_brought_here_and_links_stay(vendored, tmp_path):
    link = '<a href="https://github.com/airspeed-velocity/asv/">asv</a>'
    page = vendored(f'<script src="{ADDRESS}" integrity="{DIGEST}" crossorigin="anonymous"></script>', link)
    assert page == f'<script src="vendor/{FILE}"></script>{link}'
    assert (tmp_path / "site" / "vendor" / FILE).read_bytes() == b"ours"


@pytest.mark.parametrize(
    ("element", "complaint"),
    [
        ('<script src="https://example.org/new.js"></script>', "loads https://example.org/new.js: name the file"),
        ('<link rel="stylesheet" href="https://example.org/new.css">', "loads https://example.org/new.css"),
        ("<script src='//example.org/new.js'></script>", "would still load //example.org/new.js"),
        ('<img alt="swallow" src="https://example.org/a.png">', "would still load https://example.org/a.png"),
        (f'<script src="{ADDRESS}" integrity="sha256-AAAA"></script>', "is not the file that asv's page loads"),
        (f'<script src="{ADDRESS}"></script>', "states no digest"),
        (f'<script src="{next(iter(publish.EQUIVALENT))}"></script>', "jquery.flot.js is missing from"),
    ],
)
def test_what_would_leave_the_machine_is_refused(vendored, element, complaint):
    with pytest.raises(publish.PublishError, match=complaint):
        vendored(element)


def test_a_style_that_would_leave_the_machine_is_refused(vendored):
    with pytest.raises(publish.PublishError, match="would still load https://example"):
        vendored(style="@font-face { src: url('https://example.org/a.woff') }")


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda patch, folder: patch.setattr(sys, "argv", ["publish", "--config", "none.json"]), "none.json not found"),
        (lambda patch, folder: patch.setattr(publish.shutil, "which", lambda *_, **__: None), "npm is missing: pip"),
    ],
)
def test_the_command_fails_in_one_line(monkeypatch, capsys, folder, spoil, complaint):
    (folder / "asv.conf.json").write_text(json.dumps(CONFIGURATION))
    monkeypatch.setattr(sys, "argv", ["publish", "--config", "asv.conf.json"])
    monkeypatch.setattr(publish, "PACKAGES", folder / "packages")
    spoil(monkeypatch, folder)
    with pytest.raises(SystemExit) as stop:
        publish.main()
    out, err = capsys.readouterr()
    assert (stop.value.code, out, err.count("\n")) == (publish.BAD_INPUT, "", 1)
    assert err.startswith("benchmarks.publish: error: ")
    assert complaint in err
    assert [entry.name for entry in folder.iterdir()] == ["asv.conf.json"]


def test_no_results_are_an_error_in_one_line(folder, monkeypatch):
    commit(folder, 1)
    (folder / "asv.conf.json").write_text(json.dumps(CONFIGURATION))
    monkeypatch.setattr(publish, "packages", lambda: folder)
    with pytest.raises(
        publish.PublishError, match=r"asv publish: Benchmark list file .* missing! Use `asv run"
    ) as error:
        publish.publish(folder / "asv.conf.json")
    assert "\n" not in str(error.value)
    assert not (folder / "html").exists()
