"""Soft Actor-Critic in PyTorch: one file, read from top to bottom, the same headings as sac_jax.py.

Every switch it reads is a field of suite.spec.SacSpec; suite/equations.py says in NumPy what each line must compute.
The mathematics is written for one seed; S seeds in lockstep are a loop. Weights are [in, out]; the critics of a twin or
an ensemble are stacked along a first axis [n], so that one batched product serves them all.
"""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from suite.contract import Batch, Metrics, Params, Spaces, unpack
from suite.spec import ClipLogStd, ExactLogDet, ExpStd, SacSpec, SoftplusStd, SquashLogStd

FRAMEWORK = "torch"
LOG_2PI = math.log(2 * math.pi)
Weights = dict[str, Tensor]


# --- networks -----------------------------------------------------------------------------------------------------


def dense(weights: Weights, suffix: str, x: Tensor) -> Tensor:
    """x w + b: x [B, in] -> [B, out], or for stacked weights x [B, in] or [n, B, in] -> [n, B, out]."""
    w, b = weights[f"w{suffix}"], weights[f"b{suffix}"]
    if w.ndim == 2:
        return torch.addmm(b, x, w)
    return torch.baddbmm(b.unsqueeze(1), x.expand(len(w), *x.shape[-2:]), w)


def mlp(weights: Weights, x: Tensor, depth: int) -> Tensor:
    """The last of `depth` hidden ReLU layers: [B, in] -> [B, width]."""
    for i in range(depth):
        x = F.relu(dense(weights, str(i), x))
    return x


def q_values(spec: SacSpec, critic: Weights, obs: Tensor, action: Tensor) -> Tensor:
    """Q_i(s, a) of every critic: [n, B]."""
    depth = len(spec.hidden)
    return dense(critic, str(depth), mlp(critic, torch.cat([obs, action], dim=1), depth)).squeeze(-1)


def state_value(spec: SacSpec, value: Weights, obs: Tensor) -> Tensor:
    """V(s): [B]."""
    depth = len(spec.hidden)
    return dense(value, str(depth), mlp(value, obs, depth)).squeeze(-1)


def reduce(how: str, q: Tensor) -> Tensor:
    """One value per row from the critics': [n, B] -> [B]."""
    if how == "min":
        return q.amin(0)
    return q.mean(0) if how == "mean" else q[0]


# --- policy: a diagonal Gaussian through tanh ---------------------------------------------------------------------


class Sample(NamedTuple):
    """An action [B, A] in [-1, 1] and its log-probability [B]."""

    action: Tensor
    log_prob: Tensor


