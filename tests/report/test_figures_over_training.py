"""Diagnostics over training, steps to a threshold, papers' figures with our runs: what they show and admit."""

from dataclasses import replace
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from builders.made_up_study import ACCIDENTS, CRASHED, DIVERGED, MISSING, OPTIONS, STALE, write
from matplotlib.colors import to_hex

from suite.analysis import results as statistics
from suite.analysis.declared import Declared
from suite.analysis.results_file import read_results
from suite.analysis.traces import TRACED
from suite.analysis.types import RedrawnPanel, Results
from suite.errors import UsageError
from suite.report import figures
from suite.report.figures import curves, diagnostics, redrawn, speed, threshold
from suite.study.config import Report

DECLARED = Declared(Report(resamples=100))
TASKS = ("HalfCheetah-v5", "Pendulum-v1")


def made_up(folder, change=None, **options) -> Results:
    """The results of the made-up study; change: of its tables before, folder -> None."""
    write(folder, **options)
    if change:
        change(folder)
    statistics.main(folder, **OPTIONS, declared=DECLARED)
    return read_results(folder)


def learning(folder) -> None:
    """Alpha falls where it is learned and stays where it is fixed; losses span decades; nothing of entropy is known."""
    table = pd.read_parquet(folder / "diagnostics.parquet")
    learned = ~table["variant"].str.contains("fixed|sac_v1", regex=True)
    shrinking = np.exp(-table["env_step"] / 2e4)
    table = table.assign(alpha=shrinking.where(learned, 0.2), critic_loss=1e4 * shrinking**4, entropy=np.nan)
    table.to_parquet(folder / "diagnostics.parquet")


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Results:
    folder = tmp_path_factory.mktemp("study")
    return made_up(folder, learning, tasks=TASKS, seeds=5, accidents=ACCIDENTS)


def question(results: Results, name: str):
    return next(one for one in results.ablations if one.name == name)


def drawn(content) -> SimpleNamespace:
    figure = content.draw(content.data)
    plt.close(figure)
    return SimpleNamespace(axes=figure.axes, titles=[axis.get_title() for axis in figure.axes], data=content.data,
                           labels=[axis.get_ylabel() for axis in figure.axes],
                           legend=[text.get_text() for text in figure.legends[0].texts])  # fmt: skip


def thick(axis) -> dict:
    """The colours of an axis's thick lines."""
    return [to_hex(line.get_color()) for line in axis.lines if line.get_linewidth() > 1 and len(line.get_xdata())]


def test_diagnostics_are_those_that_were_recorded(results):
    (content,) = diagnostics.over_training(question(results, "temperature"), results)
    data = content.data
    for cell in results.cells:
        if cell.task == "HalfCheetah-v5" and any(label.name == "temperature/learned" for label in cell.labels):
            rows = data[(data["task"] == cell.task) & (data["variant"] == "learned (baseline)")]
            mean = rows[(rows["series"] == "mean") & (rows["diagnostic"] == "alpha")]
            assert list(mean["value"]) == pytest.approx(np.exp(-mean["env_step"].astype(float) / 2e4), rel=1e-4)
            assert set(rows["seed"].dropna()) == {0, 1, 2, 3, 4}
    once = drawn(content)
    assert [name.replace("\n", " ") for name in once.labels] == ["temperature α", "", "Q bias", "", "critic loss", ""]
    assert once.titles == ["HalfCheetah-v5", "Pendulum-v1", "", "", "", ""]
    assert [axis.get_yscale() for axis in once.axes] == ["linear"] * 4 + ["log"] * 2
    assert once.legend == ["learned (baseline)", "fixed"]


def test_arms_of_diagnostics_have_the_colours_of_their_learning_curves(results):
    ablation = question(results, "factorial")
    (content,) = diagnostics.over_training(ablation, results)
    of_curves = drawn(curves.learning_curves(curves.lines_of(ablation, results), results))
    of_steps = drawn(threshold.reached(ablation, results))
    once = drawn(content)
    marks = ("random policy", "a run failed", "a run diverged")
    assert once.legend == [name for name in of_curves.legend if name not in marks] == of_steps.legend
    assert len(set(thick(once.axes[0]))) == 8 and set(thick(once.axes[0])) == set(thick(of_curves.axes[0]))


