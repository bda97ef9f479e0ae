"""From a study of sensitivity to its numbers, its figures, its page and what the terminal says."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from builders import made_up_tuning
from click.testing import CliRunner

from suite.analysis import results as statistics
from suite.analysis.declared import Declared
from suite.analysis.results_file import read_results
from suite.analysis.types import Sensitivity
from suite.cli.app import main
from suite.report import figures, page
from suite.report.answers import beside_the_questions
from suite.study.config import Report
from suite.study.plan import Plan
from suite.wording import interval
from suite.wording import score as score_in_words

TASKS = ("Pendulum-v1", "InvertedDoublePendulum-v5")
CONFIG = """sweeps:
  - tasks: [Pendulum-v1, InvertedDoublePendulum-v5]
    env_steps: 12_000
    evaluate: {every: 6_000, episodes: 2}
    seeds: 6
    implementations: [jax]
    ablations: [sensitivity_learned, sensitivity_fixed]
"""


def score(task: str, ablation: str, arm: str) -> float:
    """A learned temperature needs no other setting; a fixed one's best alpha is 1 on one task and 0.02 on the other.

    Two steps of the learning rate are bad for both, so that the scale has a lower end.
    """
    if arm in ("lr=0.0001", "lr=0.003"):
        return 0.0
    wanted = {"Pendulum-v1": "alpha=1", "InvertedDoublePendulum-v5": "alpha=0.02"}[task]
    return 200.0 if ablation == "sensitivity_fixed" and arm == wanted else 100.0


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> Plan:
    """The shipped study at a small budget, made up, with its statistics."""
    folder = tmp_path_factory.mktemp("study")
    path = folder / "tuning.yaml"
    path.write_text(f"{CONFIG}results: {folder}/results\nreports: {folder}/reports\n")
    plan = Plan(path)
    made_up_tuning.write(plan, score, without=("Pendulum-v1", "tau=0.001", 4))
    computed(plan)
    return plan


def computed(plan: Plan) -> None:
    options = {"random_policy": dict.fromkeys(TASKS, 0.0), "declared": Declared(Report(resamples=300))}
    statistics.main(plan.study_dir, **options)


@pytest.fixture(scope="module")
def found(plan) -> Sensitivity:
    (found,) = read_results(plan.study_dir).sensitivity
    return found


def test_a_variant_that_wants_another_setting_on_each_task_is_the_sensitive_one(found):
    learned, fixed = found.variants
    assert (learned.variant, fixed.variant) == ("learned alpha", "fixed alpha")
    assert (len(learned.settings), len(fixed.settings)) == (21, 18)
    assert learned.sensitivity.low <= 0 <= learned.sensitivity.high
    assert fixed.sensitivity.low > 0.2 and fixed.gain.low > 0.2
    (difference,) = found.differences
    assert (difference.a, difference.b) == ("learned alpha", "fixed alpha") and difference.difference.high < -0.2
    assert fixed.best == {"Pendulum-v1": "alpha=1", "InvertedDoublePendulum-v5": "alpha=0.02"}
    assert (learned.dimensionality, fixed.dimensionality) == (0, 1)
    assert learned.naive_tuned > learned.tuned.estimate


def test_scores_are_of_the_seeds_that_every_setting_has_between_percentiles_of_all_settings(plan, found):
    assert found.tasks == TASKS and not found.left_out and not found.note
    assert found.seeds == {"Pendulum-v1": (0, 1, 2, 3, 5), "InvertedDoublePendulum-v5": (0, 1, 2, 3, 4, 5)}
    episodes = pd.read_parquet(plan.study_dir / "evaluations.parquet")
    late = episodes[(episodes["task"] == "Pendulum-v1") & (episodes["env_step"] == 12_000) & (episodes["seed"] != 4)]
    by_setting = late.groupby("variant")["return"].mean()
    assert len(by_setting) == 39
    low, high = np.percentile(by_setting, [5, 95])
    assert tuple(found.scales["Pendulum-v1"]) == pytest.approx((low, high))
    setting = next(one for one in found.variants[1].settings if one.arm == "alpha=1")
    expected = (by_setting["sensitivity_fixed/alpha=1"] - low) / (high - low)
    assert setting.by_task["Pendulum-v1"].estimate == pytest.approx(expected) and expected > 1


@pytest.mark.usefixtures("svg_alone")
def test_the_report_shows_every_setting_the_plane_and_the_table(plan, found, monkeypatch):
    drawn = [one for one in figures.pictures(read_results(plan.study_dir)) if one.kind in ("settings", "plane")]
    monkeypatch.setattr(figures, "pictures", lambda results: iter(drawn))  # the others are drawn in other tests
    figures.main(plan.study_dir, plan.report_dir)
    page.main(plan.study_dir, plan.report_dir, config_text=CONFIG, command="make run")
    shown = pd.read_csv(plan.report_dir / "figures" / "settings.csv")
    assert set(shown["parameter"]) == {"lr", "tau", "alpha", "entropy", "batch", "reward_scale"}
    at_own = shown[shown["as_is"] & (shown["task"] == "Pendulum-v1")]
    assert dict(at_own[at_own["variant"] == "fixed alpha"].set_index("parameter")["value"])["alpha"] == 0.2
    assert "entropy" not in set(shown[shown["variant"] == "fixed alpha"]["parameter"])
    figure = drawn[0].content.draw(drawn[0].content.data)
    for axis, (_, part) in zip(figure.axes, shown.groupby(["task", "parameter"], sort=False), strict=True):
        (left, right), (bottom, top) = axis.get_xlim(), axis.get_ylim()
        assert left <= part["value"].min() < part["value"].max() <= right
        assert bottom <= part["estimate"].min() and part["estimate"].max() <= top
    plt.close(figure)
    plane = pd.read_csv(plan.report_dir / "figures" / "plane.csv").set_index(["variant", "series"])
    assert plane.loc[("fixed alpha", "cross-fitted"), "sensitivity"] == found.variants[1].sensitivity.estimate
    assert plane.loc[("fixed alpha", "same seeds"), "tuned"] == found.variants[1].naive_tuned
    html = (plan.report_dir / "report.html").read_text()
    assert 'id="sensitivity"' in html and "seeds 0–3, 5, 0 is" in html
    table = pd.read_csv(plan.report_dir / "tables" / "sensitivity.csv").set_index("variant")
    assert table.loc["fixed alpha", "sensitivity_estimate"] == found.variants[1].sensitivity.estimate
    assert "sacSensitivityJaxLearnedAlphaLessFixedAlphaHigh" in (plan.report_dir / "tables" / "macros.tex").read_text()


def test_the_command_prints_what_was_found(plan, found):
    printed = CliRunner().invoke(main, ["sensitivity", "--config", str(plan.path)]).output
    assert "learned alpha" in printed and f"same seeds {found.variants[1].naive_sensitivity:.3f}" in printed
    assert "sensitivity of learned alpha less that of fixed alpha: −" in printed
    told = list(beside_the_questions(read_results(plan.study_dir)))
    assert any(words.startswith("Tuning for each task gains over the one setting that is best for all") and
               f"fixed alpha {interval(found.variants[1].sensitivity, score_in_words)}" in words and
               "; learned alpha minus fixed alpha −" in words for words in told)  # fmt: skip
    assert any(
        words.startswith("Tuning for each task gains over the settings as they are: learned alpha") for words in told
    )


def test_a_task_without_seeds_enough_is_left_out_and_without_any_there_is_no_variant(tmp_path):
    path = tmp_path / "few.yaml"
    text = CONFIG.replace("seeds: 6", "seeds: 3").replace(", InvertedDoublePendulum-v5", "")
    path.write_text(f"{text}results: {tmp_path}/results\n")
    plan = Plan(path)
    made_up_tuning.write(plan, score)
    computed(plan)
    (found,) = read_results(plan.study_dir).sensitivity
    assert not any("Tuning" in words for words in beside_the_questions(read_results(plan.study_dir)))
    assert found.variants == () and found.left_out[0].why == "3 seeds have a score at every setting, and 4 are needed"
    assert not [one for one in figures.pictures(read_results(plan.study_dir)) if one.kind in ("settings", "plane")]
    printed = CliRunner().invoke(main, ["sensitivity", "--config", str(path)]).output
    assert "left out: Pendulum-v1, 3 seeds have a score at every setting" in printed
