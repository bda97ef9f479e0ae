"""From a made-up study to its results, figures and report: no run vanishes, and none is averaged away."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders.made_up_study import (
    ACCIDENTS,
    BUDGET,
    DIVERGED,
    EVERY,
    NOTES,
    OPTIONS,
    RANDOM_POLICY,
    plan,
    write,
)
from markupsafe import escape

from suite import wording
from suite.analysis import results as statistics
from suite.analysis.check_rows import CheckFile, CheckLook
from suite.analysis.declared import Declared
from suite.analysis.plan_accuracy import FORECAST, USED
from suite.analysis.results_file import read_results, write_check, write_results
from suite.analysis.types import CellResult, Declaration, DeclarationEntry, Label, Results
from suite.errors import UsageError
from suite.gate import outcome as verdicts
from suite.report import comparisons, figures, presets
from suite.report import page as report
from suite.report.answers import QuestionAnswered
from suite.report.files import read_csv, write_csv
from suite.statistics import two_samples as compare
from suite.study.config import Report


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path]:
    """A study of one task with one accident of each kind: its folder and the folder of its report."""
    study, out = tmp_path_factory.mktemp("studies") / "demo", tmp_path_factory.mktemp("report")
    write(study, tasks=("Pendulum-v1",), accidents=ACCIDENTS)
    statistics.main(study, **OPTIONS, declared=Declared(Report(resamples=2_000)))
    figures.main(study, out)
    report.main(study, out, config_text="tasks: [Pendulum-v1] # <&>", command="make run")
    return study, out


@pytest.fixture(scope="module")
def results(made) -> Results:
    return read_results(made[0])


def cell(results: Results, variant: str) -> CellResult:
    return next(cell for cell in results.cells if cell.variant.name == variant)


def finals(study: Path, variant: str) -> dict[int, float]:
    """Each seed's mean return over the episodes of the last 10 % of the budget, straight from the table."""
    episodes = pd.read_parquet(study / "evaluations.parquet")
    late = episodes[(episodes["variant"] == variant) & (episodes["env_step"] > 0.9 * BUDGET)]
    return late.groupby("seed")["return"].mean().to_dict()


def test_a_diverged_run_is_averaged_at_the_floor(made, results):
    found = cell(results, "sac_v1")
    own = finals(made[0], "sac_v1")
    assert set(own) == {0, 2, 3, 4}
    assert (found.n_planned, found.n_finished, found.n_diverged, found.n_scored) == (5, 4, 1, 5)
    expected = (sum(own.values()) + RANDOM_POLICY["Pendulum-v1"]) / 5
    assert found.mean.estimate == pytest.approx(expected)
    assert found.complete_case.estimate == pytest.approx(np.mean(list(own.values())))
    assert found.mean.estimate < found.complete_case.estimate - 100
    assert found.failure_rate.estimate == 0.2


def test_absent_and_stale_runs_are_listed_and_not_averaged(made, results):
    found, own = cell(results, "sac_v2"), finals(made[0], "sac_v2")
    assert (found.n_planned, found.n_finished, found.n_missing, found.n_scored) == (5, 4, 1, 4)
    assert found.mean.estimate == pytest.approx(np.mean(list(own.values())))
    worst = (sum(own.values()) + RANDOM_POLICY["Pendulum-v1"]) / 5
    assert found.bounds.worst == pytest.approx(worst)
    stale, own = cell(results, "temperature/fixed"), finals(made[0], "temperature/fixed")
    assert len(own) == 5 and (stale.n_stale, stale.n_finished, stale.n_scored) == (1, 4, 4)
    assert stale.mean.estimate == pytest.approx(np.mean([own[seed] for seed in (1, 2, 3, 4)]))


