"""The update in float64 NumPy, one function per equation, gradients by hand: the executable definition of SacSpec.

Slow and plain on purpose. Engines are right when they agree with this file; this file is right when its gradients agree
with finite differences of its own losses (tests/sac/test_equations.py). One seed: no leading axis. B is the batch size.

Papers: SAC v1 = arXiv 1801.01290, SAC v2 = arXiv 1812.05905, Adam = arXiv 1412.6980.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from suite.sac.contract import Batch, Params, Spaces
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

LOG_2PI = np.log(2 * np.pi)


# --- networks: ReLU multi-layer perceptrons -----------------------------------------------------------------------


def hidden(spec: SacSpec, params: Params, net: str, x: np.ndarray) -> list[np.ndarray]:
    """The input [B, in] and every hidden layer's ReLU output [B, width]: what the backward pass needs."""
    outputs = [x, sum(np.maximum(before, 0) for _, _, before in first_layer(spec, params, net, x))]
    for i in range(1, len(spec.hidden)):
        product = hidden_product(spec, i, outputs[-1], params[f"{net}/w{i}"])
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
    return [(suffix, part, part @ params[f"{net}/w{suffix}"] + params[f"{net}/b{suffix}"]) for suffix, part in terms]


def hidden_product(spec: SacSpec, layer: int, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """x w of a hidden layer, in its gradients too: between hidden layers, "bfloat16_hidden" rounds both factors and
    the product (what it sums, it sums in float32: here exactly)."""
    if spec.precision != "bfloat16_hidden" or layer == 0:
        return x @ w
    return to_bfloat16(to_bfloat16(x) @ to_bfloat16(w))


def to_bfloat16(x: np.ndarray) -> np.ndarray:
    """x rounded to 8 binary digits, ties to even."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).view(np.float32).astype(float)


def hidden_backward(
    spec: SacSpec, params: Params, net: str, outputs: list, d_top: np.ndarray
) -> tuple[Params, np.ndarray]:
    """Gradients of the hidden layers and of the input [B, in], given the loss's gradient at the last hidden output."""
    grads, d = {}, d_top
    for i in reversed(range(1, len(spec.hidden))):
        d = d * (outputs[i + 1] > 0)
        grads[f"{net}/w{i}"] = hidden_product(spec, i, outputs[i].T, d)
        grads[f"{net}/b{i}"] = d.sum(0)
        d = hidden_product(spec, i, d, params[f"{net}/w{i}"].T)
    d_inputs = []
    for suffix, part, before in first_layer(spec, params, net, outputs[0]):
        d_part = d * (before > 0)
        grads |= {f"{net}/w{suffix}": part.T @ d_part, f"{net}/b{suffix}": d_part.sum(0)}
        d_inputs.append(d_part @ params[f"{net}/w{suffix}"].T)
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
    spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, noise: Params, alpha: float
) -> tuple[np.ndarray, np.ndarray | None]:
    """y [B] = scale r + discount (1 - terminated) V'(s') and log pi(a'|s') (SAC v2, eq. 5-6; with V: SAC v1, eq. 8)."""
    if spec.value_net:
        next_value, _ = scalar(spec, params, "target_value", batch.next_obs)
        next_log_prob = None
    else:
        following = sample(spec, spaces, params, batch.next_obs, noise["next_action"])
        q, _ = critics(spec, spaces, params, "target_", batch.next_obs, following.action)
        next_value, next_log_prob = soft_value(spec, q, following.log_prob, alpha), following.log_prob
    return bellman_target(spec, batch.reward, batch.terminated, next_value), next_log_prob


def bellman_target(spec: SacSpec, reward: np.ndarray, terminated: np.ndarray, next_value: np.ndarray) -> np.ndarray:
    """scale r + discount (1 - terminated) V(s') [B] (SAC v2, eq. 2)."""
    return spec.reward_scale * reward + spec.discount * (1 - terminated) * next_value


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


# --- update: five stages, and one loop over them ------------------------------------------------------------------

Seen = dict[str, Any]
"""What an update, or a stage of it, computed by name."""


class Policy(NamedTuple):
    """The policy at one moment of an update: its temperature, and an action at each of the batch's states."""

    alpha: float
    sample: Sample


