"""What is declared: every field of a question and of the study moves the digest and is named in the history."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders.runs import ROOT, suite

from implementations.presets import sac_v2_small
from suite.errors import UsageError
from suite.report.declared import change_in_words
from suite.sac.ablation import Ablation, Arm
from suite.specimens import catalogue
from suite.study import declaration, manifest
from suite.study.declaration import Change
from suite.study.plan import Plan

SWEEP: dict[str, Any] = {
    "tasks": ["Pendulum-v1"], "env_steps": 1000, "evaluate": {"every": 500}, "seeds": [0, 1],
    "implementations": ["torch"], "presets": ["sac_v2_small"], "ablations": ["temperature"], "baseline": "sac_v2_small",
}  # fmt: skip


def plan(folder: Path, sweep: dict | None = None, **top: object) -> Plan:
    """A study of 4 runs, of which two are asked for under two names; its results under the same folder."""
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({"sweeps": [SWEEP | (sweep or {})], "results": str(folder / "results"), **top}))
    return Plan(path)


def on_record(plan: Plan) -> dict:
    """The declaration on record after the manifest was written once more."""
    manifest.write(plan)
    return json.loads((plan.study_dir / "declaration.json").read_text())


def trained(plan: Plan, *runs: int) -> None:
    """Leaves a file where the runs' records would be."""
    for run in runs:
        record = Path(list(plan.runs)[run])
        record.parent.mkdir(parents=True, exist_ok=True)
        record.touch()


def asked(plan: Plan, **changes: object) -> Plan:
    """The plan with another literal in ablations/temperature.py."""
    plan.ablations["temperature"] = dataclasses.replace(plan.ablations["temperature"], **changes)  # type: ignore[arg-type]
    return plan


def last_change(plan: Plan) -> list[str]:
    """What the history says of the plan, whose digest is a new one."""
    *_, before, entry = on_record(plan)["history"]
    assert entry["sha256"] == plan.declaration_id != before["sha256"]
    return [change_in_words(Change(**one), entry["planned"]) for one in entry["changes"]]


def words_of(first: Plan, then: Plan) -> list[str]:
    """What the history says of the second plan after the first."""
    on_record(first)
    return last_change(then)


EXPECTED = "learned at least as good on every task without tuning; 0.2 close on tasks whose rewards are of order 1"
LITERATURE = catalogue.load_ablation("temperature").literature
BY_FIELD: dict[str, tuple[object, str]] = {
    "question": ("Why?", "question “Does learning the temperature beat fixing it at 0.2?” became Why?"),
    "expected": ("fixed is as good", f"expected “{EXPECTED}” became “fixed is as good”"),
    "outcomes": (("final_return", "area"), "outcomes: area added"),
    "literature": (("a book",), f"literature: “a book” added, “{LITERATURE[0]}”, “{LITERATURE[1]}” removed"),
    "baseline": ("sac_v1", "baseline sac_v2 became sac_v1"),
    "directions": ({"fixed": "worse"}, "directions.fixed equal became worse"),
    "tasks": (("Ant-v5",), "tasks none became Ant-v5"),
    "margin": (0.2, "margin 0.1 became 0.2"),
    "walk": (True, "walk none became yes"),
    "variant": ("fixed alpha", "variant none became “fixed alpha”"),
    "tags": (("core",), "tags: papers removed"),
}  # fmt: skip


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Ablation) if field.name != "arms"])
def test_every_field_of_a_question_is_declared(tmp_path, name):
    value, words = BY_FIELD[name]
    found = words_of(plan(tmp_path), asked(plan(tmp_path), **{name: value}))
    assert found == [f"question temperature: {words}"]


def arms(change: Callable[[Arm], Arm]) -> tuple[Arm, ...]:
    first, second = catalogue.load_ablation("temperature").arms
    return first, change(second)


