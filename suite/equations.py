"""The update in float64 NumPy, one function per equation, gradients by hand: the executable definition of SacSpec.

Slow and plain on purpose. Engines are right when they agree with this file; this file is right when its gradients agree
with finite differences of its own losses (tests/test_equations.py). One seed: no leading axis. B is the batch size.

Papers: SAC v1 = arXiv 1801.01290, SAC v2 = arXiv 1812.05905, Adam = arXiv 1412.6980.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from suite.contract import Batch, Params, Spaces
from suite.spec import ClipLogStd, ExactLogDet, ExpStd, LearnedAlpha, SacSpec, SoftplusStd, SquashLogStd

LOG_2PI = np.log(2 * np.pi)


# --- networks: ReLU multi-layer perceptrons -----------------------------------------------------------------------


def hidden(spec: SacSpec, params: Params, net: str, x: np.ndarray) -> list[np.ndarray]:
    """The input [B, in] and every hidden layer's ReLU output [B, width]: what the backward pass needs."""
    outputs = [x]
    for i in range(len(spec.hidden)):
        product = factor(spec, i, outputs[-1]) @ factor(spec, i, params[f"{net}/w{i}"])
        outputs.append(np.maximum(product + params[f"{net}/b{i}"], 0))
    return outputs


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
    for i in reversed(range(len(spec.hidden))):
        d = d * (outputs[i + 1] > 0)
        grads[f"{net}/w{i}"] = factor(spec, i, outputs[i]).T @ factor(spec, i, d)
        grads[f"{net}/b{i}"] = d.sum(0)
        d = factor(spec, i, d) @ factor(spec, i, params[f"{net}/w{i}"]).T
    return grads, d


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


def critics(spec: SacSpec, params: Params, prefix: str, obs: np.ndarray, action: np.ndarray) -> tuple[np.ndarray, list]:
    """Q_i(s, a) of every critic [n, B] ("" online, "target_" targets), and their hidden outputs."""
    x = np.concatenate([obs, action], axis=1)
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


def log_det(spec: SacSpec, u: np.ndarray) -> np.ndarray:
    """log |d tanh(u) / du| [B, A] (SAC v1, eq. 21)."""
    if isinstance(spec.log_det, ExactLogDet):
        return 2 * (np.log(2) - u - softplus(-2 * u))
    return np.log(1 - np.tanh(u) ** 2 + spec.log_det.eps)


def log_det_backward(spec: SacSpec, u: np.ndarray) -> np.ndarray:
    """d log_det / du [B, A]."""
    a = np.tanh(u)
    if isinstance(spec.log_det, ExactLogDet):
        return -2 * a
    return -2 * a * (1 - a**2) / (1 - a**2 + spec.log_det.eps)


def sample(spec: SacSpec, params: Params, obs: np.ndarray, noise: np.ndarray) -> Sample:
    """a = tanh(mean(s) + std(s) * noise) and log pi(a|s) (SAC v1, eq. 21; SAC v2, eq. 8)."""
    outputs = hidden(spec, params, "actor", obs)
    mean = outputs[-1] @ params["actor/w_mean"] + params["actor/b_mean"]
    raw = outputs[-1] @ params["actor/w_log_std"] + params["actor/b_log_std"]
    scale = log_std(spec, raw)
    u = mean + np.exp(scale) * noise
    log_prob = (-0.5 * noise**2 - scale - 0.5 * LOG_2PI - log_det(spec, u)).sum(1)
    return Sample(np.tanh(u), log_prob, mean, raw, np.exp(scale), u, noise, outputs)


def sample_backward(
    spec: SacSpec, params: Params, drawn: Sample, d_action: np.ndarray, d_log_prob: np.ndarray
) -> Params:
    """The actor's gradients, given the loss's at the action [B, A] and at its log-probability [B] (SAC v1, eq. 13)."""
    d_log_prob = d_log_prob[:, None]
    d_u = d_action * (1 - drawn.action**2) - d_log_prob * log_det_backward(spec, drawn.u)
    d_raw = (d_u * drawn.std * drawn.noise - d_log_prob) * log_std_backward(spec, drawn.raw)
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
    spec: SacSpec, params: Params, batch: Batch, noise: dict, alpha: float
) -> tuple[np.ndarray, np.ndarray | None]:
    """y [B] = scale r + discount (1 - terminated) V'(s') and log pi(a'|s') (SAC v2, eq. 5-6; with V: SAC v1, eq. 8)."""
    if spec.value_net:
        next_value, _ = scalar(spec, params, "target_value", batch.next_obs)
        next_log_prob = None
    else:
        following = sample(spec, params, batch.next_obs, noise["next_action"])
        q, _ = critics(spec, params, "target_", batch.next_obs, following.action)
        next_value, next_log_prob = soft_value(spec, q, following.log_prob, alpha), following.log_prob
    return spec.reward_scale * batch.reward + spec.discount * (1 - batch.terminated) * next_value, next_log_prob


