"""The update in float64 NumPy, one function per equation, gradients by hand: the executable definition of SacSpec.

Slow and plain on purpose. Engines are right when they agree with this file; this file is right when its gradients agree
with finite differences of its own losses (tests/sac/test_equations.py). One seed: no leading axis. B is the batch size.

Papers: SAC v1 = arXiv 1801.01290, SAC v2 = arXiv 1812.05905, Adam = arXiv 1412.6980, TQC = arXiv 2005.04269,
Retrace = arXiv 1606.02647.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from suite.sac.contract import Batch, Params, Spaces, Step
from suite.sac.spec import (
    A_MAX,
    D_MAX,
    DELAYED,
    R_MAX,
    Adam,
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
from suite.sac.specs import Spec

LOG_2PI = np.log(2 * np.pi)


# --- networks: multi-layer perceptrons ----------------------------------------------------------------------------


class Pass(NamedTuple):
    """How a network is passed. learns: batch renormalisation goes by the batch itself, after `before` such passes, and
    not by its running statistics; kept: what dropout keeps [B, width], 1 or 0, by (network, layer)."""

    learns: bool = False
    before: int = 0
    kept: Mapping[tuple[str, int], np.ndarray] = {}


JUDGES = Pass()


def hidden(spec: Spec, params: Params, net: str, x: np.ndarray, how: Pass = JUDGES) -> list[np.ndarray]:
    """The input [B, in] and every hidden layer's output [B, width]: what the backward pass needs."""
    of, outputs = spec.network(net), [x]
    for i in range(len(of.hidden)):
        terms = first_layer(spec, params, net, x, how) if i == 0 else [before(of, params, net, i, outputs[-1], how)]
        outputs.append(np.sum([activate(of.activation, value) for value in terms], axis=0))
    return outputs


def first_layer(spec: Spec, params: Params, net: str, x: np.ndarray, how: Pass) -> list[np.ndarray]:
    """What the first layer adds up, before the activation [B, width]: one term, or for critics of "sum_of_relus" one of
    obs and one of the action."""
    if not summed(spec, net):
        return [before(spec.network(net), params, net, 0, x, how)]
    obs_dim = len(params[f"{net}/w0_obs"])
    of_obs = x[:, :obs_dim] @ params[f"{net}/w0_obs"] + params[f"{net}/b0_obs"]
    return [of_obs, x[:, obs_dim:] @ params[f"{net}/w0_act"] + params[f"{net}/b0_act"]]


def summed(spec: Spec, net: str) -> bool:
    """Whether the network's first layer is a sum of two."""
    return "critic" in net and spec.first_critic_layer == "sum_of_relus"


def before(of: Network, params: Params, net: str, layer: int, x: np.ndarray, how: Pass) -> np.ndarray:
    """A hidden layer's value before its activation [B, width]."""
    value = dropped(of, net, layer, linear(of, params, net, layer, renormed(of, params, net, layer, x, how)), how)
    return normed(of, params, net, layer, value)


def dropped(of: Network, net: str, layer: int, x: np.ndarray, how: Pass) -> np.ndarray:
    """Dropout of x, or of a gradient at its result: what is kept, enlarged by what is not (arXiv 2110.02034)."""
    return x * how.kept[net.removeprefix("target_"), layer] / (1 - of.dropout) if of.dropout else x


def linear(of: Network, params: Params, net: str, layer: int, x: np.ndarray) -> np.ndarray:
    """x w + b of a hidden layer [B, width]."""
    return hidden_product(of, layer, x, params[f"{net}/w{layer}"]) + params[f"{net}/b{layer}"]


