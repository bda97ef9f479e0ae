"""Parity: suite.equations (float64 NumPy) = every native engine, for every value of every switch, preset and arm.

One test over the roster: a new engine is tested by its line in the registry. The engines compute at their own precision
from the same weights, rows and noise; after one and after three updates every parameter, target, moment, loss, gradient
and action is compared, relative to the largest entry of the array it stands in.
"""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

import implementations
from implementations.presets import sac_v2
from implementations.unoptimised import Quick
from suite.lab import loop, training
from suite.lab.lab import Lab
from suite.lab.records import Recorder
from suite.sac import equations
from suite.sac.contract import Job, unpack
from suite.sac.spec import (
    CHOICES,
    EpsilonLogDet,
    FixedAlpha,
    FlooredLogDet,
    LogDet,
    Orthogonal,
    SacSpec,
    Std,
    Temperature,
    Uniform,
)
from suite.specimens.cases import (
    BASE,
    CASES,
    CROSSQ,
    SPACES,
    TOLERANCE,
    TQC,
    UPDATES,
    VARIANTS,
    WITH_V,
    at,
    inputs,
    start,
)

PROMISE = 1e-6
"""What the suite promises of its engines in float64; a switch that is alive moves something by ten times as much."""


def tolerance(spec: SacSpec) -> float:
    """Beside TOLERANCE: where actions saturate, tanh's last digit (1e-16) stands beside log_det's floor, if any."""
    floor = getattr(spec.log_det, "eps", getattr(spec.log_det, "floor", None))
    return TOLERANCE[spec.precision] + (1e-15 / floor if floor and spec.precision == "float64" else 0.0)


# --- what every test starts from


@pytest.fixture(params=sorted(implementations.REGISTRY))
def engine(request):
    """Every native engine of the registry whose framework is installed."""
    if implementations.REGISTRY[request.param].interpreter:
        pytest.skip("lives in another interpreter")
    try:
        found = implementations.load(request.param)
    except ModuleNotFoundError as error:
        pytest.skip(f"{error.name} is not installed")
    if not hasattr(found, "explain"):
        pytest.skip("a package behind an adapter: no step-level engine")
    return Quick(found)


@pytest.fixture
def jax_engine():
    pytest.importorskip("jax")
    return Quick(implementations.load("jax"))


def reference(spec: SacSpec, params: dict, rows: np.ndarray, noise: np.ndarray) -> list[tuple[dict, dict]]:
    """(every parameter, everything seen) after each update, by the equations, of the first seed."""
    params = {name: np.asarray(value[0], float) for name, value in params.items()}
    steps = []
    for own_rows, own_noise in zip(rows[0].astype(float), noise[0].astype(float), strict=True):
        draws = dict(zip(spec.draws, own_noise, strict=True))
        params, seen = equations.update(spec, SPACES, params, unpack(own_rows, SPACES, spec.further_steps), draws)
        steps.append((params, {name: value for name, value in seen.items() if value is not None}))
    return steps


def distance(found: dict, expected: dict) -> tuple[float, str]:
    """The largest difference relative to the largest entry of its array, and that array's name; nan is far."""
    worst = (0.0, "")
    for name in expected:
        ours, theirs = np.asarray(found[name], float), np.asarray(expected[name], float)
        assert ours.shape == theirs.shape, name
        scale = max(np.abs(theirs).max(), 1e-9)
        error = np.abs(ours - theirs).max() / scale
        worst = max(worst, (np.inf if np.isnan(error) else error, name))
    return worst


def assert_close(found: dict, expected: dict, tolerance: float) -> None:
    error, name = distance(found, expected)
    assert error <= tolerance, f"{name} is off by {error:.1e}"


def of_seed(params: dict, i: int = 0) -> dict:
    return {name: value[i] for name, value in params.items()}


# --- parity


@pytest.mark.parametrize("case", CASES)
def test_explain_is_the_equations_in_float64(engine, case):
    """After one, two and three updates: every parameter, target and moment, and whatever the equations name."""
    spec = at(CASES[case], "float64")
    narrow = 0.25 if spec.precision == "bfloat16_hidden" else 1.0  # computed in float32: see below
    params, (rows, noise, *_) = start(spec, 0), inputs(spec, noise_scale=narrow)
    state = engine.init(spec, SPACES, params)
    for k, (after, seen) in enumerate(reference(spec, params, rows, noise)):
        state, named = engine.explain(state, rows[:, k : k + 1], noise[:, k : k + 1])
        assert set(seen) <= set(named)
        assert_close(of_seed(named), seen, tolerance(spec))
        assert_params(engine, spec, state, after)


