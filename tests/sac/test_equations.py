"""The executable definition against finite differences of its own losses, and against numbers worked by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from builders.runs import SMALL
from scipy.stats import norm

from suite.sac import equations as eq
from suite.sac import weights as initial
from suite.sac.contract import Batch, Spaces, Step
from suite.sac.spec import (
    A_MAX,
    Adam,
    BatchRenorm,
    ClipLogStd,
    EpsilonLogDet,
    ExactLogDet,
    ExpStd,
    FixedAlpha,
    FlooredLogDet,
    LayerNorm,
    Quantiles,
    Retrace,
    SoftplusStd,
    SquashLogStd,
    ValueNet,
)

SPACES = Spaces(4, 2)
WIDE = Spaces(4, 2, (0.4, 3.0), (0.1, -1.0))
SIZE = 6
RENORM = BatchRenorm(eps=1e-2, momentum=0.9, warmup=0, variance="biased", renorm="from")
SPEC = replace(SMALL, hidden=(5, 5), batch_size=SIZE, value_net=ValueNet(loss_scale=0.7, target="per_sample"))


def case(spec, seed=0):
    """Parameters, a batch and noise."""
    rng = np.random.default_rng(seed)
    params = initial.params(spec, SPACES, rng)
    batch = Batch(
        obs=rng.normal(size=(SIZE, 4)),
        action=np.tanh(rng.normal(size=(SIZE, 2))),
        reward=rng.normal(size=SIZE),
        next_obs=rng.normal(size=(SIZE, 4)),
        terminated=(rng.random(SIZE) < 0.3).astype(float),
    )
    return params, batch, {name: rng.normal(size=(SIZE, 2)) for name in ("next_action", "action", "alpha")}


def assert_gradients(loss, params, grads, step=1e-6):
    """Central differences of `loss` in every single parameter named in grads."""
    for name, grad in grads.items():
        numeric = np.zeros_like(grad)
        for index in np.ndindex(grad.shape):
            around = dict(params)
            values = []
            for sign in (1, -1):
                around[name] = params[name].copy()
                around[name][index] += sign * step
                values.append(loss(around))
            numeric[index] = (values[0] - values[1]) / (2 * step)
        # central differences carry an error of about 1e-16 / step + step^2, relative to losses of order 1
        np.testing.assert_allclose(grad, numeric, rtol=1e-6, atol=3e-9, err_msg=name)


@pytest.mark.parametrize("reduce", ["min", "mean", "first"])
@pytest.mark.parametrize(
    "std", [ClipLogStd(low=-0.2, high=0.1), SquashLogStd(low=-5, high=2), SoftplusStd(floor=1e-3), ExpStd()]
)
@pytest.mark.parametrize("log_det", [ExactLogDet(), EpsilonLogDet(eps=0.05), FlooredLogDet(floor=0.6)])
def test_actor_gradient(std, log_det, reduce):
    spec = replace(
        SPEC, std=std, log_det=log_det, actor_reduce=reduce, mean_init="glorot_uniform", log_std_init="glorot_uniform"
    )
    params, batch, noise = case(spec)
    _, grads, _ = eq.actor_loss(spec, SPACES, params, params, batch, [noise["action"]], 0.3)
    assert set(grads) == {name for name in params if name.startswith("actor/")}
    assert_gradients(lambda p: eq.actor_loss(spec, SPACES, p, params, batch, [noise["action"]], 0.3)[0], params, grads)


@pytest.mark.parametrize(
    "changes",
    [
        {"gaussian_eps": 0.3, "std": ExpStd()},
        {"log_prob_units": "env", "log_det": EpsilonLogDet(eps=0.05)},
        {"log_prob_units": "env", "log_det": FlooredLogDet(floor=0.6)},
        {"log_prob_units": "env", "critic_action_units": "env"},
        {"first_critic_layer": "sum_of_relus", "critic_action_units": "env", "actor_reduce": "mean"},
    ],
    ids=",".join,
)
def test_actor_gradient_in_other_units_densities_and_critics(changes):
    spec = replace(SPEC, **changes)
    params, batch, noise = case(spec)
    _, grads, _ = eq.actor_loss(spec, WIDE, params, params, batch, [noise["action"]], 0.3)
    assert_gradients(lambda p: eq.actor_loss(spec, WIDE, p, params, batch, [noise["action"]], 0.3)[0], params, grads)


def test_actor_gradient_of_three_draws():
    """alpha mean log pi at the second draw, less Q's slope at the first draw's action times the third draw's action."""
    spec = replace(SPEC, pathwise_noise="independent", std=ExpStd())
    params, batch, noise = case(spec)
    draws = [noise["action"], noise["next_action"], noise["alpha"]]
    _, grads, dq_da = eq.actor_loss(spec, SPACES, params, params, batch, draws, 0.3)

    def loss(p):
        of_entropy, of_q = (eq.sample(spec, SPACES, p, batch.obs, one) for one in draws[1:])
        return 0.3 * of_entropy.log_prob.mean() - (dq_da * of_q.action).sum()

    assert_gradients(loss, params, grads)
    shared = eq.actor_loss(replace(spec, pathwise_noise="shared"), SPACES, params, params, batch, draws[:1], 0.3)[1]
    assert np.abs(grads["actor/w_log_std"] - shared["actor/w_log_std"]).max() > 1e-3