def gaussian(spec: SacSpec, actor: Weights, obs: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log std [B, A] before squashing."""
    top = mlp(actor, obs, len(spec.hidden))
    mean, raw = dense(actor, "_mean", top), dense(actor, "_log_std", top)
    match spec.std:
        case ClipLogStd(low=low, high=high):
            return mean, raw.clamp(low, high)
        case SquashLogStd(low=low, high=high):
            return mean, low + 0.5 * (high - low) * (torch.tanh(raw) + 1)
        case SoftplusStd(floor=floor):
            return mean, torch.log(F.softplus(raw) + floor)
        case ExpStd():
            return mean, raw


def sample(spec: SacSpec, actor: Weights, obs: Tensor, noise: Tensor) -> Sample:
    """a = tanh(mean + std * noise), with log pi(a|s) by change of variables (arXiv 1801.01290, eq. 21)."""
    mean, log_std = gaussian(spec, actor, obs)
    u = mean + log_std.exp() * noise
    action = torch.tanh(u)
    if isinstance(spec.log_det, ExactLogDet):
        log_det = 2 * (math.log(2) - u - F.softplus(-2 * u, threshold=1e3))
    else:  # (1 - a)(1 + a) keeps the digits that 1 - a^2 loses near saturation
        log_det = torch.log((1 - action) * (1 + action) + spec.log_det.eps)
    return Sample(action, (-0.5 * noise**2 - log_std - 0.5 * LOG_2PI - log_det).sum(1))


# --- losses: each reads only what its signature names -------------------------------------------------------------


def soft_value(spec: SacSpec, q: Tensor, log_prob: Tensor, alpha: float) -> Tensor:
    """Reduced Q minus alpha log pi: [n, B], [B] -> [B] (arXiv 1812.05905, eq. 3)."""
    value = reduce(spec.target_reduce, q)
    return value - alpha * log_prob if spec.entropy_in_target else value


def critic_target(
    spec: SacSpec, actor: Weights, target: Weights, batch: Batch, noise: Tensor | None, alpha: float
) -> tuple[Tensor, Tensor | None]:
    """y = scale r + discount (1 - terminated) V'(s'), [B] (arXiv 1812.05905, eq. 5-6; 1801.01290, eq. 8), and log pi(a'|s')."""
    if spec.value_net:
        following, log_prob = state_value(spec, target, batch.next_obs), None
    else:
        action, log_prob = sample(spec, actor, batch.next_obs, noise)
        following = soft_value(spec, q_values(spec, target, batch.next_obs, action), log_prob, alpha)
    # terminated, not truncated: a time limit is no death
    return spec.reward_scale * batch.reward + spec.discount * (1 - batch.terminated) * following, log_prob


def critic_loss(spec: SacSpec, critic: Weights, batch: Batch, y: Tensor) -> tuple[Tensor, Tensor]:
    """scale * mean (Q_i - y)^2 of each critic, [n] (arXiv 1812.05905, eq. 5), and Q [n, B]."""
    q = q_values(spec, critic, batch.obs, batch.action)
    return spec.critic_loss_scale * ((q - y) ** 2).mean(1), q


def value_loss(spec: SacSpec, value: Weights, batch: Batch, target: Tensor) -> Tensor:
    """scale * mean (V(s) - target)^2 (arXiv 1801.01290, eq. 5)."""
    return spec.value_net.loss_scale * ((state_value(spec, value, batch.obs) - target) ** 2).mean()


def actor_loss(spec: SacSpec, critic: Weights, batch: Batch, drawn: Sample, alpha: float) -> Tensor:
    """mean [alpha log pi(a|s) - reduced Q(s, a)] at the policy's own action (arXiv 1812.05905, eq. 7)."""
    q = q_values(spec, critic, batch.obs, drawn.action)
    return (alpha * drawn.log_prob - reduce(spec.actor_reduce, q)).mean()


def alpha_loss(spec: SacSpec, log_alpha: Tensor, log_prob: Tensor, action_dim: int) -> Tensor:
    """-alpha mean(log pi + H), or -log(alpha) mean(log pi + H) (arXiv 1812.05905, eq. 18)."""
    weight = log_alpha.exp() if spec.temperature.objective == "alpha" else log_alpha
    return -weight * (log_prob + spec.target_entropy(action_dim)).mean()


# --- update -------------------------------------------------------------------------------------------------------


@dataclass
class Learner:
    """One seed's networks (leaf tensors, updated in place), their optimisers, and how many updates they have had."""

    spec: SacSpec
    spaces: Spaces
    nets: dict[str, Weights]  # "actor", "critic" stacked, "value" and "alpha" where the spec has them
    target: Weights  # of the critics, or of the value net
    optimisers: dict[str, torch.optim.Adam]
    updates_done: int = 0


def descend(learner: Learner, net: str, grads: tuple[Tensor, ...]) -> None:
    """One Adam step of one network."""
    optimiser, adam = learner.optimisers[net], learner.spec.adam
    if adam.eps_placement == "tensorflow":  # sqrt(v) + eps before bias correction, said in torch's terms
        optimiser.param_groups[0]["eps"] = adam.eps / math.sqrt(1 - adam.beta2 ** (learner.updates_done + 1))
    for weight, grad in zip(learner.nets[net].values(), grads, strict=True):
        weight.grad = grad
    optimiser.step()


def gradient(loss: Tensor, weights: Weights) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss, list(weights.values()))


def detached(weights: Weights) -> Weights:
    return {name: weight.detach() for name, weight in weights.items()}


