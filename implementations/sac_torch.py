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
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from implementations import sac_torch_gradients as gradients
from implementations import stages
from implementations.sac_torch_gradients import Layer, Renormed, Standard, Weights, matmul, scale
from implementations.stages import (
    JUDGES,
    ActorResult,
    AlphaResult,
    CriticResult,
    Pass,
    Result,
    Results,
    ValueResult,
    numbered,
)
from suite.sac.contract import Batch, Metrics, Params, Spaces, Step, unpack
from suite.sac.spec import (
    A_MAX,
    D_MAX,
    DELAYED,
    R_MAX,
    BatchRenorm,
    ClipLogStd,
    ExactLogDet,
    ExpStd,
    FlooredLogDet,
    LayerNorm,
    LearnedAlpha,
    Network,
    Quantiles,
    SacSpec,
    SoftplusStd,
    SquashLogStd,
)

FRAMEWORK = "torch"
LOG_2, LOG_2PI = math.log(2), math.log(2 * math.pi)
Draws = dict[str, Tensor]
"""Standard normal noise [B, A] by the names of SacSpec.draws."""


# --- networks: multi-layer perceptrons ----------------------------------------------------------------------------


def forward(of: Network, weights: Weights, x: Tensor, how: Pass = JUDGES, *, below: int = 0) -> tuple[Tensor, list]:
    """x [B, in] -> the network's output [B, out], and what its backward pass needs: of a plain network every layer's
    input, x, then the ReLUs'. below: how many hidden layers lie under these weights."""
    if not of.plain:
        return forward_through(of, weights, x, how)
    inputs = [x]
    for i, (w, b) in enumerate(zip(weights[:-2:2], weights[1:-2:2], strict=True), start=below):
        rounded = of.rounded and i > 0
        before = matmul(True, inputs[-1], w).add_(b) if rounded else torch.addmm(b, inputs[-1], w)
        inputs.append(before.relu_())
    return F.linear(inputs[-1], *weights[-2:]), inputs


def forward_through(of: Network, weights: Weights, x: Tensor, how: Pass) -> tuple[Tensor, list[Layer]]:
    """As `forward`, of layers that are more than a product and a ReLU."""
    named, tape, top = dict(zip(of.tensors, weights, strict=True)), [], len(of.hidden)
    for i in range(top):
        taken, of_batch = by_batch(of, named, i, x, how)
        value = matmul(of.rounded and i > 0, taken, named[f"w{i}"]) + named[f"b{i}"]
        value = value * how.kept[i] if of.dropout else value
        before, of_layer = by_layer(of, named, i, value)
        tape.append(Layer(taken, of_batch, of_layer, before))
        x = activate(of.activation, before)
    taken, of_batch = by_batch(of, named, top, x, how)
    return F.linear(taken, *weights[-2:]), [*tape, Layer(taken, of_batch, None, taken)]


def activate(how: str, x: Tensor) -> Tensor:
    """A hidden layer's output of its value before."""
    return {"relu": torch.relu, "tanh": torch.tanh, "elu": F.elu, "silu": F.silu}[how](x)


def by_layer(of: Network, named: dict[str, Tensor], i: int, x: Tensor) -> tuple[Tensor, Standard | None]:
    """Layer normalisation, where there is one (arXiv 1607.06450), and what its gradient needs."""
    if not isinstance(of.norm, LayerNorm):
        return x, None
    centred = x - x.mean(1, keepdim=True)
    deviation = (centred.square().mean(1, keepdim=True) + of.norm.eps).sqrt()
    z = centred / deviation
    return torch.addcmul(named[f"ln{i}_bias"], z, named[f"ln{i}_scale"]), Standard(z, deviation)


