"""The published figures: each complete and of a place, each value the window's, and a broken file refused by name."""

import csv
import importlib
import math
import re
from pathlib import Path

import gymnasium
import mujoco
import numpy as np
import pytest
import yaml

from suite.lab.tasks import TASKS
from suite.published import comparability, csv_tables, measure, reading, references
from suite.published.anchors import ANCHORS, RANDOM_POLICY, random_policy
from suite.published.csv_tables import BrokenReference
from suite.published.references import Reference, trailing_mean, window
from suite.sac.identity import from_plain, to_plain
from suite.statistics.equivalence import to_sample_sd

LOADED = {reference.name: reference for reference in reading.load()}

# Mean and sample SD over seeds of the last tenth's evaluations, from the published files apart from the suite.
BY_HAND = {
    ("jaxrl/learned_alpha/HalfCheetah-v2", 50_000): (3909.677, 486.994),
    ("jaxrl/learned_alpha/HalfCheetah-v2", 100_000): (5725.155, 463.403),
    ("jaxrl/learned_alpha/HalfCheetah-v2", 200_000): (7394.996, 370.193),
    ("jaxrl_first/learned_alpha/HalfCheetah-v2", 100_000): (5181.189, 490.139),
    ("jaxrl_first/learned_alpha/Humanoid-v2", 1_000_000): (5110.319, 193.231),
    ("jaxrl/learned_alpha/Hopper-v2", 300_000): (2596.517, 514.300),
    ("jaxrl/learned_alpha/Humanoid-v2", 1_000_000): (4841.185, 317.598),
    ("nnabla_rl/sac/HalfCheetah-v2", 100_000): (5119.195, 256.521),
    ("nnabla_rl/sac/HalfCheetah-v2", 3_000_000): (15358.168, 160.033),
    ("nnabla_rl/sac/InvertedPendulum-v2", 300_000): (1000.0, 0.0),
    ("nnabla_rl/icml2018sac/HalfCheetah-v2", 50_000): (2584.191, 124.062),
    ("nnabla_rl/icml2018sac/Hopper-v2", 1_000_000): (3073.796, 331.054),
    ("tianshou_v0/fixed_alpha/HalfCheetah-v3", 100_000): (6159.592, 451.397),
    ("tianshou_v0/fixed_alpha/Humanoid-v3", 1_000_000): (5147.233, 287.810),
    ("mushroomrl_bench/learned_alpha/Pendulum-v0", 300_000): (-149.288, 25.157),
    ("rllib_2020/per/HalfCheetah-v3", 1_000_000): (8252.149, 1653.428),
    ("sb3_pendulum/learned_alpha/Pendulum-v1", 10_000): (-201.874, 28.202),
    ("sb3_pendulum/learned_alpha/Pendulum-v1", 50_000): (-187.796, 9.578),
    ("lwdrl/fixed_alpha/HalfCheetah-v2", 1_000_000): (10908.943, 754.055),
    ("lwdrl/fixed_alpha/Ant-v2", 100_000): (897.016, 60.361),
    ("spinningup_unsmoothed/pytorch/HalfCheetah-v2", 100_000): (5734.496, 399.293),
    ("spinningup_unsmoothed/pytorch/Humanoid-v2", 1_000_000): (4884.287, 375.568),
    ("mujoco_rl_benchmark/defaults/HalfCheetah-v5", 1_000_000): (8944.786, 2651.785),
    ("mujoco_rl_benchmark/late_start/Walker2d-v5", 300_000): (1839.977, 316.254),
    ("nnabla_rl/redq/Ant-v2", 300_000): (4018.421, 1558.503),
    ("nnabla_rl/qrsac/HalfCheetah-v2", 1_000_000): (10404.336, 482.503),
    ("rl_stats/value_net/HalfCheetah-v2", 100_000): (5823.008, 477.206),
    ("rl_stats/value_net/HalfCheetah-v2", 2_000_000): (11865.95, 829.277),
}