@pytest.mark.parametrize("case", CASES)
def test_update_is_the_equations_in_float32(engine, case):
    """As a run calls it: one update at a time, with the next action.

    Small noise, because where actions saturate float32 keeps few digits of 1 - a^2, in any framework.
    """
    spec = at(CASES[case], "float32")
    params, (rows, noise, obs, act_noise) = start(spec, 0), inputs(spec, noise_scale=0.25)
    state = engine.init(spec, SPACES, params)
    for k, (after, seen) in enumerate(reference(spec, params, rows, noise)):
        one = slice(k, k + 1)
        state, action, metrics = engine.update(state, rows[:, one], noise[:, one], obs, act_noise)
        if not spec.due(spec.actor_every, k + 1):
            assert np.isnan(np.asarray(metrics["actor_loss"])).all()
            metrics, seen = ({**own, "actor_loss": np.zeros(1)} for own in (metrics, seen))
        assert_metrics(spec, metrics, seen)
        assert_params(engine, spec, state, after)
        drawn = equations.sample(spec, SPACES, after, obs[0].astype(float), act_noise[0].astype(float))
        assert_close({"action": action[0]}, {"action": drawn.action}, tolerance(spec))


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("case", ["sac_v2", "base with V"])
def test_burst_is_the_equations_as_compiled_for_a_run(engine, case, precision):
    """Three updates in one call with every optimisation of the compiler; and actions, sampled and mean."""
    spec = replace(CASES[case], precision=precision)
    params, (rows, noise, obs, act_noise) = start(spec, 0), inputs(spec)
    after, seen = reference(spec, params, rows, noise)[-1]
    state, action, metrics = engine.update(engine.as_in_a_run.init(spec, SPACES, params), rows, noise, obs, act_noise)
    assert_metrics(spec, metrics, seen)
    assert_params(engine, spec, state, after)
    drawn = equations.sample(spec, SPACES, after, obs[0].astype(float), act_noise[0].astype(float))
    found = {"action": action[0], "same": engine.act(state, obs, act_noise)[0], "mean": engine.act(state, obs, None)[0]}
    assert all(value.dtype == np.float32 for value in found.values())  # actions leave in float32
    expected = {"action": drawn.action, "same": drawn.action, "mean": np.tanh(drawn.mean)}
    assert_close(found, expected, TOLERANCE["float32"])


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("case", ["Retrace", "Retrace, environment's units, renormalised actor"])
def test_densities_of_given_actions_are_the_equations(engine, case, precision):
    """Also of saturated ones, whose density is that of A_MAX."""
    spec = replace(CASES[case], precision=precision)
    params, (_, _, obs, act_noise) = start(spec, 0, 1), inputs(spec, seeds=2)
    actions = np.tanh(act_noise)
    actions[:, 0] = 1.0, -1.0
    found = engine.log_prob(engine.init(spec, SPACES, params), obs, actions)
    for i in range(2):
        own = {name: value[i].astype(float) for name, value in params.items()}
        expected = equations.log_density(spec, own, obs[i].astype(float), actions[i].astype(float))
        assert_close({"log_prob": found[i]}, {"log_prob": expected}, tolerance(spec))


@pytest.mark.parametrize("log_det", [EpsilonLogDet(eps=1e-6), FlooredLogDet(floor=1e-6)], ids=repr)
def test_log_det_keeps_its_floor_where_actions_saturate(engine, log_det):
    """At a = 1 the logarithm is that of eps: 1 - a^2 + eps taken as (1 + eps) - a^2 has another eps in float32."""
    spec = replace(BASE, precision="float32", log_det=log_det)
    params, (rows, noise, *_) = start(spec, 0), inputs(spec)
    noise = 30 * np.sign(noise)
    ((_, expected),) = reference(spec, params, rows[:, :1], noise[:, :1])
    _, seen = engine.explain(engine.as_in_a_run.init(spec, SPACES, params), rows[:, :1], noise[:, :1])
    assert (np.abs(seen["action"]) == 1).all()
    error = np.abs(seen["log_prob"][0] - expected["log_prob"]).max()
    assert error < 1e-3, "less than one part in 1000 of eps, times two dimensions"