def by_batch(of: Network, named: dict[str, Tensor], i: int, x: Tensor, how: Pass) -> tuple[Tensor, Renormed | None]:
    """Batch renormalisation, where there is one (arXiv 1702.03275, algorithm 1), and what its gradient needs."""
    if not isinstance(of.norm, BatchRenorm):
        return x, None
    scale, bias, mean, variance = (named[f"bn{i}_{part}"] for part in ("scale", "bias", "mean", "var"))
    shift, narrowing = torch.zeros(()), torch.ones(())
    if how.learns:
        running_mean, running = mean, (variance + of.norm.eps).sqrt()
        mean, variance = x.mean(0), x.var(0, correction=of.norm.variance == "unbiased")
        if how.renorms:
            r = ((variance + of.norm.eps).sqrt() / running).clamp(1 / R_MAX, R_MAX)
            shift, narrowing = ((mean - running_mean) / running).clamp(-D_MAX, D_MAX) / r, r**-2
    deviation = (variance * narrowing + of.norm.eps).sqrt()
    z = (x - mean + shift * variance.sqrt()) / deviation
    kept = Renormed(z, deviation, x - mean, mean, variance, shift, narrowing, how.learns)
    return torch.addcmul(bias, z, scale), kept


def absorb(of: Network, weights: Weights, tape: list[Layer]) -> None:
    """Moves the running statistics of a network after a pass that learned, in place."""
    if isinstance(of.norm, BatchRenorm):
        named = dict(zip(of.tensors, weights, strict=True))
        for i, layer in enumerate(tape):
            assert layer.of_batch
            for part, batch in (("mean", layer.of_batch.mean), ("var", layer.of_batch.variance)):
                named[f"bn{i}_{part}"].lerp_(batch, 1 - of.norm.momentum)


def critic_forward(
    spec: SacSpec, critic: Weights, x: Tensor, obs_dim: int, how: Pass = JUDGES
) -> tuple[Tensor, list[Any]]:
    """x [B, obs and action] -> what the critic predicts [B, outputs], and what the backward pass needs."""
    of = spec.network("critic1")
    if spec.first_critic_layer == "concat":
        return forward(of, critic, x, how)
    w, b = critic[:2]  # of the observation's layer, then of the action's
    of_obs = torch.addmm(b[0], x[:, :obs_dim], w[:obs_dim]).relu_()
    of_action = torch.addmm(b[1], x[:, obs_dim:], w[obs_dim:]).relu_()
    predicted, inputs = forward(of, critic[2:], of_obs + of_action, below=1)
    return predicted, [x, of_obs, of_action, *inputs]


def predictions(
    spec: SacSpec, spaces: Spaces, critics: list[Weights], obs: Tensor, action: Tensor, passes: Sequence[Pass] = ()
) -> tuple[Tensor, list[list[Any]]]:
    """What every critic predicts of (s, a), [n, B, outputs], action in [-1, 1]; and what their backward passes need."""
    if spec.critic_action_units == "env" and spaces.action_scale:
        action = action * scale("env", spaces, action) + action.new_tensor(spaces.action_center)
    x, each = torch.cat([obs, action], dim=1), passes or [JUDGES] * len(critics)
    pairs = zip(critics, each, strict=True)
    predicted, tapes = zip(
        *(critic_forward(spec, critic, x, spaces.obs_dim, how) for critic, how in pairs), strict=True
    )
    return torch.stack(predicted), list(tapes)


def q_of(predicted: Tensor) -> Tensor:
    """Q [n, B] of what critics predict [n, B, outputs]: the mean of their outputs."""
    return predicted.squeeze(2) if predicted.shape[2] == 1 else predicted.mean(2)


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
    inputs: list[Any]


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


def sample(spec: SacSpec, spaces: Spaces, actor: Weights, obs: Tensor, noise: Tensor, how: Pass = JUDGES) -> Sample:
    """a = tanh(mean + std * noise), with log pi(a|s) by change of variables (arXiv 1801.01290, eq. 21)."""
    output, inputs = forward(spec.network("actor"), actor, obs, how)
    mean, raw = output.chunk(2, dim=1)
    log_scale = log_std(spec, raw)
    std = log_scale.exp()
    u = torch.addcmul(mean, std, noise)
    action = torch.tanh(u)
    standard = noise * std / (std + spec.gaussian_eps) if spec.gaussian_eps else noise
    log_prob = -(0.5 * standard**2 + log_scale + 0.5 * LOG_2PI + log_det(spec, spaces, u, action)).sum(1)
    return Sample(action, log_prob, raw, log_scale, std, noise, inputs)


