"""The definitions of SAC's relatives: settings refused in a sentence, gradients against finite differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from implementations.presets import haarnoja_gmm, soft_q_learning
from suite.sac import identity, weights
from suite.sac import mixture_equations as of_mixture
from suite.sac import soft_q_equations as of_soft_q
from suite.sac.contract import Batch, Spaces
from suite.sac.spec import SpecError

SPACES = Spaces(4, 2)
SIZE = 6
SOFT_Q = replace(
    soft_q_learning.SPEC,
    hidden=(5, 5),
    batch_size=SIZE,
    value_particles=4,
    fixed_particles=3,
    updated_particles=2,
    reward_scale=1.5,
)
MIXTURE = replace(haarnoja_gmm.SPEC, hidden=(5, 5), batch_size=SIZE, components=3, logit_floor=0.1, log_std_cap=0.1)


def case(spec, seed=0):
    """Parameters, a batch and noise."""
    rng = np.random.default_rng(seed)
    params = weights.params(spec, SPACES, rng)
    batch = Batch(
        obs=rng.normal(size=(SIZE, 4)),
        action=np.tanh(rng.normal(size=(SIZE, 2))),
        reward=rng.normal(size=SIZE),
        next_obs=rng.normal(size=(SIZE, 4)),
        terminated=(rng.random(SIZE) < 0.3).astype(float),
    )
    return params, batch, {name: rng.normal(size=(SIZE, 2)) for name in spec.draws}


def assert_gradients(loss, params, grads, step=1e-6):
    """Central differences of `loss` in every single parameter named in grads."""
    for name, grad in grads.items():
        numeric = np.zeros_like(grad)
        for index in np.ndindex(grad.shape):
            values = []
            for sign in (1, -1):
                around = params | {name: params[name].copy()}
                around[name][index] += sign * step
                values.append(loss(around))
            numeric[index] = (values[0] - values[1]) / (2 * step)
        # central differences carry an error of about 1e-16 / step + step^2, relative to losses of order 1
        np.testing.assert_allclose(grad, numeric, rtol=1e-6, atol=3e-9, err_msg=name)


@pytest.mark.parametrize(
    ("spec", "changes", "words"),
    [
        (SOFT_Q, {"value_particles": 7}, "value_particles must not exceed batch_size"),
        (SOFT_Q, {"fixed_particles": 1}, "fixed_particles must be at least 2, not 1"),
        (SOFT_Q, {"bandwidth_floor": 0.0}, "bandwidth_floor must be positive"),
        (SOFT_Q, {"precision": "bfloat16_hidden"}, "precision must be one of float32, float64"),
        (SOFT_Q, {"hidden": ()}, "hidden must be one or more positive widths"),
        (MIXTURE, {"components": 0}, "components must be at least 1, not 0"),
        (MIXTURE, {"tau": 0.0}, r"tau must lie in \(0, 1\]"),
        (MIXTURE, {"adam": replace(MIXTURE.adam, eps=0.0)}, "a positive eps"),
    ],
)
def test_what_has_no_meaning_is_refused_in_a_sentence(spec, changes, words):
    with pytest.raises(SpecError, match=words):
        replace(spec, **changes)


@pytest.mark.parametrize("spec", [SOFT_Q, MIXTURE], ids=["soft Q", "mixture"])
def test_plain_data_names_the_kind_and_gives_the_spec_back(spec):
    plain = identity.to_plain(spec)
    assert plain["kind"] == type(spec).__name__ and identity.spec_from_plain(plain) == spec
    (one,) = identity.difference(SOFT_Q, MIXTURE)
    assert str(one) == "kind is 'MixtureSpec' instead of 'SoftQSpec'"


def test_networks_start_as_the_code_bases_do():
    params = weights.params(SOFT_Q, SPACES, np.random.default_rng(0))
    assert params["actor/w0"].shape == (6, 5) and params["actor/w2"].shape == (5, 2)
    assert np.array_equal(params["target_critic1/w0"], params["critic1/w0"])
    bound = np.sqrt(6 / (4 + 5))  # of the observation's own matrix: with the action's it would be sqrt(6 / 11)
    many = [np.abs(weights.params(SOFT_Q, SPACES, np.random.default_rng(n))["actor/w0"][:4]).max() for n in range(50)]
    assert np.sqrt(6 / 11) < max(many) <= bound
    drawn = weights.params(MIXTURE, SPACES, np.random.default_rng(0))
    assert drawn["actor/w2"].shape == (5, 3 * 5) and "target_critic1/w0" not in drawn
    assert not np.array_equal(drawn["target_value/w0"], drawn["value/w0"])


# --- soft Q-learning


def test_gradients_of_the_critic():
    params, batch, _ = case(SOFT_Q)
    y = batch.reward
    _, grads, _ = of_soft_q.critic_loss(SOFT_Q, params, batch, y)
    assert_gradients(lambda p: of_soft_q.critic_loss(SOFT_Q, p, batch, y)[0], params, grads)


def test_the_soft_value_is_the_integral_of_exp_q():
    """With one action dimension and many particles, by quadrature."""
    spec, spaces = replace(SOFT_Q, value_particles=1, batch_size=1), Spaces(4, 1)
    params = weights.params(spec, spaces, np.random.default_rng(0))
    obs, grid = np.random.default_rng(1).normal(size=(1, 4)), np.linspace(-1, 1, 20_001)[:-1] + 5e-5
    q, _ = of_soft_q.q_values(spec, params, "critic1", obs, grid[None, :, None])
    by_quadrature = np.log(np.exp(q).mean() * 2)
    assert of_soft_q.soft_value(spec, params, "critic1", obs, grid[:, None])[0] == pytest.approx(by_quadrature, 1e-12)
    draws = of_soft_q.uniform_of(np.random.default_rng(2).standard_normal(20_000))
    assert abs(draws.mean()) < 0.02 and abs((draws**2).mean() - 1 / 3) < 0.01 and np.abs(draws).max() < 1
    # 20,000 draws leave an error of 1e-3 or so
    assert of_soft_q.soft_value(spec, params, "critic1", obs, draws[:, None])[0] == pytest.approx(
        by_quadrature, abs=0.01
    )


def test_the_score_is_the_gradient_of_the_log_density():
    params, batch, noise = case(SOFT_Q)
    x = np.tanh(np.stack([noise["particle_1"], noise["particle_2"]], axis=1))
    _, gradient = of_soft_q.score(SOFT_Q, params, batch.obs, x)
    for index in np.ndindex(x.shape):
        values = []
        for sign in (1, -1):
            around = x.copy()
            around[index] += sign * 1e-6
            values.append(of_soft_q.score(SOFT_Q, params, batch.obs, around)[0].sum())
        assert gradient[index] == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-6, abs=3e-9)


def test_the_kernel_and_its_gradient():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 3, 2)), rng.normal(size=(2, 2, 2))
    _, d_k, h = of_soft_q.kernel(SOFT_Q, x, y)
    squares = [sorted(((a - b) ** 2).sum() for a in x[i] for b in y[i]) for i in range(2)]
    np.testing.assert_allclose(h, [each[2] / np.log(3) for each in squares])  # the 4th largest of 6
    for i, j, n, a in np.ndindex(2, 3, 2, 2):
        values = []
        for sign in (1, -1):
            around = x.copy()
            around[i, j, a] += sign * 1e-6
            values.append(np.exp(-((around[i, j] - y[i, n]) ** 2).sum() / h[i]))
        assert d_k[i, j, n, a] == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-6, abs=3e-9)
    near = np.zeros((1, 3, 2))
    assert of_soft_q.kernel(SOFT_Q, near, near)[2] == SOFT_Q.bandwidth_floor


def test_the_actor_descends_along_the_steins_gradient():
    """Its gradient is that of -sum(delta * action), delta being held."""
    params, batch, noise = case(SOFT_Q)
    _, seen = of_soft_q.update(SOFT_Q, SPACES, params, batch, noise)
    moved = np.stack([noise[f"particle_{n}"] for n in (4, 5)], axis=1)

    def loss(p):
        return -(seen["svgd_action_gradients"] * of_soft_q.act(SOFT_Q, p, batch.obs, moved).action).sum()

    grads = {name: seen[f"grad/{name}"] for name in params if name.startswith("actor/")}
    assert_gradients(loss, params, grads)


def test_the_target_is_copied_when_the_code_bases_own_count_says_so():
    spec = replace(SOFT_Q, first_update=9, target_copy_every=5)
    params, batch, noise = case(spec)
    copied = []
    for _ in range(7):
        before = params["target_critic1/w0"]
        params, _ = of_soft_q.update(spec, SPACES, params, batch, noise)
        copied.append(not np.array_equal(before, params["target_critic1/w0"]))
        assert not copied[-1] or np.array_equal(params["target_critic1/w0"], params["critic1/w0"])
    assert copied == [False, True, False, False, False, False, True]


# --- the mixture


def test_gradients_of_the_mixture():
    """All three: those of the actor at the actions drawn and the weight as it was."""
    params, batch, noise = case(MIXTURE)
    _, seen = of_mixture.update(MIXTURE, SPACES, params, batch, noise)
    policy = of_mixture.mixture(MIXTURE, params, batch.obs)
    logits, raw = policy.head[:, :, 0], policy.head[:, :, 3:]
    assert (logits < MIXTURE.logit_floor).any() and (raw > MIXTURE.log_std_cap).any()  # both bounds hold somewhere

    def losses(p):
        policy = of_mixture.mixture(MIXTURE, p, batch.obs)
        actor = (of_mixture.log_prob(MIXTURE, policy, seen["raw_action"]) * seen["policy_weight"]).mean()
        x = np.concatenate([batch.obs, batch.action], axis=1)
        critic = of_mixture.regression(MIXTURE, p, "critic1", x, seen["target_q"])[0]
        value = of_mixture.regression(MIXTURE, p, "value", batch.obs, seen["value_target"])[0]
        return actor + critic + value

    grads = {name: seen[f"grad/{name}"] for name in params if not name.startswith("target_")}
    assert_gradients(losses, params, grads)


def test_the_mixtures_density_integrates_to_one():
    params, batch, _ = case(replace(MIXTURE, log_std_cap=-0.5))
    policy = of_mixture.mixture(replace(MIXTURE, log_std_cap=-0.5), params, batch.obs)
    axis = np.linspace(-6, 6, 241)
    u = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    one = of_mixture.Mixture(*(np.repeat(x[:1], len(u), 0) for x in policy[:4]), [])
    in_u = of_mixture.log_prob(MIXTURE, one, u) + np.log(1 - np.tanh(u) ** 2 + MIXTURE.squash_eps).sum(1)
    assert np.exp(in_u).sum() * 0.05**2 == pytest.approx(1, abs=1e-4)


def test_components_are_drawn_by_their_weights():
    log_weights = np.tile(np.log([0.1, 0.6, 0.3]) + 2.0, (20_000, 1))
    drawn = of_mixture.component(log_weights, np.random.default_rng(0).standard_normal(20_000))
    np.testing.assert_allclose(np.bincount(drawn) / 20_000, [0.1, 0.6, 0.3], atol=0.01)  # four standard errors


def test_the_likelihood_ratio_is_the_gradient_of_the_divergence():
    """Averaged over many draws: the gradient of KL(pi, exp(Q)), which one component's pathwise derivative is too."""
    spec = replace(MIXTURE, components=1, batch_size=1, log_std_cap=5.0, logit_floor=-9.0)
    params, batch, _ = case(spec)
    obs, rng = batch.obs[:1], np.random.default_rng(3)
    noise = rng.normal(size=(40_000, 2))
    many = np.repeat(obs, len(noise), 0)
    policy = of_mixture.mixture(spec, params, many)
    u = of_mixture.sample(policy, {"component": np.zeros((len(noise), 2)), "action": noise})
    q, _ = of_mixture.scalar(spec, params, "critic1", np.concatenate([many, np.tanh(u)], axis=1))
    log_pi = of_mixture.log_prob(spec, policy, u)
    weight = (log_pi - q + q.mean()) / len(noise)  # any baseline will do
    estimate = of_mixture.log_prob_backward(spec, params, policy, u, weight)["actor/b2"]

    def divergence(p):
        moved = of_mixture.mixture(spec, p, many)
        drawn = of_mixture.sample(moved, {"component": np.zeros((len(noise), 2)), "action": noise})
        values, _ = of_mixture.scalar(spec, params, "critic1", np.concatenate([many, np.tanh(drawn)], axis=1))
        return (of_mixture.log_prob(spec, moved, drawn) - values).mean()

    for i in range(1, 5):  # the logit of a single component moves nothing
        around = [params | {"actor/b2": params["actor/b2"] + sign * 1e-5 * np.eye(5)[i]} for sign in (1, -1)]
        pathwise = (divergence(around[0]) - divergence(around[1])) / 2e-5
        assert estimate[i] == pytest.approx(pathwise, abs=0.03)  # 40,000 draws: a standard error of 0.01
