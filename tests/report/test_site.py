"""The site: every link leads somewhere, every page says what the data say, and nothing is fetched from elsewhere."""

from __future__ import annotations

import html
import posixpath
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pandas as pd
import pytest
from builders.runs import ROOT

from suite.analysis.types import Counts
from suite.published.reading import load
from suite.report import site, summary
from suite.report.answers import QuestionAnswered
from suite.report.files import IndexEntry, write_index
from suite.report.site import markdown, matrix, navigation, published, studies
from suite.report.summary import Summary
from suite.specimens import switches
from suite.specimens.catalogue import load_ablation, shipped_ablation_names

ZENSICAL = ROOT / ".venv-docs" / "bin" / "zensical"
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]*))?\)")
SENTENCE = "On Pendulum-v1: single is WORSE than twin by 21 % of what learning gains."


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    """A study's report with one question, and as much of its folder as the site takes."""
    folder = tmp_path_factory.mktemp("reports") / "small"
    (folder / "figures").mkdir(parents=True)
    (folder / "tables").mkdir()
    asked = QuestionAnswered("critics", "Are two <b>needed</b>?", "REFUTED", SENTENCE, ("WORSE",))
    counts = Counts(
        planned=4, finished=3, diverged=1, crashed=0, timeout=0, interrupted=0, missing=0, invalid=0, stale=0
    )
    summary.write(Summary("small", counts, (asked,), ("The gate: PASS.",), (), ""), folder)
    files = tuple(f"curves-critics.{kind}" for kind in ("pdf", "svg", "png", "csv"))
    for name in files:
        (folder / "figures" / name).write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    index = IndexEntry("curves-critics", "curves", "critics", "Learning curves", "Seeds: 4.", files)
    write_index(folder / "figures" / "index.json", [index])
    (folder / "report.html").write_text("<title>small</title>")
    return folder


@pytest.fixture(scope="module")
def pages(report) -> dict[str, str]:
    return site.texts([studies.read(report)])


def anchors(text: str) -> set[str]:
    """Those of a page's headings, as the site's slugs make them."""
    without_code = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", without_code, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_every_link_of_every_page_leads_to_a_page_a_file_or_a_heading(pages, report):
    files = {name for _, name in site.files([studies.read(report)])}
    drawn = {f"published/{one.source}.{kind}" for one in load() for kind in ("pdf", "svg", "png", "csv")}
    figures = {f"studies/small/figures/{path.name}" for path in (report / "figures").iterdir()}
    for name, text in pages.items():
        for target, heading in LINK.findall(re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)):
            to = posixpath.normpath(posixpath.join(posixpath.dirname(name), target)) if target else name
            assert to in pages or to in files | drawn | figures, f"{name} links to {target}"
            assert not heading or heading in anchors(pages[to]), f"{name} links to {target}#{heading}"


def leaves(tree) -> list[str]:
    """The pages that a navigation names, however deep."""
    if isinstance(tree, str):
        return [tree]
    inner = tree.values() if isinstance(tree, dict) else tree
    return [name for part in inner for name in leaves(part)]


def test_every_document_question_and_source_is_in_the_navigation(pages):
    named = set(leaves(navigation.tree(pages)))
    assert named <= set(pages)
    assert all(name.startswith("source/") for name in set(pages) - named), "only files that pages lead to are beside it"
    assert {f"questions/{name}.md" for name in shipped_ablation_names()} <= named


def test_what_a_study_found_stands_on_the_first_page_and_on_the_questions(pages):
    found = "\n: " + markdown.escaped(SENTENCE)
    assert found in pages["index.md"] and "[Are two \\<b\\>needed\\</b\\>?](questions/critics.md)" in pages["index.md"]
    assert "the 3 runs" in pages["index.md"] and f"to 1 of its {len(shipped_ablation_names())}" in pages["index.md"]
    assert "The gate: PASS." in pages["index.md"]
    assert markdown.escaped(SENTENCE) in pages["questions/critics.md"]
    assert "curves-critics.svg" in pages["questions/critics.md"] and "Seeds: 4." in pages["questions/critics.md"]
    assert "{ .verdict .refuted }" in pages["questions/index.md"]
    assert "No released study asks this yet." in pages["questions/tau.md"]


def test_a_question_says_what_was_declared(pages):
    one, text = load_ablation("critics"), pages["questions/critics.md"]
    assert markdown.escaped(one.expected) in text and "Margin: 10 %" in text
    for arm in one.arms:
        assert f"| `{arm.name}` |" in text
    assert "[critics](../switches.md#critics) is 1" in text and "https://arxiv.org/abs/1802.09477" in text


def test_without_reports_the_site_says_so():
    assert "No report has been made" in site.start.pages([])["index.md"]


def test_a_folder_without_a_summary_that_is_understood_is_no_study(tmp_path):
    assert studies.read(tmp_path) is None
    (tmp_path / "summary.json").write_text("{}")
    assert studies.read(tmp_path) is None