def test_the_ledger_names_every_run_that_did_not_finish(made, results):
    named = {(run.task, run.variant.name, run.seed) for run in results.ledger}
    assert named == set(ACCIDENTS)
    page = (made[1] / "report.html").read_text().replace("<wbr>", "")
    for run in results.ledger:
        place = rf'{run.task}<br>.*?{run.variant}</td><td>{run.run_id}</td><td class="n">{run.seed}</td>'
        assert re.search(rf"<tr><td>{place}<td>{run.status}", page)
    assert "Pendulum-v1 (50,000 steps); 5 seeds planned in every cell." in page
    assert "diverged at environment step 18,300 of 50,000; the critic&#39;s loss is NaN; scored -1220" in page
    assert "made by other code (code_id old)" in page
    assert "crashed at environment step 1,000 of 50,000" in page
    assert results.counts.planned == 45
    assert results.counts.finished == 42 and results.counts.missing == results.counts.stale == 1


def test_the_mean_curve_drops_to_the_floor_where_a_run_diverged(results):
    curve = next(curve for curve in results.curves if curve.variant.name == "sac_v1")
    assert curve.grid == tuple(range(EVERY, BUDGET + 1, EVERY))
    diverged = next(run for run in curve.runs if run.status == "diverged")
    assert diverged.env_steps[-1] == 17_500 and diverged.stopped_at == 18_300
    at = curve.grid.index(20_000)
    finished = [run.values[at] for run in curve.runs if run.status == "finished"]
    assert curve.mean[at] == pytest.approx((sum(finished) + RANDOM_POLICY["Pendulum-v1"]) / 5)
    assert curve.mean[at] < curve.mean[at - 1] - 50
    assert curve.band.quantile > 2
    assert next(curve for curve in results.curves if curve.variant.name == "sac_v2").band is None  # 4 of 5 runs


def test_arms_are_compared_with_the_shared_baseline(made, results):
    ablation = next(ablation for ablation in results.ablations if ablation.name == "temperature")
    baseline, arm = ablation.tables[0].arms
    assert baseline.baseline and baseline.variant.name == "sac_v2" and baseline.difference is None
    ours = [value for seed, value in finals(made[0], "temperature/fixed").items() if seed != 0]
    expected = compare.welch(np.array(ours), np.array(list(finals(made[0], "sac_v2").values())), 0.95)
    for name in ("difference", "low", "high", "p", "df"):
        assert getattr(arm.difference.welch, name) == pytest.approx(getattr(expected, name))
    assert arm.difference.pairs.seeds == (1, 3, 4)  # one is missing of the baseline, one of the arm is stale


def test_the_factorial_finds_the_effects_that_were_put_in(results):
    ablation = next(ablation for ablation in results.ablations if ablation.name == "factorial")
    effects = {effect.name: effect for effect in ablation.tables[0].factorial.effects}
    assert len(effects) == 7
    assert effects["critics"].low > 0 and effects["alpha"].low > 0
    assert effects["value_net"].low < 0 < effects["value_net"].high


def test_every_figure_and_table_is_written_and_the_page_loads_nothing(made):
    _, out = made
    index = json.loads((out / "figures" / "index.json").read_text())
    names = [entry["name"] for entry in index]
    for name in ("temperature", "critics", "factorial"):
        assert {f"curves-{name}", f"effects-{name}"} <= set(names)
    assert {"curves-presets", "final", "factorial-factorial"} <= set(names) and len(names) == len(set(names))
    for entry in index:
        assert len(entry["files"]) == 4
        assert all((out / "figures" / file).stat().st_size > 100 for file in entry["files"])
        assert "n finished / n planned" in entry["caption"]
        assert re.search(r"\binterval|simultaneous", entry["caption"])
    page = (out / "report.html").read_text()
    assert page.count("data:image/") == len(index)
    assert not re.search(r"""src=["'](?!data:)|href=["'](?!#|figures/)|@import|url\(|<script [^t]|<link""", page)
    assert "tasks: [Pendulum-v1] # &lt;&amp;&gt;" in page and "make run" in page
    for name in ("cells", "scores", "ledger", "ablation-factorial", "factorial-factorial", "check", "provenance"):
        assert len(pd.read_csv(out / "tables" / f"{name}.csv")) > 0
    assert len(pd.read_csv(out / "tables" / "scores.csv")) == 45
    assert 'class="PASS"' in page