def test_units_shift_the_density_and_scale_the_critics_action():
    params, batch, noise = case(SPEC)
    unit = eq.sample(SPEC, WIDE, params, batch.obs, noise["action"])
    env = eq.sample(replace(SPEC, log_prob_units="env"), WIDE, params, batch.obs, noise["action"])
    np.testing.assert_allclose(unit.log_prob - env.log_prob, math.log(0.4) + math.log(3.0), rtol=1e-12)
    q, _ = eq.critics(replace(SPEC, critic_action_units="env"), WIDE, params, "", batch.obs, unit.action)
    as_played = unit.action * [0.4, 3.0] + [0.1, -1.0]
    np.testing.assert_allclose(q, eq.critics(SPEC, WIDE, params, "", batch.obs, as_played)[0], rtol=1e-12)


def test_v_regresses_on_the_batch_mean_of_log_prob_where_it_is_broadcast():
    spec = replace(SPEC, value_net=ValueNet(loss_scale=0.7, target="broadcast"))
    params, batch, _ = case(spec)
    q, log_prob = np.stack([batch.reward, batch.reward + 1]), np.arange(float(SIZE))
    target = eq.value_target(spec, q, log_prob, 0.5)
    assert target.shape == (SIZE, SIZE)
    np.testing.assert_allclose(target.mean(1), batch.reward - 0.5 * log_prob.mean(), rtol=1e-12)
    value, grads = eq.value_loss(spec, params, batch, target)
    assert_gradients(lambda p: eq.value_loss(spec, p, batch, target)[0], params, grads)
    own, same_grads = eq.value_loss(spec, params, batch, target.mean(1))
    assert value - own == pytest.approx(0.7 * 0.25 * log_prob.var())  # the log's excess over the true regression
    np.testing.assert_allclose(grads["value/w0"], same_grads["value/w0"], rtol=1e-9, atol=1e-12)


def test_actor_and_alpha_wait_and_catch_up():
    """Every second update, twice: with Adam's own count, the newest alpha and new draws in the second pass."""
    temperature = replace(SMALL.temperature, sample="fresh", lr=0.1)
    spec = replace(SPEC, value_net=None, temperature=temperature, actor_every=2, actor_repeats=2, first_update=5)
    assert spec.draws == ("next_action", "action", "alpha", "action_2", "alpha_2")
    params, batch, _ = case(spec)
    noise = {name: np.random.default_rng(n).normal(size=(SIZE, 2)) for n, name in enumerate(spec.draws)}
    once, seen = eq.update(spec, SPACES, params, batch, noise)  # number 5
    assert np.array_equal(once["actor/w0"], params["actor/w0"]) and once["log_alpha"] == params["log_alpha"]
    assert "actor_loss" in seen and "actor_loss_2" not in seen
    twice, seen = eq.update(spec, SPACES, once, batch, noise)  # number 6
    assert seen["alpha_2"] != seen["alpha"] == pytest.approx(np.exp(params["log_alpha"]))
    single, _ = eq.update(replace(spec, actor_repeats=1), SPACES, once, batch, noise)
    assert seen["alpha_2"] == pytest.approx(np.exp(single["log_alpha"]))
    _, grads, _ = eq.actor_loss(spec, SPACES, single, single, batch, [noise["action_2"]], seen["alpha_2"])
    stepped = eq.adam(
        spec.adam, spec.actor_lr, 2, *(x["actor/w0"] for x in (single, grads)),
        *(single[f"{kind}/actor/w0"] for kind in ("adam_m", "adam_v")),
    )  # fmt: skip
    np.testing.assert_allclose(twice["actor/w0"], stepped[0], rtol=1e-12)