def test_what_is_not_recorded_or_never_moves_is_left_out_and_named(results):
    (content,) = diagnostics.over_training(question(results, "temperature"), results)
    assert "as no run recorded it: entropy (nats), actor loss, critic's gradient" in content.caption
    assert "no arm moves it" not in content.caption and "axis is logarithmic" in content.caption
    fixed = [replace(one, runs=tuple(run._replace(values=run.values | {"alpha": (0.2,) * len(one.env_steps)})
                                     for run in one.runs), mean=dict(one.mean))
             if one.cell.task == "Pendulum-v1" else one for one in results.traces]  # fmt: skip
    still = [replace(one, mean={name: x for name, x in one.mean.items() if name != "alpha"}) for one in fixed]
    (content,) = diagnostics.over_training(question(results, "critics"), replace(results, traces=tuple(still)))
    assert "as no arm moves it: temperature α on Pendulum-v1." in content.caption
    once = drawn(content)
    assert once.titles == ["HalfCheetah-v5", "", "Pendulum-v1", "", ""] and len(once.axes) == 5


def test_without_any_diagnostic_there_is_no_figure(tmp_path):
    """As of imported runs; nothing is drawn of what has none, and the rest is drawn as ever."""

    def forget(folder):
        table = pd.read_parquet(folder / "diagnostics.parquet")
        table[["q_bias", "entropy", "alpha"]] = np.nan
        table.to_parquet(folder / "diagnostics.parquet")

    results = made_up(tmp_path, forget, tasks=("Pendulum-v1",), seeds=1)
    assert all(trace.runs == () and trace.mean == {} for trace in results.traces)
    kinds = [picture.kind for picture in figures.pictures(results)]
    assert "diagnostics" not in kinds and "threshold" in kinds
    assert list(diagnostics.over_training(question(results, "critics"), results)) == []


def test_runs_that_failed_are_thin_lines_alone_and_set_no_axis(results):
    single = replace(results, ablations=(question(results, "critics"),))
    exploding = []
    for trace in results.traces:
        failed = {run.seed for run in results.cell(trace.cell).seeds if run.status in ("diverged", "crashed")}
        runs = [run._replace(values={name: tuple(1e9 for _ in x) for name, x in run.values.items()})
                if run.seed in failed else run for run in trace.runs]  # fmt: skip
        exploding.append(replace(trace, runs=tuple(runs)))
    (content,) = diagnostics.over_training(single.ablations[0], replace(single, traces=tuple(exploding)))
    assert max(axis.get_ylim()[1] for axis in drawn(content).axes) < 1e5
    assert [picture.name for picture in figures.pictures(single) if picture.kind == "diagnostics"] == (
        ["diagnostics-critics"]
    )


def test_many_tasks_are_several_figures_of_the_same_colours(results):
    ablation = question(results, "temperature")
    table = ablation.tables[0]
    many = replace(ablation, tables=(table,) * 3 + (replace(table, arms=table.arms[1:]),))
    first, second = diagnostics.over_training(many, results)
    assert drawn(first).legend == ["learned (baseline)", "fixed"] and drawn(second).legend == ["fixed"]
    assert set(thick(drawn(second).axes[0])) < set(thick(drawn(first).axes[0]))
    names = [picture.name for picture in figures.pictures(replace(results, ablations=(many,)))]
    assert names.count("diagnostics-temperature") == names.count("diagnostics-2-temperature") == 1


def test_a_trace_leaves_stale_runs_out_and_averages_finished_ones(results):
    by_label = {(trace.cell.task, results.cell(trace.cell).variant.name): trace for trace in results.traces}
    for task, variant, seed in (STALE, MISSING):
        assert seed not in {run.seed for run in by_label[task, variant].runs}
    for task, variant, seed in (DIVERGED, CRASHED):
        trace = by_label[task, variant]
        finished = {run.seed: run.values["q_bias"] for run in trace.runs if run.seed != seed}
        assert len(finished) == 4
        assert trace.mean["q_bias"] == pytest.approx(np.mean(list(finished.values()), axis=0), rel=1e-3)


def test_steps_to_the_threshold_are_those_of_the_learning_curves(results):
    for curve in results.curves:
        scale = OPTIONS["anchors"][curve.task]
        halfway = (scale.random + scale.reference) / 2
        assert curve.reached.threshold == halfway and len(curve.reached.runs) == curve.n_scored
        for run in curve.reached.runs:
            (one,) = (one for one in curve.runs if one.seed == run.seed)
            first = [at for at, value in zip(one.env_steps, one.values, strict=True) if value >= halfway][:1]
            assert (run.observed, run.env_step) == (bool(first), first[0] if first else curve.env_steps)
        share = [np.mean([not (run.observed and run.env_step <= at) for run in curve.reached.runs])
                 for at in curve.reached.env_steps]  # fmt: skip
        assert curve.reached.waiting == pytest.approx(share)