def update_once(learner: Learner, batch: Batch, noise: dict[str, Tensor]) -> dict[str, Tensor]:
    """One update in place; returns every loss, target, log-probability and gradient by name."""
    spec, nets = learner.spec, learner.nets
    alpha = nets["alpha"]["log_alpha"].exp().item() if spec.learns_alpha else spec.temperature.value
    drawn = sample(spec, nets["actor"], batch.obs, noise["action"])  # of the policy as it stands: actor, V, alpha read it
    seen = {"alpha": torch.tensor(alpha, dtype=torch.float64), "log_prob": drawn.log_prob, "action": drawn.action}
    gradients: dict[str, tuple[Tensor, ...]] = {}

    for stage in spec.stages:
        if stage == "critic":
            with torch.no_grad():
                y, seen["next_log_prob"] = critic_target(
                    spec, nets["actor"], learner.target, batch, noise.get("next_action"), alpha
                )
            losses, seen["q"] = critic_loss(spec, nets["critic"], batch, y)
            seen |= {"target_q": y, "critic_losses": losses, "critic_loss": losses.sum()}
            gradients["critic"] = gradient(seen["critic_loss"], nets["critic"])
        elif stage == "value":
            with torch.no_grad():
                q = q_values(spec, nets["critic"], batch.obs, drawn.action)
                seen["value_target"] = soft_value(spec, q, drawn.log_prob, alpha)
            seen["value_loss"] = value_loss(spec, nets["value"], batch, seen["value_target"])
            gradients["value"] = gradient(seen["value_loss"], nets["value"])
        elif stage == "actor":
            seen["actor_loss"] = actor_loss(spec, detached(nets["critic"]), batch, drawn, alpha)
            gradients["actor"] = gradient(seen["actor_loss"], nets["actor"])
        elif stage == "alpha":
            log_prob = drawn.log_prob.detach()
            if spec.temperature.sample == "fresh":
                with torch.no_grad():
                    log_prob = sample(spec, nets["actor"], batch.obs, noise["alpha"]).log_prob
            seen["alpha_loss"] = alpha_loss(spec, nets["alpha"]["log_alpha"], log_prob, learner.spaces.action_dim)
            gradients["alpha"] = gradient(seen["alpha_loss"], nets["alpha"])
        elif stage == "target":
            if spec.gradients == "simultaneous":  # every gradient was taken at the first parameters: now step them all
                for net, grads in gradients.items():
                    descend(learner, net, grads)
            if (learner.updates_done + 1) % spec.target_every == 0:
                online = detached(nets["value" if spec.value_net else "critic"])
                torch._foreach_lerp_(list(learner.target.values()), list(online.values()), spec.tau)
        if spec.gradients == "sequential" and stage in gradients:
            descend(learner, stage, gradients[stage])
    learner.updates_done += 1
    for net, grads in gradients.items():
        seen |= {f"grad/{net}/{name}": grad for name, grad in zip(nets[net], grads, strict=True)}
    return seen


State = list[Learner]


def update(
    state: State, rows: np.ndarray, noise: np.ndarray, obs: np.ndarray | None = None, act_noise: np.ndarray | None = None
) -> tuple[State, np.ndarray | None, Metrics]:
    """See suite.contract.Implementation.update."""
    last = []
    for learner, own_rows, own_noise in zip(state, rows, noise, strict=True):
        for k in range(len(own_rows)):
            seen = update_once(learner, *inputs(learner, own_rows[k], own_noise[k]))
        last.append((seen["critic_loss"].item(), seen["actor_loss"].item(), seen["alpha"].item(), -seen["log_prob"].mean().item()))
    metrics = dict(zip(("critic_loss", "actor_loss", "alpha", "entropy"), np.array(last).T, strict=True))
    return state, None if obs is None else act(state, obs, act_noise), metrics


def inputs(learner: Learner, rows: np.ndarray, noise: np.ndarray) -> tuple[Batch, dict[str, Tensor]]:
    """Packed rows [B, width] and noise [draws, B, A] as the update's tensors, by name."""
    dtype = getattr(torch, learner.spec.precision)
    draws = torch.from_numpy(noise).to(dtype)
    return unpack(torch.from_numpy(rows).to(dtype), learner.spaces), dict(zip(learner.spec.draws, draws, strict=True))


def explain(state: State, rows: np.ndarray, noise: np.ndarray) -> tuple[State, dict[str, np.ndarray]]:
    """See suite.contract.Implementation.explain."""
    after = deepcopy(state)
    named = []
    for learner, own_rows, own_noise in zip(after, rows, noise, strict=True):
        seen = update_once(learner, *inputs(learner, own_rows[0], own_noise[0]))
        losses = seen.pop("critic_losses")
        seen |= {f"critic{i + 1}_loss": loss for i, loss in enumerate(losses)}
        for name in [name for name in seen if name.startswith("grad/")]:
            _, net, tensor = name.split("/")
            seen |= {f"grad/{canonical}": part for canonical, part in unstacked(net, tensor, seen.pop(name))}
        named.append({name: value.detach().numpy() for name, value in seen.items() if value is not None})
    return after, {name: np.stack([one[name] for one in named]) for name in named[0]}


# --- act ----------------------------------------------------------------------------------------------------------