@pytest.mark.parametrize("field, changed, words", [
    ("name", arms(lambda arm: dataclasses.replace(arm, name="set")),
     ["arm set was added", "arm fixed was removed"]),
    ("changes", arms(lambda arm: dataclasses.replace(arm, changes={**arm.changes, "tau": 0.5})),
     ["arm fixed: tau none became 0.5"]),
    ("levels", arms(lambda arm: dataclasses.replace(arm, levels={"temperature": "at 0.2"})),
     ["arm fixed: levels.temperature fixed became “at 0.2”"]),
    ("order", catalogue.load_ablation("temperature").arms[::-1], ["baseline_arm learned became fixed"]),
])  # fmt: skip
def test_every_field_of_an_arm_is_declared(tmp_path, field, changed, words):
    found = words_of(plan(tmp_path), asked(plan(tmp_path), arms=changed))
    assert sorted(found) == sorted(f"question temperature: {one}" for one in words)


def test_no_field_of_an_arm_is_forgotten():
    assert {field.name for field in dataclasses.fields(Arm)} == {"name", "changes", "levels"}


@pytest.mark.parametrize("sweep, words", [
    ({"seeds": [0, 1, 2, 3]}, ["seeds: 2, 3 added (4 of 8 planned runs are new)"]),
    ({"seeds": [1, 2]}, ["seeds: 2 added, 0 removed (2 of 4 planned runs are new)"]),
    ({"env_steps": 1500}, ["env_steps 1,000 became 1,500 (4 of 4 planned runs are new)"]),
    ({"evaluate": {"every": 250}}, ["evaluate_every 500 became 250 (4 of 4 planned runs are new)"]),
    ({"evaluate": {"every": 500, "episodes": 5}}, ["evaluation_episodes 10 became 5 (4 of 4 planned runs are new)"]),
    ({"tasks": ["Pendulum-v1", "Hopper-v5"]}, ["tasks: Hopper-v5 added (4 of 8 planned runs are new)"]),
    ({"implementations": ["jax"]}, ["engines: jax added, torch removed (4 of 4 planned runs are new)"]),
    ({"presets": []}, ["variants: sac_v2_small removed"]),
    ({"baseline": "sac_v1_small"}, ["preset sac_v1_small was added (4 of 6 planned runs changed)",
                                    "preset sac_v2_small became sac_v1_small (4 of 6 planned runs are new)"]),
    ({"ablations": ["temperature", "critics"]},
     ["question critics was added",
      "variants: critics/single, critics/twin added (2 of 6 planned runs are new)"]),
])  # fmt: skip
def test_every_field_of_the_study_is_declared(tmp_path, sweep, words):
    assert words_of(plan(tmp_path), plan(tmp_path, sweep)) == words


def test_a_cell_is_named_where_task_engine_and_variant_are_none_of_them_new(tmp_path):
    other = SWEEP | {"tasks": ["Hopper-v5"], "implementations": ["jax"]}
    preset = {name: part for name, part in other.items() if name not in ("ablations", "baseline")}
    first = plan(tmp_path, sweeps=[SWEEP, other])
    again = plan(tmp_path, sweeps=[SWEEP, preset | {"implementations": ["jax", "torch"]}])
    assert words_of(first, again) == [
        "cells: “sac_v2_small on Hopper-v5 (torch)” added, “temperature/fixed on Hopper-v5 (jax)”, "
        "“temperature/learned on Hopper-v5 (jax)” removed (2 of 8 planned runs are new)"
    ]


@pytest.mark.parametrize("top, words", [
    ({"check": {"margin": 0.2}}, "check.margin 0.1 became 0.2"),
    ({"check": {"gate": ["all"]}}, "check.gate default became all"),
    ({"equivalence": {"after": 0.5}}, "equivalence.after 0.2 became 0.5"),
    ({"families": {"ablation": "by"}}, "families.ablation holm became by"),
    ({"report": {"seed": 1}}, "report.seed 0 became 1"),
])  # fmt: skip
def test_margins_levels_and_families_are_declared(tmp_path, top, words):
    assert words_of(plan(tmp_path), plan(tmp_path, **top)) == [words]


