"""The tableau: what it refuses, how two differ, and who a run is."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace

import pytest
from builders.runs import ROOT, SHORT, SMALL, suite

from suite.lab.tasks import TASKS
from suite.sac import identity
from suite.sac.ablation import OUTCOMES
from suite.sac.schedule import BootstrapAtLength, ResetFromWarmup, Schedule
from suite.sac.spec import (
    Adam,
    BatchRenorm,
    ClipLogStd,
    ExpStd,
    FixedAlpha,
    LayerNorm,
    LearnedAlpha,
    Orthogonal,
    Quantiles,
    Retrace,
    SacSpec,
    SoftplusStd,
    SpecError,
    Uniform,
    ValueNet,
)
from suite.specimens.catalogue import ablation_names, load_ablation, load_preset, preset_names, resolve

V, RENORM = (
    ValueNet(loss_scale=0.5, target="per_sample"),
    BatchRenorm(eps=1e-3, momentum=0.99, warmup=0, variance="biased", renorm="from"),
)
RETRACE = {"retrace": Retrace(steps=3, decay=1.0, trace="ratio")}
LATER = [
    ({"quantiles": Quantiles(n=5, dropped=5, target="pool")}, "quantiles.*dropped"),
    ({"quantiles": Quantiles(n=5, dropped=0, target="pool"), "value_net": V}, "quantiles.*value_net"),
    ({"quantiles": Quantiles(n=5, dropped=1, target="minimum")}, "quantiles.target 'minimum'.*dropped"),
    ({"target_subset": 2}, "target_subset.*critics - 1 = 1, not 2"),
    ({"critics": 9, "target_subset": 2, "batch_size": 8}, "target_subset.*batch_size"),
    ({"critics": 3, "target_subset": 2, "value_net": V}, "target_subset.*value_net"),
    ({"retrace": Retrace(steps=1, decay=1.0, trace="whole")}, "retrace.*steps >= 2"),
    ({"retrace": Retrace(steps=2, decay=0.0, trace="whole")}, "retrace.*decay in"),
    ({"retrace": Retrace(steps=2, decay=1.0, trace="cut")}, "retrace.trace.*ratio, whole"),
    (RETRACE | {"value_net": V}, "retrace.*value_net"),
    (RETRACE | {"quantiles": Quantiles(n=5, dropped=0, target="pool")}, "retrace.*quantiles"),
    (RETRACE | {"critic_dropout": 0.1}, "retrace.*critic_dropout"),
    (RETRACE | {"target_networks": False}, "retrace.*target_networks False"),
    ({"target_networks": False, "value_net": V}, "target_networks False.*value_net"),
    ({"critic_norm": RENORM}, "critic_norm.*target_networks must be False"),
    (
        {"critic_norm": replace(RENORM, variance="unbiased"), "target_networks": False, "batch_size": 1},
        "critic_norm variance 'unbiased'.*batch_size must be at least 2",
    ),
    ({"critic_norm": RENORM, "target_networks": False, "weight_decay": 0.1}, "BatchRenorm.*weight_decay"),
    ({"critic_norm": RENORM, "target_networks": False, "critic_dropout": 0.1}, "BatchRenorm.*critic_dropout"),
    ({"actor_norm": replace(RENORM, momentum=1.0)}, "actor_norm.*momentum"),
    ({"actor_norm": replace(RENORM, variance="sample")}, "actor_norm.variance.*biased, unbiased"),
    ({"critic_norm": LayerNorm(eps=0.0)}, "critic_norm.eps"),
    ({"first_critic_layer": "sum_of_relus", "activation": "tanh"}, "first_critic_layer"),
    ({"first_critic_layer": "sum_of_relus", "critic_norm": LayerNorm(eps=1e-6)}, "first_critic_layer"),
    ({"critic_dropout": 1.0}, "critic_dropout"),
    ({"critic_dropout": 0.1, "actor_repeats": 2}, "critic_dropout.*actor_repeats"),
    ({"actor_hidden": ()}, "actor_hidden"),
    ({"activation": "gelu"}, "activation.*relu, tanh"),
    ({"weight_decay": -1.0}, "weight_decay"),
    ({"gradient_clip": 0.0}, "gradient_clip"),
    ({"temperature": replace(SMALL.temperature, in_use_at_first=-1.0)}, "temperature.in_use_at_first"),
    ({"temperature": replace(SMALL.temperature, beta1=1.0)}, "temperature.beta1"),
]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"order": ("critic", "actor", "alpha", "target")}, "order"),
        ({"gradients": "simultaneous", "order": ("target", "value", "critic", "actor", "alpha")}, "gradients.*order"),
        ({"critics": 1}, "critics 1.*target_reduce.*actor_reduce"),
        ({"critics": 0, "target_reduce": "first", "actor_reduce": "first"}, "critics"),
        ({"hidden": ()}, "hidden"),
        ({"hidden": (16, 0)}, "hidden"),
        ({"batch_size": 0}, "batch_size"),
        ({"discount": 1.5}, "discount"),
        ({"tau": 0.0}, "tau"),
        ({"reward_scale": 0.0}, "reward_scale"),
        ({"actor_lr": float("nan")}, "actor_lr"),
        ({"actor_reduce": "max"}, "actor_reduce.*min, mean, first.*max"),
        ({"temperature": FixedAlpha(value=-0.1)}, "temperature.value"),
        ({"temperature": replace(SMALL.temperature, init=0.0)}, "temperature.init"),
        ({"temperature": replace(SMALL.temperature, objective="beta")}, "temperature.objective"),
        ({"temperature": 0.2}, "temperature"),
        ({"std": ClipLogStd(low=2, high=-2)}, "std.low"),
        ({"adam": Adam(beta1=1.0, beta2=0.9, eps=1e-8, eps_placement="torch")}, "adam"),
        ({"value_net": True}, "value_net"),
        ({"value_net": ValueNet(loss_scale=0.5, target="mean")}, "value_net.target.*per_sample, broadcast"),
        (
            {"value_net": ValueNet(loss_scale=0.5, target="broadcast"), "entropy_in_target": False},
            "value_net.target.*entropy_in_target",
        ),
        ({"gradients": "simultaneous", "actor_repeats": 2}, "gradients.*actor_repeats"),
        ({"pathwise_noise": "independent", "actor_repeats": 2}, "pathwise_noise.*actor_repeats"),
        ({"actor_repeats": 2, "order": ("alpha", "value", "critic", "actor", "target")}, "actor_repeats.*order"),
        ({"actor_every": 0}, "actor_every"),
        ({"target_copy_every": 0}, "target_copy_every"),
        ({"first_update": -1}, "first_update"),
        ({"gaussian_eps": -1e-6}, "gaussian_eps"),
        ({"gaussian_eps": float("inf")}, "gaussian_eps"),
        ({"actor_head": "joint", "mean_init": Uniform(weight=1e-3, bias=0.0)}, "actor_head.*mean_init"),
        ({"hidden_init": "glorot"}, "hidden_init.*glorot_uniform.*an Orthogonal or a Uniform.*'glorot'"),
        ({"hidden_init": Orthogonal(gain=0.0)}, "hidden_init.gain"),
        ({"log_std_init": Uniform(weight=1e-3, bias=-1.0)}, "log_std_init"),
        ({"first_critic_layer": "sum"}, "first_critic_layer"),
        ({"log_prob_units": "radian"}, "log_prob_units"),
        *LATER,
    ],
)
def test_meaningless_specs_are_refused_by_name(changes, words):
    with pytest.raises(SpecError, match=words):
        replace(SMALL, **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (RETRACE | {"n_step": 2}, "retrace.*n_step 2"),
        (RETRACE | {"warmup_range": "env", "action_to_env": "clip"}, "trace 'ratio'.*warmup_range"),
    ],
)
def test_an_update_and_a_schedule_that_contradict_each_other_are_refused(changes, words):
    with pytest.raises(SpecError, match=words):
        resolve("sac_v2", "Hopper-v5", changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"update_every": 0},
        {"warmup_steps": -1},
        {"time_limit": "ignore"},
        {"time_limit": BootstrapAtLength(steps=0)},
        {"replay_capacity": 0},
        {"reset_every": 0},
        {"reset_every": ResetFromWarmup(every=0)},
        {"reset_every": ResetFromWarmup(every=0.5)},
        {"n_step": 0},
        {"n_step": 2.0},
        {"normalise_observations": "batch"},
        {"reset_networks_every": 0},
        {"insert": "next_step", "learn_after": 1},
        {"insert": "epoch"},
        {"update_position": "within"},
        {"evaluation_action": "median"},
        {"warmup_rounding": "epoch", "epoch_steps": None},
        {"warmup_range": "env", "action_to_env": "rescale"},
    ],
)
def test_meaningless_schedules_are_refused_by_name(changes):
    with pytest.raises(SpecError, match=next(iter(changes))):
        replace(SHORT, **changes)


def test_what_every_sac_has_has_no_default():
    """What came after has one, its absence: alone the fields that plain data leaves out."""
    for kind in (SacSpec, Schedule):
        late = identity.neutral_of(kind)
        with pytest.raises(TypeError, match=f"{len(fields(kind)) - len(late)} required keyword-only"):
            kind()
        assert list(late) == [field.name for field in fields(kind)][-len(late) :] or kind is Schedule


def test_difference_names_the_switch_and_both_values():
    other = replace(
        SMALL,
        tau=0.5,
        temperature=replace(SMALL.temperature, lr=0.1),
        value_net=ValueNet(loss_scale=0.5, target="per_sample"),
    )
    found = {one.field: (one.a, one.b) for one in identity.difference(SMALL, other)}
    assert found == {
        "tau": (SMALL.tau, 0.5),
        "temperature.lr": (SMALL.temperature.lr, 0.1),
        "value_net": (None, ValueNet(loss_scale=0.5, target="per_sample")),
    }
    fixed = identity.difference(SMALL, replace(SMALL, temperature=FixedAlpha(value=0.2)))
    assert [one.field for one in fixed] == ["temperature"]
    assert "is FixedAlpha(value=0.2) instead of LearnedAlpha(" in str(fixed[0])
    assert identity.difference(SMALL, SMALL) == []


@pytest.mark.parametrize("std", [ClipLogStd(low=-20.0, high=2.0), SoftplusStd(floor=1e-5), ExpStd()])
def test_plain_form_restores_the_same_value(std):
    spec = replace(SMALL, std=std, value_net=ValueNet(loss_scale=1.0, target="per_sample"))
    assert identity.from_plain(SacSpec, identity.to_plain(spec)) == spec
    from_warmup = (replace(SHORT, reset_every=ResetFromWarmup(every=every)) for every in (7, None))
    for schedule in (SHORT, replace(SHORT, time_limit=BootstrapAtLength(steps=200), reset_every=7), *from_warmup):
        assert identity.from_plain(Schedule, identity.to_plain(schedule)) == schedule


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_has_a_plain_form(name):
    for task in ("Pendulum-v1", "HalfCheetah-v5"):
        spec, schedule = resolve(name, task, {})
        assert identity.spec_from_plain(identity.to_plain(spec)) == spec
        assert identity.from_plain(Schedule, identity.to_plain(schedule)) == schedule


def test_the_difference_of_two_code_bases_is_told_with_both_citations():
    said = suite("difference", "rlkit", "spinningup")
    assert said.returncode == 0
    assert "gradients is 'sequential' instead of 'simultaneous'" in said.stdout
    assert "critic_action_units is 'env' instead of 'unit'" in said.stdout
    lines = said.stdout.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("temperature is FixedAlpha(value=0.2) instead"))
    assert "rail-berkeley/rlkit@ac45a9d" in lines[at + 1] and "openai/spinningup@038665d" in lines[at + 2]
    count = int(lines[0].split(" in ")[1].split()[0])
    assert count == sum(" instead of " in line for line in lines) > 10


def test_run_id_is_stable_across_versions_of_the_suite():
    """The literal guards every result on disk: a change of the hash's recipe, or a new switch, orphans them all."""
    spec = resolve("sac_v2", "HalfCheetah-v5", {})
    assert identity.run_id(*spec, "HalfCheetah-v5", 5000, 10) == "7878c4a52c"


