"""Frozen baselines: what is kept of a study, what a drifted one is told, and the gate of continuous integration."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from builders.check_study import GOOD, PENDULUM, RANDOM, pendulum, study, together, written
from builders.runs import ROOT, called
from scipy import stats

from suite.analysis.results_file import to_plain
from suite.errors import UsageError
from suite.gate import baseline, check, drift, outcome, terminal, window_means
from suite.statistics import equivalence
from suite.study.config import Check


def saved(folder: Path, tables, name="before", **options) -> str:
    """The path under which a study of these tables is frozen."""
    path = str(folder / "baselines" / f"{name}.csv")
    study_dir = folder / "study"
    study_dir.mkdir(exist_ok=True)
    baseline.save(path, written(study_dir, tables), [PENDULUM], RANDOM, **options)
    return path


def against(tables, path, **options):
    return drift.compare(tables, baseline.load(path), **options)


def at_10k(found):
    (row,) = (row for row in found.rows if row.env_step == 10_000)
    return row


SCATTERED = [-190.0, -400.0, -95.0, -280.0, -505.0]


# --- what is kept


def test_a_baseline_holds_every_runs_window_mean_at_shares_of_the_budget_and_where_something_is_published(tmp_path):
    path = saved(tmp_path, pendulum(GOOD))
    kept = baseline.load(path)
    (key,) = kept.cells
    assert key == ("Pendulum-v1", "torch", "0123456789") and kept.name == "before"
    assert sorted(kept.values[key]) == [2_000, 5_000, 7_000, 10_000]  # 20,000 lies beyond the budget
    assert all(at == pytest.approx(dict(enumerate(GOOD))) for at in kept.values[key].values())
    cell = kept.cells[key]
    assert cell.variant == "sac_v2" and cell.evaluation == baseline.EvaluationProtocol(every=1000, episodes=2)
    assert cell.code_id == "c0de" and cell.versions == {"numpy": "2.4.6"} and cell.random_policy == -1200
    assert cell.spec["hidden"] == [256, 256] and len(cell.settings_sha256) == 64


def test_numbers_come_back_bit_for_bit(tmp_path):
    values = [value / 3 for value in GOOD]
    found = against(pendulum(values), saved(tmp_path, pendulum(values)))
    assert all(row.identical == row.seeds_in_both == 5 for row in found.rows)


def test_a_failed_run_is_kept_at_the_floor_and_marked_and_one_without_a_result_is_not_kept(tmp_path):
    accidents = {
        1: {"status": "diverged", "stopped_at": 6_000},
        2: {"status": "timeout"},
        3: {"stale": True},
        4: {"status": "missing"},
    }
    path = saved(tmp_path, pendulum(GOOD, accidents=accidents))
    with Path(path).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["seed"]: row["status"] for row in rows} == {"0": "finished", "1": "diverged"}
    values = {(row["seed"], row["env_step"]): float(row["value"]) for row in rows}
    assert values["1", "10000"] == -1200 and values["1", "5000"] == pytest.approx(GOOD[1])
    with pytest.raises(UsageError, match=r"no run of .* has a result"):
        saved(tmp_path, pendulum(GOOD, accidents={i: {"status": "missing"} for i in range(5)}), name="none")


def test_a_baseline_is_not_overwritten_unasked(tmp_path):
    path = saved(tmp_path, pendulum(GOOD))
    before = Path(path).read_bytes()
    with pytest.raises(UsageError, match="is there already"):
        saved(tmp_path, pendulum(GOOD[:2]))
    assert Path(path).read_bytes() == before
    saved(tmp_path, pendulum(GOOD[:2]), force=True)
    assert Path(path).read_bytes() != before


def test_a_baseline_that_is_none_is_refused(tmp_path):
    path = saved(tmp_path, pendulum(GOOD))
    with pytest.raises(UsageError, match=r"no baseline .*befor\.csv; did you mean 'before'"):
        baseline.load(str(tmp_path / "baselines" / "befor"))
    with pytest.raises(UsageError, match="called by letters"):
        baseline.load("no name")
    data = json.loads(Path(path).with_suffix(".json").read_text())
    Path(path).with_suffix(".json").write_text(json.dumps(data | {"schema_version": 99}))
    with pytest.raises(UsageError, match="schema version 99, and this suite reads 1"):
        baseline.load(path)
    Path(path).with_suffix(".json").write_text("{}")
    with pytest.raises(UsageError, match="are no baseline"):
        baseline.load(path)


def test_a_baseline_comes_back_as_it_was_saved(tmp_path):
    tables = together(pendulum(GOOD), study([3000.0, 3100.0], cell={"run_id": "1111111111"}))
    references, floors = [PENDULUM], RANDOM
    cells, runs = baseline.freeze(tables, references, floors)
    kept = baseline.load(saved(tmp_path, tables))
    assert list(kept.cells.values()) == cells
    values = [(cell, at, seed) for cell, steps in kept.values.items() for at, seeds in steps.items() for seed in seeds]
    assert values == [(run[:3], run.env_step, run.seed) for run in runs]


@pytest.mark.parametrize("name", ["quick", "gate", "mistakes", "initialisation"])
def test_a_committed_baseline_is_read_whole(name):
    """Some were trained before parts had versions, and keep the code that made them."""
    kept = baseline.load(name)
    with (baseline.FOLDER / f"{name}.csv").open() as file:
        rows = list(csv.DictReader(file))
    frozen = [value for steps in kept.values.values() for seeds in steps.values() for value in seeds.values()]
    assert sorted(frozen) == sorted(float(row["value"]) for row in rows) and frozen
    data = json.loads((baseline.FOLDER / f"{name}.json").read_text())
    assert data["schema_version"] == baseline.SCHEMA_VERSION
    assert to_plain(tuple(kept.cells.values())) == data["cells"]
    assert all(cell.code_id for cell in kept.cells.values())


# --- what is compared


def test_identical_numbers_are_no_drift_however_few_and_scattered(tmp_path):
    values = [-190.0, -700.0]
    found = against(pendulum(values), saved(tmp_path, pendulum(values)))
    row = at_10k(found)
    assert equivalence.tost(values, values, row.margin).verdict == "INCONCLUSIVE"
    assert row.verdict == "EQUIVALENT" and "identical in 2 of 2 seeds: EQUIVALENT" in row.sentence
    assert outcome.exit_code(found.rows, gate=True) == 0 and found.notes == ()


def test_a_part_of_the_seeds_that_is_identical_is_no_drift_but_a_missing_run_leaves_it_open(tmp_path):
    path = saved(tmp_path, pendulum(GOOD))
    row = at_10k(against(pendulum(GOOD[:2]), path))
    assert (row.identical, row.seeds_in_both, row.verdict) == (2, 2, "EQUIVALENT")
    row = at_10k(against(pendulum(GOOD, accidents={4: {"status": "missing"}}), path))
    assert (row.identical, row.seeds_in_both, row.verdict) == (4, 4, "INCONCLUSIVE")
    assert "a verdict of EQUIVALENT could change with the runs without a result" in row.sentence


def test_other_numbers_are_compared_seed_by_seed(tmp_path):
    path, now = (
        saved(tmp_path, pendulum(SCATTERED)),
        [value - by for value, by in zip(SCATTERED, range(5), strict=True)],
    )
    row = at_10k(against(pendulum(now), path))
    expected = equivalence.tost_paired(now, SCATTERED, 0.1 * (np.mean(SCATTERED) + 1200), 0.9)
    assert (row.verdict, row.identical, row.seeds_in_both, row.paired_seeds) == ("EQUIVALENT", 1, 5, (0, 1, 2, 3, 4))
    assert (row.difference, row.df) == (pytest.approx(-2.0), 4)
    assert (row.low, row.high, row.p) == pytest.approx((expected.low, expected.high, expected.p))
    assert equivalence.tost(now, SCATTERED, row.margin).verdict == "INCONCLUSIVE", "its seeds differ too much for Welch"
    assert "paired at seeds 0–4; within" in row.sentence and "identical in 1 of 5" in row.sentence
    assert "5 pairs" in terminal.render_drift(against(pendulum(now), path))


def test_pairs_meet_by_seed_in_whatever_order_and_are_all_that_is_tested(tmp_path):
    path = saved(tmp_path, pendulum(SCATTERED))
    now = pendulum([SCATTERED[0] - 10, *SCATTERED[1:], -1000.0])
    backwards = now._replace(runs=now.runs.iloc[::-1].reset_index(drop=True))
    row = at_10k(against(backwards, path))
    assert row.paired_seeds == (0, 1, 2, 3, 4) and row.difference == pytest.approx(-2) and row.verdict == "EQUIVALENT"


@pytest.mark.parametrize(
    ("seeds", "accidents", "device"),
    [(5, {4: {"status": "missing"}}, "cpu"), (2, {}, "cpu"), (5, {}, "imported")],
    ids=["a run is missing", "two seeds in common", "made elsewhere"],
)
def test_where_pairs_lack_the_test_is_welchs(tmp_path, seeds, accidents, device):
    before, now = pendulum(GOOD), pendulum([value - 7.5 for value in GOOD[:seeds]], accidents=accidents)
    for tables in (before, now):
        tables.runs["device"] = device
    row = at_10k(against(now, saved(tmp_path, before)))
    expected = equivalence.tost(row.ours.values, GOOD, row.margin, 0.9)
    assert row.paired_seeds == () and "Welch's, of all runs" in row.sentence
    assert (row.low, row.high) == pytest.approx((expected.low, expected.high))


def test_p_of_a_difference_between_pairs_by_hand(tmp_path):
    lost = np.array([-150.0, -210.0, -95.0, -180.0, -120.0])
    row = at_10k(against(pendulum((SCATTERED + lost).tolist()), saved(tmp_path, pendulum(SCATTERED))))
    t = (-lost.mean() - row.margin) / (lost.std(ddof=1) / 5**0.5)
    assert row.p_different == pytest.approx(2 * stats.t.sf(t, 4)) and row.verdict == "DIFFERENT" and row.fails


@pytest.mark.parametrize("shift", [-300.0, 150.0], ids=["worse", "better"])
def test_a_drift_either_way_fails_the_gate(tmp_path, shift):
    path = saved(tmp_path, pendulum(GOOD))
    found = against(pendulum([value + shift for value in GOOD]), path)
    row = at_10k(found)
    assert row.verdict == "DIFFERENT" and row.fails and outcome.exit_code(found.rows, gate=True) == 1
    assert outcome.exit_code(found.rows, gate=False) == 0 and "beyond 100.4 either way: DIFFERENT" in row.sentence
    assert row.p_different == pytest.approx(0, abs=1e-30), "every pair differs by the same"
    assert row.gated and row.p_different_adjusted is None and [one.gated for one in found.rows] == [False] * 3 + [True]
    assert {one.p_different_adjusted for one in found.rows} == {None}, "what is secondary is tested only after a pass"


def test_few_scattered_seeds_decide_nothing_and_fail_nothing(tmp_path):
    path = saved(tmp_path, pendulum([-190.0, -700.0]))
    found = against(pendulum([-200.0, -650.0]), path)
    assert {row.verdict for row in found.rows} == {"INCONCLUSIVE"}
    assert outcome.exit_code(found.rows, gate=True) == 4 and outcome.exit_code(found.rows, True, undecided_ok=True) == 0
    assert (
        f"with {at_10k(found).n_needed:,} seeds a side it would be decided with a power of 80 %"
        in at_10k(found).sentence
    )


def test_no_better_than_random_is_compared_number_by_number_alone(tmp_path):
    values = [-1250.0, -1260.0, -1255.0]
    path = saved(tmp_path, pendulum(values))
    assert at_10k(against(pendulum(values), path)).verdict == "EQUIVALENT"
    row = at_10k(against(pendulum([-1251.0, *values[1:]]), path))
    assert (row.verdict, row.margin, row.identical) == ("INCONCLUSIVE", None, 2)
    assert "there is no margin" in row.sentence


@pytest.mark.parametrize("lost", [0.3, 0.5])
def test_a_study_that_lost_a_third_of_what_it_learned_fails_however_many_steps_are_frozen(tmp_path, lost):
    path = saved(tmp_path, pendulum(GOOD))
    found = against(pendulum([value - lost * (value + 1200) for value in GOOD]), path)
    assert outcome.exit_code(found.rows, gate=True) == 1


def test_what_changed_beside_the_numbers_is_listed(tmp_path):
    path, now = saved(tmp_path, pendulum(GOOD)), pendulum(GOOD)
    now.runs["versions"] = '{"numpy": "2.5.0", "torch": "3.0"}'
    found = against(now, path)
    assert at_10k(found).changed == {"numpy": ("2.4.6", "2.5.0"), "torch": (None, "3.0")}
    assert list(found.notes) == [
        "Pendulum-v1, torch sac_v2 is made by other code or versions: numpy was 2.4.6 and is 2.5.0; "
        "torch was None and is 3.0."
    ]


def test_a_cell_that_is_new_gone_or_another_is_said_to_be_so(tmp_path):
    gone = study([3000.0, 3100.0], cell={"run_id": "1111111111", "variant": "gone"})
    new = study([3000.0, 3100.0], cell={"run_id": "2222222222", "variant": "new"})
    path = saved(tmp_path, together(pendulum(GOOD), gone))
    changed = pendulum(GOOD, changes={"tau": 0.01, "temperature.lr": 1e-3}, cell={"run_id": "3333333333"})
    found = against(together(changed, new), path)
    (row,) = found.rows  # of what another run stands for now: an endpoint, so that the gate does not pass it over
    assert (row.run_id, row.verdict, row.ours.n_planned) == ("0123456789", "INCONCLUSIVE", 0)
    assert row.gated and not row.judged
    assert row.sentence.endswith("the variant has other settings than in before: not compared, INCONCLUSIVE.")
    assert outcome.exit_code(found.rows, gate=True) == outcome.NOTHING
    assert sorted(found.notes) == [
        "HalfCheetah-v5, torch new is not in the baseline before.",
        "Of the baseline before 1 cells are not in this study: HalfCheetah-v5, torch gone.",
        "Pendulum-v1, torch sac_v2 is another run than in the baseline before (0123456789 became 3333333333): "
        "spec.temperature.lr was 0.0003 and is 0.001; spec.tau was 0.005 and is 0.01.",
    ]
    assert all(note in terminal.render_drift(found) for note in found.notes)


def test_a_changed_default_leaves_the_gate_undecided_while_all_others_pass(tmp_path):
    other = study([3000.0, 3100.0], cell={"run_id": "1111111111", "variant": "other"})
    path = saved(tmp_path, together(pendulum(GOOD), other))
    changed = pendulum(GOOD, changes={"tau": 0.01}, cell={"run_id": "3333333333"})
    rows = against(together(changed, other), path).rows
    assert {row.verdict for row in rows if row.variant == "other"} == {"EQUIVALENT"}
    assert (
        outcome.exit_code(rows, gate=True) == outcome.exit_code(rows, gate=True, undecided_ok=True) == outcome.UNDECIDED
    )


def test_rendered_rows_count_the_verdicts_and_tell_what_is_not_identical(tmp_path):
    path = saved(tmp_path, pendulum(GOOD))
    same, drifted = (against(pendulum([value + by for value in GOOD]), path) for by in (0.0, -300.0))
    text = terminal.render_drift(same)
    assert text.splitlines()[-2:] == [
        "4 EQUIVALENT; identical in every seed: 4 of 4",
        "gate passes (exit code 0 with --gate): of 1 primary endpoint 1 EQUIVALENT",
    ]
    assert not any(row.sentence in text for row in same.rows)
    text = terminal.render_drift(drifted)
    assert text.splitlines()[-1] == "gate fails (exit code 1 with --gate): of 1 primary endpoint 1 DIFFERENT"
    assert all(row.sentence in text for row in drifted.rows) and json.dumps(to_plain(drifted))


# --- the command line, and the gate of continuous integration


def test_the_command_line_refuses_what_cannot_be_compared(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/mine.yaml").write_text((ROOT / "config/quick.yaml").read_text())
    for arguments, words in {
        ("--study", "mine"): "runs.parquet is missing: the study must be gathered first",
        ("--study", "min"): "there is no config/min.yaml; did you mean 'mine'?",
        ("--study", "mine", "--config", "config/mine.yaml"): "give one of them",
    }.items():
        done = called("check", *arguments, cwd=tmp_path)
        assert done.returncode == 2 and words in done.stderr, done.stderr
    done = called("baseline", "save", "mine", "--config", "config/mine.yaml", cwd=tmp_path)
    assert done.returncode == 2 and "must be gathered first" in done.stderr


GATED = "Pendulum-v1@5_000"


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """The full-size cell of config/quick.yaml, trained anew to half its budget: 50 seconds on each of two cores."""
    full = next(sweep for sweep in yaml.safe_load((ROOT / "config/quick.yaml").read_text())["sweeps"]
                if sweep["presets"] == ["sac_v2"])  # fmt: skip
    sweeps = [full | {"env_steps": 5_000, "seeds": 2}]
    folder = tmp_path_factory.mktemp("gate")
    (folder / "gate.yaml").write_text(yaml.safe_dump({"sweeps": sweeps, "check": {"gate": GATED, "looks": [2]}}))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
    command += ["--workflow-profile", str(ROOT / "profiles/default"), "--configfile", "gate.yaml", "--until", "gather"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_gate_holds_what_is_trained_today_against_the_published_curve(trained):
    """At 5,000 steps not all of SB3's five have learned the task: two own runs catch what does not learn, no more."""
    done = called("check", "--config", "gate.yaml", "--gate", "--json", cwd=trained)
    assert done.returncode in (0, 4), done.stdout + done.stderr
    found = json.loads(done.stdout)
    (row,) = found["rows"]
    assert found["notes"] == []
    assert row["reference"] == "sb3_pendulum/learned_alpha/Pendulum-v1" and row["env_step"] == 5_000
    assert row["role"] == "primary" and [look["n"] for look in row["looks"]] == [2]
    assert row["ours"]["n_finished"] == 2 and row["verdict"] != "FAIL"
    table = called("check", "--config", "gate.yaml", cwd=trained)
    assert table.returncode == 0 and row["sentence"] in table.stdout and "of 1 primary endpoint" in table.stdout