def critic_loss(spec: SacSpec, params: Params, batch: Batch, y: np.ndarray) -> tuple[np.ndarray, Params, np.ndarray]:
    """Each critic's scale * mean (Q_i - y)^2 [n], their gradients, and Q [n, B] (SAC v2, eq. 5; SAC v1, eq. 7)."""
    q, tapes = critics(spec, params, "", batch.obs, batch.action)
    grads: Params = {}
    for i, tape in enumerate(tapes):
        d = 2 * spec.critic_loss_scale * (q[i] - y) / len(y)
        grads |= scalar_backward(spec, params, f"critic{i + 1}", tape, d)[0]
    return spec.critic_loss_scale * ((q - y) ** 2).mean(1), grads, q


def value_loss(spec: SacSpec, params: Params, batch: Batch, target: np.ndarray) -> tuple[float, Params]:
    """scale * mean (V(s) - target)^2 and V's gradients (SAC v1, eq. 5-6)."""
    value, tape = scalar(spec, params, "value", batch.obs)
    d = 2 * spec.value_net.loss_scale * (value - target) / len(target)
    return spec.value_net.loss_scale * ((value - target) ** 2).mean(), scalar_backward(spec, params, "value", tape, d)[
        0
    ]


def actor_loss(
    spec: SacSpec, actor: Params, critic: Params, batch: Batch, noise: np.ndarray, alpha: float
) -> tuple[float, Params]:
    """mean [alpha log pi(a|s) - reduced Q(s, a)] and the actor's gradients (SAC v2, eq. 7 and 9; SAC v1, eq. 12-13)."""
    drawn = sample(spec, actor, batch.obs, noise)
    q, tapes = critics(spec, critic, "", batch.obs, drawn.action)
    size = len(drawn.log_prob)
    d_q = reduce_backward(spec.actor_reduce, q, np.full(size, -1 / size))
    d_action = np.zeros_like(drawn.action)
    for i, tape in enumerate(tapes):
        d_action += scalar_backward(spec, critic, f"critic{i + 1}", tape, d_q[i])[1][:, -drawn.action.shape[1] :]
    loss = (alpha * drawn.log_prob - reduce(spec.actor_reduce, q)).mean()
    return loss, sample_backward(spec, actor, drawn, d_action, np.full(size, alpha / size))


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
    those of the update's start; other parameters are the newest ones, or with gradients "simultaneous" the first ones.
    """
    learned = spec.learns_alpha
    alpha = np.exp(params["log_alpha"]) if learned else spec.temperature.value
    drawn = sample(spec, params, batch.obs, noise["action"])
    first, params, pending, seen = dict(params), dict(params), {}, {"alpha": alpha, "log_prob": drawn.log_prob}
    count = int(params.get("updates_done", 0)) + 1

    def descend(grads: Params) -> None:
        seen.update({f"grad/{name}": grad for name, grad in grads.items()})
        for name, grad in grads.items():
            net = "alpha" if name == "log_alpha" else name.split("/")[0].rstrip("0123456789")
            m, v = (params.get(f"{kind}/{name}", np.zeros_like(grad)) for kind in ("adam_m", "adam_v"))
            lr = spec.learning_rate(net)
            stepped = adam(spec, lr, count, params[name], grad, m, v)
            params[name], params[f"adam_m/{name}"], params[f"adam_v/{name}"] = stepped

    for stage in spec.stages:
        read = first if spec.gradients == "simultaneous" else params
        grads: Params = {}
        if stage == "critic":
            seen["target_q"], seen["next_log_prob"] = target_q(spec, read, batch, noise, alpha)
            losses, grads, seen["q"] = critic_loss(spec, read, batch, seen["target_q"])
            seen["critic_loss"] = losses.sum()
            seen.update({f"critic{i + 1}_loss": loss for i, loss in enumerate(losses)})
        elif stage == "value":
            q, _ = critics(spec, read, "", batch.obs, drawn.action)
            seen["value_target"] = soft_value(spec, q, drawn.log_prob, alpha)
            seen["value_loss"], grads = value_loss(spec, read, batch, seen["value_target"])
        elif stage == "actor":
            seen["actor_loss"], grads = actor_loss(spec, first, read, batch, noise["action"], alpha)
        elif stage == "alpha":
            fresh = spec.temperature.sample == "fresh"
            log_prob = sample(spec, read, batch.obs, noise["alpha"]).log_prob if fresh else drawn.log_prob
            goal = spec.target_entropy(spaces.action_dim)
            seen["alpha_loss"], gradient = alpha_loss(spec.temperature, first["log_alpha"], log_prob, goal)
            grads = {"log_alpha": np.asarray(gradient)}
        elif stage == "target":
            if spec.gradients == "simultaneous":
                descend(pending)
            if count % spec.target_every == 0:
                for name in [name for name in params if name.startswith("target_")]:
                    online = params[name.removeprefix("target_")]
                    params[name] = (1 - spec.tau) * params[name] + spec.tau * online
        if spec.gradients == "simultaneous":
            pending |= grads
        else:
            descend(grads)
    params["updates_done"] = np.asarray(count)
    return params, seen
