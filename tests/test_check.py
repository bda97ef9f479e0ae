"""The regression check: its estimators against published oracles, its verdicts against studies made to deserve them."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from suite import check, references
from suite.references import Anchor
from suite.statistics import compare, equivalence

# --- estimators -------------------------------------------------------------------------------------------------


def test_welch_from_summary_is_scipys_documented_example():
    test = compare.welch_from_summary(15, math.sqrt(87.5), 13, 12, math.sqrt(39), 11, 0.95)
    assert test.statistic == pytest.approx(0.9358461935556048, rel=1e-9)
    assert test.p == pytest.approx(0.3599981869324, rel=1e-9)
    assert test.df == pytest.approx(20.98461123, rel=1e-9)
    assert test.difference == 3


def test_welch_of_samples():
    test = compare.welch([4, 7, 8, 6, 3, 2], [6, 8, 7, 10, 11, 9], 0.90)
    assert test.statistic == pytest.approx(-2.8419928, rel=1e-7)
    assert test.df == pytest.approx(9.49438202, rel=1e-8)
    assert test.p == pytest.approx(0.01836767, rel=1e-6)
    assert (test.low, test.high) == pytest.approx((-5.744224, -1.255776), abs=1e-6)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=9), st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=9))
def test_welch_is_scipys_on_any_samples(x, y):
    assume(np.std(x) > 1e-3 and np.std(y) > 1e-3)
    ours, scipys = compare.welch(x, y, 0.9), stats.ttest_ind(x, y, equal_var=False)
    interval = scipys.confidence_interval(0.9)
    theirs = (scipys.statistic, scipys.df, scipys.pvalue, interval.low, interval.high)
    assert (ours.statistic, ours.df, ours.p, ours.low, ours.high) == pytest.approx(theirs, rel=1e-6, abs=1e-6)


def test_groups_without_any_spread_differ_exactly():
    assert compare.welch([1, 1], [1, 1, 1], 0.9)[:6] == (0.0, 3.0, 1.0, 0.0, 0.0, 0.0)
    assert compare.welch([0, 0], [1, 1, 1], 0.9)[:6] == (-math.inf, 3.0, 0.0, -1.0, -1.0, -1.0)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((math.nan, 1, 5, 0, 1, 5, 0.9), "m1"),
        ((0, 1, 5, 0, math.nan, 5, 0.9), "s2"),
        ((0, -1, 5, 0, 1, 5, 0.9), "s1"),
        ((0, 1, 1, 0, 1, 5, 0.9), "n1"),
        ((0, 1, 5, 0, 1, 1, 0.9), "n2"),
        ((0, 1, 5, 0, 1, 5, 90), "confidence"),
    ],
)
def test_a_summary_that_is_none_is_refused_by_name(arguments, name):
    with pytest.raises(ValueError, match=rf"^{name} must|^{name} is"):
        compare.welch_from_summary(*arguments)


def test_a_sample_that_is_none_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^x must be a list of at least 2"):
        compare.welch([1.0], [1.0, 2.0], 0.9)
    with pytest.raises(ValueError, match=r"^y holds a value"):
        compare.welch([1.0, 2.0], [1.0, math.nan], 0.9)


def test_non_inferiority_oracle():
    verdict = equivalence.non_inferiority_from_summary((10_000, 800, 10), (10_500, 900, 5), 1050, 0.90)
    assert verdict.difference == -500
    assert verdict.df == pytest.approx(7.27981630, rel=1e-7)
    assert verdict.p == pytest.approx(0.14192419, rel=1e-6)
    assert (verdict.low, verdict.high) == pytest.approx((-1395.491, 395.491), abs=1e-3)
    assert verdict.verdict == "INCONCLUSIVE"


def test_the_first_bound_of_the_equivalence_oracle():
    """TOST of these samples at bound 1 has Welch p .9643479; its harder side is ours - reference > -1."""
    x, y = compare.summary([4, 7, 8, 6, 3, 2]), compare.summary([6, 8, 7, 10, 11, 9])
    assert equivalence.non_inferiority_from_summary(x, y, 1, 0.90).p == pytest.approx(0.9643479, rel=1e-6)
    assert equivalence.non_inferiority_from_summary(x, y, 10, 0.90).p == pytest.approx(0.00021304, rel=1e-4)


@pytest.mark.parametrize(
    ("mean", "verdict"), [(100, "PASS"), (85, "FAIL"), (91, "INCONCLUSIVE"), (115, "SUSPICIOUSLY_BETTER")]
)
def test_the_four_verdicts(mean, verdict):
    assert equivalence.non_inferiority_from_summary((mean, 2, 5), (100, 2, 5), 10, 0.90).verdict == verdict


summaries = st.tuples(st.floats(-100, 100), st.floats(0.1, 50), st.integers(2, 30))


@given(summaries, summaries, st.floats(0.5, 100))
def test_a_pass_and_its_p_say_the_same(ours, reference, margin):
    verdict = equivalence.non_inferiority_from_summary(ours, reference, margin, 0.90)
    assume(abs(verdict.p - 0.05) > 1e-9)
    assert (verdict.p < 0.05) == (verdict.low > -margin) == (verdict.verdict in ("PASS", "SUSPICIOUSLY_BETTER"))


@given(summaries, summaries, st.floats(0.5, 100))
def test_the_seeds_needed_settle_it_and_one_less_does_not(ours, reference, margin):
    def verdict_of(n):
        return equivalence.non_inferiority_from_summary((*ours[:2], n), reference, margin, 0.90).verdict

    needed = equivalence.non_inferiority_from_summary(ours, reference, margin, 0.90).n_needed
    if needed is None:
        assert {verdict_of(n) for n in (ours[2], 100, equivalence.LARGEST_GROUP)} == {"INCONCLUSIVE"}
    else:
        assert verdict_of(needed) != "INCONCLUSIVE"
        assert needed == ours[2] or verdict_of(needed - 1) == "INCONCLUSIVE"


def test_no_number_of_seeds_makes_up_for_a_reference_of_two():
    assert equivalence.non_inferiority_from_summary((0, 1, 5), (0, 10, 2), 1, 0.90).n_needed is None


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (((0, 1, 5), (0, 1, 5), 0, 0.9), "margin"),
        (((0, 1, 5), (0, 1, 5), math.nan, 0.9), "margin"),
        (((math.nan, 1, 5), (0, 1, 5), 1, 0.9), "m1"),
        (((0, 1, 5), (0, 1, 1), 1, 0.9), "n2"),
    ],
)
def test_a_question_without_an_answer_is_refused_by_name(arguments, name):
    with pytest.raises(ValueError, match=name):
        equivalence.non_inferiority_from_summary(*arguments)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_every_kind_of_spread_leads_to_the_sample_sd(n):
    values = np.arange(n) ** 2.0
    sd = values.std(ddof=1)
    sem = sd / math.sqrt(n)
    student = stats.t.interval(0.95, n - 1, loc=0, scale=sem)[1]
    published = {
        "sd_ddof1": sd,
        "sd_ddof0": values.std(),
        "sem": sem,
        "ci95_t": student,
        "ci95_norm": 1.959963984540054 * sem,
        "half_sd": sd / 2,
    }
    for kind, spread in published.items():
        assert equivalence.to_sample_sd(spread, kind, n) == pytest.approx(sd, rel=1e-9), kind


def test_cleanrls_population_sd():
    assert equivalence.to_sample_sd(1423.73, "sd_ddof0", 3) == pytest.approx(1743.71, abs=0.005)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((math.nan, "sem", 5), "spread"), ((1, "sem", 1), "n "), ((1, "unknown", 5), "kind"), ((-1, "sem", 5), "spread")],
)
def test_a_spread_without_a_meaning_is_refused_by_name(arguments, name):
    with pytest.raises(ValueError, match=f"^{name}"):
        equivalence.to_sample_sd(*arguments)


# --- studies ----------------------------------------------------------------------------------------------------

REFERENCES = {reference.name: reference for reference in references.load()}
RANDOM = {"HalfCheetah-v5": Anchor(-280.0, 70.0, 100, {}), "Pendulum-v1": Anchor(-1200.0, 260.0, 100, {})}
EVERY = {"HalfCheetah-v5": 5000, "Pendulum-v1": 1000}
BUDGET = {"HalfCheetah-v5": 100_000, "Pendulum-v1": 10_000}


def settings(reference: str, **changes) -> tuple[dict, dict]:
    """A spec and a schedule as plain data that match a reference in everything it states, then changed."""
    spec: dict = {}
    for path, value in {**REFERENCES[reference].settings, **changes}.items():
        parent, _, name = path.rpartition(".")
        (spec.setdefault(parent, {}) if parent else spec)[name] = value
    in_schedule = ("warmup_steps", "learn_after", "update_every", "updates_per_burst", "replay_capacity", "time_limit")
    in_schedule += ("action_to_env", "evaluation_action")
    return spec, {name: spec.pop(name) for name in in_schedule if name in spec}


def study(per_seed, *, reference="nnabla_rl_halfcheetah/sac", task="HalfCheetah-v5", accidents=None, changes=None):
    """The two tables of a study of one cell whose seeds return the values given, whatever the step.

    accidents: seed -> fields of its row in `runs` that replace those of a finished run.
    """
    spec, schedule = settings(reference, **(changes or {}))
    cell = {"task": task, "implementation": "torch", "run_id": "0123456789", "variant": "sac_v2"}
    runs, episodes = [], []
    for seed, value in enumerate(per_seed):
        row = {
            **cell,
            **{"seed": seed, "env_steps": BUDGET[task], "status": "finished", "stale": False, "message": ""},
            **{"last_env_step": BUDGET[task], "stopped_at": None, "evaluate_every": EVERY[task]},
            **{"spec": json.dumps(spec), "schedule": json.dumps(schedule)},
            **(accidents or {}).get(seed, {}),
        }
        runs.append(row)
        if row["status"] != "missing":
            steps = np.arange(EVERY[task], (row["stopped_at"] or row["env_steps"]) + 1, EVERY[task])
            episodes += [
                {**cell, "seed": seed, "env_step": step, "kind": kind, "episode": i, "return": value + shift + wrong}
                for step in steps
                for i, shift in enumerate((-50.0, 50.0))
                for kind, wrong in (("sample", -1e6), ("mean", 0.0))
            ]
    frame = pd.DataFrame(runs)
    frame["stopped_at"] = frame["stopped_at"].astype("Int64")
    return {"runs": frame, "evaluations": pd.DataFrame(episodes)}


def rows_of(tables, *, margin=0.10, chosen=None):
    used = [REFERENCES[name] for name in chosen or REFERENCES]
    return check.check(tables, used, RANDOM, margin=margin, confidence=0.90)


def verdicts(tables, reference="nnabla_rl_halfcheetah/sac"):
    return {row["env_step"]: row["verdict"] for row in rows_of(tables, chosen=[reference])}


PENDULUM = {"reference": "sb3_pendulum/learned_alpha", "task": "Pendulum-v1"}
GOOD = [-190.0, -200.0, -195.0, -188.0, -205.0]
# At 50k the published mean is 2877 (SD 457, n 3), so that a tenth of it above the random policy is 316.
AT_50K = np.array([3300.0, 3200.0, 3400.0, 3250.0, 3350.0])


def test_a_row_is_the_welch_interval_of_the_window_means():
    row = next(row for row in rows_of(study(AT_50K)) if row["reference"] == "nnabla_rl_halfcheetah/sac")
    there = np.array(REFERENCES["nnabla_rl_halfcheetah/sac"].values[50_000])
    interval = stats.ttest_ind(AT_50K, there, equal_var=False).confidence_interval(0.90)
    assert row["env_step"] == 50_000
    assert (row["low"], row["high"]) == pytest.approx(tuple(interval))
    assert row["difference"] == pytest.approx(AT_50K.mean() - there.mean())
    assert row["margin"] == pytest.approx(0.1 * (there.mean() + 280))
    assert row["ours"] == {
        **{"mean": pytest.approx(3300.0), "sd": pytest.approx(AT_50K.std(ddof=1)), "n": 5},
        **{"n_finished": 5, "n_failed": 0, "n_missing": 0, "n_planned": 5},
    }
    assert row["published"] == {"mean": there.mean(), "sd": pytest.approx(there.std(ddof=1)), "n": 3}
    assert row["advisory"] is False and row["differs"] == []
    assert "sony/nnabla-rl@d6c9999" in row["citation"]


def test_a_healthy_study_passes_and_a_broken_one_fails():
    healthy, broken = study(GOOD, **PENDULUM), study([value - 210 for value in GOOD], **PENDULUM)
    assert verdicts(healthy, "sb3_pendulum/learned_alpha")[10_000] == "PASS"
    assert verdicts(broken, "sb3_pendulum/learned_alpha")[10_000] == "FAIL"
    assert check.failing(rows_of(broken)) and not check.failing(rows_of(healthy))


def test_only_published_steps_within_the_budget_are_compared():
    study_ = study(GOOD, **PENDULUM)
    assert set(verdicts(study_, "sb3_pendulum/learned_alpha")) == {5_000, 10_000}
    assert set(verdicts(study(AT_50K))) == {50_000, 100_000}


def test_too_few_seeds_decide_nothing_and_say_what_would():
    row = next(r for r in rows_of(study([4700.0, 5500.0])) if r["env_step"] == 100_000 and not r["advisory"])
    assert row["verdict"] == "INCONCLUSIVE" and row["n_needed"] > 2
    assert f"about {row['n_needed']} own seeds" in row["sentence"]


def test_one_seed_has_no_spread():
    row = rows_of(study([4700.0]))[0]
    assert row["verdict"] == "INCONCLUSIVE" and row["low"] is None and row["ours"]["sd"] is None


def at_10k(**kwargs):
    tables = study(GOOD, **PENDULUM, **kwargs)
    return next(row for row in rows_of(tables) if row["env_step"] == 10_000)


@pytest.mark.parametrize(
    "accident", [{"status": "missing"}, {"status": "timeout"}, {"status": "invalid"}, {"stale": True}], ids=str
)
def test_a_run_without_a_result_forbids_a_pass_that_needs_it(accident):
    row = at_10k(accidents={4: accident})
    assert row["low"] > -row["margin"], "the runs that finished would have passed"
    assert row["verdict"] == "INCONCLUSIVE"
    assert row["ours"]["n"] == 4 and row["ours"]["n_missing"] == 1 and row["ours"]["n_planned"] == 5
    assert "4 of 5 planned runs finished, 1 without a result" in row["sentence"]
    assert "would not hold" in row["sentence"] and row["n_needed"] == 5


def test_a_pass_that_holds_at_worst_stands():
    """Of 400 runs one that failed takes little from the mean, less than the margin."""
    tables = study(GOOD * 80, **PENDULUM, accidents={4: {"status": "missing"}})
    row = next(row for row in rows_of(tables) if row["env_step"] == 10_000)
    assert (row["verdict"], row["ours"]["n"], row["ours"]["n_planned"]) == ("PASS", 399, 400)


def test_a_diverged_run_counts_at_the_random_policy_from_where_it_stopped():
    row = at_10k(accidents={4: {"status": "diverged", "stopped_at": 7_000, "last_env_step": 7_000}})
    assert row["ours"]["mean"] == pytest.approx(np.mean([*GOOD[:4], -1200.0]))
    assert (row["ours"]["n"], row["ours"]["n_finished"], row["ours"]["n_failed"]) == (5, 4, 1)
    assert row["verdict"] != "PASS" and "1 failed" in row["sentence"]
    earlier = study(GOOD, **PENDULUM, accidents={4: {"status": "crashed", "stopped_at": 7_000}})
    row = next(row for row in rows_of(earlier) if row["env_step"] == 5_000)
    assert row["ours"]["mean"] == pytest.approx(np.mean(GOOD)), "what it did before it stopped counts"


def test_a_window_that_the_end_cuts_is_part_random():
    tables = study([3000.0] * 3, accidents={0: {"status": "diverged", "stopped_at": 97_000}})
    row = next(row for row in rows_of(tables) if row["env_step"] == 100_000 and not row["advisory"])
    assert row["ours"]["mean"] == pytest.approx((3000 + 3000 + (3000 - 280) / 2) / 3)  # evaluated at 95k, not at 100k


def test_a_study_whose_runs_all_diverged_fails():
    tables = study(GOOD, **PENDULUM, accidents={i: {"status": "diverged", "stopped_at": 1_000} for i in range(5)})
    assert verdicts(tables, "sb3_pendulum/learned_alpha")[10_000] == "FAIL"


def test_a_return_that_is_no_number_is_no_result():
    tables = study(GOOD, **PENDULUM)
    tables["evaluations"].loc[tables["evaluations"]["seed"] == 4, "return"] = math.nan
    row = next(row for row in rows_of(tables) if row["env_step"] == 10_000)
    assert row["ours"]["n_missing"] == 1 and row["verdict"] == "INCONCLUSIVE"


def test_a_seed_planned_with_two_budgets_counts_once():
    tables = study(GOOD, **PENDULUM)
    longer = tables["runs"].assign(env_steps=20_000, status="missing")
    tables["runs"] = pd.concat([tables["runs"], longer], ignore_index=True)
    tables["evaluations"] = pd.concat([tables["evaluations"]] * 2, ignore_index=True)
    by_step = {row["env_step"]: row for row in rows_of(tables)}
    assert by_step[10_000]["ours"]["n_planned"] == 5 and by_step[10_000]["verdict"] == "PASS"
    assert by_step[20_000]["ours"]["n"] == 0 and by_step[20_000]["verdict"] == "INCONCLUSIVE"


# --- comparability ----------------------------------------------------------------------------------------------


def test_another_entropy_target_makes_a_reference_advice():
    """A cell of the nnabla-rl settings aims at -1 nat per dimension, jaxrl at -0.5."""
    rows = rows_of(study([2000.0] * 3, changes={"temperature.init": 1.0}))
    advice = [row for row in rows if row["reference"] == "jaxrl_halfcheetah/learned_alpha"]
    assert advice and all(row["advisory"] for row in advice)
    assert {tuple(row["differs"]) for row in advice} == {("temperature.entropy_per_dim",)}
    assert all("Advisory only: temperature.entropy_per_dim is -1.0 here, -0.5 there" in r["sentence"] for r in advice)
    assert any(row["verdict"] == "FAIL" for row in advice)
    assert not [row for row in check.failing(rows) if row["reference"].startswith("jaxrl")], "advice fails no study"


@pytest.mark.parametrize("change", [{"critics": 1}, {"value_net.kind": "ValueNet"}, {"temperature.kind": "FixedAlpha"}])
def test_another_algorithm_is_not_compared_at_all(change):
    changes = dict(change)
    tables = study(AT_50K, changes={key: value for key, value in changes.items() if key != "value_net.kind"})
    if "value_net.kind" in changes:
        spec = json.loads(tables["runs"]["spec"][0]) | {"value_net": {"kind": "ValueNet", "lr": 3e-4}}
        tables["runs"]["spec"] = json.dumps(spec)
    assert rows_of(tables, chosen=["nnabla_rl_halfcheetah/sac", "jaxrl_halfcheetah/learned_alpha"]) == []


def test_a_setting_of_its_own_is_not_compared_either():
    near, far = {"hidden": [64, 64], "batch_size": 128}, {"hidden": [64, 64], "batch_size": 128, "tau": 0.01}
    rows = rows_of(study(GOOD, **PENDULUM, changes=near))
    assert rows and {tuple(row["differs"]) for row in rows} == {("hidden", "batch_size")}
    assert rows_of(study(GOOD, **PENDULUM, changes=far)) == []


def test_the_value_network_has_a_reference_of_its_own():
    rows = rows_of(study([2600.0, 2500.0, 2700.0], reference="nnabla_rl_halfcheetah/icml2018sac"))
    assert {row["reference"] for row in rows} == {"nnabla_rl_halfcheetah/icml2018sac"}
    assert not any(row["advisory"] for row in rows)


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"hidden": [64, 64]}, ["hidden"]),
        ({"discount": 0.995}, ["discount"]),
        ({"std.low": -5.0}, ["std.low"]),
        ({"std.kind": "SquashLogStd", "std.low": -5.0}, ["std.kind"]),  # a choice of another kind is one difference
        ({"warmup_steps": 9_999, "learn_after": 10_000}, []),  # one step apart: counted from elsewhere
        ({"warmup_steps": 5_000}, ["warmup_steps"]),
        ({"replay_capacity": 100_000}, []),  # holds all 50,000 steps
        ({"replay_capacity": 40_000}, ["replay_capacity"]),
    ],
)
def test_what_differs_is_listed(change, differs):
    spec, schedule = settings("nnabla_rl_halfcheetah/sac", **change)
    reference = REFERENCES["nnabla_rl_halfcheetah/sac"]
    assert list(check.differences(reference.settings, spec, schedule, 50_000)) == differs


def test_a_task_is_compared_with_its_own_environments_only():
    rows = rows_of(study(GOOD, **PENDULUM))
    assert {row["reference"] for row in rows} == {"sb3_pendulum/learned_alpha"}


def test_a_task_without_a_random_policy_is_refused_by_name():
    with pytest.raises(references.BrokenReference, match="Pendulum-v1"):
        check.check(study(GOOD, **PENDULUM), REFERENCES.values(), {}, margin=0.1, confidence=0.9)


def test_a_study_without_any_result_decides_nothing():
    tables = study(GOOD, **PENDULUM, accidents={i: {"status": "missing"} for i in range(5)})
    columns = ["task", "implementation", "run_id", "seed", "env_step", "kind", "episode", "return"]
    tables["evaluations"] = pd.DataFrame({name: pd.Series(dtype=float) for name in columns})
    rows = rows_of(tables)
    assert {row["verdict"] for row in rows} == {"INCONCLUSIVE"} and rows[0]["ours"]["n"] == 0
    assert "0 of 5 planned runs finished" in rows[0]["sentence"] and check.render(rows)


# --- files and text ---------------------------------------------------------------------------------------------


def test_main_writes_what_it_returns(tmp_path):
    for name, table in study(GOOD, **PENDULUM, accidents={4: {"status": "missing"}}).items():
        table.to_parquet(tmp_path / f"{name}.parquet", index=False)
    rows = check.main(tmp_path)
    assert rows and json.loads((tmp_path / "check.json").read_text()) == rows
    assert sorted(path.name for path in tmp_path.iterdir()) == ["check.json", "evaluations.parquet", "runs.parquet"]


def test_rendered_rows_show_every_cell_and_explain_what_did_not_pass():
    rows = [row for name in ("jaxrl_halfcheetah/learned_alpha", "nnabla_rl_halfcheetah/sac")
            for row in rows_of(study([2000.0] * 3), chosen=[name])]  # fmt: skip
    text = check.render(rows)
    assert "HalfCheetah-v5" in text and "3/3 finished" in text and "nnabla_rl_halfcheetah/sac" in text
    assert all((row["sentence"] in text) == (not row["advisory"] and row["verdict"] != "PASS") for row in rows)
    assert "advisory" in text.splitlines()[-1]
    assert "no cell" in check.render([]).lower()
