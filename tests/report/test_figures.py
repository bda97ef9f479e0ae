"""The figures of a study: which are drawn when, that they show the numbers of results.json, and what captions admit."""

import json
import re
from dataclasses import fields, is_dataclass, replace
from itertools import product
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from builders.made_up_study import ACCIDENTS, OPTIONS, RANDOM_POLICY, plan, write
from matplotlib.colors import to_hex

from suite.analysis import results as statistics
from suite.analysis.check_rows import SampleSummary
from suite.analysis.declared import Declared
from suite.analysis.results_file import read_results, write_results
from suite.analysis.types import Aggregate, CellKey, ConfidenceInterval, Doses, Effect, Label, Results
from suite.published import calibration
from suite.report import comparisons, figures
from suite.report.answers import beside_the_questions, questions_answered, what_failed
from suite.report.figures import agreement, answers, captions, cells, curves, doses, effects, overall, published
from suite.report.figures.canvas import Content
from suite.specimens.naming import claimed
from suite.statistics import aggregate
from suite.study.config import Report
from suite.wording import interval

DECLARED = Declared(Report(resamples=200))
FACTORIAL = {"suite-factorial", "interaction-factorial", "factorial-factorial", "shapley-factorial"}
ANCHORED = {"aggregates", "profiles", "equivalence", "equivalence-curves", "suite-critics", "suite-factorial"}
ENDS = ["estimate", "low", "high"]


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Results:
    """One task with an accident of each kind in two implementations."""
    study = tmp_path_factory.mktemp("study")
    write(study, tasks=("Pendulum-v1",), seeds=6, accidents=ACCIDENTS, implementations=("torch", "jax"))
    statistics.main(study, **OPTIONS, declared=DECLARED)
    return read_results(study)


@pytest.fixture(scope="module")
def drawn(results) -> dict[str, SimpleNamespace]:
    """Every figure by name: ablation, caption, figure, data, drawing."""
    return draw(results)


def draw(results: Results) -> dict[str, SimpleNamespace]:
    by_name = {}
    for picture in figures.pictures(results):
        data, drawing, caption = picture.content
        figure = drawing(data)
        by_name[picture.name] = SimpleNamespace(
            ablation=picture.ablation, caption=caption, figure=figure, data=data, drawing=drawing
        )
        plt.close(figure)
    return by_name


def drawing_of(content: Content):
    figure = content.draw(content.data)
    plt.close(figure)
    return figure


def ends(value) -> list:
    return [getattr(value, end) for end in ENDS]


def table(data: pd.DataFrame, names: list[str]) -> dict:
    """Rows by identity: estimate, low, high."""
    return {tuple(row[name] for name in names): [row[end] for end in ENDS] for row in data.to_dict("records")}


def test_what_can_be_compared_is_drawn_and_nothing_else(drawn, tmp_path):
    assert ANCHORED | FACTORIAL | {"improvement"} <= set(drawn)
    assert not {"interaction-critics", "shapley-critics", "factorial-critics"} & set(drawn)
    assert {name for name, one in drawn.items() if one.ablation == "factorial"} > FACTORIAL
    write(tmp_path, tasks=("Pendulum-v1",), seeds=2)
    statistics.main(tmp_path, random_policy=RANDOM_POLICY, declared=DECLARED)
    bare = set(draw(read_results(tmp_path)))
    assert not (ANCHORED | {"curves-implementations"}) & bare
    assert FACTORIAL - {"suite-factorial"} | {"improvement", "final"} <= bare


def test_a_drawing_sees_nothing_but_the_table_written_beside_it(drawn, tmp_path):
    """The same table from its file gives the same picture."""
    for name, once in drawn.items():
        once.data.to_csv(tmp_path / "data.csv", index=False)
        again = once.drawing(pd.read_csv(tmp_path / "data.csv"))
        for axis, other in zip(once.figure.axes, again.axes, strict=True):
            assert axis.get_title() == other.get_title() and axis.get_ylim() == other.get_ylim(), name
            for line, same in zip(axis.lines, other.lines, strict=True):
                np.testing.assert_array_equal(line.get_xydata(), same.get_xydata())
                assert (line.get_color(), line.get_marker()) == (same.get_color(), same.get_marker()), name
        plt.close(again)


