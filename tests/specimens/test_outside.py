"""Implementations of others: what is wrong with one is a sentence with file and line, and what one says is a claim."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from builders.made_up_study import OPTIONS
from builders.made_up_study import write as write_study
from builders.runs import ROOT, SMALL
from click.testing import CliRunner

import implementations
from suite.analysis import results
from suite.analysis.declared import Declared
from suite.analysis.results_file import read_results
from suite.cli import main
from suite.errors import UsageError
from suite.report.figures import pictures
from suite.sac.contract import Spaces
from suite.sac.spec import Retrace
from suite.specimens import catalogue, contract_checks, naming
from suite.study.config import Report
from suite.study.plan import Plan

ENGINE = (ROOT / "suite/specimens/numpy_engine.py").read_text()
TRAINER = """FRAMEWORK, PACKAGES = "none", ()


def supports(spec, schedule):
    return None


def start(job): ...
def device(): ...
"""
SPACES = Spaces(3, 1, (1.0,), (0.0,))
SWEEP = {"tasks": ["Pendulum-v1"], "env_steps": 10, "evaluate": {"every": 10}, "seeds": 1, "presets": ["sac_v2_small"]}


@pytest.fixture
def brought(tmp_path, monkeypatch):
    """Registers a text as the implementation `theirs`, in a file of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    names = iter(f"theirs_{tmp_path.name}_{n}" for n in range(99))

    def bring(text: str, **entry) -> Path:
        name = next(names)
        Path(f"{name}.py").write_text(text)
        known = dict(implementations.registered()) | {"theirs": implementations.Entry(name, **entry)}
        monkeypatch.setattr(implementations, "registered", lambda: known)
        return Path(f"{name}.py")

    yield bring
    for name in [name for name in sys.modules if name.startswith("theirs_")]:
        del sys.modules[name]


def study(**changes) -> str:
    path = Path("study.yaml")
    path.write_text(yaml.safe_dump({"sweeps": [SWEEP | {"implementations": ["theirs"]} | changes]}))
    return str(path)


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(main, [*arguments])
    assert done.exit_code == 2 and isinstance(done.exception, SystemExit), done.exc_info
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize(
    "text, words",
    [
        ("x = 1\ny = (\n", ["line 2", "SyntaxError"]),
        ("x = 1\n1 / 0\n", ["line 2", "ZeroDivisionError"]),
        ("import nothing_of_the_sort\n", ["line 1", "No module named 'nothing_of_the_sort'"]),
        ("raise SystemExit(3)\n", ["line 1", "SystemExit"]),
        ("FRAMEWORK = 'x'\ndef init(): ...\n", ["lacks act, update, explain, get_params, set_params, device"]),
        (ENGINE.replace('FRAMEWORK = "numpy"', ""), ["lacks FRAMEWORK"]),
    ],
)
def test_an_engine_that_cannot_be_used_is_a_sentence_before_anything_runs(brought, text, words):
    file = brought(text)
    plan = Plan(Path(study()))
    record = next(iter(plan.runs))
    with pytest.raises(UsageError) as of_sweep:
        plan.check_environments()
    for sentence in (str(of_sweep.value), refused("run", "--config", study(), record)):
        assert str(file) in sentence and all(word in sentence for word in words), sentence
    assert not Path("results").exists()


@pytest.mark.parametrize(
    "function, answer, words",
    [
        ("act", "np.zeros((1, 2))", ["act must give an action for each observation, of shape (1, 2, 1)", "(1, 2)"]),
        ("update", "None", ["update must give the state, actions and a dict of metrics", "None"]),
        ("update", "(state, np.zeros(3), {})", ["update must give an action", "(3,)"]),
        ("get_params", "{}", ["get_params must give actor/w0", "()"]),
        ("act", "1 / 0", ["ZeroDivisionError"]),
    ],
)
def test_an_answer_of_another_shape_is_a_sentence_before_a_run_is_begun(brought, function, answer, words):
    file = brought(ENGINE + f"\n\n_old = {function}\ndef {function}(state, *rest):\n    return {answer}\n")
    line = ENGINE.count("\n") + 4
    with pytest.raises(UsageError) as caught:
        contract_checks.check_shapes("theirs", catalogue.load_implementation("theirs"), SMALL, SPACES)
    sentence = str(caught.value)
    assert f"{file}, line {line}" in sentence or f"{file}, line {line + 1}" in sentence, sentence
    assert all(word in sentence for word in words), sentence
    record = next(iter(Plan(Path(study())).runs))
    assert str(file) in refused("run", "--config", study(), record) and not Path("results/runs").exists()