def test_run_id_sees_every_number_and_only_numbers():
    def run_id(spec=SMALL, schedule=SHORT, task="Pendulum-v1", every=100, episodes=2):
        return identity.run_id(spec, schedule, task, every, episodes)

    changed = [
        run_id(spec=replace(SMALL, tau=0.02)),
        run_id(spec=replace(SMALL, temperature=replace(SMALL.temperature, lr=2e-3))),
        run_id(schedule=replace(SHORT, learn_after=41)),
        run_id(task="Hopper-v5"),
        run_id(every=50),
        run_id(episodes=3),
    ]
    assert len({run_id(), *changed}) == 7
    assert run_id(spec=replace(SMALL, reward_scale=1)) == run_id(spec=replace(SMALL, reward_scale=1.0))


@pytest.mark.parametrize("name", preset_names())
def test_every_field_of_a_preset_is_cited_and_every_task_resolves(name):
    preset = load_preset(name)
    named = {field.name for kind in (type(preset.SPEC), Schedule) for field in fields(kind)}
    assert set(preset.SOURCES) == named
    assert all(text.strip() for text in preset.SOURCES.values())
    assert set(preset.PER_TASK) <= set(TASKS)
    for task in TASKS:
        resolve(name, task, {})
    assert preset.__doc__.strip()


