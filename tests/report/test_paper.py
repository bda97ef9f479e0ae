"""The compact tables and the PDF of them: a mark is earned, a column has one precision, and all of it compiles."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import matplotlib.figure
import pandas as pd
import pytest
from builders.made_up_study import OPTIONS, write

from suite.analysis import results as statistics
from suite.analysis.declared import Declared
from suite.analysis.results_file import read_results, write_results
from suite.analysis.types import AblationResult, Label, Results
from suite.errors import UsageError
from suite.report import paper, tables
from suite.report.paper_table import PaperTable, paper_tables
from suite.report.tex import paper_latex
from suite.study import config

ROOT = Path(__file__).resolve().parents[2]
SPITEFUL = r"50% of a_b & {c}#~^\d|<e>$±†"
PDFLATEX = shutil.which("pdflatex")


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("studies") / "demo"
    write(folder, seeds=5, tasks=("Pendulum-v1", "HalfCheetah-v5"), implementations=("torch",))
    statistics.main(folder, **OPTIONS, declared=Declared(config.Report(resamples=200)))
    return folder


@pytest.fixture(scope="module")
def results(study) -> Results:
    return read_results(study)


def table_of(results: Results, ablation: str) -> PaperTable:
    (table,) = [one for one in paper_tables(results) if one.ablation == ablation]
    return table


def marked(table: PaperTable) -> list[tuple[str, str]]:
    return [(row.variant, task) for row in table.rows for task, cell in row.cells.items() if cell.best]


# --- what is marked


def with_means(results: Results, means: dict[str, tuple], p: float = 0.01, **cells) -> Results:
    """The results with one ablation on one task, of arms with these (mean, low, high); the first one is the baseline.

    p: adjusted, of every arm's difference to the baseline; cells: fields of every cell.
    """
    (like,) = [one for one in results.ablations if one.name == "temperature"]
    table = like.tables[0]
    template, difference = results.cell(table.key_of(table.arms[0])), table.arms[1].difference
    made, arms = [], []
    for name, (mean, low, high) in means.items():
        label, first = Label("", "made", name), not arms
        one = replace(template, run_id=name, variant=label, labels=(label,), **{"learned": "learned", **cells})
        made.append(replace(one, mean=replace(one.mean, estimate=mean, low=low, high=high)))
        tested = replace(difference, difference=mean - made[0].mean.estimate, p_adjusted=p)
        arms.append(replace(table.arms[0], arm=name, label=label, variant=label, run_id=name, baseline=first,
                            difference=None if first else tested))  # fmt: skip
    ablation: AblationResult = replace(like, name="made", tables=(replace(table, arms=tuple(arms)),))
    return replace(results, cells=tuple(made), ablations=(ablation,))


@pytest.mark.parametrize(
    ("means", "p", "best"),
    [
        ({"a": (1.0, 0.5, 1.5), "b": (2.0, 1.2, 2.8)}, 0.05, "b"),  # by the test, though the intervals overlap
        ({"a": (1.0, 0.9, 1.1), "b": (2.0, 1.9, 2.1)}, 0.051, None),  # not by the intervals, where there is a test
        ({"a": (2.0, 1.5, 2.5), "b": (1.0, 0.5, 1.5)}, 0.01, "a"),  # the baseline, where all are worse
        ({"a": (1.0, 0.9, 1.1), "b": (2.0, 1.9, 2.1), "c": (3.0, 2.2, 3.8)}, 0.01, "c"),
        ({"a": (1.0, 0.9, 1.1), "b": (2.0, 1.9, 2.3), "c": (3.0, 2.2, 3.8)}, 0.01, None),  # b and c are not apart
        ({"a": (1.0, 0.9, 1.1), "b": (2.0, None, None), "c": (3.0, 2.2, 3.8)}, 0.01, None),  # b is of one run
        ({"a": (1.0, 0.9, 1.1), "b": (1.0, 0.9, 1.1)}, 0.01, None),  # the very same
        ({"a": (1.0, 0.9, 1.1)}, 0.01, None),  # alone
    ],
)
def test_the_best_is_marked_only_where_it_is_shown_to_be(results, means, p, best):
    table = table_of(with_means(results, means, p), "made")
    assert marked(table) == ([(best, table.tasks[0])] if best else [])
    assert ("Bold: shown to be the best" in table.caption) == bool(best)
    assert ("none is marked" in table.caption) == (not best and len(means) > 1)


def test_what_has_not_learned_is_not_the_best(results):
    means = {"a": (1.0, 0.9, 1.1), "b": (2.0, 1.9, 2.1)}
    for learned, mark in ((None, True), ("learned", True), ("undecided", False), ("not learned", False)):
        assert bool(marked(table_of(with_means(results, means, learned=learned), "made"))) == mark


def test_without_a_test_intervals_decide_and_only_between_returns_of_one_kind(results):
    """Presets are not tested against each other, and a training return is none that was evaluated."""
    made = with_means(results, {"a": (1.0, 0.9, 1.1), "b": (2.0, 1.9, 2.1)})
    presets = tuple(replace(cell, labels=(Label(cell.run_id, "", ""),)) for cell in made.cells)
    assert [name for name, _ in marked(table_of(replace(made, cells=presets), ""))] == ["b"]
    other = (presets[0], replace(presets[1], kind="training"))
    assert marked(table_of(replace(made, cells=other), "")) == []
    longer = (presets[0], replace(presets[1], env_steps=2 * presets[1].env_steps))
    assert marked(table_of(replace(made, cells=longer), "")) == []


# --- how it is printed


@pytest.mark.parametrize(
    ("means", "printed"),
    [
        ({"a": (-1234.56, -1244.56, -1224.56), "b": (12.0, 8.6, 15.4)}, ["−1,235 ± 10", "12 ± 3"]),
        ({"a": (9358.4, 9358.1, 9358.7), "b": (8514.5, 6605.0, 10424.2)}, ["9,358.4 ± 0.3", "8,514.5 ± 1,909.6"]),
        ({"a": (-0.0001, None, None), "b": (123.4, None, None)}, ["0", "123"]),
        ({"a": (0.5, 0.5, 0.5), "b": (None, None, None)}, ["0.500 ± 0.000", "–"]),
    ],
)
def test_a_column_has_one_precision(results, means, printed):
    made = with_means(results, {"a": means["a"], "b": (0.0, None, None)})
    mean = replace(made.cells[1].mean, **dict(zip(("estimate", "low", "high"), means["b"], strict=True)))
    made = replace(made, cells=(made.cells[0], replace(made.cells[1], mean=mean)))
    table = table_of(made, "made")
    shown = [table.printed(row, table.tasks[0]).replace("\u00a0", " ").rstrip("†") for row in table.rows]
    assert shown == printed


def test_csv_page_and_latex_say_what_the_results_say(study, results, tmp_path):
    tables.write(results, pd.read_parquet(study / "runs.parquet"), tmp_path)
    for table in paper_tables(results):
        name = f"paper-{table.ablation}" if table.ablation else "paper"
        rows = pd.read_csv(tmp_path / f"{name}.csv", keep_default_na=False)
        assert len(rows) == sum(len(row.cells) for row in table.rows) and set(rows["task"]) == set(table.tasks)
        tex = (tmp_path / f"{name}.tex").read_text()
        assert tex.startswith(f"% {results.study}: {table.caption}\n")
        assert tex.count(r"\bfseries") == len(marked(table)) == rows["best"].astype(str).eq("True").sum()
        assert tex.count(r"\midrule") == 1 and tex.count("S[") == len(table.tasks)
    presets = pd.read_csv(tmp_path / "paper.csv")
    for cell in results.cells:
        for label in (one for one in cell.labels if one.preset):
            (row,) = presets[(presets["task"] == cell.task) & (presets["variant"] == label.name)].itertuples()
            assert row.mean == pytest.approx(cell.mean.estimate) and row.n == cell.n_scored
            assert row.half_width == pytest.approx((cell.mean.high - cell.mean.low) / 2)
    assert "sacPaperCriticsCaption" in (tmp_path / "macros.tex").read_text()


def test_fewer_runs_than_planned_bear_a_mark_that_the_caption_explains(results):
    table = table_of(results, "")
    fewer = [row.cells[task].n < row.cells[task].n_planned for row in table.rows for task in row.cells]
    shown = ["†" in table.printed(row, task) for row in table.rows for task in row.cells]
    assert shown == fewer and ("†: of fewer runs than planned" in table.caption) == any(fewer)


@pytest.mark.skipif(not PDFLATEX, reason="no LaTeX is installed: texlive-latex-recommended and texlive-science have it")
def test_the_tables_compile_whatever_the_names(study, results, tmp_path):
    spiteful = tuple(
        replace(one, name=f"{one.name}{SPITEFUL}", tables=tuple(
            replace(table, arms=tuple(replace(arm, arm=f"{arm.arm}{SPITEFUL}") for arm in table.arms))
            for table in one.tables
        )) for one in results.ablations
    )  # fmt: skip
    runs = pd.read_parquet(study / "runs.parquet")
    tables.write(replace(results, ablations=spiteful), runs, tmp_path)
    captions = re.findall(r"\\newcommand\{(\\sacPaper\w*Caption)\}", (tmp_path / "macros.tex").read_text())
    inputs = [rf"\input{{{path.stem}}}" for path in sorted(tmp_path.glob("*.tex")) if path.stem != "macros"]
    document = [r"\documentclass{article}\usepackage{booktabs,siunitx}\input{macros}\begin{document}",
                *captions, *inputs, r"\end{document}"]  # fmt: skip
    (tmp_path / "all.tex").write_text("\n\n".join(document))
    compiled(tmp_path, "all.tex")


@pytest.mark.skipif(not PDFLATEX, reason="no LaTeX is installed: texlive-latex-recommended and texlive-science have it")
def test_the_paper_that_shows_how_compiles_with_its_study(tmp_path):
    """Its macros and tables are those of results/released/answers, whose report is stood in for by their names."""
    text = (ROOT / "paper" / "paper.tex").read_text()
    report = tmp_path / "reports" / "answers"
    (report / "tables").mkdir(parents=True)
    names = set(re.findall(r"\\(sac[A-Z]\w*)", text))
    (report / "tables" / "macros.tex").write_text("".join(rf"\newcommand{{\{name}}}{{1}}" + "\n" for name in names))
    (report / "tables" / "paper-critics.tex").write_text("a table")
    picture(report / "figures" / "curves-critics.pdf")
    shutil.copytree(ROOT / "paper", tmp_path / "paper")
    compiled(tmp_path / "paper", "paper.tex")


def compiled(folder: Path, name: str) -> None:
    command = [PDFLATEX, "-interaction=nonstopmode", "-halt-on-error", name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=300)
    assert done.returncode == 0, done.stdout[-2000:]


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure = matplotlib.figure.Figure(figsize=(3, 2))
    figure.subplots().plot([0, 1])
    figure.savefig(path)


# --- the PDF


def drawn(out: Path) -> Path:
    """A report's folder with four figures, of which two are a paper's."""
    index = [
        {"name": name, "kind": name.partition("-")[0], "ablation": ablation, "title": f"A {name} & <so on>",
         "caption": "What *it* shows # and $ why_so.", "files": []}
        for name, ablation in (("curves-critics", "critics"), ("answers", ""), ("profiles", ""), ("suite", "critics"))
    ]  # fmt: skip
    for entry in index:
        picture(out / "figures" / f"{entry['name']}.pdf")
    (out / "figures" / "index.json").write_text(json.dumps(index))
    return out


def test_the_pdf_has_the_studys_main_figures_and_tables(study, results, tmp_path):
    pytest.importorskip("typst", reason="the extra paper is not installed")
    path = paper.main(study, drawn(tmp_path))
    assert path == tmp_path / "paper.pdf" and path.read_bytes().startswith(b"%PDF")
    content = json.loads((tmp_path / "paper" / "paper.json").read_text())
    assert [figure["path"] for figure in content["figures"]] == ["figures/answers.pdf", "figures/curves-critics.pdf"]
    assert [table["caption"] for table in content["tables"]] == [one.caption for one in paper_tables(results)]
    assert [one["question"] for one in content["answers"]] == [one.question for one in results.ablations]
    before = path.read_bytes()
    assert paper.main(study, tmp_path).read_bytes() == before
    assert {one.name for one in tmp_path.iterdir()} == {"figures", "paper", "paper.pdf"}


def test_names_mean_nothing_to_typst(study, results, tmp_path):
    pytest.importorskip("typst", reason="the extra paper is not installed")
    table = replace(results.ablations[0], question=f"*{SPITEFUL}* @x = [#panic()] `", name=f"#{SPITEFUL}")
    write_results(tmp_path / "study", replace(results, study="#panic()", ablations=(table, *results.ablations[1:])))
    assert paper.main(tmp_path / "study", drawn(tmp_path)).is_file()


def test_without_figures_or_typst_a_sentence_says_what_to_do(study, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"index.json is missing: run `python -m suite figures`"):
        paper.main(study, tmp_path)
    assert list(tmp_path.iterdir()) == []
    drawn(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "typst", None)
    with pytest.raises(UsageError, match="pip install typst"):
        paper.main(study, tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["figures"]


def test_wide_tables_of_many_arms_are_built_without_a_scale(results):
    """Of 40 arms in two implementations, rows of one stand together and name it."""
    made = with_means(results, {f"arm {n}": (float(n), n - 0.4, n + 0.4) for n in range(40)})
    second = replace(made.ablations[0].tables[0], implementation="jax")
    cells = (*made.cells, *(replace(cell, implementation="jax") for cell in made.cells))
    ablation = replace(made.ablations[0], tables=(*made.ablations[0].tables, second))
    table = table_of(replace(made, cells=cells, ablations=(ablation,)), "made")
    assert [row.implementation for row in table.rows] == ["torch"] * 40 + ["jax"] * 40
    assert marked(table) == [("arm 39", table.tasks[0])] * 2 and "the best of its implementation" in table.caption
    assert paper_latex(table).count(r"\midrule") == 2
