"""Initial weights, drawn by the instrument: the same seed starts every engine at the same parameters."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from suite.sac.contract import Params, Spaces
from suite.sac.spec import Init, LearnedAlpha, Orthogonal, SacSpec, Uniform
from suite.sac.specs import MixtureSpec, SoftQSpec, Spec

TRUNCATED_STD = 0.87962566103423978
"""The standard deviation of a standard normal truncated at +-2."""


def layers(spec: Spec, spaces: Spaces, net: str) -> dict[str, tuple[int, int]]:
    """The dense layers of a network: suffix ("0", "1", ..., or an actor head's name) -> (inputs, outputs).

    A critic whose first layer is a sum of ReLUs has "0_obs" and "0_act" in place of "0".
    """
    critic = "critic" in net
    widths = (sum(inputs_of(spec, spaces, net)), *spec.network(net).hidden)
    hidden = {str(i): pair for i, pair in enumerate(pairwise(widths))}
    if critic and spec.first_critic_layer == "sum_of_relus":
        _, width = hidden.pop("0")
        hidden = {"0_obs": (spaces.obs_dim, width), "0_act": (spaces.action_dim, width)} | hidden
    return hidden | {suffix: (widths[-1], outputs) for suffix, outputs in heads(spec, spaces, net).items()}


def inputs_of(spec: Spec, spaces: Spaces, net: str) -> tuple[int, ...]:
    """The sizes of what enters a network: obs; and for a critic the action, for soft Q-learning's actor its noise."""
    both = "critic" in net or (net == "actor" and isinstance(spec, SoftQSpec))
    return (spaces.obs_dim, spaces.action_dim) if both else (spaces.obs_dim,)


def heads(spec: Spec, spaces: Spaces, net: str) -> dict[str, int]:
    """The output layers of a network, with how many numbers each gives.

    A mixture's are, component by component, its logit, mean and log std.
    """
    top, action_dim = str(len(spec.network(net).hidden)), spaces.action_dim
    if net != "actor":
        return {top: spec.critic_outputs if isinstance(spec, SacSpec) and "critic" in net else 1}
    match spec:
        case SoftQSpec():
            return {top: action_dim}
        case MixtureSpec():
            return {top: spec.components * (2 * action_dim + 1)}
    return {"_mean": action_dim, "_log_std": action_dim}


def shapes(spec: Spec, spaces: Spaces) -> dict[str, tuple[int, ...]]:
    """The shape of every parameter of the spec's networks, by canonical name, online networks first."""
    by_name: dict[str, tuple[int, ...]] = {}
    for net in (*spec.online, *spec.targets):
        for suffix, (inputs, outputs) in layers(spec, spaces, net).items():
            by_name |= {f"{net}/w{suffix}": (inputs, outputs), f"{net}/b{suffix}": (outputs,)}
        by_name |= {name: value.shape for name, value in norms(spec, spaces, net).items()}
    return by_name


def norms(spec: Spec, spaces: Spaces, net: str) -> Params:
    """The first tensors of a network's normalisation, by canonical name: scales and variances 1, biases and means 0."""
    every = spec.network(net).shapes(sum(inputs_of(spec, spaces, net)), 1)
    first = {"scale": 1.0, "var": 1.0, "bias": 0.0, "mean": 0.0}
    parts = {name: name.partition("_")[2] for name in every}
    return {f"{net}/{name}": np.full(every[name], first[part]) for name, part in parts.items() if part}


def dense(rng: np.random.Generator, init: Init, inputs: int, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Weight [in, out] and bias [out] of one layer with one input, float64.

    "torch": both uniform in +-1/sqrt(in) (nn.Linear.reset_parameters, pytorch v2.13 torch/nn/modules/linear.py);
    "glorot_uniform", "glorot_per_input": weight uniform in +-sqrt(6 / (in + out)) (Glorot and Bengio 2010, eq. 16);
    "fan_in": weight uniform in +-1/sqrt(in); "fan_out": in +-1/sqrt(out), which rlkit calls fan-in
    (rail-berkeley/rlkit@ac45a9d rlkit/torch/pytorch_util.py:142-151);
    "lecun_normal": weight normal, truncated at +-2 standard deviations, of variance 1/in afterwards
    (jax.nn.initializers.lecun_normal); Orthogonal: gain times an orthogonal matrix, or as much of one as there is,
    uniform over all such (arXiv 1312.6120); Uniform: as it says. Biases are 0 where nothing is said.
    """
    shape = (inputs, outputs)
    if init == "torch":
        bound = 1 / math.sqrt(inputs)
        return rng.uniform(-bound, bound, shape), rng.uniform(-bound, bound, outputs)
    if isinstance(init, Uniform):
        return rng.uniform(-init.weight, init.weight, shape), rng.uniform(-init.bias, init.bias, outputs)
    if isinstance(init, Orthogonal):
        q, r = np.linalg.qr(rng.standard_normal((max(shape), min(shape))))
        q *= np.sign(np.diag(r))  # QR alone favours some matrices over others
        return init.gain * (q if inputs >= outputs else q.T), np.zeros(outputs)
    if init == "lecun_normal":
        weight = rng.standard_normal(shape)
        while (beyond := np.abs(weight) > 2).any():
            weight[beyond] = rng.standard_normal(beyond.sum())
        return weight / (TRUNCATED_STD * math.sqrt(inputs)), np.zeros(outputs)
    glorot = math.sqrt(6 / (inputs + outputs))
    bound = {"fan_in": 1 / math.sqrt(inputs), "fan_out": 1 / math.sqrt(outputs)}.get(init, glorot)
    return rng.uniform(-bound, bound, shape), np.zeros(outputs)


def network(rng: np.random.Generator, spec: Spec, spaces: Spaces, net: str) -> Params:
    """One network's first weights by canonical name, float64."""
    drawn: Params = {}
    every = layers(spec, spaces, net)
    joint = isinstance(spec, SacSpec) and net == "actor" and spec.actor_head == "joint"
    for suffix, (inputs, outputs) in every.items():
        init = init_of(spec, net, suffix)
        if joint and suffix in ("_mean", "_log_std"):
            continue
        if init == "glorot_per_input" and suffix == "0":
            # the sum of one product per input (haarnoja/sac@8258e33 sac/misc/mlp.py:129-143)
            parts = [dense(rng, init, size, outputs) for size in inputs_of(spec, spaces, net)]
            weight, bias = np.concatenate([weight for weight, _ in parts]), parts[0][1]
        else:
            weight, bias = dense(rng, init, inputs, outputs)
        drawn |= {f"{net}/w{suffix}": weight, f"{net}/b{suffix}": bias}
    if joint and isinstance(spec, SacSpec):
        inputs, outputs = every["_mean"]
        weight, bias = dense(rng, spec.mean_init, inputs, 2 * outputs)
        drawn |= {"actor/w_mean": weight[:, :outputs], "actor/w_log_std": weight[:, outputs:]}
        drawn |= {"actor/b_mean": bias[:outputs], "actor/b_log_std": bias[outputs:]}
    return drawn | norms(spec, spaces, net)


def init_of(spec: Spec, net: str, suffix: str) -> Init:
    """How the layer of that suffix starts."""
    if not isinstance(spec, SacSpec):
        return spec.init
    inits = {"_mean": spec.mean_init, "_log_std": spec.log_std_init}
    if net != "actor":
        inits = {str(len(spec.hidden)): spec.critic_output_init}
    return inits.get(suffix, spec.hidden_init)


def params(spec: Spec, spaces: Spaces, rng: np.random.Generator) -> Params:
    """Every network's first weights and, where it is learned, log alpha: float64, for one seed (no leading axis)."""
    drawn: Params = {}
    for net in (*spec.online, *(spec.targets if spec.target_init != "copy" else ())):
        drawn |= network(rng, spec, spaces, net)
    for name in shapes(spec, spaces):
        online = name.removeprefix("target_")
        if online != name and spec.target_init == "copy":
            drawn[name] = drawn[online].copy()
        elif online != name and spec.target_init == "soft_once":  # haarnoja/sac@8258e33 sac/algos/sac.py:359-361
            assert not isinstance(spec, SoftQSpec)
            drawn[name] = (1 - spec.tau) * drawn[name] + spec.tau * drawn[online]
    if isinstance(spec, SacSpec) and isinstance(spec.temperature, LearnedAlpha):
        first = spec.temperature.init
        drawn["log_alpha"] = np.asarray(rng.standard_normal() if first is None else math.log(first))
    return drawn
