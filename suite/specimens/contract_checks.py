"""The checks that an implementation keeps the contract (suite.sac.contract), shipped so that outside engines have them.

An engine is held against the NumPy equations on a few settings: a plain one, one with a value network, and what the
presets `sac_v2` and `spinningup` are at a small size. Each check is a function that raises AssertionError.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import implementations
from suite.errors import UsageError, quoted
from suite.sac import equations, weights
from suite.sac.contract import Implementation, Metrics, Params, Spaces, row_width, unpack
from suite.sac.spec import SacSpec, SpecError
from suite.sac.specs import Spec
from suite.specimens import brought
from suite.specimens.cases import CASES, SPACES, TOLERANCE, UPDATES, at, inputs, start
from suite.specimens.catalogue import ENGINE as FUNCTIONS

SETTINGS = ("base", "base with V", "sac_v2", "spinningup")


class Outcome(NamedTuple):
    """What came of one check on one setting; `problem` is empty where the contract is kept."""

    check: str
    setting: str
    problem: str


def run(engine: Implementation, settings: tuple[str, ...] = SETTINGS) -> list[Outcome]:
    """Every check on every setting; a check that an exception ends has failed."""
    missing = [name for name in FUNCTIONS if not callable(getattr(engine, name, None))]
    if missing:
        return [Outcome("has the functions of the contract", "", f"it lacks {', '.join(missing)}")]
    return [_outcome(check, engine, name) for name in settings for check in CHECKS]


def render(name: str, outcomes: list[Outcome]) -> str:
    """A line for each check and setting, and what is wrong under it."""
    lines = []
    for one in outcomes:
        lines.append(f"{'FAILED' if one.problem else 'kept':<7}{one.setting:<12} {one.check}")
        lines += [f"       {line}" for line in one.problem.splitlines()]
    failed = sum(bool(one.problem) for one in outcomes)
    verdict = f"{failed} of {len(outcomes)} checks failed" if failed else f"all {len(outcomes)} checks passed"
    return "\n".join([*lines, f"{name}: {verdict}"])


def _outcome(check: Callable[[Implementation, SacSpec], None], engine: Implementation, setting: str) -> Outcome:
    what = check.__name__.replace("_", " ")
    try:
        check(engine, CASES[setting])
    except AssertionError as error:
        return Outcome(what, setting, str(error) or traceback.format_exc(limit=-1).strip())
    except Exception:  # whatever an engine raises is its answer
        return Outcome(what, setting, traceback.format_exc(limit=-2).strip())
    return Outcome(what, setting, "")


# --- the checks


def params_in_are_params_out(engine: Implementation, spec: SacSpec) -> None:
    spec = at(spec, "float32")
    params = start(spec, 0, 1)
    held = engine.get_params(engine.init(spec, SPACES, params))
    for name, value in params.items():
        assert name in held, f"get_params gives no {name}"
        assert held[name].dtype == spec.dtype, f"{name} is {held[name].dtype}, not {spec.dtype}"
        assert np.array_equal(held[name], value), f"{name} is not what init was given"


def an_update_is_the_equations(engine: Implementation, spec: SacSpec) -> None:
    """In float32, one update at a time with the next action; small noise, since saturated actions have few digits."""
    spec = at(spec, "float32")
    params, (rows, noise, obs, act_noise) = start(spec, 0), inputs(spec, noise_scale=0.25)
    rows[..., 0, -1] = 0.25  # as of several steps in one: see Batch
    state = engine.init(spec, SPACES, params)
    for k, (expected, seen) in enumerate(reference(spec, params, rows, noise)):
        one = slice(k, k + 1)
        state, action, metrics = engine.update(state, rows[:, one], noise[:, one], obs, act_noise)
        assert action is not None, "update was given observations and returned no action"
        drawn = equations.sample(spec, SPACES, expected, obs[0].astype(float), act_noise[0].astype(float))
        agree({"action": action[0]}, {"action": drawn.action}, TOLERANCE["float32"], k)
        agree(_of_seed(engine.get_params(state)), expected, TOLERANCE["float32"], k)
        _metrics_agree(spec, metrics, seen, k)


def explain_names_what_the_equations_name(engine: Implementation, spec: SacSpec) -> None:
    """In float64, the first sample of the policy besides; it gives the state after, and keeps the one before."""
    spec = at(spec, "float64")
    params, (rows, noise, *_) = start(spec, 0), inputs(spec)
    state = engine.init(spec, SPACES, params)
    before = {name: value.copy() for name, value in engine.get_params(state).items()}
    after, named = engine.explain(state, rows[:, :1], noise[:, :1])
    expected, seen = reference(spec, params, rows[:, :1], noise[:, :1])[0]
    exact, obs = {name: value[0] for name, value in params.items()}, unpack(rows[0, 0].astype(float), SPACES).obs
    draw = noise[0, 0, spec.draws.index("action")].astype(float)
    seen["action"] = equations.sample(spec, SPACES, exact, obs, draw).action
    missing = sorted(set(seen) - set(named))
    assert not missing, f"explain does not name {', '.join(missing)}"
    agree(_of_seed(named), seen, TOLERANCE["float64"], 0)
    agree(_of_seed(engine.get_params(after)), expected, TOLERANCE["float64"], 0)
    _assert_equal(engine.get_params(state), before, "explain changed the state")


def actions_come_from_the_policy(engine: Implementation, spec: SacSpec) -> None:
    """Sampled with the noise that is given, or the tanh of the mean without any; in float32 and in [-1, 1]."""
    spec = at(spec, "float32")
    params, (_, _, obs, act_noise) = start(spec, 0), inputs(spec)
    state = engine.init(spec, SPACES, params)
    sampled, mean = engine.act(state, obs, act_noise), engine.act(state, obs, None)
    assert sampled.dtype == mean.dtype == np.float32, "actions must be float32"
    exact = {name: value[0].astype(float) for name, value in params.items()}
    drawn = equations.sample(spec, SPACES, exact, obs[0].astype(float), act_noise[0].astype(float))
    expected = {"sampled action": drawn.action, "mean action": np.tanh(drawn.mean)}
    agree({"sampled action": sampled[0], "mean action": mean[0]}, expected, TOLERANCE["float32"], 0)


def params_set_continue_bit_for_bit(engine: Implementation, spec: SacSpec) -> None:
    """What a resumed run rests on: set_params of get_params goes on as if nothing had happened; and what a reset does:
    set_params of first weights is a learner that has not learned."""
    spec = at(spec, "float32")
    rows, noise, *_ = inputs(spec, seeds=2)
    state, _, _ = engine.update(engine.init(spec, SPACES, start(spec, 0, 1)), rows, noise, None, None)
    other = engine.set_params(engine.init(spec, SPACES, start(spec, 8, 9)), engine.get_params(state))
    end, copys_end = (engine.get_params(engine.update(one, rows, noise, None, None)[0]) for one in (state, other))
    _assert_equal(copys_end, end, "the copy went another way")
    done = end["updates_done"]
    assert (np.asarray(done) == 2 * UPDATES).all(), f"updates_done is {done} after {2 * UPDATES} updates"
    first = start(spec, 8, 9)
    anew, new = engine.set_params(other, first), engine.init(spec, SPACES, first)
    _assert_equal(engine.get_params(anew), engine.get_params(new), "first weights alone do not start it anew")


def seeds_do_not_know_each_other(engine: Implementation, spec: SacSpec) -> None:
    """A block of two seeds ends as each seed alone, to rounding."""
    spec = at(spec, "float32")
    params, (rows, noise, *_) = start(spec, 0, 1), inputs(spec, seeds=2, noise_scale=0.25)
    block = engine.get_params(engine.update(engine.init(spec, SPACES, params), rows, noise, None, None)[0])
    for i in range(2):
        one = slice(i, i + 1)
        state = engine.init(spec, SPACES, {name: value[one] for name, value in params.items()})
        alone = engine.get_params(engine.update(state, rows[one], noise[one], None, None)[0])
        agree(_of_seed(block, i), _of_seed(alone), TOLERANCE["float32"], UPDATES - 1)


def what_update_is_given_is_the_callers_again(engine: Implementation, spec: SacSpec) -> None:
    """The training loop fills the same arrays anew for the next updates, without waiting for anything."""
    spec = at(spec, "float32")
    rows, noise, *_ = inputs(spec)
    kept, filled = (engine.init(spec, SPACES, start(spec, 0)) for _ in range(2))
    for _ in range(10):  # where an engine computes in the background, once may go well by chance
        kept, *_ = engine.update(kept, rows, noise, None, None)
        given = rows.copy(), noise.copy()
        filled, *_ = engine.update(filled, *given, None, None)
        for array in given:
            array.fill(np.nan)
        end = engine.get_params(filled)
        _assert_equal(end, engine.get_params(kept), "arrays filled anew after update's return go into that update")


def check_shapes(name: str, engine: Implementation, spec: Spec, spaces: Spaces) -> None:
    """UsageError with file and line if an engine refuses a spec, raises, or answers in other shapes than the contract
    has: an update of one seed, before a run is begun with it."""
    rng = np.random.default_rng(0)
    params = {key: value[None].astype(spec.dtype) for key, value in weights.params(spec, spaces, rng).items()}
    rows = np.zeros((1, 1, spec.batch_size, row_width(spaces, spec.further_steps)), np.float32)
    width = spec.noise_width(spaces.action_dim)
    noise = np.zeros((1, 1, len(spec.draws), spec.batch_size, width), np.float32)
    obs, draws = np.zeros((1, 2, spaces.obs_dim), np.float32), np.zeros((1, 2, spaces.action_dim), np.float32)
    with brought.sentence(f"the implementation {name}", implementations.registered()[name].module):
        try:
            state = engine.init(spec, spaces, params)
        except SpecError as refusal:
            raise UsageError(f"{name} cannot train this: {refusal}") from None
        _of_shape(name, engine.act, engine.act(state, obs, None), draws.shape, "an action for each observation")
        answer = engine.update(state, rows, noise, obs, draws)
        if not isinstance(answer, tuple) or len(answer) != 3 or not isinstance(answer[2], Mapping):
            _refuse(name, engine.update, "update must give the state, actions and a dict of metrics", answer)
        _of_shape(name, engine.update, answer[1], draws.shape, "an action for each observation")
        kept = engine.get_params(answer[0])
        for key, value in params.items():
            _of_shape(name, engine.get_params, kept.get(key), value.shape, key)
        if spec.weighs_actions:
            if not hasattr(engine, "log_prob"):
                raise UsageError(f"{name} cannot train this: it has no log_prob, which retrace.trace 'ratio' asks for")
            density = engine.log_prob(answer[0], obs, draws)
            _of_shape(name, engine.log_prob, density, draws.shape[:2], "a log density for each action")


def _of_shape(name: str, function: Callable, value: Any, shape: tuple[int, ...], what: str) -> None:
    if np.shape(value) != shape:
        _refuse(name, function, f"{function.__name__} must give {what}, of shape {shape}", np.shape(value))


def _refuse(name: str, function: Callable, expected: str, value: object) -> None:
    """UsageError that names the line on which a function begins."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    where = brought.place(Path(code.co_filename), code.co_firstlineno) if code else repr(function)
    more = f"python -m suite contract {name} says more"
    raise UsageError(f"{where}: {expected}, and {name} gives {quoted(value)}; {more}")


