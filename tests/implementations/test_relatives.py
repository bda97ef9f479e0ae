"""SAC's relatives: their equations (float64 NumPy) = both engines, for every setting; and the contract's promises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import implementations
from implementations.unoptimised import Quick
from suite.sac import equations, mixture_equations, soft_q_equations
from suite.sac.contract import unpack
from suite.sac.spec import Adam
from suite.sac.specs import MixtureSpec, SoftQSpec
from suite.specimens.cases import SPACES, TOLERANCE, UPDATES, inputs, shrunk, start
from suite.specimens.catalogue import resolve
from suite.specimens.contract_checks import agree

DEFINITION = {SoftQSpec: soft_q_equations, MixtureSpec: mixture_equations}
BASE = {
    "soft Q": replace(shrunk(resolve("soft_q_learning", "HalfCheetah-v5", {})[0]), precision="float64"),
    "mixture": replace(shrunk(resolve("haarnoja_gmm", "HalfCheetah-v5", {})[0]), precision="float64"),
}
BOTH = {
    "reward_scale": 2.0,
    "discount": 0.9,
    "squash_eps": 1e-2,
    "hidden": (8,),
    "init": "torch",
    "batch_size": 16,
    "actor_lr": 1e-3,
    "critic_lr": 1e-3,
    "adam": Adam(beta1=0.5, beta2=0.9, eps=1e-3, eps_placement="torch"),
}
OWN = {
    "soft Q": {"value_particles": 2, "fixed_particles": 2, "updated_particles": 4, "bandwidth_floor": 2.0}
    | {"first_update": 3, "target_copy_every": 3},
    "mixture": {"components": 2, "logit_floor": 0.2, "log_std_cap": -0.1, "tau": 0.5, "target_init": "copy"},
}
VARIANTS = {f"{kind}, {name}": (kind, {name: value}) for kind in BASE for name, value in (BOTH | OWN[kind]).items()}
CASES = {kind: (kind, {}) for kind in BASE} | VARIANTS
ENGINES = sorted(implementations.REGISTRY)


def engine_for(name, spec):
    return Quick(implementations.load(name, type(spec).__name__))


def reference(spec, params, rows, noise):
    """(parameters, everything seen) after each update, by the equations, of the first seed."""
    params = {name: np.asarray(value[0], float) for name, value in params.items()}
    steps = []
    for own_rows, own_noise in zip(rows[0].astype(float), noise[0].astype(float), strict=True):
        draws = dict(zip(spec.draws, own_noise, strict=True))
        params, seen = DEFINITION[type(spec)].update(spec, SPACES, params, unpack(own_rows, SPACES), draws)
        steps.append((params, seen))
    return steps


def tolerance(spec):
    """Beside TOLERANCE: where actions saturate, tanh's last digit (1e-16) stands beside the logarithm's epsilon."""
    return TOLERANCE["float64"] + 1e-15 / spec.squash_eps


def of_seed(params, i=0):
    return {name: np.asarray(value)[i] for name, value in params.items()}


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("case", CASES)
def test_explain_is_the_equations_in_float64(name, case):
    kind, changes = CASES[case]
    spec = replace(BASE[kind], **changes)
    engine, params, (rows, noise, *_) = engine_for(name, spec), start(spec, 0), inputs(spec)
    state = engine.init(spec, SPACES, params)
    for k, (after, seen) in enumerate(reference(spec, params, rows, noise)):
        state, named = engine.explain(state, rows[:, k : k + 1], noise[:, k : k + 1])
        assert set(seen) == set(named)
        agree(of_seed(named), seen, tolerance(spec), k)
        agree(of_seed(engine.get_params(state)), after, tolerance(spec), k)


@pytest.mark.parametrize("case", VARIANTS)
def test_every_setting_is_alive(case):
    """It changes a parameter or a target by more than ten times what the suite promises (1e-6)."""
    kind, changes = VARIANTS[case]
    spec = replace(BASE[kind], **changes)
    ends = []
    for one in (BASE[kind], spec):
        params, (rows, noise, *_) = start(one, 0), inputs(one)
        ends.append(reference(one, params, rows, noise)[-1][0])
    a, b = ends
    assert {x: y.shape for x, y in a.items()} != {x: y.shape for x, y in b.items()} or any(
        np.abs(a[x] - b[x]).max() > 1e-5 * np.abs(a[x]).max() for x in a
    )


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("kind", BASE)
def test_update_is_the_equations_in_float32_and_acts_as_the_policy(name, kind):
    """As a run calls it: one update at a time, with the next action."""
    spec = replace(BASE[kind], precision="float32")
    params, (rows, noise, obs, act_noise) = start(spec, 0), inputs(spec, noise_scale=0.25)
    engine = engine_for(name, spec)
    state = engine.init(spec, SPACES, params)
    for k, (after, seen) in enumerate(reference(spec, params, rows, noise)):
        one = slice(k, k + 1)
        state, action, metrics = engine.update(state, rows[:, one], noise[:, one], obs, act_noise)
        agree(of_seed(engine.get_params(state)), after, TOLERANCE["float32"], k)
        agree({"action": action[0]}, {"action": acted(spec, after, obs[0], act_noise[0])}, TOLERANCE["float32"], k)
        expected = {each: np.asarray(seen[each]) for each in ("critic_loss", "actor_loss", "alpha")}
        agree(of_seed(metrics), expected, TOLERANCE["float32"], k)
        known = np.isfinite(np.asarray(metrics["entropy"])[0])
        assert known == (kind == "mixture")
        assert not known or metrics["entropy"][0] == pytest.approx(-seen["log_prob"].mean(), rel=1e-4)
    mean = acted(spec, after, obs[0], None)
    agree({"action": engine.act(state, obs, None)[0]}, {"action": mean}, TOLERANCE["float32"], k)


def acted(spec, params, obs, noise):
    """The policy's actions by the equations."""
    obs, width = obs.astype(float), SPACES.action_dim
    if isinstance(spec, SoftQSpec):
        latent = np.zeros((len(obs), width)) if noise is None else noise.astype(float)
        return soft_q_equations.act(spec, params, obs, latent[:, None]).action[:, 0]
    policy = mixture_equations.mixture(spec, params, obs)
    if noise is not None:
        draws = {"component": noise[:, :width].astype(float), "action": noise[:, width:].astype(float)}
        return np.tanh(mixture_equations.sample(policy, draws))
    means = np.tanh(policy.mean)
    q = [
        equations.scalar(spec, params, "critic1", np.concatenate([obs, one], axis=1))[0] for one in means.swapaxes(0, 1)
    ]
    return means[np.arange(len(obs)), np.argmax(q, axis=0)]


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("kind", BASE)
def test_a_block_goes_on_bit_for_bit_and_its_seeds_do_not_know_each_other(name, kind):
    spec = replace(BASE[kind], precision="float32")
    rows, noise, *_ = inputs(spec, seeds=2, noise_scale=0.25)
    engine = engine_for(name, spec)
    state, *_ = engine.update(engine.init(spec, SPACES, start(spec, 0, 1)), rows, noise, None, None)
    other = engine.set_params(engine.init(spec, SPACES, start(spec, 8, 9)), engine.get_params(state))
    kept = {key: np.array(value) for key, value in engine.get_params(state).items()}
    engine.explain(state, rows[:, :1], noise[:, :1])
    assert all(np.array_equal(value, engine.get_params(state)[key]) for key, value in kept.items())
    ends = [engine.get_params(engine.update(one, rows, noise, None, None)[0]) for one in (state, other)]
    assert all(np.array_equal(ends[0][key], ends[1][key]) for key in ends[0])
    assert (ends[0]["updates_done"] == 2 * UPDATES).all()
    alone = engine.init(spec, SPACES, {key: value[1:] for key, value in start(spec, 0, 1).items()})
    end = engine.get_params(engine.update(alone, rows[1:], noise[1:], None, None)[0])
    agree(of_seed(kept, 1), of_seed(end), TOLERANCE["float32"], UPDATES - 1)