def test_every_verdict_leads_to_its_figure_its_numbers_and_its_sentence(made, results):
    page = (made[1] / "report.html").read_text()
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))
    leads = re.findall(r'<a class="mark ([^"]+)" href="#(check-[^"]+)" title="([^"]+)"', page)
    assert len(leads) == len(results.check) == 3
    name, *blocks = re.split(r'<div class="block" id="([^"]+)">(.*?)</details>', page, flags=re.DOTALL)[1:-1]
    (block,) = blocks
    for row in results.check:
        kinds = [row.verdict, *(kind for kind in ("advisory", "gated") if getattr(row, kind))]
        assert (" ".join(kinds), name, str(escape(row.sentence))) in leads
        for text in (row.sentence, row.citation, row.caveat):
            assert str(escape(text)) in block
        for value in (row.ours.mean, row.published.mean, row.margin, row.difference):
            assert wording.number(value) in block
    assert block.count("data:image/") == 1 and "published-Pendulum-v1-torch-sac_v2.csv" in block
    assert page.index("<details", page.index('id="check"')) < page.index(f'id="{name}"')  # a link opens what is folded
    warned = '1 primary endpoint of the <a href="#check">regression check</a> <b class="FAIL">FAILs</b> against'
    (row,) = (one for one in results.check if one.fails)
    where = f"{row.variant} on {row.task} ({row.implementation}) at {row.env_step:,} steps against {row.reference}"
    assert f"{warned} published results, so the gate fails: {escape(where)}." in page
    assert comparisons.failing_in_words([row] * 6) == "; ".join([*[where] * 4, "2 more"])
    assert comparisons.failing_in_words([one for one in results.check if not one.fails]) == ""
    assert f"<b>G{verdicts.gate_line(results.check)[1:]}.</b> Of the study's 9 cells 1 has" in page


def late(*records: int) -> Declaration:
    """A history of declarations after so many records."""
    history = tuple(DeclarationEntry("a" * 64, "", 40, have, ()) for have in records)
    return Declaration(None, "a" * 64, history)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("declaration", "words"),
    [
        (None, "No declaration is on record: nothing below may be called"),
        (late(0), ""),
        (late(0, 12), "What stands below was declared after 12 records existed"),
        (late(1), "What stands below was declared after 1 record existed"),
    ],
)
def test_what_was_declared_late_is_said_above_the_answers(results, declaration, words):
    refuted, open_ = (
        QuestionAnswered("critics", "Two?", verdict, "So.", ("WORSE",)) for verdict in ("REFUTED", "TOO FEW SEEDS")
    )
    content = {"figures": [], "curves_of": {}, "beside_the_questions": [], "changed": ""}
    of_study = {"results": replace(results, declaration=declaration)}
    shown = report.html_of("answers.html.j2", content | of_study | {"answered": [open_]})
    assert words in shown and ('class="warn"' in shown) == bool(words)
    assert "CONFIRMED" not in shown and "CONFIRMED" in report.html_of(
        "answers.html.j2", content | of_study | {"answered": [refuted]}
    )


@pytest.mark.usefixtures("svg_alone")
def test_what_a_study_has_nothing_of_is_no_place_of_its_page(made, results, tmp_path):
    shutil.copytree(made[0], tmp_path / "demo")
    only_arms = [replace(one, labels=tuple(label for label in one.labels if label.ablation)) for one in results.curves]
    write_results(tmp_path / "demo", replace(results, agreements=(), curves=tuple(only_arms), redrawn=()))
    figures.main(tmp_path / "demo", tmp_path)
    report.main(tmp_path / "demo", tmp_path, config_text="tasks: [Pendulum-v1]", command="make run")
    page = (tmp_path / "report.html").read_text()
    assert 'id="curves"' in (made[1] / "report.html").read_text()
    assert not any(f'{what}"{sign}{place}"' in page for what, sign in (("href=", "#"), ("id=", ""))
                   for place in ("curves", "implementations"))  # fmt: skip