def policy_now(spec: SacSpec, spaces: Spaces, params: Params, obs: np.ndarray, noise: np.ndarray) -> Policy:
    """The policy as it stands, at obs [B, O]."""
    alpha = float(np.exp(params["log_alpha"])) if isinstance(spec.temperature, LearnedAlpha) else spec.temperature.value
    return Policy(alpha, sample(spec, spaces, params, obs, noise))


def numbered(name: str, turn: int) -> str:
    """The name of a draw, or of something computed, in pass `turn` (from 1) of actor and alpha."""
    return name if turn == 1 else f"{name}_{turn}"


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


def descend(spec: SacSpec, params: Params, grads: Params, turn: int = 1) -> None:
    """One Adam step of the parameters that have gradients, in place."""
    for name, grad in grads.items():
        net = "alpha" if name == "log_alpha" else name.split("/")[0].rstrip("0123456789")
        m, v = (params.get(f"{kind}/{name}", np.zeros_like(grad)) for kind in ("adam_m", "adam_v"))
        step = spec.steps(net, int(params["updates_done"]), turn)
        stepped = adam(spec, spec.learning_rate(net), step, params[name], grad, m, v)
        params[name], params[f"adam_m/{name}"], params[f"adam_v/{name}"] = stepped


def value_stage(spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, first: Policy) -> tuple[Seen, Params]:
    """V towards the soft value of the policy's action."""
    q, _ = critics(spec, spaces, params, "", batch.obs, first.sample.action)
    target = value_target(spec, q, first.sample.log_prob, first.alpha)
    loss, grads = value_loss(spec, params, batch, target)
    return {"value_loss": loss, "value_target": target}, grads


def critic_stage(
    spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, first: Policy, noise: Params
) -> tuple[Seen, Params]:
    """Every critic towards the reward and the discounted value of the next state."""
    y, next_log_prob = target_q(spec, spaces, params, batch, noise, first.alpha)
    losses, grads, q = critic_loss(spec, spaces, params, batch, y)
    seen = {"critic_loss": losses.sum(), "q": q, "target_q": y, "next_log_prob": next_log_prob}
    return seen | {f"critic{i + 1}_loss": loss for i, loss in enumerate(losses)}, grads


def actor_stage(
    spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, policy: Policy, noise: Params, turn: int
) -> tuple[Seen, Params]:
    """The actor towards actions of high Q and of high entropy."""
    independent = spec.pathwise_noise == "independent"
    names = ("action", "action_2", "action_3") if independent else (numbered("action", turn),)
    noises = [noise[name] for name in names]
    loss, grads, dq_da = actor_loss(spec, spaces, params, params, batch, noises, policy.alpha)
    of_pass = {"actor_loss": loss, "alpha": policy.alpha, "log_prob": policy.sample.log_prob}
    return {numbered(name, turn): value for name, value in of_pass.items()} | {"dq_da": dq_da}, grads


def alpha_stage(
    spec: SacSpec, spaces: Spaces, params: Params, batch: Batch, policy: Policy, noise: Params, turn: int
) -> tuple[Seen, Params]:
    """The temperature towards the entropy aimed at, by the actor's sample or by a fresh one of the moved policy."""
    assert isinstance(spec.temperature, LearnedAlpha)
    seen, log_prob = Seen(), policy.sample.log_prob
    if spec.temperature.sample == "fresh":
        log_prob = sample(spec, spaces, params, batch.obs, noise[numbered("alpha", turn)]).log_prob
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
        match stage:
            case "value":
                named, grads = value_stage(spec, spaces, params, batch, first)
            case "critic":
                named, grads = critic_stage(spec, spaces, params, batch, first, noise)
            case "actor":
                if turn > 1:
                    policy = policy_now(spec, spaces, params, batch.obs, noise[numbered("action", turn)])
                named, grads = actor_stage(spec, spaces, params, batch, policy, noise, turn)
            case "alpha":
                named, grads = alpha_stage(spec, spaces, params, batch, policy, noise, turn)
            case "target":
                descend(spec, params, pending)
                target_stage(spec, params)
                continue
        seen |= named | {f"grad/{name}": grad for name, grad in grads.items()}
        if spec.gradients == "simultaneous":
            pending |= grads
        elif due or stage not in DELAYED:
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
