"""Soft Actor-Critic in PyTorch: one file, read from top to bottom, the same headings as sac_jax.py.

Every switch it reads is a field of suite.sac.spec.SacSpec; suite/sac/equations.py says in NumPy what each line is.
The mathematics is written for one seed; S seeds in lockstep are a loop. What is computed stands here; the gradients,
written out by hand, stand in sac_torch_gradients.py under the same headings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from implementations import sac_torch_gradients as gradients
from implementations import stages
from implementations.sac_torch_gradients import Weights, matmul, rounds, scale
from implementations.stages import ActorResult, AlphaResult, CriticResult, Result, Results, ValueResult, numbered
from suite.sac.contract import Batch, Metrics, Params, Spaces, unpack
from suite.sac.spec import (
    DELAYED,
    ClipLogStd,
    ExactLogDet,
    ExpStd,
    FlooredLogDet,
    LearnedAlpha,
    SacSpec,
    SoftplusStd,
    SquashLogStd,
)

FRAMEWORK = "torch"
LOG_2, LOG_2PI = math.log(2), math.log(2 * math.pi)
Draws = dict[str, Tensor]
"""Standard normal noise [B, A] by the names of SacSpec.draws."""


# --- networks: ReLU multi-layer perceptrons -----------------------------------------------------------------------


def forward(spec: SacSpec, weights: Weights, x: Tensor, *, below: int = 0) -> tuple[Tensor, list[Tensor]]:
    """x [B, in] -> the network's output [B, out], and every layer's input for the backward pass: x, then the ReLUs'.

    below: how many hidden layers lie under these weights.
    """
    inputs = [x]
    for i, (w, b) in enumerate(zip(weights[:-2:2], weights[1:-2:2], strict=True), start=below):
        rounded = rounds(spec, i)
        before = matmul(True, inputs[-1], w).add_(b) if rounded else torch.addmm(b, inputs[-1], w)
        inputs.append(before.relu_())
    return F.linear(inputs[-1], *weights[-2:]), inputs


def critic_forward(spec: SacSpec, critic: Weights, x: Tensor, obs_dim: int) -> tuple[Tensor, list[Tensor]]:
    """x [B, obs and action] -> Q [B, 1], and what the backward pass needs."""
    if spec.first_critic_layer == "concat":
        return forward(spec, critic, x)
    w, b = critic[:2]  # of the observation's layer, then of the action's
    of_obs = torch.addmm(b[0], x[:, :obs_dim], w[:obs_dim]).relu_()
    of_action = torch.addmm(b[1], x[:, obs_dim:], w[obs_dim:]).relu_()
    q, inputs = forward(spec, critic[2:], of_obs + of_action, below=1)
    return q, [x, of_obs, of_action, *inputs]


def q_values(
    spec: SacSpec, spaces: Spaces, critics: list[Weights], obs: Tensor, action: Tensor
) -> tuple[Tensor, list[list[Tensor]]]:
    """Q_i(s, a) of every critic, [n, B], action in [-1, 1]; and what their backward passes need."""
    if spec.critic_action_units == "env" and spaces.action_scale:
        action = action * scale("env", spaces, action) + action.new_tensor(spaces.action_center)
    x = torch.cat([obs, action], dim=1)
    q, tapes = zip(*(critic_forward(spec, critic, x, spaces.obs_dim) for critic in critics), strict=True)
    return torch.stack([one.squeeze(1) for one in q]), list(tapes)


def reduce(how: str, q: Tensor) -> Tensor:
    """One value per row from the critics': [n, B] -> [B]."""
    if how == "min":
        return q.amin(0)
    return q.mean(0) if how == "mean" else q[0]


# --- policy: a diagonal Gaussian through tanh ---------------------------------------------------------------------


class Sample(NamedTuple):
    """An action in [-1, 1] and what it came from, [B, A]; its log-probability [B]; the inputs of the actor's layers."""

    action: Tensor
    log_prob: Tensor
    raw: Tensor
    log_std: Tensor
    std: Tensor
    noise: Tensor
    inputs: list[Tensor]


def log_std(spec: SacSpec, raw: Tensor) -> Tensor:
    """log std [B, A] of the actor's raw output."""
    match spec.std:
        case ClipLogStd(low=low, high=high):
            return raw.clamp(low, high)
        case SquashLogStd(low=low, high=high):
            return low + 0.5 * (high - low) * (torch.tanh(raw) + 1)
        case SoftplusStd(floor=floor):
            return torch.log(F.softplus(raw) + floor)
        case ExpStd():
            return raw