def test_the_dashboard_puts_every_row_at_its_step_whatever_their_number(results):
    first, *_ = results.check
    few = comparisons.overview([replace(first, env_step=step) for step in (5_000, 10_000, 1_250_000)])
    assert few.columns == ("5k", "10k", "1.25M") and few.column_per_step
    (line,) = few.lines[0]
    assert [[mark.aside for mark in column] for column in line.columns] == [[""]] * 3
    steps = [*range(50_000, 500_001, 50_000), 3_000_000]
    many = comparisons.overview(
        [replace(first, env_step=step, variant=name) for name in ("a/b", "c") for step in steps]
    )
    assert many.columns == ("50k", "100k", "200k", "300k", "500k", "3M") and not many.column_per_step
    assert [(cell.slug, cell.figure) for cell in many.cells] == [
        ("Pendulum-v1-torch-a-b", "published-Pendulum-v1-torch-a-b"),
        ("Pendulum-v1-torch-c", "published-Pendulum-v1-torch-c"),
    ]
    ((_,), (line,)) = many.lines
    assert [mark.row.env_step for column in line.columns for mark in column] == steps
    assert [[mark.aside for mark in column] for column in line.columns[:3]] == [[""], [""], ["150k", ""]]


LOOKED = (CheckLook(3, 0, 50.0, 0.2, 0.4, "INCONCLUSIVE", False), CheckLook(5, 0, 150.0, 0.001, 0.9, "FAIL", False))


@pytest.mark.parametrize("changes, words", [
    ({"n_needed": 1_234}, "needs n 1,234"),
    ({"n_needed": None}, "no n decides"),
    ({"n_needed": 9, "held_back": "PASS"}, "runs lack"),
    ({"n_needed": None, "basis": "a number", "role": "advisory"}, "adv."),
    ({"n_needed": None, "runs": 1}, "1 run"),
    ({"n_needed": None, "runs": 0, "role": "advisory"}, "no run, adv."),
    ({"verdict": "FAIL", "role": "primary", "looks": LOOKED}, "5 seeds"),
    ({"role": "primary", "looks": ()}, "no look"),
    ({"verdict": "FAIL"}, ""),
    ({"verdict": "SUSPICIOUSLY_BETTER"}, ""),
])  # fmt: skip
def test_under_a_verdict_stands_what_it_hangs_on(results, changes, words):
    first = results.check[0]
    ours = replace(first.ours, n=changes.get("runs", first.ours.n))
    fields = {"verdict": "INCONCLUSIVE", "role": "secondary", "held_back": None, **changes}
    row = replace(first, ours=ours, **{name: value for name, value in fields.items() if name != "runs"})
    (((line,),)) = comparisons.overview([row]).lines
    (((mark,),)) = line.columns
    assert mark.aside == words


def redrawn(made, folder: Path, more: list[dict]) -> dict[str, pd.DataFrame]:
    """The data of each figure by name, after copies of sac_v2's cell and curve under other names have joined."""
    results = read_results(made[0])
    (copied,) = (cell for cell in results.cells if cell.variant.name == "sac_v2")
    curve = results.curve(copied.key)
    cells = (*results.cells, *(replace(copied, **changes) for changes in more))
    curves = (*results.curves, *(replace(curve, **changes) for changes in more))
    write_results(folder, replace(results, cells=cells, curves=curves))
    figures.main(folder, folder / "out")
    index = json.loads((folder / "out" / "figures" / "index.json").read_text())
    return {entry["name"]: pd.read_csv(folder / "out" / "figures" / f"{entry['name']}.csv") for entry in index}


@pytest.mark.usefixtures("svg_alone")
def test_a_preset_in_several_implementations_is_drawn_in_one_panel(made, tmp_path):
    drawn = redrawn(made, tmp_path, [{"implementation": "package"}])["curves-implementations"]
    assert set(drawn["implementation"]) == {"torch", "package"} and set(drawn["variant"]) == {"sac_v2"}
    assert "curves-implementations" not in {entry.stem for entry in (made[1] / "figures").iterdir()}