def test_the_share_that_reached_it_rises_to_what_the_results_say(results):
    content = threshold.reached(question(results, "critics"), results)
    data = content.data
    ((place, rows), *_) = data[data["variant"] == "single"].groupby(["task", "implementation"])
    cell = next(one for one in results.curves if one.task == place[0] and one.variant.name == "critics/single")
    shares = rows[rows["series"] == "share"]
    assert shares["share"].iloc[0] == 0 and shares["share"].is_monotonic_increasing
    assert shares["share"].max() == pytest.approx(1 - min(cell.reached.waiting))
    late = [run.seed for run in cell.reached.runs if not run.observed]
    assert list(rows[rows["series"] == "censored"]["seed"]) == late
    assert "No p value is drawn" in content.caption and "n finished / n planned" in content.caption
    for axis in drawn(content).axes:
        assert all(set(np.diff(line.get_ydata()) >= 0) <= {True} for line in axis.lines if line.get_marker() != "+")


def never(results: Results, tasks) -> Results:
    """The same, no run of these tasks having reached the threshold."""
    late = []
    for one in results.curves:
        if one.task in tasks:
            runs = tuple(run._replace(observed=False, env_step=one.env_steps) for run in one.reached.runs)
            waiting = replace(one.reached, runs=runs, env_steps=(one.env_steps,), waiting=(1.0,))
            one = replace(one, reached=waiting)
        late.append(one)
    return replace(results, curves=tuple(late))


def test_where_no_arm_reached_the_threshold_nothing_is_drawn_and_the_caption_says_so(results):
    ablation = question(results, "critics")
    late = never(results, TASKS[:1])
    content = threshold.reached(ablation, late)
    assert f"no run of any arm got there: {TASKS[0]} (torch)." in content.caption
    assert set(content.data["task"].dropna()) == {TASKS[1]}
    nowhere = never(results, TASKS)
    assert threshold.reached(ablation, nowhere) is None
    assert not any(picture.kind == "threshold" for picture in figures.pictures(nowhere))
    caption = curves.learning_curves(curves.lines_of(ablation, nowhere), nowhere).caption
    assert "No run was seen half of the way" in caption and f"reference on {', '.join(TASKS)}." in caption
    assert "No run was seen half" not in curves.learning_curves(curves.lines_of(ablation, results), results).caption


def test_a_task_without_a_reference_has_no_threshold(tmp_path):
    write(tmp_path, tasks=TASKS, seeds=2)
    anchors = {"Pendulum-v1": OPTIONS["anchors"]["Pendulum-v1"]}
    statistics.main(tmp_path, **OPTIONS | {"anchors": anchors, "second_anchors": {}}, declared=DECLARED)
    results = read_results(tmp_path)
    assert {curve.task for curve in results.curves if curve.reached is None} == {"HalfCheetah-v5"}
    content = threshold.reached(question(results, "critics"), results)
    assert "as there is no reference return: HalfCheetah-v5 (torch)." in content.caption


PACE = '{"100": 1.0, "200": 3.0}'


def made_at(pace: str, variants=("sac_v1", "sac_v2")) -> pd.DataFrame:
    """A table of two runs of each variant."""
    place = {"task": "Pendulum-v1", "implementation": "jax", "pace": pace}
    return pd.DataFrame([{**place, "variant": name, "seed": seed} for name in variants for seed in (0, 1)])


def test_the_speed_is_of_the_steps_and_seconds_since_the_evaluation_before():
    content = speed.over_training(made_at(PACE))
    assert content.data["steps_per_s"].tolist() == [100.0, 50.0] * 4
    figure = drawn(content)
    assert figure.legend == ["sac_v1", "sac_v2"] and [axis.get_ylim()[0] for axis in figure.axes] == [0]
    many = drawn(speed.over_training(made_at(PACE, variants=[f"arm {n}" for n in range(7)])))
    assert many.legend == [speed.ALL]


def test_runs_that_do_not_tell_their_pace_have_no_speed_and_a_damaged_pace_is_refused():
    assert speed.over_training(made_at("{}")) is None
    assert speed.over_training(made_at(PACE).drop(columns="pace")) is None
    with pytest.raises(UsageError, match=r"pace is not what gather writes: run `python -m suite gather`"):
        speed.over_training(made_at('{"100": "soon"}'))


def test_papers_figures_are_drawn_where_a_study_has_their_tasks_and_presets(results):
    assert [(one.name, [panel.task for panel in one.panels]) for one in results.redrawn] == [
        ("1801.01290-1", ["HalfCheetah-v5"]), ("1812.05905-1", ["HalfCheetah-v5"]),
    ]  # fmt: skip
    for figure, preset in zip(results.redrawn, ("sac_v1", "sac_v2"), strict=True):
        (panel,) = figure.panels
        assert [results.cell(key).variant.name for key in panel.cells] == [preset] and panel.last_step == 3_000_000
        content = redrawn.redrawn(figure, results)
        assert "Humanoid (rllab)" in content.caption and "Panels of the original" in content.caption
        assert f"{figure.paper}, {figure.number}" in content.caption and "logarithmic" in content.caption
        (axis,) = drawn(content).axes
        assert axis.get_xscale() == "log" and axis.get_xlim()[1] >= 3_000_000
        seeds = content.data[content.data["series"] == "ours"]["seed"].nunique()
        (stroke,) = (line for line in axis.lines if line.get_linewidth() == 0.5)
        assert np.isnan(stroke.get_ydata()).sum() + 1 == seeds == 5  # in one stroke, a gap between two of them
    published = {curve.reference.source: curve for curve in results.redrawn[1].panels[0].published}
    assert published["sac_v2_paper_by_pfrl"].mean == (15000.0,)
    assert published["sac_v2_paper_by_cleanrl"].env_steps == (1_000_000,)


