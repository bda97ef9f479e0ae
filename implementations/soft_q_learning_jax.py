"""Soft Q-learning in JAX (arXiv 1702.08165): one file, read from top to bottom, the same headings as in PyTorch.

suite/sac/soft_q_equations.py says in NumPy what each line is. The mathematics is written for one seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from implementations.lockstep_jax import Arrays, Learner, contract, descend, mlp, of
from suite.sac.contract import Batch, Spaces
from suite.sac.specs import SoftQSpec

FRAMEWORK = "jax"


# --- the two networks ---------------------------------------------------------------------------------------------


def q_value(params: Arrays, net: str, obs: Array, action: Array) -> Array:
    """Q(s, a) [...] of obs [..., O] and action [..., A], which broadcast."""
    return mlp(params, net, obs, action)[..., 0]


def sample(params: Arrays, obs: Array, latent: Array) -> Array:
    """a = tanh(f(s, noise)): a density that nobody knows, of any shape."""
    return jnp.tanh(mlp(params, "actor", obs, latent))


# --- the critic: regression on the soft value ---------------------------------------------------------------------


def soft_value(params: Arrays, net: str, obs: Array, actions: Array) -> Array:
    """V(s) [B], the logarithm of the integral of exp(Q), by uniform actions [K, A] (eq. 10)."""
    q = q_value(params, net, obs[:, None], actions)
    return jax.nn.logsumexp(q, axis=1) - math.log(len(actions)) + actions.shape[1] * math.log(2)


def critic_target(spec: SoftQSpec, params: Arrays, batch: Batch, uniform: Array) -> Array:
    """y = scale r + discount (1 - terminated) V'(s') [B] (eq. 11)."""
    following = soft_value(params, "target_critic1", batch.next_obs, uniform)
    # terminated, not truncated: a time limit is no death
    return spec.reward_scale * batch.reward + spec.discount * (1 - batch.terminated) * following


def critic_loss(critic: Arrays, batch: Batch, y: Array) -> tuple[Array, Array]:
    """mean (Q - y)^2 / 2 (eq. 11), and Q [B]."""
    q = q_value(critic, "critic1", batch.obs, batch.action)
    return 0.5 * ((q - y) ** 2).mean(), q


# --- the actor: Stein's variational gradient, amortised -----------------------------------------------------------


def score(spec: SoftQSpec, params: Arrays, obs: Array, x: Array) -> tuple[Array, Array]:
    """Q(s, x) + log |dx / du| [B, n], the density exp(Q) before tanh, and its gradient at the actions x [B, n, A]."""

    def summed(x: Array) -> tuple[Array, Array]:
        log_slope = jnp.log((1 - x) * (1 + x) + spec.squash_eps)  # 1 - x^2 would lose digits near saturation
        log_density = q_value(params, "critic1", obs[:, None], x) + log_slope.sum(-1)
        return log_density.sum(), log_density

    gradient, log_density = jax.grad(summed, has_aux=True)(x)
    return log_density, gradient


def kernel(spec: SoftQSpec, x: Array, y: Array) -> tuple[Array, Array, Array]:
    """k(x, y) = exp(-|x - y|^2 / h) [B, n, m], its gradient at x [B, n, m, A], and h [B]: the upper median of the
    squared distances over log n, if that is above its floor (appendix C.1)."""
    difference = x[:, :, None] - y[:, None]
    distance = (difference**2).sum(-1)
    every = distance.reshape(len(distance), -1)
    size = every.shape[1]
    median = jnp.sort(every, axis=1)[:, size - size // 2 - 1]
    h = jnp.maximum(median / math.log(x.shape[1]), spec.bandwidth_floor)
    k = jnp.exp(-distance / h[:, None, None])
    return k, -2 * difference / h[:, None, None, None] * k[..., None], h


def stein(k: Array, d_k: Array, gradient: Array) -> Array:
    """Where each updated action should go [B, m, A]: the fixed ones' mean k(x, y) score(x) + dk/dx (eq. 13)."""
    return (k[..., None] * gradient[:, :, None] + d_k).mean(1)


# --- update: all gradients, then all steps ------------------------------------------------------------------------


def update_once(
    spec: SoftQSpec, spaces: Spaces, learner: Learner, batch: Batch, draws: Arrays, *, explaining: bool
) -> tuple[Learner, dict[str, Any]]:
    """One update; explaining: also Q - V of an action of the actor, the log-density it is moved towards."""
    params = learner.params
    uniform = jax.lax.erf(draws["value"][: spec.value_particles] / math.sqrt(2))
    y = critic_target(spec, params, batch, uniform)
    (loss, q), grads = jax.value_and_grad(critic_loss, has_aux=True)(of(params, "critic1"), batch, y)

    latents = jnp.stack([draws[name] for name in spec.draws[1:]], axis=1)
    fixed = sample(params, batch.obs[:, None], latents[:, : spec.fixed_particles])
    of_latents = latents[:, spec.fixed_particles :]
    moved, backward = jax.vjp(lambda actor: sample(actor, batch.obs[:, None], of_latents), of(params, "actor"))
    log_density, gradient = score(spec, params, batch.obs, fixed)
    k, d_k, h = kernel(spec, fixed, moved)
    delta = stein(k, d_k, gradient)
    grads |= backward(-delta)[0]  # a sum over states and particles (eq. 14)

    seen = {"critic_loss": loss, "actor_loss": -log_density.mean(), "alpha": 1.0}
    if explaining:
        seen |= {"critic1_loss": loss, "q": q[None], "target_q": y, "kernel_h": h, "action": fixed[:, 0]}
        soft = soft_value(params, "critic1", batch.obs, uniform)
        seen["log_prob"] = q_value(params, "critic1", batch.obs, fixed[:, 0]) - soft
        seen |= {"svgd_action_gradients": delta} | {f"grad/{name}": grad for name, grad in grads.items()}
    learner = descend(spec, learner, grads)
    due, stepped = spec.copies(learner.count), learner.params
    targets = {name: name.removeprefix("target_") for name in stepped if name.startswith("target_")}
    copied = {name: jnp.where(due, stepped[online], stepped[name]) for name, online in targets.items()}
    return replace(learner, params=stepped | copied), seen


def act_once(spec: SoftQSpec, spaces: Spaces, params: Arrays, obs: Array, draws: Sequence[Array] | None) -> Array:
    """Actions [N, A] at obs [N, O]; without noise, where the latent is zero."""
    latent = draws[0] if draws else jnp.zeros((len(obs), spaces.action_dim), obs.dtype)
    return sample(params, obs, latent)


# --- the contract: seeds in lockstep ------------------------------------------------------------------------------

init, act, update, explain, get_params, set_params, device = contract(update_once, act_once)
