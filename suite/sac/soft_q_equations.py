"""Soft Q-learning's update in float64 NumPy, gradients by hand: the executable definition of SoftQSpec.

Networks and Adam are those of suite/sac/equations.py. One seed; B is the batch size, n and m the fixed and the updated
particles. Equations: arXiv 1702.08165; the order of an update: haarnoja/softqlearning@6f51eac algorithms/sql.py.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from suite.sac.contract import Batch, Params, Spaces
from suite.sac.equations import Seen, adam, hidden, hidden_backward, scalar, scalar_backward
from suite.sac.specs import SoftQSpec

uniform_of = np.vectorize(lambda normal: math.erf(normal / math.sqrt(2)), otypes=[float])
"""A standard normal draw as one that is uniform on (-1, 1)."""


def q_values(
    spec: SoftQSpec, params: Params, net: str, obs: np.ndarray, actions: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Q(s, a) [B, K] of obs [B, O] and actions [B, K, A], and the hidden outputs."""
    q, outputs = scalar(spec, params, net, pairs(obs, actions))
    return q.reshape(actions.shape[:2]), outputs


def pairs(obs: np.ndarray, others: np.ndarray) -> np.ndarray:
    """obs [B, O] beside each of others [B, K, A]: [B K, O + A]."""
    repeated = np.broadcast_to(obs[:, None], (*others.shape[:2], obs.shape[1]))
    return np.concatenate([repeated, others], axis=2).reshape(-1, obs.shape[1] + others.shape[2])


