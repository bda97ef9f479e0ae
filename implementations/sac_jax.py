"""Soft Actor-Critic in JAX: one file, read from top to bottom, the same headings as sac_torch.py.

Every switch it reads is a field of suite.sac.spec.SacSpec, decided in Python while tracing; suite/sac/equations.py says
in NumPy what each line is. The mathematics is written for one seed; S seeds in lockstep are `vmap` (left out
for S = 1). K updates, all their losses, optimisers and targets, and the next action are one compiled call. Weights are
[in, out]; between calls they rest with their Adam moments in one flat vector per optimiser, because a call's cost
grows with the number of arrays it takes. Compiler flags and cache folders are set in jax_host.py.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from implementations import jax_host, stages
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

FRAMEWORK = "jax"
LOG_2, LOG_2PI = math.log(2), math.log(2 * math.pi)
Weights = list[Array]
"""A network's w0, b0, w1, b1, ... from the input up, [in, out]. The actor's last layer holds both heads in a row."""
Draws = dict[str, Array]
"""Standard normal noise [B, A] by the names of SacSpec.draws."""

TRACES: Counter[str] = Counter()
"""How often "update", "act" and "explain" were traced in this process: each once per spec and shapes of its inputs."""


# --- networks: multi-layer perceptrons ----------------------------------------------------------------------------


def forward(of: Network, weights: Weights, x: Array, how: Pass = JUDGES, below: int = 0) -> Array:
    """x [B, in] -> the network's output [B, out]; below: how many hidden layers lie under these weights."""
    if not of.plain:
        return forward_through(of, weights, x, how)[0]
    return product(False, hidden(of, weights, x, below)[-1], weights[-2]) + weights[-1]


def hidden(of: Network, weights: Weights, x: Array, below: int = 0) -> list[Array]:
    """Every layer's input in a plain network: x, then the hidden layers' outputs [B, width]."""
    inputs = [x]
    for layer, (w, b) in enumerate(zip(weights[:-2:2], weights[1:-2:2], strict=True), start=below):
        inputs.append(relu(product(of.rounded and layer > 0, inputs[-1], w) + b))
    return inputs


Moved = list[tuple[Array, Array]]
"""Of each layer the mean and variance of what batch renormalisation took, [in]; empty without it."""


def forward_through(of: Network, weights: Weights, x: Array, how: Pass) -> tuple[Array, Moved]:
    """As `forward`, of layers that are more than a product and a ReLU; and the batch's statistics, layer by layer."""
    named, moved = dict(zip(of.tensors, weights, strict=True)), Moved()
    for i in range(len(of.hidden)):
        x, statistics = by_batch(of, named, i, x, how)
        moved += statistics
        x = product(of.rounded and i > 0, x, named[f"w{i}"]) + named[f"b{i}"]
        x = x * how.kept[i] if of.dropout else x
        x = activate(of.activation, by_layer(of, named, i, x))
    x, statistics = by_batch(of, named, len(of.hidden), x, how)
    return product(False, x, weights[-2]) + weights[-1], moved + statistics


def activate(how: str, x: Array) -> Array:
    """A hidden layer's output of its value before."""
    functions: dict[str, Callable] = {"relu": relu, "tanh": jnp.tanh, "elu": jax.nn.elu, "silu": jax.nn.silu}
    return functions[how](x)


def by_layer(of: Network, named: dict[str, Array], i: int, x: Array) -> Array:
    """Layer normalisation, where there is one (arXiv 1607.06450)."""
    if not isinstance(of.norm, LayerNorm):
        return x
    centred = x - x.mean(1, keepdims=True)
    z = centred / jnp.sqrt((centred**2).mean(1, keepdims=True) + of.norm.eps)
    return named[f"ln{i}_scale"] * z + named[f"ln{i}_bias"]


def by_batch(of: Network, named: dict[str, Array], i: int, x: Array, how: Pass) -> tuple[Array, Moved]:
    """Batch renormalisation, where there is one (arXiv 1702.03275, algorithm 1), and the batch's statistics."""
    if not isinstance(of.norm, BatchRenorm):
        return x, []
    gain, bias, mean, variance = (named[f"bn{i}_{part}"] for part in ("scale", "bias", "mean", "var"))
    shift, narrowing = jnp.zeros((), x.dtype), jnp.ones((), x.dtype)
    if how.learns:
        running_mean, running = lax.stop_gradient((mean, jnp.sqrt(variance + of.norm.eps)))
        mean = x.mean(0)
        variance = ((x - mean) ** 2).sum(0) / (len(x) - (of.norm.variance == "unbiased"))
        r = jnp.clip(jnp.sqrt(variance + of.norm.eps) / running, 1 / R_MAX, R_MAX)
        d = jnp.clip((mean - running_mean) / running, -D_MAX, D_MAX)
        shift, narrowing = lax.stop_gradient((jnp.where(how.renorms, d / r, 0), jnp.where(how.renorms, r**-2, 1)))
    # where a feature is constant, the root's slope, which is infinite, does not matter: its rows are equal
    root = jnp.where(variance > 0, jnp.sqrt(jnp.where(variance > 0, variance, 1)), 0)
    z = (x - mean + shift * root) / jnp.sqrt(variance * narrowing + of.norm.eps)
    return gain * z + bias, [(mean, variance)]


def movement(of: Network, weights: Weights, statistics: Moved) -> Weights:
    """By how much a network's tensors move when a pass has learned: the running statistics alone do."""
    named = dict(zip(of.tensors, weights, strict=True))
    move = {name: jnp.zeros_like(tensor) for name, tensor in named.items()}
    assert isinstance(of.norm, BatchRenorm)
    for i, (mean, variance) in enumerate(statistics):
        for name, batch in ((f"bn{i}_mean", mean), (f"bn{i}_var", variance)):
            move[name] = (1 - of.norm.momentum) * (batch - named[name])
    return list(move.values())


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def product(rounded: bool, x: Array, w: Array) -> Array:
    """x w; `rounded`, here and in its gradients, with factors rounded to bfloat16, summed in float32, and rounded."""
    return matmul(rounded, x, w)


def product_backward(rounded: bool, factors: tuple[Array, Array], d: Array) -> tuple[Array, Array]:
    x, w = factors
    return of_input(rounded, d, w), of_weights(rounded, x, d)


product.defvjp(lambda rounded, x, w: (matmul(rounded, x, w), (x, w)), product_backward)


def matmul(rounded: bool, x: Array, w: Array) -> Array:
    if not rounded:
        return jnp.matmul(x, w, precision=lax.Precision.HIGHEST)  # left to itself, a GPU would round the factors too
    sums = jnp.matmul(x.astype(jnp.bfloat16), w.astype(jnp.bfloat16), preferred_element_type=jnp.float32)
    return lax.reduce_precision(sums, exponent_bits=8, mantissa_bits=7)


def of_input(rounded: bool, d: Array, w: Array) -> Array:
    """d w'. XLA has a fast product of bfloat16 for factors that lie row by row, and for no others."""
    return matmul(True, d, turned(w.astype(jnp.bfloat16))) if rounded else matmul(False, d, w.T)