def log_det(spec: SacSpec, spaces: Spaces, u: Tensor, action: Tensor) -> Tensor:
    """log |da / du| [B, A] of a = tanh(u), or of the environment's action (arXiv 1801.01290, eq. 21)."""
    if isinstance(spec.log_det, ExactLogDet):
        exact = 2 * (LOG_2 - u - F.softplus(-2 * u, threshold=1e3))
        of_env = spec.log_prob_units == "env" and spaces.action_scale
        return exact + u.new_tensor(spaces.action_scale).log() if of_env else exact
    # 1 - a^2 would lose digits near saturation
    slope = (1 - action) * (1 + action) * scale(spec.log_prob_units, spaces, u)
    if isinstance(spec.log_det, FlooredLogDet):
        return torch.log(slope.clamp(min=spec.log_det.floor))
    return torch.log(slope + spec.log_det.eps)


def sample(spec: SacSpec, spaces: Spaces, actor: Weights, obs: Tensor, noise: Tensor) -> Sample:
    """a = tanh(mean + std * noise), with log pi(a|s) by change of variables (arXiv 1801.01290, eq. 21)."""
    output, inputs = forward(spec, actor, obs)
    mean, raw = output.chunk(2, dim=1)
    log_scale = log_std(spec, raw)
    std = log_scale.exp()
    u = torch.addcmul(mean, std, noise)
    action = torch.tanh(u)
    standard = noise * std / (std + spec.gaussian_eps) if spec.gaussian_eps else noise
    log_prob = -(0.5 * standard**2 + log_scale + 0.5 * LOG_2PI + log_det(spec, spaces, u, action)).sum(1)
    return Sample(action, log_prob, raw, log_scale, std, noise, inputs)


# --- losses, with their gradients: each reads only what its signature names ---------------------------------------


def soft_value(spec: SacSpec, q: Tensor, log_prob: Tensor, alpha: float) -> Tensor:
    """Reduced Q minus alpha log pi: [n, B], [B] -> [B] (arXiv 1812.05905, eq. 3)."""
    value = reduce(spec.target_reduce, q)
    return value - alpha * log_prob if spec.entropy_in_target else value


def value_target(spec: SacSpec, q: Tensor, log_prob: Tensor, alpha: float) -> Tensor:
    """What V regresses on: reduced Q_i - alpha log pi_i [B]; or "broadcast", reduced Q_i - alpha log pi_j: [B, B]."""
    if spec.value_net and spec.value_net.target == "broadcast":
        return reduce(spec.target_reduce, q).unsqueeze(1) - alpha * log_prob
    return soft_value(spec, q, log_prob, alpha)


def value_loss(spec: SacSpec, value: Weights, batch: Batch, target: Tensor) -> tuple[Tensor, Weights]:
    """scale * mean (V(s) - target)^2, target [B] or [B, B] (arXiv 1801.01290, eq. 5), and V's gradients."""
    assert spec.value_net
    output, inputs = forward(spec, value, batch.obs)
    error = output - target.reshape(len(target), -1)
    return spec.value_net.loss_scale * (error**2).mean(), gradients.of_value(spec, value, inputs, error)


def critic_target(
    spec: SacSpec, spaces: Spaces, targets: list[Weights], batch: Batch, drawn: Sample | None, alpha: float
) -> Tensor:
    """y = scale r + discount (1 - terminated) V'(s') [B], V' by a sample at s' (arXiv 1812.05905, eq. 5-6), or the
    target value net (arXiv 1801.01290, eq. 8)."""
    if drawn is None:
        following = forward(spec, targets[0], batch.next_obs)[0].squeeze(1)
    else:
        q, _ = q_values(spec, spaces, targets, batch.next_obs, drawn.action)
        following = soft_value(spec, q, drawn.log_prob, alpha)
    # terminated, not truncated: a time limit is no death
    return spec.reward_scale * batch.reward + spec.discount * (1 - batch.terminated) * following


