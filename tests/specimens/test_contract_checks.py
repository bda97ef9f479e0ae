"""The contract's checks: an engine that keeps the contract passes them, and each way to break it is noticed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from builders.runs import ROOT, suite

from suite.specimens import contract_checks, numpy_engine

CONFIG = {
    "sweeps": [
        {
            "tasks": ["Pendulum-v1"],
            "env_steps": 200,
            "evaluate": {"every": 100, "episodes": 1},
            "seeds": 1,
            "implementations": ["numpy"],
            "ablations": ["short"],
        }
    ]
}
ABLATION = """
from suite.sac.ablation import one_factor

SHORT = {"warmup_steps": 60, "learn_after": 60, "batch_size": 16, "hidden": (16, 16)}
PROSE = {"question": "-", "expected": "-", "literature": (), "outcomes": ("final_return",)}
ABLATION = one_factor("short", {"one": SHORT}, baseline="sac_v2", **PROSE)
"""


def broken(**functions: object) -> SimpleNamespace:
    """The NumPy engine with some functions replaced."""
    return SimpleNamespace(**{name: getattr(numpy_engine, name) for name in contract_checks.FUNCTIONS} | functions)


def failures(engine: object, setting: str = "base") -> dict[str, str]:
    """Check -> problem, of the checks that fail on one setting."""
    return {one.check: one.problem for one in contract_checks.run(engine, (setting,)) if one.problem}


def test_the_worked_example_keeps_the_contract():
    outcomes = contract_checks.run(numpy_engine)
    assert len(outcomes) == len(contract_checks.CHECKS) * len(contract_checks.SETTINGS)
    assert not [one for one in outcomes if one.problem]
    assert contract_checks.render("numpy", outcomes).endswith("numpy: all 28 checks passed")


def another_tau(state, *arguments):
    return numpy_engine.update(state._replace(spec=replace(state.spec, tau=0.1)), *arguments)


def terminated_or_not(state, rows, *arguments):
    return numpy_engine.update(state, np.concatenate([rows[..., :-1], rows[..., -1:] > 0], axis=-1), *arguments)


def no_moments(state):
    return {name: value for name, value in numpy_engine.get_params(state).items() if not name.startswith("adam_")}


def noise_forgotten(state, obs, noise):
    return numpy_engine.act(state, obs, None)


def spent_by_explain(state, rows, noise):
    after, seen = numpy_engine.explain(state, rows, noise)
    state.seeds[0]["actor/w0"][:] = 0
    return after, seen


def first_seed_everywhere(state, rows, noise, obs, act_noise):
    noise = np.broadcast_to(noise[:1], noise.shape)
    return numpy_engine.update(state, rows, noise, obs, act_noise)


def late():
    """Functions of an engine that computes updates when their result is asked for."""

    def init(*arguments):
        return numpy_engine.init(*arguments), ()

    def update(state, *given):
        first, waiting = state
        return (first, (*waiting, given)), None, {}

    def get_params(state):
        now, waiting = state
        for given in waiting:
            now, *_ = numpy_engine.update(now, *given)
        return numpy_engine.get_params(now)

    return {"init": init, "update": update, "get_params": get_params}


def raising(*arguments):
    raise NotImplementedError("there is no explain yet")


@pytest.mark.parametrize(
    ("functions", "check", "words"),
    [
        ({"update": another_tau}, "an update is the equations", "target_critic1/"),
        ({"update": terminated_or_not}, "an update is the equations", "is off by"),
        ({"get_params": no_moments}, "params set continue bit for bit", "the copy went another way"),
        ({"act": noise_forgotten}, "actions come from the policy", "sampled action is off by"),
        ({"explain": spent_by_explain}, "explain names what the equations name", "explain changed the state"),
        ({"update": first_seed_everywhere}, "seeds do not know each other", "is off by"),
        (late(), "what update is given is the callers again", "arrays filled anew after update's return"),
        ({"explain": raising}, "explain names what the equations name", "there is no explain yet"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_breaks_the_contract_is_noticed(functions, check, words):
    problems = failures(broken(**functions))
    assert words in problems[check], problems


def test_a_missing_function_is_named():
    (outcome,) = contract_checks.run(SimpleNamespace(init=numpy_engine.init))
    assert "lacks act, update, explain" in outcome.problem


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """What an installed package with an entry point leaves on the path: its module and its metadata."""
    site = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "suite/specimens/numpy_engine.py", site)
    metadata = site / "numpy_engine-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy-engine\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[sac_suite.implementations]\nnumpy = numpy_engine\n")
    return os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{site}", "COLUMNS": "200", "OMP_NUM_THREADS": "1"}


def test_an_engine_of_another_package_trains_in_a_study(environment, tmp_path):
    (tmp_path / "ablations").mkdir()
    (tmp_path / "ablations/short.py").write_text(ABLATION)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(CONFIG))

    def command(*arguments: str) -> str:
        called = [sys.executable, "-m", "suite", *arguments, "--config", "mine.yaml"]
        done = subprocess.run(called, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (cell,) = json.loads(command("plan", "--json"))["cells"]
    command("run", f"results/runs/Pendulum-v1/numpy/{cell['run_id']}/s0-200.parquet")
    command("gather")
    runs = pd.read_parquet(tmp_path / "results/studies/mine/runs.parquet")
    assert list(runs["implementation"]) == ["numpy"] and list(runs["status"]) == ["finished"]


def test_the_command_names_an_engine_that_is_not_registered(tmp_path):
    done = suite("contract", "torhc", cwd=tmp_path)
    assert done.returncode == 2 and "there is no implementation 'torhc'; did you mean 'torch'?" in done.stderr