def test_aggregates_profiles_and_improvement_are_those_of_the_results(results, drawn):
    shown = table(drawn["aggregates"].data, ["implementation", "variant", "statistic"])
    assert len(shown) == 4 * len(results.aggregates)
    for entry in results.aggregates:
        name = entry.implementation, entry.variant.name
        for statistic in ("median", "iqm", "mean", "optimality_gap"):
            assert shown[*name, statistic] == ends(getattr(entry, statistic))
        rows = drawn["profiles"].data.set_index(["implementation", "variant"]).loc[name]
        assert tuple(rows["tau"]) == entry.profile.taus and tuple(rows["low"]) == entry.profile.low
    shown = drawn["improvement"].data.set_index(["implementation", "variant", "task"])["estimate"]
    for entry in results.improvements:
        name = entry.implementation, entry.variant.name
        assert shown[*name, "all"] == entry.probability.estimate
        assert shown[*name, "Pendulum-v1"] == entry.by_task[0].estimate


def test_equivalence_is_that_of_the_results(results, drawn):
    shown = drawn["equivalence"].data.set_index("variant")
    assert len(shown) == len(results.agreements)
    bands = drawn["equivalence-curves"].data
    for entry in results.agreements:
        row, test = shown.loc[entry.variant.name], entry.equivalence
        assert (row["estimate"], row["low"], row["high"]) == (entry.difference.difference, test.interval.low,
                                                              test.interval.high)  # fmt: skip
        assert (row["verdict"], row["p_adjusted"]) == (test.verdict, test.p_adjusted)
        band = bands[bands["variant"] == entry.variant.name]
        assert tuple(band["high"]) == (entry.curve.high or ())


def test_effects_and_shares_are_those_of_the_results(results, drawn):
    ablation = next(ablation for ablation in results.ablations if ablation.name == "factorial")
    shown = drawn["suite-factorial"].data.set_index(["implementation", "name"])
    for over_tasks in ablation.over_tasks:
        for effect in over_tasks.effects:
            row = shown.loc[over_tasks.implementation, effect.name]
            assert [row[end] for end in (*ENDS, "p_adjusted")] == [*ends(effect), effect.p_adjusted]
    means = drawn["interaction-factorial"].data.set_index(["implementation", "alpha", "critics", "value_net"])
    shares = drawn["shapley-factorial"].data
    shares = shares[(shares["implementation"] == "torch") & (shares["unit"] == "return per episode")].set_index("name")
    gap = shares.loc["gap", "estimate"]
    corners = [means.loc["torch", *levels]["estimate"] for levels in zip(*ablation.factors.values(), strict=True)]
    assert gap == pytest.approx(corners[1] - corners[0])
    assert shares.loc[["alpha", "critics", "value_net"], "estimate"].sum() == pytest.approx(gap)


def test_a_cell_over_what_is_published_is_that_of_the_check(results, drawn):
    for engine in ("torch", "jax"):
        one = drawn[f"published-Pendulum-v1-{engine}-sac_v2"]
        rows = [row for row in results.check if row.implementation == engine]
        shown = one.data.set_index(["series", "reference", "env_step"]).sort_index()
        for row in rows:
            place = row.reference, row.env_step
            for side, summary in (("ours", row.ours), ("published", row.published)):
                (point,) = shown.loc[[(side, *place)]].to_dict("records")
                assert (point["return"], point["verdict"]) == (summary.mean, row.verdict)
                if summary.values:
                    assert tuple(shown.loc[[(f"{side}: run", *place)], "return"]) == summary.values
                    interval = aggregate.student(list(summary.values), 0.95)[1:3]
                    assert (point["low"], point["high"]) == pytest.approx(interval)
                else:
                    assert pd.isna(point["low"]) and (f"{side}: run", *place) not in shown.index
        curve = results.curve(CellKey("Pendulum-v1", engine, rows[0].run_id))
        assert tuple(one.data[one.data["series"] == "our learning curve"]["return"]) == 2 * curve.mean
        assert "planned: 6/6. Published n: sb3/<own>/Pendulum-v1 3; zoo/tuned/Pendulum-v0 3." in one.caption
        assert "10% of published minus random policy" in one.caption and "cut at the edge" not in one.caption