@pytest.mark.usefixtures("svg_alone")
def test_many_presets_get_a_panel_each(made, tmp_path):
    labels = [Label(f"preset {n}", "", "") for n in range(figures.CROWD)]
    drawn = redrawn(made, tmp_path, [{"variant": label, "run_id": label.name, "labels": (label,)} for label in labels])
    assert "curves-presets" not in drawn
    assert set(drawn["curves-presets-Pendulum-v1"]["variant"]) == {
        "sac_v1",
        "sac_v2",
        *(label.name for label in labels),
    }


def test_presets_are_shown_with_their_state_and_what_they_do_not_reproduce(made, tmp_path):
    study = tmp_path / "demo"
    shutil.copytree(made[0], study)
    shutil.copytree(made[1] / "figures", tmp_path / "out" / "figures")
    told = {"state": "after", "reason": "its vectors are exceeded in torch", "not_reproduced": "its 2<3 policies"}
    (study / "sources.json").write_text(json.dumps({"sac_v1": told | {"sources": {"critics": "here:1"}}}))
    report.main(study, tmp_path / "out", config_text="", command="make run")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "its vectors are exceeded in torch" in page and "its 2&lt;3 policies" in page and "here:1" in page


@pytest.mark.parametrize("rounded", [0, 1])
def test_the_page_says_which_cells_are_not_of_their_presets_precision(made, tmp_path, rounded):
    study, runs = tmp_path / "demo", pd.read_parquet(made[0] / "runs.parquet")
    shutil.copytree(made[0], study)
    shutil.copytree(made[1] / "figures", tmp_path / "out" / "figures")
    fast = runs["run_id"].eq(runs["run_id"].iloc[0]) & bool(rounded)
    spec = fast.map({True: json.dumps({"precision": "bfloat16_hidden"}), False: json.dumps({"precision": "float32"})})
    runs.assign(spec=spec).to_parquet(study / "runs.parquet", index=False)
    report.main(study, tmp_path / "out", config_text="", command="make run")
    words = f"1 of {runs['run_id'].nunique()} cells are trained with the products between hidden layers in bfloat16"
    assert (words in (tmp_path / "out" / "report.html").read_text()) == bool(rounded)


def test_the_same_records_in_any_order_give_the_same_bytes(made, tmp_path):
    study, out = made
    again = tmp_path / "demo"
    again.mkdir()
    for name in ("runs", "evaluations", "diagnostics"):
        table = pd.read_parquet(study / f"{name}.parquet").sample(frac=1, random_state=1)
        table.to_parquet(again / f"{name}.parquet", index=False)
    for name in ("manifest.parquet", "ablations.json", "check.json"):
        (again / name).write_bytes((study / name).read_bytes())
    np.random.seed(7)  # noqa: NPY002 - the global generator must not matter
    statistics.main(again, **OPTIONS, declared=Declared(Report(resamples=2_000)), workers=2)
    assert (again / "results.json").read_bytes() == (study / "results.json").read_bytes()
    figures.main(again, tmp_path / "out")
    for path in sorted((out / "figures").iterdir()):
        assert (tmp_path / "out" / "figures" / path.name).read_bytes() == path.read_bytes(), path.name
    statistics.main(again, **OPTIONS, declared=Declared(Report(resamples=2_000, seed=1)))
    assert (again / "results.json").read_bytes() != (study / "results.json").read_bytes()


def study_of(tmp_path: Path, change=None, **options) -> Results:
    """The results of a study whose tables were changed in place before the statistics."""
    write(tmp_path, tasks=("Pendulum-v1",), **options)
    if change:
        tables = {
            name: pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("runs", "evaluations", "diagnostics")
        }
        for name, table in (tables | (change(tables) or {})).items():
            table.to_parquet(tmp_path / f"{name}.parquet", index=False)
    statistics.main(tmp_path, **OPTIONS, declared=Declared(Report(resamples=200)))
    return read_results(tmp_path)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_return_that_is_no_number_makes_a_finished_run_diverged(tmp_path, bad):
    def spoil(tables):
        rows = tables["evaluations"]
        here = (rows["variant"] == "sac_v1") & (rows["seed"] == 0) & (rows["env_step"] == 30_000)
        rows.loc[here & (rows["episode"] == 3), "return"] = bad

    found = cell(study_of(tmp_path, spoil, seeds=3), "sac_v1")
    run = found.seeds[0]
    assert (run.status, run.stopped_at, run.score) == ("diverged", 30_000, -1220.0)
    assert found.n_diverged == 1 and found.n_finished == 2