def assert_params(engine, spec: SacSpec, state, expected: dict) -> None:
    """The learner holds exactly the arrays of that name, at the spec's precision, and no moments but zero beside."""
    found = engine.get_params(state)
    extra = set(found) - set(expected)
    assert set(found) >= set(expected) and not any(found[name].any() for name in extra)
    assert all(name.startswith("adam_") for name in extra)
    assert all(value.dtype == spec.dtype for name, value in found.items() if name != "updates_done")
    assert_close(of_seed(found), expected, tolerance(spec))


def assert_metrics(spec: SacSpec, found: dict, seen: dict) -> None:
    expected = {name: np.squeeze(seen[name]) for name in ("critic_loss", "actor_loss", "alpha")}
    assert_close(of_seed(found), expected | {"entropy": -seen["log_prob"].mean()}, tolerance(spec))


def test_cases_walk_every_switch():
    """Every field of SacSpec, every word of CHOICES, every kind of policy and temperature, and 1, 2, 3 critics."""
    specs = list(CASES.values())
    for field in dataclasses.fields(SacSpec):
        assert len({getattr(spec, field.name) for spec in specs}) > 1, f"no case changes {field.name}"
    for path, choices in CHOICES.items():
        name, _, rest = path.partition(".")
        values = {getattr(getattr(spec, name), rest, None) if rest else getattr(spec, name) for spec in specs}
        assert set(choices) <= values, path
    for field, union in {"std": Std, "log_det": LogDet, "temperature": Temperature}.items():
        assert {type(getattr(spec, field)) for spec in specs} == set(union.__args__)
    inits = {type(getattr(spec, name)) for spec in specs for name in ("hidden_init", "critic_output_init")}
    assert inits == {str, Orthogonal, Uniform}
    assert {spec.critics for spec in specs} >= {1, 2, 3}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_switch_is_alive(name):
    """Each value changes the initial state, a gradient, or a parameter after three updates by ten times the promise.

    By the equations: the engines equal them to within the promise, so what moves these moves the engines.
    """
    base, spec = VARIANTS[name]
    if name == "precision=float32":
        assert start(spec, 0)["actor/w0"].dtype != start(base, 0)["actor/w0"].dtype
        return
    saturating = 4.0 if spec.log_det != base.log_det else 1.0  # log_det's floor is felt where the actions saturate
    moved = 0.0
    before, after = start(base, 0), start(spec, 0)
    if {k: v.shape for k, v in before.items()} != {k: v.shape for k, v in after.items()}:
        return  # another network, or one less
    moved = distance(after, before)[0]
    if len(base.draws) == len(spec.draws) and base.batch_size == spec.batch_size:
        before, after = (reference(s, start(s, 0), *inputs(s, noise_scale=saturating)[:2]) for s in (base, spec))
        moved = max(moved, distance(after[-1][0], before[-1][0])[0])
        gradients = [{k: v for k, v in steps[0][1].items() if k.startswith("grad/")} for steps in (after, before)]
        moved = max(moved, distance(*gradients)[0])
    else:
        moved = np.inf  # takes other inputs
    assert moved > 10 * PROMISE


# --- in and out, blocks of seeds


LATER = {
    "CrossQ": replace(CROSSQ, temperature=replace(BASE.temperature, in_use_at_first=0.2)),
    "TQC": TQC,
    "REDQ": CASES["REDQ, at once and delayed"],
    "DroQ": CASES["DroQ"],
    "Retrace": CASES["Retrace"],
}
"""Algorithms with a state or draws of their own."""


@pytest.mark.parametrize("base", [BASE, WITH_V, *LATER.values()], ids=["Q", "V", *LATER])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_params_in_and_out_continue_bit_for_bit(engine, base, precision):
    spec = replace(base, precision=precision, target_every=2)
    params, (rows, noise, *_) = start(spec, 0, 1), inputs(spec, seeds=2)
    state = engine.init(spec, SPACES, params)
    assert {k: v.tobytes() for k, v in engine.get_params(state).items() if k in params} == {
        k: v.tobytes() for k, v in params.items()
    }
    state, _, _ = engine.update(state, rows, noise, None, None)
    kept = engine.get_params(state)
    other = engine.set_params(engine.init(spec, SPACES, start(spec, 8, 9)), kept)
    there = engine.get_params(other)
    assert {k: v.tobytes() for k, v in there.items()} == {k: v.tobytes() for k, v in kept.items()}
    ends = [engine.get_params(engine.update(one, rows, noise, None, None)[0]) for one in (state, other)]
    assert {k: v.tobytes() for k, v in ends[0].items()} == {k: v.tobytes() for k, v in ends[1].items()}
    assert distance(of_seed(ends[0]), of_seed(kept))[0] > 1e-4  # it did continue
    assert (ends[0]["updates_done"] == 2 * UPDATES).all()


