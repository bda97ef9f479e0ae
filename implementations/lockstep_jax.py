"""What engines in JAX have in common beside their algorithm: seeds in lockstep, networks, Adam, arrays in and out.

The full engine (sac_jax.py) is made for speed and does all of it its own way. K updates and the next action are one
compiled call; S seeds are `vmap`, left out for S = 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from implementations import jax_host
from suite.sac.contract import Metrics, Params, Spaces, unpack

Arrays = dict[str, Array]
"""By canonical name."""

METRICS = ("critic_loss", "actor_loss", "alpha", "entropy")


def mlp(params: Arrays, net: str, *inputs: Array) -> Array:
    """The output of a network of ReLUs for what enters it side by side; inputs broadcast but for their last axis."""
    suffixes = sorted({int(name[len(net) + 2 :]) for name in params if name.startswith(f"{net}/w")})
    ends = np.cumsum([x.shape[-1] for x in inputs])[:-1].tolist()
    parts = jnp.split(params[f"{net}/w0"], ends)
    y = params[f"{net}/b0"] + sum(matmul(x, w) for x, w in zip(inputs, parts, strict=True))
    for i in suffixes[1:]:
        y = matmul(jax.nn.relu(y), params[f"{net}/w{i}"]) + params[f"{net}/b{i}"]
    return y


def matmul(x: Array, w: Array) -> Array:
    return jnp.matmul(x, w, precision=lax.Precision.HIGHEST)  # left to itself, a GPU would round the factors


def of(params: Arrays, net: str) -> Arrays:
    """The parameters of one network."""
    return {name: array for name, array in params.items() if name.startswith(f"{net}/")}


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Learner:
    """One seed's parameters and Adam's moments of those that are moved, in an update whose number is `count`."""

    params: Arrays
    adam_m: Arrays
    adam_v: Arrays
    count: Array


def descend(spec: Any, learner: Learner, grads: Arrays) -> Learner:
    """One Adam step of the parameters that have gradients (arXiv 1412.6980, algorithm 1)."""
    adam, count = spec.adam, learner.count
    params, moments, squares = dict(learner.params), dict(learner.adam_m), dict(learner.adam_v)
    for name, grad in grads.items():
        number = count.astype(grad.dtype)
        correction = jnp.sqrt(1 - adam.beta2**number)
        moments[name] = m = adam.beta1 * moments[name] + (1 - adam.beta1) * grad
        squares[name] = v = adam.beta2 * squares[name] + (1 - adam.beta2) * grad**2
        # sqrt(v) + eps before bias correction in TensorFlow, said in torch's terms
        eps = adam.eps / correction if adam.eps_placement == "tensorflow" else adam.eps
        rate = spec.learning_rate(name.split("/")[0]) / (1 - adam.beta1**number)
        params[name] = params[name] - rate * m / (jnp.sqrt(v) / correction + eps)
    return replace(learner, params=params, adam_m=moments, adam_v=squares)


UpdateOnce = Callable[..., tuple[Learner, dict[str, Any]]]
"""(spec, spaces, learner, batch, draws by name, explaining): the learner afterwards, what was computed by name."""

ActOnce = Callable[..., Array]
"""(spec, spaces, params, obs [N, O], a draw [N, A] for each of spec.act_draws, or None): actions [N, A]."""


Held = tuple[Arrays, Arrays, Arrays]
"""A learner's parameters and Adam's two moments."""


class Programs(NamedTuple):
    """The compiled functions of one spec; each call takes and gives arrays with a leading axis S."""

    update: Callable
    act: Callable
    explain: Callable


@dataclass(frozen=True)
class State:
    """S seeds in lockstep: their arrays [S, ...] on the device, and how many updates each has had."""

    spec: Any
    spaces: Spaces
    programs: Programs
    arrays: Held
    count: Array


class Algorithm(NamedTuple):
    """What a specimen brings, and the spec and spaces that its programs are traced for."""

    update_once: UpdateOnce
    act_once: ActOnce
    spec: Any
    spaces: Spaces


@cache
def programs(algorithm: Algorithm) -> Programs:
    """Traced at the first call with inputs of new shapes, and never again in the process."""

    def update(arrays: Held, count: Array, rows: Array, noise: Array, obs: Any, act_noise: Any) -> tuple:
        one_seed = partial(updates, algorithm, count)
        arrays, action, last = over_seeds(one_seed, arrays, rows, noise, obs, act_noise)
        return arrays, count + rows.shape[1], action, last

    def act(params: Arrays, obs: Array, noise: Array | None) -> Array:
        return over_seeds(partial(acted, algorithm), params, obs, noise)

    def explain(arrays: Held, count: Array, rows: Array, noise: Array) -> tuple:
        one_seed = partial(once, algorithm, count + 1, explaining=True)
        arrays, seen = over_seeds(one_seed, arrays, rows[:, 0], noise[:, 0])
        return arrays, count + 1, seen

    return Programs(jax.jit(update), jax.jit(act), jax.jit(explain))


def once(
    algorithm: Algorithm, number: Array, arrays: Held, rows: Array, noise: Array, *, explaining: bool
) -> tuple[Held, dict[str, Array]]:
    """Update number `number` (from 1) of one seed by rows [B, width] and noise [draws, B, A]."""
    spec, spaces = algorithm.spec, algorithm.spaces
    (params, m, v), batch = arrays, unpack(rows.astype(spec.dtype), spaces)
    draws = dict(zip(spec.draws, noise.astype(spec.dtype), strict=True))
    learner = Learner(params, m, v, number)
    learner, seen = algorithm.update_once(spec, spaces, learner, batch, draws, explaining=explaining)
    return (learner.params, learner.adam_m, learner.adam_v), jax.tree.map(jnp.asarray, seen)


def updates(
    algorithm: Algorithm, count: Array, arrays: Held, rows: Array, noise: Array, obs: Array | None, act_noise: Any
) -> tuple[Held, Array | None, dict[str, Array]]:
    """K updates of one seed after the first `count`, the action at obs afterwards, and the last update's metrics."""

    def turn(arrays: Held, given: tuple[Array, Array, Array]) -> tuple[Held, dict[str, Array]]:
        number, of_rows, of_noise = given
        arrays, seen = once(algorithm, number, arrays, of_rows, of_noise, explaining=False)
        return arrays, {name: jnp.asarray(seen.get(name, jnp.nan), algorithm.spec.dtype) for name in METRICS}

    every: dict[str, Array]
    arrays, every = lax.scan(turn, arrays, (count + 1 + jnp.arange(len(rows)), rows, noise))
    action = None if obs is None else acted(algorithm, arrays[0], obs, act_noise)
    return arrays, action, {name: values[-1] for name, values in every.items()}


