"""The gradients of sac_torch.py's losses, written out; tests/implementations/test_parity.py holds them against
suite/sac/equations.py.

Each function takes what its forward function kept and the loss's gradient at that function's result (`d`, `d_q`,
`d_action`, ...). Autograd gives the same numbers, but its bookkeeping costs 16 % of an update with networks of
256 x 256, and 42 % with 64 x 64, on one processor core.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from implementations.stages import JUDGES, Pass
from suite.sac.contract import Spaces
from suite.sac.spec import ClipLogStd, ExactLogDet, ExpStd, FlooredLogDet, Network, SacSpec, SoftplusStd, SquashLogStd

if TYPE_CHECKING:
    from implementations.sac_torch import Sample

Weights = list[Tensor]
"""A network's w0, b0, w1, b1, ... from the input up. Matrices are [in, out], but the last one [out, in]: with a handful
of outputs that is the faster product. The actor's last layer holds both heads, mean above log std."""


def matmul(rounded: bool, x: Tensor, w: Tensor) -> Tensor:
    """x w; `rounded` with factors rounded to bfloat16, summed in float32, and rounded."""
    return (x.bfloat16() @ w.bfloat16()).float() if rounded else x @ w


def scale(units: str, spaces: Spaces, like: Tensor) -> Tensor | float:
    """How long an action's unit is in those units: [A], or 1."""
    return like.new_tensor(spaces.action_scale) if units == "env" and spaces.action_scale else 1.0


# --- networks -----------------------------------------------------------------------------------------------------


class Standard(NamedTuple):
    """What layer normalisation keeps: its result before scale and bias [B, width], and the deviation taken [B, 1]."""

    z: Tensor
    deviation: Tensor


class Renormed(NamedTuple):
    """What batch renormalisation keeps: its result before scale and bias and the deviation it went by; x less the mean,
    mean and variance (of the batch in a pass that learns); and the mean taken is mean - shift sqrt(variance), the
    variance taken variance * narrowing."""

    z: Tensor
    deviation: Tensor
    centred: Tensor
    mean: Tensor
    variance: Tensor
    shift: Tensor
    narrowing: Tensor
    learns: bool


class Layer(NamedTuple):
    """What a layer that is more than a product and a ReLU keeps: what the product takes, and its value before the
    activation; and what its normalisations keep."""

    taken: Tensor
    of_batch: Renormed | None
    of_layer: Standard | None
    before: Tensor


def backward(
    of: Network,
    weights: Weights,
    tape: list,
    d: Tensor,
    how: Pass = JUDGES,
    *,
    of_weights: bool = True,
    of_input: bool = False,
    below: int = 0,
) -> tuple[Weights, Tensor]:
    """Gradients of the weights (none if not `of_weights`), and at the first layer before its ReLU [B, width] or, with
    layers below or `of_input`, at the input; given the loss's gradient d [B, out] at the network's output."""
    if not of.plain:
        return backward_through(of, weights, tape, d, how, of_weights=of_weights)
    inputs = tape
    grads = [d.t() @ inputs[-1], d.sum(0)] if of_weights else []
    d = d @ weights[-2]
    for i in reversed(range(len(inputs) - 1)):
        torch.ops.aten.threshold_backward.grad_input(d, inputs[i + 1], 0, grad_input=d)  # the ReLU's, in place
        rounded = of.rounded and below + i > 0
        if of_weights:
            grads = [matmul(rounded, inputs[i].t(), d), d.sum(0), *grads]
        if i + below > 0 or of_input:
            d = matmul(rounded, d, weights[2 * i].t())
    return grads, d


def backward_through(
    of: Network, weights: Weights, tape: list[Layer], d: Tensor, how: Pass, *, of_weights: bool
) -> tuple[Weights, Tensor]:
    """As `backward`, of layers that are more than a product and a ReLU; the second result is at the input."""
    named, top = dict(zip(of.tensors, weights, strict=True)), len(of.hidden)
    by_name = {f"w{top}": d.t() @ tape[-1].taken, f"b{top}": d.sum(0)}
    d = by_batch_backward(named, by_name, f"bn{top}", tape[-1].of_batch, d @ weights[-2])
    for i in reversed(range(top)):
        d = d * activate_backward(of.activation, tape[i].before)
        d = by_layer_backward(named, by_name, f"ln{i}", tape[i].of_layer, d)
        d = d * how.kept[i] if of.dropout else d
        rounded = of.rounded and i > 0
        if of_weights:
            by_name |= {f"w{i}": matmul(rounded, tape[i].taken.t(), d), f"b{i}": d.sum(0)}
        d = by_batch_backward(named, by_name, f"bn{i}", tape[i].of_batch, matmul(rounded, d, named[f"w{i}"].t()))
    return [by_name[name] for name in of.tensors] if of_weights else [], d