@torch.no_grad()
def act(state: State, obs: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
    """See suite.contract.Implementation.act."""
    actions = np.empty((*obs.shape[:2], state[0].spaces.action_dim), np.float32)
    for i, learner in enumerate(state):
        dtype = getattr(torch, learner.spec.precision)
        mean, log_std = gaussian(learner.spec, learner.nets["actor"], torch.from_numpy(obs[i]).to(dtype))
        u = mean if noise is None else mean + log_std.exp() * torch.from_numpy(noise[i]).to(dtype)
        actions[i] = torch.tanh(u).numpy()
    return actions


# --- in and out: canonical arrays ---------------------------------------------------------------------------------


def init(spec: SacSpec, spaces: Spaces, params: Params) -> State:
    """See suite.contract.Implementation.init."""
    torch.set_num_threads(1)  # one process per core: two threads for one small network are slower than one
    return set_params([empty(spec, spaces) for _ in range(len(params["actor/w0"]))], params)


def empty(spec: SacSpec, spaces: Spaces) -> Learner:
    """A learner without weights: optimisers are made when `set_params` brings them."""
    return Learner(spec, spaces, nets={}, target={}, optimisers={})


def unstacked(net: str, tensor: str, stacked: Tensor) -> list[tuple[str, Tensor]]:
    """The canonical names of one of our tensors: critics apart, log_alpha without a network's name."""
    if net == "alpha":
        return [(tensor, stacked)]
    if net.endswith("critic"):
        return [(f"{net}{i + 1}/{tensor}", part) for i, part in enumerate(stacked)]
    return [(f"{net}/{tensor}", stacked)]


def get_params(state: State) -> Params:
    """See suite.contract.Implementation.get_params."""
    every = []
    for learner in state:
        own = {"updates_done": np.asarray(learner.updates_done)}
        target = "target_value" if learner.spec.value_net else "target_critic"
        for net, weights in (*learner.nets.items(), (target, learner.target)):
            moments = learner.optimisers[net].state if net in learner.optimisers else {}
            for tensor, weight in weights.items():
                kept = {"": weight.detach()}
                if weight in moments:
                    kept |= {"adam_m/": moments[weight]["exp_avg"], "adam_v/": moments[weight]["exp_avg_sq"]}
                for prefix, value in kept.items():
                    own |= {prefix + name: part.numpy().copy() for name, part in unstacked(net, tensor, value)}
        every.append(own)
    return {name: np.stack([own[name] for own in every]) for name in every[0]}


def set_params(state: State, params: Params) -> State:
    """See suite.contract.Implementation.set_params."""
    for i, learner in enumerate(state):
        spec, dtype = learner.spec, getattr(torch, learner.spec.precision)

        def load(net: str, prefix: str = "", i: int = i, spec: SacSpec = spec, dtype: torch.dtype = dtype) -> Weights:
            if net == "alpha":
                return {"log_alpha": torch.tensor(params[f"{prefix}log_alpha"][i], dtype=dtype)}
            members = [f"{net}{n + 1}" for n in range(spec.critics)] if net.endswith("critic") else [net]
            start = f"{prefix}{members[0]}/"
            tensors = [name.removeprefix(start) for name in params if name.startswith(start)]
            parts = {t: [torch.tensor(params[f"{prefix}{m}/{t}"][i], dtype=dtype) for m in members] for t in tensors}
            return {t: torch.stack(part) if net.endswith("critic") else part[0] for t, part in parts.items()}

        learner.updates_done = int(params["updates_done"][i]) if "updates_done" in params else 0
        learner.target = load("target_value" if spec.value_net else "target_critic")
        value, alpha = (("value",) if spec.value_net else ()), (("alpha",) if spec.learns_alpha else ())
        for net in ("actor", "critic", *value, *alpha):
            weights = learner.nets[net] = {t: weight.requires_grad_() for t, weight in load(net).items()}
            adam, lr = spec.adam, spec.learning_rate(net)
            betas = (adam.beta1, adam.beta2)
            optimiser = torch.optim.Adam(weights.values(), lr=lr, betas=betas, eps=adam.eps, fused=True)
            learner.optimisers[net] = optimiser
            if learner.updates_done:
                m, v = load(net, "adam_m/"), load(net, "adam_v/")
                for t, weight in weights.items():
                    steps = torch.tensor(float(learner.updates_done))
                    optimiser.state[weight] = {"step": steps, "exp_avg": m[t], "exp_avg_sq": v[t]}
    return state