def soft_value(spec: SoftQSpec, params: Params, net: str, obs: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """V(s) [B], the logarithm of the integral of exp(Q), by uniform actions [K, A] (eq. 10)."""
    q, _ = q_values(spec, params, net, obs, np.broadcast_to(actions, (len(obs), *actions.shape)))
    largest = q.max(1)
    return largest + np.log(np.exp(q - largest[:, None]).mean(1)) + actions.shape[1] * np.log(2)


def critic_loss(spec: SoftQSpec, params: Params, batch: Batch, y: np.ndarray) -> tuple[float, Params, np.ndarray]:
    """mean (Q - y)^2 / 2 (eq. 11), the critic's gradients, and Q [B]."""
    q, tape = scalar(spec, params, "critic1", np.concatenate([batch.obs, batch.action], axis=1))
    grads, _ = scalar_backward(spec, params, "critic1", tape, (q - y) / len(y))
    return 0.5 * ((q - y) ** 2).mean(), grads, q


class Particles(NamedTuple):
    """Actions [B, n + m, A] of the actor, fixed ones first, and the hidden outputs behind them."""

    action: np.ndarray
    outputs: list[np.ndarray]


def act(spec: SoftQSpec, params: Params, obs: np.ndarray, latents: np.ndarray) -> Particles:
    """a = tanh(f(s, noise)) for each latent [B, K, A]."""
    outputs = hidden(spec, params, "actor", pairs(obs, latents))
    top = len(spec.hidden)
    action = np.tanh(outputs[-1] @ params[f"actor/w{top}"] + params[f"actor/b{top}"])
    return Particles(action.reshape(latents.shape), outputs)


def act_backward(spec: SoftQSpec, params: Params, drawn: Particles, d_action: np.ndarray) -> Params:
    """The actor's gradients for the gradient d_action [B, K, A] at its actions."""
    top = len(spec.hidden)
    d = (d_action * (1 - drawn.action**2)).reshape(-1, d_action.shape[2])
    grads, _ = hidden_backward(spec, params, "actor", drawn.outputs, d @ params[f"actor/w{top}"].T)
    return grads | {f"actor/w{top}": drawn.outputs[-1].T @ d, f"actor/b{top}": d.sum(0)}


def score(spec: SoftQSpec, params: Params, obs: np.ndarray, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The log of exp(Q(s, a)) as a density before tanh [B, n], up to a constant, and its gradient at the actions."""
    q, tape = q_values(spec, params, "critic1", obs, actions)
    _, d_input = scalar_backward(spec, params, "critic1", tape, np.ones(q.size))
    slope = 1 - actions**2 + spec.squash_eps
    gradient = d_input[:, obs.shape[1] :].reshape(actions.shape) - 2 * actions / slope
    return q + np.log(slope).sum(2), gradient


def kernel(spec: SoftQSpec, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """k(x, y) = exp(-|x - y|^2 / h) [B, n, m], its gradient at x [B, n, m, A], and h [B] (appendix C.1).

    h is the upper median of the squared distances over log n, and no less than its floor.
    """
    difference = x[:, :, None] - y[:, None]
    distance = (difference**2).sum(3)
    n, m = distance.shape[1:]
    median = np.sort(distance.reshape(-1, n * m), axis=1)[:, n * m - (n * m // 2 + 1)]
    h = np.maximum(median / np.log(n), spec.bandwidth_floor)
    k = np.exp(-distance / h[:, None, None])
    return k, -2 * difference / h[:, None, None, None] * k[..., None], h


def update(spec: SoftQSpec, spaces: Spaces, params: Params, batch: Batch, noise: Params) -> tuple[Params, Seen]:
    """Every parameter after one update, and whatever it computed by name; noise: normal draws [B, A] by spec.draws.

    All gradients are taken at the parameters before it. "log_prob" is Q(s, a) - V(s) of the actor's first particle: of
    the density that the actor is moved towards, since its own is not known.
    """
    params = params | {"updates_done": np.asarray(int(params.get("updates_done", 0)) + 1)}
    uniform = uniform_of(noise["value"][: spec.value_particles])
    following = soft_value(spec, params, "target_critic1", batch.next_obs, uniform)
    y = spec.reward_scale * batch.reward + spec.discount * (1 - batch.terminated) * following
    loss, grads, q = critic_loss(spec, params, batch, y)

    drawn = act(spec, params, batch.obs, np.stack([noise[name] for name in spec.draws[1:]], axis=1))
    fixed, moved = np.split(drawn.action, [spec.fixed_particles], axis=1)
    log_density, gradient = score(spec, params, batch.obs, fixed)
    k, d_k, h = kernel(spec, fixed, moved)
    delta = (k[..., None] * gradient[:, :, None] + d_k).mean(1)  # eq. 13
    d_action = np.concatenate([np.zeros_like(fixed), -delta], axis=1)
    grads |= act_backward(spec, params, drawn, d_action)  # eq. 14: a sum over states and particles

    q_first = q_values(spec, params, "critic1", batch.obs, fixed[:, :1])[0][:, 0]
    seen: Seen = {"critic_loss": loss, "critic1_loss": loss, "q": q[None], "target_q": y, "kernel_h": h}
    seen |= {"svgd_action_gradients": delta, "action": fixed[:, 0], "actor_loss": -log_density.mean(), "alpha": 1.0}
    seen["log_prob"] = q_first - soft_value(spec, params, "critic1", batch.obs, uniform)
    seen |= {f"grad/{name}": grad for name, grad in grads.items()}
    descend(spec, params, grads)
    if spec.copies(int(params["updates_done"])):
        params |= {name: params[name.removeprefix("target_")] for name in params if name.startswith("target_")}
    return params, seen


def descend(spec: SoftQSpec, params: Params, grads: Params) -> None:
    """One Adam step of the parameters that have gradients, in place."""
    for name, grad in grads.items():
        m, v = (params.get(f"{kind}/{name}", np.zeros_like(grad)) for kind in ("adam_m", "adam_v"))
        rate = spec.learning_rate(name.split("/")[0])
        stepped = adam(spec.adam, rate, int(params["updates_done"]), params[name], grad, m, v)
        params[name], params[f"adam_m/{name}"], params[f"adam_v/{name}"] = stepped