def test_every_published_number_is_drawn_and_cited(pages):
    for name in sorted({one.source for one in load()}):
        of_source = [one for one in load() if one.source == name]
        data, text = published.curves(of_source).data, pages[f"published/{name}.md"]
        means = data[data["series"] == published.MEAN]
        assert len(means) == sum(len(one.summaries) for one in of_source)
        assert len(data) - len(means) == sum(len(values) for one in of_source for values in one.values.values())
        for one in of_source:
            assert f"https://github.com/{one.repository}/tree/{one.commit}" in text
            assert markdown.escaped(" ".join(one.place.split())) in text


def test_curves_and_single_steps_are_drawn_from_the_table_beside_them(tmp_path):
    for name in ("jaxrl", "cleanrl"):
        of_source = [one for one in load() if one.source == name]
        site.published.save(published.curves(of_source), tmp_path / name)
        again = pd.read_csv(tmp_path / f"{name}.csv")
        assert set(again["environment"]) == {one.environment for one in of_source}
        assert "<svg" in (tmp_path / f"{name}.svg").read_text()


@pytest.mark.parametrize(
    ("words", "kind"),
    [("TOO FEW SEEDS", "too-few-seeds"), ("3 EQUIVALENT", "equivalent"), ("1 WORSE, 2 BETTER", "mixed")],
)
def test_a_verdict_has_the_class_of_its_kind(words, kind):
    assert markdown.verdict(words) == f"**{words}**{{ .verdict .{kind} }}"


class Addresses(HTMLParser):
    """What a page of HTML leads to, what it fetches, and the names of its parts."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = dict(attributes)
        self.names |= {value for key in ("id", "name") if (value := known.get(key))}
        if tag == "a" and (link := known.get("href")):
            self.links.append(link)
        if source := known.get("src") or (known.get("href") if tag == "link" else None):
            self.fetched.append(source)


def read_html(path: Path) -> Addresses:
    addresses = Addresses()
    addresses.feed(path.read_text(encoding="utf-8"))
    return addresses


@pytest.mark.skipif(not ZENSICAL.exists(), reason="what makes the site is not set up (make .venv-docs/ready)")
def test_the_built_site_has_no_dead_link_and_fetches_nothing_from_elsewhere(report, tmp_path, monkeypatch):
    monkeypatch.setattr(published, "draw", _placeholders)
    site.write(tmp_path, [report])
    built = subprocess.run([ZENSICAL, "build", "--strict", "--config-file", "mkdocs.yml"], cwd=tmp_path, text=True,
                           capture_output=True)  # fmt: skip
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    read = {path: read_html(path) for path in (tmp_path / "site").rglob("*.html")}
    assert len(read) > 200 and (tmp_path / "site" / "search.js").is_file()
    for path, page in read.items():
        if path.name == "404.html":  # for servers: its links begin at the server's root
            continue
        for address in (*page.links, *page.fetched):
            _check(address, path, read, fetched=address in page.fetched)


def _placeholders(folder: Path) -> None:
    """In place of the curves, whose drawing is tested above."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in load():
        for kind in ("pdf", "svg", "png", "csv"):
            (folder / f"{one.source}.{kind}").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")


def _check(address: str, path: Path, read: dict[Path, Addresses], fetched: bool) -> None:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        assert not fetched or parts.scheme == "data", f"{path.name} fetches {address}"
        return
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    assert target.is_file(), f"{path.name} leads to {address}"
    if parts.fragment and target in read:
        assert unquote(parts.fragment) in read[target].names, f"{path.name} leads to {address}"


def test_the_matrix_has_every_switch_that_differs_in_every_code_base(pages):
    entries = {field: of for field, of in switches.every_entry().items() if not switches.agree(of)}
    rows = re.findall(r'<tr><th><a href="switches\.html#(\w+)">\1</a></th>(.*)</tr>', pages["matrix.md"])
    assert [field for field, _ in rows] == list(entries)
    for field, cells in rows:
        assert f"\n### {field}\n" in pages["switches.md"], "what it links to"
        cells_shown = re.findall(r'<td(?: class="other(\d)")? title="([^"]*)">([^<]*)</td>', cells)
        assert len(cells_shown) == len(entries[field])
        for (shade, full, brief), one in zip(cells_shown, entries[field], strict=True):
            assert html.unescape(full).startswith(f"{one.preset}: ") and brief.endswith("*") == bool(one.per_task)
            others = [entry.preset for entry in entries[field] if entry.value == one.value]
            same = [entry.preset for entry, cell in zip(entries[field], cells_shown, strict=True)
                    if cell[2].rstrip("*") == brief.rstrip("*")]  # fmt: skip
            assert same == others, "a value's words are its own"
            assert shade or len(others) == max(
                sum(entry.value == other.value for entry in entries[field]) for other in entries[field]
            )


def test_values_in_brief_are_told_apart():
    assert matrix.briefly(["min", "`Clip(low=-20.0, high=2.0)`", "`Clip(low=-5.0, high=2.0)`", "`Exp()`"]) == {
        "min": "min", "`Clip(low=-20.0, high=2.0)`": "Clip a", "`Clip(low=-5.0, high=2.0)`": "Clip b", "`Exp()`": "Exp",
    }  # fmt: skip