# As printed by the sources themselves: mean, and the SD over runs that the spread beside it gives (None: none does).
PRINTED = {
    ("pfrl/learned_alpha/HalfCheetah-v2", 3_000_000): (15120.03, None),
    ("cleanrl/learned_alpha/HalfCheetah-v4", 1_000_000): (9634.89, 1423.73 * math.sqrt(3 / 2)),
    ("tianshou_best/fixed_alpha/Hopper-v3", 1_000_000): (3542.2, 51.5 * math.sqrt(10 / 9)),
    ("nnabla_rl_best/sac/Hopper-v2", 1_000_000): (3572.477, None),
    ("rl_zoo3/tuned/Pendulum-v1", 20_000): (-156.995, None),
    # the source's own table has 9747 +- 1727 and 4499 +- 325, with n = 5 in the denominator
    ("deep_rl_mujoco_v5/learned_alpha/HalfCheetah-v5", 1_000_000): (9747, 1727 * math.sqrt(5 / 4)),
    ("deep_rl_mujoco_v5/learned_alpha/Walker2d-v5", 1_000_000): (4499, 325 * math.sqrt(5 / 4)),
}

# source/variant -> environments, runs, presets that have its settings
SOURCES = {
    "jaxrl/learned_alpha": (5, 10, {"jaxrl", "jaxrl_curves"}),
    "jaxrl_first/learned_alpha": (5, 10, {"jaxrl_curves"}),
    "nnabla_rl/sac": (8, 3, {"sac_v2"}),
    "nnabla_rl/icml2018sac": (4, 3, {"sac_v1"}),
    "tianshou_v0/fixed_alpha": (9, 10, {"tianshou"}),
    "sb3_pendulum/learned_alpha": (1, 5, {"stable_baselines3", "stable_baselines3_common", "sac_v2"}),
    "mushroomrl_bench/learned_alpha": (5, 25, set()),
    "rllib_2020/per": (1, 14, set()),
    "mujoco_v5_validation/learned_alpha": (2, 10, {"stable_baselines3"}),
    "spinningup/tf1": (5, 10, {"spinningup_tf1"}),
    "spinningup/pytorch": (5, 10, {"spinningup"}),
    "tianshou_2025/fixed_alpha": (1, 5, {"tianshou"}),
    "deep_rl_mujoco_v5/learned_alpha": (3, 5, set()),
    "lwdrl/fixed_alpha": (6, 8, {"lwdrl"}),
    "spinningup_unsmoothed/pytorch": (7, 5, {"spinningup"}),
    "rl_stats/value_net": (1, 192, {"spinningup_2018"}),
    "mujoco_rl_benchmark/defaults": (3, 5, {"stable_baselines3"}),
    "mujoco_rl_benchmark/late_start": (3, 3, {"stable_baselines3", "stable_baselines3_common"}),
    "nnabla_rl/redq": (4, 3, set()),
    "nnabla_rl/qrsac": (8, 3, {"qr_sac"}),
}


def test_the_curves_are_those_of_the_inventory():
    found: dict[str, list[Reference]] = {}
    for reference in LOADED.values():
        if f"{reference.source}/{reference.variant}" in SOURCES:
            found.setdefault(f"{reference.source}/{reference.variant}", []).append(reference)
    summed_up = {
        name: (len(of), *{summary.n for one in of for summary in one.summaries.values()}, set(of[0].presets))
        for name, of in found.items()
    }
    assert summed_up == SOURCES


@pytest.mark.parametrize(("name", "at"), BY_HAND)
def test_a_window_mean_is_the_published_one(name, at):
    mean, sd = BY_HAND[name, at]
    assert LOADED[name].summaries[at].mean == pytest.approx(mean, abs=0.002)
    assert LOADED[name].summaries[at].sd == pytest.approx(sd, abs=0.002)
    assert LOADED[name].statistic == "window_mean"


@pytest.mark.parametrize(("name", "at"), PRINTED)
def test_a_printed_figure_is_kept_and_its_spread_converted(name, at):
    mean, sd = PRINTED[name, at]
    assert LOADED[name].summaries[at].mean == pytest.approx(mean, abs=0.5)
    assert LOADED[name].summaries[at].sd == (None if sd is None else pytest.approx(sd, abs=0.7))


def test_figures_and_anchors_are_of_one_source():
    """The anchors were taken from the same publications on a way of their own."""
    with ANCHORS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = {(reference.source, reference.environment): reference for reference in LOADED.values()}
    compared = set()
    for row in rows:
        environment = row["task"] if row["source"] == "mujoco_v5_validation" else row["environment"]
        source = names.get((row["source"], environment))
        if source and source.statistic == "window_mean":
            mean = source.summaries[int(row["env_steps"])].mean
            assert float(row["reference"]) == pytest.approx(mean, abs=0.002), row["task"]
            compared.add(source.name)
    assert len(compared) >= 15