def test_targets_become_copies_every_so_many_updates():
    spec = replace(SPEC, target_copy_every=2)
    params, batch, noise = case(spec)
    once, _ = eq.update(spec, SPACES, params, batch, noise)
    twice, _ = eq.update(spec, SPACES, once, batch, noise)
    assert not np.array_equal(once["target_value/w0"], once["value/w0"])
    assert np.array_equal(twice["target_value/w0"], twice["value/w0"])


@pytest.mark.parametrize("first_critic_layer", ["concat", "sum_of_relus"])
@pytest.mark.parametrize("critics", [1, 2, 3])
def test_critic_gradient(critics, first_critic_layer):
    reduce = "first" if critics == 1 else "min"
    spec = replace(SPEC, critics=critics, target_reduce=reduce, actor_reduce=reduce, critic_loss_scale=0.4)
    spec = replace(spec, first_critic_layer=first_critic_layer)
    params, batch, _ = case(spec)
    y = batch.reward
    _, grads, _ = eq.critic_loss(spec, SPACES, params, batch, y)
    assert_gradients(lambda p: eq.critic_loss(spec, SPACES, p, batch, y)[0].sum(), params, grads)


NORMS = {
    "layer norm": {"critic_norm": LayerNorm(eps=1e-3), "actor_norm": LayerNorm(eps=0.1)},
    "renorm, judging": {"target_networks": False, "critic_norm": RENORM, "actor_norm": RENORM},
}
LATER = NORMS | {activation: {"activation": activation} for activation in ("tanh", "elu", "silu")}
NO_V = replace(SPEC, value_net=None)


@pytest.mark.parametrize("changes", LATER.values(), ids=LATER)
def test_gradients_of_other_layers(changes):
    """Of the critics' loss and of the actor's, which goes through critic and actor."""
    spec = replace(NO_V, hidden=(5, 4), actor_hidden=(6,), mean_init="glorot_uniform", **changes)
    params, batch, noise = case(spec)
    params = stirred(params)
    _, grads, _ = eq.critic_loss(spec, SPACES, params, batch, batch.reward)
    assert set(grads) == {name for name in params if name.startswith("critic") and not name.endswith(("_mean", "_var"))}
    assert_gradients(lambda p: eq.critic_loss(spec, SPACES, p, batch, batch.reward)[0].sum(), params, grads)
    _, grads, _ = eq.actor_loss(spec, SPACES, params, params, batch, [noise["action"]], 0.3)
    assert_gradients(lambda p: eq.actor_loss(spec, SPACES, p, params, batch, [noise["action"]], 0.3)[0], params, grads)


def stirred(params):
    """Every scale, bias and running statistic moved away from where it starts."""
    rng = np.random.default_rng(3)
    return {
        n: value + rng.uniform(0.1, 0.5, value.shape) if "n0_" in n or "n1_" in n else value
        for n, value in params.items()
    }


@pytest.mark.parametrize("warmup", [5, 0], ids=["by the batch", "near the running statistics"])
@pytest.mark.parametrize("variance", ["biased", "unbiased"])
def test_gradients_of_a_pass_that_learns(monkeypatch, variance, warmup):
    """The joint pass of the critics, and the actor's own, with r and d held still: they are constants by definition."""
    norm = replace(RENORM, variance=variance, warmup=warmup)
    spec = replace(NO_V, hidden=(5, 4), target_networks=False, critic_norm=norm, actor_norm=norm)
    params, batch, noise = case(spec)
    params = stirred(params) | {"updates_done": np.asarray(1)}
    still = {}

    def renorm(norm, p, name, x, how):
        by = found(norm, p, name, x, how)
        shift, narrowing = still.setdefault((name, len(x)), (by.shift, by.narrowing))
        return by._replace(shift=shift, narrowing=narrowing)

    found = eq.renorm
    monkeypatch.setattr(eq, "renorm", renorm)
    next_action = np.tanh(noise["next_action"])

    def critic(p):
        return eq.joint_critic_loss(spec, SPACES, p, batch, batch.reward, next_action)

    _losses, grads, _said, _ = critic(params)
    assert_gradients(lambda p: critic(p)[0].sum(), params, grads)
    hows = eq.Pass(True, 0), eq.JUDGES
    _, grads, _ = eq.actor_loss(spec, SPACES, params, params, batch, [noise["action"]], 0.3, hows)
    assert_gradients(
        lambda p: eq.actor_loss(spec, SPACES, p, params, batch, [noise["action"]], 0.3, hows)[0], params, grads
    )
    assert any(np.any(shift) for shift, _ in still.values()) == (warmup == 0)


