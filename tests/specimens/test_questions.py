"""Questions: what is listed, ways from preset to preset, and what the starters make works as it is."""

from __future__ import annotations

import importlib.util
import itertools
import json
import shutil

import pytest
from builders.runs import ROOT, called
from click.testing import CliRunner

from suite.cli import starters
from suite.cli.app import main
from suite.lab import tasks
from suite.sac import ablation, identity
from suite.sac.spec import SacSpec
from suite.specimens import contract_checks
from suite.specimens.catalogue import load_ablation, load_preset, preset_names, questions, resolve


def run(*arguments: str) -> str:
    outcome = CliRunner().invoke(main, arguments)
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def refused(*arguments: str) -> str:
    outcome = CliRunner().invoke(main, arguments)
    assert outcome.exit_code == 2 and outcome.output.count("\n") == 1, outcome.output
    return outcome.output


def run_refused(*arguments: str) -> str:
    """The last line of a command that says something before it finds that it cannot go on."""
    outcome = CliRunner().invoke(main, arguments)
    assert outcome.exit_code == 2, outcome.output
    return outcome.output.splitlines()[-1]


# --- the list


def test_the_list_has_every_question_with_arms_expectation_source_and_cost():
    rows = {row["name"]: row for row in json.loads(run("ablations", "--json"))}
    assert list(rows) == questions(["all"])
    assert rows["critics"]["arms"] == {"twin": "", "single": "worse"}
    assert all(row["expected"] and row["literature"] and row["core_hours"] > 0 for row in rows.values())
    half = {row["name"]: row for row in json.loads(run("ablations", "critics", "--env-steps", "50000", "--json"))}
    assert half["critics"]["core_hours"] < rows["critics"]["core_hours"]
    printed = run("ablations", "core")
    assert "single (worse)" in printed and f"{len(questions(['core']))} questions" in printed


def test_a_word_that_is_no_question_is_refused():
    assert "there is no ablation 'citrics'; did you mean 'critics'?" in refused("ablations", "citrics")
    assert "there is no task 'Hoper-v5'; did you mean 'Hopper-v5'?" in refused("ablations", "--task", "Hoper-v5")


# --- walks


@pytest.mark.parametrize("task", ["HalfCheetah-v5", "Pendulum-v1"])
@pytest.mark.parametrize("start, end", [("coach", "haarnoja_sac"), ("jaxrl", "jaxrl_curves"), ("sac_v1", "sac_v2")])
def test_a_walk_starts_at_one_preset_ends_at_the_other_and_every_step_is_a_setting(start, end, task):
    way = ablation.walk(start, end, load_preset(start), load_preset(end), task)
    settings = [resolve(start, task, arm.changes) for arm in way.arms]
    assert settings[0] == resolve(start, task, {}) and settings[-1] == resolve(end, task, {})
    assert len(set(settings)) == len(settings)
    for before, after in itertools.pairwise(way.arms):
        assert before.changes.items() <= after.changes.items()


def test_any_preset_can_be_walked_to_from_any_other():
    names = [name for name in preset_names() if isinstance(load_preset(name).SPEC, SacSpec)]
    for start, end in itertools.pairwise(names):
        way = ablation.walk(start, end, load_preset(start), load_preset(end), "Hopper-v5")
        assert resolve(start, "Hopper-v5", way.arms[-1].changes) == resolve(end, "Hopper-v5", {})


def test_switches_that_contradict_each_other_alone_and_those_named_change_together():
    way = ablation.walk(
        "sac_v2", "coach", *map(load_preset, ("sac_v2", "coach")), "Hopper-v5", (("hidden_init", "adam"),)
    )
    names = [arm.name for arm in way.arms]
    assert "warmup_rounding+epoch_steps" not in names  # coach has no epochs
    assert "hidden_init+adam" in names
    to_epochs = ablation.walk("coach", "haarnoja_sac", *map(load_preset, ("coach", "haarnoja_sac")), "Hopper-v5")
    assert "warmup_rounding+epoch_steps" in [arm.name for arm in to_epochs.arms]


