"""Configs and plans: what is run, what is shared, and what every mistake is told."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pandas as pd
import pytest
import yaml
from builders.runs import ROOT, called

from suite.errors import UsageError
from suite.lab.tasks import TASKS
from suite.published import anchors as references
from suite.sac import identity
from suite.sac.contract import Origin
from suite.sac.spec import Retrace
from suite.specimens.catalogue import ablation_names, load_ablation
from suite.study import config, manifest, rules, sweeps
from suite.study.forecast import forecast, replay_bytes, update_flop
from suite.study.plan import Plan

SWEEP = {
    "tasks": ["Pendulum-v1"],
    "env_steps": 1000,
    "evaluate": {"every": 500},
    "seeds": [0, 1],
    "implementations": ["torch"],
    "presets": ["sac_v2_small"],
}


def write(folder: Path, name: str = "study.yaml", sweep: dict | None = None, **top: object) -> Path:
    """A config of one sweep, SWEEP with changes (None removes a key)."""
    merged = {key: value for key, value in (SWEEP | (sweep or {})).items() if value is not None}
    path = Path(folder) / name
    path.write_text(yaml.safe_dump({"sweeps": [merged], **top}))
    return path


def test_the_committed_configs_are_plans():
    assert {path.stem for path in (ROOT / "config").glob("*.yaml")} >= {"quick", "paper", "reduced"}
    for path in (ROOT / "config").glob("*.yaml"):
        assert Plan(path).runs


def test_the_paper_study_is_what_the_papers_ran():
    plan = Plan(ROOT / "config/paper.yaml")
    assert {cell.task for cell in plan.cells} == {"HalfCheetah-v5", "Hopper-v5", "Walker2d-v4", "Ant-v4", "Humanoid-v4"}
    assert {cell.env_steps for cell in plan.cells} == {1_000_000}
    assert {run.seed for run in plan.runs.values()} == set(range(10))


def test_baselines_and_presets_share_their_runs(tmp_path):
    sweep = {"ablations": ["temperature", "critics", "factorial"], "baseline": "sac_v2_small"}
    plan = Plan(write(tmp_path, sweep=sweep))
    # plain 1 + fixed 1 + single 1 + factorial 8, of which 3 are those
    assert len(plan.cells) == 8 and len(plan.runs) == 16
    same = {
        str(plan.labels["Pendulum-v1", "torch", name].cell.run_id)
        for name in (
            ("sac_v2_small", ""),
            ("temperature", "learned"),
            ("critics", "twin"),
            ("factorial", "learned-twin-without_v"),
        )
    }
    assert len(same) == 1
    assert plan.labels["Pendulum-v1", "torch", ("critics", "twin")].cell.variant == "sac_v2_small"


def test_a_fast_study_has_runs_of_its_own_in_bfloat16(tmp_path):
    sweep = {"ablations": ["temperature"], "baseline": "sac_v2_small"}
    usual, fast = Plan(write(tmp_path, sweep=sweep)), Plan(write(tmp_path, "fast.yaml", sweep, precision="fast"))
    assert {cell.spec.precision for cell in usual.cells} == {"float32"}
    assert {cell.spec.precision for cell in fast.cells} == {"bfloat16_hidden"}
    assert [replace(cell.spec, precision="float32") for cell in fast.cells] == [cell.spec for cell in usual.cells]
    assert [str(cell.label) for cell in fast.cells] == [str(cell.label) for cell in usual.cells]
    assert not {cell.run_id for cell in fast.cells} & {cell.run_id for cell in usual.cells}
    assert fast.declaration_id != usual.declaration_id


@pytest.mark.parametrize(
    ("sweep", "top", "sentence"),
    [
        ({"presets": ["soft_q_learning"]}, {}, "soft_q_learning on Pendulum-v1 is no consistent setting: precision"),
        ({"implementations": ["stable_baselines3"]}, {}, "stable_baselines3 cannot train sac_v2_small on Pendulum-v1"),
        ({"presets": None, "ablations": ["precision"]}, {}, "no arm of precision means anything with its baseline"),
        ({"implementations": ["torch", "mine"]}, {"imported": ["mine"]}, "precision is of runs that are trained here"),
        ({}, {"precision": "slow"}, "precision"),
    ],
)
def test_what_cannot_be_fast_is_refused_in_a_sentence(tmp_path, sweep, top, sentence):
    with pytest.raises(UsageError, match=sentence):
        Plan(write(tmp_path, sweep=sweep, **{"precision": "fast"} | top))


def test_two_studies_share_their_runs(tmp_path):
    first = Plan(write(tmp_path, "a.yaml"))
    second = Plan(
        write(tmp_path, "b.yaml", {"ablations": ["temperature"], "baseline": "sac_v2_small", "presets": None})
    )
    assert set(first.runs) < set(second.runs)


def test_more_seeds_tasks_or_arms_keep_every_run_there_was(tmp_path):
    before = set(Plan(write(tmp_path)).runs)
    for more in (
        {"seeds": [0, 1, 2]},
        {"tasks": ["Pendulum-v1", "Hopper-v5"]},
        {"presets": ["sac_v2_small", "sac_v1_small"]},
    ):
        assert before < set(Plan(write(tmp_path, sweep=more)).runs)


def test_another_protocol_is_another_run_and_a_longer_budget_the_same_work(tmp_path):
    (one, *_), (other, *_) = (
        Plan(write(tmp_path, sweep={"evaluate": {"every": every}})).runs.values() for every in (500, 250)
    )
    assert one.cell.run_id != other.cell.run_id
    longer = Plan(write(tmp_path, sweep={"env_steps": 2000}))
    (run, *_) = longer.runs.values()
    assert run.cell.run_id == one.cell.run_id and run.record != one.record
    assert longer.work(run.cell, 0) == Plan(write(tmp_path)).work(one.cell, 0)


def test_a_count_of_seeds_means_the_first_ones(tmp_path):
    assert {run.seed for run in Plan(write(tmp_path, sweep={"seeds": 3})).runs.values()} == {0, 1, 2}


def test_a_bare_off_is_a_word():
    text = (
        "sweeps: [{tasks: [Pendulum-v1], env_steps: 10, evaluate: {every: 10}, seeds: 1, implementations: [torch], "
        "presets: [sac_v2]}]\ntracking: off\n"
    )
    assert config.Config.model_validate(yaml.safe_load(text)).tracking == "off"


MISTAKES = {
    "unknown task": ({"tasks": ["HalfCheeta-v5"]}, {}, ["sweeps[0].tasks[0]", "'HalfCheeta-v5'", "'HalfCheetah-v5'"]),
    "unknown preset": ({"presets": ["sac_v3"]}, {}, ["sweeps[0].presets[0]", "'sac_v3'", "'sac_v2'"]),
    "unknown ablation": ({"ablations": ["critic"]}, {}, ["sweeps[0].ablations[0]", "'critic'", "'critics'"]),
    "unknown implementation": ({"implementations": ["torhc"]}, {}, ["sweeps[0].implementations[0]", "'torch'"]),
    "unknown baseline": ({"ablations": ["critics"], "baseline": "sac_v22"}, {}, ["sweeps[0].baseline", "'sac_v2'"]),
    "arms of another question": (
        {"ablations": ["critics"], "arms": {"critic": ["single"]}},
        {},
        ["sweeps[0].arms", "'critic'", "no ablation of this sweep", "'critics'"],
    ),
    "an unknown arm": (
        {"ablations": ["critics"], "arms": {"critics": ["singel"]}},
        {},
        ["sweeps[0].arms.critics[0]", "'singel'", "no arm of critics", "'single'"],
    ),
    "arms of no question": ({"arms": {"critics": ["single"]}}, {}, ["sweeps[0].arms", "without ablations"]),
    "an arm twice": (
        {"ablations": ["critics"], "arms": {"critics": ["single", "single"]}},
        {},
        ["sweeps[0].arms.critics", "'single' twice"],
    ),
    "no arm but the baseline": (
        {"ablations": ["critics"], "arms": {"critics": ["twin"]}},
        {},
        ["sweeps[0].arms.critics[0]", "'twin'", "no arm of critics beside its baseline", "'single'"],
    ),
    "misspelt key": ({"env_step": 5}, {}, ["sweeps[0].env_step", "'env_steps'"]),
    "misspelt nested key": ({"evaluate": {"evry": 5}}, {}, ["sweeps[0].evaluate.evry", "did you mean 'every'"]),
    "misspelt top key": ({}, {"trackin": "off"}, ["trackin", "'tracking'"]),
    "wrong type": ({"env_steps": "many"}, {}, ["sweeps[0].env_steps", "integer", "'many'"]),
    "a float budget": ({"env_steps": 1e3}, {}, ["sweeps[0].env_steps", "integer"]),
    "negative budget": ({"env_steps": -1000}, {}, ["sweeps[0].env_steps", "greater than 0", "-1000"]),
    "missing key": ({"env_steps": None}, {}, ["sweeps[0].env_steps", "missing"]),
    "a seed twice": ({"seeds": [0, 1, 0]}, {}, ["sweeps[0].seeds", "0", "twice"]),
    "no seed": ({"seeds": []}, {}, ["sweeps[0].seeds must not be empty"]),
    "a negative seed": ({"seeds": [-1]}, {}, ["sweeps[0].seeds[0]", "-1"]),
    "a seed of 20 digits": ({"seeds": [10**20]}, {}, ["sweeps[0].seeds[0]", "less than"]),
    "a million seeds": ({"seeds": 1_000_000}, {}, ["sweeps[0].seeds", "at most 100,000", "not 1000000"]),
    "a trillion seeds": ({"seeds": 10**12}, {}, ["sweeps[0].seeds", "at most 100,000"]),
    "too many runs": (
        {"seeds": 100_000, "ablations": ["critics"]},
        {},
        ["sweeps[0]", "300,000 runs", "100,000 seeds of each of 3 cells", "33,333 seeds are the most"],
    ),
    "a task twice": ({"tasks": ["Pendulum-v1"] * 2}, {}, ["sweeps[0].tasks", "twice"]),
    "nothing to run": ({"presets": []}, {}, ["sweeps[0]", "nothing to run"]),
    "a sweep twice": (None, {"sweeps": [SWEEP, SWEEP]}, ["sweeps[1] is sweeps[0] once more"]),
    "a count that is none": ({"seeds": -5}, {}, ["sweeps[0].seeds", "a number of seeds from 1, or a list", "-5"]),
    "a budget without end": ({"env_steps": 10**30}, {}, ["sweeps[0].env_steps", "1000000000000"]),
    "a folder without a name": ({}, {"results": ""}, ["results", "''"]),
    "a folder of 5,000 characters": ({}, {"results": "r" * 5000}, ["results cannot be used (File name too long)"]),
    "a folder with a null": ({}, {"reports": "a\0b"}, ["reports", r"a\x00b", "choose another path"]),
    "a name of 5,000 characters": ({"tasks": ["x" * 5000]}, {}, ["sweeps[0].tasks[0]", "which is no task"]),
    "a list for a section": ({"evaluate": [500]}, {}, ["sweeps[0].evaluate", "mapping of every, episodes", "[500]"]),
    "a step without end": ({}, {"check": {"gate": "Pendulum-v1@" + "9" * 5000}}, ["check.gate", "step is no number"]),
    "time without end": ({}, {"execution": {"checkpoint_seconds": float("inf")}}, ["checkpoint_seconds", "finite"]),
    "unaligned budget": ({"env_steps": 1200}, {}, ["sweeps[0].env_steps", "1200", "1000"]),
    "baseline without ablations": ({"baseline": "sac_v2"}, {}, ["sweeps[0].baseline"]),
    "arms that are one": ({"ablations": ["temperature"], "baseline": "sac_v1"}, {}, []),
    "an unknown tracking": ({}, {"tracking": "wandb-ofline"}, ["tracking is 'wandb-ofline'", "'wandb-offline'"]),
    "a tracking of two words": (
        {},
        {"tracking": {"mode": "offline", "project": "mine"}},
        ["tracking must be one word of off, wandb-offline, wandb, tensorboard", "'tracking: wandb-offline'", "WANDB_P"],
    ),
    "a tracking that was online": ({}, {"tracking": {"mode": "online"}}, ["here 'tracking: wandb', not {'mode'"]),
    "a tracking that was no mode": ({}, {"tracking": {"mode": [3]}}, ["here 'tracking: off', not {'mode': [3]}"]),
    "a margin of 2": ({}, {"check": {"margin": 2.0}}, ["check.margin", "less than 1"]),
    "a gate of no task": (
        {},
        {"check": {"gate": ["default", "HalfCheeta-v5@100_000"]}},
        ["check.gate", "'HalfCheeta-v5@100_000'", "'HalfCheetah-v5'"],
    ),
    "a gate of no step": ({}, {"check": {"gate": "HalfCheetah-v5@1__0"}}, ["check.gate", "HalfCheetah-v5@100_000"]),
    "an unknown method": (
        {},
        {"families": {"ablation": "hulm"}},
        ["families.ablation", "'hulm'", "did you mean 'holm'"],
    ),
    "an unknown family": ({}, {"families": {"ablations": "holm"}}, ["families.ablations", "did you mean 'ablation'"]),
    "a misspelt margin": ({}, {"equivalence": {"margn": 0.1}}, ["equivalence.margn", "did you mean 'margin'"]),
    "a margin twice": ({}, {"equivalence": {"sensitivity": [0.1, 0.1]}}, ["equivalence.sensitivity", "0.1", "twice"]),
    "a margin of 0": ({}, {"equivalence": {"sensitivity": [0.1, 0.0]}}, ["equivalence.sensitivity[1]", "0.0"]),
    "a certain superiority": ({}, {"equivalence": {"superiority": 0.5}}, ["equivalence.superiority", "less than 0.5"]),
    "a band after the end": ({}, {"equivalence": {"after": 1.0}}, ["equivalence.after", "less than 1"]),
    "no time": ({}, {"execution": {"time_limit_hours": 0}}, ["execution.time_limit_hours", "greater than 0"]),
    "too many episodes": ({"evaluate": {"every": 500, "episodes": 5000}}, {}, ["episodes", "batch size"]),
    "no sweeps": (None, {"sweeps": []}, ["sweeps"]),
}


@pytest.mark.parametrize("name", [name for name, (_, _, words) in MISTAKES.items() if words])
def test_every_mistake_is_one_sentence_with_file_key_and_choice(tmp_path, name):
    sweep, top, words = MISTAKES[name]
    path = write(tmp_path, sweep=sweep, **top)
    with pytest.raises(UsageError) as caught:
        Plan(path)
    sentence = str(caught.value)
    assert str(path) in sentence and "\n" not in sentence
    assert all(word in sentence for word in words), sentence


def test_margins_and_families_have_defaults_and_are_declared_whole(tmp_path):
    declared = Plan(write(tmp_path, families={"exploratory": "by"})).declaration
    assert {name: part for name, part in declared.items() if name not in ("questions", "presets", "study")} == {
        "check": {"margin": 0.10, "confidence": 0.90, "gate": ["default"], "looks": [3, 5, 7, 10]},
        "equivalence": {
            "margin": 0.10,
            "sensitivity": [0.05, 0.15, 0.20],
            "superiority": 0.15,
            "confidence": 0.90,
            "after": 0.2,
        },
        "families": {"equivalence": "holm", "regression": "holm", "ablation": "holm", "exploratory": "by"},
        "report": {"confidence": 0.95, "resamples": 50_000, "seed": 0},
        "anchors": references.anchors_digest(),
    }


def test_a_run_knows_its_declaration_and_is_the_same_run_under_another(tmp_path):
    one, other = (Plan(write(tmp_path, check={"margin": margin})) for margin in (0.1, 0.2))
    assert set(one.runs) == set(other.runs)
    (cell,) = one.cells
    assert cell.job((0,), "study", "0123456789").origin == Origin(
        study="study", preset="sac_v2_small", declaration="0123456789"
    )


def test_the_manifest_holds_every_run_under_every_name_it_is_asked_for(tmp_path):
    sweep = {"ablations": ["temperature"], "baseline": "sac_v2_small"}
    plan = Plan(write(tmp_path, sweep=sweep, results=str(tmp_path / "results")))
    manifest.write(plan)
    table = pd.read_parquet(plan.study_dir / "manifest.parquet")
    assert set(table["path"]) == set(plan.runs) and len(table) == 6 > len(plan.runs) == 4
    assert set(table["ablation"]) == {"", "temperature"} and set(table["evaluate_every"]) == {500}
    assert list(table[table["baseline"]]["arm"]) == ["learned"] * 2


def test_a_cell_is_resolved_and_hashed_once_whatever_its_seeds(tmp_path):
    path = write(tmp_path, sweep={"seeds": 2000, "ablations": ["temperature"], "implementations": ["torch", "jax"]})
    resolving = mock.patch.object(sweeps, "resolve", wraps=sweeps.resolve)
    hashing = mock.patch.object(identity, "run_id", wraps=identity.run_id)
    with resolving as resolved, hashing as hashed:
        assert len(Plan(path).runs) == 12_000
    assert resolved.call_count == hashed.call_count == 3  # the preset, and two arms


def test_who_trains_in_turn_is_counted_or_forecast(tmp_path):
    """Every run in one job, of one implementation; a package's alone."""
    plan = Plan(write(tmp_path, sweep={"seeds": 5, "implementations": ["torch", "jax", "sbx"], "presets": ["sbx"]}))
    jobs = [one.records for one in rules.of_training(plan, {"runs_per_job": 3})]
    assert sorted(record for job in jobs for record in job) == sorted(plan.runs)
    names = [[plan.runs[record].cell.implementation for record in job] for job in jobs]
    assert sorted(map(tuple, names)) == sorted([(e,) * n for e in ("torch", "jax") for n in (3, 2)] + [("sbx",)] * 5)
    seconds = forecast(next(iter(plan.runs.values())).cell).seconds
    (first, *_) = rules.of_training(plan, {"runs_per_job": "1min"})
    assert len(first.records) == min(60 // seconds, 5) and first.how == "--in-turn"
    assert rules.of_training(plan, {"runs_per_job": 1}) == rules.of_training(plan, {})
    for settings in ({"runs_per_job": 0}, {"runs_per_job": "soon"}, {"runs_per_job": 2, "seeds_per_job": 2}):
        with pytest.raises(UsageError, match="runs_per_job"):
            rules.of_training(plan, settings)


def test_a_job_plans_only_what_it_is_asked_for(tmp_path):
    whole = Plan(ROOT / "config/paper.yaml")
    record = list(whole.runs)[-1]
    part = Plan(ROOT / "config/paper.yaml", [record])
    assert part.runs[record] == whole.runs[record] and len(part.runs) < len(whole.runs) / 5
    assert {(run.cell.task, run.cell.implementation) for run in part.runs.values()} == {whole.runs[record].cell[:2]}


def test_an_ablation_that_means_nothing_with_a_baseline_is_refused(tmp_path):
    """sac_v1 has a value net already: the arm that adds one changes nothing."""
    path = write(tmp_path, sweep={"ablations": ["value_net"], "baseline": "sac_v1", "presets": None})
    with pytest.raises(UsageError, match=r"no arm of value_net means anything .* with_v .*, for it is what sac_v1 is;"):
        Plan(path)


def test_arms_that_mean_nothing_with_a_baseline_are_left_out_and_told(tmp_path):
    """Of its own baseline every arm means something; beside another, 0.01 is what is there, or there is no V."""
    path = write(tmp_path, sweep={"ablations": ["tau", "codebases"], "baseline": "sac_v2_small", "presets": None})
    plan = Plan(path)
    why = {(one.ablation, one.arm): one.why for one in plan.meaningless}
    assert why["tau", "0.01"] == "it is what sac_v2_small is"
    assert why["v_target", "broadcast"] == "value_net.target means nothing where value_net is None"
    labels = {(asked.label.ablation, asked.label.arm) for asked in plan.labels.values()}
    assert labels.isdisjoint(why) and ("tau", "0.1") in labels and ("v_target", "per_sample") in labels
    printed = called("plan", "--config", path).stdout
    assert "not trained on Pendulum-v1: tau/0.01, for it is what sac_v2_small is" in printed


def test_tags_and_all_mean_the_questions_that_bear_them(tmp_path):
    core = set(Plan(write(tmp_path, sweep={"ablations": ["core"]})).ablations)
    everything = set(Plan(write(tmp_path, sweep={"ablations": ["all"]})).ablations)
    assert {"temperature", "critics", "value_net", "factorial"} <= core < everything
    assert everything == {name for name in ablation_names() if load_ablation(name).tags}
    assert not everything & {"mistakes", "precision"}


def test_some_arms_of_a_question_may_be_asked_for_and_its_baseline_always_stands_beside_them(tmp_path):
    asked = {"ablations": ["tau", "critics"], "arms": {"tau": ["0.1", "0.001"]}, "baseline": "sac_v2_small"}
    plans = [Plan(write(tmp_path, sweep=asked | {"arms": arms})) for arms in ({}, asked["arms"])]
    every, some = ({(one.label.ablation, one.label.arm) for one in plan.labels.values()} for plan in plans)
    baseline = load_ablation("tau").arms[0].name
    assert {arm for name, arm in some if name == "tau"} == {baseline, "0.1", "0.001"}
    assert {one for one in every if one[0] != "tau"} == {one for one in some if one[0] != "tau"} and len(some) < len(
        every
    )


def test_each_baseline_may_have_its_own_in_its_place(tmp_path):
    small = {"sac_v2": "sac_v2_small", "sac_v1": "sac_v1_small"}
    plan = Plan(write(tmp_path, sweep={"ablations": ["v_target", "tau"], "baseline": small, "presets": None}))
    presets = {(asked.label.ablation, asked.label.preset) for asked in plan.labels.values()}
    assert presets == {("v_target", "sac_v1_small"), ("tau", "sac_v2_small")}
    with pytest.raises(UsageError, match=r"is 'sac_v9', which is no preset"):
        Plan(write(tmp_path, sweep={"ablations": ["tau"], "baseline": {"sac_v2": "sac_v9"}}))


def test_one_name_with_two_meanings_is_refused(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump({"sweeps": [SWEEP, SWEEP | {"env_steps": 2000}]}))
    with pytest.raises(UsageError, match="another meaning"):
        Plan(path)


def test_yaml_mistakes_are_sentences(tmp_path):
    path = tmp_path / "study.yaml"
    for text, words in {
        "sweeps: [": "not valid YAML",
        "- 1": "mapping",
        "sweeps: []\nsweeps: []": "given twice",
    }.items():
        path.write_text(text)
        with pytest.raises(UsageError, match=words):
            Plan(path)
    with pytest.raises(UsageError, match="cannot be read"):
        Plan(tmp_path / "absent.yaml")


ONE = (
    "sweeps: [{tasks: [Pendulum-v1], env_steps: 10, evaluate: {every: 10}, seeds: %s, implementations: [torch], "
    "presets: [sac_v2]}]\n"
)
UNREADABLE = {
    "no int": (ONE % 1 + "x: !!int abc", "'abc' is no int, in line 2, column 4"),
    "no bool": (ONE % 1 + "x: !!bool maybe", "'maybe' is no bool, in line 2"),
    "no date": (ONE % 1 + "x: 2024-13-45", "'2024-13-45' is no timestamp, in line 2"),
    "5,000 digits": (ONE % ("9" * 5000), "is no int, in line 1"),
    "5,000 hexadecimal digits": (ONE % ("0x" + "f" * 5000), "must be at most 100,000"),
    "a margin of 5,000 digits": (
        ONE % 1 + "check: {margin: 0x" + "f" * 5000 + "}",
        "check.margin must be a valid number",
    ),
    "deep nesting": ("[" * 5000, "nested too deeply"),
    "deep mappings": ("{a: " * 3000, "nested too deeply"),
    "anchors within anchors": ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "a is no key of a config"),
    "itself": ("sweeps: &a [*a]", "sweeps[0] must be a mapping of tasks"),
    "merges": ("a: &a {x: 1}\nb: {<<: [*a, *a]}", "not valid YAML"),
    "a code": ("x: !!python/object/apply:os.system [ls]", "not valid YAML"),
    "a tab": (ONE % 1 + "\tx: 1", "in line 2, column 1"),
    "a null": ("a: \0", "not valid YAML"),
    "two documents": (ONE % 1 + "---\n" + ONE % 1, "single document"),
    "nothing": ("", "not nothing"),
    "a control character": (ONE % 1 + '"\\e[31m": 1', r"\x1b[31m is no key"),
    "latin-1": (b"# \n# caf\xe9\n", "line 2 is not in UTF-8"),
    "a million seeds": (ONE % list(range(1_000_000)), "a config has at most 1,048,576"),
    "sweeps upon sweeps": ("sweeps:\n- &s " + (ONE % 1)[9:-2] + "\n- *s" * 1000, "sweeps[1] is sweeps[0] once more"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_whatever_a_file_holds_is_a_sentence_that_fits_a_screen(tmp_path, name):
    text, words = UNREADABLE[name]
    path = tmp_path / "study.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError) as caught:
        Plan(path)
    sentence = str(caught.value)
    assert words in sentence and "study.yaml" in sentence and len(sentence) < 1000 and sentence.isprintable(), sentence


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", ".", "x" * 300, "a\0b"):
        with pytest.raises(UsageError, match="cannot be read"):
            Plan(tmp_path / name)


def test_a_config_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "study.yaml").write_text(ONE % 1, encoding="utf-8-sig")
    assert Plan(tmp_path / "study.yaml").runs


def test_an_unwritable_results_folder_is_told_and_nothing_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    path = write(tmp_path, results=str(tmp_path / "file" / "results"))
    with pytest.raises(UsageError, match=r"results is .*not a folder one may write to"):
        Plan(path).check_writable()


def test_a_mistake_stops_the_command_line_with_2_and_touches_nothing(tmp_path):
    path = write(tmp_path, sweep={"tasks": ["Hoper-v5"]}, results=str(tmp_path / "out"), reports=str(tmp_path / "rep"))
    for command in (["plan"], ["sweep"], ["status"], ["gather"], ["run", "x.parquet"]):
        done = called(command[0], "--config", str(path), *command[1:])
        assert done.returncode == 2, done.stderr
        assert done.stderr.count("\n") == 1 and "did you mean 'Hopper-v5'?" in done.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["study.yaml"]


def test_command_line_mistakes_name_the_nearest_choice(tmp_path):
    for arguments, words in {
        ("plann",): "did you mean 'plan'?",
        ("difference", "sac_v2", "sac_w1"): "did you mean 'sac_v1'?",
        ("difference", "sac_v2", "sac_v1", "--task", "Hoper-v5"): "did you mean 'Hopper-v5'?",
        ("retry", "--config", str(write(tmp_path)), "--status", "crahsed"): "did you mean 'crashed'?",
        ("show", "nothing", "--results", str(tmp_path)): "there are no records",
        ("plan", "--config", "config/quik.yaml"): "did you mean 'config/quick.yaml'?",
        ("check", "--blind", "--against-baseline", "quick"): "--blind is about published results",
    }.items():
        done = called(*arguments)
        assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_a_forecast_counts_what_an_update_multiplies():
    plan = Plan(ROOT / "config/paper.yaml")
    cells = {(cell.task, cell.variant): cell for cell in plan.cells}
    cell = cells["HalfCheetah-v5", "sac_v2"]
    task = TASKS["HalfCheetah-v5"]
    # 16 passes of about 72k weights x 256 rows x 2
    assert update_flop(cell.spec, task.obs_dim, task.action_dim) == pytest.approx(590e6, rel=0.05)
    assert 2 < forecast(cell).seconds / 3600 < 10
    assert forecast(cells["Humanoid-v4", "sac_v2"]).work_bytes == pytest.approx(3.1e9, rel=0.05)


def test_a_forecast_knows_what_several_steps_cost():
    """A row has a number more that says where an episode opens, and another for the density of its action."""
    (cell, *_) = (one for one in Plan(ROOT / "config/paper.yaml").cells if one.variant == "sac_v2")
    task, rows = TASKS[cell.task], replay_bytes(cell) // (4 * (2 * 17 + 6 + 2))
    assert (task.obs_dim, task.action_dim) == (17, 6)
    summed = cell._replace(schedule=replace(cell.schedule, n_step=3))
    assert replay_bytes(summed) == rows * 4 * 43
    flop = {None: update_flop(cell.spec, 17, 6)}
    for trace in ("whole", "ratio"):
        spec = replace(cell.spec, retrace=Retrace(steps=3, decay=1.0, trace=trace))
        assert replay_bytes(cell._replace(spec=spec)) == rows * 4 * 44
        flop[trace] = update_flop(spec, 17, 6)
    # for each of two steps five passes of networks of about 72k weights, x 256 rows x 2; with ratios six
    assert flop["whole"] - flop[None] == pytest.approx(2 * 5 * 72e3 * 512, rel=0.05)
    assert flop["ratio"] - flop[None] == pytest.approx(2 * 6 * 72e3 * 512, rel=0.05)


def test_plan_prints_jobs_steps_hours_and_disk():
    done = called("plan", "--config", "config/reduced.yaml")
    assert done.returncode == 0
    total = next(line for line in done.stdout.splitlines() if line.strip().startswith("total"))
    assert total.split()[1] == "120" and total.split()[3] == "12,000,000"


def test_difference_prints_both_citations():
    done = called("difference", "sac_v1", "sac_v2")
    assert done.returncode == 0
    assert (
        "reward_scale is 1.0 instead of 5.0" in done.stdout and "value_net is None instead of ValueNet" in done.stdout
    )
    assert "arXiv 1801.01290 table 2" in done.stdout and "arXiv 1812.05905" in done.stdout


def test_arms_of_one_structure_fill_a_block_where_the_engine_takes_them(tmp_path):
    """The presets' alphas are learned, so the fixed one of the arm is a block of its own."""
    path = write(tmp_path, sweep={"seeds": 2, "implementations": ["torch", "jax"], "ablations": ["following"]})
    (tmp_path / "ablations").mkdir()
    arms = "one_factor('tau', {'own': {}, 'slow': {'tau': 0.001}, 'fixed': {'temperature': FixedAlpha(value=0.2)}}, "
    prose = "question='Q?', baseline='sac_v2_small', outcomes=('final_return',), expected='', literature=())"
    head = "from suite.sac.ablation import one_factor\nfrom suite.sac.spec import FixedAlpha\n"
    (tmp_path / "ablations/following.py").write_text(f"{head}ABLATION = {arms}{prose}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        plan = Plan(path)
    alike, arms = rules.of_training(plan, {"seeds_per_job": 10})
    assert [plan.runs[record].cell.implementation for record in arms.records] == ["jax"] * 4
    assert len(alike.records) == 2 and alike.cells.count("/torch/") == 3 and alike.cells.count("/jax/") == 1