CHECKS = (
    params_in_are_params_out,
    an_update_is_the_equations,
    explain_names_what_the_equations_name,
    actions_come_from_the_policy,
    params_set_continue_bit_for_bit,
    seeds_do_not_know_each_other,
    what_update_is_given_is_the_callers_again,
)


# --- what they compare


def reference(spec: SacSpec, params: Params, rows: np.ndarray, noise: np.ndarray) -> list[tuple[Params, Params]]:
    """(parameters, everything else by name) after each update, by the equations, of the first seed."""
    exact = {name: np.asarray(value[0], float) for name, value in params.items()}
    steps = []
    for row, draw in zip(rows[0].astype(float), noise[0].astype(float), strict=True):
        draws = dict(zip(spec.draws, draw, strict=True))
        exact, seen = equations.update(spec, SPACES, exact, unpack(row, SPACES, spec.further_steps), draws)
        steps.append((exact, {name: value for name, value in seen.items() if value is not None}))
    return steps


def agree(actual: Params, expected: Params, tolerance: float, k: int) -> None:
    """Every expected array to within a share of its largest entry; k: the update, from 0, for the message."""
    for name, value in expected.items():
        assert name in actual, f"{name} is missing after update {k + 1}"
        ours, theirs = np.asarray(actual[name], float), np.asarray(value, float)
        assert ours.shape == theirs.shape, f"{name} has the shape {ours.shape}, not {theirs.shape}"
        error = np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-9)
        assert error <= tolerance, f"{name} is off by {error:.1e} of its largest entry after update {k + 1}"


def _metrics_agree(spec: SacSpec, metrics: Metrics, seen: Params, k: int) -> None:
    expected = {name: np.squeeze(seen[name]) for name in ("critic_loss", "actor_loss", "alpha")}
    expected["entropy"] = -seen["log_prob"].mean()
    if not spec.due(spec.actor_every, k + 1):
        assert np.isnan(np.asarray(metrics["actor_loss"])).all(), "actor_loss must be nan where the actor is not due"
        del expected["actor_loss"]
    agree(_of_seed(metrics), expected, TOLERANCE["float32"], k)


def _of_seed(arrays: Params, i: int = 0) -> Params:
    return {name: np.asarray(value)[i] for name, value in arrays.items()}


def _assert_equal(actual: Params, expected: Params, otherwise: str) -> None:
    for name, value in expected.items():
        assert np.array_equal(actual[name], value), f"{otherwise}: {name} differs"