def test_a_run_evaluated_to_a_quarter_of_its_budget_is_not_scored(tmp_path):
    def cut(tables):
        rows = tables["evaluations"]
        late = (rows["variant"] == "sac_v1") & (rows["seed"] == 0) & (rows["env_step"] > BUDGET / 4)
        return {"evaluations": rows[~late]}

    found = cell(study_of(tmp_path, cut, seeds=3), "sac_v1")
    run = found.seeds[0]
    assert (run.status, run.score, found.n_invalid, found.n_scored) == ("invalid", None, 1, 2)
    assert "finished, but last evaluated at step 12,500 of 50,000" in run.sentence


HOSTILE = "=1+1<script>alert(1)</script>\n[x] & \\input{y} $z$ 100%"


@pytest.mark.usefixtures("svg_alone")
def test_what_a_record_brings_is_shown_as_text_in_every_format(tmp_path):
    """Messages, devices and versions are other people's: no formula, no command, no markup, and none may run."""

    def spoil(tables):
        hostile = {"device": HOSTILE, "versions": json.dumps({HOSTILE: HOSTILE}), "message": f"-{HOSTILE}"}
        return {"runs": tables["runs"].assign(**hostile)}

    study_of(tmp_path, spoil, seeds=2, accidents={DIVERGED: ("diverged", 18_300)})
    figures.main(tmp_path, tmp_path / "out")
    report.main(tmp_path, tmp_path / "out", config_text=HOSTILE, command=HOSTILE)
    page = (tmp_path / "out/report.html").read_text()
    assert "<script>alert" not in page and page.count(str(escape("<script>alert(1)"))) >= 4
    cells = pd.read_csv(tmp_path / "out/tables/provenance.csv")
    assert set(cells["device"]) == {f"'{HOSTILE}"} and cells["hours"].dtype == float
    for table in (tmp_path / "out").rglob("*.csv"):
        texts = pd.read_csv(table).select_dtypes(exclude=["number", "bool"]).astype(str).to_numpy().ravel()
        assert not [text for text in map(str, texts) if re.match(r"[=+@\t-](?![\d.]+$)", text)], table


def explorable(text: str) -> dict[str, dict]:
    """What the page's script draws, by the id of its figure."""
    pattern = r'<figure id="([^"]+)">(?:(?!</figure>).)*?<script type="application/json">(.*?)</script>'
    return {name: json.loads(data) for name, data in re.findall(pattern, text, re.DOTALL)}


def test_the_curves_to_explore_are_those_of_the_results_and_each_run_has_its_row(made, results):
    text = (made[1] / "report.html").read_text()
    (panel,) = explorable(text)["figure-curves-presets"]["panels"]
    curve = next(curve for curve in results.curves if curve.variant.name == "sac_v1")
    (line,) = (line for line in panel["lines"] if line["name"] == "sac_v1")
    assert panel["x"] == list(curve.grid) and panel["floor"] == RANDOM_POLICY["Pendulum-v1"]
    np.testing.assert_allclose(line["mean"], curve.mean, rtol=1e-4)
    np.testing.assert_allclose(line["low"], curve.band.low, rtol=1e-4)
    for seed, run in zip(line["seeds"], curve.runs, strict=True):
        assert (seed["seed"], seed["status"]) == (run.seed, run.status)
        assert seed["values"][len(run.values) :] == [None] * (len(panel["x"]) - len(run.values))
        np.testing.assert_allclose(seed["values"][: len(run.values)], run.values, rtol=1e-4)
        row = re.search(rf'<tr id="{seed["run"]}">.*?</tr>', text, re.DOTALL).group()
        assert f">{run.status}" in row and f"s{run.seed}-{BUDGET}.parquet" in row
    assert [seed["stopped"][0] for seed in line["seeds"] if seed["failed"]] == [18_300]