def activate_backward(how: str, x: Tensor) -> Tensor:
    """The activation's slope; a ReLU's is 0 at 0."""
    match how:
        case "tanh":
            return 1 - torch.tanh(x) ** 2
        case "elu":
            return x.clamp(max=0).exp()
        case "silu":
            return torch.sigmoid(x) * (1 + x * (1 - torch.sigmoid(x)))
    return (x > 0).to(x.dtype)


def by_layer_backward(
    named: dict[str, Tensor], by_name: dict[str, Tensor], name: str, kept: Standard | None, d: Tensor
) -> Tensor:
    """The gradient at what layer normalisation took, for d at its result; its own tensors' go into by_name."""
    if kept is None:
        return d
    by_name |= {f"{name}_scale": (d * kept.z).sum(0), f"{name}_bias": d.sum(0)}
    d = d * named[f"{name}_scale"]
    return (d - d.mean(1, keepdim=True) - kept.z * (d * kept.z).mean(1, keepdim=True)) / kept.deviation


def by_batch_backward(
    named: dict[str, Tensor], by_name: dict[str, Tensor], name: str, kept: Renormed | None, d: Tensor
) -> Tensor:
    """The gradient at what batch renormalisation took, the batch's statistics included, for d at its result; its own
    tensors' go into by_name, that of the running statistics being 0."""
    if kept is None:
        return d
    still = torch.zeros_like(kept.mean)
    by_name |= {f"{name}_scale": (d * kept.z).sum(0), f"{name}_bias": d.sum(0)}
    by_name |= {f"{name}_mean": still, f"{name}_var": still}
    d_z = d * named[f"{name}_scale"]
    d_x = d_z / kept.deviation
    if not kept.learns:
        return d_x
    rows = (kept.centred**2).sum(0) / kept.variance  # what the variance was divided by
    root = kept.variance.sqrt()
    slope = torch.where(root > 0, 0.5 * kept.shift * d_x.sum(0) / root, 0.0)
    d_variance = slope - 0.5 * kept.narrowing * (d_z * kept.z).sum(0) / kept.deviation**2
    through = torch.where(root > 0, 2 * d_variance / rows, 0.0) * kept.centred
    return d_x - d_x.mean(0) + through


def critic_backward(
    spec: SacSpec, critic: Weights, tape: list, d: Tensor, obs_dim: int, how: Pass = JUDGES, *, of_weights: bool = True
) -> tuple[Weights, Tensor]:
    """As `backward`; the second result is, of a plain network, at the first layer that the action enters, before its
    ReLU, and else at the input."""
    of = spec.network("critic1")
    if spec.first_critic_layer == "concat":
        return backward(of, critic, tape, d, how, of_weights=of_weights)
    x, of_obs, of_action, *inputs = tape
    grads, d = backward(of, critic[2:], inputs, d, of_weights=of_weights, of_input=True, below=1)
    d_obs, d_action = d * (of_obs > 0), d * (of_action > 0)
    if of_weights:
        w = torch.cat([x[:, :obs_dim].t() @ d_obs, x[:, obs_dim:].t() @ d_action])
        grads = [w, torch.stack([d_obs.sum(0), d_action.sum(0)]), *grads]
    return grads, d_action


def reduce_backward(how: str, q: Tensor, d: float) -> Tensor:
    """The gradient [n, B] of `reduce` for the same gradient d in every row of its result."""
    if how == "mean":
        return torch.full_like(q, d / len(q))
    chosen = q.min(0, keepdim=True).indices if how == "min" else torch.zeros_like(q[:1], dtype=torch.int64)
    return torch.zeros_like(q).scatter_(0, chosen, d)


# --- policy -------------------------------------------------------------------------------------------------------


def log_std_backward(spec: SacSpec, drawn: Sample) -> Tensor | float:
    """d log std / d raw [B, A]."""
    match spec.std:
        case ClipLogStd():
            return drawn.raw == drawn.log_std
        case SquashLogStd(low=low, high=high):
            return 0.5 * (high - low) * (1 - torch.tanh(drawn.raw) ** 2)
        case SoftplusStd():
            return torch.sigmoid(drawn.raw) / drawn.std
        case ExpStd():
            return 1.0


def log_det_backward(spec: SacSpec, spaces: Spaces, action: Tensor) -> Tensor:
    """d log_det / du [B, A]."""
    if isinstance(spec.log_det, ExactLogDet):
        return -2 * action
    slope = (1 - action) * (1 + action) * scale(spec.log_prob_units, spaces, action)
    if isinstance(spec.log_det, FlooredLogDet):
        return -2 * action * (slope >= spec.log_det.floor)
    return -2 * action * slope / (slope + spec.log_det.eps)