def test_verdicts_have_a_colour_and_a_shape_each_and_advice_comes_last(results):
    first, second, advice = (row for row in results.check if row.implementation == "torch")
    names = ("PASS", "INCONCLUSIVE", "SUSPICIOUSLY_BETTER", "NOT_LEARNED")
    rows = [advice, *(replace(first, env_step=20_000 + i, verdict=name) for i, name in enumerate(names)), second]
    (cell,) = comparisons.checked_cells(rows)
    assert [one.title for one in cell.references] == [first.reference, f"{advice.reference} (advisory)"]
    figure = drawing_of(published.over_published(cell.references, results))
    looks = [(line.get_marker(), to_hex(line.get_markeredgecolor()), to_hex(line.get_markerfacecolor()))
             for axis in figure.axes for line in axis.lines if line.get_markersize() == 5]  # fmt: skip
    assert len(set(looks)) == 6 and len({marker for marker, *_ in looks}) == 5  # the second row and advice are FAILs
    assert [edge == "#000000" for _, edge, _ in looks] == [False] * 4 + [True, False]  # one is a primary endpoint
    assert looks[5] == ("X", to_hex(published.VERDICTS["FAIL"][0]), "#ffffff")


def test_of_many_references_those_that_decide_are_drawn_and_the_others_named(results):
    rows = [row for row in results.check if row.implementation == "torch"]
    rows += [replace(rows[2], reference=f"more/{n}") for n in range(published.PANELS)]
    (cell,) = comparisons.checked_cells(rows)
    content = published.over_published(cell.references, results)
    figure = drawing_of(content)
    assert len(figure.axes) == published.PANELS and figure.axes[0].get_title().startswith("sb3/")
    assert "Not drawn, but in the table: more/7 (advisory), more/8 (advisory). " in content.caption


def test_a_cell_with_one_run_or_none_shows_what_there_is(results):
    row = results.check[0]
    one = SampleSummary(mean=-170.0, sd=None, n=1, n_finished=1, n_failed=0, n_missing=0, n_planned=3, values=(-170.0,))
    none = SampleSummary(mean=None, sd=None, n=0, n_finished=0, n_failed=0, n_missing=0, n_planned=3, values=())
    for ours, left in ((one, 1), (none, 0)):
        reference = comparisons.Reference("sb3", (replace(row, ours=ours),))
        content = published.over_published([reference], replace(results, curves=()))
        shown = content.data[content.data["series"] == "ours"]
        assert len(shown) == left and shown["low"].isna().all() and f"n planned: {left}/3." in content.caption
        legend = drawing_of(content).legends[0]
        assert {text.get_text() for text in legend.texts} - {"ours: PASS"} == {"published", "tolerated loss"}


def test_two_implementations_that_claim_one_preset_are_seen_side_by_side(results):
    """Imported runs: each implementation has one cell, under a name of its own."""
    curve = next(curve for curve in results.curves if curve.variant.name == "sac_v2")
    labels = {name: Label(claimed("sac_v2", name), "", "") for name in ("mylib", "other")}
    named = [{"implementation": name, "variant": label, "labels": (label,)} for name, label in labels.items()]
    pair, both = ([replace(one, **names) for names in named] for one in (results.cell(curve.key), curve))
    imported = replace(results, cells=tuple(pair), curves=tuple(both))
    (shown,) = cells.alike(pair)
    (axis,) = drawing_of(cells.final_performance(shown, imported)).axes
    assert [tick.get_text() for tick in axis.get_yticklabels()] == [label.name for label in labels.values()]
    assert [picture.name for picture in figures._of_presets(imported)] == ["curves-implementations"]


def test_few_pairs_of_implementations_are_told_one_by_one_and_many_are_counted(results):
    few = [one for one in results.agreements if one.equivalence][:2]
    sentence, counted = (
        next(beside_the_questions(replace(results, agreements=tuple(pairs)))) for pairs in (few, few * 4)
    )
    for one in few:
        said = f"with {one.variant} on {one.task} {one.a} minus {one.b} is {interval(one.difference)}, "
        assert said in sentence and said not in counted
    assert counted.startswith("Of 8 pairs of implementations of one preset, ") and counted.endswith(" within 10 %.")


def test_the_gate_and_what_failed_are_told_where_they_have_something_to_say(results):
    assert any(words.startswith("Against published results: gate fails") for words in beside_the_questions(results))
    advice = tuple(replace(one, role="advisory") for one in results.check)
    quiet = list(beside_the_questions(replace(results, check=advice)))
    assert not any(words.startswith("Against published") for words in quiet)
    fails, unfinished, stale = what_failed(results)
    assert fails.startswith("What fails against published results: sac_v2 on Pendulum-v1 (torch) at 50,000 steps")
    assert unfinished.startswith("Not finished: ") and "runs are stale" in stale
    whole = replace(results.counts, **dict.fromkeys(("diverged", "crashed", "timeout", "interrupted", "missing",
                                                     "invalid", "stale"), 0))  # fmt: skip
    assert not list(what_failed(replace(results, check=advice, counts=whole)))