def test_batch_renormalisation_by_hand():
    """Two rows of one feature, 1 and 3: variance 1 (2 unbiased); r = sqrt(1.5 / 4.5), d = (2 - 0) / sqrt(4.5)."""
    norm = BatchRenorm(eps=0.5, momentum=0.9, warmup=0, variance="biased", renorm="from")
    x, params = np.array([[1.0], [3.0]]), {"bn0_mean": np.zeros(1), "bn0_var": np.array([4.0])}
    by = eq.renorm(norm, params, "bn0", x, eq.Pass(True, 0))
    r, d = math.sqrt(1.5 / 4.5), 2 / math.sqrt(4.5)
    mean, variance = 2 - d / r, 1 / r**2
    np.testing.assert_allclose(eq.by_statistics(norm, x, by)[0], (x - mean) / math.sqrt(variance + 0.5), rtol=1e-12)
    for later in (replace(norm, warmup=1), replace(norm, renorm="after")):
        first, second = (eq.renorm(later, params, "bn0", x, eq.Pass(True, before)) for before in (0, 1))
        assert first.shift == 0 and second.shift == pytest.approx(d / r)
    assert eq.renorm(norm, params, "bn0", x, eq.JUDGES).variance == 4
    unbiased = eq.renorm(replace(norm, variance="unbiased"), params, "bn0", x, eq.Pass(True, 0))
    assert unbiased.variance == 2 and unbiased.narrowing * (2.5 / 4.5) == pytest.approx(1)


