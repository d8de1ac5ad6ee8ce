"""Pages in a headless Chromium that nobody sees and that reaches nothing but this machine."""

import functools
import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--disable-gpu", "--disable-quic", "--disable-component-update", "--disable-sync")  # beside Playwright's own
HERE = ("", "127.0.0.1")  # the hosts that stand for this machine; files, data and blobs have none


@dataclass
class Visit:
    """A page, and what was recorded since it was opened.

    Attributes
    ----------
    page : playwright.sync_api.Page
        To be operated.
    errors : list of str
        What the console shows in red, exceptions included.
    requests : list of str
        The addresses of all that the page asked for.
    """

    page: object
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def check(self):
        """Fail if a request left the machine or something went wrong."""
        left = [address for address in self.requests if is_elsewhere(address)]
        assert not left, f"requests left the machine: {left}"
        assert not self.errors, f"errors in the console: {self.errors}"


def is_elsewhere(address):
    """Whether an address belongs to another machine."""
    return (urlsplit(address).hostname or "") not in HERE


@contextmanager
def launched():
    """Start Chromium, the system's or Playwright's; skip the test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
    with playwright.sync_playwright() as driver:
        paths = (*map(shutil.which, NAMES), driver.chromium.executable_path)
        path = next((path for path in paths if path and Path(path).exists()), None)
        if path is None:
            pytest.skip("needs Chromium: apt-get install chromium, or playwright install chromium")
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def visiting(browser, **options):
    """Open an empty page, without cookies and cache; check in the end what happened in it."""
    context = browser.new_context(**options)
    context.route(is_elsewhere, lambda route: route.abort())
    visit = Visit(context.new_page())
    try:
        yield visit
    finally:
        context.close()
    visit.check()


@contextmanager
def served(folder):
    """Serve a folder as any plain file server would; give its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