def test_of_arms_that_are_values_the_baseline_s_own_is_told(results):
    def told(**baseline):
        tau = Doses("tau", {"0.1": 0.1}, {task.replace("_", "-"): value for task, value in baseline.items()})
        asked = [replace(one, doses=tau) if one.name == "critics" else one for one in results.ablations]
        (one,) = (
            one for one in questions_answered(replace(results, ablations=tuple(asked))) if one.ablation == "critics"
        )
        return one.further

    assert told(Pendulum_v1=0.005, Hopper_v5=0.005) == ("twin stands for tau 0.005.",)
    assert told(Pendulum_v1=0.005, Hopper_v5=0.01) == (
        "twin stands for tau 0.005 on Pendulum-v1 and 0.01 on Hopper-v5.",
    )
    assert told() == ()


def test_captions_say_the_level_and_how_p_is_adjusted(results, drawn):
    for name, one in drawn.items():
        if name.startswith(("diagnostics", "threshold", "redrawn")):
            continue  # they show no interval of ours
        assert re.search("90%" if name.startswith("equivalence") else "95%", one.caption), name
        assert re.search("n finished / n planned: .*6/6", one.caption), name
    assert "sac_v2" in drawn["aggregates"].caption
    sizes = {name: family.size for name, family in results.families.items()}
    assert f"adjusted (Holm, over the {sizes['ablation']} of" in drawn["suite-factorial"].caption
    assert f"adjusted (Holm, over the {sizes['equivalence']} of" in drawn["equivalence"].caption
    for name in ("factorial-factorial", "effects-critics", "interaction-factorial"):
        assert f"No p value is drawn; those of the report are adjusted (Benjamini-Hochberg, over the " \
               f"{sizes['exploratory']}" in drawn[name].caption  # fmt: skip
    written = [effects.adjusted_p(p, "Holm", 7).replace("\u00a0", " ") for p in (0.0123, 0.0002, None)]
    assert written == ["p = 0.012 (Holm, 7)", "p < 0.001 (Holm, 7)", "no p"]
    texts = [text.get_text() for axis in drawn["suite-factorial"].figure.axes for text in axis.texts]
    assert len(texts) == 14 and all(
        re.fullmatch(rf"p [=<]\s[01]\.\d{{3}} \(Holm, {sizes['ablation']}\)", text) for text in texts
    )


def calibrated(quantity, tasks, n, measured, nominal=0.95):
    return calibration.Row(quantity, "coverage", "", "one task", tasks, n, nominal, measured, 0.01, 100, None, None)


def test_a_caption_names_the_first_of_many_cells_that_fall_short_and_counts_the_others(results):
    short = [captions.Shown(replace(cell, n_finished=0), f"arm {n}") for n, cell in enumerate(results.cells[:9])]
    assert "arm 8" not in captions.finished(short) and "; fewer than planned in 3 more cells" in captions.finished(
        short
    )
    assert "arm 6" in captions.finished(short[:7]) and "more cells" not in captions.finished(short[:7])