def acted(algorithm: Algorithm, params: Arrays, obs: Array, noise: Array | None) -> Array:
    """Actions [N, A] of one seed at obs [N, O]."""
    spec, width = algorithm.spec, algorithm.spaces.action_dim
    draws = None if noise is None else jnp.split(noise.astype(spec.dtype), noise.shape[1] // width, axis=1)
    return algorithm.act_once(spec, algorithm.spaces, params, obs.astype(spec.dtype), draws).astype(jnp.float32)


def over_seeds(function: Callable, *args: Any) -> Any:
    """`function` of one seed's arrays over all seeds of the leading axis; for one seed without a batched program."""
    if len(jax.tree.leaves(args)[0]) > 1:
        return jax.vmap(function)(*args)
    return jax.tree.map(lambda x: x[None], function(*jax.tree.map(lambda x: x[0], args)))


def precise(spec: Any) -> Any:
    """The context in which JAX computes at the spec's precision: float64 is off by default, and off for float32."""
    return jax.enable_x64(spec.dtype == "float64")


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

    def init(spec: Any, spaces: Spaces, params: Params) -> State:
        jax_host.configure()
        with precise(spec):
            arrays, count = loaded(spec, params)
        return State(spec, spaces, programs(Algorithm(update_once, act_once, spec, spaces)), arrays, count)

    def set_params(state: State, params: Params) -> State:
        return replace(init(state.spec, state.spaces, params), programs=state.programs)

    return Contract(init, act, update, explain, get_params, set_params, device)


def loaded(spec: Any, params: Params) -> tuple[Held, Array]:
    """Canonical arrays as those of a State, moments that are absent being zero."""
    dtype = np.dtype(spec.dtype)
    held = {name: value for name, value in params.items() if name != "updates_done" and not name.startswith("adam_")}
    moved = [name for name in held if name.split("/")[0] in spec.online]
    every = [held]
    for kind in ("adam_m/", "adam_v/"):
        every.append({name: params.get(kind + name, np.zeros_like(held[name])) for name in moved})
    # JAX may keep the memory it is given
    arrays = [{name: jnp.array(x, dtype, copy=True) for name, x in some.items()} for some in every]
    counts = np.unique(params.get("updates_done", np.zeros(1)))
    if len(counts) > 1:
        raise ValueError(f"seeds in lockstep have had the same number of updates, not {', '.join(map(str, counts))}")
    return (arrays[0], arrays[1], arrays[2]), jnp.asarray(int(counts[0]), jnp.int32)


def update(
    state: State, rows: np.ndarray, noise: np.ndarray, obs: np.ndarray | None, act_noise: np.ndarray | None
) -> tuple[State, np.ndarray | None, Metrics]:
    """See suite.sac.contract.Implementation.update. The metrics stay on the device until they are read."""
    with precise(state.spec):
        arrays, count, action, last = state.programs.update(state.arrays, state.count, rows, noise, obs, act_noise)
        jax_host.wait(count)
    return replace(state, arrays=arrays, count=count), None if action is None else np.asarray(action), last


def explain(state: State, rows: np.ndarray, noise: np.ndarray) -> tuple[State, dict[str, np.ndarray]]:
    """See suite.sac.contract.Implementation.explain."""
    with precise(state.spec):
        arrays, count, seen = state.programs.explain(state.arrays, state.count, rows, noise)
    return replace(state, arrays=arrays, count=count), {name: np.asarray(value) for name, value in seen.items()}


def act(state: State, obs: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
    """See suite.sac.contract.Implementation.act."""
    with precise(state.spec):
        return np.asarray(state.programs.act(state.arrays[0], obs, noise))


def get_params(state: State) -> Params:
    """See suite.sac.contract.Implementation.get_params."""
    held, m, v = jax.tree.map(np.array, state.arrays)
    moments = {f"adam_m/{name}": x for name, x in m.items()} | {f"adam_v/{name}": x for name, x in v.items()}
    return held | moments | {"updates_done": np.full(len(held["actor/w0"]), int(state.count))}


def device() -> str | None:
    """See suite.sac.contract.Implementation.device."""
    jax_host.configure()
    first = jax.devices()[0]
    return None if first.platform == "cpu" else f"{first.platform}: {first.device_kind}"
