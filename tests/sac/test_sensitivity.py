"""A study of sensitivity as arms: every value of every hyper-parameter, and nothing that means nothing."""

from __future__ import annotations

import pytest

from implementations.presets import sac_v1_small, sac_v2_small, soft_q_learning
from suite.sac import identity
from suite.sac.sensitivity import AS_IS, GRID, one_at_a_time, sensitivity
from suite.sac.spec import FixedAlpha, SpecError
from suite.specimens.catalogue import load_ablation, resolve


def settings_of(module, *settings, **options):
    name = module.__name__.rpartition(".")[2]
    return sensitivity(name, module, settings or one_at_a_time(), variant="it", **options)


def test_every_value_that_the_variant_does_not_have_is_an_arm_and_its_own_is_the_first():
    ablation = settings_of(sac_v2_small)
    assert ablation.arms[0].name == AS_IS and ablation.arms[0].changes == {}
    assert ablation.arms[0].levels == {
        "lr": "0.001", "tau": "0.01", "alpha": "1", "entropy": "-1", "batch": "128", "reward_scale": "1",
    }  # fmt: skip
    expected = [
        f"{name}={value:g}"
        for name, one in GRID.items()
        for value in one.values
        if f"{value:g}" != ablation.arms[0].levels[name]
    ]
    assert [arm.name for arm in ablation.arms[1:]] == expected
    assert ablation.variant == "it" and "Left out" not in ablation.question


def test_a_rate_is_that_of_all_that_learns_and_alpha_is_where_it_starts_or_stays():
    learned = {arm.name: arm.changes for arm in settings_of(sac_v2_small).arms}
    assert learned["lr=0.0001"] == {"actor_lr": 1e-4, "critic_lr": 1e-4, "temperature.lr": 1e-4}
    assert learned["alpha=0.2"] == {"temperature.init": 0.2}
    assert learned["batch=64"] == {"batch_size": 64} and isinstance(learned["batch=64"]["batch_size"], int)
    at = {"temperature": FixedAlpha(value=0.2)}
    ablation = settings_of(sac_v2_small, changes=at)
    fixed = {arm.name: arm.changes for arm in ablation.arms}
    assert fixed[AS_IS] == at and "alpha=0.2" not in fixed
    assert fixed["lr=0.0001"] == at | {"actor_lr": 1e-4, "critic_lr": 1e-4}
    spec, _ = resolve("sac_v2_small", "Pendulum-v1", fixed["alpha=0.5"])
    assert spec.temperature == FixedAlpha(value=0.5)


def test_what_means_nothing_with_a_variant_is_left_out_and_the_question_says_so():
    fixed = settings_of(sac_v2_small, changes={"temperature": FixedAlpha(value=0.2)})
    assert "(left out, for it means nothing here: entropy)?" in fixed.question
    assert not [arm.name for arm in fixed.arms if "entropy" in arm.levels]
    without = settings_of(soft_q_learning)
    assert "nothing here: tau, alpha, entropy)?" in without.question
    for setting in ({"entropy": -2.0}, {"alpha": 0.2}):
        with pytest.raises(SpecError, match="there is nothing to tune"):
            settings_of(sac_v2_small, setting, changes={"temperature": FixedAlpha(value=0.2)})
    with pytest.raises(SpecError, match="gamma is no hyper-parameter of the grid"):
        settings_of(sac_v2_small, {"gamma": 0.9})


def test_a_value_that_is_several_or_hangs_on_the_task_is_no_own_value():
    """sac_v1_small scales rewards by task: every value of the grid is an arm, and where it is the task's own, none."""
    ablation = settings_of(sac_v1_small)
    assert "reward_scale" not in ablation.arms[0].levels
    assert {"reward_scale=0.1", "reward_scale=1", "reward_scale=10"} <= {arm.name for arm in ablation.arms}


def test_settings_of_several_values_are_points_and_the_same_one_is_there_once():
    point = {"lr": 2e-4, "entropy": -0.7, "batch": 99.7}
    ablation = settings_of(sac_v2_small, point, dict(point), {"lr": 4e-4, "entropy": -1.0, "batch": 128})
    names = {arm.name: arm.levels for arm in ablation.arms}
    assert names["point_1"] == {"lr": "0.0002", "entropy": "-0.7", "batch": "100"}
    assert len(names) == 3 and names["point_2"] == {"lr": "0.0004", "entropy": "-1", "batch": "128"}


@pytest.mark.parametrize("name", ["sensitivity_learned", "sensitivity_fixed"])
@pytest.mark.parametrize("task", ["Pendulum-v1", "InvertedDoublePendulum-v5"])
def test_every_shipped_setting_is_a_run_of_its_own(name, task):
    one = load_ablation(name)
    settings = [resolve(one.baseline, task, arm.changes) for arm in one.arms]
    run_ids = {identity.run_id(spec, schedule, task, 1_000, 10) for spec, schedule in settings}
    assert len(run_ids) == len(one.arms) == {"sensitivity_learned": 21, "sensitivity_fixed": 18}[name]
    assert not [arm.name for arm, both in zip(one.arms, settings, strict=True) if one.belied(arm, *both)]