def test_a_caption_admits_the_coverage_of_the_case_shown(monkeypatch):
    rows = [calibrated("iqm", tasks, n, share) for tasks, n, share in
            ((1, 3, 0.74), (2, 3, 0.77), (2, 10, 0.935), (5, 3, 0.9), (5, 10, 0.95))]  # fmt: skip
    rows += [calibrated("mean_student", 1, 3, 0.88), calibrated("equivalence", 1, 3, 0.7, 0.9)]
    monkeypatch.setattr(calibration, "committed", lambda: {row[:1] + row[3:6]: row for row in rows})

    def admitted(*cases, quantity="iqm", confidence=0.95):
        return captions.coverage(quantity, [captions.Case(*case) for case in cases], confidence)

    intro = " (measured on published SAC curves, its coverage is "
    assert admitted((2, 12), (2, 4)) == f"{intro}77% of 2 tasks at n = 3)", "that of the fewest seeds"
    assert admitted((4, 3)) == f"{intro}77% of 2 tasks at n = 3)", "that of the next fewer tasks"
    assert admitted((1, 3), (2, 3), (5, 3)) == (
        f"{intro}74% of 1 task at n = 3, 77% of 2 tasks at n = 3, 90% of 5 tasks at n = 3)"
    )
    assert admitted((2, 2)) == f"{intro}77% of 2 tasks at n = 3)", "fewer seeds than were measured"
    assert admitted((5, 10)) == admitted((2, 12)) == admitted((2, 1)) == admitted((0, 0)) == admitted() == ""
    assert admitted((1, 4), quantity="mean_student") == f"{intro}88% at n = 3)"
    assert admitted((1, 3), quantity="band") == admitted((2, 3), confidence=0.9) == ""
    assert admitted((1, 3), quantity="equivalence", confidence=0.90) == f"{intro}70% at n = 3)"
    kinds = [
        captions.Drawn(words, name, [captions.Case(2, 3)]) for words, name in (("A", "iqm"), ("B", "mean_student"))
    ]
    several = captions.coverages(kinds, 0.95)
    assert several == " (measured on published SAC curves, A is 77% of 2 tasks at n = 3; B is 88% at n = 3)"


PRINTED_INTERVALS = {
    "CellResult.mean": "mean_student", "CellResult.carried_forward": "mean_student",
    "CellResult.complete_case": "mean_student", "CurveResult.area": "mean_student",
    "CellResult.studentised": "mean_studentised", "CellResult.iqm": "iqm", "CellResult.failure_rate": "failure_rate",
    "Distribution.tolerance": "tolerance", "CurveResult.band": "band", "Aggregate.mean": "mean",
    "Aggregate.median": "median", "Aggregate.iqm": "iqm", "SecondAggregate.iqm": "iqm",
    "Aggregate.optimality_gap": "optimality_gap", "Aggregate.profile": "profile",
    "Improvement.probability": "improvement", "Improvement.by_task": "superiority",
    "Agreement.difference": "difference", "ArmResult.difference": "difference", "ArmResult.outcomes": "difference",
    "Difference.superiority": "superiority", "AdjustedDifference.superiority": "superiority",
    "Agreement.superiority": "superiority", "AdjustedMarginTest.interval": "equivalence",
    "Agreement.curve": "band_of_difference", "Factorial.effects": "main_effect", "Factorial.simple": "difference",
    "Factorial.shapley": "shapley", "AblationOverTasks.effects": "effect", "AblationOverTasks.shapley": "shapley",
    "SuiteEffect.unpaired": "effect", "Difference.welch": "difference",
    "AdjustedDifference.welch": "difference", "AdjustedMarginTest.welch": "equivalence",
    "Answer.difference": "pairs", "Answer.within": "pairs_equivalence", "Results.check": "against_published",
    "CheckRow.curve": "band_of_difference",
}  # fmt: skip
"""Where in the results an interval stands -> the quantity of the calibration that measures its like."""


def intervals(value, place=""):
    """Where in a record there is something with two ends that are known."""
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        for item in value:
            yield from intervals(item, place)
    elif isinstance(value, dict):
        yield from intervals(list(value.values()), place)
    elif hasattr(value, "_fields") or is_dataclass(value):
        if getattr(value, "low", None) is not None:
            yield place
        names = value._fields if hasattr(value, "_fields") else [field.name for field in fields(value)]
        for name in names:
            yield from intervals(getattr(value, name), f"{type(value).__name__}.{name}")


def test_every_interval_of_the_report_has_its_coverage_measured(results):
    printed = set(intervals(results))
    assert printed <= set(PRINTED_INTERVALS) and len(printed) > 20
    sizes: dict[str, set] = {}
    for row in calibration.committed().values():
        sizes.setdefault(row.quantity, set()).add((row.tasks, row.n))
    over_tasks = {name for place, name in PRINTED_INTERVALS.items()
                  if place.split(".")[0] in ("Aggregate", "SecondAggregate", "AblationOverTasks")}  # fmt: skip
    for quantity in {*PRINTED_INTERVALS.values(), "main_effect", "prediction", "pairs", "pairs_equivalence"}:
        seeds = (5, 10) if quantity.startswith("band") else (3, 5, 10)
        tasks = (1, 2, 3, 5) if quantity in over_tasks | {"improvement", "main_effect", "pairs"} else (1,)
        assert set(product(tasks, seeds)) <= sizes[quantity], quantity


