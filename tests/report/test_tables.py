"""What a study leaves for a paper: LaTeX that compiles, macros that say what results.json says, p values with their
families, and a page that says when its margins were declared."""

import html
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from builders.made_up_study import OPTIONS, write

from suite.analysis import results as statistics
from suite.analysis.declared import Declared
from suite.analysis.results_file import read_results, write_results
from suite.analysis.types import Declaration, DeclarationEntry, DeclaredSections, Departure, Label, Results
from suite.errors import UsageError
from suite.report import files, tables
from suite.report import page as report
from suite.report.declared import history_in_words
from suite.report.families import out_of_reach
from suite.report.tex import escaped, latex, macros
from suite.study import config
from suite.study.declaration import Change

FIGURES = {
    **{name: "suite" for name in ("aggregates", "profiles")},
    **{f"{kind}-critics": "ablation-critics" for kind in ("suite", "interaction", "curves")},
    **{"equivalence-curves": "implementations", "unheard-of": "final", "published-Pendulum-v1-jax-sac_v2": "check"},
}
"""Name of a figure -> the section it belongs to."""
SPITEFUL = r"50% of a_b & {c}#~^\d|<e>$"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path]:
    """A study of three seeds in two implementations, and its report, for which few figures were drawn."""
    study, out = tmp_path_factory.mktemp("studies") / "demo", tmp_path_factory.mktemp("report")
    write(study, seeds=3, tasks=("Pendulum-v1",), implementations=("torch", "jax"))
    statistics.main(study, **OPTIONS, declared=Declared(config.Report(resamples=200)))
    drawn(study, out)
    return study, out


def drawn(study: Path, out: Path) -> str:
    """The page, with a picture of each of FIGURES."""
    index = [
        {"name": name, "kind": name.partition("-")[0], "ablation": "critics" if "critics" in name else "",
         "title": f"picture of {name}", "caption": "", "files": []}
        for name in FIGURES
    ]  # fmt: skip
    (out / "figures").mkdir()
    (out / "figures" / "index.json").write_text(json.dumps(index))
    for name in FIGURES:
        (out / "figures" / f"{name}.svg").write_text(f"<svg>{name}</svg>")
        (out / "figures" / f"{name}.csv").write_text("task,implementation,variant,series,status\n")
    report.main(study, out, config_text="", command="make run")
    return (out / "report.html").read_text()


@pytest.fixture(scope="module")
def results(made) -> Results:
    return read_results(made[0])


def commands(text: str) -> dict[str, tuple[str, str, str]]:
    """Name -> what the comment above says it is, the value there, and the value that is printed."""
    head, *lines = text.splitlines()
    assert head.startswith("% ")
    found = {}
    for comment, command in zip(lines[::2], lines[1::2], strict=True):
        name, printed = re.fullmatch(r"\\newcommand\{\\([A-Za-z]+)\}\{(.*)\}", command).groups()
        what, value = re.fullmatch(r"% (.*): (.*)", comment).groups()
        assert name not in found
        found[name] = what, value, printed
    return found


def test_every_headline_number_is_a_macro_and_says_what_the_results_say(made, results):
    found = commands((made[1] / "tables" / "macros.tex").read_text())
    by_meaning = {what: (value, printed) for what, value, printed in found.values()}
    assert len(by_meaning) == len(found)
    expected = {"runs planned": results.counts.planned, "level of the intervals in percent": 95.0}
    for row in results.aggregates:
        what = f"IQM of {row.variant} ({row.implementation}) over 1 tasks"
        expected |= {what: row.iqm.estimate, f"{what}, low end of its interval": row.iqm.low}
    for row in results.cells:
        cell = f"{row.variant} ({row.implementation}) on {row.task}"
        expected[f"mean final return of {cell}, high end of its interval"] = row.mean.high
        expected[f"runs averaged of {cell}"] = row.n_scored
    for row in results.agreements:
        pair = f"torch and jax, {row.variant} on Pendulum-v1"
        expected |= {f"verdict on {pair}": row.equivalence.verdict,
                     f"difference of {pair}": row.difference.difference}  # fmt: skip
        expected[f"p_adjusted of the equivalence of {pair}"] = row.equivalence.p_adjusted
    effects = [(one.name, over_tasks.implementation, effect) for one in results.ablations
               for over_tasks in one.over_tasks for effect in over_tasks.effects]  # fmt: skip
    for ablation, implementation, effect in effects:
        what = f"{effect.name} in {ablation} ({implementation}) over all tasks"
        expected |= {f"effect of {what}": effect.estimate, f"adjusted p of {what}": effect.p_adjusted}
    assert len(effects) == 18 and len(results.agreements) == 9
    for what, value in expected.items():
        whole, printed = by_meaning[what]
        assert whole == str(value), what
        if isinstance(value, float) and "p" not in what.split(" of ")[0]:
            plain = printed.replace(r"\ensuremath{-}", "-").replace("{,}", "")
            assert float(plain) == pytest.approx(value, rel=6e-4)
    assert found["sacAggregateJaxSacVTwoIqmLow"][0] == "IQM of sac_v2 (jax) over 1 tasks, low end of its interval"
    assert found["sacDeclaration"][1:] == ("none", "none")