def test_what_an_engine_refuses_is_its_sentence(brought):
    refusal = "def init(spec, spaces, params):\n    from suite.sac.spec import SpecError\n    raise SpecError('no V')\n"
    brought(f"{ENGINE}\n\n{refusal}")
    with pytest.raises(UsageError, match="theirs cannot train this: no V"):
        contract_checks.check_shapes("theirs", catalogue.load_implementation("theirs"), SMALL, SPACES)
    brought(ENGINE)
    contract_checks.check_shapes("theirs", catalogue.load_implementation("theirs"), SMALL, SPACES)


def test_an_engine_that_knows_no_densities_is_given_no_spec_that_asks_for_them(brought):
    spec = replace(SMALL, retrace=Retrace(steps=2, decay=1.0, trace="ratio"))
    brought(ENGINE)
    contract_checks.check_shapes("theirs", catalogue.load_implementation("theirs"), spec, SPACES)
    brought(ENGINE + "\n\ndel log_prob\n")
    with pytest.raises(UsageError, match="theirs cannot train this: it has no log_prob"):
        contract_checks.check_shapes("theirs", catalogue.load_implementation("theirs"), spec, SPACES)


@pytest.mark.parametrize(
    "answer, words",
    [("True", "theirs answers by True what it supports"), ("1 / 0", "line 5: supports of theirs cannot be used (Zero")],
)
def test_what_a_trainer_answers_to_supports_is_none_or_a_sentence(brought, answer, words):
    brought(TRAINER.replace("return None", f"return {answer}"), trainer=True)
    assert words in refused("plan", "--config", study())


def test_seeds_that_a_package_cannot_take_are_refused_at_planning(brought):
    brought(TRAINER + "SEEDS = range(1, 10)\n", trainer=True)
    assert "sweeps[0].seeds: theirs takes seeds from 1 to 9, so not 0" in refused("plan", "--config", study(seeds=[0]))
    assert CliRunner().invoke(main, ["plan", "--config", study(seeds=[9])]).exit_code == 0
    for name in implementations.PEERS:
        asked = {"implementations": [name], "presets": [name], "seeds": [2**32]}
        words = f"{name} takes seeds from 0 to 4294967295, so not 4294967296"
        assert words in refused("plan", "--config", study(**asked))
        Plan(Path(study(**asked | {"seeds": [2**32 - 1]})))
    Plan(Path(study(implementations=["torch", "jax"], seeds=[2**62])))


def test_what_others_call_by_a_presets_name_is_a_claim_in_plan_status_and_manifest(brought):
    brought(ENGINE)
    config = study(implementations=["theirs", "torch"])
    cells = json.loads(CliRunner().invoke(main, ["plan", "--config", config, "--json"]).stdout)["cells"]
    assert [one["variant"] for one in cells] == ["theirs (claims sac_v2_small)", "sac_v2_small"]
    assert "(claims" in CliRunner().invoke(main, ["status", "--config", config]).stdout
    assert CliRunner().invoke(main, ["manifest", "--config", config]).exit_code == 0
    table = pd.read_parquet("results/studies/study/manifest.parquet")
    assert list(table["label"]) == [naming.claimed("sac_v2_small", "theirs"), "sac_v2_small"]
    assert CliRunner().invoke(main, ["gather", "--config", config]).exit_code == 0
    runs = pd.read_parquet("results/studies/study/runs.parquet")
    assert list(runs["variant"]) == list(table["label"])


def test_a_claim_is_shown_in_results_and_compared_with_what_it_claims_to_be(tmp_path):
    folder = tmp_path / "study"
    write_study(folder, seeds=3, tasks=("Pendulum-v1",), implementations=("torch", "theirs"))
    for name, column in (("manifest", "label"), ("runs", "variant")):
        table = pd.read_parquet(folder / f"{name}.parquet")
        shown = [
            value if "/" in value else naming.claimed(naming.display_name(value), engine)
            for value, engine in zip(table[column], table["implementation"], strict=True)
        ]
        table.assign(**{column: shown}).to_parquet(folder / f"{name}.parquet", index=False)
    results.main(folder, **OPTIONS, declared=Declared(Report(resamples=100)))
    found = read_results(folder)
    names = {cell.variant.name for cell in found.cells if cell.implementation == "theirs"}
    own = naming.display_name("sac_v2")
    assert f"theirs (claims {own})" in names and own not in names
    (pair,) = (one for one in found.agreements if one.variant.name == own)
    assert {pair.a, pair.b} == {"torch", "theirs"} and np.isfinite(pair.difference.estimate)
    (alike,) = (one for one in pictures(found) if one.title == "The same preset in several implementations")
    of_preset = alike.content.data[alike.content.data["variant"] == own]
    assert set(of_preset["implementation"]) == {"torch", "theirs"}