def hidden_product(of: Network, layer: int, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """x w of a hidden layer, in its gradients too: between hidden layers, "bfloat16_hidden" rounds both factors and
    the product (what it sums, it sums in float32: here exactly)."""
    if not of.rounded or layer == 0:
        return x @ w
    return to_bfloat16(to_bfloat16(x) @ to_bfloat16(w))


def to_bfloat16(x: np.ndarray) -> np.ndarray:
    """x rounded to 8 binary digits, ties to even."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).view(np.float32).astype(float)


def activate(how: str, x: np.ndarray) -> np.ndarray:
    """A hidden layer's output of its value before."""
    match how:
        case "tanh":
            return np.tanh(x)
        case "elu":
            return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
        case "silu":
            return x * sigmoid(x)
    return np.maximum(x, 0)


def activate_backward(how: str, x: np.ndarray) -> np.ndarray:
    """The activation's slope; a ReLU's is 0 at 0."""
    match how:
        case "tanh":
            return 1 - np.tanh(x) ** 2
        case "elu":
            return np.exp(np.minimum(x, 0))
        case "silu":
            return sigmoid(x) * (1 + x * (1 - sigmoid(x)))
    return (x > 0).astype(float)


def normed(of: Network, params: Params, net: str, layer: int, x: np.ndarray) -> np.ndarray:
    """A hidden layer's value before its activation, with layer normalisation where there is one (arXiv 1607.06450)."""
    if not isinstance(of.norm, LayerNorm):
        return x
    return params[f"{net}/ln{layer}_scale"] * standardised(of.norm, x)[0] + params[f"{net}/ln{layer}_bias"]


def standardised(norm: LayerNorm, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row less its mean, by its standard deviation, [B, width]; and that deviation [B, 1]."""
    deviation = np.sqrt(x.var(1, keepdims=True) + norm.eps)
    return (x - x.mean(1, keepdims=True)) / deviation, deviation


def normed_backward(
    of: Network, params: Params, net: str, layer: int, x: np.ndarray, d: np.ndarray
) -> tuple[Params, np.ndarray]:
    """Gradients of a layer's norm and of the value x that it took, for the gradient d at its result."""
    if not isinstance(of.norm, LayerNorm):
        return {}, d
    z, deviation = standardised(of.norm, x)
    grads = {f"{net}/ln{layer}_scale": (d * z).sum(0), f"{net}/ln{layer}_bias": d.sum(0)}
    d_z = d * params[f"{net}/ln{layer}_scale"]
    d_x = d_z - d_z.mean(1, keepdims=True) - z * (d_z * z).mean(1, keepdims=True)
    return grads, d_x / deviation


class Renormed(NamedTuple):
    """Batch renormalisation of one layer's input, feature by feature: the batch's mean and variance, and what is taken
    for them, which is mean - shift sqrt(variance) and variance * narrowing."""

    mean: np.ndarray
    variance: np.ndarray
    shift: np.ndarray | float
    narrowing: np.ndarray | float


def statistics(norm: BatchRenorm, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The batch's mean and variance of each feature [width]."""
    return x.mean(0), x.var(0, ddof=1 if norm.variance == "unbiased" else 0)


def renorm(norm: BatchRenorm, params: Params, name: str, x: np.ndarray, how: Pass) -> Renormed:
    """r = clip(sigma / running sigma, 1/3, 3), d = clip((mean - running mean) / running sigma, -5, 5), constants both,
    sigma = sqrt(variance + eps) (arXiv 1702.03275, algorithm 1, with the bounds of arXiv 1902.05605's code)."""
    if not how.learns:
        return Renormed(params[f"{name}_mean"], params[f"{name}_var"], 0.0, 1.0)
    mean, variance = statistics(norm, x)
    if not norm.renorms(how.before):
        return Renormed(mean, variance, 0.0, 1.0)
    sigma = np.sqrt(params[f"{name}_var"] + norm.eps)
    r = np.clip(np.sqrt(variance + norm.eps) / sigma, 1 / R_MAX, R_MAX)
    return Renormed(mean, variance, np.clip((mean - params[f"{name}_mean"]) / sigma, -D_MAX, D_MAX) / r, 1 / r**2)


def renormed(of: Network, params: Params, net: str, layer: int, x: np.ndarray, how: Pass) -> np.ndarray:
    """What a layer takes of its input x [B, in]: x, or with batch renormalisation x by its statistics."""
    if not isinstance(of.norm, BatchRenorm):
        return x
    name = f"{net}/bn{layer}"
    return (
        params[f"{name}_scale"] * by_statistics(of.norm, x, renorm(of.norm, params, name, x, how))[0]
        + params[f"{name}_bias"]
    )


def by_statistics(norm: BatchRenorm, x: np.ndarray, by: Renormed) -> tuple[np.ndarray, np.ndarray]:
    """x less the mean taken, by the deviation taken; and that deviation."""
    deviation = np.sqrt(by.variance * by.narrowing + norm.eps)
    return (x - by.mean + by.shift * np.sqrt(by.variance)) / deviation, deviation


def renormed_backward(
    of: Network, params: Params, net: str, layer: int, x: np.ndarray, d: np.ndarray, how: Pass
) -> tuple[Params, np.ndarray]:
    """Gradients of a layer's renormalisation and of its input x, also through the batch's statistics."""
    if not isinstance(of.norm, BatchRenorm):
        return {}, d
    name, rows = f"{net}/bn{layer}", len(x) - (of.norm.variance == "unbiased")
    by = renorm(of.norm, params, name, x, how)
    z, deviation = by_statistics(of.norm, x, by)
    grads = {f"{name}_scale": (d * z).sum(0), f"{name}_bias": d.sum(0)}
    d_z = d * params[f"{name}_scale"]
    d_x = d_z / deviation
    if not how.learns:
        return grads, d_x
    root = np.sqrt(by.variance)
    # where a feature is constant, the root has no slope that matters: its rows are equal
    d_root = by.shift * d_x.sum(0)
    slope = np.divide(0.5 * d_root, root, out=np.zeros_like(root), where=root > 0)
    d_variance = slope - 0.5 * by.narrowing * (d_z * z).sum(0) / deviation**2
    return grads, d_x - d_x.mean(0) + d_variance * 2 * (x - by.mean) / rows


def running(spec: SacSpec, params: Params, net: str, outputs: list[np.ndarray]) -> Params:
    """The running statistics of a network's renormalisation after a pass that learned, by name."""
    norm, after = spec.network(net).norm, Params()
    if isinstance(norm, BatchRenorm):
        for i, x in enumerate(outputs):
            for part, batch in zip(("mean", "var"), statistics(norm, x), strict=True):
                name = f"{net}/bn{i}_{part}"
                after[name] = norm.momentum * params[name] + (1 - norm.momentum) * batch
    return after


def hidden_backward(
    spec: Spec, params: Params, net: str, outputs: list, d_top: np.ndarray, how: Pass = JUDGES
) -> tuple[Params, np.ndarray]:
    """Gradients of the hidden layers and of the input [B, in], given the loss's gradient at the last hidden output."""
    grads, d, of = Params(), d_top, spec.network(net)
    for i in reversed(range(len(of.hidden))):
        if i == 0 and summed(spec, net):
            layer_grads, d = summed_backward(spec, params, net, outputs[0], d)
        else:
            layer_grads, d = layer_backward(of, params, net, i, outputs[i], d, how)
        grads |= layer_grads
    return grads, d


def summed_backward(spec: Spec, params: Params, net: str, x: np.ndarray, d: np.ndarray) -> tuple[Params, np.ndarray]:
    """As `layer_backward`, of a first layer that is a sum of two ReLUs."""
    obs_dim, grads, d_inputs = len(params[f"{net}/w0_obs"]), Params(), []
    for suffix, part, value in zip(
        ("0_obs", "0_act"), (x[:, :obs_dim], x[:, obs_dim:]), first_layer(spec, params, net, x, JUDGES), strict=True
    ):
        d_part = d * (value > 0)
        grads |= {f"{net}/w{suffix}": part.T @ d_part, f"{net}/b{suffix}": d_part.sum(0)}
        d_inputs.append(d_part @ params[f"{net}/w{suffix}"].T)
    return grads, np.concatenate(d_inputs, axis=1)


def layer_backward(
    of: Network, params: Params, net: str, i: int, x: np.ndarray, d: np.ndarray, how: Pass
) -> tuple[Params, np.ndarray]:
    """Gradients of hidden layer i and of its input x [B, in], for the gradient d at its output."""
    taken = renormed(of, params, net, i, x, how)
    value = dropped(of, net, i, linear(of, params, net, i, taken), how)
    d = d * activate_backward(of.activation, normed(of, params, net, i, value))
    of_norm, d = normed_backward(of, params, net, i, value, d)
    d = dropped(of, net, i, d, how)
    grads = {f"{net}/w{i}": hidden_product(of, i, taken.T, d), f"{net}/b{i}": d.sum(0)}
    of_renorm, d = renormed_backward(of, params, net, i, x, hidden_product(of, i, d, params[f"{net}/w{i}"].T), how)
    return grads | of_norm | of_renorm, d


def output(
    spec: Spec, params: Params, net: str, x: np.ndarray, how: Pass = JUDGES
) -> tuple[np.ndarray, list[np.ndarray]]:
    """What a critic or value network gives, [B, outputs], and its hidden outputs."""
    outputs, top = hidden(spec, params, net, x, how), len(spec.hidden)
    taken = renormed(spec.network(net), params, net, top, outputs[-1], how)
    return taken @ params[f"{net}/w{top}"] + params[f"{net}/b{top}"], outputs


def output_backward(
    spec: Spec, params: Params, net: str, outputs: list, d: np.ndarray, how: Pass = JUDGES
) -> tuple[Params, np.ndarray]:
    """Gradients of such a network's parameters and of its input [B, in], for the gradient d [B, outputs]."""
    top, of = len(spec.hidden), spec.network(net)
    taken = renormed(of, params, net, top, outputs[-1], how)
    of_renorm, d_top = renormed_backward(of, params, net, top, outputs[-1], d @ params[f"{net}/w{top}"].T, how)
    grads, d_input = hidden_backward(spec, params, net, outputs, d_top, how)
    return grads | of_renorm | {f"{net}/w{top}": taken.T @ d, f"{net}/b{top}": d.sum(0)}, d_input


def scalar(spec: Spec, params: Params, net: str, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """A network's one output [B], and its hidden outputs."""
    values, outputs = output(spec, params, net, x)
    return values[:, 0], outputs


def scalar_backward(spec: Spec, params: Params, net: str, outputs: list, d: np.ndarray) -> tuple[Params, np.ndarray]:
    """Gradients of a network of one output and of its input [B, in], for the gradient d [B] at its output."""
    return output_backward(spec, params, net, outputs, d[:, None])


def scale(units: str, spaces: Spaces) -> np.ndarray:
    """How long an action's unit is in those units: [A], or [] where all are 1."""
    return np.array(spaces.action_scale if units == "env" and spaces.action_scale else 1.0)


def critics(
    spec: SacSpec, spaces: Spaces, params: Params, prefix: str, obs: np.ndarray, action: np.ndarray, how: Pass = JUDGES
) -> tuple[np.ndarray, list]:
    """What every critic predicts of (s, a), [n, B, outputs] ("" online, "target_" targets), and the hidden outputs;
    actions in [-1, 1]. Q is the mean of its outputs: of one, or of its quantiles."""
    center = spaces.action_center if spec.critic_action_units == "env" and spaces.action_center else 0.0
    x = np.concatenate([obs, action * scale(spec.critic_action_units, spaces) + center], axis=1)
    nets = [f"{prefix}critic{i + 1}" for i in range(spec.critics)]
    predicted, tapes = zip(*(output(spec, params, net, x, how) for net in nets), strict=True)
    return np.stack(predicted), list(tapes)


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
    how: Pass


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
    slope = width * (1 - np.tanh(u) ** 2)
    if isinstance(spec.log_det, FlooredLogDet):
        return np.log(np.maximum(slope, spec.log_det.floor))
    return np.log(slope + spec.log_det.eps)


def log_det_backward(spec: SacSpec, spaces: Spaces, u: np.ndarray) -> np.ndarray:
    """d log_det / du [B, A]."""
    a, width = np.tanh(u), scale(spec.log_prob_units, spaces)
    if isinstance(spec.log_det, ExactLogDet):
        return -2 * a
    slope = width * (1 - a**2)
    if isinstance(spec.log_det, FlooredLogDet):
        return -2 * a * (slope >= spec.log_det.floor)
    return -2 * a * slope / (slope + spec.log_det.eps)


def gaussian(
    spec: SacSpec, params: Params, obs: np.ndarray, how: Pass = JUDGES
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """The policy's mean before tanh and its raw log std [B, A], and the hidden outputs."""
    outputs, of = hidden(spec, params, "actor", obs, how), spec.network("actor")
    top = renormed(of, params, "actor", len(of.hidden), outputs[-1], how)
    mean = top @ params["actor/w_mean"] + params["actor/b_mean"]
    return mean, top @ params["actor/w_log_std"] + params["actor/b_log_std"], outputs


def log_density(spec: SacSpec, params: Params, obs: np.ndarray, action: np.ndarray) -> np.ndarray:
    """log N(u; mean(s), std(s)) [B] of given actions before tanh, u = arctanh(a), a within +-A_MAX."""
    mean, raw, _ = gaussian(spec, params, obs)
    scale, u = log_std(spec, raw), np.arctanh(np.clip(action, -A_MAX, A_MAX))
    return (-0.5 * ((u - mean) / np.exp(scale)) ** 2 - scale - 0.5 * LOG_2PI).sum(1)


def sample(
    spec: SacSpec, spaces: Spaces, params: Params, obs: np.ndarray, noise: np.ndarray, how: Pass = JUDGES
) -> Sample:
    """a = tanh(mean(s) + std(s) * noise) and log pi(a|s) (SAC v1, eq. 21; SAC v2, eq. 8); noise [B, A at least]."""
    noise = noise[:, : spaces.action_dim]
    mean, raw, outputs = gaussian(spec, params, obs, how)
    std = np.exp(log_std(spec, raw))
    u = mean + std * noise
    standard = (u - mean) / (std + spec.gaussian_eps)
    log_prob = (-0.5 * standard**2 - np.log(std) - 0.5 * LOG_2PI - log_det(spec, spaces, u)).sum(1)
    return Sample(np.tanh(u), log_prob, mean, raw, std, u, noise, outputs, how)


def sample_backward(
    spec: SacSpec, spaces: Spaces, params: Params, drawn: Sample, d_action: np.ndarray, d_log_prob: np.ndarray
) -> Params:
    """The actor's gradients, given the loss's at the action [B, A] and at its log-probability [B] (SAC v1, eq. 13)."""
    d_log_prob, std, noise = d_log_prob[:, None], drawn.std, drawn.noise
    d_u = d_action * (1 - drawn.action**2) - d_log_prob * log_det_backward(spec, spaces, drawn.u)
    # with noise fixed the standardised u is noise std / (std + eps): 1 + its share in d log N / d log std
    density = 1 + spec.gaussian_eps * (noise * std) ** 2 / (std + spec.gaussian_eps) ** 3
    d_raw = (d_u * std * noise - d_log_prob * density) * log_std_backward(spec, drawn.raw)
    of, below = spec.network("actor"), drawn.outputs[-1]
    top = renormed(of, params, "actor", len(of.hidden), below, drawn.how)
    d_top = d_u @ params["actor/w_mean"].T + d_raw @ params["actor/w_log_std"].T
    of_renorm, d_top = renormed_backward(of, params, "actor", len(of.hidden), below, d_top, drawn.how)
    grads, _ = hidden_backward(spec, params, "actor", drawn.outputs, d_top, drawn.how)
    grads |= of_renorm
    heads = {"w_mean": top.T @ d_u, "b_mean": d_u.sum(0), "w_log_std": top.T @ d_raw, "b_log_std": d_raw.sum(0)}
    return grads | {f"actor/{name}": grad for name, grad in heads.items()}


# --- losses -------------------------------------------------------------------------------------------------------


def soft_value(spec: SacSpec, q: np.ndarray, log_prob: np.ndarray, alpha: float) -> np.ndarray:
    """V(s) [B] of one sampled action: reduced Q [n, B] minus alpha log pi (SAC v2, eq. 3; SAC v1, eq. 3 and 5)."""
    entropy = alpha * log_prob if spec.entropy_in_target else 0.0
    return reduce(spec.target_reduce, q) - entropy


class Target(NamedTuple):
    """What critics regress on: [B], or of quantiles [B, kept]. Without a value net also what makes it: an action at
    s' and its log pi, and what critics predict of it [n, B, outputs]."""

    y: np.ndarray
    action: np.ndarray | None = None
    log_prob: np.ndarray | None = None
    predicted: np.ndarray | None = None


def target_q(spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, noise: Params, alpha: float) -> Target:
    """y = scale r + discount (1 - terminated) V'(s') (SAC v2, eq. 5-6; with V: SAC v1, eq. 8).

    With quantiles the same of each quantile in V's place (TQC, section 3).
    """
    if spec.value_net:
        next_value, _ = scalar(spec, params, "target_value", batch.next_obs)
        return Target(bellman_target(spec, batch.reward, batch.terminated, next_value))
    following = sample(spec, spaces, params, batch.next_obs, noise["next_action"])
    if spec.target_networks:
        how = Pass(kept=kept(spec, noise, "target"))
        every, _ = critics(spec, spaces, params, "target_", batch.next_obs, following.action, how)
    else:
        every = joint(spec, spaces, params, batch, following.action)[0][:, len(batch.obs) :]
    predicted = chosen(spec, every, noise)
    if spec.quantiles:
        entropy = alpha * following.log_prob if spec.entropy_in_target else np.zeros(len(batch.obs))
        next_value = pooled(spec.quantiles, predicted) - entropy[:, None]
    else:
        next_value = soft_value(spec, predicted[..., 0], following.log_prob, alpha)
    y = bellman_target(spec, batch.reward, batch.terminated, next_value)
    if spec.retrace:
        y = y + corrections(spec, spaces, params, batch, noise, alpha)
    return Target(y, following.action, following.log_prob, every)


def corrections(spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, noise: Params, alpha: float) -> np.ndarray:
    """What further steps add to the target of the first [B]: each one's temporal difference scale r + discount
    (1 - terminated) V(s') - Q(s, a), times discount and trace of every step up to it (Retrace, eq. 3)."""

    def judged(obs: np.ndarray, action: np.ndarray) -> np.ndarray:
        return chosen(spec, critics(spec, spaces, params, "target_", obs, action)[0], noise)[..., 0]

    total, weight, obs = np.zeros(len(batch.obs)), np.ones(len(batch.obs)), batch.next_obs
    for n, step in enumerate(batch.further, start=2):
        weight = weight * spec.discount * trace(spec, params, obs, step)
        following = sample(spec, spaces, params, step.next_obs, noise[numbered("next_action", n)])
        value = soft_value(spec, judged(step.next_obs, following.action), following.log_prob, alpha)
        y = bellman_target(spec, step.reward, step.terminated, value)
        total = total + weight * (y - reduce(spec.target_reduce, judged(obs, step.action)))
        obs = step.next_obs
    return total


def trace(spec: SacSpec, params: Params, obs: np.ndarray, step: Step) -> np.ndarray:
    """c [B] of a step from obs: decay, or decay min(1, pi / mu) (Retrace, eq. 4); 0 behind the episode."""
    assert spec.retrace is not None
    if spec.retrace.trace == "whole":
        return spec.retrace.decay * step.goes_on
    ratio = np.exp(np.minimum(log_density(spec, params, obs, step.action) - step.log_prob, 0))
    return spec.retrace.decay * ratio * step.goes_on


def chosen(spec: SacSpec, predicted: np.ndarray, noise: Params) -> np.ndarray:
    """Of what critics predict [n, ...] that which enters the target."""
    return predicted[subset(spec, noise["subset"])] if spec.target_subset else predicted


def kept(spec: SacSpec, noise: Params, passed: str) -> dict[tuple[str, int], np.ndarray]:
    """What dropout keeps in a pass of the critics, [B, width], 1 or 0, by (critic, layer)."""
    below, names = spec.network("critic1").dropped_below if spec.critic_dropout else 0.0, spec.kept_draws(passed)
    return {(net, i): (noise[name][:, : spec.hidden[i]] >= below).astype(float) for (net, i), name in names.items()}


def joint(
    spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, next_action: np.ndarray
) -> tuple[np.ndarray, list]:
    """What the critics predict of (s, a) and of (s', a') in one pass that learns, [n, 2B, outputs], and the hidden
    outputs (CrossQ, arXiv 1902.05605)."""
    obs, action = np.concatenate([batch.obs, batch.next_obs]), np.concatenate([batch.action, next_action])
    return critics(spec, spaces, params, "", obs, action, Pass(True, int(params["updates_done"]) - 1))


def subset(spec: SacSpec, noise: np.ndarray) -> np.ndarray:
    """Which target_subset critics enter the target: those of the smallest of the first n numbers of a draw [B, A]
    (REDQ, arXiv 2101.05982, algorithm 1)."""
    return np.argsort(noise.reshape(-1)[: spec.critics], kind="stable")[: spec.target_subset]


def pooled(quantiles: Quantiles, predicted: np.ndarray) -> np.ndarray:
    """Of the critics' quantiles [n, B, k] those kept in the target, [B, kept]: all but the largest of them, ascending
    (TQC, section 3); or in each row those of the critic with the smallest mean."""
    if quantiles.target == "minimum":
        return predicted[predicted.mean(2).argmin(0), np.arange(predicted.shape[1])]
    kept = len(predicted) * (quantiles.n - quantiles.dropped)
    return np.sort(np.concatenate(list(predicted), axis=1), axis=1)[:, :kept]


def bellman_target(spec: SacSpec, reward: np.ndarray, terminated: np.ndarray, next_value: np.ndarray) -> np.ndarray:
    """scale r + discount (1 - terminated) V(s') (SAC v2, eq. 2), next value [B] or [B, kept]."""
    reward, terminated = (x.reshape(-1, *[1] * (next_value.ndim - 1)) for x in (reward, terminated))
    return spec.reward_scale * reward + spec.discount * (1 - terminated) * next_value


def critic_loss(
    spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, y: np.ndarray, how: Pass = JUDGES
) -> tuple[np.ndarray, Params, np.ndarray]:
    """Each critic's scale * mean (Q_i - y)^2 [n], or quantile loss, their gradients, and what the critics predict
    [n, B, outputs] (SAC v2, eq. 5; SAC v1, eq. 7)."""
    predicted, tapes = critics(spec, spaces, params, "", batch.obs, batch.action, how)
    losses, d = losses_of(spec, predicted, y)
    grads: Params = {}
    for i, tape in enumerate(tapes):
        grads |= output_backward(spec, params, f"critic{i + 1}", tape, d[i], how)[0]
    return losses, grads, predicted


def joint_critic_loss(
    spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, y: np.ndarray, next_action: np.ndarray
) -> tuple[np.ndarray, Params, np.ndarray, Params]:
    """As `critic_loss`, of critics that have judged (s', a') in the same pass: these rows have a part in the gradients
    through the batch's statistics. Last come the running statistics after it."""
    predicted, tapes = joint(spec, spaces, params, batch, next_action)
    losses, d = losses_of(spec, predicted[:, : len(y)], y)
    grads, after = Params(), Params()
    how = Pass(True, int(params["updates_done"]) - 1)
    for i, tape in enumerate(tapes):
        d_both = np.concatenate([d[i], np.zeros_like(d[i])])
        grads |= output_backward(spec, params, f"critic{i + 1}", tape, d_both, how)[0]
        after |= running(spec, params, f"critic{i + 1}", tape)
    return losses, grads, predicted[:, : len(y)], after


def losses_of(spec: SacSpec, predicted: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each critic's loss [n], and its gradient at what the critics predict [n, B, outputs]."""
    loss = quantile_loss if spec.quantiles else squared_loss
    losses, d = zip(*(loss(one, y) for one in predicted), strict=True)
    return spec.critic_loss_scale * np.array(losses), spec.critic_loss_scale * np.stack(d)


def squared_loss(predicted: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """mean (Q - y)^2 and its gradient [B, 1] at Q [B, 1], y [B]."""
    error = predicted - y[:, None]
    return (error**2).mean(), 2 * error / len(y)


def quantile_loss(predicted: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """mean |tau_i - 1[y_j < z_i]| H(y_j - z_i) over the batch, i and j, H Huber's loss with threshold 1, tau_i the
    middle of the i-th k-th; and its gradient [B, k] at z [B, k], y [B, kept] (arXiv 1710.10044, eq. 10)."""
    tau = (np.arange(predicted.shape[1]) + 0.5) / predicted.shape[1]
    delta = y[:, None, :] - predicted[:, :, None]
    weight = np.abs(tau[:, None] - (delta < 0))
    huber = np.where(np.abs(delta) > 1, np.abs(delta) - 0.5, 0.5 * delta**2)
    return (weight * huber).mean(), -(weight * np.clip(delta, -1, 1)).sum(2) / delta.size


def value_target(spec: SacSpec, q: np.ndarray, log_prob: np.ndarray, alpha: float) -> np.ndarray:
    """What V regresses on: reduced Q_i - alpha log pi_i [B]; "broadcast": reduced Q_i - alpha log pi_j, [B, B]."""
    assert spec.value_net is not None
    if spec.value_net.target == "per_sample":
        return soft_value(spec, q, log_prob, alpha)
    return reduce(spec.target_reduce, q)[:, None] - alpha * log_prob


def value_loss(spec: SacSpec, params: Params, batch: Batch, target: np.ndarray) -> tuple[float, Params]:
    """scale * mean (V(s) - target)^2, target [B] or [B, B], and V's gradients (SAC v1, eq. 5-6)."""
    assert spec.value_net is not None
    value, tape = scalar(spec, params, "value", batch.obs)
    error = value[:, None] - target.reshape(len(value), -1)
    d = 2 * spec.value_net.loss_scale * error.mean(1) / len(value)
    return spec.value_net.loss_scale * (error**2).mean(), scalar_backward(spec, params, "value", tape, d)[0]


def actor_loss(
    spec: SacSpec,
    spaces: Spaces,
    actor: Params,
    critic: Params,
    batch: Batch,
    noises: list[np.ndarray],
    alpha: float,
    passes: tuple[Pass, Pass] = (JUDGES, JUDGES),
) -> tuple[float, Params, np.ndarray]:
    """mean [alpha log pi(a|s) - reduced Q(s, a)], the actor's gradients and d reduced Q / da of the mean [B, A].

    passes: how the actor is passed, and how the critics are.

    SAC v2, eq. 7 and 9; SAC v1, eq. 12-13. One noise; or three: of the action at which Q is differentiated, of the one
    whose log pi is, and of the one through which the gradient of Q reaches the actor.
    """
    drawn = sample(spec, spaces, actor, batch.obs, noises[0], passes[0])
    predicted, tapes = critics(spec, spaces, critic, "", batch.obs, drawn.action, passes[1])
    q, (size, action_dim) = predicted.mean(2), drawn.action.shape
    d_q = reduce_backward(spec.actor_reduce, q, np.full(size, -1 / size))
    d_action = np.zeros_like(drawn.action)
    for i, tape in enumerate(tapes):
        d_predicted = np.broadcast_to(d_q[i][:, None] / predicted.shape[2], predicted[i].shape)
        d_input = output_backward(spec, critic, f"critic{i + 1}", tape, d_predicted, passes[1])[1]
        d_action += d_input[:, -action_dim:] * scale(spec.critic_action_units, spaces)
    loss = (alpha * drawn.log_prob - reduce(spec.actor_reduce, q)).mean()
    d_log_prob = np.full(size, alpha / size)
    if spec.pathwise_noise == "shared":
        return loss, sample_backward(spec, spaces, actor, drawn, d_action, d_log_prob), -d_action
    of_entropy, of_q = (sample(spec, spaces, actor, batch.obs, noise, passes[0]) for noise in noises[1:])
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


# --- update: five stages, and one loop over them ------------------------------------------------------------------

Seen = dict[str, Any]
"""What an update, or a stage of it, computed by name."""


class Policy(NamedTuple):
    """The policy at one moment of an update: its temperature, and an action at each of the batch's states."""

    alpha: float
    sample: Sample


def policy_now(
    spec: SacSpec, spaces: Spaces, params: Params, obs: np.ndarray, noise: np.ndarray, turn: int = 1
) -> Policy:
    """The policy as it stands before pass `turn` of an update, at obs [B, O]."""
    how = Pass(True, spec.actor_steps_before(int(params["updates_done"]), turn))
    return Policy(alpha_now(spec, params, turn), sample(spec, spaces, params, obs, noise, how))


def alpha_now(spec: SacSpec, params: Params, turn: int) -> float:
    """The temperature in use before pass `turn` of an update; a learned one's may be another until its first step."""
    temperature = spec.temperature
    if not isinstance(temperature, LearnedAlpha):
        return temperature.value
    if temperature.in_use_at_first is not None and spec.actor_steps_before(int(params["updates_done"]), turn) == 0:
        return temperature.in_use_at_first
    return float(np.exp(params["log_alpha"]))


def numbered(name: str, turn: int) -> str:
    """The name of a draw, or of something computed, in pass `turn` (from 1) of actor and alpha."""
    return name if turn == 1 else f"{name}_{turn}"


def adam(how: Adam, lr: float, count: int, param: np.ndarray, grad: np.ndarray, m: np.ndarray, v: np.ndarray) -> tuple:
    """Parameter and moments after Adam's step number `count` (from 1) (Adam, algorithm 1)."""
    b1, b2, eps = how.beta1, how.beta2, how.eps
    m, v = b1 * m + (1 - b1) * grad, b2 * v + (1 - b2) * grad**2
    correction = np.sqrt(1 - b2**count)
    if how.eps_placement == "tensorflow":
        eps = eps / correction  # lr' m / (sqrt(v) + eps) with lr' = lr correction / (1 - b1^t), written torch's way
    return param - lr / (1 - b1**count) * m / (np.sqrt(v) / correction + eps), m, v


def descend(spec: SacSpec, params: Params, grads: Params, turn: int = 1) -> None:
    """One Adam step of the parameters that have gradients, in place."""
    for name, grad in clipped(spec, grads).items():
        net = optimiser_of(name)
        m, v = (params.get(f"{kind}/{name}", np.zeros_like(grad)) for kind in ("adam_m", "adam_v"))
        step, lr = spec.steps(net, int(params["updates_done"]), turn), spec.learning_rate(net)
        decayed = params[name] * (1 - lr * spec.weight_decay) if net != "alpha" else params[name]
        stepped = adam(spec.adam_of(net), lr, step, decayed, grad, m, v)
        params[name], params[f"adam_m/{name}"], params[f"adam_v/{name}"] = stepped


def optimiser_of(name: str) -> str:
    """Whose step moves a parameter: "actor", "critic", "value" or "alpha"."""
    return "alpha" if name == "log_alpha" else name.split("/")[0].rstrip("0123456789")


def clipped(spec: SacSpec, grads: Params) -> Params:
    """The gradients, those of an optimiser whose norm over all its networks is above gradient_clip shortened to it."""
    if spec.gradient_clip is None:
        return grads
    squares: dict[str, float] = {}
    for name, grad in grads.items():
        squares[optimiser_of(name)] = squares.get(optimiser_of(name), 0.0) + float((grad**2).sum())
    share = {net: min(1.0, spec.gradient_clip / max(np.sqrt(total), 1e-300)) for net, total in squares.items()}
    return {name: grad * (1.0 if name == "log_alpha" else share[optimiser_of(name)]) for name, grad in grads.items()}


def value_stage(spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, first: Policy) -> tuple[Seen, Params]:
    """V towards the soft value of the policy's action."""
    predicted, _ = critics(spec, spaces, params, "", batch.obs, first.sample.action)
    target = value_target(spec, predicted.mean(2), first.sample.log_prob, first.alpha)
    loss, grads = value_loss(spec, params, batch, target)
    return {"value_loss": loss, "value_target": target}, grads


def critic_stage(
    spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, first: Policy, noise: Params
) -> tuple[Seen, Params, Params]:
    """Every critic towards the reward and the discounted value of the next state; last, running statistics it moved."""
    target, after = target_q(spec, spaces, params, batch, noise, first.alpha), Params()
    if target.action is None or spec.target_networks:
        how = Pass(kept=kept(spec, noise, "current"))
        losses, grads, predicted = critic_loss(spec, spaces, params, batch, target.y, how)
    else:
        losses, grads, predicted, after = joint_critic_loss(spec, spaces, params, batch, target.y, target.action)
    seen = {"critic_loss": losses.sum(), "q": predicted.mean(2)}
    seen |= {"next_action": target.action, "next_log_prob": target.log_prob}
    if spec.quantiles:
        seen |= {"quantiles": predicted, "next_quantiles": target.predicted, "target_quantiles": target.y}
    else:
        seen |= {"target_q": target.y, "next_q": None if target.predicted is None else target.predicted[..., 0]}
    return seen | {f"critic{i + 1}_loss": loss for i, loss in enumerate(losses)}, grads, after


def actor_stage(
    spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, policy: Policy, noise: Params, turn: int
) -> tuple[Seen, Params, Params]:
    """The actor towards actions of high Q and of high entropy; last, running statistics it moved."""
    independent = spec.pathwise_noise == "independent"
    names = ("action", "action_2", "action_3") if independent else (numbered("action", turn),)
    noises = [noise[name] for name in names]
    passes = policy.sample.how, Pass(kept=kept(spec, noise, "actor"))
    loss, grads, dq_da = actor_loss(spec, spaces, params, params, batch, noises, policy.alpha, passes)
    of_pass = {"actor_loss": loss, "alpha": policy.alpha, "log_prob": policy.sample.log_prob}
    seen = {numbered(name, turn): value for name, value in of_pass.items()} | {"dq_da": dq_da}
    return seen, grads, running(spec, params, "actor", policy.sample.outputs)


def alpha_stage(
    spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, policy: Policy, noise: Params, turn: int
) -> tuple[Seen, Params]:
    """The temperature towards the entropy aimed at, by the actor's sample or by a fresh one of the moved policy."""
    assert isinstance(spec.temperature, LearnedAlpha)
    seen, log_prob = Seen(), policy.sample.log_prob
    if spec.temperature.sample == "fresh":
        log_prob = policy_now(spec, spaces, params, batch.obs, noise[numbered("alpha", turn)], turn).sample.log_prob
        seen[numbered("log_prob_alpha", turn)] = log_prob
    goal, log_alpha = spec.target_entropy(spaces.action_dim), float(params["log_alpha"])
    seen[numbered("alpha_loss", turn)], grad = alpha_loss(spec.temperature, log_alpha, log_prob, goal)
    return seen, {"log_alpha": np.asarray(grad)}


def target_stage(spec: SacSpec, params: Params) -> None:
    """The targets towards the networks they follow, in updates where it is due, in place (SAC v1, algorithm 1)."""
    count = int(params["updates_done"])
    online = {name: params[name.removeprefix("target_")] for name in params if name.startswith("target_")}
    if spec.due(spec.target_every, count):
        params |= {name: (1 - spec.tau) * params[name] + spec.tau * value for name, value in online.items()}
    if spec.target_copy_every and count % spec.target_copy_every == 0:
        params |= online


def run_stages(spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, noise: Params, first: Policy) -> Seen:
    """The stages in order, and each optimiser's step behind its stage, in place."""
    policy, seen, pending = first, Seen(), Params()
    due = spec.due(spec.actor_every, int(params["updates_done"]))
    for stage, turn in spec.turns:
        if turn > 1 and not due:
            continue
        after = Params()
        match stage:
            case "value":
                named, grads = value_stage(spec, spaces, params, batch, first)
            case "critic":
                named, grads, after = critic_stage(spec, spaces, params, batch, first, noise)
            case "actor":
                if turn > 1:
                    policy = policy_now(spec, spaces, params, batch.obs, noise[numbered("action", turn)], turn)
                named, grads, after = actor_stage(spec, spaces, params, batch, policy, noise, turn)
            case "alpha":
                named, grads = alpha_stage(spec, spaces, params, batch, policy, noise, turn)
            case "target":
                descend(spec, params, pending)
                target_stage(spec, params)
                continue
        seen |= named | {f"grad/{name}": grad for name, grad in grads.items()}
        if not due and stage in DELAYED:
            continue
        params |= after
        if spec.gradients == "simultaneous":
            pending |= grads
        else:
            descend(spec, params, grads, turn)
    return seen


def update(spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, noise: Params) -> tuple[Params, Seen]:
    """Every parameter after one update, and every loss, target, log-probability and gradient by name.

    noise: standard-normal draws [B, A] by the names in spec.draws. alpha and the policy's sample for V and alpha are
    those of the update's start (of the pass's, where actor and alpha have several; then names end in its number); other
    parameters are the newest ones, or with gradients "simultaneous" the first ones. Where the actor is not due, what it
    would have done is named and not done.
    """
    params = params | {"updates_done": np.asarray(int(params.get("updates_done", 0)) + 1)}
    first = policy_now(spec, spaces, params, batch.obs, noise["action"])
    return params, run_stages(spec, spaces, params, batch, noise, first)
