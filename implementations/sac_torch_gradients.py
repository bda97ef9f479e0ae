"""The gradients of sac_torch.py's losses, written out; tests/implementations/test_parity.py holds them against
suite/sac/equations.py.

Each function takes what its forward function kept and the loss's gradient at that function's result (`d`, `d_q`,
`d_action`, ...). Autograd gives the same numbers, but its bookkeeping costs 16 % of an update with networks of
256 x 256, and 42 % with 64 x 64, on one processor core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from suite.sac.contract import Spaces
from suite.sac.spec import ClipLogStd, ExactLogDet, ExpStd, FlooredLogDet, SacSpec, SoftplusStd, SquashLogStd

if TYPE_CHECKING:
    from implementations.sac_torch import Sample

Weights = list[Tensor]
"""A network's w0, b0, w1, b1, ... from the input up. Matrices are [in, out], but the last one [out, in]: with a handful
of outputs that is the faster product. The actor's last layer holds both heads, mean above log std."""


def rounds(spec: SacSpec, layer: int) -> bool:
    """Whether this hidden layer's products are rounded to bfloat16: those between hidden layers may be."""
    return spec.precision == "bfloat16_hidden" and layer > 0


def matmul(rounded: bool, x: Tensor, w: Tensor) -> Tensor:
    """x w; `rounded` with factors rounded to bfloat16, summed in float32, and rounded."""
    return (x.bfloat16() @ w.bfloat16()).float() if rounded else x @ w


def scale(units: str, spaces: Spaces, like: Tensor) -> Tensor | float:
    """How long an action's unit is in those units: [A], or 1."""
    return like.new_tensor(spaces.action_scale) if units == "env" and spaces.action_scale else 1.0


# --- networks -----------------------------------------------------------------------------------------------------


def backward(
    spec: SacSpec, weights: Weights, inputs: list[Tensor], d: Tensor, *, of_weights: bool = True, below: int = 0
) -> tuple[Weights, Tensor]:
    """Gradients of the weights (none if not `of_weights`), and at the first layer before its ReLU [B, width] or, with
    layers below, at the input; given the loss's gradient d [B, out] at the network's output."""
    grads = [d.t() @ inputs[-1], d.sum(0)] if of_weights else []
    d = d @ weights[-2]
    for i in reversed(range(len(inputs) - 1)):
        torch.ops.aten.threshold_backward.grad_input(d, inputs[i + 1], 0, grad_input=d)  # the ReLU's, in place
        rounded = rounds(spec, below + i)
        if of_weights:
            grads = [matmul(rounded, inputs[i].t(), d), d.sum(0), *grads]
        if i + below > 0:
            d = matmul(rounded, d, weights[2 * i].t())
    return grads, d


def critic_backward(
    spec: SacSpec, critic: Weights, tape: list[Tensor], d: Tensor, obs_dim: int, *, of_weights: bool = True
) -> tuple[Weights, Tensor]:
    """As `backward`; the second result is at the first layer that the action enters, before its ReLU."""
    if spec.first_critic_layer == "concat":
        return backward(spec, critic, tape, d, of_weights=of_weights)
    x, of_obs, of_action, *inputs = tape
    grads, d = backward(spec, critic[2:], inputs, d, of_weights=of_weights, below=1)
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
    return backward(spec, actor, drawn.inputs, torch.cat([d_u, d_raw], dim=1))[0]


# --- losses -------------------------------------------------------------------------------------------------------


def of_value(spec: SacSpec, value: Weights, inputs: list[Tensor], error: Tensor) -> Weights:
    """V's gradients of scale * mean error^2, where error is V(s) - target, [B, 1] or [B, B]."""
    assert spec.value_net
    d = error.mean(1, keepdim=True) * (2 * spec.value_net.loss_scale / len(error))
    return backward(spec, value, inputs, d)[0]


def of_critics(
    spec: SacSpec, spaces: Spaces, critics: list[Weights], tapes: list[list[Tensor]], error: Tensor
) -> Weights:
    """All critics' gradients of scale * mean error_i^2, where error is Q_i - y, [n, B]."""
    d_q = error * (2 * spec.critic_loss_scale / error.shape[1])
    grads = []
    for critic, tape, d in zip(critics, tapes, d_q, strict=True):
        grads += critic_backward(spec, critic, tape, d.unsqueeze(1), spaces.obs_dim)[0]
    return grads


def at_action(spec: SacSpec, spaces: Spaces, critics: list[Weights], tapes: list[list[Tensor]], q: Tensor) -> Tensor:
    """d (- mean reduced Q) / da, [B, A], a in [-1, 1]; q [n, B]."""
    size = q.shape[1]
    d_action = q.new_zeros(size, spaces.action_dim)
    for critic, tape, d in zip(critics, tapes, reduce_backward(spec.actor_reduce, q, -1 / size), strict=True):
        rows = d.nonzero().squeeze(1)  # a critic that is not the minimum of a row gives it no gradient
        kept = [one.index_select(0, rows) for one in tape]
        _, d_first = critic_backward(spec, critic, kept, d[rows].unsqueeze(1), spaces.obs_dim, of_weights=False)
        d_action.index_add_(0, rows, d_first @ critic[0][spaces.obs_dim :].t())
    return d_action * scale(spec.critic_action_units, spaces, d_action)


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