def of_weights(rounded: bool, x: Array, d: Array) -> Array:
    """x' d, in the form that XLA is fast at: x turned first, or for a head with few outputs the narrow factor first."""
    if 4 * d.shape[1] < x.shape[1]:
        return lax.optimization_barrier(matmul(rounded, d.T, x)).T
    return matmul(rounded, turned(x.astype(jnp.bfloat16) if rounded else x), d)


def turned(x: Array) -> Array:
    """x' row by row in memory, not x as it lies under another name: a barrier keeps the compiler from that in float32,
    and in bfloat16 one dimension in between."""
    if x.dtype == jnp.bfloat16:
        return lax.optimization_barrier(x.T.reshape(-1)).reshape(x.T.shape)
    return lax.optimization_barrier(x.T)


@jax.custom_jvp
def relu(x: Array) -> Array:
    return jnp.maximum(x, 0)


@relu.defjvp
def relu_jvp(x: tuple[Array], d: tuple[Array]) -> tuple[Array, Array]:
    """The gradient is 0 at 0, and reads the output, which the next layer's gradient keeps anyway."""
    out = relu(*x)
    return out, jnp.where(out > 0, d[0], 0)


def scale(units: str, spaces: Spaces) -> np.ndarray:
    """How long an action's unit is in those units: [A], or [] where all are 1."""
    return np.array(spaces.action_scale if units == "env" and spaces.action_scale else 1.0)


def critic_forward(
    spec: SacSpec, critic: Weights, obs: Array, action: Array, how: Pass = JUDGES
) -> tuple[Array, Moved]:
    """obs [B, O] and action [B, A] -> what the critic predicts [B, outputs], and the batch's statistics."""
    of = spec.network("critic1")
    if spec.first_critic_layer == "concat":
        x = jnp.concatenate([obs, action], axis=1)
        return (forward(of, critic, x), []) if of.plain else forward_through(of, critic, x, how)
    w, b, *rest = critic  # w, b: of the observation's layer, then of the action's
    obs_dim = obs.shape[1]
    of_obs = relu(product(False, obs, w[:obs_dim]) + b[0])
    of_action = relu(product(False, action, w[obs_dim:]) + b[1])
    return forward(of, rest, of_obs + of_action, below=1), []


def predictions(
    spec: SacSpec, spaces: Spaces, critics: list[Weights], obs: Array, action: Array, passes: Sequence[Pass] = ()
) -> tuple[Array, list[Moved]]:
    """What every critic predicts of (s, a), [n, B, outputs], action in [-1, 1]; and the batch's statistics in each."""
    action, each = entered(spec, spaces, action), passes or [JUDGES] * len(critics)
    pairs = zip(critics, each, strict=True)
    predicted, moved = zip(*(critic_forward(spec, critic, obs, action, how) for critic, how in pairs), strict=True)
    return jnp.stack(predicted), list(moved)


def q_of(predicted: Array) -> Array:
    """Q [n, B] of what critics predict [n, B, outputs]: the mean of their outputs."""
    return predicted[..., 0] if predicted.shape[-1] == 1 else predicted.mean(-1)


def entered(spec: SacSpec, spaces: Spaces, action: Array) -> Array:
    """Actions [B, A] in [-1, 1] in the units in which critics take them."""
    if spec.critic_action_units == "env" and spaces.action_scale:
        return action * scale("env", spaces).astype(action.dtype) + np.asarray(spaces.action_center, action.dtype)
    return action


def reduce(how: str, q: Array) -> Array:
    """One value per row from the critics': [n, B] -> [B]; of equal minima the first one takes the gradient."""
    if how == "min":
        return jnp.where(jnp.arange(len(q))[:, None] == q.argmin(0), q, 0).sum(0)
    return q.mean(0) if how == "mean" else q[0]


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def smaller_q(spec: SacSpec, critics: list[Weights], x: Array) -> Array:
    """The smaller Q [B] of two critics at x [B, obs and action], for gradients at x alone: half of what autodiff would
    compute, the gradient through the critic that is larger, is zero."""
    return smaller_q_forward(spec, critics, x)[0]


def smaller_q_forward(spec: SacSpec, critics: list[Weights], x: Array) -> tuple[Array, tuple]:
    layers = [hidden(spec.network("critic1"), critic, x)[1:] for critic in critics]
    first, second = (matmul(False, top[-1], c[-2])[:, 0] + c[-1] for top, c in zip(layers, critics, strict=True))
    return jnp.minimum(first, second), (critics, layers, second < first)


def smaller_q_backward(spec: SacSpec, kept: tuple, d: Array) -> tuple[None, Array]:
    return None, down_the_smaller(spec)(*kept, d)


smaller_q.defvjp(smaller_q_forward, smaller_q_backward)


def down(spec: SacSpec, critic: Weights, layers: list[Array], d: Array) -> Array:
    """The gradient at a critic's input [R, in] for the gradient d [R] at its output."""
    d = d[:, None] * critic[-2][:, 0]
    for i in reversed(range(len(layers))):
        rounded = spec.network("critic1").rounded and i > 0
        d = of_input(rounded, jnp.where(layers[i] > 0, d, 0), critic[2 * i])
    return d


