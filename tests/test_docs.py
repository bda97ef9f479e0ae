"""The documents: that generated ones are current, links lead somewhere, and what they show is what there is."""

from __future__ import annotations

import ast
import re

import pandas as pd
import pytest
from builders.runs import ROOT

from suite.cli import pages
from suite.specimens import catalogue

DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md"), *ROOT.glob("results/*.md")]
)
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)]*))?\)")


def code_blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / name).read_text(), flags=re.DOTALL)


def test_the_page_of_the_commands_is_current():
    assert pages.write(check=True) == [], "write it anew: python -m suite docs"


def test_a_check_of_the_page_writes_nothing_and_writing_settles_it(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "PATH", tmp_path / "cli.md")
    assert pages.write(check=True) == ["docs/cli.md"] and not (tmp_path / "cli.md").exists()
    assert pages.write(check=False) == ["docs/cli.md"]
    assert pages.write(check=True) == []


def test_the_page_has_every_command_with_its_options():
    text = pages.page()
    for command in ("sweep", "check", "baseline save", "contract", "docs"):
        assert f"\n## {command}\n" in text
    assert "## manifest" not in text, "a hidden command is nobody's to call"
    assert "--against-baseline TEXT" in text


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(document):
    for target, heading in LINK.findall(document.read_text()):
        file = (document.parent / target).resolve() if target else document
        assert file.exists(), f"{document.name} links to {target}"
        if heading:
            titles = re.findall(r"^#+ (.*)$", file.read_text(), flags=re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
            assert heading in anchors, f"{document.name} links to {target}#{heading}"


def test_the_readme_is_short_and_shows_a_result():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 60
    assert "docs/figures/whose_sac.png" in text and (ROOT / "docs/figures/whose_sac.png").stat().st_size < 150_000


def test_every_file_that_the_architecture_names_exists():
    for name in re.findall(
        r"`((?:suite|tests|implementations)/[\w/]+\.(?:py|csv))`", (ROOT / "docs/architecture.md").read_text()
    ):
        assert (ROOT / name).exists(), name


def test_the_engine_and_the_ablation_of_the_worked_examples_are_real(tmp_path, monkeypatch):
    ablation, engine = code_blocks("docs/extending.md", "python")
    assert engine == (ROOT / "suite/specimens/numpy_engine.py").read_text()
    assert ast.parse(ablation)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ablations").mkdir()
    (tmp_path / "ablations/averaging.py").write_text(ablation)
    assert "averaging" in catalogue.ablation_names() and "averaging" not in catalogue.shipped_ablation_names()
    arms = {arm.name: arm for arm in catalogue.load_ablation("averaging").arms}
    assert catalogue.resolve("sac_v2", "Hopper-v5", arms["fast"].changes)[0].tau == 0.05


def test_the_goals_that_the_page_of_relatives_names_are_those_of_its_figures_data():
    data = pd.read_csv(ROOT / "docs/figures/goals.csv")
    ends = data[data["series"] == "episode"].groupby(["policy", "n"], sort=False)["goal"].first()
    soft_q, mixture, gaussian = (ends[name].value_counts().to_dict() for name in data["policy"].unique())
    page = " ".join((ROOT / "docs/relatives.md").read_text().split())
    assert f"(east {soft_q[0]}, west {soft_q[1]}, north {soft_q[2]}, south {soft_q[3]})" in page
    assert f"(north {gaussian[2]}, west {gaussian[1]})" in page and set(gaussian) == {1, 2}
    assert set(mixture) == {3} and "all of its episodes go south" in page
