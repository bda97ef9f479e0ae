"""The published figures: each file complete, each value the window's, and a broken file refused by name."""

import csv
import importlib
import math
from dataclasses import replace
from pathlib import Path

import gymnasium
import mujoco
import numpy as np
import pandas as pd
import pytest
import yaml

from suite import references
from suite.check import differences
from suite.identity import to_plain
from suite.references import BrokenReference, Reference, derive, measure, trailing_mean, window
from suite.schedule import Schedule
from suite.spec import SacSpec
from suite.tasks import TASKS

LOADED = {reference.name: reference for reference in references.load()}

# Means over seeds of the last tenth's evaluations, summed up from the published files apart from this code.
BY_HAND = {
    ("jaxrl_halfcheetah/learned_alpha", 50_000): 3909.7,
    ("jaxrl_halfcheetah/learned_alpha", 100_000): 5725.2,
    ("nnabla_rl_halfcheetah/sac", 50_000): 2876.9,
    ("nnabla_rl_halfcheetah/icml2018sac", 50_000): 2584.2,
    ("sb3_pendulum/learned_alpha", 10_000): -201.9,
    ("sb3_pendulum/learned_alpha", 50_000): -187.8,
}


def test_the_sources_are_those_of_the_issue():
    assert {name: reference.n_seeds for name, reference in LOADED.items()} == {
        "jaxrl_halfcheetah/learned_alpha": 10,
        "nnabla_rl_halfcheetah/icml2018sac": 3,
        "nnabla_rl_halfcheetah/sac": 3,
        "sb3_pendulum/learned_alpha": 5,
    }


@pytest.mark.parametrize(("name", "at"), BY_HAND)
def test_a_value_is_the_published_one(name, at):
    assert np.mean(LOADED[name].values[at]) == pytest.approx(BY_HAND[name, at], abs=0.06)


@pytest.mark.parametrize("reference", LOADED.values(), ids=LOADED)
def test_a_reference_is_complete_and_citable(reference):
    assert len(reference.commit) == 40
    assert reference.repository in reference.citation and reference.commit[:7] in reference.citation
    assert all(len(values) == reference.n_seeds for values in reference.values.values())
    assert set(reference.comparable_tasks) & set(TASKS), "no task of the suite could ever be compared"
    anchors = references.random_policy()
    for task in set(reference.comparable_tasks) & set(TASKS):
        for values in reference.values.values():
            assert np.mean(values) > anchors[task].mean, "a margin taken from it would be negative"


@pytest.mark.parametrize("reference", LOADED.values(), ids=LOADED)
def test_every_setting_names_a_field_that_exists(reference):
    """A misspelt path would differ from every cell and turn the reference to mere advice for ever."""
    from suite import spec

    kinds = {"temperature": ("FixedAlpha", "LearnedAlpha"), "value_net": ("ValueNet",), "std": ("ClipLogStd",)}
    top = {*SacSpec.__dataclass_fields__, *Schedule.__dataclass_fields__}
    for path in reference.settings:
        name, _, part = path.partition(".")
        assert name in top, path
        if part and part != "kind":
            kind = reference.settings[f"{name}.kind"]
            assert kind in kinds[name] and part in getattr(spec, kind).__dataclass_fields__, path


@pytest.mark.parametrize("reference", LOADED.values(), ids=LOADED)
def test_the_preset_named_has_the_settings(reference):
    """jaxrl aims at half the entropy of the paper's table, and is therefore advice; nothing else may differ."""
    preset = importlib.import_module(f"implementations.presets.{reference.preset}")
    for task in set(reference.comparable_tasks) & set(TASKS):
        own = preset.PER_TASK.get(task, {})
        parts = [
            replace(part, **{name: value for name, value in own.items() if name in part.__dataclass_fields__})
            for part in (preset.SPEC, preset.SCHEDULE)
        ]
        differs = differences(reference.settings, *map(to_plain, parts), at=50_000)
        expected = ["temperature.entropy_per_dim"] if reference.source == "jaxrl_halfcheetah" else []
        assert list(differs) == expected, task


