"""The figures of a study: which are drawn when, that they show the numbers of results.json, and what captions admit."""

import json
import re
from types import SimpleNamespace

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from builders.made_up_study import ACCIDENTS, OPTIONS, RANDOM_POLICY, write
from matplotlib.colors import to_hex

from suite.analysis import results as summary
from suite.analysis.declared import Declared
from suite.report import figures, tables
from suite.report.figures import captions, cells, published
from suite.statistics import aggregate
from suite.statistics.equivalence import Equivalence

FACTORIAL = {"suite-factorial", "interaction-factorial", "factorial-factorial", "shapley-factorial"}
ANCHORED = {"aggregates", "profiles", "equivalence", "equivalence-curves", "suite-critics", "suite-factorial"}
ENDS = ["estimate", "low", "high"]


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> dict:
    """One task with an accident of each kind in two implementations."""
    study = tmp_path_factory.mktemp("study")
    write(study, tasks=("Pendulum-v1",), seeds=6, accidents=ACCIDENTS, implementations=("torch", "jax"))
    summary.main(study, **OPTIONS, declared=Declared(resamples=200))
    return json.loads((study / "results.json").read_text())


@pytest.fixture(scope="module")
def drawn(results) -> dict[str, SimpleNamespace]:
    """Every figure by name: ablation, caption, figure, data."""
    return draw(results)


def draw(results: dict) -> dict[str, SimpleNamespace]:
    found = {}
    for name, ablation, _, caption, figure, data in figures._figures(results):
        found[name] = SimpleNamespace(ablation=ablation, caption=caption, figure=figure, data=data)
        plt.close(figure)
    return found


def table(data: pd.DataFrame, names: list[str]) -> dict:
    """Rows by identity: estimate, low, high."""
    return {tuple(row[name] for name in names): [row[end] for end in ENDS] for row in data.to_dict("records")}


def test_what_can_be_compared_is_drawn_and_nothing_else(drawn, tmp_path):
    assert ANCHORED | FACTORIAL | {"improvement"} <= set(drawn)
    assert not {"interaction-critics", "shapley-critics", "factorial-critics"} & set(drawn)
    assert {name for name, one in drawn.items() if one.ablation == "factorial"} > FACTORIAL
    write(tmp_path, tasks=("Pendulum-v1",), seeds=2)
    summary.main(tmp_path, random_policy=RANDOM_POLICY, declared=Declared(resamples=200))
    bare = set(draw(json.loads((tmp_path / "results.json").read_text())))
    assert not (ANCHORED | {"curves-implementations"}) & bare
    assert FACTORIAL - {"suite-factorial"} | {"improvement", "final"} <= bare


def test_aggregates_profiles_and_improvement_are_those_of_the_results(results, drawn):
    own = table(drawn["aggregates"].data, ["implementation", "variant", "statistic"])
    assert len(own) == 4 * len(results["aggregates"])
    for entry in results["aggregates"]:
        name = entry["implementation"], entry["variant"]
        for statistic in ("median", "iqm", "mean", "optimality_gap"):
            assert own[*name, statistic] == [entry[statistic][end] for end in ENDS]
        rows = drawn["profiles"].data.set_index(["implementation", "variant"]).loc[name]
        assert rows["tau"].tolist() == entry["profile"]["taus"] and rows["low"].tolist() == entry["profile"]["low"]
    own = drawn["improvement"].data.set_index(["implementation", "variant", "task"])["estimate"]
    for entry in results["improvement"]:
        name = entry["implementation"], entry["variant"]
        assert own[*name, "all"] == entry["probability"]["estimate"]
        assert own[*name, "Pendulum-v1"] == entry["by_task"][0]["estimate"]


def test_equivalence_is_that_of_the_results(results, drawn):
    own = drawn["equivalence"].data.set_index("variant")
    assert len(own) == len(results["equivalence"])
    bands = drawn["equivalence-curves"].data
    for entry in results["equivalence"]:
        row, interval = own.loc[entry["variant"]], entry["interval"]
        assert (row["estimate"], row["low"], row["high"]) == (entry["difference"]["difference"], interval["low"],
                                                              interval["high"])  # fmt: skip
        assert (row["verdict"], row["p_adjusted"]) == (entry["verdict"], entry["p_adjusted"])
        band = bands[bands["variant"] == entry["variant"]]
        assert band["high"].tolist() == (entry["curve"]["high"] or [])