def test_running_statistics_keep_their_momentum():
    spec = replace(NO_V, target_networks=False, critic_norm=RENORM)
    params, batch, noise = case(spec)
    after, _ = eq.update(spec, SPACES, params, batch, noise)
    next_action = eq.sample(spec, SPACES, params, batch.next_obs, noise["next_action"]).action
    x = np.concatenate([np.c_[batch.obs, batch.action], np.c_[batch.next_obs, next_action]])
    np.testing.assert_allclose(after["critic1/bn0_mean"], 0.1 * x.mean(0), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(after["critic2/bn0_var"], 0.9 + 0.1 * x.var(0), rtol=1e-12)
    assert not any(name.startswith("target") for name in after)


def test_quantile_gradient():
    spec = replace(NO_V, quantiles=Quantiles(n=3, dropped=1, target="pool"))
    params, batch, noise = case(spec)
    y = eq.target_q(spec, SPACES, params, batch, noise, 0.3).y
    assert y.shape == (SIZE, 4)
    _, grads, _ = eq.critic_loss(spec, SPACES, params, batch, 3 * y)
    assert_gradients(lambda p: eq.critic_loss(spec, SPACES, p, batch, 3 * y)[0].sum(), params, grads)
    _, grads, _ = eq.actor_loss(spec, SPACES, params, params, batch, [noise["action"]], 0.3)
    assert_gradients(lambda p: eq.actor_loss(spec, SPACES, p, params, batch, [noise["action"]], 0.3)[0], params, grads)


def test_quantile_loss_by_hand():
    """Quantiles 0 and 1 (tau 1/4, 3/4) towards 0.5 and 3."""
    loss, d = eq.quantile_loss(np.array([[0.0, 1.0]]), np.array([[0.5, 3.0]]))
    expected = [0.25 * 0.125, 0.25 * 2.5, 0.25 * 0.125, 0.75 * 1.5]  # (0, .5) (0, 3) (1, .5) (1, 3)
    assert loss == pytest.approx(sum(expected) / 4)
    np.testing.assert_allclose(d, [[-(0.25 * 0.5 + 0.25 * 1) / 4, -(-0.25 * 0.5 + 0.75 * 1) / 4]])


def test_the_largest_quantiles_of_all_critics_are_dropped_together():
    quantiles = Quantiles(n=3, dropped=1, target="pool")
    said = np.array([[[1.0, 9.0, 2.0]], [[3.0, 8.0, 7.0]]])
    np.testing.assert_array_equal(eq.pooled(quantiles, said), [[1, 2, 3, 7]])
    minimum = Quantiles(n=3, dropped=0, target="minimum")
    np.testing.assert_array_equal(eq.pooled(minimum, said), [[1, 9, 2]])  # of mean 4, against 6


def test_a_subset_of_the_critics_is_that_of_the_smallest_draws():
    spec = replace(NO_V, critics=4, target_subset=2)
    assert spec.draws[-1] == "subset"
    draw = np.array([[0.3, -1.0], [2.0, -0.5], [-9.0, -9.0]])  # four critics: what comes later is not read
    assert list(eq.subset(spec, draw)) == [1, 3]
    params, batch, noise = case(spec)
    for i, value in enumerate((1.0, 5.0, 0.0, 4.0)):
        params[f"target_critic{i + 1}/w2"] = np.zeros((5, 1))
        params[f"target_critic{i + 1}/b2"] = np.array([value])
    no_entropy = replace(spec, entropy_in_target=False)
    y = eq.target_q(no_entropy, SPACES, params, batch, noise | {"subset": draw}, 0.3).y
    np.testing.assert_allclose(y, batch.reward + spec.discount * (1 - batch.terminated) * 4)


def test_dropout_leaves_out_what_its_draw_says():
    spec = replace(NO_V, critic_dropout=0.25, critic_norm=LayerNorm(eps=1e-3))
    assert spec.noise_width(2) == 5 and len(spec.draws) == 2 + 3 * 2 * 2
    draws = np.random.default_rng(0).standard_normal((20_000, 5))
    noise = dict.fromkeys(spec.draws, draws)
    kept = eq.kept(spec, noise, "current")
    assert kept["critic2", 1].mean() == pytest.approx(0.75, abs=5 * math.sqrt(0.25 * 0.75 / draws.size))
    params, batch, _ = case(spec)
    own = {at: value[:SIZE] for at, value in kept.items()}
    how = eq.Pass(kept=own)
    _, grads, _ = eq.critic_loss(spec, SPACES, params, batch, batch.reward, how)
    assert_gradients(lambda p: eq.critic_loss(spec, SPACES, p, batch, batch.reward, how)[0].sum(), params, grads)
    value = eq.linear(spec.network("critic1"), params, "critic1", 0, np.c_[batch.obs, batch.action])
    out = eq.dropped(spec.network("critic1"), "target_critic1", 0, value, how)
    np.testing.assert_allclose(out, np.where(own["critic1", 0] > 0, value / 0.75, 0))


def test_a_step_shrinks_first_and_a_long_gradient_is_shortened():
    spec = replace(SPEC, weight_decay=0.5, gradient_clip=0.1, critic_lr=0.01)
    params, batch, noise = case(spec)
    after, seen = eq.update(spec, SPACES, params, batch, noise)
    names = [name for name in params if name.startswith("critic")]
    norm = math.sqrt(sum((seen[f"grad/{name}"] ** 2).sum() for name in names))
    assert norm > 0.1
    for name in names:
        grad = seen[f"grad/{name}"] * 0.1 / norm
        np.testing.assert_allclose(after[f"adam_m/{name}"], 0.1 * grad, rtol=1e-12)
        step = 0.01 * grad / (np.abs(grad) + spec.adam.eps)
        np.testing.assert_allclose(after[name], params[name] * (1 - 0.01 * 0.5) - step, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(after["adam_m/log_alpha"], 0.1 * seen["grad/log_alpha"])  # neither is alpha's


def test_another_temperature_may_be_in_use_until_the_first_step():
    temperature = replace(SMALL.temperature, in_use_at_first=0.7, beta1=0.5)
    spec = replace(NO_V, temperature=temperature, actor_every=2)
    params, batch, noise = case(spec)
    used = []
    for _ in range(4):
        params, seen = eq.update(spec, SPACES, params, batch, noise)
        used.append(float(seen["alpha"]))
        if len(used) == 2:
            np.testing.assert_allclose(params["adam_m/log_alpha"], 0.5 * seen["grad/log_alpha"])
    assert used[:2] == [0.7, 0.7] and used[2] == used[3] == pytest.approx(SMALL.temperature.init, rel=0.01)


def test_value_gradient():
    params, batch, _ = case(SPEC)
    _, grads = eq.value_loss(SPEC, params, batch, batch.reward)
    assert_gradients(lambda p: eq.value_loss(SPEC, p, batch, batch.reward)[0], params, grads)


@pytest.mark.parametrize("objective", ["alpha", "log_alpha"])
def test_alpha_gradient(objective):
    temperature = replace(SPEC.temperature, objective=objective)
    log_prob = np.array([0.5, 2.0, -1.0])
    _, grad = eq.alpha_loss(temperature, -0.3, log_prob, -2.0)
    up, down = (eq.alpha_loss(temperature, -0.3 + step, log_prob, -2.0)[0] for step in (1e-6, -1e-6))
    assert grad == pytest.approx((up - down) / 2e-6, rel=1e-7)
    # too little entropy (log_prob above the target's -(-2)) must raise alpha, that is: a negative gradient
    assert (
        eq.alpha_loss(temperature, -0.3, np.array([5.0]), -2.0)[1]
        < 0
        < eq.alpha_loss(temperature, -0.3, np.zeros(1), -2.0)[1]
    )


def test_log_prob_is_the_density_of_the_squashed_gaussian():
    """Integrates exp(log_prob) over the action: a density has mass 1 (trapezoid rule, 1e-6)."""
    spec = replace(SPEC, std=ExpStd())
    params, batch, _ = case(spec)
    one = Spaces(4, 1)
    params = initial.params(spec, one, np.random.default_rng(1))
    noise = np.linspace(-9, 9, 20001)[:, None]
    obs = np.repeat(batch.obs[:1], len(noise), 0)
    drawn = eq.sample(spec, one, params, obs, noise)
    mass = np.trapezoid(np.exp(drawn.log_prob), drawn.action[:, 0])
    assert mass == pytest.approx(1, abs=1e-6)


def test_exact_log_det_is_finite_where_the_naive_form_is_not():
    u = np.array([[0.0, 3.0, 40.0]])
    found = eq.log_det(replace(SPEC, log_det=ExactLogDet()), SPACES, u)[0]
    assert found[0] == 0 and found[1] == pytest.approx(math.log(1 - math.tanh(3) ** 2))
    assert found[2] == pytest.approx(2 * math.log(2) - 80)
    floor = eq.log_det(replace(SPEC, log_det=EpsilonLogDet(eps=1e-6)), SPACES, u)[0]
    assert floor[2] == pytest.approx(math.log(1e-6), rel=1e-9)


def test_a_floored_log_det_is_exact_above_its_floor_and_flat_below():
    spec, exact = (replace(SPEC, log_det=kind) for kind in (FlooredLogDet(floor=1e-6), ExactLogDet()))
    u = np.array([[0.0, -3.0, 7.5, 7.7, -40.0]])  # 1 - tanh(u)^2 falls below 1e-6 at 7.6
    found, slope = eq.log_det(spec, SPACES, u)[0], eq.log_det_backward(spec, SPACES, u)[0]
    np.testing.assert_allclose(found[:3], eq.log_det(exact, SPACES, u)[0][:3], rtol=1e-9)
    np.testing.assert_allclose(slope[:3], eq.log_det_backward(exact, SPACES, u)[0][:3])
    assert (found[3:] == math.log(1e-6)).all() and (slope[3:] == 0).all()


def test_target_by_hand():
    """One transition, worked with a constant critic: y = 2 r + 0.9 (1 - d) (min Q' - alpha log pi')."""
    spec = replace(SPEC, value_net=None, reward_scale=2.0, discount=0.9)
    params, batch, noise = case(spec)
    for net, value in (("target_critic1", 3.0), ("target_critic2", 5.0)):
        params[f"{net}/w2"] = np.zeros((5, 1))
        params[f"{net}/b2"] = np.array([value])
    following = eq.sample(spec, SPACES, params, batch.next_obs, noise["next_action"])
    y, _, log_prob, _ = eq.target_q(spec, SPACES, params, batch, noise, alpha=0.5)
    expected = 2 * batch.reward + 0.9 * (1 - batch.terminated) * (3.0 - 0.5 * following.log_prob)
    np.testing.assert_allclose(y, expected, rtol=1e-12)
    np.testing.assert_array_equal(log_prob, following.log_prob)
    without = replace(spec, entropy_in_target=False)
    np.testing.assert_allclose(
        eq.target_q(without, SPACES, params, batch, noise, 0.5)[0],
        2 * batch.reward + 2.7 * (1 - batch.terminated),
        rtol=1e-12,
    )


# --- targets of several steps

RETRACED = replace(SPEC, value_net=None, discount=0.9, reward_scale=2.0)
RATIO, WHOLE = (replace(RETRACED, retrace=Retrace(steps=3, decay=0.8, trace=one)) for one in ("ratio", "whole"))


def steps_case(spec):
    """As `case`, with further steps: some fall, and of some rows the second does not go on, or the third."""
    params, batch, noise = case(spec)
    rng = np.random.default_rng(1)
    going = np.ones(SIZE)
    going[0], falls = 0, (np.arange(SIZE) == 1).astype(float)
    further = []
    for n in range(2):
        action, log_prob = np.tanh(rng.normal(size=(SIZE, 2))), rng.normal(size=SIZE) - 3
        ends, reward, next_obs = falls * (n == 0), rng.normal(size=SIZE), rng.normal(size=(SIZE, 4))
        further.append(Step(action, reward, next_obs, ends, log_prob, going.copy()))
        going[:3] = 0
    draws = {name: rng.normal(size=(SIZE, 2)) for name in ("next_action_2", "next_action_3")}
    return params, batch._replace(further=tuple(further)), noise | draws


@pytest.mark.parametrize("reduce", ["min", "mean"])
@pytest.mark.parametrize("base", [RATIO, WHOLE], ids=["ratio", "whole"])
def test_a_target_of_several_steps_is_the_sum_of_plain_loops(base, reduce):
    """Row by row, step by step, the densities scipy's."""
    spec = replace(base, target_reduce=reduce)
    params, batch, noise = steps_case(spec)
    y, _, _, _ = eq.target_q(spec, SPACES, params, batch, noise, alpha=0.3)

    def q(obs, action):
        both = eq.critics(spec, SPACES, params, "target_", obs[None], action[None])[0]
        return getattr(np, reduce)(both)

    def value(obs, draw):
        drawn = eq.sample(spec, SPACES, params, obs[None], draw[None])
        return q(obs, drawn.action[0]) - 0.3 * drawn.log_prob[0]

    ratios = []
    for i in range(SIZE):
        end = value(batch.next_obs[i], noise["next_action"][i])
        expected, weight = 2 * batch.reward[i] + 0.9 * (1 - batch.terminated[i]) * end, 1.0
        obs = batch.next_obs[i]
        for n, step in enumerate(batch.further, start=2):
            mean, raw, _ = eq.gaussian(spec, params, obs[None])
            density = norm.logpdf(np.arctanh(step.action[i]), mean[0], np.exp(eq.log_std(spec, raw))[0]).sum()
            ratios.append(math.exp(density - step.log_prob[i]))
            weight *= 0.9 * 0.8 * step.goes_on[i] * (min(1.0, ratios[-1]) if base is RATIO else 1.0)
            end = value(step.next_obs[i], noise[f"next_action_{n}"][i])
            bootstrapped = 2 * step.reward[i] + 0.9 * (1 - step.terminated[i]) * end
            expected += weight * (bootstrapped - q(obs, step.action[i]))
            obs = step.next_obs[i]
        assert y[i] == pytest.approx(expected, rel=1e-12)
    assert min(ratios) < 0.5 and max(ratios) > 1, "the minimum is felt on both sides"


def test_whole_traces_of_constant_critics_are_the_soft_return_of_three_steps():
    """Q cancels but for the last: r + g (r' - alpha log pi') + g^2 (r'' - alpha log pi'') + g^3 (Q - alpha log pi)."""
    spec = replace(RETRACED, retrace=Retrace(steps=3, decay=1.0, trace="whole"))
    params, batch, noise = steps_case(spec)
    going = tuple(step._replace(goes_on=np.ones(SIZE), terminated=np.zeros(SIZE)) for step in batch.further)
    batch = batch._replace(terminated=np.zeros(SIZE), further=going)
    for net in ("target_critic1", "target_critic2"):
        params[f"{net}/w2"], params[f"{net}/b2"] = np.zeros((5, 1)), np.array([3.0])
    reached = (batch.next_obs, *(step.next_obs for step in going))
    draws = [noise[name] for name in ("next_action", "next_action_2", "next_action_3")]
    log_probs = [eq.sample(spec, SPACES, params, *one).log_prob for one in zip(reached, draws, strict=True)]
    rewards = [2 * batch.reward, *(2 * step.reward for step in going)]
    expected = 0.9**3 * 3.0
    for n, (reward, log_prob) in enumerate(zip(rewards, log_probs, strict=True)):
        expected = expected + 0.9**n * reward - 0.9 ** (n + 1) * 0.5 * log_prob
    np.testing.assert_allclose(eq.target_q(spec, SPACES, params, batch, noise, 0.5).y, expected, rtol=1e-12)


def test_a_row_that_does_not_go_on_has_the_target_of_one_step_and_one_that_fell_reads_no_value():
    params, batch, noise = steps_case(RATIO)
    y = eq.target_q(RATIO, SPACES, params, batch, noise, 0.3).y
    one = eq.target_q(RETRACED, SPACES, params, batch, noise, 0.3).y
    assert y[0] == one[0] and (y[1:] != one[1:]).all()
    noise["next_action_2"] = noise["next_action_2"] + 1.0
    moved = eq.target_q(RATIO, SPACES, params, batch, noise, 0.3).y
    assert (moved[:2] == y[:2]).all() and (moved[2:] != y[2:]).all()


def test_traces_agree_where_the_policy_has_not_changed():
    """Also where tanh is saturated: both densities are then those of A_MAX."""
    params, batch, noise = steps_case(RATIO)
    obs, further = batch.next_obs, []
    for step in batch.further:
        action = step.action.astype(np.float32)
        action[3] = 1.0, -1.0
        further.append(step._replace(action=action, log_prob=eq.log_density(RATIO, params, obs, action)))
        obs = step.next_obs
    batch = batch._replace(further=tuple(further))
    ratio, whole = (eq.target_q(spec, SPACES, params, batch, noise, 0.3).y for spec in (RATIO, WHOLE))
    np.testing.assert_allclose(ratio, whole, rtol=1e-12)
    assert np.float32(A_MAX) < 1 and np.nextafter(np.float32(A_MAX), np.float32(2)) == 1


def test_the_density_before_tanh_is_that_of_the_sample_without_its_determinant():
    params, batch, noise = case(SPEC)
    drawn = eq.sample(SPEC, SPACES, params, batch.obs, noise["action"])
    expected = drawn.log_prob + eq.log_det(SPEC, SPACES, drawn.u).sum(1)
    np.testing.assert_allclose(eq.log_density(SPEC, params, batch.obs, drawn.action), expected, rtol=1e-9)


def test_no_gradient_flows_through_a_target_of_several_steps():
    """What an update calls the critics' gradients is that of their loss at a target that stays as it is."""
    params, batch, noise = steps_case(RATIO)
    _, seen = eq.update(RATIO, SPACES, params, batch, noise)
    grads = {f"critic{i}/{part}": seen[f"grad/critic{i}/{part}"] for i in (1, 2) for part in ("w0", "b1", "w2", "b2")}
    assert_gradients(lambda p: eq.critic_loss(RATIO, SPACES, p, batch, seen["target_q"])[0].sum(), params, grads)


def test_target_with_a_value_net_reads_target_v():
    params, batch, noise = case(SPEC)
    params["target_value/w2"], params["target_value/b2"] = np.zeros((5, 1)), np.array([4.0])
    y, _, log_prob, _ = eq.target_q(SPEC, SPACES, params, batch, noise, alpha=0.5)
    np.testing.assert_allclose(y, batch.reward + SPEC.discount * (1 - batch.terminated) * 4.0, rtol=1e-12)
    assert log_prob is None


@pytest.mark.parametrize("placement", ["torch", "tensorflow"])
def test_adam_by_hand(placement):
    """Two steps of a gradient of 3, then 1, with a large epsilon so that its place shows."""
    spec = replace(SPEC, adam=Adam(beta1=0.9, beta2=0.99, eps=0.1, eps_placement=placement))
    param, m, v = np.array([1.0]), np.zeros(1), np.zeros(1)
    x, first, second = 1.0, 0.0, 0.0
    for count, grad in enumerate((3.0, 1.0), start=1):
        param, m, v = eq.adam(spec.adam, 0.01, count, param, np.array([grad]), m, v)
        first, second = 0.9 * first + 0.1 * grad, 0.99 * second + 0.01 * grad**2
        if placement == "torch":
            x -= 0.01 * (first / (1 - 0.9**count)) / (math.sqrt(second / (1 - 0.99**count)) + 0.1)
        else:
            x -= 0.01 * math.sqrt(1 - 0.99**count) / (1 - 0.9**count) * first / (math.sqrt(second) + 0.1)
    assert param[0] == pytest.approx(x, rel=1e-12)


def test_target_networks_follow_by_tau_and_only_when_due():
    spec = replace(SPEC, value_net=None, tau=0.25, target_every=2)
    params, batch, noise = case(replace(spec, target_init="independent"))
    once, _ = eq.update(spec, SPACES, params, batch, noise)
    np.testing.assert_array_equal(once["target_critic1/w0"], params["target_critic1/w0"])
    twice, _ = eq.update(spec, SPACES, once, batch, noise)
    expected = 0.75 * once["target_critic1/w0"] + 0.25 * twice["critic1/w0"]
    np.testing.assert_allclose(twice["target_critic1/w0"], expected, rtol=1e-12)


def test_the_actor_reads_the_new_critics_in_sequence_and_the_old_ones_at_once():
    spec = replace(SPEC, critic_lr=0.1, value_net=None, temperature=FixedAlpha(value=0.2))
    params, batch, noise = case(spec)
    after, seen = eq.update(spec, SPACES, params, batch, noise)
    new, _, _ = eq.actor_loss(spec, SPACES, params, after, batch, [noise["action"]], 0.2)
    old, _, _ = eq.actor_loss(spec, SPACES, params, params, batch, [noise["action"]], 0.2)
    assert seen["actor_loss"] == pytest.approx(new) and abs(new - old) > 1e-3
    _, at_once = eq.update(replace(spec, gradients="simultaneous"), SPACES, params, batch, noise)
    assert at_once["actor_loss"] == pytest.approx(old)