def sample_backward(
    spec: SacSpec, spaces: Spaces, actor: Weights, drawn: Sample, d_action: Tensor | float, d_log_prob: float
) -> Weights:
    """The actor's gradients, given the loss's at the action [B, A] and at every log pi (arXiv 1801.01290, eq. 13)."""
    d_u = d_action * (1 - drawn.action**2) - d_log_prob * log_det_backward(spec, spaces, drawn.action)
    d_density: Tensor | float = d_log_prob
    if spec.gaussian_eps:  # the standardised u is noise std / (std + eps) then, and depends on std
        eps, std = spec.gaussian_eps, drawn.std
        d_density = d_log_prob * (1 + eps * (drawn.noise * std) ** 2 / (std + eps) ** 3)
    d_raw = (d_u * drawn.std * drawn.noise - d_density) * log_std_backward(spec, drawn)
    return backward(spec.network("actor"), actor, drawn.inputs, torch.cat([d_u, d_raw], dim=1))[0]


# --- losses -------------------------------------------------------------------------------------------------------


def of_value(spec: SacSpec, value: Weights, inputs: list[Tensor], error: Tensor) -> Weights:
    """V's gradients of scale * mean error^2, where error is V(s) - target, [B, 1] or [B, B]."""
    assert spec.value_net
    d = error.mean(1, keepdim=True) * (2 * spec.value_net.loss_scale / len(error))
    return backward(spec.network("value"), value, inputs, d)[0]


def of_critics(
    spec: SacSpec, spaces: Spaces, critics: list[Weights], tapes: list[list], d: Tensor, passes: Sequence[Pass]
) -> Weights:
    """All critics' gradients, given their losses' at what they say, [n, B, outputs]."""
    grads = []
    for critic, tape, d_predicted, how in zip(critics, tapes, d, passes or [JUDGES] * len(critics), strict=True):
        grads += critic_backward(spec, critic, tape, d_predicted, spaces.obs_dim, how)[0]
    return grads


def at_action(
    spec: SacSpec, spaces: Spaces, critics: list[Weights], tapes: list[list], q: Tensor, passes: Sequence[Pass]
) -> Tensor:
    """d (- mean reduced Q) / da, [B, A], a in [-1, 1]; q [n, B]."""
    size, k = q.shape[1], spec.critic_outputs
    d_action = q.new_zeros(size, spaces.action_dim)
    plain, d_q = spec.network("critic1").plain, reduce_backward(spec.actor_reduce, q, -1 / size)
    for critic, tape, d, how in zip(critics, tapes, d_q, passes or [JUDGES] * len(critics), strict=True):
        if not plain:
            d_predicted = (d / k).unsqueeze(1).expand(size, k)
            _, d_input = critic_backward(spec, critic, tape, d_predicted, spaces.obs_dim, how, of_weights=False)
            d_action += d_input[:, spaces.obs_dim :]
            continue
        rows = d.nonzero().squeeze(1)  # a critic that is not the minimum of a row gives it no gradient
        kept = [one.index_select(0, rows) for one in tape]
        d_predicted = d[rows].unsqueeze(1) if k == 1 else (d[rows] / k).unsqueeze(1).expand(len(rows), k)
        _, d_first = critic_backward(spec, critic, kept, d_predicted, spaces.obs_dim, of_weights=False)
        d_action.index_add_(0, rows, d_first @ critic[0][spaces.obs_dim :].t())
    return d_action * scale(spec.critic_action_units, spaces, d_action)


def clipped(gradient: Weights, longest: float) -> Weights:
    """The gradient, shortened to the norm `longest` over all its tensors if it is longer."""
    norm = torch.stack(torch._foreach_norm(gradient)).norm().item()
    return list(torch._foreach_mul(gradient, longest / norm)) if norm > longest else gradient


def of_actor(
    spec: SacSpec, spaces: Spaces, actor: Weights, of_log_prob: Sample, of_q: Sample, d_action: Tensor, alpha: float
) -> Weights:
    """The actor's gradients of mean [alpha log pi - reduced Q], given the loss's at the action [B, A]: log pi's by way
    of one sample, Q's by way of the same one or another."""
    d_log_prob = alpha / len(d_action)
    if of_q is of_log_prob:
        return sample_backward(spec, spaces, actor, of_q, d_action, d_log_prob)
    by_log_prob = sample_backward(spec, spaces, actor, of_log_prob, 0.0, d_log_prob)
    by_q = sample_backward(spec, spaces, actor, of_q, d_action, 0.0)
    return [one + other for one, other in zip(by_log_prob, by_q, strict=True)]
