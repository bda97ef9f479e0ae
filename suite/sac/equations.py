"""The update in float64 NumPy, one function per equation, gradients by hand: the executable definition of SacSpec.

Slow and plain on purpose. Engines are right when they agree with this file; this file is right when its gradients agree
with finite differences of its own losses (tests/test_equations.py). One seed: no leading axis. B is the batch size.

Papers: SAC v1 = arXiv 1801.01290, SAC v2 = arXiv 1812.05905, Adam = arXiv 1412.6980.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from suite.sac.contract import Batch, Params, Spaces
from suite.sac.spec import DELAYED, ClipLogStd, ExactLogDet, ExpStd, LearnedAlpha, SacSpec, SoftplusStd, SquashLogStd

LOG_2PI = np.log(2 * np.pi)


# --- networks: ReLU multi-layer perceptrons -----------------------------------------------------------------------


def hidden(spec: SacSpec, params: Params, net: str, x: np.ndarray) -> list[np.ndarray]:
    """The input [B, in] and every hidden layer's ReLU output [B, width]: what the backward pass needs."""
    outputs = [x, sum(np.maximum(before, 0) for _, _, before in first_layer(spec, params, net, x))]
    for i in range(1, len(spec.hidden)):
        product = factor(spec, i, outputs[-1]) @ factor(spec, i, params[f"{net}/w{i}"])
        outputs.append(np.maximum(product + params[f"{net}/b{i}"], 0))
    return outputs


def first_layer(spec: SacSpec, params: Params, net: str, x: np.ndarray) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """What the first layer adds up: (its weights' suffix, its input, its value before the ReLU [B, width]).

    One term; or for critics of "sum_of_relus" one of obs and one of the action.
    """
    terms = [("0", x)]
    if "critic" in net and spec.first_critic_layer == "sum_of_relus":
        obs_dim = len(params[f"{net}/w0_obs"])
        terms = [("0_obs", x[:, :obs_dim]), ("0_act", x[:, obs_dim:])]
    return [(suffix, own, own @ params[f"{net}/w{suffix}"] + params[f"{net}/b{suffix}"]) for suffix, own in terms]


def factor(spec: SacSpec, layer: int, x: np.ndarray) -> np.ndarray:
    """x as a factor of a hidden layer's product: between hidden layers, "bfloat16_hidden" rounds it, ties to even."""
    if spec.precision != "bfloat16_hidden" or layer == 0:
        return x
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).view(np.float32).astype(float)


def hidden_backward(
    spec: SacSpec, params: Params, net: str, outputs: list, d_top: np.ndarray
) -> tuple[Params, np.ndarray]:
    """Gradients of the hidden layers and of the input [B, in], given the loss's gradient at the last hidden output."""
    grads, d = {}, d_top
    for i in reversed(range(1, len(spec.hidden))):
        d = d * (outputs[i + 1] > 0)
        grads[f"{net}/w{i}"] = factor(spec, i, outputs[i]).T @ factor(spec, i, d)
        grads[f"{net}/b{i}"] = d.sum(0)
        d = factor(spec, i, d) @ factor(spec, i, params[f"{net}/w{i}"]).T
    d_inputs = []
    for suffix, own, before in first_layer(spec, params, net, outputs[0]):
        d_own = d * (before > 0)
        grads |= {f"{net}/w{suffix}": own.T @ d_own, f"{net}/b{suffix}": d_own.sum(0)}
        d_inputs.append(d_own @ params[f"{net}/w{suffix}"].T)
    return grads, np.concatenate(d_inputs, axis=1)