def critic_loss(
    spec: SacSpec, spaces: Spaces, critics: list[Weights], batch: Batch, y: Tensor
) -> tuple[Tensor, Tensor, Weights]:
    """scale * mean (Q_i - y)^2 of each critic [n] (arXiv 1812.05905, eq. 5), Q [n, B], and all critics' gradients."""
    q, tapes = q_values(spec, spaces, critics, batch.obs, batch.action)
    error = q - y
    losses = spec.critic_loss_scale * (error**2).mean(1)
    return losses, q, gradients.of_critics(spec, spaces, critics, tapes, error)


def actor_loss(
    spec: SacSpec, spaces: Spaces, drawn: Sample, critics: list[Weights], batch: Batch, alpha: float
) -> tuple[Tensor, Tensor]:
    """mean [alpha log pi(a|s) - reduced Q(s, a)] at the policy's own action (arXiv 1812.05905, eq. 7), and its gradient
    at the action [B, A] by way of Q alone."""
    q, tapes = q_values(spec, spaces, critics, batch.obs, drawn.action)
    loss = (alpha * drawn.log_prob - reduce(spec.actor_reduce, q)).mean()
    return loss, gradients.at_action(spec, spaces, critics, tapes, q)


def alpha_loss(
    temperature: LearnedAlpha, log_alpha: Tensor, log_prob: Tensor, action_dim: int
) -> tuple[Tensor, Tensor]:
    """-alpha mean(log pi + H), or -log(alpha) mean(log pi + H) (arXiv 1812.05905, eq. 18); gradient in log alpha."""
    surplus = log_prob.mean() + temperature.entropy_per_dim * action_dim
    if temperature.objective == "alpha":
        loss = -log_alpha.exp() * surplus
        return loss, loss
    return -log_alpha * surplus, -surplus


# --- one seed's learner -------------------------------------------------------------------------------------------


@dataclass
class Learner:
    """One seed's networks by canonical name, updated in place; log_alpha counts as a network of one tensor. Adam's
    moments mirror them; targets have none. `updates_done` counts the present update too."""

    spec: SacSpec
    spaces: Spaces
    nets: dict[str, Weights]
    adam_m: dict[str, Weights]
    adam_v: dict[str, Weights]
    updates_done: int

    @property
    def actor(self) -> Weights:
        return self.nets["actor"]

    @cached_property
    def critics(self) -> list[Weights]:
        return [self.nets[name] for name in members(self.spec, "critic")]

    @cached_property
    def targets(self) -> list[Weights]:
        """The target critics, or target V alone."""
        return [self.nets[name] for name in self.spec.targets]

    @cached_property
    def turns(self) -> tuple[tuple[str, int], ...]:
        """The stages of an update in order, each with the number of its pass."""
        return self.spec.turns

    @property
    def alpha(self) -> float:
        temperature = self.spec.temperature
        return self.nets["log_alpha"][0].exp().item() if isinstance(temperature, LearnedAlpha) else temperature.value


class Policy(NamedTuple):
    """The policy at one moment of an update: its temperature, and an action at each of the batch's states."""

    alpha: float
    sample: Sample


def policy_now(learner: Learner, obs: Tensor, noise: Tensor) -> Policy:
    """The policy as it stands, at obs [B, O]."""
    return Policy(learner.alpha, sample(learner.spec, learner.spaces, learner.actor, obs, noise))


def members(spec: SacSpec, stage: str) -> list[str]:
    """The networks that a stage's optimiser moves."""
    if stage == "critic":
        return [f"critic{i + 1}" for i in range(spec.critics)]
    return ["log_alpha" if stage == "alpha" else stage]


def tensors_of(nets: dict[str, Weights], names: Sequence[str]) -> Weights:
    """The tensors of several networks in one list."""
    return [tensor for name in names for tensor in nets[name]]


def descend(learner: Learner, stage: str, turn: int, gradient: Weights) -> None:
    """One Adam step of a stage's networks (arXiv 1412.6980, algorithm 1), as one pass through memory."""
    adam = learner.spec.adam
    names = members(learner.spec, stage)
    count = learner.spec.steps(stage, learner.updates_done, turn)
    eps = adam.eps
    if adam.eps_placement == "tensorflow":  # sqrt(v) + eps before bias correction, said in torch's terms
        eps = eps / math.sqrt(1 - adam.beta2**count)
    theta, m, v = (tensors_of(nets, names) for nets in (learner.nets, learner.adam_m, learner.adam_v))
    torch._fused_adam_(
        theta, gradient, m, v, [], [torch.tensor(float(count))] * len(gradient),
        lr=learner.spec.learning_rate(stage), beta1=adam.beta1, beta2=adam.beta2, weight_decay=0.0, eps=eps,
        amsgrad=False, maximize=False,
    )  # fmt: skip