def test_params_handed_out_are_not_the_learners_own(engine):
    spec = replace(BASE, precision="float32")
    rows, noise, *_ = inputs(spec)
    state = engine.init(spec, SPACES, start(spec, 0))
    kept = engine.get_params(state)
    copy = {name: value.copy() for name, value in kept.items()}
    engine.update(state, rows, noise, None, None)
    assert distance(kept, copy)[0] == 0


def test_explain_leaves_its_state_alone(engine):
    spec = replace(BASE, precision="float32")
    rows, noise, *_ = inputs(spec)
    state = engine.init(spec, SPACES, start(spec, 0))
    before = engine.get_params(state)
    engine.explain(state, rows[:, :1], noise[:, :1])
    assert distance(engine.get_params(state), before)[0] == 0


@pytest.mark.parametrize(
    ("base", "precision", "tolerance"),
    [(BASE, "float64", 1e-9), (BASE, "float32", 2e-3), *((one, "float64", 1e-9) for one in LATER.values())],
    ids=["Q, float64", "Q, float32", *LATER],
)
def test_block_of_seeds_equals_single_seeds_over_200_updates(engine, base, precision, tolerance):
    """float32's rounding grows over 200 updates of Adam, in float64 by the same factor to nothing: it is rounding."""
    spec = replace(base, precision=precision, target_every=2)
    params, (rows, noise, obs, _) = start(spec, 0, 1, 2), inputs(spec, seeds=3, updates=200)
    block, actions, _ = engine.update(engine.init(spec, SPACES, params), rows, noise, obs, None)
    for i in range(3):
        one = slice(i, i + 1)
        state = engine.init(spec, SPACES, {name: value[one] for name, value in params.items()})
        state, action, _ = engine.update(state, rows[one], noise[one], obs[one], None)
        ours, theirs = engine.get_params(block), engine.get_params(state)
        nets = [name for name in theirs if not name.startswith("adam")]
        assert_close({n: ours[n][i] for n in nets}, {n: theirs[n][0] for n in nets}, tolerance)
        np.testing.assert_allclose(actions[i], action[0], rtol=0, atol=tolerance)


def test_seed_that_is_not_a_number_does_not_disturb_its_neighbours(engine):
    spec = replace(BASE, precision="float32")
    params, (rows, noise, obs, act_noise) = start(spec, 0, 1, 2), inputs(spec, seeds=3)
    ends = []
    for poison in (False, True):
        state = engine.init(spec, SPACES, params)
        if poison:
            poisoned = {name: value.copy() for name, value in params.items()}
            for value in poisoned.values():
                value[1] = np.nan
            state = engine.set_params(state, poisoned)
        state, actions, metrics = engine.update(state, rows, noise, obs, act_noise)
        ends.append(engine.get_params(state) | {"actions": actions} | {k: np.asarray(v) for k, v in metrics.items()})
    for i in (0, 2):
        assert {k: v[i].tobytes() for k, v in ends[0].items()} == {k: v[i].tobytes() for k, v in ends[1].items()}
    assert np.isnan(ends[1]["actions"][1]).all()


# --- through the runner

SCHEDULE = replace(sac_v2.SCHEDULE, warmup_steps=20, learn_after=20, replay_capacity=1000)