def test_small_presets_differ_from_the_papers_in_size_and_pace_only():
    for version in ("v1", "v2"):
        spec, small = resolve(f"sac_{version}", "Hopper-v5", {})[0], resolve(f"sac_{version}_small", "Hopper-v5", {})[0]
        found = {one.field for one in identity.difference(spec, small)}
        assert found <= {"hidden", "batch_size", "actor_lr", "critic_lr", "tau", "temperature.lr"}


@pytest.mark.parametrize("name", ablation_names())
def test_an_ablation_starts_at_its_baseline_and_every_arm_is_another_spec(name):
    ablation = load_ablation(name)
    assert ablation.arms[0].changes == {} or ablation.variant  # a variant is the baseline with what makes it one
    for one, other in itertools.combinations(ablation.arms, 2):  # a preset's own value differs from task to task
        tasks = ("HalfCheetah-v5", "Pendulum-v1")
        specs = [[resolve(ablation.baseline, task, arm.changes) for task in tasks] for arm in (one, other)]
        assert specs[0] != specs[1], (one.name, other.name)
    of_first, *of_others = (set(arm.levels) for arm in ablation.arms)
    assert of_first == set(ablation.factors)
    if ablation.variant:  # one at a time: an arm has the level of what it changes alone
        assert all(len(levels) == 1 for levels in of_others)
    else:
        assert all(levels == of_first for levels in of_others)
    assert ablation.question.endswith("?") and ablation.expected and ablation.literature


