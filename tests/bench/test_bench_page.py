"""report.html in a browser: nothing to complain about and every plot there, on a screen and on a telephone."""

import pytest
from browser import IN_CI, Browser, path

PLOTS = ["speedup", "bandwidth", "calls", "threads", "layer"]
VISIBLE = """[...document.querySelectorAll("svg[data-plot]")].filter(e => e.getBoundingClientRect().width > 0)"""

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if path() is None:
        message = "Chromium is not installed: the report was not opened in a browser"
        pytest.fail(message) if IN_CI else pytest.skip(message)
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_page(browser, tiny_run, width, scheme):
    page = (tiny_run.folder / "report.html").as_uri()
    browser.open(page, width, scheme)
    assert browser.complaints == []
    assert browser.requests == [page]
    assert browser.value(f"{VISIBLE}.map(e => e.dataset.plot)") == PLOTS
    assert browser.value("document.documentElement.scrollWidth") <= width
    # Drawn, inside the page, and large enough to read: no text under 9 pixels.
    for box in browser.value(f"{VISIBLE}.map(e => e.getBoundingClientRect().toJSON())"):
        assert box["left"] >= 0
        assert box["right"] <= width
        assert box["width"] > 0.85 * min(width, 900)
        assert box["height"] > 80
    smallest = browser.value(
        f"Math.min(...{VISIBLE}.flatMap(s => [...s.querySelectorAll('text')].map("
        "t => parseFloat(getComputedStyle(t).fontSize) * s.getScreenCTM().a)))"
    )
    # Superscripts are smaller than what they belong to.
    assert smallest >= 6.5
    dark = browser.value("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")


def test_lines_are_drawn_in_colours_of_the_page(browser, tiny_run):
    browser.open((tiny_run.folder / "report.html").as_uri(), 1280)
    script = f"{VISIBLE}.flatMap(s => [...s.querySelectorAll('path')]).map(p => getComputedStyle(p).stroke)"
    assert {"rgb(217, 72, 15)", "rgb(52, 58, 64)"} <= set(browser.value(script))


def test_each_plot_has_a_sentence(browser, tiny_run):
    browser.open((tiny_run.folder / "report.html").as_uri(), 390)
    captions = browser.value("[...document.querySelectorAll('figcaption')].map(e => e.textContent.trim())")
    assert len(captions) == len(PLOTS)
    for caption in captions:
        assert caption.endswith(".")
        assert any(letter.isdigit() for letter in caption)


@pytest.mark.parametrize("name", PLOTS)
def test_plot_file_is_a_picture_by_itself(browser, tiny_run, name):
    picture = (tiny_run.folder / f"{name}.svg").as_uri()
    browser.open(picture, 1280, "dark")
    assert browser.complaints == []
    assert browser.value("document.documentElement.getBoundingClientRect().width") > 500
    assert browser.value("getComputedStyle(document.querySelector('text')).fill") == "rgb(230, 232, 234)"