def test_rows_over_other_tasks_are_marked_and_profiles_go_as_far_as_the_scores(results):
    entries = [replace(entry, tasks=(*entry.tasks, "Ant-v5") if n else entry.tasks)
               for n, entry in enumerate(results.aggregates)]  # fmt: skip
    improved = [replace(entry, tasks=(*entry.tasks, "Ant-v5"), by_task=entry.by_task * 2) if n else entry
                for n, entry in enumerate(results.improvements)]  # fmt: skip
    mixed = replace(results, aggregates=tuple(entries), improvements=tuple(improved))
    for content in (overall.aggregates(mixed), overall.profiles(mixed), overall.improvement(mixed)):
        names = list(dict.fromkeys(content.data["variant"]))
        assert names[0].endswith(" (only Pendulum-v1)") and not any("only" in name for name in names[1:])
        drawing_of(content)
    far = replace(
        entries[1], profile=replace(entries[1].profile, taus=tuple(np.linspace(-3, 4, len(entries[1].profile.taus))))
    )
    (axis, *_) = drawing_of(overall.profiles(replace(results, aggregates=(far,)))).axes
    assert axis.get_xlim() == (-3, 4)


def test_a_profile_has_no_band_where_it_would_be_0_to_1(results):
    entry = results.aggregates[0]
    half = len(entry.profile.taus) // 2
    ends = replace(entry.profile, low=(0.0,) * half + entry.profile.low[half:],
                   high=(1.0,) * half + entry.profile.high[half:])  # fmt: skip
    content = overall.profiles(replace(results, aggregates=(replace(entry, profile=ends),)))
    (band,) = drawing_of(content).axes[0].collections
    assert band.get_paths()[0].get_extents().x0 >= entry.profile.taus[half - 1]
    assert "none where it would be 0 to 1" in content.caption


def test_an_effect_over_fewer_tasks_than_others_is_marked(results):
    ablation = next(one for one in results.ablations if one.name == "critics")
    (entry, *_), (table, *_) = ablation.over_tasks, ablation.tables
    other = replace(table, task="Ant-v5", arms=table.arms[:1])
    both = replace(ablation, over_tasks=(replace(entry, tasks=(*entry.tasks, "Ant-v5")),), tables=(table, other))
    tables = effects._tables_of(entry.effects[0], both.over_tasks[0], both)
    assert [one.task for one in tables] == [table.task]
    assert captions.marked("single − twin", [table.task], both.over_tasks[0].tasks) == (
        f"single − twin (only {table.task})"
    )


def test_three_seeds_of_one_task_have_a_range_and_no_interval(results):
    cell = results.cells[0]
    few = replace(cell, n_scored=3, iqm=replace(cell.iqm, low=None, high=None))
    caption = cells.final_performance([captions.Shown(few, "a")], results).caption
    assert "whose range is that of the circles" in caption and "percentile" not in caption
    both = cells.final_performance([captions.Shown(few, "a"), captions.Shown(cell, "b")], results).caption
    assert "bootknife interval over seeds" in both and "or alone, whose range" in both


def test_every_failed_run_leaves_a_tick_and_a_diverged_one_a_cross(results):
    failing = (Label("sac_v1", "", ""), Label("", "critics", "single"))
    lines = [curves.Line(curve, curve.variant.name) for curve in results.curves if curve.variant in failing]
    content = curves.learning_curves(lines, results)
    for axis in drawing_of(content).axes:
        marks = {sign: [line.get_xdata()[0] for line in axis.lines if line.get_marker() == sign] for sign in "|x"}
        assert marks == {"|": [18_300, 1_000], "x": [18_300]}
    (legend,) = drawing_of(content).legends
    assert [text.get_text() for text in legend.texts][-2:] == ["a run failed", "a run diverged"]
    every = [curves.Line(curve, curve.variant.name) for curve in results.curves]
    whole = [one for one in every if not any(run.failed for run in one.curve.runs)]
    assert not {"a run failed", "a run diverged"} & {
        text.get_text() for text in drawing_of(curves.learning_curves(whole, results)).legends[0].texts
    }
    assert "A tick at the foot marks where a run failed" in content.caption


def test_panels_of_one_task_share_their_axis(results):
    lines = [curves.Line(one, one.variant.name) for one in results.curves if not one.variant.ablation]
    panels = drawing_of(curves.learning_curves(lines, results)).axes
    assert len(panels) == 2 and len({axis.get_ylim() for axis in panels}) == 1