def test_the_table_of_evaluations_agrees_with_the_window():
    for file in references.HERE.glob("*_*.csv"):
        if file.stem == "random_policy":
            continue
        every = LOADED[next(name for name in LOADED if name.startswith(file.stem))].evaluate_every
        for row in csv.DictReader(file.open(newline="")):
            assert int(row["evaluations"]) == max(int(row["env_step"]) // 10 // every, 1)


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


def test_derive_takes_its_own_variant_and_environment_only():
    metadata = {"a": {"environment": "E-v1", "points": (2000,), "evaluate_every": 1000}}
    evaluations = pd.DataFrame(
        [
            ("a", "E-v1", 1, 1000, 5.0),
            ("a", "E-v1", 1, 2000, 7.0),
            ("b", "E-v1", 1, 2000, 0.0),
            ("a", "F", 1, 2000, 0.0),
        ],
        columns=["variant", "env", "seed", "step", "value"],
    )
    assert derive.derive(evaluations, metadata).to_dict("records") == [
        {"variant": "a", "seed": 1, "env_step": 2000, "evaluations": 1, "value": 7.0}
    ]


def copy_of(source: str, folder: Path, change=None, table=None) -> Path:
    """A source's two files in a folder of their own, its metadata or its table changed."""
    data = yaml.safe_load((references.HERE / f"{source}.yaml").read_text())
    rows = (references.HERE / f"{source}.csv").read_text().splitlines()
    if change:
        change(data)
    (folder / f"{source}.yaml").write_text(yaml.safe_dump(data))
    (folder / f"{source}.csv").write_text("\n".join(table(rows) if table else rows) + "\n")
    return folder


def test_an_unchanged_copy_loads(tmp_path):
    assert references.load(copy_of("sb3_pendulum", tmp_path)) == [LOADED["sb3_pendulum/learned_alpha"]]


REQUIRED = [name for name in Reference.__annotations__ if name not in ("source", "variant", "values")]


@pytest.mark.parametrize("field", REQUIRED)
def test_every_field_is_required(field, tmp_path):
    def without(data):
        data.pop(field, None)
        data["variants"]["learned_alpha"].pop(field, None)

    with pytest.raises(BrokenReference, match=rf"sb3_pendulum\.yaml: {field} is missing"):
        references.load(copy_of("sb3_pendulum", tmp_path, without))


@pytest.mark.parametrize(
    ("change", "table", "message"),
    [
        (lambda d: d.update(licens="MIT"), None, r"\.yaml: licens is no field"),
        (lambda d: d.update(n_seeds="five"), None, r"\.yaml: n_seeds must be int, not 'five'"),
        (lambda d: d.update(n_seeds=6), None, r"\.csv: seed has 5 values at env_step 5000, n_seeds .* is 6"),
        (lambda d: d.update(points=[5000]), None, r"\.csv: env_step must run over the points"),
        (lambda d: d.update(variants={}), None, r"\.yaml: variants must name"),
        (None, lambda rows: [*rows, rows[-1]], r"\.csv: seed 4 stands twice at env_step 50000"),
        (None, lambda rows: [*rows[:-1], "learned_alpha,4,50000,5,nan"], r"\.csv: value must be a finite number"),
        (None, lambda rows: [*rows[:-1], "other,4,50000,5,-190"], r"\.csv: variant other is not among"),
        (None, lambda rows: ["seed,env_step,value", *rows[1:]], r"\.csv: the columns must be variant, seed"),
    ],
)
def test_a_broken_source_is_refused_by_file_and_field(change, table, message, tmp_path):
    with pytest.raises(BrokenReference, match=message):
        references.load(copy_of("sb3_pendulum", tmp_path, change, table))


def test_a_source_without_its_table_is_refused(tmp_path):
    (copy_of("sb3_pendulum", tmp_path) / "sb3_pendulum.csv").unlink()
    with pytest.raises(BrokenReference, match=r"sb3_pendulum\.csv: the table is missing"):
        references.load(tmp_path)


def test_the_random_policy_is_known_for_every_task():
    anchors = references.random_policy()
    assert set(anchors) == set(TASKS)
    for task, anchor in anchors.items():
        assert anchor.episodes == 100 and anchor.sd > 0 and anchor.versions["mujoco"], task
    assert anchors["HalfCheetah-v5"].mean == pytest.approx(-280, abs=30)  # the order of magnitude everyone reports
    assert anchors["Pendulum-v1"].mean == pytest.approx(-1220, abs=100)


def test_a_task_measured_twice_is_refused(tmp_path):
    rows = (references.HERE / "random_policy.csv").read_text().splitlines()
    (tmp_path / "random_policy.csv").write_text("\n".join([*rows, rows[-1]]) + "\n")
    with pytest.raises(BrokenReference, match="stands there twice"):
        references.random_policy(tmp_path / "random_policy.csv")


def test_measuring_again_gives_the_row_that_is_there():
    """The seed rule makes the table a function of the versions it names."""
    with references.RANDOM_POLICY.open(newline="") as file:
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
    table.write_text((references.HERE / "random_policy.csv").read_text())
    measure.main(["Pendulum-v1"], table)
    before, after = references.random_policy(), references.random_policy(table)
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