@pytest.mark.parametrize("reference", LOADED.values(), ids=LOADED)
def test_a_reference_is_complete_and_citable(reference):
    assert re.fullmatch("[0-9a-f]{40}", reference.commit) and re.fullmatch(r"[\w.-]+/[\w.-]+", reference.repository)
    assert reference.citation == f"{reference.repository}@{reference.commit[:7]}, {reference.place}"
    assert reference.name == f"{reference.source}/{reference.variant}/{reference.environment}"
    assert list(reference.summaries) == sorted(reference.summaries) and min(reference.summaries) > 0
    for name, kind in Reference.__annotations__.items():
        assert kind is not str or getattr(reference, name), name
    anchors = random_policy()
    for task in reference.tasks:
        for at, summary in reference.summaries.items():
            assert summary.mean > anchors[task].mean, f"a margin taken from it would be negative at {at}"


@pytest.mark.parametrize("reference", LOADED.values(), ids=LOADED)
def test_a_summary_follows_from_its_runs_or_its_spread(reference):
    for at, summary in reference.summaries.items():
        if reference.values:
            assert summary == references.Summary(
                pytest.approx(np.mean(reference.values[at])),
                pytest.approx(np.std(reference.values[at], ddof=1)),
                len(reference.values[at]),
                pytest.approx(np.std(reference.values[at], ddof=1)),
                "sd_ddof1",
            )
        elif summary.sd is not None:
            assert summary.sd == to_sample_sd(summary.spread, summary.spread_kind, summary.n)
        else:
            assert summary.spread_kind in ("sd_over_episodes", "unknown", "none")
            assert (summary.spread is None) == (summary.spread_kind == "none")


@pytest.mark.parametrize("reference", LOADED.values(), ids=LOADED)
def test_the_presets_have_the_settings_but_for_the_changes(reference):
    """A change that the preset has already, or a path that no switch has, would be compared with nothing."""
    for name, changes in reference.presets.items():
        preset = importlib.import_module(f"implementations.presets.{name}")
        for task in reference.tasks or ("HalfCheetah-v5",):
            parts = {part: to_plain(part) for part in (preset.SPEC, preset.SCHEDULE)}
            for plain in parts.values():
                plain |= {field: to_plain(to) for field, to in preset.PER_TASK.get(task, {}).items() if field in plain}
            for path, to in changes.items():
                *outer, last = path.split(".")
                plain = next(plain for plain in parts.values() if path.partition(".")[0] in plain)
                for part in outer:
                    plain = plain[part]
                assert last in plain and plain[last] != to, path
                plain[last] = to
            for part, plain in parts.items():
                from_plain(type(part), plain)  # refuses what has no meaning


def test_what_can_never_decide_says_why():
    advisory = {name: reference.advisory for name, reference in LOADED.items()}
    may_decide = {"/".join(name.split("/")[:2]) for name, reasons in advisory.items() if not reasons}
    assert may_decide == {
        "jaxrl/learned_alpha",
        "nnabla_rl/sac",
        "nnabla_rl/icml2018sac",
        "nnabla_rl/qrsac",
        "tianshou_v0/fixed_alpha",
        "sb3_pendulum/learned_alpha",
        "mujoco_v5_validation/learned_alpha",
        "lwdrl/fixed_alpha",
        "spinningup_unsmoothed/pytorch",
        "rl_stats/value_net",
        "mujoco_rl_benchmark/defaults",
    }
    assert advisory["mujoco_v5_validation/learned_alpha/Ant-v5"] == ()
    assert advisory["mujoco_v5_validation/learned_alpha/Ant-v4"] == ("another reward",)
    for name, reason in {
        "tianshou_best/fixed_alpha/Ant-v3": "maximum over training",
        "cleanrl/learned_alpha/Hopper-v4": "training return",
        "slm_lab/tuned/Ant-v5": "training return",
        "rl_zoo3/tuned/Ant-v3": "single agent",
        "sac_v2_paper_by_pfrl/learned_alpha/Ant-v2": "digitised figure",
        "sac_v1_paper_by_tianshou/value_net/Ant": "digitised figure",
        "mushroomrl_bench/learned_alpha/Ant-v3": "unstated protocol",
        "deep_rl_mujoco_v5/learned_alpha/Hopper-v5": "unstated protocol",
        "rllib_2020/per/HalfCheetah-v3": "prioritised replay",
        "spinningup/tf1/Ant-v3": "smoothed over 11 epochs",
        "pfrl/learned_alpha/Ant-v2": "no spread",
        "nnabla_rl/redq/Ant-v2": "no preset has its settings",
        "mujoco_rl_benchmark/late_start/Hopper-v5": "of several warm-ups, the one that did best in a trial of two "
        "seeds",
        "jaxrl_first/learned_alpha/Ant-v2": "rewritten out of the repository's history by its authors "
        "(refs/pull/12/head still holds it)",
    }.items():
        assert reason in advisory[name], name