def test_every_question_stands_under_its_name_and_the_baseline_that_its_rows_share(results):
    first, *others = results.answers
    other = next(one for one in others if one.ablation == "critics" and one.implementation == first.implementation)
    arms = [replace(first, side=side, finding=finding, p_adjusted=p) for side, finding, p in
            (("fixed", "WORSE", 0.01), ("twice", "INCOMPLETE", None), ("thrice", "TOO FEW SEEDS", 0.4))]  # fmt: skip
    effect = Effect(("alpha",), {"scale": "small"}, -0.2, 0.1, 4.0, -0.4, 0.0, 0.5)
    ablation = replace(results.ablations[0], factors={"alpha": ("learned", "fixed"), "scale": ("large", "small")})
    ablation = replace(ablation, over_tasks=(replace(ablation.over_tasks[0], simple=(effect,)),))
    content = answers.answers(replace(results, answers=(*arms, other), ablations=(ablation,)))
    (axis,) = drawing_of(content).axes
    assert [text.get_text().replace("\n", " ") for text in axis.get_yticklabels()] == [
        "temperature, minus learned", "fixed", "twice", "thrice", "fixed − learned at small",
        "critics, minus twin", "single",
    ]  # fmt: skip
    marks = {line.get_marker(): line.get_markerfacecolor() for line in axis.lines if line.get_marker() != "None"}
    assert {"v", "D", "o"} <= set(marks) and marks["o"] == "white"
    assert "better →" in axis.get_xlabel()
    told = (
        "Circle: too few seeds. Diamond: planned runs are absent. Hollow:",
        "Rows with one baseline share",
        "without a p: 1 of the differences drawn",
    )
    assert all(words in content.caption for words in told)
    alone = answers.answers(replace(results, answers=(arms[0],), ablations=(ablation,)))
    assert not any(words in alone.caption for words in ("Circle", "Diamond", "Rows with one baseline", "without a p"))


def test_a_difference_far_beyond_the_margin_stays_on_the_axis(results):
    first = results.agreements[0]
    far = ConfidenceInterval(low=-8e4, high=-6e4, confidence=0.9)
    entry = replace(
        first,
        difference=replace(first.difference, difference=-7e4),
        equivalence=replace(first.equivalence, verdict="DIFFERENT", interval=far, n_needed=None),
    )
    content = agreement.verdicts(agreement.Pair("torch", "jax", (entry,)), replace(results, agreements=(entry,)))
    (axis,) = drawing_of(content).axes
    assert "cut at ±5" in content.caption and axis.get_xlim()[0] == pytest.approx(-5.3)
    assert [line.get_marker() for line in axis.lines if line.get_marker() in ("<", ">")] == ["<"]
    assert content.data["estimate"].tolist() == [-7e4]


def test_pairs_without_a_verdict_say_so_in_their_row(results):
    first, second, *_ = results.agreements
    short = replace(second, difference=None, equivalence=None, superiority=None, curve=None, note="needs two runs")
    pair = agreement.Pair("torch", "jax", (first, short))
    (axis,) = drawing_of(agreement.verdicts(pair, results)).axes
    assert "fewer than two scored runs" in [text.get_text() for text in axis.texts]


def test_the_same_results_give_the_same_bytes(results, tmp_path):
    few = replace(results, curves=(), ablations=(), improvements=(), agreements=(), cells=results.cells[:2],
                  aggregates=results.aggregates[:2], check=results.check[:2])  # fmt: skip
    for name in ("once", "again"):
        write_results(tmp_path / name, few)
        figures.main(tmp_path / name, tmp_path / name)
    once = sorted((tmp_path / "once/figures").iterdir())
    expected = {"aggregates.pdf", "profiles.svg", "final.png", "published-Pendulum-v1-torch-sac_v2.svg"}
    assert expected < {path.name for path in once}
    for path in once:
        assert path.read_bytes() == (tmp_path / "again/figures" / path.name).read_bytes(), path.name


def test_what_an_aggregate_shows_is_one_of_its_fields():
    assert set(figures.overall.STATISTICS) <= {field.name for field in fields(Aggregate)}


