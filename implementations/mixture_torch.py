"""SAC with a mixture of Gaussians, moved by the likelihood ratio (arXiv 1801.01290 v1), in PyTorch.

One file, read from top to bottom, the same headings as in JAX; suite/sac/mixture_equations.py says in NumPy what each
line is. The mathematics is written for one seed.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from implementations.lockstep_torch import Learner, Tensors, contract, descend, gradients, mlp
from suite.sac.contract import Batch
from suite.sac.specs import MixtureSpec

FRAMEWORK = "torch"
LOG_2PI = math.log(2 * math.pi)


# --- policy: a mixture of diagonal Gaussians through tanh ---------------------------------------------------------


class Mixture(NamedTuple):
    """The policy at states: log weights [B, K], not normalised, means and log stds [B, K, A]."""

    log_weights: Tensor
    mean: Tensor
    log_std: Tensor


def mixture(spec: MixtureSpec, params: Tensors, obs: Tensor) -> Mixture:
    """The policy at obs [B, O]; no gradient leaves a floored logit or a capped log std."""
    head = mlp(params, "actor", obs).unflatten(-1, (spec.components, -1))
    logit, mean, raw = head.split((1, head.shape[-1] // 2, head.shape[-1] // 2), dim=-1)
    return Mixture(logit.squeeze(-1).clamp(min=spec.logit_floor), mean, raw.clamp(max=spec.log_std_cap))


def sample(policy: Mixture, component: Tensor, noise: Tensor) -> Tensor:
    """u [B, A] of one component each, which a standard normal draw [B] chooses by the weights."""
    shares = policy.log_weights.softmax(1).cumsum(1)[:, :-1]
    chosen = (shares < 0.5 * (1 + torch.erf(component / math.sqrt(2))).unsqueeze(1)).sum(1)
    rows = torch.arange(len(chosen))
    return policy.mean[rows, chosen] + policy.log_std[rows, chosen].exp() * noise


def log_prob(spec: MixtureSpec, policy: Mixture, u: Tensor) -> Tensor:
    """log pi(a|s) [B] of a = tanh(u), under the whole mixture."""
    standard = (u.unsqueeze(1) - policy.mean) * torch.exp(-policy.log_std)
    of_components = -(0.5 * standard**2 + policy.log_std + 0.5 * LOG_2PI).sum(-1)
    of_u = (of_components + policy.log_weights).logsumexp(1) - policy.log_weights.logsumexp(1)
    action = torch.tanh(u)
    # 1 - a^2 would lose digits near saturation
    return of_u - torch.log((1 - action) * (1 + action) + spec.squash_eps).sum(1)


# --- losses: each reads only what its signature names -------------------------------------------------------------


def critic_target(spec: MixtureSpec, params: Tensors, batch: Batch) -> Tensor:
    """y = scale r + discount (1 - terminated) V'(s') [B] (eq. 8)."""
    following = mlp(params, "target_value", batch.next_obs).squeeze(1)
    # terminated, not truncated: a time limit is no death
    return spec.reward_scale * batch.reward + spec.discount * (1 - batch.terminated) * following


def regression(output: Tensor, target: Tensor) -> Tensor:
    """mean (output - target)^2 / 2 (eq. 5 and 7)."""
    return 0.5 * ((output - target) ** 2).mean()


def likelihood_ratio(log_pi: Tensor, weight: Tensor) -> Tensor:
    """mean log pi * weight, the weight being held: what the gradient of the KL divergence is at samples that are held
    too, for weight = log pi - Q + V, V being the baseline."""
    return (log_pi * weight).mean()


# --- update: all gradients, then all steps ------------------------------------------------------------------------


def update_once(learner: Learner, batch: Batch, draws: Tensors, *, explaining: bool) -> dict[str, Any]:
    """One update in place, and what it computed; explaining: all of it."""
    spec, params = learner.spec, learner.params
    learner.updates_done += 1
    policy, value = mixture(spec, params, batch.obs), mlp(params, "value", batch.obs).squeeze(1)
    with torch.no_grad():
        y = critic_target(spec, params, batch)
        u = sample(policy, draws["component"][:, 0], draws["action"])
        q_pi = mlp(params, "critic1", batch.obs, torch.tanh(u)).squeeze(1)
    q, log_pi = mlp(params, "critic1", batch.obs, batch.action).squeeze(1), log_prob(spec, policy, u)
    value_target = (q_pi - log_pi).detach()
    weight = (value - value_target).detach()
    losses = {
        "critic1": regression(q, y),
        "value": regression(value, value_target),
        "actor": likelihood_ratio(log_pi, weight),
    }
    grads = {name: grad for net, loss in losses.items() for name, grad in gradients(params, net, loss).items()}

    seen = {"critic_loss": losses["critic1"], "actor_loss": losses["actor"], "alpha": 1.0, "entropy": -log_pi.mean()}
    if explaining:
        del seen["entropy"]
        seen |= {"critic1_loss": losses["critic1"], "value_loss": losses["value"], "q": q.unsqueeze(0), "target_q": y}
        seen |= {"value_target": value_target, "v": value, "q_pi": q_pi, "policy_weight": weight, "log_prob": log_pi}
        seen |= {"action": torch.tanh(u), "raw_action": u, "log_weights": policy.log_weights}
        seen |= {f"grad/{name}": grad for name, grad in grads.items()}
        seen = {name: torch.as_tensor(each).detach().clone() for name, each in seen.items()}
    descend(learner, grads)
    with torch.no_grad():
        for name in [name for name in params if name.startswith("target_")]:
            params[name].mul_(1 - spec.tau).add_(params[name.removeprefix("target_")], alpha=spec.tau)
    return seen


def act_once(learner: Learner, obs: Tensor, draws: tuple[Tensor, ...] | None) -> Tensor:
    """Actions [N, A] at obs [N, O]; without noise, of all components' means the one of the highest Q."""
    policy = mixture(learner.spec, learner.params, obs)
    if draws:
        component, noise = draws
        return torch.tanh(sample(policy, component[:, 0], noise))
    means = torch.tanh(policy.mean)
    best = mlp(learner.params, "critic1", obs.unsqueeze(1), means).squeeze(-1).argmax(1)
    return means[torch.arange(len(obs)), best]


# --- the contract: seeds in lockstep ------------------------------------------------------------------------------

init, act, update, explain, get_params, set_params, device = contract(update_once, act_once)