def down_the_smaller(spec: SacSpec) -> Callable:
    """The gradient at x of `smaller_q`, with the rows of the first critic sorted before those of the second: each goes
    down as many quarters of the batch as hold rows of its own. Seeds in lockstep go down both critics everywhere."""

    @jax.custom_batching.custom_vmap
    def by_quarters(critics: list[Weights], layers: list, of_second: Array, d: Array) -> Array:
        rows = len(d)
        order = jnp.argsort(of_second, stable=True)

        def first_ends_in(quarter: int, layers: list) -> Array:
            end, start = min((quarter + 1) * rows // 4, rows), quarter * rows // 4
            parts = (order[:end], critics[0], layers[0], ~of_second), (order[start:], critics[1], layers[1], of_second)
            a, b = (down(spec, c, [h[at] for h in tops], jnp.where(own, d, 0)[at]) for at, c, tops, own in parts)
            return jnp.pad(a, ((0, rows - end), (0, 0))) + jnp.pad(b, ((start, 0), (0, 0)))

        quarter = 4 * (rows - of_second.sum()) // rows
        sorted_rows = lax.switch(quarter, [partial(first_ends_in, i) for i in range(5)], layers)
        return jnp.zeros_like(sorted_rows).at[order].set(sorted_rows, unique_indices=True)

    @by_quarters.def_vmap
    def everywhere(size: int, batched: Any, *args: Any) -> tuple[Array, bool]:
        def both(critics: list[Weights], layers: list, of_second: Array, d: Array) -> Array:
            shares = jnp.where(of_second, 0, d), jnp.where(of_second, d, 0)
            first, second = (down(spec, *one) for one in zip(critics, layers, shares, strict=True))
            return first + second

        return jax.vmap(both, in_axes=jax.tree.map(lambda one: 0 if one else None, tuple(batched)))(*args), True

    return by_quarters


# --- policy: a diagonal Gaussian through tanh ---------------------------------------------------------------------


class Sample(NamedTuple):
    """An action [B, A] in [-1, 1] and its log-probability [B]."""

    action: Array
    log_prob: Array


def log_std(spec: SacSpec, raw: Array) -> Array:
    """log std [B, A] of the actor's raw output."""
    match spec.std:
        case ClipLogStd(low=low, high=high):  # the gradient at the bounds themselves is 1
            return jnp.where(raw < low, low, jnp.where(raw > high, high, raw))
        case SquashLogStd(low=low, high=high):
            return low + 0.5 * (high - low) * (jnp.tanh(raw) + 1)
        case SoftplusStd(floor=floor):
            return jnp.log(jax.nn.softplus(raw) + floor)
        case ExpStd():
            return raw


def log_det(spec: SacSpec, spaces: Spaces, u: Array, action: Array) -> Array:
    """log |da / du| [B, A] of a = tanh(u), or of the environment's action (arXiv 1801.01290, eq. 21)."""
    width = scale(spec.log_prob_units, spaces).astype(u.dtype)
    if isinstance(spec.log_det, ExactLogDet):
        return 2 * (LOG_2 - u - jax.nn.softplus(-2 * u)) + np.log(width)
    # XLA would compute 1 - a^2 + eps as (1 + eps) - a^2, which moves the floor in float32
    slope = (1 - action) * (1 + action) * width
    if isinstance(spec.log_det, FlooredLogDet):
        return jnp.log(jnp.where(slope < spec.log_det.floor, spec.log_det.floor, slope))
    return jnp.log(slope + spec.log_det.eps)


def sample(
    spec: SacSpec, spaces: Spaces, actor: Weights, obs: Array, noise: Array, how: Pass = JUDGES
) -> tuple[Sample, Moved]:
    """a = tanh(mean + std * noise), with log pi(a|s) by change of variables (arXiv 1801.01290, eq. 21); and the batch's
    statistics in the actor."""
    of = spec.network("actor")
    output, moved = (forward(of, actor, obs), []) if of.plain else forward_through(of, actor, obs, how)
    mean, raw = jnp.split(output, 2, axis=1)
    log_scale = log_std(spec, raw)
    std = jnp.exp(log_scale)
    u = mean + std * noise
    action = jnp.tanh(u)
    standard = noise * std / (std + spec.gaussian_eps) if spec.gaussian_eps else noise
    log_prob = -(0.5 * standard**2 + log_scale + 0.5 * LOG_2PI + log_det(spec, spaces, u, action)).sum(1)
    return Sample(action, log_prob), moved


def log_density(spec: SacSpec, actor: Weights, obs: Array, action: Array) -> Array:
    """log N(u; mean(s), std(s)) [B] of given actions before tanh, u = arctanh(a), a within +-A_MAX."""
    mean, raw = jnp.split(forward(spec.network("actor"), actor, obs), 2, axis=1)
    log_scale = log_std(spec, raw)
    standard = (jnp.arctanh(jnp.clip(action, -A_MAX, A_MAX)) - mean) / jnp.exp(log_scale)
    return -(0.5 * standard**2 + log_scale + 0.5 * LOG_2PI).sum(1)


# --- losses: each reads only what its signature names -------------------------------------------------------------


def soft_value(spec: SacSpec, q: Array, log_prob: Array, alpha: Array) -> Array:
    """Reduced Q minus alpha log pi: [n, B], [B] -> [B] (arXiv 1812.05905, eq. 3)."""
    value = reduce(spec.target_reduce, q)
    return value - alpha * log_prob if spec.entropy_in_target else value


def value_target(spec: SacSpec, q: Array, log_prob: Array, alpha: Array) -> Array:
    """What V regresses on: reduced Q_i - alpha log pi_i [B]; or "broadcast", reduced Q_i - alpha log pi_j: [B, B]."""
    if spec.value_net and spec.value_net.target == "broadcast":
        return reduce(spec.target_reduce, q)[:, None] - alpha * log_prob
    return soft_value(spec, q, log_prob, alpha)


def value_loss(spec: SacSpec, value: Weights, batch: Batch, target: Array) -> Array:
    """scale * mean (V(s) - target)^2, target [B] or [B, B] (arXiv 1801.01290, eq. 5)."""
    assert spec.value_net
    error = forward(spec.network("value"), value, batch.obs) - target.reshape(len(target), -1)
    return spec.value_net.loss_scale * (error**2).mean()


def critic_target(
    spec: SacSpec,
    numbers: Numbers,
    predicted: Array,
    log_prob: Array | None,
    batch: Batch | Step,
    alpha: Array,
    drawn: Array | None,
) -> Array:
    """y = scale r + discount (1 - terminated) V'(s') [B], V' by what critics predict of an action at s' [n, B, outputs]
    and its log pi (arXiv 1812.05905, eq. 5-6), or by the target value net, [1, B, 1] (arXiv 1801.01290, eq. 8).

    Of quantiles: that of each one kept, [B, kept] (arXiv 2005.04269, section 3). drawn: what chooses some critics.
    """
    predicted = chosen(spec, predicted, drawn)
    if log_prob is None:
        following = predicted[0, :, 0]
    elif spec.quantiles:
        following = pooled(spec.quantiles, predicted)
        following = following - alpha * log_prob[:, None] if spec.entropy_in_target else following
    else:
        following = soft_value(spec, predicted[..., 0], log_prob, alpha)
    reward, terminated = batch.reward, batch.terminated
    if following.ndim > 1:
        reward, terminated = reward[:, None], terminated[:, None]
    # terminated, not truncated: a time limit is no death
    return numbers.reward_scale * reward + numbers.discount * (1 - terminated) * following


def chosen(spec: SacSpec, predicted: Array, drawn: Array | None) -> Array:
    """Of what critics predict [n, ...] that which enters the target: all, or of some critics."""
    if drawn is None:
        return predicted
    # those of the smallest draws (arXiv 2101.05982, algorithm 1)
    return predicted[jnp.argsort(drawn.reshape(-1)[: spec.critics])[: spec.target_subset]]


def corrections(learner: Learner, batch: Batch, alpha: Array, draws: Draws) -> Array:
    """What further steps add to y [B]: each one's y - Q(s, a), times discount and trace of every step up to it
    (arXiv 1606.02647, eq. 3)."""
    spec, spaces, actor, targets = learner.spec, learner.spaces, learner.actor, learner.targets
    total, weight = jnp.zeros_like(batch.reward), jnp.ones_like(batch.reward)
    obs, subset = batch.next_obs, draws.get("subset")
    for n, step in enumerate(batch.further, start=2):
        weight = weight * learner.numbers.discount * trace(spec, actor, obs, step)
        drawn, _ = sample(spec, spaces, actor, step.next_obs, draws[numbered("next_action", n)])
        following, _ = predictions(spec, spaces, targets, step.next_obs, drawn.action)
        predicted, _ = predictions(spec, spaces, targets, obs, step.action)
        y = critic_target(spec, learner.numbers, following, drawn.log_prob, step, alpha, subset)
        total = total + weight * (y - reduce(spec.target_reduce, chosen(spec, predicted[..., 0], subset)))
        obs = step.next_obs
    return total


def trace(spec: SacSpec, actor: Weights, obs: Array, step: Step) -> Array:
    """c [B] of a step from obs: decay, or decay min(1, pi / mu) (arXiv 1606.02647, eq. 4); 0 behind the episode."""
    assert spec.retrace
    if spec.retrace.trace == "whole":
        return spec.retrace.decay * step.goes_on
    ratio = jnp.exp(jnp.minimum(log_density(spec, actor, obs, step.action) - step.log_prob, 0))
    return spec.retrace.decay * ratio * step.goes_on


def pooled(quantiles: Quantiles, predicted: Array) -> Array:
    """Of the critics' quantiles [n, B, k] those kept in the target, [B, kept]."""
    if quantiles.target == "minimum":
        return predicted[predicted.mean(2).argmin(0), jnp.arange(predicted.shape[1])]
    kept = len(predicted) * (quantiles.n - quantiles.dropped)
    return jnp.sort(jnp.concatenate(list(predicted), axis=1), axis=1)[:, :kept]


def critic_loss(spec: SacSpec, predicted: Array, y: Array) -> Array:
    """scale * mean (Q_i - y)^2 of each critic [n] (arXiv 1812.05905, eq. 5), or of quantiles their Huber loss
    (arXiv 2005.04269, section 3); predicted [n, B, outputs]."""
    if spec.quantiles is None:
        return spec.critic_loss_scale * ((predicted[..., 0] - y) ** 2).mean(1)
    k = predicted.shape[2]
    tau = (jnp.arange(k, dtype=predicted.dtype)[:, None] + 0.5) / k
    delta = y[:, None, :] - predicted[..., None]  # [n, B, outputs, kept]
    far = jnp.abs(delta) > 1
    huber = jnp.where(far, jnp.abs(delta) - 0.5, 0.5 * delta**2)
    return spec.critic_loss_scale * (jnp.abs(tau - (delta < 0)) * huber).mean((1, 2, 3))


def actor_loss(
    spec: SacSpec,
    spaces: Spaces,
    drawn: Sample,
    critics: list[Weights],
    batch: Batch,
    alpha: Array,
    passes: Sequence[Pass],
) -> Array:
    """mean [alpha log pi(a|s) - reduced Q(s, a)] at the policy's own action (arXiv 1812.05905, eq. 7)."""
    return (alpha * drawn.log_prob - actor_q(spec, spaces, drawn.action, critics, batch, passes)).mean()


def actor_q(
    spec: SacSpec, spaces: Spaces, action: Array, critics: list[Weights], batch: Batch, passes: Sequence[Pass]
) -> Array:
    """The critics' reduced Q(s, a) [B] that the actor climbs: differentiable in the action."""
    plain = spec.network("critic1").plain and spec.quantiles is None and spec.first_critic_layer == "concat"
    if plain and spec.critics == 2 and spec.actor_reduce == "min":
        return smaller_q(spec, critics, jnp.concatenate([batch.obs, entered(spec, spaces, action)], axis=1))
    return reduce(spec.actor_reduce, q_of(predictions(spec, spaces, critics, batch.obs, action, passes)[0]))


def alpha_loss(objective: str, log_alpha: Array, log_prob: Array, target_entropy: Array) -> Array:
    """-alpha mean(log pi + H), or -log(alpha) mean(log pi + H) (arXiv 1812.05905, eq. 18)."""
    weight = jnp.exp(log_alpha) if objective == "alpha" else log_alpha
    return -weight * (log_prob + target_entropy).mean()


# --- one seed's learner -------------------------------------------------------------------------------------------


class Numbers(NamedTuple):
    """What one seed's spec counts with: arrays [] in a program, so that specs of one `structure` share it."""

    reward_scale: Any
    discount: Any
    tau: Any
    kept: Any  # 1 - tau
    actor_lr: Any
    critic_lr: Any  # and the value net's
    alpha_lr: Any  # of a learned temperature
    alpha: Any  # a fixed one
    target_entropy: Any

    def learning_rate(self, stage: str) -> Any:
        return {"actor": self.actor_lr, "alpha": self.alpha_lr}.get(stage, self.critic_lr)


def numbers_of(spec: SacSpec, spaces: Spaces) -> Numbers:
    """A spec's numbers, derived in float64 and only then rounded to its precision."""
    actor_lr, critic_lr, alpha_lr = map(spec.learning_rate, ("actor", "critic", "alpha"))
    if isinstance(spec.temperature, LearnedAlpha):
        alpha, target_entropy = math.nan, spec.target_entropy(spaces.action_dim)
    else:
        alpha, target_entropy = spec.temperature.value, math.nan
    scales = spec.reward_scale, spec.discount, spec.tau, 1 - spec.tau
    return Numbers(*scales, actor_lr, critic_lr, alpha_lr, alpha, target_entropy)


class Net(NamedTuple):
    """What one optimiser moves, as a flat vector [P], and its Adam moments [P]."""

    theta: Array
    m: Array
    v: Array


class Arrays(NamedTuple):
    """One seed's "actor", "critic" (all of them), "value" and "alpha" where the spec has them; the targets [P]."""

    nets: dict[str, Net]
    target: Array


@partial(jax.tree_util.register_dataclass, data_fields=["numbers", "arrays"], meta_fields=["spec", "spaces"])
@dataclass(frozen=True)
class Learner:
    """One seed's arrays while they are traced, and what they are arrays of; of the spec, the structure alone counts."""

    spec: SacSpec
    spaces: Spaces
    numbers: Numbers
    arrays: Arrays

    def networks(self, net: str) -> list[Weights]:
        """The weights of "actor", "critic" (all of them) or "value"."""
        return split(self.spec, self.spaces, net, self.arrays.nets[net].theta)

    @property
    def actor(self) -> Weights:
        return self.networks("actor")[0]

    @property
    def critics(self) -> list[Weights]:
        return self.networks("critic")

    @property
    def targets(self) -> list[Weights]:
        """The target critics, or target V alone."""
        return split(self.spec, self.spaces, followed(self.spec), self.arrays.target)

    def alpha(self, count: Array, turn: int) -> Array:
        """The temperature in use before pass `turn`; a learned one's may be another until its first step."""
        temperature = self.spec.temperature
        if not isinstance(temperature, LearnedAlpha):
            return self.numbers.alpha
        alpha = jnp.exp(self.arrays.nets["alpha"].theta[0])
        if temperature.in_use_at_first is None:
            return alpha
        return jnp.where(self.spec.actor_steps_before(count, turn) == 0, temperature.in_use_at_first, alpha)


class Policy(NamedTuple):
    """The policy at one moment of an update: its temperature, an action at each of the batch's states, and the way back
    from the gradient of these actions and their log pi to the actor's; and the batch's statistics in the actor."""

    alpha: Array
    sample: Sample
    backward: Callable
    moved: Moved


def policy_now(learner: Learner, count: Array, obs: Array, noise: Array, turn: int = 1) -> Policy:
    """The policy as it stands before pass `turn` of update number `count`, at obs [B, O]."""
    spec, spaces = learner.spec, learner.spaces
    how = learning(spec.network("actor"), spec.actor_steps_before(count, turn))
    drawn, backward, moved = jax.vjp(
        lambda actor: sample(spec, spaces, actor, obs, noise, how), learner.actor, has_aux=True
    )
    return Policy(learner.alpha(count, turn), drawn, lambda d: backward(d)[0], moved)


def learning(of: Network, before: Array) -> Pass:
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
    nets, dtype = [f"critic{n + 1}" for n in range(spec.critics)], draws["action"].dtype
    return [Pass(kept=[kept[net, i].astype(dtype) for i in range(len(spec.hidden))]) for net in nets]


def descend(learner: Learner, count: Array, stage: str, turn: int, gradient: Array) -> Learner:
    """One Adam step of a stage's networks in update number `count` (arXiv 1412.6980, algorithm 1)."""
    spec, now = learner.spec, learner.arrays.nets[stage]
    adam = spec.adam_of(stage)
    b1, b2, eps = adam.beta1, adam.beta2, adam.eps
    if stage != "alpha":
        now, gradient = shrunk(learner, stage, now), shortened(spec, gradient)
    m, v = b1 * now.m + (1 - b1) * gradient, b2 * now.v + (1 - b2) * gradient**2
    steps = spec.steps(stage, count, turn).astype(gradient.dtype)
    # 1 - beta^t by expm1: 1 - 0.999 has lost four of float32's seven digits
    first, second = (-jnp.expm1(steps * np.log(beta)) if beta else 1.0 for beta in (b1, b2))
    rate, root = learner.numbers.learning_rate(stage) / first, 1 / jnp.sqrt(second)
    if adam.eps_placement == "tensorflow":  # lr' m / (sqrt(v) + eps), lr' = lr sqrt(second) / first
        theta = now.theta - (rate / root) * m / (jnp.sqrt(v) + eps)
    else:
        theta = now.theta - rate * m / (jnp.sqrt(v) * root + eps)
    nets = learner.arrays.nets | {stage: Net(theta, m, v)}
    return replace(learner, arrays=Arrays(nets, learner.arrays.target))


def shrunk(learner: Learner, stage: str, net: Net) -> Net:
    """A network before its step, nearer to zero by its weight decay (arXiv 1711.05101)."""
    if not learner.spec.weight_decay:
        return net
    return net._replace(theta=net.theta * (1 - learner.numbers.learning_rate(stage) * learner.spec.weight_decay))


def shortened(spec: SacSpec, gradient: Array) -> Array:
    """An optimiser's gradient [P], if it is longer than gradient_clip of that length."""
    if spec.gradient_clip is None:
        return gradient
    norm = jnp.sqrt((gradient**2).sum())
    return jnp.where(norm > spec.gradient_clip, gradient * (spec.gradient_clip / norm), gradient)


def moved_by(learner: Learner, stage: str, movement: Array | None) -> Learner:
    """The learner with what a stage's networks have besides their gradients moved: running statistics."""
    if movement is None:
        return learner
    net = learner.arrays.nets[stage]
    nets = learner.arrays.nets | {stage: net._replace(theta=net.theta + movement)}
    return replace(learner, arrays=Arrays(nets, learner.arrays.target))


# --- update: five stages, and one loop over them ------------------------------------------------------------------

Turns = tuple[tuple[str, int], ...]
"""Stages in order, each with the number of its pass."""


def value_stage(learner: Learner, batch: Batch, first: Policy) -> ValueResult:
    """V towards the soft value of the policy's action."""
    spec, drawn = learner.spec, first.sample
    predicted, _ = predictions(spec, learner.spaces, learner.critics, batch.obs, drawn.action)
    target = value_target(spec, q_of(predicted), drawn.log_prob, first.alpha)
    (value,) = learner.networks("value")
    loss, gradient = jax.value_and_grad(value_loss, argnums=1)(spec, value, batch, target)
    return ValueResult(loss, target, joined(gradient))


def critic_stage(learner: Learner, count: Array, batch: Batch, first: Policy, draws: Draws) -> CriticResult:
    """Every critic towards the reward and the discounted value of the next state."""
    spec, spaces = learner.spec, learner.spaces
    drawn = None if spec.value_net else sample(spec, spaces, learner.actor, batch.next_obs, draws["next_action"])[0]
    log_prob = drawn.log_prob if drawn else None

    def target(following: Array) -> Array:
        y = critic_target(spec, learner.numbers, following, log_prob, batch, first.alpha, draws.get("subset"))
        if spec.retrace:
            y = y + corrections(learner, batch, first.alpha, draws)
        return lax.stop_gradient(y)

    if not spec.target_networks:
        assert drawn
        return joint_critic_stage(learner, count, batch, drawn, target)
    if drawn is None:
        following = None
        y = target(forward(spec.network("value"), learner.targets[0], batch.next_obs)[None])
    else:
        passes = dropout_passes(spec, draws, "target")
        following, _ = predictions(spec, spaces, learner.targets, batch.next_obs, drawn.action, passes)
        y = target(following)

    def loss(critics: list[Weights]) -> tuple[Array, tuple]:
        passes = dropout_passes(spec, draws, "current")
        predicted, _ = predictions(spec, spaces, critics, batch.obs, batch.action, passes)
        losses = critic_loss(spec, predicted, y)
        return losses.sum(), (losses, predicted)

    (_, (losses, predicted)), gradient = jax.value_and_grad(loss, has_aux=True)(learner.critics)
    return CriticResult(losses, predicted, y, drawn.action if drawn else None, log_prob, following, joined(gradient))


def joint_critic_stage(
    learner: Learner, count: Array, batch: Batch, drawn: Sample, target: Callable[[Array], Array]
) -> CriticResult:
    """As `critic_stage`, of critics that judge (s, a) and (s', a') in one pass that learns (arXiv 1902.05605)."""
    spec, size = learner.spec, len(batch.obs)
    of = spec.network("critic1")
    obs, action = jnp.concatenate([batch.obs, batch.next_obs]), jnp.concatenate([batch.action, drawn.action])
    passes = [learning(of, count - 1)] * spec.critics

    def loss(critics: list[Weights]) -> tuple[Array, tuple]:
        both, statistics = predictions(spec, learner.spaces, critics, obs, action, passes)
        y = target(both[:, size:])
        losses = critic_loss(spec, both[:, :size], y)
        return losses.sum(), (losses, both, y, statistics)

    (_, (losses, both, y, statistics)), gradient = jax.value_and_grad(loss, has_aux=True)(learner.critics)
    moved = None
    if isinstance(of.norm, BatchRenorm):
        moved = joined([movement(of, *one) for one in zip(learner.critics, statistics, strict=True)])
    of_next = drawn.action, drawn.log_prob, both[:, size:]
    return CriticResult(losses, both[:, :size], y, *of_next, joined(gradient), moved)


def actor_stage(learner: Learner, count: Array, batch: Batch, policy: Policy, draws: Draws) -> ActorResult:
    """The actor towards actions of high Q and of high entropy."""
    spec, spaces, drawn = learner.spec, learner.spaces, policy.sample
    passes = dropout_passes(spec, draws, "actor")
    loss_and_d = jax.value_and_grad(actor_loss, argnums=2)
    loss, d = loss_and_d(spec, spaces, drawn, learner.critics, batch, policy.alpha, passes)
    if spec.pathwise_noise == "shared":
        gradient = joined(policy.backward(d))
    else:  # log pi is of another action, and Q's gradient reaches the actor through a third
        others = [policy_now(learner, count, batch.obs, draws[name]) for name in ("action_2", "action_3")]
        of_entropy = others[0].backward(d._replace(action=0 * d.action))
        through_q = others[1].backward(d._replace(log_prob=0 * d.log_prob))
        gradient = joined(jax.tree.map(jnp.add, of_entropy, through_q))
    moved = joined(movement(spec.network("actor"), learner.actor, policy.moved)) if policy.moved else None
    return ActorResult(loss, policy.alpha, drawn.log_prob, -d.action, gradient, moved)


def alpha_stage(learner: Learner, count: Array, batch: Batch, policy: Policy, draws: Draws, turn: int) -> AlphaResult:
    """The temperature towards the entropy aimed at, by the actor's sample or by a fresh one of the moved policy."""
    temperature, log_prob, fresh = learner.spec.temperature, policy.sample.log_prob, None
    assert isinstance(temperature, LearnedAlpha)
    if temperature.sample == "fresh":
        moved_policy = policy_now(learner, count, batch.obs, draws[numbered("alpha", turn)], turn)
        log_prob = fresh = moved_policy.sample.log_prob
    log_alpha, loss_and_gradient = learner.arrays.nets["alpha"].theta[0], jax.value_and_grad(alpha_loss, argnums=1)
    loss, gradient = loss_and_gradient(temperature.objective, log_alpha, log_prob, learner.numbers.target_entropy)
    return AlphaResult(loss, fresh, joined(gradient))


def target_stage(learner: Learner, count: Array) -> Learner:
    """The targets towards the networks they follow, in updates where it is due (arXiv 1801.01290, algorithm 1)."""
    spec, numbers, (nets, target) = learner.spec, learner.numbers, learner.arrays
    if not spec.targets:
        return learner
    online = nets[followed(spec)].theta
    nearer = numbers.kept * target + numbers.tau * online
    if spec.target_every > 1:
        nearer = jnp.where(spec.due(spec.target_every, count), nearer, target)
    if spec.target_copy_every:
        nearer = jnp.where(count % spec.target_copy_every == 0, online, nearer)
    return replace(learner, arrays=Arrays(nets, nearer))


def run_stages(
    learner: Learner,
    count: Array,
    batch: Batch,
    draws: Draws,
    first: Policy,
    turns: Turns,
    *,
    steps: bool = True,
    waiting: Results | None = None,
) -> tuple[Learner, Results]:
    """Stages in order, each optimiser's step behind its stage; without `steps` nothing moves. Every later pass of actor
    and alpha has new draws and the newest alpha. waiting: earlier results whose steps come with the targets'."""
    spec, policy, results = learner.spec, first, Results()
    for stage, turn in turns:
        result: Result
        match stage:
            case "value":
                result = value_stage(learner, batch, first)
            case "critic":
                result = critic_stage(learner, count, batch, first, draws)
            case "actor":
                if turn > 1:
                    policy = policy_now(learner, count, batch.obs, draws[numbered("action", turn)], turn)
                result = actor_stage(learner, count, batch, policy, draws)
            case "alpha":
                result = alpha_stage(learner, count, batch, policy, draws, turn)
            case "target":
                if spec.gradients == "simultaneous":  # all were taken at the first parameters: now their steps
                    learner = descend_all(learner, count, (waiting or {}) | results)
                learner = target_stage(learner, count)
                continue
        results[stage, turn] = result
        if steps and isinstance(result, CriticResult | ActorResult):
            learner = moved_by(learner, stage, result.moved)
        if steps and spec.gradients == "sequential":
            learner = descend(learner, count, stage, turn, result.gradient)
    return learner, results


def descend_all(learner: Learner, count: Array, results: Results) -> Learner:
    """The steps of all stages whose gradients were taken, of actor and alpha where they are due."""
    for (stage, _), result in results.items():
        step = partial(descend, count=count, stage=stage, turn=1, gradient=result.gradient)
        if stage in DELAYED and learner.spec.actor_every > 1:
            due = learner.spec.due(learner.spec.actor_every, count)
            learner = lax.cond(due, step, lambda learner: learner, learner)
        else:
            learner = step(learner)
    return learner


def update_once(
    learner: Learner, count: Array, rows: Array, noise: Array, *, explaining: bool = False
) -> tuple[Learner, Policy, Results]:
    """Update number `count` (from 1) by rows [B, width], noise [draws, B, A]: the learner after it, the policy before,
    and what the stages computed. Where actor and alpha are not due, `explaining` says what a first pass would be."""
    spec, results = learner.spec, Results()
    batch = unpack(rows, learner.spaces, spec.further_steps)
    draws = dict(zip(spec.draws, noise, strict=True))
    if spec.critic_dropout:
        draws |= {name: draws[name][:, : learner.spaces.action_dim] for name in spec.action_draws}
    first = policy_now(learner, count, batch.obs, draws["action"])
    run = partial(run_stages, count=count, batch=batch, draws=draws, first=first)
    for turns in spec.groups:
        if spec.actor_every == 1 or turns[0][0] not in DELAYED:
            learner, computed = run(learner, turns=turns, waiting=results)
        else:
            learner, computed = run_where_due(learner, count, run, turns, explaining)
        results |= computed
    return learner, first, results


def run_where_due(
    learner: Learner, count: Array, run: Callable, turns: Turns, explaining: bool
) -> tuple[Learner, Results]:
    """`run` of these turns in an update where actor and alpha are due. Else nothing moves; a program has to return as
    much in both cases, so results are nan or, when `explaining`, the first pass's for every pass."""
    run = partial(run, turns=turns)
    if explaining:
        _, only = run(learner, turns=tuple(one for one in turns if one[1] == 1), steps=False)
        otherwise = {(stage, turn): only[stage, 1] for stage, turn in turns}
    else:
        otherwise = jax.tree.map(lambda x: jnp.full(x.shape, jnp.nan, x.dtype), jax.eval_shape(run, learner)[1])
    due = learner.spec.due(learner.spec.actor_every, count)
    return lax.cond(due, run, lambda learner: (learner, otherwise), learner)


def metrics(first: Policy, results: Results) -> dict[str, Array]:
    """The scalars of the contract."""
    actor_loss = results["actor", 1].loss  # nan where it was not due
    critic_loss, entropy = results["critic", 1].loss, -first.sample.log_prob.mean()
    return {"critic_loss": critic_loss, "actor_loss": actor_loss, "alpha": first.alpha, "entropy": entropy}


def named(learner: Learner, first: Policy, results: Results) -> dict[str, Any]:
    """Every loss, target, log-probability and gradient of an update by name, as `explain` returns them."""
    seen: dict[str, Any] = {"alpha": first.alpha, "log_prob": first.sample.log_prob, "action": first.sample.action}
    for (stage, turn), result in results.items():
        seen |= stages.named(stage, turn, result)
        parts = canonical(learner.spec, learner.spaces, stage, result.gradient)
        seen |= {f"grad/{name}": tensor for name, tensor in parts.items()}
    return seen


# --- seeds in lockstep, compiled ----------------------------------------------------------------------------------


def updates(learner: Learner, count: Array, rows: Array, noise: Array) -> tuple[Learner, dict[str, Array]]:
    """K updates after the first `count`: rows [K, B, width], noise [K, draws, B, A]; the last one's metrics."""

    def once(learner: Learner, inputs: tuple[Array, Array, Array]) -> tuple[Learner, dict[str, Array]]:
        learner, first, results = update_once(learner, *inputs)
        return learner, metrics(first, results)

    numbers = count + 1 + jnp.arange(len(rows), dtype=count.dtype)
    rows, noise = rows.astype(learner.spec.dtype), noise.astype(learner.spec.dtype)
    if len(rows) == 1:  # a loop of one turn would copy its state
        return once(learner, (numbers[0], rows[0], noise[0]))
    learner, every = lax.scan(once, learner, (numbers, rows, noise))
    return learner, {name: values[-1] for name, values in every.items()}


class Programs(NamedTuple):
    """The compiled functions of one structure; each call takes and gives arrays with a leading axis S."""

    update: Callable
    act: Callable
    explain: Callable
    log_prob: Callable


@lru_cache(maxsize=16)
def programs(spec: SacSpec, spaces: Spaces) -> Programs:
    """Traced at the first call with inputs of new shapes, and never again in the process; spec: a `structure`."""

    def update(arrays: Arrays, count: Array, numbers: Array, rows: Array, noise: Array, *acting: Array | None) -> tuple:
        TRACES["update"] += 1

        def one_seed(
            arrays: Arrays, numbers: Array, rows: Array, noise: Array, obs: Array | None, act_noise: Array | None
        ) -> tuple:
            learner, last = updates(Learner(spec, spaces, Numbers(*numbers), arrays), count, rows, noise)
            actor = learner.arrays.nets["actor"].theta
            action = None if obs is None else act_once(spec, spaces, actor, obs, act_noise)
            return learner.arrays, action, last

        # `count` stays outside: the same for every seed, it decides branches that a batched number could not
        arrays, action, last = over_seeds(one_seed, arrays, numbers, rows, noise, *acting)
        return arrays, count + rows.shape[1], action, last

    def act(actor: Array, obs: Array, noise: Array | None) -> Array:
        TRACES["act"] += 1
        return over_seeds(lambda *one: act_once(spec, spaces, *one), actor, obs, noise)

    def explain(arrays: Arrays, count: Array, numbers: Array, rows: Array, noise: Array) -> tuple:
        TRACES["explain"] += 1

        def one_seed(arrays: Arrays, numbers: Array, rows: Array, noise: Array) -> tuple[Arrays, dict[str, Array]]:
            learner = Learner(spec, spaces, Numbers(*numbers), arrays)
            learner, first, results = update_once(learner, count + 1, rows, noise, explaining=True)
            return learner.arrays, named(learner, first, results)

        arrays, seen = over_seeds(one_seed, arrays, numbers, *(x[:, 0].astype(spec.dtype) for x in (rows, noise)))
        return arrays, count + 1, seen

    def log_prob(actor: Array, obs: Array, actions: Array) -> Array:
        return over_seeds(lambda *one: log_prob_once(spec, spaces, *one), actor, obs, actions)

    # on a CPU, XLA copies what is donated before it writes: each vector is still read when its successor is ready
    spent = () if jax.default_backend() == "cpu" else (0, 1)
    return Programs(jax.jit(update, donate_argnums=spent), jax.jit(act), jax.jit(explain), jax.jit(log_prob))


def over_seeds(function: Callable, *args: Any) -> Any:
    """`function` of one seed's arrays over all seeds of the leading axis; for one seed without a batched program."""
    if len(jax.tree.leaves(args)[0]) > 1:
        return jax.vmap(function)(*args)
    return jax.tree.map(lambda x: x[None], function(*jax.tree.map(lambda x: x[0], args)))


@dataclass(frozen=True)
class State:
    """S seeds in lockstep: their arrays [S, ...] on the device, and how many updates each has had."""

    spec: SacSpec  # the structure that all of them have
    spaces: Spaces
    programs: Programs
    numbers: Array  # [S, fields of Numbers]
    arrays: Arrays
    count: Array


def precise(spec: SacSpec) -> Any:
    """The context in which JAX computes at the spec's precision: float64 is off by default, and off for float32."""
    return jax.enable_x64(spec.precision == "float64")


def update(
    state: State, rows: np.ndarray, noise: np.ndarray, obs: np.ndarray | None, act_noise: np.ndarray | None
) -> tuple[State, np.ndarray | None, Metrics]:
    """See suite.sac.contract.Implementation.update. The metrics stay on the device until they are read."""
    with precise(state.spec):
        run = state.programs.update
        arrays, count, action, last = run(state.arrays, state.count, state.numbers, rows, noise, obs, act_noise)
        jax_host.wait(count)
    state = State(state.spec, state.spaces, state.programs, state.numbers, arrays, count)
    return state, None if action is None else np.asarray(action), last


def explain(state: State, rows: np.ndarray, noise: np.ndarray) -> tuple[State, dict[str, np.ndarray]]:
    """See suite.sac.contract.Implementation.explain."""
    with precise(state.spec):
        arrays, count, seen = state.programs.explain(state.arrays, state.count, state.numbers, rows, noise)
    return replace(state, arrays=arrays, count=count), {name: np.asarray(value) for name, value in seen.items()}


def act_once(spec: SacSpec, spaces: Spaces, actor: Array, obs: Array, noise: Array | None) -> Array:
    """Actions [N, A] at obs [N, O] of the actor [P]: sampled, or without noise the mean's tanh."""
    (weights,) = split(spec, spaces, "actor", actor)
    mean, raw = jnp.split(forward(spec.network("actor"), weights, obs.astype(spec.dtype)), 2, axis=1)
    u = mean if noise is None else mean + jnp.exp(log_std(spec, raw)) * noise.astype(spec.dtype)
    return jnp.tanh(u).astype(jnp.float32)


def act(state: State, obs: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
    """See suite.sac.contract.Implementation.act."""
    with precise(state.spec):
        return np.asarray(state.programs.act(state.arrays.nets["actor"].theta, obs, noise))


def log_prob_once(spec: SacSpec, spaces: Spaces, actor: Array, obs: Array, actions: Array) -> Array:
    """The log densities [N] before tanh of actions [N, A] at obs [N, O] by the actor [P]."""
    (weights,) = split(spec, spaces, "actor", actor)
    return log_density(spec, weights, obs.astype(spec.dtype), actions.astype(spec.dtype))


def log_prob(state: State, obs: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """See suite.sac.contract.Implementation.log_prob."""
    with precise(state.spec):
        return np.asarray(state.programs.log_prob(state.arrays.nets["actor"].theta, obs, actions))


# --- in and out: canonical arrays ---------------------------------------------------------------------------------


def followed(spec: SacSpec) -> str:
    """The net whose vector the target's is like."""
    return "value" if spec.value_net else "critic"


def shapes(spec: SacSpec, spaces: Spaces, net: str) -> list[tuple[int, ...]]:
    """The tensors of a flat vector, in its order: all critics' in "critic", log_alpha alone in "alpha"."""
    if net == "alpha":
        return [()]
    inputs = spaces.obs_dim + (spaces.action_dim if net == "critic" else 0)
    outputs = {"actor": 2 * spaces.action_dim, "critic": spec.critic_outputs}.get(net, 1)
    one = list(spec.network(net).shapes(inputs, outputs).values())
    if net == "critic" and spec.first_critic_layer == "sum_of_relus":
        one[1] = (2, *one[1])
    return one * (spec.critics if net == "critic" else 1)


def split(spec: SacSpec, spaces: Spaces, net: str, vector: Any) -> list[list[Any]]:
    """A flat vector [..., P] as each network's tensors [..., *shape]: a list of one network, or of all critics."""
    tensors, start = [], 0
    for shape in shapes(spec, spaces, net):
        end = start + math.prod(shape)
        tensors.append(vector[..., start:end].reshape(*vector.shape[:-1], *shape))
        start = end
    each = len(tensors) // (spec.critics if net == "critic" else 1)
    return [tensors[i : i + each] for i in range(0, len(tensors), each)]


def joined(tensors: Any) -> Array:
    """What `split` took apart, as a flat vector [P]."""
    return jnp.concatenate([tensor.reshape(-1) for tensor in jax.tree.leaves(tensors)])


def canonical(spec: SacSpec, spaces: Spaces, net: str, vector: Any) -> dict[str, Any]:
    """The tensors of a flat vector [..., P] by canonical name; net may be "target"."""
    kind, prefix = (followed(spec), "target_") if net == "target" else (net, "")
    if net == "target" and not spec.targets:
        return {}
    networks = split(spec, spaces, kind, vector)
    if net == "alpha":
        return {"log_alpha": networks[0][0]}
    parts: dict[str, Any] = {}
    for n, tensors in enumerate(networks):
        name = f"{prefix}{kind}{n + 1 if kind == 'critic' else ''}"
        parts |= {f"{name}/{part}": one for part, one in zip(spec.network(kind).tensors, tensors, strict=True)}
        if kind == "critic" and spec.first_critic_layer == "sum_of_relus":
            w, b, o = parts.pop(f"{name}/w0"), parts.pop(f"{name}/b0"), spaces.obs_dim
            parts |= {f"{name}/w0_obs": w[..., :o, :], f"{name}/w0_act": w[..., o:, :]}
            parts |= {f"{name}/b0_obs": b[..., 0, :], f"{name}/b0_act": b[..., 1, :]}
    if net == "actor":
        a, top = spaces.action_dim, len(spec.network("actor").hidden)
        for tensor in "wb":
            heads = parts.pop(f"actor/{tensor}{top}")
            parts |= {f"actor/{tensor}_mean": heads[..., :a], f"actor/{tensor}_log_std": heads[..., a:]}
    return parts


def init(spec: SacSpec | Sequence[SacSpec], spaces: Spaces, params: Params) -> State:
    """See suite.sac.contract.Implementation.init; or for seeds of several specs, one spec each, of one structure."""
    jax_host.configure()
    seeds = len(params["actor/w0"])
    specs = [spec] * seeds if isinstance(spec, SacSpec) else spec
    spec, *others = {one.structure for one in specs}
    if others:
        raise ValueError("seeds in lockstep have specs of one structure: see SacSpec.structure")
    dtype = np.dtype(spec.dtype)

    def load(net: str, prefix: str = "") -> Array:
        """A flat vector [S, P], filled through the views that `canonical` gives of it."""
        like = followed(spec) if net == "target" else net
        held = spec.targets or net != "target"
        vector = np.zeros((seeds, sum(map(math.prod, shapes(spec, spaces, like))) if held else 0), dtype)
        for name, view in canonical(spec, spaces, net, vector).items():
            if prefix + name in params:
                view[...] = params[prefix + name]
        return jnp.array(vector, copy=True)  # JAX may keep the memory it is given, and an update writes over its state

    counts = np.unique(params.get("updates_done", np.zeros(1)))
    if len(counts) > 1:
        raise ValueError(f"seeds in lockstep have had the same number of updates, not {', '.join(map(str, counts))}")
    with precise(spec):
        moved = [stage for stage in spec.stages if stage != "target"]
        nets = {net: Net(load(net), load(net, "adam_m/"), load(net, "adam_v/")) for net in moved}
        arrays, count = Arrays(nets, load("target")), jnp.asarray(int(counts[0]), jnp.int32)
        numbers = jnp.array([numbers_of(one, spaces) for one in specs], dtype)
    return State(spec, spaces, programs(spec, spaces), numbers, arrays, count)


def get_params(state: State) -> Params:
    """See suite.sac.contract.Implementation.get_params."""
    spec, spaces, count = state.spec, state.spaces, int(state.count)
    nets, target = jax.tree.map(np.array, tuple(state.arrays))
    params = canonical(spec, spaces, "target", target)
    for name, net in nets.items():
        params |= canonical(spec, spaces, name, net.theta)
        if count:
            for prefix, moment in (("adam_m/", net.m), ("adam_v/", net.v)):
                parts = canonical(spec, spaces, name, moment)
                params |= {prefix + tensor: value for tensor, value in parts.items()}
    return {name: np.ascontiguousarray(x) for name, x in params.items()} | {"updates_done": np.full(len(target), count)}


def set_params(state: State, params: Params) -> State:
    """See suite.sac.contract.Implementation.set_params."""
    return replace(init(state.spec, state.spaces, params), programs=state.programs, numbers=state.numbers)


def device() -> str | None:
    """See suite.sac.contract.Implementation.device."""
    jax_host.configure()
    first = jax.devices()[0]
    return None if first.platform == "cpu" else f"{first.platform}: {first.device_kind}"