# --- update: five stages, and one loop over them ------------------------------------------------------------------


def value_stage(learner: Learner, batch: Batch, first: Policy) -> ValueResult:
    """V towards the soft value of the policy's action."""
    spec, drawn = learner.spec, first.sample
    q, _ = q_values(spec, learner.spaces, learner.critics, batch.obs, drawn.action)
    target = value_target(spec, q, drawn.log_prob, first.alpha)
    loss, gradient = value_loss(spec, learner.nets["value"], batch, target)
    return ValueResult(loss, target, gradient)


def critic_stage(learner: Learner, batch: Batch, first: Policy, draws: Draws) -> CriticResult:
    """Every critic towards the reward and the discounted value of the next state."""
    spec, spaces, actor, targets = learner.spec, learner.spaces, learner.actor, learner.targets
    drawn = None if spec.value_net else sample(spec, spaces, actor, batch.next_obs, draws["next_action"])
    y = critic_target(spec, spaces, targets, batch, drawn, first.alpha)
    losses, q, gradient = critic_loss(spec, spaces, learner.critics, batch, y)
    return CriticResult(losses, q, y, drawn.log_prob if drawn else None, gradient)


def actor_stage(learner: Learner, batch: Batch, policy: Policy, draws: Draws) -> ActorResult:
    """The actor towards actions of high Q and of high entropy."""
    spec, spaces, actor, alpha = learner.spec, learner.spaces, learner.actor, policy.alpha
    loss, d_action = actor_loss(spec, spaces, policy.sample, learner.critics, batch, alpha)
    of_log_prob = of_q = policy.sample
    if spec.pathwise_noise == "independent":  # log pi is of another action, Q's gradient reaches the actor by a third
        of_log_prob, of_q = (sample(spec, spaces, actor, batch.obs, draws[name]) for name in ("action_2", "action_3"))
    gradient = gradients.of_actor(spec, spaces, actor, of_log_prob, of_q, d_action, alpha)
    return ActorResult(loss, alpha, policy.sample.log_prob, -d_action, gradient)


def alpha_stage(learner: Learner, batch: Batch, policy: Policy, draws: Draws, turn: int) -> AlphaResult:
    """The temperature towards the entropy aimed at, by the actor's sample or by a fresh one of the moved policy."""
    temperature, log_prob, fresh = learner.spec.temperature, policy.sample.log_prob, None
    assert isinstance(temperature, LearnedAlpha)
    if temperature.sample == "fresh":
        log_prob = fresh = policy_now(learner, batch.obs, draws[numbered("alpha", turn)]).sample.log_prob
    loss, gradient = alpha_loss(temperature, learner.nets["log_alpha"][0], log_prob, learner.spaces.action_dim)
    return AlphaResult(loss, fresh, [gradient])


def target_stage(learner: Learner) -> None:
    """The targets towards the networks they follow, in updates where it is due (arXiv 1801.01290, algorithm 1)."""
    spec, nets, count = learner.spec, learner.nets, learner.updates_done
    targets = tensors_of(nets, spec.targets)
    online = tensors_of(nets, [name.removeprefix("target_") for name in spec.targets])
    if spec.due(spec.target_every, count):
        torch._foreach_lerp_(targets, online, spec.tau)
    if spec.target_copy_every and count % spec.target_copy_every == 0:
        torch._foreach_copy_(targets, online)


def update_once(learner: Learner, batch: Batch, draws: Draws, *, explaining: bool = False) -> tuple[Policy, Results]:
    """One update in place, the stages in order, each optimiser's step behind its stage: the policy at its start, and
    what the stages computed. Every later pass of actor and alpha has new draws and the newest alpha; in updates where
    these two are not due they are left out or, when `explaining`, say what the first pass would have been."""
    spec, results = learner.spec, Results()
    learner.updates_done += 1
    due = spec.due(spec.actor_every, learner.updates_done)
    first = policy = policy_now(learner, batch.obs, draws["action"])
    for stage, turn in learner.turns:
        moves = due or stage not in DELAYED
        if not moves and (turn > 1 or not explaining):
            continue
        result: Result
        match stage:
            case "value":
                result = value_stage(learner, batch, first)
            case "critic":
                result = critic_stage(learner, batch, first, draws)
            case "actor":
                if turn > 1:
                    policy = policy_now(learner, batch.obs, draws[numbered("action", turn)])
                result = actor_stage(learner, batch, policy, draws)
            case "alpha":
                result = alpha_stage(learner, batch, policy, draws, turn)
            case "target":
                if spec.gradients == "simultaneous":  # all were taken at the first parameters: now their steps
                    for (each, _), waiting in results.items():
                        descend(learner, each, 1, waiting.gradient)
                target_stage(learner)
                continue
        results[stage, turn] = result
        if moves and spec.gradients == "sequential":
            descend(learner, stage, turn, result.gradient)
    return first, results