def test_an_iqm_without_an_interval_prints_no_brackets():
    """The range of three runs stood in them, under the heading of 95 % intervals; it stands beside the median."""
    row = {"task": "a", "implementation": "b", "variant": "c", "n_finished": 3, "n_planned": 3, "sd": 1.0,
           "mean_estimate": 2.5, "mean_low": 1.5, "mean_high": 3.5, "iqm_estimate": 2.25, "iqm_low": None,
           "iqm_high": None, "median": 2.125, "lowest": 1.75, "highest": 4.5}  # fmt: skip
    cells = latex([row], tables.PRINTED["cells"]).splitlines()[4].rstrip("\\ ").split(" & ")
    assert cells[4:] == ["2.5 [1.5, 3.5]", "2.25", "1", "2.125 [1.75, 4.5]"]


def test_names_that_spell_alike_stay_apart(results):
    first = results.aggregates[0]
    alike = tuple(replace(first, variant=preset(name)) for name in ("sac v2", "sac_v2", "Sac-V2"))
    found = commands(macros(replace(results, aggregates=alike)))
    assert [name for name in found if re.fullmatch("sacAggregateTorchSacVTwoIqm(Again)*", name)] == [
        "sacAggregateTorchSacVTwoIqm", "sacAggregateTorchSacVTwoIqmAgain", "sacAggregateTorchSacVTwoIqmAgainAgain"
    ]  # fmt: skip


def preset(name: str) -> Label:
    return Label(name, "", "")


def test_tables_for_latex_hold_together_whatever_the_names(made, results, tmp_path):
    for kind in ("cells", "aggregates", "improvements", "agreements"):
        rows = tuple(replace(row, variant=preset(SPITEFUL)) for row in getattr(results, kind))
        results = replace(results, **{kind: rows})
    runs = pd.read_parquet(made[0] / "runs.parquet")
    for folder in ("a", "b"):
        tables.write(results, runs, tmp_path / folder)
    files = sorted(path.name for path in (tmp_path / "a").glob("*.tex"))
    assert set(files) == {f"{name}.tex" for name in (
        "cells", "aggregates", "improvement", "equivalence", "check", "macros", "factorial-factorial",
        "paper",
        *(f"{kind}-{name}" for kind in ("ablation", "suite", "paper")
          for name in ("temperature", "critics", "factorial")),
    )}  # fmt: skip
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    for name in (one for one in files if one != "macros.tex" and not one.startswith("paper")):
        comment, *lines = (tmp_path / "a" / name).read_text().splitlines()
        assert comment.startswith("% ") and r"\pm" not in "".join(lines)
        form = re.fullmatch(r"\\begin\{tabular\}\{([lr]+)\}", lines[0]).group(1)
        assert lines[-1] == r"\end{tabular}"
        assert [line for line in lines if line.endswith("rule")] == [r"\toprule", r"\midrule", r"\bottomrule"]
        rows = [line for line in lines[1:-1] if not line.endswith("rule")]
        assert len(rows) > 1 and all(row.endswith(r" \\") for row in rows)
        for row in rows:
            bare = re.sub(r"\\[&%$#_{}]|\\ensuremath\{(\\times|[-<>|])\}|\\text[a-z]+\{\}", "", row[:-3])
            assert bare.count("&") == len(form) - 1
            assert not set(bare) & set("%$#_^\\{}<>|−×"), bare
    assert escaped(SPITEFUL) in (tmp_path / "a" / "cells.tex").read_text()


def test_p_values_stand_beside_their_adjusted_ones_in_the_csv(made, results):
    table = pd.read_csv(made[1] / "tables" / "equivalence.csv")
    for name in ("p", "p_adjusted", "margin", "difference_low", "superiority_p", "curve_p"):
        assert table[name].notna().all()
    assert list(table["p_adjusted"]) == pytest.approx([row.equivalence.p_adjusted for row in results.agreements])
    assert (table["p_adjusted"] >= table["p"]).all() and set(table["family_size"]) == {9}
    assert "p" not in pd.read_csv(made[1] / "tables" / "simple-factorial.csv")
    check = pd.read_csv(made[1] / "tables" / "check.csv")
    for name in ("env_step", "verdict", "margin", "role", "p_fail_adjusted", "sentence"):
        expected = pd.Series([getattr(row, name) for row in results.check], name=name)
        expected = expected.astype(float) if name == "p_fail_adjusted" else expected
        pd.testing.assert_series_equal(check[name], expected, check_dtype=False)
    assert list(check["published_n"]) == [3] * 6 and not {"ours_values", "published_values"} & set(check)
    assert list(check["family"].fillna("none")) == [
        *("torch sac_v2", "torch sac_v2", "none", "jax sac_v2", "jax sac_v2", "none")
    ]