def test_the_steps_of_a_walk_add_up_to_its_ends_and_have_their_own_differences(tmp_path):
    """The eight arms of a question, taken for a walk: each is held against the one before it."""
    write(tmp_path, tasks=("Pendulum-v1",), seeds=4)
    path = tmp_path / "ablations.json"
    asked = json.loads(path.read_text())
    asked["factorial"]["walk"] = True
    path.write_text(json.dumps(asked))
    statistics.main(tmp_path, **OPTIONS, declared=DECLARED)
    results = read_results(tmp_path)
    shown = draw(results)
    assert [name for name in shown if name.startswith("waterfall")] == ["waterfall-factorial"]
    data = shown["waterfall-factorial"].data
    (ablation,) = (one for one in results.ablations if one.walk)
    told = {
        one.ablation: one.sentence.startswith("Each arm has the switches of all before it, too. ")
        for one in questions_answered(results)
    }
    assert told == {one.name: one.walk for one in results.ablations}
    (table_of_one,) = ablation.tables
    means = [results.cell(table_of_one.key_of(arm)).mean.estimate for arm in table_of_one.arms]
    assert list(data["mean"]) == means and list(data["before"])[1:] == means[:-1]
    assert (data["mean"] - data["before"]).sum() == pytest.approx(means[-1] - means[0])
    assert list(data["difference"])[1:] == pytest.approx((data["mean"] - data["before"]).to_list()[1:])
    assert table_of_one.arms[0].step is None and all(arm.step.low < arm.step.high for arm in table_of_one.arms[1:])
    assert "add up to the difference of the two ends" in shown["waterfall-factorial"].caption


def test_levels_without_a_run_leave_no_line(results):
    ablation = next(one for one in results.ablations if one.name == "factorial")
    content = effects.interaction(ablation, results)
    some = content.data[content.data["critics"] == "twin"].reset_index(drop=True)
    figure = content.draw(some)
    plt.close(figure)
    assert [text.get_text().replace("\n", " ") for text in figure.legends[0].texts] == [
        "critics twin, value_net without", "critics twin, value_net with",
    ]  # fmt: skip


@pytest.mark.parametrize("baseline", [{}, {"Pendulum-v1": 20.0}])
def test_a_study_without_a_run_draws_what_it_plans(tmp_path, baseline):
    names = [row["label"] for row in plan()]
    absent = {("Pendulum-v1", name, seed): ("missing", None) for name in names for seed in range(3)}
    write(tmp_path, tasks=("Pendulum-v1",), seeds=3, accidents=absent)
    asked = json.loads((tmp_path / "ablations.json").read_text())
    asked["critics"]["doses"] = {"field": "critics", "arms": {"single": 1.0}, "baseline": baseline}
    asked["factorial"]["walk"] = True
    (tmp_path / "ablations.json").write_text(json.dumps(asked))
    statistics.main(tmp_path, **OPTIONS, declared=DECLARED)
    shown = draw(read_results(tmp_path))
    assert {"doses-critics", "curves-critics"} <= set(shown)


def test_values_of_a_field_are_drawn_over_it(results):
    """Arms at their values, every seed beside them; a baseline that has no such value is a line of its own."""
    ablation = next(one for one in results.ablations if one.name == "critics")
    tasks = {table.task for table in ablation.tables}
    graded = replace(ablation, doses=Doses("critics", {"single": 1.0}, dict.fromkeys(tasks, 20.0)))
    content = doses.response(graded, results)
    means = content.data[content.data["seed"].isna()]
    assert {(row.arm, row.value) for row in means.itertuples()} == {("single", 1.0), ("twin", 20.0)}
    for row in means.itertuples():
        cell = next(one for one in results.cells if one.task == row.task and one.implementation == row.implementation
                    and f"critics/{row.arm}" in [label.name for label in one.labels])  # fmt: skip
        assert (row.estimate, row.low, row.high) == (cell.mean.estimate, cell.mean.low, cell.mean.high)
        same = (content.data[["task", "implementation", "arm"]] == [row.task, row.implementation, row.arm]).all(axis=1)
        seeds = content.data[same & content.data["seed"].notna()]
        assert sorted(seeds["estimate"]) == sorted(cell.scores)
    assert {axis.get_xscale() for axis in drawing_of(content).axes} == {"log"}
    without = doses.response(replace(graded, doses=Doses("critics", {"single": 1.0}, {})), results)
    (axis, *_) = drawing_of(without).axes
    assert [line for line in axis.lines if line.get_linestyle() == "--"], "the baseline has no such value"