def test_files_that_may_not_be_copied_are_cited_by_mean_and_spread_only():
    for reference in LOADED.values():
        if "GPL" in reference.licence or "none stated" in reference.licence:
            assert not reference.values and "not copied" in reference.licence, reference.name
            assert all(summary.sd is not None for summary in reference.summaries.values())


def test_tianshou_s_steps_count_the_warm_up():
    """20,000 true steps are the published 10,000; the published 20,000 have 2,641 already."""
    reference = LOADED["tianshou_v0/fixed_alpha/HalfCheetah-v3"]
    assert reference.summaries[20_000].mean == pytest.approx(865.359, abs=0.002)
    later = LOADED["tianshou_2025/fixed_alpha/Ant-v4"]
    assert later.summaries[20_000].mean == pytest.approx(-8.366, abs=0.001)  # the published 10,000
    for name, one in LOADED.items():
        assert ("10,000 random steps" in one.step_axis) == ("tianshou_" in name and "paper" not in name), name


def test_spinning_up_s_steps_are_counted_from_one():
    """The published 99,999 is the 100,000th step, and the window that ends there holds three of every 4,000."""
    with (csv_tables.DATA / "spinningup_unsmoothed.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["env_step"] == "100000"]
    assert len(rows) == 35 and {row["evaluations"] for row in rows} == {"3"}


def test_a_curve_with_lost_evaluations_begins_when_all_seeds_have_them():
    name = "mujoco_rl_benchmark/{}"
    assert min(LOADED[name.format("defaults/HalfCheetah-v5")].summaries) == 300_000
    assert min(LOADED[name.format("late_start/Walker2d-v5")].summaries) == 200_000
    assert min(LOADED[name.format("defaults/Hopper-v5")].summaries) == 50_000


def test_a_curve_that_collapses_ends_before():
    assert max(LOADED["nnabla_rl/sac/InvertedPendulum-v2"].values) == 300_000


def test_smoothed_curves_start_where_the_smoothing_does_no_harm():
    assert {min(one.summaries) for one in LOADED.values() if one.source == "spinningup"} == {200_000}


def test_the_table_of_evaluations_agrees_with_the_window():
    for source in {reference.source for reference in LOADED.values() if reference.values}:
        every = next(reference.evaluate_every for reference in LOADED.values() if reference.source == source)
        for row in csv.DictReader((csv_tables.DATA / f"{source}.csv").open(newline="")):
            at = int(row["env_step"])
            assert at % every == 0, "a window that ends before its step is a window of another step"
            assert int(row["evaluations"]) == at // every - (at - window(at, every)) // every


GATE_COLUMNS = "task,from_step,to_step,primary,reason"

COMPARABLE = {
    "HalfCheetah-v5": {"HalfCheetah-v2", "HalfCheetah-v3", "HalfCheetah-v4", "HalfCheetah-v5"},
    "Swimmer-v4": {"Swimmer-v2", "Swimmer-v3", "Swimmer-v4", "Swimmer-v5"},
    "Hopper-v5": {"Hopper-v2", "Hopper-v3", "Hopper-v4", "Hopper-v5"},
    "Walker2d-v4": {"Walker2d-v2", "Walker2d-v3", "Walker2d-v4"},
    "Walker2d-v5": {"Walker2d-v5"},
    "Ant-v4": {"Ant-v2", "Ant-v3", "Ant-v4"},
    "Ant-v5": {"Ant-v5"},
    "Humanoid-v4": {"Humanoid-v4"},
    "Humanoid-v5": {"Humanoid-v5"},
    "Reacher-v4": {"Reacher-v2", "Reacher-v4"},
    "Reacher-v5": {"Reacher-v5"},
    "InvertedPendulum-v5": {"InvertedPendulum-v2", "InvertedPendulum-v4", "InvertedPendulum-v5"},
    "Pusher-v5": {"Pusher-v5"},
    "Pendulum-v1": {"Pendulum-v0", "Pendulum-v1"},
}


@pytest.mark.parametrize("task", COMPARABLE)
def test_the_versions_that_stand_for_a_task(task):
    assert {environment for of, environment in comparability.versions() if of == task} == COMPARABLE[task]


def test_every_rule_is_of_a_task_and_says_who_says_so():
    rules = comparability.versions()
    assert {task for task, _ in rules} == set(TASKS) - {"MultiGoal-v0"}  # the suite's own
    for (task, environment), rule in rules.items():
        assert task.split("-")[0] == environment.split("-")[0]
        assert re.search(r"@[0-9a-f]{40} |issue \d+", rule.source) and rule.reason
        if task == environment:
            assert rule.from_step == 0
    for reference in LOADED.values():
        assert set(reference.tasks) == {task for task in TASKS if (task, reference.environment) in rules}


def test_other_versions_of_the_inverted_pendulums_are_compared_on_the_plateau_only():
    for name in ("InvertedPendulum", "InvertedDoublePendulum"):
        assert not comparability.comparable(f"{name}-v5", f"{name}-v2", 49_999)
        assert comparability.comparable(f"{name}-v5", f"{name}-v2", 50_000)
        assert comparability.comparable(f"{name}-v5", f"{name}-v5", 1_000)
    assert comparability.comparable("Hopper-v5", "Hopper-v2", 1_000)
    assert not comparability.comparable("Walker2d-v5", "Walker2d-v4", 1_000_000)
    assert not comparability.comparable("Hopper-v5", "HalfCheetah-v5", 1_000_000)


def marked(task, at):
    """Whether gate.csv has a row for a task at a step."""
    return any(steps.first <= at <= steps.last for steps in comparability.gate().get(task, ()))


@pytest.mark.parametrize(
    ("task", "yes", "no"),
    [
        ("HalfCheetah-v4", (100_000, 200_000, 1_000_000, 3_000_000), (20_000, 50_000, 150_000, 300_000, 500_000)),
        ("HalfCheetah-v5", (100_000, 200_000, 1_000_000), (50_000, 300_000)),
        ("InvertedDoublePendulum-v4", (50_000, 1_000_000), (20_000, 49_999)),
        ("InvertedDoublePendulum-v5", (50_000, 300_000), (20_000,)),
        ("Pendulum-v1", (10_000, 20_000, 50_000), (5_000,)),
        ("Reacher-v4", (20_000, 50_000, 1_000_000), ()),
        ("Reacher-v5", (), (50_000,)),
        ("Hopper-v5", (1_000_000, 2_000_000), (100_000, 500_000)),
        ("Walker2d-v4", (1_000_000,), (500_000,)),
        ("Walker2d-v5", (), (1_000_000,)),
        ("Swimmer-v5", (200_000, 1_000_000), (100_000,)),
        ("Ant-v4", (), (1_000_000,)),
    ],
)
def test_what_decides_by_default(task, yes, no):
    assert all(marked(task, at) for at in yes)
    assert not any(marked(task, at) for at in no)


def test_what_decides_has_seeds_that_agree():
    """The gate's own ground: the SD over ten or five published seeds stays below what is tolerated."""
    floors = random_policy()
    for name in ("jaxrl/learned_alpha/HalfCheetah-v2", "sb3_pendulum/learned_alpha/Pendulum-v1"):
        reference = LOADED[name]
        for task in reference.tasks:
            for at in (at for at in reference.summaries if marked(task, at)):
                assert reference.summaries[at].sd < 0.1 * (reference.summaries[at].mean - floors[task].mean), (name, at)


def test_the_folder_stays_small():
    assert sum(file.stat().st_size for file in csv_tables.DATA.iterdir() if file.is_file()) < 1_500_000


def test_the_window_trails_its_step():
    env_steps, values = np.arange(1000, 21_000, 1000), np.arange(1.0, 21.0)
    assert window(20_000, 1000) == 2000
    assert trailing_mean(env_steps, values, 20_000, 1000) == (19.5, 2)  # 19,000 and 20,000; 18,000 is its open end
    assert trailing_mean(env_steps, values, 5_900, 1000) == (5.0, 1)  # 590 steps hold no evaluation: one interval does
    assert trailing_mean(env_steps, values, 19_500, 1000) == (18.5, 2)  # (17,550, 19,500]
    assert trailing_mean([1000, 2000], [1.0, 2.0], 20_000, 1000)[1] == 0
    assert math.isnan(trailing_mean([1000, 2000], [1.0, 2.0], 20_000, 1000)[0])


def test_the_window_counts_published_evaluations_without_rounding():
    env_steps = np.arange(5000, 1_000_001, 5000)
    counts = {at: trailing_mean(env_steps, env_steps, at, 5000)[1] for at in (50_000, 100_000, 300_000, 1_000_000)}
    assert counts == {50_000: 1, 100_000: 2, 300_000: 6, 1_000_000: 20}


def copy_of(source: str, folder: Path, change=None, table=None) -> Path:
    """A source's two files in a folder of their own, its metadata or its table changed."""
    data = yaml.safe_load((csv_tables.DATA / f"{source}.yaml").read_text())
    rows = (csv_tables.DATA / f"{source}.csv").read_text().splitlines()
    if change:
        change(data)
    (folder / f"{source}.yaml").write_text(yaml.safe_dump(data))
    (folder / f"{source}.csv").write_text("\n".join(table(rows) if table else rows) + "\n")
    return folder


@pytest.mark.parametrize("source", ["sb3_pendulum", "spinningup", "tables"])
def test_an_unchanged_copy_loads(source, tmp_path):
    copied = reading.load(copy_of(source, tmp_path))
    assert copied == [LOADED[reference.name] for reference in copied] and copied


REQUIRED = [
    name
    for name in Reference.__annotations__
    if name not in ("source", "variant", "environment", "tasks", "values", "summaries", "known_error")
]


@pytest.mark.parametrize("field", REQUIRED)
def test_every_field_is_required(field, tmp_path):
    def without(data):
        data.pop(field, None)
        data["variants"]["learned_alpha"].pop(field, None)
        data["variants"]["learned_alpha"]["environments"]["Pendulum-v1"].pop(field, None)

    with pytest.raises(BrokenReference, match=rf"sb3_pendulum\.yaml: {field} is missing"):
        reading.load(copy_of("sb3_pendulum", tmp_path, without))


@pytest.mark.parametrize(
    ("change", "table", "message"),
    [
        (lambda d: d.update(licens="MIT"), None, r"\.yaml: licens is no field"),
        (lambda d: d.update(episodes_per_evaluation="ten"), None, r"\.yaml: episodes_per_evaluation must be int"),
        (lambda d: d.update(commit="7297f85"), None, r"\.yaml: commit must be 40 hexadecimal digits, not '7297f85'"),
        (lambda d: d.update(statistic="best"), None, r"\.yaml: statistic must be one of window_mean, last"),
        (lambda d: d.update(kind_of_return="mean"), None, r"\.yaml: kind_of_return must be one of deterministic"),
        (lambda d: d.update(kind_of_return="training"), None, r"\.yaml: advisory must say 'training return'"),
        (lambda d: d.update(kind_of_return="unknown"), None, r"\.yaml: advisory must say 'unstated protocol'"),
        (lambda d: d.update(statistic="maximum"), None, r"\.yaml: advisory must say 'maximum over training'"),
        (lambda d: d.update(statistic="smoothed"), None, r"\.yaml: advisory must say 'smoothed'"),
        (lambda d: d["variants"]["learned_alpha"].update(presets={}), None, "must say 'no preset has its settings'"),
        (lambda d: d["variants"]["learned_alpha"].update(presets={"sac_v2": None}), None, "say the changes of sac_v2"),
        (lambda d: d["recipe"].update(runs=6), None, r"\.csv: seed has 5 values at env_step 5000, .* runs are 6"),
        (lambda d: d["recipe"].update(points=[5000]), None, r"\.csv: env_step must run over the points"),
        (
            lambda d: d["recipe"].update(seeds=5),
            None,
            r"\.yaml: recipe must have points, runs, added_steps, spread_kind",
        ),
        (lambda d: d.update(variants={}), None, r"\.yaml: variants must name"),
        (lambda d: d["variants"]["learned_alpha"].pop("environments"), None, r"\.yaml: environments must name"),
        (None, lambda rows: [*rows, rows[-1]], r"\.csv: seed 4 stands twice at env_step 50000"),
        (None, lambda rows: [*rows[:-1], "learned_alpha,Pendulum-v1,4,50000,5,nan"], r"\.csv: value must be a finite"),
        (None, lambda rows: [*rows[:-1], "learned_alpha,Pendulum-v1,4,5e-1,5,-1"], r"env_step must be a whole number"),
        (
            None,
            lambda rows: [*rows[:-1], "other,Pendulum-v1,4,50000,5,-190"],
            r"\.csv: sb3_pendulum/other/Pendulum-v1 is",
        ),
        (None, lambda rows: [rows[0]], r"\.csv: env_step has no row of sb3_pendulum/learned_alpha/Pendulum-v1"),
        (
            None,
            lambda rows: ["seed,env_step,value", *rows[1:]],
            r"\.csv: the columns must be variant, environment, seed",
        ),
    ],
)
def test_a_broken_source_is_refused_by_file_and_field(change, table, message, tmp_path):
    with pytest.raises(BrokenReference, match=message):
        reading.load(copy_of("sb3_pendulum", tmp_path, change, table))


SUMMARY = "deep_rl_mujoco_v5,learned_alpha,HalfCheetah-v5,100000,4905.677"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f"{SUMMARY},498.67,sd,5", r"\.csv: spread_kind must be one of sd_ddof1, .*, not 'sd'"),
        (f"{SUMMARY},,sd_ddof1,5", r"\.csv: spread_kind is 'sd_ddof1' beside a spread of ''"),
        (f"{SUMMARY},498.67,none,5", r"\.csv: spread_kind is 'none' beside a spread of '498.67'"),
        (f"{SUMMARY},498.67,sd_ddof1,1", r"\.csv: n must be at least 2"),
        (f"{SUMMARY},498.67,sd_ddof1,", r"\.csv: n must be at least 2"),
        (f"{SUMMARY},-1,sd_ddof1,5", r"\.csv: spread must be a finite number of at least 0"),
        (f"{SUMMARY},498.67,unknown,5", r"\.yaml: advisory must say 'no spread'"),
        (f"{SUMMARY},498.67,sd_over_episodes,1", r"\.yaml: advisory must say 'single agent'"),
        (SUMMARY.replace("HalfCheetah", "Ant") + ",1,sem,5", r"\.csv: deep_rl_mujoco_v5/learned_alpha/Ant-v5 is not"),
        (SUMMARY.replace("100000", "50000") + ",1,sem,5", r"\.csv: env_step 50000 stands twice"),
    ],
)
def test_a_broken_summary_is_refused(row, message, tmp_path):
    def swapped(rows):
        at = next(n for n, old in enumerate(rows) if old.startswith(SUMMARY))
        return [*rows[:at], row, *rows[at + 1 :]]

    with pytest.raises(BrokenReference, match=message):
        reading.load(copy_of("deep_rl_mujoco_v5", tmp_path, table=swapped))