def test_the_page_says_when_what_was_declared(made, tmp_path, results):
    sections = DeclaredSections(
        check=config.Check(),
        equivalence=results.settings.equivalence,
        families=config.Families(exploratory="holm"),
        report=config.Report(resamples=200),
        anchors="0123456789abcdef",
    )
    reworded = Change(("questions", "critics", "expected"), "Twin < single.", "The baseline is better.", 0)
    came = Change(("questions", "temperature"), None, {"expected": "The baseline is better."}, 0)
    asked = Change(("questions", "factorial", "question"), "Is it so?", "What does factorial change?", 0)
    history = (
        DeclarationEntry("a" * 64, "", 40, 0, ()), DeclarationEntry("b" * 64, "", 40, 12, (reworded, came, asked)),
    )  # fmt: skip
    departure = Departure("families.exploratory", "holm", "bh")
    study = tmp_path / "study"
    shutil.copytree(made[0], study)
    entries = [{"when": "2026-02-03T14:05:06+00:00"}, {"when": "2026-02-04T00:00:00+00:00"}]
    (study / "declaration.json").write_text(json.dumps({"history": entries}))
    changed = replace(results, declaration=Declaration(sections, "b" * 64, history), departures=(departure,))
    write_results(study, changed)
    page = drawn(study, tmp_path)
    for words in history_in_words(changed.declaration, [entry["when"] for entry in entries]):
        assert f"<p>{html.escape(words)}</p>" in page
    assert '<div class="warn"><p>First declared on 2026-02-03 at 14:05 UTC, before any of its 40 planned' in page
    assert "b" * 64 in page and sections.anchors in page
    assert "families.exploratory was declared as holm, and bh was used" in page
    assert "equivalence.margin was declared" not in page
    assert page.count("Expected beforehand: ") == 2 and "Expected beforehand: Twin &lt; single.<br>" in page
    assert "Expected, reworded after 12 records existed:</span> The baseline is better." in page
    assert "Expected, put on record after 12 records existed:</span> The baseline is better." in page
    assert "The question, reworded after 12 records existed; declared beforehand:</span> Is it so?" in page
    assert "questions" not in pd.read_csv(tmp_path / "tables" / "declaration.csv")["changes"].iloc[1]
    macros_of_page = commands((tmp_path / "tables" / "macros.tex").read_text())
    assert macros_of_page["sacDeclaration"][1:] == ("b" * 64, "b" * 10)


@pytest.mark.parametrize("name", ["sources.json", "declaration.json"])
@pytest.mark.parametrize("text", ["[1]", '{"a": 3}', '{"history": 3}', '{"a": {"sources": 5}}', '{"a": {"x": ""}}'])
def test_a_gathered_file_of_another_shape_is_refused_in_a_sentence(made, tmp_path, name, text):
    (tmp_path / name).write_text(text)
    for file in made[0].iterdir():
        shutil.copy(file, tmp_path)
    with pytest.raises(UsageError, match=rf"{name} is (damaged|not what this suite writes).*`python -m suite gather`"):
        files.study_of(tmp_path)


def test_without_a_declaration_the_page_claims_none(made):
    page = (made[1] / "report.html").read_text()
    assert "Expected beforehand" not in page and "Expected, with no declaration on record:</span> The baseline" in page
    assert "nothing here may be called declared beforehand" in page
    assert re.search(r"<th>Declared beforehand\?</th><td><span class=\"short\">not answered", page)
    assert re.search(
        r"<th>How much compute\?</th><td>1\.515 core-hours over 54 runs, on cpu; by the clock 1\.515 hours", page
    )


def test_the_page_says_where_so_few_seeds_cannot_reach_significance(made, results):
    page = (made[1] / "report.html").read_text()
    assert "cannot reach significance on its own, whatever the returns: its p is at least 0.1, and the least of" in page
    few = results.ablations[0].tables[0].arms[1].difference
    assert out_of_reach([None, replace(few, family_size=1)], results)
    enough = replace(few, permutation=replace(few.permutation, floor=0.0079))
    assert out_of_reach([None, replace(enough, family_size=6)], results) == ""
    assert "must be at most 0.05/7 = 0.0071" in out_of_reach([replace(enough, family_size=7)], results)
    assert "significance, whatever" in out_of_reach([replace(few, family="ablation")], results)


def test_every_figure_stands_in_its_section(made):
    page = (made[1] / "report.html").read_text()
    sections = re.split(r'<h[23] id="([a-z-]+)">', page)
    for name, section in FIGURES.items():
        holding = [
            one for one, text in zip(sections[1::2], sections[2::2], strict=True) if f"picture of {name}" in text
        ]
        assert holding == [section]
