"""What engines in PyTorch have in common beside their algorithm: seeds in lockstep, networks, Adam, arrays in and out.

The full engine (sac_torch.py) is made for speed and does all of it its own way.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from suite.sac.contract import Batch, Metrics, Params, Spaces, unpack

Tensors = dict[str, Tensor]
"""By canonical name."""

METRICS = ("critic_loss", "actor_loss", "alpha", "entropy")


def mlp(params: Tensors, net: str, *inputs: Tensor) -> Tensor:
    """The output of a network of ReLUs for what enters it side by side; inputs broadcast but for their last axis."""
    suffixes = sorted({int(name[len(net) + 2 :]) for name in params if name.startswith(f"{net}/w")})
    parts = params[f"{net}/w0"].split([x.shape[-1] for x in inputs])
    y = params[f"{net}/b0"] + sum(x @ w for x, w in zip(inputs, parts, strict=True))
    for i in suffixes[1:]:
        y = torch.relu(y) @ params[f"{net}/w{i}"] + params[f"{net}/b{i}"]
    return y


def of(params: Tensors, net: str) -> Tensors:
    """The parameters of one network."""
    return {name: tensor for name, tensor in params.items() if name.startswith(f"{net}/")}


def gradients(params: Tensors, net: str, outputs: Tensor, at_outputs: Tensor | None = None) -> Tensors:
    """The gradients of a network's parameters, for that of the outputs (1 for a loss)."""
    tensors = of(params, net)
    grads = torch.autograd.grad(outputs, list(tensors.values()), at_outputs, retain_graph=True)
    return dict(zip(tensors, grads, strict=True))


@dataclass
class Learner:
    """One seed: its parameters, updated in place, and Adam's moments; `updates_done` counts the present update too."""

    spec: Any
    spaces: Spaces
    params: Tensors
    adam_m: Tensors
    adam_v: Tensors
    updates_done: int


@torch.no_grad()
def descend(learner: Learner, grads: Tensors) -> None:
    """One Adam step of the parameters that have gradients (arXiv 1412.6980, algorithm 1)."""
    adam, count = learner.spec.adam, learner.updates_done
    eps = adam.eps
    if adam.eps_placement == "tensorflow":  # sqrt(v) + eps before bias correction, said in torch's terms
        eps = eps / math.sqrt(1 - adam.beta2**count)
    for net in dict.fromkeys(name.split("/")[0] for name in grads):
        names = list(of(grads, net))
        theta, m, v = ([held[name] for name in names] for held in (learner.params, learner.adam_m, learner.adam_v))
        torch._fused_adam_(
            theta, [grads[name] for name in names], m, v, [], [torch.tensor(float(count))] * len(names),
            lr=learner.spec.learning_rate(net), beta1=adam.beta1, beta2=adam.beta2, weight_decay=0.0, eps=eps,
            amsgrad=False, maximize=False,
        )  # fmt: skip


UpdateOnce = Callable[..., dict[str, Any]]
"""(learner, batch, draws by name, explaining): one update in place, and what it computed by name."""

ActOnce = Callable[[Learner, Tensor, tuple[Tensor, ...] | None], Tensor]
"""(learner, obs [N, O], a draw [N, A] for each of spec.act_draws, or None): actions [N, A]."""

State = list[Learner]


class Contract(NamedTuple):
    """The functions of suite.sac.contract.Implementation, in the order in which a module names them."""

    init: Callable
    act: Callable
    update: Callable
    explain: Callable
    get_params: Callable
    set_params: Callable
    device: Callable


def contract(update_once: UpdateOnce, act_once: ActOnce) -> Contract:
    """The contract's functions for an algorithm of one seed."""

    def update(
        state: State, rows: np.ndarray, noise: np.ndarray, obs: np.ndarray | None, act_noise: np.ndarray | None
    ) -> tuple[State, np.ndarray | None, Metrics]:
        last = []
        for learner, seed_rows, seed_noise in zip(state, rows, noise, strict=True):
            for k in range(len(seed_rows)):
                seen = update_once(learner, *inputs(learner, seed_rows[k], seed_noise[k]), explaining=False)
            last.append({name: float(torch.as_tensor(seen.get(name, math.nan)).detach()) for name in METRICS})
        metrics = {name: np.array([one[name] for one in last]) for name in METRICS}
        return state, None if obs is None else act(state, obs, act_noise), metrics

    def explain(state: State, rows: np.ndarray, noise: np.ndarray) -> tuple[State, dict[str, np.ndarray]]:
        after, every = set_params(state, get_params(state)), []
        for learner, seed_rows, seed_noise in zip(after, rows, noise, strict=True):
            seen = update_once(learner, *inputs(learner, seed_rows[0], seed_noise[0]), explaining=True)
            every.append({name: torch.as_tensor(value).detach().numpy() for name, value in seen.items()})
        return after, {name: np.stack([one[name] for one in every]) for name in every[0]}

    @torch.no_grad()
    def act(state: State, obs: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
        actions = np.empty((*obs.shape[:2], state[0].spaces.action_dim), np.float32)
        for i, learner in enumerate(state):
            dtype = getattr(torch, learner.spec.dtype)
            draws = None if noise is None else torch.from_numpy(noise[i]).to(dtype).split(actions.shape[2], dim=1)
            actions[i] = act_once(learner, torch.from_numpy(obs[i]).to(dtype), draws).numpy()
        return actions

    return Contract(init, act, update, explain, get_params, set_params, lambda: None)


def inputs(learner: Learner, rows: np.ndarray, noise: np.ndarray) -> tuple[Batch, Tensors]:
    """Packed rows [B, width] and noise [draws, B, A] as the update's tensors, the draws by name."""
    dtype = getattr(torch, learner.spec.dtype)
    draws = torch.from_numpy(noise).to(dtype)
    return unpack(torch.from_numpy(rows).to(dtype), learner.spaces), dict(zip(learner.spec.draws, draws, strict=True))


def init(spec: Any, spaces: Spaces, params: Params) -> State:
    """See suite.sac.contract.Implementation.init."""
    torch.set_num_threads(1)  # one process per core: two threads for one small network are slower than one
    dtype, state = getattr(torch, spec.dtype), []
    for i in range(len(params["actor/w0"])):
        held = {name: torch.tensor(value[i]).to(dtype) for name, value in params.items() if name != "updates_done"}
        parameters = {name: tensor for name, tensor in held.items() if not name.startswith("adam_")}
        moved = {
            name: tensor.requires_grad_() for name, tensor in parameters.items() if name.split("/")[0] in spec.online
        }
        m, v = (
            {name: held.get(f"{kind}/{name}", torch.zeros_like(tensor)) for name, tensor in moved.items()}
            for kind in ("adam_m", "adam_v")
        )
        updates_done = int(params["updates_done"][i]) if "updates_done" in params else 0
        state.append(Learner(spec, spaces, parameters, m, v, updates_done))
    return state


def get_params(state: State) -> Params:
    """See suite.sac.contract.Implementation.get_params."""
    every = []
    for learner in state:
        moments = {f"adam_m/{name}": x for name, x in learner.adam_m.items()}
        moments |= {f"adam_v/{name}": x for name, x in learner.adam_v.items()}
        every.append({name: x.detach().numpy() for name, x in (learner.params | moments).items()})
    params = {name: np.stack([arrays[name] for arrays in every]) for name in every[0]}
    return params | {"updates_done": np.array([learner.updates_done for learner in state])}


def set_params(state: State, params: Params) -> State:
    """See suite.sac.contract.Implementation.set_params."""
    return init(state[0].spec, state[0].spaces, params)