def scalar(spec: SacSpec, params: Params, net: str, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """A network's scalar output [B], and its hidden outputs."""
    outputs = hidden(spec, params, net, x)
    top = len(spec.hidden)
    return (outputs[-1] @ params[f"{net}/w{top}"] + params[f"{net}/b{top}"])[:, 0], outputs


def scalar_backward(spec: SacSpec, params: Params, net: str, outputs: list, d: np.ndarray) -> tuple[Params, np.ndarray]:
    """Gradients of a scalar network's parameters and of its input [B, in], for the gradient d [B] at its output."""
    top = len(spec.hidden)
    grads, d_input = hidden_backward(spec, params, net, outputs, d[:, None] @ params[f"{net}/w{top}"].T)
    return grads | {f"{net}/w{top}": outputs[-1].T @ d[:, None], f"{net}/b{top}": d.sum(keepdims=True)}, d_input


def scale(units: str, spaces: Spaces) -> np.ndarray:
    """How long an action's unit is in those units: [A], or [] where all are 1."""
    return np.array(spaces.action_scale if units == "env" and spaces.action_scale else 1.0)


def critics(
    spec: SacSpec, spaces: Spaces, params: Params, prefix: str, obs: np.ndarray, action: np.ndarray
) -> tuple[np.ndarray, list]:
    """Q_i(s, a) of every critic [n, B] ("" online, "target_" targets), and their hidden outputs; action in [-1, 1]."""
    center = spaces.action_center if spec.critic_action_units == "env" and spaces.action_center else 0.0
    x = np.concatenate([obs, action * scale(spec.critic_action_units, spaces) + center], axis=1)
    q, tapes = zip(*(scalar(spec, params, f"{prefix}critic{i + 1}", x) for i in range(spec.critics)), strict=True)
    return np.stack(q), list(tapes)


def reduce(how: str, q: np.ndarray) -> np.ndarray:
    """One value [B] from the critics' [n, B]: the minimum (SAC v2, section 6), the mean, or the first."""
    return {"min": q.min(0), "mean": q.mean(0), "first": q[0]}[how]


def reduce_backward(how: str, q: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The gradient [n, B] of `reduce` for a gradient d [B] of its result."""
    if how == "mean":
        return np.broadcast_to(d / len(q), q.shape)
    chosen = np.zeros(q.shape[1], int) if how == "first" else q.argmin(0)
    return np.where(np.arange(len(q))[:, None] == chosen, d, 0.0)


# --- policy: a diagonal Gaussian through tanh (SAC v1, appendix C) ------------------------------------------------


class Sample(NamedTuple):
    """One action per row of a batch: action and what it came from [B, A], log_prob [B]."""

    action: np.ndarray
    log_prob: np.ndarray
    mean: np.ndarray
    raw: np.ndarray
    std: np.ndarray
    u: np.ndarray
    noise: np.ndarray
    outputs: list[np.ndarray]


def softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(x, 0)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * x))


def log_std(spec: SacSpec, raw: np.ndarray) -> np.ndarray:
    """log std [B, A] of the network's raw output."""
    match spec.std:
        case ClipLogStd(low=low, high=high):
            return np.clip(raw, low, high)
        case SquashLogStd(low=low, high=high):
            return low + 0.5 * (high - low) * (np.tanh(raw) + 1)
        case SoftplusStd(floor=floor):
            return np.log(softplus(raw) + floor)
        case ExpStd():
            return raw


def log_std_backward(spec: SacSpec, raw: np.ndarray) -> np.ndarray:
    """d log std / d raw [B, A]."""
    match spec.std:
        case ClipLogStd(low=low, high=high):
            return ((raw >= low) & (raw <= high)).astype(float)
        case SquashLogStd(low=low, high=high):
            return 0.5 * (high - low) * (1 - np.tanh(raw) ** 2)
        case SoftplusStd(floor=floor):
            return sigmoid(raw) / (softplus(raw) + floor)
        case ExpStd():
            return np.ones_like(raw)


def log_det(spec: SacSpec, spaces: Spaces, u: np.ndarray) -> np.ndarray:
    """log |da / du| [B, A] of a = tanh(u), or of the environment's action center + scale a (SAC v1, eq. 21)."""
    width = scale(spec.log_prob_units, spaces)
    if isinstance(spec.log_det, ExactLogDet):
        return 2 * (np.log(2) - u - softplus(-2 * u)) + np.log(width)
    return np.log(width * (1 - np.tanh(u) ** 2) + spec.log_det.eps)


def log_det_backward(spec: SacSpec, spaces: Spaces, u: np.ndarray) -> np.ndarray:
    """d log_det / du [B, A]."""
    a, width = np.tanh(u), scale(spec.log_prob_units, spaces)
    if isinstance(spec.log_det, ExactLogDet):
        return -2 * a
    return -2 * a * width * (1 - a**2) / (width * (1 - a**2) + spec.log_det.eps)


def sample(spec: SacSpec, spaces: Spaces, params: Params, obs: np.ndarray, noise: np.ndarray) -> Sample:
    """a = tanh(mean(s) + std(s) * noise) and log pi(a|s) (SAC v1, eq. 21; SAC v2, eq. 8)."""
    outputs = hidden(spec, params, "actor", obs)
    mean = outputs[-1] @ params["actor/w_mean"] + params["actor/b_mean"]
    raw = outputs[-1] @ params["actor/w_log_std"] + params["actor/b_log_std"]
    std = np.exp(log_std(spec, raw))
    u = mean + std * noise
    standard = (u - mean) / (std + spec.gaussian_eps)
    log_prob = (-0.5 * standard**2 - np.log(std) - 0.5 * LOG_2PI - log_det(spec, spaces, u)).sum(1)
    return Sample(np.tanh(u), log_prob, mean, raw, std, u, noise, outputs)


def sample_backward(
    spec: SacSpec, spaces: Spaces, params: Params, drawn: Sample, d_action: np.ndarray, d_log_prob: np.ndarray
) -> Params:
    """The actor's gradients, given the loss's at the action [B, A] and at its log-probability [B] (SAC v1, eq. 13)."""
    d_log_prob, std, noise = d_log_prob[:, None], drawn.std, drawn.noise
    d_u = d_action * (1 - drawn.action**2) - d_log_prob * log_det_backward(spec, spaces, drawn.u)
    # with noise fixed the standardised u is noise std / (std + eps): 1 + its share in d log N / d log std
    density = 1 + spec.gaussian_eps * (noise * std) ** 2 / (std + spec.gaussian_eps) ** 3
    d_raw = (d_u * std * noise - d_log_prob * density) * log_std_backward(spec, drawn.raw)
    top = drawn.outputs[-1]
    d_top = d_u @ params["actor/w_mean"].T + d_raw @ params["actor/w_log_std"].T
    grads, _ = hidden_backward(spec, params, "actor", drawn.outputs, d_top)
    heads = {"w_mean": top.T @ d_u, "b_mean": d_u.sum(0), "w_log_std": top.T @ d_raw, "b_log_std": d_raw.sum(0)}
    return grads | {f"actor/{name}": grad for name, grad in heads.items()}


# --- losses -------------------------------------------------------------------------------------------------------


def soft_value(spec: SacSpec, q: np.ndarray, log_prob: np.ndarray, alpha: float) -> np.ndarray:
    """V(s) [B] of one sampled action: reduced Q [n, B] minus alpha log pi (SAC v2, eq. 3; SAC v1, eq. 3 and 5)."""
    entropy = alpha * log_prob if spec.entropy_in_target else 0.0
    return reduce(spec.target_reduce, q) - entropy


def target_q(
    spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, noise: dict, alpha: float
) -> tuple[np.ndarray, np.ndarray | None]:
    """y [B] = scale r + discount (1 - terminated) V'(s') and log pi(a'|s') (SAC v2, eq. 5-6; with V: SAC v1, eq. 8)."""
    if spec.value_net:
        next_value, _ = scalar(spec, params, "target_value", batch.next_obs)
        next_log_prob = None
    else:
        following = sample(spec, spaces, params, batch.next_obs, noise["next_action"])
        q, _ = critics(spec, spaces, params, "target_", batch.next_obs, following.action)
        next_value, next_log_prob = soft_value(spec, q, following.log_prob, alpha), following.log_prob
    return spec.reward_scale * batch.reward + spec.discount * (1 - batch.terminated) * next_value, next_log_prob


def critic_loss(
    spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, y: np.ndarray
) -> tuple[np.ndarray, Params, np.ndarray]:
    """Each critic's scale * mean (Q_i - y)^2 [n], their gradients, and Q [n, B] (SAC v2, eq. 5; SAC v1, eq. 7)."""
    q, tapes = critics(spec, spaces, params, "", batch.obs, batch.action)
    grads: Params = {}
    for i, tape in enumerate(tapes):
        d = 2 * spec.critic_loss_scale * (q[i] - y) / len(y)
        grads |= scalar_backward(spec, params, f"critic{i + 1}", tape, d)[0]
    return spec.critic_loss_scale * ((q - y) ** 2).mean(1), grads, q


def value_target(spec: SacSpec, q: np.ndarray, log_prob: np.ndarray, alpha: float) -> np.ndarray:
    """What V regresses on: reduced Q_i - alpha log pi_i [B]; "broadcast": reduced Q_i - alpha log pi_j, [B, B]."""
    if spec.value_net.target == "per_sample":
        return soft_value(spec, q, log_prob, alpha)
    return reduce(spec.target_reduce, q)[:, None] - alpha * log_prob


def value_loss(spec: SacSpec, params: Params, batch: Batch, target: np.ndarray) -> tuple[float, Params]:
    """scale * mean (V(s) - target)^2, target [B] or [B, B], and V's gradients (SAC v1, eq. 5-6)."""
    value, tape = scalar(spec, params, "value", batch.obs)
    error = value[:, None] - target.reshape(len(value), -1)
    d = 2 * spec.value_net.loss_scale * error.mean(1) / len(value)
    return spec.value_net.loss_scale * (error**2).mean(), scalar_backward(spec, params, "value", tape, d)[0]


def actor_loss(
    spec: SacSpec, spaces: Spaces, actor: Params, critic: Params, batch: Batch, noises: list[np.ndarray], alpha: float
) -> tuple[float, Params, np.ndarray]:
    """mean [alpha log pi(a|s) - reduced Q(s, a)], the actor's gradients and d reduced Q / da of the mean [B, A].

    SAC v2, eq. 7 and 9; SAC v1, eq. 12-13. One noise; or three: of the action at which Q is differentiated, of the one
    whose log pi is, and of the one through which the gradient of Q reaches the actor.
    """
    drawn = sample(spec, spaces, actor, batch.obs, noises[0])
    q, tapes = critics(spec, spaces, critic, "", batch.obs, drawn.action)
    size, action_dim = drawn.action.shape
    d_q = reduce_backward(spec.actor_reduce, q, np.full(size, -1 / size))
    d_action = np.zeros_like(drawn.action)
    for i, tape in enumerate(tapes):
        d_input = scalar_backward(spec, critic, f"critic{i + 1}", tape, d_q[i])[1]
        d_action += d_input[:, -action_dim:] * scale(spec.critic_action_units, spaces)
    loss = (alpha * drawn.log_prob - reduce(spec.actor_reduce, q)).mean()
    d_log_prob = np.full(size, alpha / size)
    if spec.pathwise_noise == "shared":
        return loss, sample_backward(spec, spaces, actor, drawn, d_action, d_log_prob), -d_action
    of_entropy, of_q = (sample(spec, spaces, actor, batch.obs, noise) for noise in noises[1:])
    grads = sample_backward(spec, spaces, actor, of_entropy, np.zeros_like(d_action), d_log_prob)
    through_q = sample_backward(spec, spaces, actor, of_q, d_action, np.zeros_like(d_log_prob))
    return loss, {name: grad + through_q[name] for name, grad in grads.items()}, -d_action


def alpha_loss(
    temperature: LearnedAlpha, log_alpha: float, log_prob: np.ndarray, target_entropy: float
) -> tuple[float, float]:
    """-alpha mean(log pi + H), or -log(alpha) mean(log pi + H), and its gradient in log alpha (SAC v2, eq. 18)."""
    surplus = (log_prob + target_entropy).mean()
    if temperature.objective == "alpha":
        return -np.exp(log_alpha) * surplus, -np.exp(log_alpha) * surplus
    return -log_alpha * surplus, -surplus


# --- the update ---------------------------------------------------------------------------------------------------


def adam(
    spec: SacSpec, lr: float, count: int, param: np.ndarray, grad: np.ndarray, m: np.ndarray, v: np.ndarray
) -> tuple:
    """Parameter and moments after Adam's step number `count` (from 1) (Adam, algorithm 1)."""
    b1, b2, eps = spec.adam.beta1, spec.adam.beta2, spec.adam.eps
    m, v = b1 * m + (1 - b1) * grad, b2 * v + (1 - b2) * grad**2
    correction = np.sqrt(1 - b2**count)
    if spec.adam.eps_placement == "tensorflow":
        eps = eps / correction  # lr' m / (sqrt(v) + eps) with lr' = lr correction / (1 - b1^t), written torch's way
    return param - lr / (1 - b1**count) * m / (np.sqrt(v) / correction + eps), m, v


def update(spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, noise: dict) -> tuple[Params, dict]:
    """Every parameter after one update, and every loss, target, log-probability and gradient by name.

    noise: standard-normal draws [B, A] by the names in spec.draws. alpha and the policy's sample for V and alpha are
    those of the update's start (of the pass's, where actor and alpha have several; then names end in its number); other
    parameters are the newest ones, or with gradients "simultaneous" the first ones. Where the actor is not due, what it
    would have done is told and not done.
    """
    first, params, pending, seen = dict(params), dict(params), {}, {}
    count = int(params.get("updates_done", 0)) + 1
    due = spec.due(spec.actor_every, count)

    def temperature() -> float:
        return np.exp(params["log_alpha"]) if spec.learns_alpha else spec.temperature.value

    def descend(grads: Params, turn: int = 1) -> None:
        for name, grad in grads.items():
            net = "alpha" if name == "log_alpha" else name.split("/")[0].rstrip("0123456789")
            m, v = (params.get(f"{kind}/{name}", np.zeros_like(grad)) for kind in ("adam_m", "adam_v"))
            lr, step = spec.learning_rate(net), spec.steps(net, count, turn)
            stepped = adam(spec, lr, step, params[name], grad, m, v)
            params[name], params[f"adam_m/{name}"], params[f"adam_v/{name}"] = stepped

    alpha, drawn = temperature(), sample(spec, spaces, params, batch.obs, noise["action"])
    own_alpha, own_drawn = alpha, drawn  # of the pass
    seen |= {"alpha": alpha, "log_prob": drawn.log_prob}
    for stage, turn in spec.turns:
        read = first if spec.gradients == "simultaneous" else params
        suffix = f"_{turn}" if turn > 1 else ""
        if turn > 1 and not due:
            continue
        grads: Params = {}
        if stage == "critic":
            seen["target_q"], seen["next_log_prob"] = target_q(spec, spaces, read, batch, noise, alpha)
            losses, grads, seen["q"] = critic_loss(spec, spaces, read, batch, seen["target_q"])
            seen["critic_loss"] = losses.sum()
            seen.update({f"critic{i + 1}_loss": loss for i, loss in enumerate(losses)})
        elif stage == "value":
            q, _ = critics(spec, spaces, read, "", batch.obs, drawn.action)
            seen["value_target"] = value_target(spec, q, drawn.log_prob, alpha)
            seen["value_loss"], grads = value_loss(spec, read, batch, seen["value_target"])
        elif stage == "actor":
            if turn > 1:
                own_alpha, own_drawn = temperature(), sample(spec, spaces, read, batch.obs, noise[f"action{suffix}"])
                seen |= {f"alpha{suffix}": own_alpha, f"log_prob{suffix}": own_drawn.log_prob}
            names = ("action", "action_2", "action_3") if spec.pathwise_noise == "independent" else (f"action{suffix}",)
            noises = [noise[name] for name in names]
            loss, grads, seen["dq_da"] = actor_loss(spec, spaces, read, read, batch, noises, own_alpha)
            seen[f"actor_loss{suffix}"] = loss
        elif stage == "alpha":
            log_prob = own_drawn.log_prob
            if spec.temperature.sample == "fresh":
                log_prob = sample(spec, spaces, read, batch.obs, noise[f"alpha{suffix}"]).log_prob
                seen[f"log_prob_alpha{suffix}"] = log_prob
            goal = spec.target_entropy(spaces.action_dim)
            seen[f"alpha_loss{suffix}"], gradient = alpha_loss(spec.temperature, read["log_alpha"], log_prob, goal)
            grads = {"log_alpha": np.asarray(gradient)}
        elif stage == "target":
            descend(pending)
            online = {name: params[name.removeprefix("target_")] for name in params if name.startswith("target_")}
            if spec.due(spec.target_every, count):
                params |= {name: (1 - spec.tau) * params[name] + spec.tau * value for name, value in online.items()}
            if spec.target_copy_every and count % spec.target_copy_every == 0:
                params |= online
        seen.update({f"grad/{name}": grad for name, grad in grads.items()})
        if spec.gradients == "simultaneous":
            pending |= grads
        elif due or stage not in DELAYED:
            descend(grads, turn)
    params["updates_done"] = np.asarray(count)
    return params, seen
