"""SAC with a mixture of Gaussians, moved by the likelihood ratio (arXiv 1801.01290 v1), in JAX.

One file, read from top to bottom, the same headings as in PyTorch; suite/sac/mixture_equations.py says in NumPy what
each line is. The mathematics is written for one seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from implementations.lockstep_jax import Arrays, Learner, contract, descend, mlp, of
from suite.sac.contract import Batch, Spaces
from suite.sac.specs import MixtureSpec

FRAMEWORK = "jax"
LOG_2PI = math.log(2 * math.pi)


# --- policy: a mixture of diagonal Gaussians through tanh ---------------------------------------------------------


class Mixture(NamedTuple):
    """The policy at states: log weights [B, K], not normalised, means and log stds [B, K, A]."""

    log_weights: Array
    mean: Array
    log_std: Array


def mixture(spec: MixtureSpec, params: Arrays, obs: Array) -> Mixture:
    """The policy at obs [B, O]; no gradient leaves a floored logit or a capped log std."""
    head = mlp(params, "actor", obs).reshape(len(obs), spec.components, -1)
    logit, mean, raw = jnp.split(head, (1, 1 + head.shape[2] // 2), axis=2)
    log_weights = jnp.where(logit > spec.logit_floor, logit, spec.logit_floor)[..., 0]
    return Mixture(log_weights, mean, jnp.where(raw < spec.log_std_cap, raw, spec.log_std_cap))


def sample(policy: Mixture, component: Array, noise: Array) -> Array:
    """u [B, A] of one component each, which a standard normal draw [B] chooses by the weights."""
    shares = jnp.cumsum(jax.nn.softmax(policy.log_weights, axis=1), axis=1)[:, :-1]
    chosen = (shares < 0.5 * (1 + lax.erf(component / math.sqrt(2)))[:, None]).sum(1)
    rows = jnp.arange(len(chosen))
    return policy.mean[rows, chosen] + jnp.exp(policy.log_std[rows, chosen]) * noise


def log_prob(spec: MixtureSpec, policy: Mixture, u: Array) -> Array:
    """log pi(a|s) [B] of a = tanh(u), under the whole mixture."""
    standard = (u[:, None] - policy.mean) * jnp.exp(-policy.log_std)
    of_components = -(0.5 * standard**2 + policy.log_std + 0.5 * LOG_2PI).sum(-1)
    log_weights = policy.log_weights
    of_u = jax.nn.logsumexp(of_components + log_weights, axis=1) - jax.nn.logsumexp(log_weights, axis=1)
    action = jnp.tanh(u)
    # 1 - a^2 would lose digits near saturation
    return of_u - jnp.log((1 - action) * (1 + action) + spec.squash_eps).sum(1)


# --- losses: each reads only what its signature names -------------------------------------------------------------


def critic_target(spec: MixtureSpec, params: Arrays, batch: Batch) -> Array:
    """y = scale r + discount (1 - terminated) V'(s') [B] (eq. 8)."""
    following = mlp(params, "target_value", batch.next_obs)[:, 0]
    # terminated, not truncated: a time limit is no death
    return spec.reward_scale * batch.reward + spec.discount * (1 - batch.terminated) * following


def critic_loss(critic: Arrays, batch: Batch, y: Array) -> tuple[Array, Array]:
    """mean (Q - y)^2 / 2 (eq. 7), and Q [B]."""
    q = mlp(critic, "critic1", batch.obs, batch.action)[:, 0]
    return 0.5 * ((q - y) ** 2).mean(), q


def value_loss(value: Arrays, batch: Batch, target: Array) -> Array:
    """mean (V - target)^2 / 2 (eq. 5)."""
    return 0.5 * ((mlp(value, "value", batch.obs)[:, 0] - target) ** 2).mean()


def likelihood_ratio(actor: Arrays, spec: MixtureSpec, batch: Batch, u: Array, weight: Array) -> Array:
    """mean log pi * weight, the weight being held: what the gradient of the KL divergence is at samples that are held
    too, for weight = log pi - Q + V, V being the baseline."""
    return (log_prob(spec, mixture(spec, actor, batch.obs), u) * weight).mean()


# --- update: all gradients, then all steps ------------------------------------------------------------------------


def update_once(
    spec: MixtureSpec, spaces: Spaces, learner: Learner, batch: Batch, draws: Arrays, *, explaining: bool
) -> tuple[Learner, dict[str, Any]]:
    """One update, and what it computed; explaining: all of it."""
    params = learner.params
    policy, value = mixture(spec, params, batch.obs), mlp(params, "value", batch.obs)[:, 0]
    u = sample(policy, draws["component"][:, 0], draws["action"])
    q_pi, log_pi = mlp(params, "critic1", batch.obs, jnp.tanh(u))[:, 0], log_prob(spec, policy, u)
    value_target = q_pi - log_pi
    weight = value - value_target

    y = critic_target(spec, params, batch)
    (of_critic, q), grads = jax.value_and_grad(critic_loss, has_aux=True)(of(params, "critic1"), batch, y)
    of_value, more = jax.value_and_grad(value_loss)(of(params, "value"), batch, value_target)
    of_actor, most = jax.value_and_grad(likelihood_ratio)(of(params, "actor"), spec, batch, u, weight)
    grads = grads | more | most

    seen = {"critic_loss": of_critic, "actor_loss": of_actor, "alpha": 1.0, "entropy": -log_pi.mean()}
    if explaining:
        del seen["entropy"]
        seen |= {"critic1_loss": of_critic, "value_loss": of_value, "q": q[None], "target_q": y, "v": value}
        seen |= {"value_target": value_target, "q_pi": q_pi, "policy_weight": weight, "log_prob": log_pi}
        seen |= {"action": jnp.tanh(u), "raw_action": u, "log_weights": policy.log_weights}
        seen |= {f"grad/{name}": grad for name, grad in grads.items()}
    learner = descend(spec, learner, grads)
    stepped = learner.params
    targets = {name: name.removeprefix("target_") for name in stepped if name.startswith("target_")}
    moved = {name: (1 - spec.tau) * stepped[name] + spec.tau * stepped[online] for name, online in targets.items()}
    return replace(learner, params=stepped | moved), seen


def act_once(spec: MixtureSpec, spaces: Spaces, params: Arrays, obs: Array, draws: Sequence[Array] | None) -> Array:
    """Actions [N, A] at obs [N, O]; without noise, of all components' means the one of the highest Q."""
    policy = mixture(spec, params, obs)
    if draws:
        component, noise = draws
        return jnp.tanh(sample(policy, component[:, 0], noise))
    means = jnp.tanh(policy.mean)
    best = mlp(params, "critic1", obs[:, None], means)[..., 0].argmax(1)
    return means[jnp.arange(len(obs)), best]


# --- the contract: seeds in lockstep ------------------------------------------------------------------------------

init, act, update, explain, get_params, set_params, device = contract(update_once, act_once)
