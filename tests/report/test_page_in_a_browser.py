"""The page as a reader has it: in Chromium, on a screen and on a phone, by day and by night, and on paper."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from builders.made_up_study import ACCIDENTS, OPTIONS, write

from suite.analysis import results as statistics
from suite.analysis.declared import Declared
from suite.report import figures
from suite.report import page as report
from suite.study.config import Report

CHROMIUM = shutil.which("chromium")
playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

SCREEN, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
LEAST_CONTRAST = 4.5  # WCAG 2.2, level AA, of text of ordinary size
LOW_CONTRAST = """least => {
  const channel = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const colour = parts(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const low = new Set(), texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { parentElement: of, data } = texts.currentNode;
    if (!data.trim() || !of.checkVisibility()) continue;
    const [dark, light] = [parts(getComputedStyle(of).color), behind(of)].map(luminance).sort((a, b) => a - b);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < least) low.add(`${data.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return [...low];
}"""
"""Visible texts whose contrast with what is behind them is lower than it should be."""


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    """The page of a made-up study of two tasks, with every kind of accident."""
    study, out = tmp_path_factory.mktemp("studies") / "demo", tmp_path_factory.mktemp("report")
    write(study, accidents=ACCIDENTS)
    statistics.main(study, **OPTIONS, declared=Declared(Report(resamples=200)))
    figures.main(study, out)
    report.main(study, out, config_text="", command="make run")
    return (out / "report.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield running
        running.close()


@pytest.fixture
def opened(browser, address) -> Iterator:
    """Opens the page; in the end nothing may have complained, and nothing may have been asked for outside."""
    contexts, complaints, requests = [], [], []

    def open_page(viewport: dict = SCREEN, fragment: str = "", **options):
        contexts.append(browser.new_context(viewport=viewport, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(address + fragment)
        return page

    yield open_page
    for context in contexts:
        context.close()
    outside = [url for url in requests if not url.startswith(("file:", "data:"))]
    assert (complaints, outside) == ([], [])


def explored(page):
    """The first figure of curves, opened to be explored."""
    figure = page.locator("figure:has(> script)").first
    figure.get_by_role("button", name="Explore").click()
    return figure


def sweep(page, plot, until: str) -> str:
    """Moves the pointer down a plot until its readout holds a word; what it then reads."""
    readout = plot.locator("xpath=../p")
    plot.scroll_into_view_if_needed()
    box = plot.locator(".u-over").bounding_box()
    for share in range(1, 200):
        page.mouse.move(box["x"] + box["width"] * share / 200, box["y"] + box["height"] * (share * 7 % 200) / 200)
        if until in readout.inner_text():
            return readout.inner_text()
    raise AssertionError(f"no {until!r} under the pointer; last: {readout.inner_text()}")


def test_a_pointer_on_a_line_tells_its_run_whose_record_is_a_link_away(opened):
    page = opened()
    plot = explored(page).locator(".plot").first
    text = sweep(page, plot, "seed")
    assert "steps" in text
    page.mouse.down()
    page.mouse.up()  # held: the pointer can go to the link, whatever lies on its way
    readout = plot.locator("xpath=../p")
    readout.get_by_role("link").hover()
    assert readout.inner_text() == text
    readout.get_by_role("link").click()
    row = page.locator("tr:target")
    assert row.is_visible() and ".parquet" in row.inner_text()
    row.get_by_role("link", name="provenance").click()
    assert "c0de" in page.locator("tr:target").inner_text()


def drawn(figure) -> list[bytes]:
    return [canvas.screenshot() for canvas in figure.locator(".plot canvas").all()]


def test_a_name_hides_and_shows_its_lines_in_every_panel(opened):
    figure = explored(opened())
    name, before = figure.locator("button.name").first, drawn(figure)
    name.click()
    hidden = drawn(figure)
    assert name.get_attribute("aria-pressed") == "false"
    assert len(hidden) == 2 and all(was != now for was, now in zip(before, hidden, strict=True))
    name.click()
    assert name.get_attribute("aria-pressed") == "true" and drawn(figure) == before


def test_curves_zoom_by_buttons_and_by_a_drag_and_come_back(opened):
    page = opened()
    figure = explored(page)
    whole = drawn(figure)
    figure.get_by_role("button", name="Zoom in").click()
    assert drawn(figure) != whole
    figure.get_by_role("button", name="Reset zoom").click()
    assert drawn(figure) == whole
    box = figure.locator(".u-over").first.bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 20, steps=4)
    page.mouse.up()
    assert drawn(figure)[0] != whole[0]
    figure.get_by_role("button", name="figure as drawn").click()
    assert figure.locator("img").is_visible() and not figure.locator(".explorer").is_visible()


def column(table, index: int) -> list[str]:
    return table.locator(f"tbody tr:visible td:nth-child({index})").all_inner_texts()


def test_a_table_sorts_up_and_down_and_what_has_no_number_stands_last(opened):
    page = opened(fragment="#runs")
    page.locator("#runs ~ details summary").first.click()
    table = page.locator("#runs ~ details table").first
    heading = table.locator("th", has_text="score")
    for direction, sign in (("ascending", 1), ("descending", -1)):
        heading.get_by_role("button").click()
        assert heading.get_attribute("aria-sort") == direction
        scores = [text.replace(",", "").replace("−", "-") for text in column(table, 5)]
        numbers = [sign * float(text) for text in scores if text != "–"]
        assert len(numbers) > 60 and numbers == sorted(numbers)
        assert scores[len(numbers) :] == ["–"] * (len(scores) - len(numbers)) != []


def test_a_long_table_filters_by_words_and_counts_what_it_shows(opened):
    page = opened(fragment="#runs")
    page.locator("#runs ~ details summary").first.click()
    details = page.locator("#runs ~ details").first
    rows = details.locator("tbody tr")
    planned = rows.count()
    details.get_by_role("searchbox").fill("sac_v1 diverged")
    assert set(column(details, 4)) == {"diverged"} and set(column(details, 2)) == {"sac_v1"}
    assert details.locator("output").inner_text() == f"{len(column(details, 4))} of {planned} rows"
    details.get_by_role("searchbox").fill("")
    assert len(column(details, 4)) == planned


def test_every_link_leads_to_a_place_of_the_page_or_to_a_file_beside_it(opened, address):
    page = opened()
    links = page.locator("a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    places = set(page.locator("[id]").evaluate_all("all => all.map(one => one.id)"))
    assert len(places) == page.locator("[id]").count()
    folder = Path(address.removeprefix("file://")).parent
    for link in set(links):
        assert link[1:] in places if link.startswith("#") else (folder / link).is_file(), link


def test_a_verdict_leads_to_its_curves_which_then_stand_open(opened):
    page = opened()
    page.get_by_role("link", name="Its curves").first.click()
    assert page.locator("figure:target .explorer").is_visible()


@pytest.mark.parametrize("viewport", [SCREEN, PHONE], ids=["screen", "phone"])
def test_the_body_never_scrolls_sideways_and_headings_are_in_order(opened, viewport):
    page = opened(viewport)
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    explored(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    levels = page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(one => Number(one.tagName[1]))")
    assert levels[0] == 1 and all(below - above <= 1 for above, below in pairwise(levels))
    assert all(text.strip() for text in page.locator("img").evaluate_all("all => all.map(one => one.alt)"))


def test_on_a_phone_a_row_is_a_card_and_no_path_is_clipped(opened):
    page = opened(PHONE, "#runs")
    page.locator("#runs ~ details summary").first.click()
    row = page.locator("#runs ~ details tbody tr").first
    assert row.bounding_box()["width"] <= PHONE["width"]
    path = row.locator(".path")
    assert path.evaluate("cell => cell.scrollWidth <= cell.clientWidth")
    assert path.evaluate("cell => getComputedStyle(cell, '::before').content") == '"record"'


def test_on_a_phone_every_figure_is_seen_whole(opened):
    """One that scrolls sideways shows its first half, and nothing says that there is another."""
    page = opened(PHONE)
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    figures_shown = page.locator(".drawn")
    assert figures_shown.count() > 5
    assert not any(figures_shown.evaluate_all("all => all.map(one => one.scrollWidth > one.clientWidth)"))


def test_on_a_phone_a_tap_tells_a_run_and_another_tap_another(opened):
    page = opened(PHONE, has_touch=True)
    plot = explored(page).locator(".plot").first
    readout, box = plot.locator("xpath=../p"), plot.locator(".u-over").bounding_box()
    told = set()
    for share in range(1, 20):
        page.touchscreen.tap(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * share / 20)
        told.add(readout.inner_text())
    assert len([text for text in told if "steps" in text]) >= 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(opened, scheme):
    page = opened(color_scheme=scheme)
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    explored(page)
    assert page.evaluate(LOW_CONTRAST, LEAST_CONTRAST) == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")


def test_without_scripts_the_page_is_whole(opened):
    page = opened(java_script_enabled=False)
    assert page.locator("figure img").first.is_visible() and page.locator("button").count() == 0
    assert page.locator("#runs ~ details tr").count() > 80


def test_on_paper_there_are_figures_and_no_controls(opened):
    page = opened(color_scheme="dark")
    figure = explored(page)
    assert page.pdf()[:5] == b"%PDF-"
    page.emulate_media(media="print")
    assert figure.locator("img").is_visible()
    assert not any(one.is_visible() for one in page.locator("nav, .control, .explorer").all())
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