def test_the_gate_fails_if_the_same_runs_had_not_learned(trained, tmp_path):
    tables = window_means.gathered(trained / "results/studies/gate")
    tables.evaluations["return"] -= 900
    rows = check.main(written(tmp_path, tables), Check(gate=[GATED], looks=[2])).rows
    assert all(row.fails for row in rows) and rows and outcome.exit_code(rows, gate=True) == 1


def test_the_gate_holds_what_is_trained_today_against_the_committed_baseline(trained, tmp_path):
    frozen = baseline.FOLDER / "quick.csv"
    assert frozen.exists(), "make run; python -m suite baseline save quick --config config/quick.yaml"
    done = called("check", "--config", "gate.yaml", "--against-baseline", "quick", "--gate", "--json", cwd=trained)
    assert done.returncode in (0, 4), done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert [row["env_step"] for row in found["rows"]] == [2_000, 5_000], found["notes"]
    assert found["rows"][-1]["theirs"]["n"] >= 2 and found["rows"][-1]["margin"] > 50
    with frozen.open(newline="") as file:
        rows = list(csv.DictReader(file))
    other = tmp_path / "other.csv"
    with other.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | {"value": float(row["value"]) + 3000} for row in rows)
    other.with_suffix(".json").write_text(frozen.with_suffix(".json").read_text())
    drifted = called("check", "--config", "gate.yaml", "--against-baseline", other, "--gate", cwd=trained)
    assert drifted.returncode == 1 and "DIFFERENT" in drifted.stdout, drifted.stdout + drifted.stderr