def test_a_walk_becomes_an_ablation_that_can_be_planned(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = run("walk", "jaxrl", "jaxrl_curves", "--task", "HalfCheetah-v5", "--write")
    assert printed.splitlines()[1:3] == ["jaxrl: as it is", "std: std is ClipLogStd(low=-20.0, high=2.0)"]
    way = load_ablation("walk_jaxrl_jaxrl_curves")
    assert way.walk and len(way.arms) == 7
    assert "is there already" in refused("walk", "jaxrl", "jaxrl_curves", "--task", "HalfCheetah-v5", "--write")
    assert "there is no step to take" in refused("walk", "sac_v2", "sac_v2", "--task", "Pendulum-v1")
    assert "are no settings of one algorithm" in refused("walk", "sac_v2", "soft_q_learning", "--task", "Pendulum-v1")
    assert "in which jaxrl and jaxrl_curves do not differ" in refused(
        "walk", "jaxrl", "jaxrl_curves", "--task", "HalfCheetah-v5", "--together", "tau,std"
    )


# --- sensitivity


def test_a_study_of_sensitivity_is_forecast_and_then_a_config_that_can_be_planned(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ("sensitivity", "sac_v2_small", "sac_v1_small", "--over", "lr,entropy", "--values", "lr=1e-4,1e-3")
    printed = run(*asked, "--tasks", "Pendulum-v1", "--seeds", "5", "--dry-run")
    assert "sac_v2_small: 5 settings, 25 runs" in printed and "sac_v1_small: 2 settings, 10 runs" in printed
    assert "(left out, for it means nothing here: entropy)" in printed and "together 35 runs" in printed
    assert not list(tmp_path.iterdir())
    run(*asked, "--tasks", "Pendulum-v1", "--seeds", "5")
    planned = json.loads(run("plan", "--config", "config/tuning.yaml", "--json"))
    assert planned["total"]["jobs"] == 35
    assert load_ablation("tuning_sac_v1_small").variant == "sac_v1_small"
    assert "there are no results yet" in run("sensitivity", "--config", "config/tuning.yaml")
    assert "is there already" in run_refused(*asked)


def test_sobol_points_change_all_that_means_something_and_come_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        run("sensitivity", "sac_v2_small", "--over", "lr,batch,entropy", "--sobol", "2", "--name", name)
    one, two = (load_ablation(f"{name}_sac_v2_small") for name in ("one", "two"))
    assert one.arms == two.arms and len(one.arms) == 9  # six points a round number of which is eight, and as it is
    assert all(set(arm.levels) == {"lr", "batch", "entropy"} for arm in one.arms)
    assert all(64 <= arm.changes["batch_size"] <= 512 for arm in one.arms[1:])


@pytest.mark.parametrize("arguments, sentence", [
    ((), "name presets to start a study of, or a study to look at by --config"),
    (("sac_v2_small", "--config", "a.yaml"), "one of the two"),
    (("--config", str(ROOT / "config/quick.yaml")), "names no ablation whose arms are the settings of a variant"),
    (("sac_v3",), "there is no preset 'sac_v3'; did you mean 'sac_v2'?"),
    (("sac_v2_small", "sac_v2_small"), "a preset is named twice"),
    (("sac_v2_small", "--over", "lr,tua"), "--over names 'tua'; did you mean 'tau'?"),
    (("sac_v2_small", "--over", "lr", "--values", "tau=1"), "--values gives values of 'tau'"),
    (("sac_v2_small", "--over", "lr", "--values", "lr=fast"), "--values is 'lr=fast'"),
    (("sac_v2_small", "--over", "lr", "--values", "lr=nan"), "--values is 'lr=nan'"),
    (("sac_v2_small", "--over", "batch", "--values", "batch=1e999"), "--values is 'batch=1e999'"),
    (("sac_v2_small", "--over", "tau", "--values", "tau=0,1", "--sobol", "4"), "tau from 0 to 1 is no range"),
    (("sac_v2_small", "--over", "entropy", "--values", "entropy=-1"), "there is nothing to tune"),
    (("soft_q_learning", "--over", "tau", "--sobol", "4"), "there is nothing to tune"),
    (("sac_v2_small", "--tasks", "Pendulm-v1"), "there is no task 'Pendulm-v1'; did you mean 'Pendulum-v1'?"),
    (("sac_v2_small", "--env-steps", "1234"), "--env-steps is 1234; it must be a multiple of 10"),
    (("sac_v2_small", "--name", "../up"), "cannot be a module's name"),
])  # fmt: skip
def test_what_is_no_study_of_sensitivity_is_a_sentence_and_no_file(arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sentence in refused("sensitivity", *arguments)
    assert not list(tmp_path.iterdir())


def test_a_setting_that_is_none_leaves_no_file_and_nothing_is_called_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = CliRunner().invoke(main, ["sensitivity", "sac_v2_small", "--over", "tau", "--values", "tau=2"])
    assert outcome.exit_code == 2 and "tau must lie in (0, 1]" in outcome.output.splitlines()[-1]
    assert "wrote" not in outcome.output
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


# --- starters


def test_a_started_ablation_is_planned_as_it_is(tmp_path):
    called("new-ablation", "mine", cwd=tmp_path)
    config = """sweeps: [{tasks: [Pendulum-v1], env_steps: 200, evaluate: {every: 100}, seeds: 2,
                         implementations: [jax], ablations: [mine]}]"""
    (tmp_path / "study.yaml").write_text(config)
    planned = json.loads(called("plan", "--config", "study.yaml", "--json", cwd=tmp_path).stdout)
    assert [cell["variant"] for cell in planned["cells"]] == ["mine/as_is", "mine/faster", "mine/other_start"]


def test_a_started_implementation_passes_the_contract(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("new-implementation", "mine")
    assert 'mine = "mine"' in (tmp_path / "mine/pyproject.toml").read_text()
    spec = importlib.util.spec_from_file_location("mine", tmp_path / "mine/mine.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert not any(one.problem for one in contract_checks.run(module))


def test_a_started_task_is_a_line_of_the_table(tmp_path, monkeypatch):
    table = tmp_path / "suite/lab/tasks.py"
    table.parent.mkdir(parents=True)
    shutil.copy(ROOT / "suite/lab/tasks.py", table)
    monkeypatch.setattr(starters, "ROOT", tmp_path)
    run("new-task", "MountainCarContinuous-v0")
    assert '"MountainCarContinuous-v0": Task(2, 1, 999),' in table.read_text()
    assert set(tasks.TASKS) == set(tasks.TASKS) & {
        line.split('"')[1] for line in table.read_text().splitlines() if "Task(" in line and '"' in line
    }


@pytest.mark.parametrize("arguments, sentence", [
    (("new-task", "Pendulum-v1"), "there is a task Pendulum-v1 already"),
    (("new-task", "NoSuchTask-v0"), "Gymnasium cannot make NoSuchTask-v0"),
    (("new-task", "CartPole-v1"), "is of no kind that the suite plays"),
    (("new-ablation", "critics"), "there is an ablation critics already"),
    (("new-ablation", "my-question"), "cannot be a module's name"),
    (("new-implementation", "torch"), "there is an implementation torch already"),
    (("new-implementation", "../up"), "cannot be a module's name"),
])  # fmt: skip
def test_what_cannot_be_started_is_a_sentence_and_no_file(arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sentence in refused(*arguments)
    assert not list(tmp_path.iterdir())


def test_a_measured_task_is_what_the_table_says():
    for task in ("Pendulum-v1", "Reacher-v5", "Hopper-v5"):
        assert tasks.measured(task) == tasks.TASKS[task]


def test_no_question_moves_the_settings_it_starts_from():
    """Run ids of baselines are the presets' own, so that arms of all questions are held against the same runs."""
    for name in questions(["all"]):
        one = load_ablation(name)
        spec, schedule = resolve(one.baseline, "Hopper-v5", one.arms[0].changes)
        same = resolve(one.baseline, "Hopper-v5", {})
        assert identity.run_id(spec, schedule, "Hopper-v5", 1000, 10) == identity.run_id(*same, "Hopper-v5", 1000, 10)


@pytest.mark.parametrize("name", questions(["all"]))
def test_where_arms_are_values_the_doses_are_what_their_specs_hold(name):
    """Each dose is the one number that its arm's resolved spec has in that field, and no other arm has one."""
    ablation = load_ablation(name)
    if ablation.doses is None:
        return
    field, by_arm = ablation.doses
    for arm in ablation.arms:
        spec, schedule = resolve(ablation.baseline, "HalfCheetah-v5", arm.changes)
        if arm.name in by_arm:
            assert ablation.dose_of_baseline(spec, schedule) == by_arm[arm.name], "read as the baseline's is"
        else:
            assert list(arm.changes) != [field], f"{arm.name} changes {field} alone"


def test_the_graded_questions_are_told_from_the_others():
    doses = {name: load_ablation(name).doses for name in questions(["all"])}
    assert doses["tau"] == ("tau", {"0.0001": 1e-4, "0.001": 1e-3, "0.01": 1e-2, "0.1": 1e-1})
    assert doses["target_entropy"][0] == "temperature.entropy_per_dim" and doses["alpha"][0] == "temperature"
    for name in ("temperature", "critics", "time_limit", "jaxrl_to_curves", "sensitivity_learned"):
        assert doses.get(name) is None, name