def test_a_question_costs_twenty_lines_of_one_file_and_says_what_would_matter():
    asked = [name for name in ablation_names() if load_ablation(name).tags]
    assert len(asked) >= 40
    for name in asked:
        assert len((ROOT / "ablations" / f"{name}.py").read_text().splitlines()) <= 20, name
        ablation = load_ablation(name)
        assert ablation.margin and ablation.outcomes[0] in OUTCOMES, name


def test_a_part_of_a_switch_can_be_an_arm():
    spec, schedule = resolve("sac_v2", "Hopper-v5", {"temperature.init": 0.1, "adam.beta2": 0.95, "tau": 0.5})
    base, same = resolve("sac_v2", "Hopper-v5", {})
    assert {one.field for one in identity.difference(base, spec)} == {"temperature.init", "adam.beta2", "tau"}
    assert schedule == same
    for field, sentence in {
        "temperature.value": "temperature.value means nothing where temperature is LearnedAlpha",
        "tau.value": "tau.value means nothing where tau is 0.005",
        "temprature.init": "temprature is no field of SacSpec or Schedule; did you mean",
    }.items():
        with pytest.raises(SpecError, match=sentence):
            resolve("sac_v2", "Hopper-v5", {field: 0.1})


def test_the_factorial_crosses_the_three_questions():
    arms = load_ablation("factorial").arms
    assert len(arms) == 8
    assert len({tuple(arm.levels.values()) for arm in arms}) == 8
    spec, _ = resolve("sac_v2", "Hopper-v5", next(arm for arm in arms if arm.name == "fixed-single-with_v").changes)
    assert isinstance(spec.temperature, FixedAlpha) and spec.critics == 1 and spec.value_net
    assert isinstance(resolve("sac_v2", "Hopper-v5", {})[0].temperature, LearnedAlpha)