def test_a_source_without_its_table_is_refused(tmp_path):
    (copy_of("sb3_pendulum", tmp_path) / "sb3_pendulum.csv").unlink()
    with pytest.raises(BrokenReference, match=r"sb3_pendulum\.csv: the table is missing"):
        reading.load(tmp_path)


def test_two_sources_of_one_name_are_refused(tmp_path):
    copy_of("tables", tmp_path)
    data = yaml.safe_load((tmp_path / "tables.yaml").read_text())
    own = data.pop("sources")["rllib_readme"]
    (tmp_path / "rllib_readme.yaml").write_text(yaml.safe_dump(data | own))
    rows = (tmp_path / "tables.csv").read_text().splitlines()
    (tmp_path / "rllib_readme.csv").write_text("\n".join([rows[0], *(r for r in rows if "rllib_readme" in r)]) + "\n")
    with pytest.raises(BrokenReference, match="rllib_readme/learned_alpha/HalfCheetah-v3 stands in two sources"):
        reading.load(tmp_path)


@pytest.mark.parametrize(
    ("reader", "rows", "message"),
    [
        (
            comparability.versions,
            ["task,environment,from_step,reason,source", "A-v5,A-v5,0,same,"],
            "source is missing",
        ),
        (comparability.versions, ["task,environment,from_step,reason,source", *["A,A,0,r,s"] * 2], "A has two rules"),
        (
            comparability.versions,
            ["task,environment,from_step,reason,source", "A,A,soon,r,s"],
            "from_step must be a finite",
        ),
        (comparability.versions, ["task,environment"], "the columns must be task, environment, from_step"),
        (comparability.gate, [GATE_COLUMNS, "A,100,50,,r"], "to_step must not lie before from_step"),
        (comparability.gate, [GATE_COLUMNS, "A,100,,yes,"], "reason is missing"),
        (comparability.gate, [GATE_COLUMNS, "A,100,,no,r"], "primary must be yes or empty, not 'no'"),
    ],
)
def test_broken_rules_are_refused(reader, rows, message, tmp_path):
    (tmp_path / "rules.csv").write_text("\n".join(rows) + "\n")
    with pytest.raises(BrokenReference, match=rf"rules\.csv: .*{message}"):
        reader(tmp_path / "rules.csv")


