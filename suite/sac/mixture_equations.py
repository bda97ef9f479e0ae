"""The mixture policy's update in float64 NumPy, gradients by hand: the executable definition of MixtureSpec.

Networks and Adam are those of suite/sac/equations.py. One seed; B is the batch size, K the number of components, of
which each has a logit, A means and A log standard deviations. Equations: arXiv 1801.01290; the likelihood ratio and the
order of an update: haarnoja/sac@ca39be1 sac/algos/sac.py and sac/distributions/gmm.py.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from suite.sac.contract import Batch, Params, Spaces
from suite.sac.equations import LOG_2PI, Seen, adam, hidden, hidden_backward, scalar, scalar_backward
from suite.sac.specs import MixtureSpec

share_below = np.vectorize(lambda normal: 0.5 * (1 + math.erf(normal / math.sqrt(2))), otypes=[float])
"""The share of standard normal draws that lie below one."""


class Mixture(NamedTuple):
    """The policy at states: the head as it comes [B, K, 2A + 1], its bounded parts, and the hidden outputs."""

    head: np.ndarray
    log_weights: np.ndarray  # [B, K], not normalised
    mean: np.ndarray  # [B, K, A]
    log_std: np.ndarray  # [B, K, A]
    outputs: list[np.ndarray]


def log_sum_exp(x: np.ndarray) -> np.ndarray:
    """log sum exp over the last axis."""
    largest = x.max(-1)
    return largest + np.log(np.exp(x - largest[..., None]).sum(-1))


def mixture(spec: MixtureSpec, params: Params, obs: np.ndarray) -> Mixture:
    """The policy at obs [B, O]: logits are floored and log stds capped."""
    outputs, top = hidden(spec, params, "actor", obs), len(spec.hidden)
    head = (outputs[-1] @ params[f"actor/w{top}"] + params[f"actor/b{top}"]).reshape(len(obs), spec.components, -1)
    action_dim = head.shape[2] // 2
    log_std = np.minimum(head[:, :, 1 + action_dim :], spec.log_std_cap)
    return Mixture(head, np.maximum(head[:, :, 0], spec.logit_floor), head[:, :, 1 : 1 + action_dim], log_std, outputs)


def component(log_weights: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """The component [B] that a standard normal draw [B] chooses: each by its weight."""
    weights = np.exp(log_weights - log_sum_exp(log_weights)[:, None])
    return (np.cumsum(weights, axis=1)[:, :-1] < share_below(noise)[:, None]).sum(1)


def sample(policy: Mixture, noise: Params) -> np.ndarray:
    """u [B, A] of the component that the draw "component" chooses, by the draw "action"."""
    chosen = np.arange(len(policy.mean)), component(policy.log_weights, noise["component"][:, 0])
    return policy.mean[chosen] + np.exp(policy.log_std[chosen]) * noise["action"]


def log_densities(policy: Mixture, u: np.ndarray) -> np.ndarray:
    """log w_k N_k(u) [B, K], the weights not normalised."""
    standard = (u[:, None] - policy.mean) * np.exp(-policy.log_std)
    return (-0.5 * standard**2 - policy.log_std - 0.5 * LOG_2PI).sum(2) + policy.log_weights


def log_prob(spec: MixtureSpec, policy: Mixture, u: np.ndarray) -> np.ndarray:
    """log pi(a|s) [B] of a = tanh(u) under the whole mixture."""
    of_u = log_sum_exp(log_densities(policy, u)) - log_sum_exp(policy.log_weights)
    return of_u - np.log(1 - np.tanh(u) ** 2 + spec.squash_eps).sum(1)


def log_prob_backward(spec: MixtureSpec, params: Params, policy: Mixture, u: np.ndarray, d: np.ndarray) -> Params:
    """The actor's gradients for the gradient d [B] at log pi, u being held."""
    every = log_densities(policy, u)
    share = np.exp(every - log_sum_exp(every)[:, None])  # of each component in the density at u
    weight = np.exp(policy.log_weights - log_sum_exp(policy.log_weights)[:, None])
    standard = (u[:, None] - policy.mean) * np.exp(-policy.log_std)
    d_head, action_dim, d = np.zeros_like(policy.head), u.shape[1], d[:, None]
    d_head[:, :, 0] = d * (share - weight) * (policy.head[:, :, 0] > spec.logit_floor)
    d_head[:, :, 1 : 1 + action_dim] = (d * share)[:, :, None] * standard * np.exp(-policy.log_std)
    within = policy.head[:, :, 1 + action_dim :] < spec.log_std_cap
    d_head[:, :, 1 + action_dim :] = (d * share)[:, :, None] * (standard**2 - 1) * within
    flat, top = d_head.reshape(len(u), -1), len(spec.hidden)
    grads, _ = hidden_backward(spec, params, "actor", policy.outputs, flat @ params[f"actor/w{top}"].T)
    return grads | {f"actor/w{top}": policy.outputs[-1].T @ flat, f"actor/b{top}": flat.sum(0)}