def test_every_planned_run_has_a_row_though_it_has_no_record(made, results):
    text = (made[1] / "report.html").read_text()
    rows = re.findall(r'<tr id="runs-[^"]+-seed-\d+">.*?</tr>', text, re.DOTALL)
    assert len(rows) == results.counts.planned
    assert sum(">missing<" in row for row in rows) == 1


def test_a_name_that_looks_like_a_formula_comes_back_from_its_csv(tmp_path):
    names = ["=1+1", "+entropy", "'quoted'", "NA", "", "plain"]
    write_csv(tmp_path / "t.csv", pd.DataFrame({"name": names, "value": [1.5, None, 3, 4, 5, 6]}))
    table = read_csv(tmp_path / "t.csv", texts=["name"])
    assert table["name"].tolist() == names and table["value"].isna().tolist() == [False, True] + [False] * 4


def test_without_the_charts_package_a_sentence_says_what_to_install(made, tmp_path, monkeypatch):
    shutil.copytree(made[1] / "figures", tmp_path / "figures")
    monkeypatch.setattr(report, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install uplot-python"):
        report.main(made[0], tmp_path, config_text="", command="")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
def test_the_pages_policy_lets_nothing_run_and_the_page_work(made, tmp_path):
    page = (made[1] / "report.html").read_text()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert "default-src 'none'" in policy and "unsafe" not in policy
    probe = "<script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">"
    for name, text in {"as_it_is": page, "injected": page.replace("</main>", f"{probe}</main>")}.items():
        file = tmp_path / f"{name}.html"
        file.write_text(text)
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / name}"]
        command += ["--enable-logging=stderr", "--v=0", "--virtual-time-budget=3000", "--dump-dom", file.as_uri()]
        seen = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert "<title>SAC Suite: demo</title>" in seen.stdout
        assert ("Content Security Policy" in seen.stderr) == (name == "injected"), seen.stderr


def test_a_planned_run_without_a_row_is_missing(tmp_path):
    def lose(tables):
        runs = tables["runs"]
        return {"runs": runs[~((runs["variant"] == "critics/single") & (runs["seed"] == 1))]}

    results = study_of(tmp_path, lose, seeds=3)
    found = cell(results, "critics/single")
    assert (found.n_planned, found.n_finished, found.n_missing) == (3, 2, 1)
    assert "no record of this planned run was found" in results.ledger[0].sentence


@pytest.mark.usefixtures("svg_alone")
def test_a_run_evaluated_with_sampled_actions_alone_is_used_and_said(tmp_path):
    def sample(tables):
        rows = tables["evaluations"]
        rows.loc[rows["variant"] == "sac_v1", "kind"] = "sample"

    results = study_of(tmp_path, sample, seeds=2)
    assert cell(results, "sac_v1").kind == "sampled" and cell(results, "sac_v1").n_scored == 2
    figures.main(tmp_path, tmp_path / "out")
    report.main(tmp_path, tmp_path / "out", config_text="", command="")
    assert "sampled instead of deterministic actions: sac_v1" in (tmp_path / "out" / "report.html").read_text()


def test_without_a_random_policy_the_floor_is_the_first_evaluation(tmp_path):
    write(tmp_path, tasks=("Pendulum-v1",), seeds=3, accidents={DIVERGED: ("diverged", 18_300)})
    statistics.main(tmp_path, random_policy={}, declared=Declared(Report(resamples=200)))
    results = read_results(tmp_path)
    curve = next(curve for curve in results.curves if curve.variant.name == "sac_v1")
    run = cell(results, "sac_v1").seeds[1]
    assert run.score == curve.runs[1].values[0]
    assert "its first evaluation" in run.sentence