def test_the_random_policy_is_known_for_every_task():
    anchors = random_policy()
    assert set(anchors) == set(TASKS) - {"MultiGoal-v0"}  # the suite's own, of which nothing is published
    for task, anchor in anchors.items():
        assert anchor.episodes == 100 and anchor.sd > 0 and anchor.versions["mujoco"], task
    assert anchors["HalfCheetah-v5"].mean == pytest.approx(-280, abs=30)  # the order of magnitude everyone reports
    assert anchors["Pendulum-v1"].mean == pytest.approx(-1220, abs=100)


def test_a_task_measured_twice_is_refused(tmp_path):
    rows = (csv_tables.DATA / "random_policy.csv").read_text().splitlines()
    (tmp_path / "random_policy.csv").write_text("\n".join([*rows, rows[-1]]) + "\n")
    with pytest.raises(BrokenReference, match="stands there twice"):
        random_policy(tmp_path / "random_policy.csv")


def test_measuring_again_gives_the_row_that_is_there():
    """The seed rule makes the table a function of the versions it names."""
    with RANDOM_POLICY.open(newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["task"] == "Pendulum-v1")
    if (row["gymnasium"], row["mujoco"]) != (gymnasium.__version__, mujoco.__version__):
        pytest.skip("measured with other versions")
    again = measure.measure("Pendulum-v1")
    assert float(again.pop("mean")) == pytest.approx(float(row.pop("mean")), rel=1e-6)
    assert float(again.pop("sd")) == pytest.approx(float(row.pop("sd")), rel=1e-6)
    assert {name: str(value) for name, value in again.items()} == row


def test_measure_rewrites_its_rows_and_keeps_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "random_returns", lambda task, episodes: np.array([1.0, 3.0]))
    table = tmp_path / "random_policy.csv"
    table.write_text((csv_tables.DATA / "random_policy.csv").read_text())
    measure.main(["Pendulum-v1"], table)
    before, after = random_policy(), random_policy(table)
    assert (after["Pendulum-v1"].mean, after["Pendulum-v1"].sd) == (2.0, pytest.approx(math.sqrt(2), abs=1e-4))
    assert {t: a for t, a in after.items() if t != "Pendulum-v1"} == {
        t: a for t, a in before.items() if t != "Pendulum-v1"
    }


def test_random_actions_fill_the_box():
    """Pendulum's torque reaches 2: actions of the unit box would cost at most a quarter of its action penalty."""
    drawn = []

    class Watch(gymnasium.ActionWrapper):
        def action(self, action):
            drawn.append(action)
            return action

    make = gymnasium.make
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gymnasium, "make", lambda task: Watch(make(task)))
        measure.random_returns("Pendulum-v1", 2)
    drawn = np.concatenate(drawn)
    assert len(drawn) == 400 and drawn.min() < -1.9 and drawn.max() > 1.9 and abs(drawn.mean()) < 0.3