def job(*seeds: int, env_steps: int = 220, spec: SacSpec = BASE, **schedule: object) -> Job:
    schedule = replace(SCHEDULE, **schedule)
    return Job("Pendulum-v1", "", "", spec, schedule, env_steps // 2, 2, env_steps, seeds)


def train(engine, job: Job, folder) -> list[list[dict]]:
    """Each seed's rows after training to the end."""
    lab = Lab(engine, job, [Recorder(folder / str(i)) for i in range(len(job.seats))])
    while not lab.done:
        lab.step()
    return [seat.recorder.rows for seat in lab.seats]


def test_block_trains_like_its_seeds_alone(engine, tmp_path):
    """Over the first 200 updates, in float64: what the lockstep changes is rounding, which has not grown yet."""
    block = train(engine, job(3, 4), tmp_path)
    for seed, rows in zip((3, 4), block, strict=True):
        (alone,) = train(engine, job(seed), tmp_path)
        assert [row["kind"] for row in rows] == [row["kind"] for row in alone]
        assert max(row["env_step"] for row in rows) == 220
        for ours, theirs in zip(rows, alone, strict=True):
            assert {k: v for k, v in ours.items() if k != "kind"} == pytest.approx(
                {k: v for k, v in theirs.items() if k != "kind"}, rel=1e-6
            )


def test_seed_that_diverges_stops_alone(engine, tmp_path):
    this = job(3, 4, spec=replace(BASE, precision="float32"), env_steps=60)
    lab = Lab(engine, this, [Recorder(tmp_path / str(seed)) for seed in this.seeds])
    while lab.env_step < 40:
        lab.step()
    params = engine.get_params(lab.state)
    params["actor/b0"][0] = np.nan
    lab.state = engine.set_params(lab.state, params)
    while not lab.done:
        lab.step()
    assert [seat.stopped_at for seat in lab.seats] == [41, None]
    assert {row["env_step"] for row in lab.seats[1].recorder.rows} == {30, 60}


@pytest.mark.parametrize(
    ("schedule", "traces"),
    [
        ({}, {"update": 1, "act": 1, "explain": 1}),
        # between bursts the next action is a call of its own: one action, where the evaluation asks for several
        ({"update_every": 4, "updates_per_burst": 2}, {"update": 1, "act": 2, "explain": 1}),
    ],
    ids=["every step", "bursts"],
)
def test_jax_traces_each_function_once_in_a_run(jax_engine, tmp_path, schedule, traces):
    """And never again: not after a second evaluation, a checkpoint, or at float32 after a float64 run."""
    engine = jax_engine
    spec = replace(BASE, precision="float32", hidden=(9 + len(schedule),))  # a structure that no other test has traced
    before = engine.TRACES.copy()
    this = job(3, spec=spec, env_steps=80, **schedule)
    place = loop.Place(tmp_path / "record", tmp_path / "work")
    training.train(engine, this, [place], checkpoint_seconds=0.0, say=lambda line: None)
    assert engine.TRACES - before == traces


ARMS = (
    BASE,
    replace(BASE, tau=1.0, discount=0.9),
    replace(BASE, reward_scale=5.0, actor_lr=1e-3, critic_lr=1e-4),
    replace(BASE, temperature=replace(BASE.temperature, init=1.0, entropy_per_dim=-0.5, lr=1e-2)),
    replace(BASE, hidden_init=Orthogonal(gain=2.0), target_init="independent"),
)


@pytest.mark.parametrize("fixed", [False, True], ids=["learned", "fixed"])
def test_jax_trains_arms_of_one_structure_in_a_block_as_each_alone(jax_engine, tmp_path, fixed):
    """Under one program, and to the tolerance of a block of seeds; the arms do differ."""
    arms = [replace(BASE, temperature=FixedAlpha(value=alpha)) for alpha in (0.0, 0.2)] if fixed else ARMS
    arms = [replace(arm, hidden=(12,)) for arm in arms]  # no other test has traced it
    jobs = [job(3, spec=arm) for arm in arms]
    before = jax_engine.TRACES.copy()
    (first,) = train(jax_engine, jobs[0], tmp_path)
    traced = jax_engine.TRACES - before
    alone = [first, *(train(jax_engine, one, tmp_path)[0] for one in jobs[1:])]
    assert jax_engine.TRACES - before == traced  # one after the other
    block = train(jax_engine, jobs[0]._replace(beside=tuple(jobs[1:])), tmp_path)
    for ours, theirs in zip(block, alone, strict=True):
        assert len(ours) == len(theirs) == 6
        for row, expected in zip(ours, theirs, strict=True):
            assert row.pop("kind") == expected.pop("kind") and row == pytest.approx(expected, rel=1e-6)
    assert len({rows[-1]["critic_loss"] for rows in block}) == len(arms)


def test_jax_refuses_a_block_of_several_structures(jax_engine):
    specs = [BASE, replace(BASE, critic_loss_scale=1.0)]
    with pytest.raises(ValueError, match="one structure"):
        jax_engine.init(specs, SPACES, start(BASE, 0, 1))


def test_jax_computes_float64_without_a_global_flag(jax_engine):
    import jax.numpy as jnp

    spec = replace(BASE, precision="float64")
    rows, noise, *_ = inputs(spec)
    state, _, metrics = jax_engine.update(jax_engine.init(spec, SPACES, start(spec, 0)), rows, noise, None, None)
    assert state.arrays.target.dtype == np.float64
    assert np.asarray(metrics["critic_loss"]).dtype == np.float64
    assert jnp.ones(1).dtype == np.float32