def test_anchors_are_declared(tmp_path, monkeypatch):
    on_record(plan(tmp_path))
    monkeypatch.setattr(declaration.anchors, "anchors_digest", lambda: "another")
    assert [word.split()[0] for word in last_change(plan(tmp_path))] == ["anchors"]


@pytest.fixture
def preset(monkeypatch):
    """Sets a field of sac_v2_small's spec or schedule, or what holds on one task."""

    def change(tableau: str, **fields: object) -> None:
        catalogue._resolved.cache_clear()
        before = getattr(sac_v2_small, tableau)
        after = before | fields if tableau == "PER_TASK" else dataclasses.replace(before, **fields)
        monkeypatch.setattr(sac_v2_small, tableau, after)

    yield change
    monkeypatch.undo()
    catalogue._resolved.cache_clear()


@pytest.mark.parametrize("tableau, fields, words", [
    ("SPEC", {"tau": 0.05}, "tau 0.01 became 0.05 (4 of 4 planned runs changed)"),
    ("SPEC", {"temperature": dataclasses.replace(sac_v2_small.SPEC.temperature, init=0.5)},
     "temperature.init 1.0 became 0.5 (2 of 4 planned runs changed)"),
    ("SCHEDULE", {"warmup_steps": 77},
     f"warmup_steps {sac_v2_small.SCHEDULE.warmup_steps:,} became 77 (4 of 4 planned runs changed)"),
    ("PER_TASK", {"Pendulum-v1": {"tau": 0.05}}, "Pendulum-v1 was added (4 of 4 planned runs changed)"),
])  # fmt: skip
def test_a_changed_preset_is_named_with_the_runs_it_changed(tmp_path, preset, tableau, fields, words):
    on_record(plan(tmp_path))
    preset(tableau, **fields)
    assert last_change(plan(tmp_path)) == [f"preset sac_v2_small: {words}"]


def test_what_holds_on_other_tasks_is_not_declared(tmp_path, preset):
    before = plan(tmp_path).declaration_id
    preset("PER_TASK", **{"Hopper-v5": {"tau": 0.05}})
    assert plan(tmp_path).declaration_id == before


def test_neither_order_nor_line_breaks_nor_execution_is_a_change(tmp_path):
    literature = catalogue.load_ablation("temperature").literature[::-1]
    first, wrapped = plan(tmp_path), EXPECTED.replace(" ", "\n    ")
    again = asked(
        plan(tmp_path, {"seeds": [1, 0]}, execution={"time_limit_hours": 2}), expected=wrapped, literature=literature
    )
    assert len(first.declaration_id) == 64 and first.declaration_id == again.declaration_id
    spelled_out = plan(tmp_path, check={"margin": 0.1}, families={})
    assert spelled_out.declaration_id == first.declaration_id
    both = plan(tmp_path, {"tasks": ["Pendulum-v1", "Hopper-v5"], "implementations": ["torch", "jax"]})
    turned = plan(tmp_path, {"tasks": ["Hopper-v5", "Pendulum-v1"], "implementations": ["jax", "torch"]})
    assert both.declaration_id == turned.declaration_id != first.declaration_id


def test_the_history_tells_when_and_how_many_records_there_were_and_is_never_rewritten(tmp_path):
    first = plan(tmp_path)
    once = on_record(first)
    (entry,) = once["history"]
    assert once["declaration"] == json.loads(json.dumps(first.declaration)) and once["sha256"] == first.declaration_id
    assert (entry["sha256"], entry["planned"], entry["records_before"]) == (first.declaration_id, 4, 0)
    assert entry["changes"] == [] and entry["when"].endswith("+00:00")
    files = {path: path.stat().st_mtime_ns for path in first.study_dir.iterdir()}
    assert {path.name for path in files} == {"manifest.parquet", "declaration.json"}
    trained(first, 0)
    assert on_record(first) == once and files == {path: path.stat().st_mtime_ns for path in first.study_dir.iterdir()}
    wider = on_record(plan(tmp_path, check={"margin": 0.2}))
    assert wider["history"][0] == entry and wider["history"][1]["records_before"] == 1
    longer = on_record(plan(tmp_path, {"seeds": 3}, check={"margin": 0.2}))
    assert longer["history"][:2] == wider["history"]
    assert (longer["history"][2]["planned"], longer["history"][2]["records_before"]) == (6, 1)


