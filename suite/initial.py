"""Initial weights, drawn by the instrument: the same seed starts every engine at the same parameters."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from suite.contract import Params, Spaces
from suite.spec import SacSpec


def layers(spec: SacSpec, spaces: Spaces, net: str) -> dict[str, tuple[int, int]]:
    """The dense layers of a network: suffix ("0", "1", ..., or an actor head's name) -> (inputs, outputs)."""
    inputs = {"actor": spaces.obs_dim, "value": spaces.obs_dim}.get(net.removeprefix("target_"))
    widths = (inputs or spaces.obs_dim + spaces.action_dim, *spec.hidden)
    hidden = {str(i): pair for i, pair in enumerate(pairwise(widths))}
    if net == "actor":
        heads = {"_mean": (widths[-1], spaces.action_dim), "_log_std": (widths[-1], spaces.action_dim)}
    else:
        heads = {str(len(spec.hidden)): (widths[-1], 1)}
    return hidden | heads


def shapes(spec: SacSpec, spaces: Spaces) -> dict[str, tuple[int, ...]]:
    """The shape of every parameter of the spec's networks, by canonical name, online networks first."""
    found = {}
    for net in (*spec.online, *spec.targets):
        for suffix, (inputs, outputs) in layers(spec, spaces, net).items():
            found[f"{net}/w{suffix}"] = (inputs, outputs)
            found[f"{net}/b{suffix}"] = (outputs,)
    return found


def dense(rng: np.random.Generator, init: str, inputs: int, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Weight [in, out] and bias [out] of one layer, float64.

    "torch": both uniform in +-1/sqrt(in) (nn.Linear.reset_parameters, pytorch v2.13 torch/nn/modules/linear.py);
    "glorot_uniform": weight uniform in +-sqrt(6 / (in + out)), bias 0 (Glorot and Bengio 2010, eq. 16).
    """
    if init == "torch":
        bound = 1 / math.sqrt(inputs)
        return rng.uniform(-bound, bound, (inputs, outputs)), rng.uniform(-bound, bound, outputs)
    bound = math.sqrt(6 / (inputs + outputs))
    return rng.uniform(-bound, bound, (inputs, outputs)), np.zeros(outputs)


def params(spec: SacSpec, spaces: Spaces, rng: np.random.Generator) -> Params:
    """Every network's first weights and, where it is learned, log alpha: float64, for one seed (no leading axis)."""
    drawn: Params = {}
    for net in (*spec.online, *(spec.targets if spec.target_init == "independent" else ())):
        for suffix, (inputs, outputs) in layers(spec, spaces, net).items():
            output = suffix in ("_mean", "_log_std", str(len(spec.hidden)))
            weight, bias = dense(rng, spec.output_init if output else spec.hidden_init, inputs, outputs)
            drawn[f"{net}/w{suffix}"], drawn[f"{net}/b{suffix}"] = weight, bias
    if spec.target_init == "copy":
        for name in shapes(spec, spaces):
            if name.startswith("target_"):
                drawn[name] = drawn[name.removeprefix("target_")].copy()
    if spec.learns_alpha:
        drawn["log_alpha"] = np.asarray(math.log(spec.temperature.init))
    return drawn