def test_effects_and_shares_are_those_of_the_results(results, drawn):
    ablation = next(ablation for ablation in results["ablations"] if ablation["name"] == "factorial")
    effects = drawn["suite-factorial"].data.set_index(["implementation", "name"])
    for suite in ablation["suite"]:
        for effect in suite["effects"]:
            row = effects.loc[suite["implementation"], effect["name"]]
            assert [row[end] for end in (*ENDS, "p_adjusted")] == [effect[end] for end in (*ENDS, "p_adjusted")]
    means = drawn["interaction-factorial"].data.set_index(["implementation", "alpha", "critics", "value_net"])
    shares = drawn["shapley-factorial"].data
    shares = shares[(shares["implementation"] == "torch") & (shares["unit"] == "return per episode")].set_index("name")
    gap = shares.loc["gap", "estimate"]
    ends = [means.loc["torch", *levels]["estimate"] for levels in zip(*ablation["factors"].values(), strict=True)]
    assert gap == pytest.approx(ends[1] - ends[0])
    assert shares.loc[["alpha", "critics", "value_net"], "estimate"].sum() == pytest.approx(gap)


def test_a_cell_over_what_is_published_is_that_of_the_check(results, drawn):
    for engine in ("torch", "jax"):
        one = drawn[f"published-Pendulum-v1-{engine}-sac_v2"]
        rows = [row for row in results["check"] if row["implementation"] == engine]
        told = one.data.set_index(["series", "reference", "env_step"]).sort_index()
        for row in rows:
            place = row["reference"], row["env_step"]
            for side in ("ours", "published"):
                (point,) = told.loc[[(side, *place)]].to_dict("records")
                assert (point["return"], point["verdict"]) == (row[side]["mean"], row["verdict"])
                if values := row[side]["values"]:
                    assert told.loc[[(f"{side}: run", *place)], "return"].tolist() == values
                    assert (point["low"], point["high"]) == pytest.approx(aggregate.student(values, 0.95)[1:3])
                else:
                    assert pd.isna(point["low"]) and (f"{side}: run", *place) not in told.index
        curve = next(curve for curve in results["curves"]
                     if (curve["implementation"], curve["run_id"]) == (engine, rows[0]["run_id"]))  # fmt: skip
        assert one.data[one.data["series"] == "our learning curve"]["return"].tolist() == 2 * curve["mean"]
        assert "planned: 6/6. Published n: sb3/<own>/Pendulum-v1 3; zoo/tuned/Pendulum-v0 3." in one.caption
        assert "10% of published minus random policy" in one.caption and "cut at the edge" not in one.caption


def test_verdicts_have_a_colour_and_a_shape_each_and_advice_comes_last(results):
    first, second, advice = (row for row in results["check"] if row["implementation"] == "torch")
    names = ("PASS", "INCONCLUSIVE", "SUSPICIOUSLY_BETTER", "FAIL")
    rows = [advice, *(first | {"env_step": 20_000 + i, "verdict": name} for i, name in enumerate(names)), second]
    (references,) = tables.held_against(rows).values()
    assert list(references) == [first["reference"], f"{advice['reference']} (advisory)"]
    _, figure, _ = published.over_published(references, results)
    looks = [(line.get_marker(), to_hex(line.get_markeredgecolor()), to_hex(line.get_markerfacecolor()))
             for axis in figure.axes for line in axis.lines if line.get_markersize() == 5]  # fmt: skip
    assert len(set(looks)) == 5 and len({marker for marker, *_ in looks}) == 4  # the second row is a FAIL too
    assert [edge for _, edge, _ in looks[:5]] == ["#000000"] * 5  # gated
    assert looks[5] == ("X", to_hex(published.VERDICTS["FAIL"][0]), "#ffffff")
    plt.close(figure)


def test_of_many_references_those_that_decide_are_drawn_and_the_others_named(results):
    rows = [row for row in results["check"] if row["implementation"] == "torch"]
    rows += [rows[2] | {"reference": f"more/{n}"} for n in range(published.PANELS)]
    (references,) = tables.held_against(rows).values()
    caption, figure, _ = published.over_published(references, results)
    assert len(figure.axes) == published.PANELS and figure.axes[0].get_title().startswith("sb3/")
    assert "Not drawn, but in the table: more/7 (advisory), more/8 (advisory). " in caption
    plt.close(figure)


def test_a_cell_with_one_run_or_none_shows_what_there_is(results):
    row = next(row for row in results["check"])
    one = row | {"ours": {"mean": -170.0, "sd": None, "n": 1, "n_finished": 1, "n_planned": 3, "values": [-170.0]}}
    none = row | {"ours": {"mean": None, "sd": None, "n": 0, "n_finished": 0, "n_planned": 3, "values": []}}
    for ours, left in ((one, 1), (none, 0)):
        bare = results | {"curves": []}
        caption, figure, data = published.over_published({"sb3": [ours]}, bare)
        drawn = data[data["series"] == "ours"]
        assert len(drawn) == left and drawn["low"].isna().all() and f"n planned: {left}/3." in caption
        assert {text.get_text() for text in figure.legends[0].texts} - {"ours: PASS"} == {"published", "tolerated loss"}
        plt.close(figure)