def metrics(first: Policy, results: Results) -> dict[str, float]:
    """The scalars of the contract."""
    actor_loss = results["actor", 1].loss.item() if ("actor", 1) in results else math.nan  # not due
    critic_loss, entropy = results["critic", 1].loss.item(), -first.sample.log_prob.mean().item()
    return {"critic_loss": critic_loss, "actor_loss": actor_loss, "alpha": first.alpha, "entropy": entropy}


def named(learner: Learner, first: Policy, results: Results) -> dict[str, Any]:
    """Every loss, target, log-probability and gradient of an update by name, as `explain` returns them."""
    seen: dict[str, Any] = {"alpha": first.alpha, "log_prob": first.sample.log_prob, "action": first.sample.action}
    for (stage, turn), result in results.items():
        seen |= stages.named(stage, turn, result)
        rest = iter(result.gradient)
        for net in members(learner.spec, stage):
            parts = canonical(learner.spec, learner.spaces, net, [next(rest) for _ in learner.nets[net]])
            seen |= {f"grad/{name}": tensor for name, tensor in parts.items()}
    return seen


# --- seeds in lockstep --------------------------------------------------------------------------------------------

State = list[Learner]


@torch.inference_mode()
def update(
    state: State, rows: np.ndarray, noise: np.ndarray, obs: np.ndarray | None, act_noise: np.ndarray | None
) -> tuple[State, np.ndarray | None, Metrics]:
    """See suite.sac.contract.Implementation.update."""
    last = []
    for learner, seed_rows, seed_noise in zip(state, rows, noise, strict=True):
        for k in range(len(seed_rows)):
            computed = update_once(learner, *inputs(learner, seed_rows[k], seed_noise[k]))
        last.append(metrics(*computed))
    of_seeds = {name: np.array([one[name] for one in last]) for name in last[0]}
    return state, None if obs is None else act(state, obs, act_noise), of_seeds


def inputs(learner: Learner, rows: np.ndarray, noise: np.ndarray) -> tuple[Batch, Draws]:
    """Packed rows [B, width] and noise [draws, B, A] as the update's tensors, by name."""
    dtype = getattr(torch, learner.spec.dtype)
    draws = torch.from_numpy(noise).to(dtype)
    return unpack(torch.from_numpy(rows).to(dtype), learner.spaces), dict(zip(learner.spec.draws, draws, strict=True))


@torch.inference_mode()
def explain(state: State, rows: np.ndarray, noise: np.ndarray) -> tuple[State, dict[str, np.ndarray]]:
    """See suite.sac.contract.Implementation.explain."""
    after = init(state[0].spec, state[0].spaces, get_params(state))
    every = []
    for learner, seed_rows, seed_noise in zip(after, rows, noise, strict=True):
        computed = update_once(learner, *inputs(learner, seed_rows[0], seed_noise[0]), explaining=True)
        every.append({name: np.asarray(value) for name, value in named(learner, *computed).items()})
    return after, {name: np.stack([one[name] for one in every]) for name in every[0]}