def test_records_of_what_was_planned_before_count_too(tmp_path):
    """Who has seen a study's results and changes the preset has seen results, though no new run has a record."""
    first = plan(tmp_path)
    on_record(first)
    trained(first, 0, 1)
    entry = on_record(plan(tmp_path, {"env_steps": 2000}))["history"][-1]
    assert entry["records_before"] == 2


def test_a_declaration_of_an_earlier_version_is_gone_on_with(tmp_path):
    old = json.loads((ROOT / "tests/fixtures/quick_b5984bd/declaration.json").read_text())
    config = yaml.safe_load((ROOT / "config/quick.yaml").read_text())
    (tmp_path / "quick.yaml").write_text(yaml.safe_dump(config | {"results": str(tmp_path / "results")}))
    quick = Plan(tmp_path / "quick.yaml")
    quick.study_dir.mkdir(parents=True)
    (quick.study_dir / "declaration.json").write_text(json.dumps(old))
    first, entry = on_record(quick)["history"]
    assert first == old["history"][0]
    assert [one["field"] for one in entry["changes"]] == [["check", "looks"], ["questions"], ["presets"], ["study"]]
    assert on_record(quick)["history"] == [first, entry]


@pytest.mark.parametrize("text", [
    "{", "[]", '{"history": 3}', "{}", '{"declaration": [], "history": [{}]}', "[" * 100_000,
    '{"declaration": {}, "history": [{"sha256": "a", "planned": "x", "records_before": 0}]}',
    '{"declaration": {}, "history": [{"sha256": "a", "planned": 1, "records_before": 0, "changes": [{}]}]}',
    '{"declaration": {"study": []}, "history": [{"sha256": "a", "planned": 1, "records_before": 0}]}',
    '{"declaration": {"study": {"a": {"b": {"c": 1}}}}, "history": []}',
])  # fmt: skip
def test_a_declaration_that_cannot_be_read_is_not_replaced(tmp_path, text):
    study = plan(tmp_path)
    study.study_dir.mkdir(parents=True)
    (study.study_dir / "declaration.json").write_text(text)
    with pytest.raises(UsageError, match=r"declaration.json cannot be read .* restore it, or remove it"):
        manifest.write(study)
    assert (study.study_dir / "declaration.json").read_text() == text
    assert not (study.study_dir / "manifest.parquet").exists()


ABLATION = """
from suite.sac.ablation import one_factor
ABLATION = one_factor("tau", {"slow": {}, "fast": {"tau": 0.05}}, question="?", baseline="sac_v2", expected="-",
                      literature=(), %s)
"""


@pytest.mark.parametrize("outcomes, sentence", [
    ('outcomes=("finalreturn",)', "'finalreturn' is no outcome that is computed; did you mean 'final_return'?"),
    ('outcomes=("regret",)', "'regret' is no outcome that is computed; did you mean '"),
    ("outcomes=()", 'outcomes must be a tuple of names, as in ("final_return",)'),
    ("outcomes=([],)", 'outcomes must be a tuple of names, as in ("final_return",)'),
    ('outcomes="area"', 'outcomes must be a tuple of names, as in ("final_return",)'),
    ('metric="final return"', "unexpected keyword argument 'metric'); the fields of one are question, baseline, arms,"),
])  # fmt: skip
def test_an_outcome_that_is_not_computed_is_refused_in_a_sentence(tmp_path, outcomes, sentence):
    (tmp_path / "ablations").mkdir()
    (tmp_path / "ablations/averaging.py").write_text(ABLATION % outcomes)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({"sweeps": [SWEEP | {"ablations": ["averaging"]}]}))
    done = suite("plan", "--config", "study.yaml", cwd=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert sentence in done.stderr and "averaging.py" in done.stderr and len(done.stderr.splitlines()) == 1