def test_a_study_without_the_papers_tasks_redraws_nothing(tmp_path):
    results = made_up(tmp_path, tasks=("Pendulum-v1",), seeds=1)
    assert results.redrawn == () and not any(picture.kind == "redrawn" for picture in figures.pictures(results))


def renamed(folder, **names) -> None:
    """Labels of the study by others, in every table."""
    for name in ("manifest", "runs", "evaluations", "diagnostics"):
        path = folder / f"{name}.parquet"
        table = pd.read_parquet(path)
        columns = [column for column in ("preset", "label", "variant") if column in table]
        table.assign(**{column: table[column].replace(names) for column in columns}).to_parquet(path)


def test_spinning_ups_curve_stands_beside_ours_with_its_band(tmp_path):
    def change(folder):
        renamed(folder, sac_v1="spinningup", sac_v2="a_preset_of_ones_own_with_a_name_that_is_long")

    results = made_up(tmp_path, change, tasks=("HalfCheetah-v5",), seeds=1)
    (figure,) = results.redrawn
    curves_published = {curve.reference.variant: curve for curve in figure.panels[0].published}
    assert curves_published["pytorch"].n == 10 and curves_published["pytorch"].env_steps[-1] == 3_000_000
    assert min(curves_published["pytorch"].sd) > 0
    content = redrawn.redrawn(figure, results)
    once = drawn(content)
    assert len(once.axes[0].collections) == 2 and "one sample standard deviation" in content.caption
    assert "over 10 runs" in content.caption and "Smoothed over 11 epochs" in content.caption
    assert content.caption.count("openai/spinningup@") == 1 and "published: spinningup tf1" in once.legend


def test_what_was_published_of_another_environment_is_not_drawn_beside_ours(results):
    figure = results.redrawn[0]
    (panel,) = figure.panels
    other = replace(panel, environment="Walker2d-v1", task="Walker2d-v5", published=())
    content = redrawn.redrawn(replace(figure, panels=(panel, other)), results)
    assert "Nothing published that can be held against: Walker2d-v1, ours: Walker2d-v5." in content.caption
    alone = redrawn.redrawn(replace(figure, panels=(other,)), results)
    assert "no numbers are published" in alone.caption and "Diamonds" not in alone.caption


def test_panels_of_a_question_have_its_arms_in_their_colours(results):
    table = question(results, "critics").tables[0]
    keys = tuple(table.key_of(arm) for arm in table.arms)
    panel = RedrawnPanel("Ant-v1", table.task, 60_000, "critics", keys, ())
    figure = replace(results.redrawn[0], number="figure 3", panels=(panel,))
    once = drawn(redrawn.redrawn(figure, results))
    assert once.legend == ["critics twin (baseline)", "critics single", "our budget"]
    arms = drawn(curves.learning_curves(curves.lines_of(question(results, "critics"), results), results))
    assert thick(once.axes[0]) == thick(arms.axes[0])
    assert once.axes[0].get_xscale() == "linear" and once.axes[0].get_xlim() == (0, 60_000)


def test_traces_are_of_the_cells_in_their_order(results):
    assert [trace.cell for trace in results.traces] == [cell.key for cell in results.cells]
    assert results.trace(results.cells[1].key) is results.traces[1]


def test_an_arm_without_a_single_run_is_left_blank(tmp_path):
    lost = {(task, variant, seed): ("missing", None) for task in TASKS for seed in (0, 1)
            for variant in ("critics/single", "sac_v1")}  # fmt: skip
    results = made_up(tmp_path, learning, tasks=TASKS, seeds=2, accidents=lost)
    (content,) = diagnostics.over_training(question(results, "critics"), results)
    assert drawn(content).legend == drawn(threshold.reached(question(results, "critics"), results)).legend
    assert "twin (baseline)" in drawn(content).legend and "single on Pendulum-v1 (torch) 0/2" in content.caption
    assert [figure.name for figure in results.redrawn] == ["1812.05905-1"]


def test_what_is_traced_is_what_is_drawn():
    assert tuple(diagnostics.NAMES) == TRACED