@torch.inference_mode()
def act(state: State, obs: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
    """See suite.sac.contract.Implementation.act."""
    actions = np.empty((*obs.shape[:2], state[0].spaces.action_dim), np.float32)
    for i, learner in enumerate(state):
        dtype = getattr(torch, learner.spec.dtype)
        mean, raw = forward(learner.spec, learner.actor, torch.from_numpy(obs[i]).to(dtype))[0].chunk(2, dim=1)
        if noise is not None:
            mean = mean + log_std(learner.spec, raw).exp() * torch.from_numpy(noise[i]).to(dtype)
        actions[i] = torch.tanh(mean).numpy()
    return actions


# --- in and out: canonical arrays ---------------------------------------------------------------------------------


def shapes(spec: SacSpec, spaces: Spaces, net: str) -> list[tuple[int, ...]]:
    """The shapes of a network's tensors."""
    if net == "log_alpha":
        return [()]
    widths = [spaces.obs_dim + (spaces.action_dim if "critic" in net else 0), *spec.hidden]
    outputs = 2 * spaces.action_dim if net == "actor" else 1
    hidden = [shape for before, after in pairwise(widths) for shape in ((before, after), (after,))]
    if "critic" in net and spec.first_critic_layer == "sum_of_relus":
        hidden[1] = (2, spec.hidden[0])
    return [*hidden, (outputs, widths[-1]), (outputs,)]


def canonical(spec: SacSpec, spaces: Spaces, net: str, tensors: Weights) -> dict[str, Tensor]:
    """Our tensors of a network as views by canonical name: all matrices [in, out], the actor's heads apart."""
    if net == "log_alpha":
        return {net: tensors[0]}
    *hidden, w, b = tensors
    parts = {f"{net}/{'wb'[i % 2]}{i // 2}": tensor for i, tensor in enumerate(hidden)}
    if "critic" in net and spec.first_critic_layer == "sum_of_relus":
        w0, b0, obs_dim = parts.pop(f"{net}/w0"), parts.pop(f"{net}/b0"), spaces.obs_dim
        parts |= {f"{net}/w0_obs": w0[:obs_dim], f"{net}/w0_act": w0[obs_dim:]}
        parts |= {f"{net}/b0_obs": b0[0], f"{net}/b0_act": b0[1]}
    heads = ("_mean", "_log_std") if net == "actor" else (str(len(hidden) // 2),)
    for head, w_part, b_part in zip(heads, w.chunk(len(heads)), b.chunk(len(heads)), strict=True):
        parts |= {f"{net}/w{head}": w_part.t(), f"{net}/b{head}": b_part}
    return parts


def views(learner: Learner) -> dict[str, Tensor]:
    """Every network, target and moment of a learner by canonical name."""
    parts: dict[str, Tensor] = {}
    for prefix, nets in (("", learner.nets), ("adam_m/", learner.adam_m), ("adam_v/", learner.adam_v)):
        for net, tensors in nets.items():
            named_tensors = canonical(learner.spec, learner.spaces, net, tensors)
            parts |= {prefix + name: tensor for name, tensor in named_tensors.items()}
    return parts


def init(spec: SacSpec, spaces: Spaces, params: Params) -> State:
    """See suite.sac.contract.Implementation.init."""
    torch.set_num_threads(1)  # one process per core: two threads for one small network are slower than one
    # glibc gives freed memory back to the system from twice the size of the largest block it was ever given back: with
    # this block, which is never written to, an update's tensors of 256 KB no longer cost hundreds of page faults
    torch.empty(16 << 20, dtype=torch.uint8)
    moved = [*spec.online, *(["log_alpha"] if spec.learns_alpha else [])]

    def zeros(names: Sequence[str]) -> dict[str, Weights]:
        dtype = getattr(torch, spec.dtype)
        return {net: [torch.zeros(shape, dtype=dtype) for shape in shapes(spec, spaces, net)] for net in names}

    state = []
    for i in range(len(params["actor/w0"])):
        updates_done = int(params["updates_done"][i]) if "updates_done" in params else 0
        state.append(Learner(spec, spaces, zeros([*moved, *spec.targets]), zeros(moved), zeros(moved), updates_done))
        for name, view in views(state[i]).items():
            if name in params or not name.startswith("adam_"):
                view.copy_(torch.as_tensor(params[name][i]))
    return state


def get_params(state: State) -> Params:
    """See suite.sac.contract.Implementation.get_params."""
    every = [{name: view.numpy() for name, view in views(learner).items()} for learner in state]
    params = {name: np.stack([arrays[name] for arrays in every]) for name in every[0]}
    return params | {"updates_done": np.array([learner.updates_done for learner in state])}


def set_params(state: State, params: Params) -> State:
    """See suite.sac.contract.Implementation.set_params."""
    return init(state[0].spec, state[0].spaces, params)


def device() -> str | None:
    """See suite.sac.contract.Implementation.device: this engine is written for the processor."""
    return None
