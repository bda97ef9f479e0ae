"""SAC's relatives in the pipeline: planned, trained, recorded, judged, and drawn side by side with SAC."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from builders.runs import called, suite

from suite.analysis.goals import ACTIONS, COLUMNS, EPISODES, Policy, played
from suite.errors import UsageError
from suite.lab.records import read_meta
from suite.lab.tasks import Environment
from suite.sac.specs import KINDS
from suite.specimens.naming import display_name
from suite.specimens.proofs import Prover
from suite.study.plan import Plan
from suite.study.staleness import Judge

PRESETS = ("soft_q_learning", "haarnoja_gmm", "sac_v1_small")
SWEEP = {
    "tasks": ["MultiGoal-v0"],
    "env_steps": 120,
    "evaluate": {"every": 60, "episodes": 2},
    "seeds": 1,
    "implementations": ["torch"],
    "presets": list(PRESETS),
}


def config(folder: Path, **changes: object) -> Path:
    path = folder / "family.yaml"
    asked = {"sweeps": [SWEEP | changes], "results": str(folder / "results"), "reports": str(folder / "reports")}
    path.write_text(yaml.safe_dump(asked))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The records of a run of each preset, by preset."""
    path = config(tmp_path_factory.mktemp("family"))
    plan = Plan(path)
    done = suite("run", "--config", str(path), "--in-turn", *plan.runs)
    assert done.returncode == 0, done.stderr
    return {planned.cell.label.preset: Path(record) for record, planned in plan.runs.items()}


def test_their_records_are_of_their_own_kind_and_not_stale(trained, tmp_path):
    metas = {preset: read_meta(record) for preset, record in trained.items()}
    assert {type(meta.spec) for meta in metas.values()} == set(KINDS)
    judge = Judge(Prover(tmp_path, print))
    for preset, meta in metas.items():
        assert meta.status == "finished" and judge.reason(meta) == "", preset
    assert metas["soft_q_learning"].updates == 21 and metas["haarnoja_gmm"].updates == 91


def test_show_tells_what_they_are(trained):
    done = called("show", str(trained["soft_q_learning"]))
    assert done.returncode == 0 and "it is soft_q_learning exactly" in done.stdout
    done = called("difference", "sac_v1", "haarnoja_gmm")
    assert done.returncode == 0 and "MixtureSpec and SacSpec have no switches in common" in done.stdout


def test_goals_are_drawn_from_the_table_beside_the_figure(trained, tmp_path):
    done = called("goals", "--output", str(tmp_path / "goals"), *map(str, trained.values()))
    assert done.returncode == 0, done.stderr
    assert {path.suffix for path in tmp_path.glob("goals.*")} == {".png", ".pdf", ".svg", ".csv"}
    table = pd.read_csv(tmp_path / "goals.csv")
    assert list(table.columns) == COLUMNS and table["policy"].nunique() == len(PRESETS)
    for _, rows in table.groupby("policy"):
        counts = rows.groupby("series")["n"].nunique()
        assert dict(counts) == {"episode": EPISODES, "actions at (0, 0)": ACTIONS, "actions at (2.5, 2.5)": ACTIONS}
    actions = table[table["series"] != "episode"]
    assert actions["x"].between(-1, 1).all() and actions["x"].std() > 0.05
    assert "none" in done.stdout


def test_a_policy_that_is_not_there_whole_or_twice_is_refused_not_drawn(trained, tmp_path, monkeypatch):
    """Of a crashed run there may be no networks: those it began with are no trained policy."""
    path, other = (Path(trained[name]) for name in PRESETS[:2])
    with pytest.raises(ValueError, match="actor/w0 is absent; the run is finished"):
        Policy(read_meta(path), {}, Environment("MultiGoal-v0"))
    with pytest.raises(UsageError, match="is another run of haarnoja_gmm"):
        played([other, path, other])
    meta = read_meta(path)
    seen = replace(meta, schedule=replace(meta.schedule, normalise_observations="running"))
    with monkeypatch.context() as patched:
        patched.setattr("suite.analysis.goals.read_meta", lambda path: seen)
        with pytest.raises(UsageError, match="normalised observations"):
            played([path])
    record, arrays = tmp_path / "1.parquet", tmp_path / "1.npz"
    record.write_bytes(path.read_bytes())
    np.savez(arrays, **{"critic1/w0": np.zeros(3)})
    with pytest.raises(UsageError, match="holds other arrays than those its run ended with"):
        played([record])
    arrays.write_bytes(arrays.read_bytes()[:90])
    with pytest.raises(UsageError, match="cannot be read"):
        played([record])


def test_an_arm_is_named_beside_its_preset_and_implementations_where_they_are_several(trained, monkeypatch):
    path, other = (Path(trained[name]) for name in PRESETS[:2])
    meta, plain = read_meta(path), display_name("soft_q_learning")
    arm = replace(meta, origin=meta.origin._replace(ablation="temperature", arm="fixed"))
    elsewhere = replace(meta, implementation="jax")
    for metas, names in (([meta, arm], [plain, "temperature/fixed"]),
                         ([meta, elsewhere], [f"torch {plain}", f"jax {plain}"])):  # fmt: skip
        left = iter(metas)
        monkeypatch.setattr("suite.analysis.goals.read_meta", lambda path, left=left: next(left))
        monkeypatch.setattr("suite.analysis.goals._of_record", lambda path, meta: [("episode", 0, 0, 0.0, 0.0, -1)])
        assert list(played([path, other])["policy"]) == names


def test_what_is_no_run_of_that_task_is_refused_in_a_sentence(tmp_path):
    done = called("goals", "--output", str(tmp_path / "goals"), "nowhere.parquet")
    assert done.returncode == 2 and "nowhere.parquet is no record" in done.stderr
    assert "Traceback" not in done.stderr and not list(tmp_path.iterdir())


def test_an_implementation_without_an_engine_of_the_kind_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"sbx cannot train soft_q_learning on MultiGoal-v0: .* no engine for a SoftQ"):
        Plan(config(tmp_path, implementations=["sbx"], presets=["soft_q_learning"]))
