"""Soft Q-learning in PyTorch (arXiv 1702.08165): one file, read from top to bottom, the same headings as in JAX.

suite/sac/soft_q_equations.py says in NumPy what each line is. The mathematics is written for one seed.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from implementations.lockstep_torch import Learner, Tensors, contract, descend, gradients, mlp
from suite.sac.contract import Batch
from suite.sac.specs import SoftQSpec

FRAMEWORK = "torch"


# --- the two networks ---------------------------------------------------------------------------------------------


def q_value(params: Tensors, net: str, obs: Tensor, action: Tensor) -> Tensor:
    """Q(s, a) [...] of obs [..., O] and action [..., A], which broadcast."""
    return mlp(params, net, obs, action).squeeze(-1)


def sample(params: Tensors, obs: Tensor, latent: Tensor) -> Tensor:
    """a = tanh(f(s, noise)): a density that nobody knows, of any shape."""
    return torch.tanh(mlp(params, "actor", obs, latent))


# --- the critic: regression on the soft value ---------------------------------------------------------------------


def soft_value(params: Tensors, net: str, obs: Tensor, actions: Tensor) -> Tensor:
    """V(s) [B], the logarithm of the integral of exp(Q), by uniform actions [K, A] (eq. 10)."""
    q = q_value(params, net, obs.unsqueeze(1), actions)
    return q.logsumexp(1) - math.log(len(actions)) + actions.shape[1] * math.log(2)


def critic_target(spec: SoftQSpec, params: Tensors, batch: Batch, uniform: Tensor) -> Tensor:
    """y = scale r + discount (1 - terminated) V'(s') [B] (eq. 11)."""
    following = soft_value(params, "target_critic1", batch.next_obs, uniform)
    # terminated, not truncated: a time limit is no death
    return spec.reward_scale * batch.reward + spec.discount * (1 - batch.terminated) * following


# --- the actor: Stein's variational gradient, amortised -----------------------------------------------------------


def score(spec: SoftQSpec, params: Tensors, obs: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Q(s, x) + log |dx / du| [B, n], the density exp(Q) before tanh, and its gradient at the actions x [B, n, A]."""
    x = x.detach().requires_grad_()
    log_slope = torch.log((1 - x) * (1 + x) + spec.squash_eps)  # 1 - x^2 would lose digits near saturation
    log_density = q_value(params, "critic1", obs.unsqueeze(1), x) + log_slope.sum(-1)
    return log_density.detach(), torch.autograd.grad(log_density.sum(), x)[0]


def kernel(spec: SoftQSpec, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """k(x, y) = exp(-|x - y|^2 / h) [B, n, m], its gradient at x [B, n, m, A], and h [B]: the upper median of the
    squared distances over log n, if that is above its floor (appendix C.1)."""
    difference = x.unsqueeze(2) - y.unsqueeze(1)
    distance = (difference**2).sum(-1)
    every = distance.flatten(1)
    size = every.shape[1]
    median = every.kthvalue(size - size // 2, dim=1).values
    h = (median / math.log(x.shape[1])).clamp(min=spec.bandwidth_floor)
    k = torch.exp(-distance / h[:, None, None])
    return k, -2 * difference / h[:, None, None, None] * k.unsqueeze(-1), h


def stein(k: Tensor, d_k: Tensor, gradient: Tensor) -> Tensor:
    """Where each updated action should go [B, m, A]: the fixed ones' mean k(x, y) score(x) + dk/dx (eq. 13)."""
    return (k.unsqueeze(-1) * gradient.unsqueeze(2) + d_k).mean(1)


# --- update: all gradients, then all steps ------------------------------------------------------------------------


def update_once(learner: Learner, batch: Batch, draws: Tensors, *, explaining: bool) -> dict[str, Any]:
    """One update in place; explaining: also Q - V of an action of the actor, the log-density it is moved towards."""
    spec, params = learner.spec, learner.params
    learner.updates_done += 1
    with torch.no_grad():
        uniform = torch.erf(draws["value"][: spec.value_particles] / math.sqrt(2))
        y = critic_target(spec, params, batch, uniform)
    q = q_value(params, "critic1", batch.obs, batch.action)
    critic_loss = 0.5 * ((q - y) ** 2).mean()
    grads = gradients(params, "critic1", critic_loss)

    latents = torch.stack([draws[name] for name in spec.draws[1:]], dim=1)
    actions = sample(params, batch.obs.unsqueeze(1), latents)
    fixed, moved = actions[:, : spec.fixed_particles].detach(), actions[:, spec.fixed_particles :]
    log_density, gradient = score(spec, params, batch.obs, fixed)
    k, d_k, h = kernel(spec, fixed, moved.detach())
    delta = stein(k, d_k, gradient)
    grads |= gradients(params, "actor", moved, -delta)  # a sum over states and particles (eq. 14)

    seen = {"critic_loss": critic_loss, "actor_loss": -log_density.mean(), "alpha": 1.0}
    if explaining:
        seen |= {"critic1_loss": critic_loss, "q": q.unsqueeze(0), "target_q": y, "kernel_h": h, "action": fixed[:, 0]}
        soft = soft_value(params, "critic1", batch.obs, uniform)
        seen["log_prob"] = q_value(params, "critic1", batch.obs, fixed[:, 0]) - soft
        seen |= {"svgd_action_gradients": delta} | {f"grad/{name}": grad for name, grad in grads.items()}
        seen = {name: torch.as_tensor(value).detach().clone() for name, value in seen.items()}
    descend(learner, grads)
    if spec.copies(learner.updates_done):
        with torch.no_grad():
            for name in [name for name in params if name.startswith("target_")]:
                params[name].copy_(params[name.removeprefix("target_")])
    return seen


def act_once(learner: Learner, obs: Tensor, draws: tuple[Tensor, ...] | None) -> Tensor:
    """Actions [N, A] at obs [N, O]; without noise, where the latent is zero."""
    latent = draws[0] if draws else obs.new_zeros(len(obs), learner.spaces.action_dim)
    return sample(learner.params, obs, latent)


# --- the contract: seeds in lockstep ------------------------------------------------------------------------------

init, act, update, explain, get_params, set_params, device = contract(update_once, act_once)