def test_captions_say_the_level_and_how_p_is_adjusted(results, drawn):
    for name, one in drawn.items():
        assert re.search("90%" if name.startswith("equivalence") else "95%", one.caption), name
        assert "n finished / n planned: 6/6" in one.caption and "sac_v2" in drawn["aggregates"].caption
    sizes = {family: told["size"] for family, told in results["families"].items()}
    assert f"adjusted (Holm, over the {sizes['ablation']} of" in drawn["suite-factorial"].caption
    assert f"adjusted (Holm, over the {sizes['equivalence']} of" in drawn["equivalence"].caption
    for name in ("factorial-factorial", "effects-critics", "interaction-factorial"):
        assert f"No p value is drawn; those of the report are adjusted (Benjamini-Hochberg, over the " \
               f"{sizes['exploratory']}" in drawn[name].caption  # fmt: skip
    effect = {"p_adjusted": 0.0123, "family": "ablation", "family_size": 7}
    written = [captions.p_value(effect | {"p_adjusted": p}, results) for p in (0.0123, 0.0002, None)]
    assert written == ["p = 0.012 (Holm, 7)", "p < 0.001 (Holm, 7)", "no p"]
    texts = [text.get_text() for axis in drawn["suite-factorial"].figure.axes for text in axis.texts]
    assert len(texts) == 14 and all(
        re.fullmatch(rf"p [=<] [01]\.\d{{3}} \(Holm, {sizes['ablation']}\)", t) for t in texts
    )


def test_a_caption_admits_a_coverage_that_is_not_what_was_promised(results, monkeypatch):
    known = {("iqm", n): SimpleNamespace(n=n, nominal=0.95, measured=share) for n, share in ((3, 0.77), (10, 0.935))}
    monkeypatch.setattr(captions, "measured", lambda *asked: known.get(asked))

    def said(*sizes, quantity="iqm", confidence=0.95):
        shown = [({"n_scored": n}, "") for n in sizes]
        return captions.coverage(quantity, shown, {"settings": {"confidence": confidence}})

    assert said(12, 4, 1) == " (measured on published SAC curves, its coverage is 77% at n = 3)"
    assert said(12) == said(2) == said() == said(4, quantity="band") == said(4, confidence=0.9) == ""


def test_every_failed_run_leaves_a_tick_and_a_diverged_one_a_cross(results):
    curves = [curve for curve in results["curves"] if curve["variant"] in ("sac_v1", "critics/single")]
    lines = [(curve, cells.panel(curve), curve["variant"]) for curve in curves]
    caption, figure, _ = cells.learning_curves(lines, results)
    for axis in figure.axes:
        marks = {sign: [line.get_xdata()[0] for line in axis.lines if line.get_marker() == sign] for sign in "|x"}
        assert marks == {"|": [18_300, 1_000], "x": [18_300]}
    assert "A tick at the foot marks where a run failed" in caption


def test_a_difference_far_beyond_the_margin_stays_on_the_axis(results):
    far = Equivalence(9.0, 9.0, 1.0, -7e4, -8e4, -6e4, 0.9, "DIFFERENT", 106.0, None)
    entry = results["equivalence"][0] | {"verdict": far.verdict, "difference": {"difference": far.difference},
                                         "interval": {"low": far.low, "high": far.high}}  # fmt: skip
    changed = results | {"equivalence": [entry]}
    caption, figure, data = figures.agreement.verdicts("torch − jax", [entry], changed)
    (axis,) = figure.axes
    assert "cut at ±5" in caption and axis.get_xlim()[0] == pytest.approx(-5.3)
    assert [line.get_marker() for line in axis.lines if line.get_marker() in "<>"] == ["<"]
    assert data["estimate"].tolist() == [-7e4]


def test_the_same_results_give_the_same_bytes(results, tmp_path):
    few = {name: [] for name in ("curves", "ablations", "improvement", "equivalence")}
    few |= {name: results[name][:2] for name in ("cells", "aggregates", "check")}
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(json.dumps(results | few))
        figures.main(tmp_path / name, tmp_path / name)
    once = sorted((tmp_path / "once/figures").iterdir())
    expected = {"aggregates.pdf", "profiles.svg", "final.png", "published-Pendulum-v1-torch-sac_v2.svg"}
    assert expected < {path.name for path in once}
    for path in once:
        assert path.read_bytes() == (tmp_path / "again/figures" / path.name).read_bytes(), path.name