def log_density(spec: SacSpec, actor: Weights, obs: Tensor, action: Tensor) -> Tensor:
    """log N(u; mean(s), std(s)) [B] of given actions before tanh, u = arctanh(a), a within +-A_MAX."""
    mean, raw = forward(spec.network("actor"), actor, obs)[0].chunk(2, dim=1)
    log_scale = log_std(spec, raw)
    standard = (torch.atanh(action.clamp(-A_MAX, A_MAX)) - mean) / log_scale.exp()
    return -(0.5 * standard**2 + log_scale + 0.5 * LOG_2PI).sum(1)


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
    output, inputs = forward(spec.network("value"), value, batch.obs)
    error = output - target.reshape(len(target), -1)
    return spec.value_net.loss_scale * (error**2).mean(), gradients.of_value(spec, value, inputs, error)


def critic_target(
    spec: SacSpec, predicted: Tensor, log_prob: Tensor | None, batch: Batch | Step, alpha: float, drawn: Tensor | None
) -> Tensor:
    """y = scale r + discount (1 - terminated) V'(s') [B], V' by what critics predict of an action at s' [n, B, outputs]
    and its log pi (arXiv 1812.05905, eq. 5-6), or by the target value net, [1, B, 1] (arXiv 1801.01290, eq. 8).

    Of quantiles: that of each one kept, [B, kept] (arXiv 2005.04269, section 3). drawn: what chooses some critics.
    """
    predicted = chosen(spec, predicted, drawn)
    if log_prob is None:
        following = predicted[0, :, 0]
    elif spec.quantiles:
        following = pooled(spec.quantiles, predicted)
        following = following - alpha * log_prob.unsqueeze(1) if spec.entropy_in_target else following
    else:
        following = soft_value(spec, predicted.squeeze(2), log_prob, alpha)
    reward, terminated = batch.reward, batch.terminated
    if following.ndim > 1:
        reward, terminated = reward.unsqueeze(1), terminated.unsqueeze(1)
    # terminated, not truncated: a time limit is no death
    return spec.reward_scale * reward + spec.discount * (1 - terminated) * following


def chosen(spec: SacSpec, predicted: Tensor, drawn: Tensor | None) -> Tensor:
    """Of what critics predict [n, ...] that which enters the target: all, or of some critics."""
    if drawn is None:
        return predicted
    # those of the smallest draws (arXiv 2101.05982, algorithm 1)
    return predicted[drawn.reshape(-1)[: spec.critics].argsort()[: spec.target_subset]]


def corrections(
    spec: SacSpec, spaces: Spaces, actor: Weights, targets: list[Weights], batch: Batch, alpha: float, draws: Draws
) -> Tensor:
    """What further steps add to y [B]: each one's y - Q(s, a), times discount and trace of every step up to it
    (arXiv 1606.02647, eq. 3)."""
    total, weight = torch.zeros_like(batch.reward), torch.ones_like(batch.reward)
    obs, subset = batch.next_obs, draws.get("subset")
    for n, step in enumerate(batch.further, start=2):
        weight = weight * spec.discount * trace(spec, actor, obs, step)
        drawn = sample(spec, spaces, actor, step.next_obs, draws[numbered("next_action", n)])
        following, _ = predictions(spec, spaces, targets, step.next_obs, drawn.action)
        predicted, _ = predictions(spec, spaces, targets, obs, step.action)
        y = critic_target(spec, following, drawn.log_prob, step, alpha, subset)
        total = total + weight * (y - reduce(spec.target_reduce, chosen(spec, predicted.squeeze(2), subset)))
        obs = step.next_obs
    return total


def trace(spec: SacSpec, actor: Weights, obs: Tensor, step: Step) -> Tensor:
    """c [B] of a step from obs: decay, or decay min(1, pi / mu) (arXiv 1606.02647, eq. 4); 0 behind the episode."""
    assert spec.retrace
    if spec.retrace.trace == "whole":
        return spec.retrace.decay * step.goes_on
    ratio = (log_density(spec, actor, obs, step.action) - step.log_prob).clamp(max=0).exp()
    return spec.retrace.decay * ratio * step.goes_on


def pooled(quantiles: Quantiles, predicted: Tensor) -> Tensor:
    """Of the critics' quantiles [n, B, k] those kept in the target, [B, kept]."""
    if quantiles.target == "minimum":
        return predicted[predicted.mean(2).argmin(0), torch.arange(predicted.shape[1])]
    return torch.cat(list(predicted), dim=1).sort(1).values[:, : len(predicted) * (quantiles.n - quantiles.dropped)]


