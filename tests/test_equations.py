"""The executable definition against finite differences of its own losses, and against numbers worked by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from conftest import SMALL

from suite import equations as eq
from suite import initial
from suite.contract import Batch, Spaces
from suite.spec import (
    Adam,
    ClipLogStd,
    EpsilonLogDet,
    ExactLogDet,
    ExpStd,
    FixedAlpha,
    SoftplusStd,
    SquashLogStd,
    ValueNet,
)

SPACES = Spaces(4, 2)
SIZE = 6
SPEC = replace(SMALL, hidden=(5, 5), batch_size=SIZE, value_net=ValueNet(loss_scale=0.7))


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
@pytest.mark.parametrize("log_det", [ExactLogDet(), EpsilonLogDet(eps=0.05)])
def test_actor_gradient(std, log_det, reduce):
    spec = replace(SPEC, std=std, log_det=log_det, actor_reduce=reduce, output_init="glorot_uniform")
    params, batch, noise = case(spec)
    _, grads = eq.actor_loss(spec, params, params, batch, noise["action"], 0.3)
    assert set(grads) == {name for name in params if name.startswith("actor/")}
    assert_gradients(lambda p: eq.actor_loss(spec, p, params, batch, noise["action"], 0.3)[0], params, grads)


@pytest.mark.parametrize("critics", [1, 2, 3])
def test_critic_gradient(critics):
    reduce = "first" if critics == 1 else "min"
    spec = replace(SPEC, critics=critics, target_reduce=reduce, actor_reduce=reduce, critic_loss_scale=0.4)
    params, batch, _ = case(spec)
    y = batch.reward
    _, grads, _ = eq.critic_loss(spec, params, batch, y)
    assert_gradients(lambda p: eq.critic_loss(spec, p, batch, y)[0].sum(), params, grads)


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
    drawn = eq.sample(spec, params, obs, noise)
    mass = np.trapezoid(np.exp(drawn.log_prob), drawn.action[:, 0])
    assert mass == pytest.approx(1, abs=1e-6)


def test_exact_log_det_is_finite_where_the_naive_form_is_not():
    u = np.array([[0.0, 3.0, 40.0]])
    found = eq.log_det(replace(SPEC, log_det=ExactLogDet()), u)[0]
    assert found[0] == 0 and found[1] == pytest.approx(math.log(1 - math.tanh(3) ** 2))
    assert found[2] == pytest.approx(2 * math.log(2) - 80)
    floor = eq.log_det(replace(SPEC, log_det=EpsilonLogDet(eps=1e-6)), u)[0]
    assert floor[2] == pytest.approx(math.log(1e-6), rel=1e-9)


def test_target_by_hand():
    """One transition, worked with a constant critic: y = 2 r + 0.9 (1 - d) (min Q' - alpha log pi')."""
    spec = replace(SPEC, value_net=None, reward_scale=2.0, discount=0.9)
    params, batch, noise = case(spec)
    for net, value in (("target_critic1", 3.0), ("target_critic2", 5.0)):
        params[f"{net}/w2"] = np.zeros((5, 1))
        params[f"{net}/b2"] = np.array([value])
    following = eq.sample(spec, params, batch.next_obs, noise["next_action"])
    y, log_prob = eq.target_q(spec, params, batch, noise, alpha=0.5)
    expected = 2 * batch.reward + 0.9 * (1 - batch.terminated) * (3.0 - 0.5 * following.log_prob)
    np.testing.assert_allclose(y, expected, rtol=1e-12)
    np.testing.assert_array_equal(log_prob, following.log_prob)
    without = replace(spec, entropy_in_target=False)
    np.testing.assert_allclose(
        eq.target_q(without, params, batch, noise, 0.5)[0], 2 * batch.reward + 2.7 * (1 - batch.terminated), rtol=1e-12
    )


def test_target_with_a_value_net_reads_target_v():
    params, batch, noise = case(SPEC)
    params["target_value/w2"], params["target_value/b2"] = np.zeros((5, 1)), np.array([4.0])
    y, log_prob = eq.target_q(SPEC, params, batch, noise, alpha=0.5)
    np.testing.assert_allclose(y, batch.reward + SPEC.discount * (1 - batch.terminated) * 4.0, rtol=1e-12)
    assert log_prob is None


@pytest.mark.parametrize("placement", ["torch", "tensorflow"])
def test_adam_by_hand(placement):
    """Two steps of a gradient of 3, then 1, with a large epsilon so that its place shows."""
    spec = replace(SPEC, adam=Adam(beta1=0.9, beta2=0.99, eps=0.1, eps_placement=placement))
    param, m, v = np.array([1.0]), np.zeros(1), np.zeros(1)
    x, first, second = 1.0, 0.0, 0.0
    for count, grad in enumerate((3.0, 1.0), start=1):
        param, m, v = eq.adam(spec, 0.01, count, param, np.array([grad]), m, v)
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
    new, _ = eq.actor_loss(spec, params, after, batch, noise["action"], 0.2)
    old, _ = eq.actor_loss(spec, params, params, batch, noise["action"], 0.2)
    assert seen["actor_loss"] == pytest.approx(new) and abs(new - old) > 1e-3
    _, at_once = eq.update(replace(spec, gradients="simultaneous"), SPACES, params, batch, noise)
    assert at_once["actor_loss"] == pytest.approx(old)
