"""The tests' own browser: what goes wrong in a page fails the test."""

import pytest
from browser import is_elsewhere, served, visiting


def test_a_page_is_served_and_shown(page, tmp_path):
    (tmp_path / "index.html").write_text("<!doctype html><title>here</title><link rel=icon href='data:,'>")
    with served(tmp_path) as address:
        page.goto(address)
        assert page.title() == "here"


@pytest.mark.parametrize(
    ("html", "complaint"),
    [
        ("<img src='https://example.org/picture.png'>", "left the machine.*example.org"),
        ("<script>missing()</script>", "missing is not defined"),
        ("<script>console.error('out of paper')</script>", "out of paper"),
    ],
)
def test_what_goes_wrong_in_a_page_fails_the_test(chromium, html, complaint):
    with pytest.raises(AssertionError, match=complaint), visiting(chromium) as visit:
        visit.page.set_content(html)


@pytest.mark.parametrize(
    "address", ["file:///tmp/a.html", "data:,", "blob:null/1", "http://127.0.0.1:1/a", "about:blank"]
)
def test_addresses_here(address):
    assert not is_elsewhere(address)