def critic_loss(spec: SacSpec, predicted: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """scale * mean (Q_i - y)^2 of each critic [n] (arXiv 1812.05905, eq. 5), of quantiles their Huber loss
    (arXiv 2005.04269, section 3); and its gradient at what they say [n, B, outputs]."""
    if spec.quantiles is None:
        error = predicted.squeeze(2) - y
        d = error * (2 * spec.critic_loss_scale / error.shape[1])
        return spec.critic_loss_scale * (error**2).mean(1), d.unsqueeze(2)
    k = predicted.shape[2]
    tau = (torch.arange(k, dtype=predicted.dtype) + 0.5) / k
    delta = y.unsqueeze(1) - predicted.unsqueeze(3)  # [n, B, outputs, kept]
    weight = (tau.unsqueeze(1) - (delta < 0).to(predicted.dtype)).abs()
    losses = (weight * F.smooth_l1_loss(delta, torch.zeros_like(delta), reduction="none")).mean((1, 2, 3))
    d = (weight * delta.clamp(-1, 1)).sum(3) * (-spec.critic_loss_scale / delta[0].numel())
    return spec.critic_loss_scale * losses, d


def actor_loss(
    spec: SacSpec,
    spaces: Spaces,
    drawn: Sample,
    critics: list[Weights],
    batch: Batch,
    alpha: float,
    passes: Sequence[Pass],
) -> tuple[Tensor, Tensor]:
    """mean [alpha log pi(a|s) - reduced Q(s, a)] at the policy's own action (arXiv 1812.05905, eq. 7), and its gradient
    at the action [B, A] by way of Q alone."""
    predicted, tapes = predictions(spec, spaces, critics, batch.obs, drawn.action, passes)
    q = q_of(predicted)
    loss = (alpha * drawn.log_prob - reduce(spec.actor_reduce, q)).mean()
    return loss, gradients.at_action(spec, spaces, critics, tapes, q, passes)


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

    def alpha(self, turn: int) -> float:
        """The temperature in use before pass `turn`; a learned one's may be another until its first step."""
        temperature = self.spec.temperature
        if not isinstance(temperature, LearnedAlpha):
            return temperature.value
        first = temperature.in_use_at_first
        if first is not None and self.spec.actor_steps_before(self.updates_done, turn) == 0:
            return first
        return self.nets["log_alpha"][0].exp().item()


class Policy(NamedTuple):
    """The policy at one moment of an update: its temperature, and an action at each of the batch's states."""

    alpha: float
    sample: Sample


def policy_now(learner: Learner, obs: Tensor, noise: Tensor, turn: int = 1) -> Policy:
    """The policy as it stands before pass `turn`, at obs [B, O]."""
    how = learning(learner.spec.network("actor"), learner.spec.actor_steps_before(learner.updates_done, turn))
    return Policy(learner.alpha(turn), sample(learner.spec, learner.spaces, learner.actor, obs, noise, how))


def learning(of: Network, before: int) -> Pass:
    """How a network is passed when it learns, after so many such passes."""
    return Pass(True, of.norm.renorms(before)) if isinstance(of.norm, BatchRenorm) else JUDGES


def dropout_passes(spec: SacSpec, draws: Draws, passed: str) -> Sequence[Pass]:
    """How the critics are passed for one of spec.PASSES, where that is not just so: with dropout by their draws."""
    if not spec.critic_dropout:
        return ()
    below, names = spec.network("critic1").dropped_below, spec.kept_draws(passed)
    kept = {
        at: (draws[name][:, : spec.hidden[at[1]]] >= below) / (1 - spec.critic_dropout) for at, name in names.items()
    }
    return [Pass(kept=[kept[net, i] for i in range(len(spec.hidden))]) for net in members(spec, "critic")]


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
    spec = learner.spec
    adam, names = spec.adam_of(stage), members(spec, stage)
    count = spec.steps(stage, learner.updates_done, turn)
    eps = adam.eps
    if adam.eps_placement == "tensorflow":  # sqrt(v) + eps before bias correction, in torch's terms
        eps = eps / math.sqrt(1 - adam.beta2**count)
    if spec.gradient_clip is not None and stage != "alpha":
        gradient = gradients.clipped(gradient, spec.gradient_clip)
    theta, m, v = (tensors_of(nets, names) for nets in (learner.nets, learner.adam_m, learner.adam_v))
    decays = spec.weight_decay and stage != "alpha"  # a step of its own: parameters shrink first (arXiv 1711.05101)
    (torch._fused_adamw_ if decays else torch._fused_adam_)(
        theta, gradient, m, v, [], [torch.tensor(float(count))] * len(gradient),
        lr=spec.learning_rate(stage), beta1=adam.beta1, beta2=adam.beta2,
        weight_decay=spec.weight_decay if decays else 0.0, eps=eps, amsgrad=False, maximize=False,
    )  # fmt: skip


# --- update: five stages, and one loop over them ------------------------------------------------------------------


def value_stage(learner: Learner, batch: Batch, first: Policy) -> ValueResult:
    """V towards the soft value of the policy's action."""
    spec, drawn = learner.spec, first.sample
    predicted, _ = predictions(spec, learner.spaces, learner.critics, batch.obs, drawn.action)
    target = value_target(spec, q_of(predicted), drawn.log_prob, first.alpha)
    loss, gradient = value_loss(spec, learner.nets["value"], batch, target)
    return ValueResult(loss, target, gradient)


def critic_stage(learner: Learner, batch: Batch, first: Policy, draws: Draws) -> CriticResult:
    """Every critic towards the reward and the discounted value of the next state."""
    spec, spaces, critics, size = learner.spec, learner.spaces, learner.critics, len(batch.obs)
    drawn, passes = None, dropout_passes(spec, draws, "current")
    if spec.value_net:
        following = forward(spec.network("value"), learner.targets[0], batch.next_obs)[0].unsqueeze(0)
    else:
        drawn = sample(spec, spaces, learner.actor, batch.next_obs, draws["next_action"])
    if drawn and spec.target_networks:
        for_target = dropout_passes(spec, draws, "target")
        following, _ = predictions(spec, spaces, learner.targets, batch.next_obs, drawn.action, for_target)
    if spec.target_networks:
        predicted, tapes = predictions(spec, spaces, critics, batch.obs, batch.action, passes)
    else:
        assert drawn
        passes = [learning(spec.network("critic1"), learner.updates_done - 1)] * spec.critics
        obs, action = torch.cat([batch.obs, batch.next_obs]), torch.cat([batch.action, drawn.action])
        both, tapes = predictions(spec, spaces, critics, obs, action, passes)
        predicted, following = both[:, :size], both[:, size:]
    log_prob = drawn.log_prob if drawn else None
    y = critic_target(spec, following, log_prob, batch, first.alpha, draws.get("subset"))
    if spec.retrace:
        y = y + corrections(spec, spaces, learner.actor, learner.targets, batch, first.alpha, draws)
    losses, d = critic_loss(spec, predicted, y)
    d = d if spec.target_networks else torch.cat([d, torch.zeros_like(d)], dim=1)
    gradient = gradients.of_critics(spec, spaces, critics, tapes, d, passes)
    for critic, tape in zip(critics, tapes, strict=True):
        absorb(spec.network("critic1"), critic, tape)
    next_action, next_predicted = (drawn.action, following) if drawn else (None, None)
    return CriticResult(losses, predicted, y, next_action, log_prob, next_predicted, gradient)


def actor_stage(learner: Learner, batch: Batch, policy: Policy, draws: Draws, *, moves: bool) -> ActorResult:
    """The actor towards actions of high Q and of high entropy."""
    spec, spaces, actor, alpha = learner.spec, learner.spaces, learner.actor, policy.alpha
    passes = dropout_passes(spec, draws, "actor")
    loss, d_action = actor_loss(spec, spaces, policy.sample, learner.critics, batch, alpha, passes)
    of_log_prob = of_q = policy.sample
    if spec.pathwise_noise == "independent":  # log pi is of another action, Q's gradient reaches the actor by a third
        of_log_prob, of_q = (policy_now(learner, batch.obs, draws[name]).sample for name in ("action_2", "action_3"))
    gradient = gradients.of_actor(spec, spaces, actor, of_log_prob, of_q, d_action, alpha)
    if moves:
        absorb(spec.network("actor"), actor, policy.sample.inputs)
    return ActorResult(loss, alpha, policy.sample.log_prob, -d_action, gradient)


def alpha_stage(learner: Learner, batch: Batch, policy: Policy, draws: Draws, turn: int) -> AlphaResult:
    """The temperature towards the entropy aimed at, by the actor's sample or by a fresh one of the moved policy."""
    temperature, log_prob, fresh = learner.spec.temperature, policy.sample.log_prob, None
    assert isinstance(temperature, LearnedAlpha)
    if temperature.sample == "fresh":
        log_prob = fresh = policy_now(learner, batch.obs, draws[numbered("alpha", turn)], turn).sample.log_prob
    loss, gradient = alpha_loss(temperature, learner.nets["log_alpha"][0], log_prob, learner.spaces.action_dim)
    return AlphaResult(loss, fresh, [gradient])


def target_stage(learner: Learner) -> None:
    """The targets towards the networks they follow, in updates where it is due (arXiv 1801.01290, algorithm 1)."""
    spec, nets, count = learner.spec, learner.nets, learner.updates_done
    if not spec.target_networks:
        return
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
                    policy = policy_now(learner, batch.obs, draws[numbered("action", turn)], turn)
                result = actor_stage(learner, batch, policy, draws, moves=moves)
            case "alpha":
                result = alpha_stage(learner, batch, policy, draws, turn)
            case "target":
                if spec.gradients == "simultaneous":  # all were taken at the first parameters: now their steps
                    for (each, _), waiting in results.items():
                        if due or each not in DELAYED:
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
    spec, dtype = learner.spec, getattr(torch, learner.spec.dtype)
    draws = dict(zip(spec.draws, torch.from_numpy(noise).to(dtype), strict=True))
    if spec.critic_dropout:
        draws |= {name: draws[name][:, : learner.spaces.action_dim] for name in spec.action_draws}
    return unpack(torch.from_numpy(rows).to(dtype), learner.spaces, spec.further_steps), draws


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
        of = learner.spec.network("actor")
        mean, raw = forward(of, learner.actor, torch.from_numpy(obs[i]).to(dtype))[0].chunk(2, dim=1)
        if noise is not None:
            mean = mean + log_std(learner.spec, raw).exp() * torch.from_numpy(noise[i]).to(dtype)
        actions[i] = torch.tanh(mean).numpy()
    return actions


@torch.inference_mode()
def log_prob(state: State, obs: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """See suite.sac.contract.Implementation.log_prob."""
    of_seeds = []
    for learner, *arrays in zip(state, obs, actions, strict=True):
        tensors = (torch.from_numpy(one).to(getattr(torch, learner.spec.dtype)) for one in arrays)
        of_seeds.append(log_density(learner.spec, learner.actor, *tensors).numpy())
    return np.stack(of_seeds)


# --- in and out: canonical arrays ---------------------------------------------------------------------------------


def shapes(spec: SacSpec, spaces: Spaces, net: str) -> list[tuple[int, ...]]:
    """The shapes of a network's tensors."""
    if net == "log_alpha":
        return [()]
    critic = "critic" in net
    outputs = 2 * spaces.action_dim if net == "actor" else 1
    of, inputs = spec.network(net), spaces.obs_dim + (spaces.action_dim if critic else 0)
    *hidden, w, b = of.shapes(inputs, spec.critic_outputs if critic else outputs).values()
    if critic and spec.first_critic_layer == "sum_of_relus":
        hidden[1] = (2, spec.hidden[0])
    return [*hidden, w[::-1], b]


def canonical(spec: SacSpec, spaces: Spaces, net: str, tensors: Weights) -> dict[str, Tensor]:
    """Our tensors of a network as views by canonical name: all matrices [in, out], the actor's heads apart."""
    if net == "log_alpha":
        return {net: tensors[0]}
    *hidden, w, b = tensors
    parts = {f"{net}/{name}": tensor for name, tensor in zip(spec.network(net).tensors[:-2], hidden, strict=True)}
    if "critic" in net and spec.first_critic_layer == "sum_of_relus":
        w0, b0, obs_dim = parts.pop(f"{net}/w0"), parts.pop(f"{net}/b0"), spaces.obs_dim
        parts |= {f"{net}/w0_obs": w0[:obs_dim], f"{net}/w0_act": w0[obs_dim:]}
        parts |= {f"{net}/b0_obs": b0[0], f"{net}/b0_act": b0[1]}
    heads = ("_mean", "_log_std") if net == "actor" else (str(len(spec.hidden)),)
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