def regression(
    spec: MixtureSpec, params: Params, net: str, x: np.ndarray, target: np.ndarray
) -> tuple[float, Params, np.ndarray]:
    """mean (f(x) - target)^2 / 2, the network's gradients, and f(x) [B] (eq. 5-8)."""
    output, tape = scalar(spec, params, net, x)
    error = output - target
    grads, _ = scalar_backward(spec, params, net, tape, error / len(error))
    return 0.5 * (error**2).mean(), grads, output


def update(spec: MixtureSpec, spaces: Spaces, params: Params, batch: Batch, noise: Params) -> tuple[Params, Seen]:
    """Every parameter after one update, and whatever it computed by name; noise: normal draws [B, A] by spec.draws.

    All gradients are taken at the parameters before it.
    """
    params = params | {"updates_done": np.asarray(int(params.get("updates_done", 0)) + 1)}
    following, _ = scalar(spec, params, "target_value", batch.next_obs)
    y = spec.reward_scale * batch.reward + spec.discount * (1 - batch.terminated) * following
    at = np.concatenate([batch.obs, batch.action], axis=1)
    critic_loss, grads, q = regression(spec, params, "critic1", at, y)

    policy = mixture(spec, params, batch.obs)
    u = sample(policy, noise)
    action, log_pi = np.tanh(u), log_prob(spec, policy, u)
    q_pi, _ = scalar(spec, params, "critic1", np.concatenate([batch.obs, action], axis=1))
    value_loss, of_value, value = regression(spec, params, "value", batch.obs, q_pi - log_pi)
    weight = log_pi - q_pi + value  # without a gradient of its own: the likelihood ratio, with V as its baseline
    grads |= of_value | log_prob_backward(spec, params, policy, u, weight / len(weight))

    seen: Seen = {"critic_loss": critic_loss, "critic1_loss": critic_loss, "q": q[None], "target_q": y, "alpha": 1.0}
    seen |= {"value_loss": value_loss, "value_target": q_pi - log_pi, "v": value, "q_pi": q_pi}
    seen |= {"actor_loss": (log_pi * weight).mean(), "policy_weight": weight, "log_prob": log_pi, "action": action}
    seen |= {"raw_action": u, "log_weights": policy.log_weights}
    seen |= {f"grad/{name}": grad for name, grad in grads.items()}
    for name, grad in grads.items():
        m, v = (params.get(f"{kind}/{name}", np.zeros_like(grad)) for kind in ("adam_m", "adam_v"))
        rate, count = spec.learning_rate(name.split("/")[0]), int(params["updates_done"])
        stepped = adam(spec.adam, rate, count, params[name], grad, m, v)
        params[name], params[f"adam_m/{name}"], params[f"adam_v/{name}"] = stepped
    for name in [name for name in params if name.startswith("target_")]:
        params[name] = (1 - spec.tau) * params[name] + spec.tau * params[name.removeprefix("target_")]
    return params, seen