@pytest.mark.usefixtures("svg_alone")
def test_a_study_of_which_nothing_ran_is_still_a_report(tmp_path):
    accidents = {("Pendulum-v1", row["label"], seed): ("missing", None) for row in plan() for seed in range(2)}

    def empty(tables):
        write_check(tmp_path, CheckFile((), NOTES))
        return {"runs": tables["runs"].assign(spec=None, schedule=None, versions=None, device=None, code_id=None)}

    results = study_of(tmp_path, empty, seeds=2, accidents=accidents)
    assert results.counts.finished == 0 and results.counts.missing == 18
    figures.main(tmp_path, tmp_path / "out")
    report.main(tmp_path, tmp_path / "out", config_text="", command="make run")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "0 of 18 planned runs finished" in page and "Nothing comparable in this study" in page
    assert str(escape(NOTES[0])) in page
    assert "a factorial needs at least one cell of scores" in page


@pytest.mark.usefixtures("svg_alone")
def test_a_single_seed_has_no_interval(tmp_path):
    results = study_of(tmp_path, seeds=1)
    found = cell(results, "sac_v2")
    assert found.mean.estimate == found.iqm.estimate and found.mean.low is None
    arm = results.ablations[0].tables[0].arms[1]
    assert arm.difference is None and "two scored runs on each side, here are 1 and 1" in arm.note
    figures.main(tmp_path, tmp_path / "out")
    report.main(tmp_path, tmp_path / "out", config_text="", command="make run")


@pytest.mark.parametrize("evaluations", [1, 2, 3])
@pytest.mark.usefixtures("svg_alone")
def test_runs_of_few_evaluations_have_what_so_few_can_tell(tmp_path, evaluations):
    def cut(tables):
        budget = evaluations * EVERY
        planned = pd.read_parquet(tmp_path / "manifest.parquet")
        short = {
            name: table.assign(env_steps=budget) for name, table in (("manifest", planned), ("runs", tables["runs"]))
        }
        return short | {"evaluations": tables["evaluations"].query(f"env_step <= {budget}")}

    curve = study_of(tmp_path, cut, seeds=2).curves[0]
    assert len(curve.grid) == evaluations
    assert (curve.area.estimate is None) == (evaluations < 2)
    assert (curve.reliability is None) == (evaluations < 3)


def test_without_its_results_a_study_has_no_figures_and_the_sentence_says_what_to_run(tmp_path):
    with pytest.raises(UsageError, match=r"results\.json is missing: run `python -m suite statistics`"):
        figures.main(tmp_path, tmp_path / "out")


def test_the_report_says_what_a_baseline_arm_is_in_what_others_change(results, made):
    runs = pd.read_parquet(made[0] / "runs.parquet")
    (critics,) = (one for one in results.ablations if one.name == "critics")
    assert presets.changes_of(critics, runs) == {"twin": ["critics: 2"], "single": ["critics: 1 instead of 2"]}
    text = (made[1] / "report.html").read_text()
    assert '<td class="name">twin (baseline)</td><td>critics: twin</td><td>critics: 2</td>' in text


def test_the_page_holds_the_forecast_against_what_was_used(made, tmp_path):
    study, out = (Path(shutil.copytree(folder, tmp_path / folder.name)) for folder in made)
    assert 'id="plan"' not in (out / "report.html").read_text(), "a table from before it was measured tells nothing"
    runs = pd.read_parquet(study / "runs.parquet")
    costs = {name: 3600.0 for name in FORECAST} | {name: 4500.0 for name in USED}
    runs.assign(**costs, by_the_clock=runs["seed"].eq(0)).to_parquet(study / "runs.parquet", index=False)
    report.main(study, out, config_text="tasks: []", command="make run")
    page = (out / "report.html").read_text().split('id="plan"')[1]
    finished = int(runs["status"].eq("finished").sum())
    row = rf'<td>all</td><td></td><td class="n">{finished}</td><td class="n">{finished}</td><td class="n">[0-9.]+</td>'
    assert (
        re.search(row + r'<td class="n">1.25</td>', page) and f"of {finished} runs whose records tell the clock" in page
    )
