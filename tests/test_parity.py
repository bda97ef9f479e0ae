"""Parity: suite.equations (float64 NumPy) = every native engine, for every value of every switch, preset and arm.

One test over the roster: a new engine is tested by its line in the registry. The engines compute at their own precision
from the same weights, rows and noise; after one and after three updates every parameter, target, moment, loss, gradient
and action is compared, relative to the largest entry of the array it stands in.
"""

import dataclasses
import functools
import gc
import itertools
import sys
from dataclasses import replace

import numpy as np
import pytest

import implementations
from implementations.presets import sac_v2
from suite import equations, initial, plan, runner
from suite.contract import Job, Spaces, row_width, unpack
from suite.records import Recorder
from suite.spec import (
    CHOICES,
    STAGES,
    Adam,
    ClipLogStd,
    EpsilonLogDet,
    ExactLogDet,
    ExpStd,
    FixedAlpha,
    LearnedAlpha,
    LogDet,
    Orthogonal,
    SacSpec,
    SoftplusStd,
    SquashLogStd,
    Std,
    Temperature,
    Uniform,
    ValueNet,
)

SPACES = Spaces(obs_dim=5, action_dim=2, action_scale=(0.4, 3.0), action_center=(0.1, -1.0))
UPDATES = 3
PROMISE = 1e-6
"""What the suite promises of its engines in float64; a switch that is alive moves something by ten times as much."""
TOLERANCE = {"float64": 1e-10, "float32": 1e-4, "bfloat16_hidden": 1e-3}
"""float64: far inside the promise, and 2000 times the largest difference seen (5e-14), so that no wrong digit hides.
float32: one rounding is 6e-8, but the gradient of an output bias is a sum of residuals of both signs, here down to a
hundredth of its terms, and Adam keeps its square: that reaches 2e-5; everything else stays below 5e-6. A wrong term,
rate or order would show in float64, at 1e-5 or more (test_every_switch_is_alive).
bfloat16_hidden: as float32 (7e-7 seen), until a factor lies so near the middle of two bfloat16 that engine and equation
round it apart, which moves one term of a sum by 4e-3; rounding nothing at all moves these cases by 3e-3 to 4e-1."""


def tolerance(spec: SacSpec) -> float:
    """Beside TOLERANCE: where actions saturate, tanh's last digit (1e-16) stands beside log_det's epsilon, if any."""
    floor = isinstance(spec.log_det, EpsilonLogDet) and spec.precision == "float64"
    return TOLERANCE[spec.precision] + (1e-15 / spec.log_det.eps if floor else 0.0)


BASE = SacSpec(
    temperature=LearnedAlpha(init=0.5, entropy_per_dim=-1.0, objective="alpha", sample="actor", lr=1e-3),
    reward_scale=1.0,
    discount=0.99,
    critics=2,
    target_reduce="min",
    actor_reduce="min",
    value_net=None,
    entropy_in_target=True,
    critic_loss_scale=0.5,
    std=ClipLogStd(low=-20.0, high=2.0),
    log_det=ExactLogDet(),
    gaussian_eps=0.0,
    log_prob_units="unit",
    critic_action_units="unit",
    pathwise_noise="shared",
    hidden=(16, 16),
    first_critic_layer="concat",
    hidden_init="torch",
    critic_output_init="torch",
    actor_head="separate",
    mean_init="torch",
    log_std_init="torch",
    target_init="copy",
    order=STAGES,
    gradients="sequential",
    first_update=1,
    actor_every=1,
    actor_repeats=1,
    target_every=1,
    target_copy_every=None,
    tau=0.005,
    batch_size=8,
    actor_lr=3e-4,
    critic_lr=1e-3,
    adam=Adam(beta1=0.9, beta2=0.999, eps=1e-4, eps_placement="torch"),
    precision="float64",
)
WITH_V = replace(BASE, value_net=ValueNet(loss_scale=0.5, target="per_sample"))
FRESH = replace(BASE, temperature=replace(BASE.temperature, sample="fresh"))
GLOROT = replace(BASE, mean_init="glorot_uniform", log_std_init="glorot_uniform")
HEADS = replace(BASE, mean_init=Orthogonal(gain=1.0), log_std_init=Orthogonal(gain=1.0))
ONE_CRITIC = {"critics": 1, "target_reduce": "first", "actor_reduce": "first"}


def changed(spec: SacSpec, path: str, value: object) -> SacSpec:
    """The spec with the field of that path ("adam.eps") replaced."""
    name, _, rest = path.partition(".")
    return replace(spec, **{name: replace(getattr(spec, name), **{rest: value}) if rest else value})


def variants() -> dict[str, tuple[SacSpec, SacSpec]]:
    """Every value of every switch by name: (base, the base with that value); all distinct."""
    found = {}

    def add(name: str, base: SacSpec, **changes: object) -> None:
        found[name] = (base, replace(base, **changes))

    for path, choices in CHOICES.items():
        base = {"value_net.target": WITH_V, "actor_head": GLOROT}.get(path, BASE)
        for value in choices:
            spec = changed(base, path, value)
            if spec != base:
                found[f"{path}={value}"] = (base, spec)
    for path, values in {
        "reward_scale": (5.0,),
        "discount": (0.9,),
        "entropy_in_target": (False,),
        "critic_loss_scale": (1.0,),
        "hidden": ((8,), (8, 16, 4)),
        "gaussian_eps": (1e-2,),
        "hidden_init": (Orthogonal(gain=1.0), Orthogonal(gain=2.0), Uniform(weight=0.1, bias=0.1)),
        "critic_output_init": (Uniform(weight=3e-3, bias=0.0), Uniform(weight=3e-3, bias=3e-3)),
        "mean_init": (Uniform(weight=1e-3, bias=0.0),),
        "log_std_init": (Orthogonal(gain=1.0),),
        "actor_every": (2, 3),
        "target_every": (2,),
        "target_copy_every": (2, 3),
        "tau": (0.1, 1.0),
        "batch_size": (16,),
        "actor_lr": (1e-3,),
        "critic_lr": (3e-4,),
        "adam.beta1": (0.0, 0.5),
        "adam.beta2": (0.9,),
        "adam.eps": (1e-8, 1e-3),
        "temperature": (FixedAlpha(value=0.2), FixedAlpha(value=0.0)),
        "temperature.init": (1.0,),
        "temperature.entropy_per_dim": (-0.5,),
        "temperature.lr": (1e-4,),
        "std": (
            ClipLogStd(low=-0.1, high=0.1),
            SquashLogStd(low=-5.0, high=2.0),
            SoftplusStd(floor=1e-3),
        ),
        "log_det": (EpsilonLogDet(eps=1e-6), EpsilonLogDet(eps=1e-2)),
        "critics": (3,),
        "value_net": (ValueNet(loss_scale=0.5, target="per_sample"), ValueNet(loss_scale=1.0, target="per_sample")),
    }.items():
        for value in values:
            found[f"{path}={value}"] = (BASE, changed(BASE, path, value))
    unit_floor, env = EpsilonLogDet(eps=1e-2), {"log_prob_units": "env"}
    add("log_prob_units=env, log_det with epsilon", replace(BASE, log_det=unit_floor), **env)
    add("joint head, orthogonal", replace(HEADS, actor_head="separate"), actor_head="joint")
    add("first_update=2", replace(BASE, actor_every=2), first_update=2)
    add("first_update=0, target_every=2", replace(BASE, target_every=2), first_update=0)
    delayed = replace(FRESH, order=("value", "critic", "actor", "alpha", "target"), actor_every=2)
    add("actor_repeats=2", delayed, actor_repeats=2)
    add("actor_repeats=3, alpha of the actor's sample", replace(delayed, temperature=BASE.temperature), actor_repeats=3)
    add("actor_repeats=2, every update, alpha fixed", replace(BASE, temperature=FixedAlpha(value=0.2)), actor_repeats=2)
    add("alpha before the critic, delayed", BASE, order=("alpha", "value", "critic", "actor", "target"), actor_every=2)
    add("V, delayed", WITH_V, order=("critic", "actor", "alpha", "value", "target"), actor_every=2, actor_repeats=2)
    add("V, sum of relus, copied targets", WITH_V, first_critic_layer="sum_of_relus", target_copy_every=2)
    add("sum of relus, one hidden layer", replace(BASE, hidden=(16,)), first_critic_layer="sum_of_relus")
    add("sum of relus, environment's units", BASE, first_critic_layer="sum_of_relus", critic_action_units="env")
    add(
        "independent draws, three critics' mean",
        replace(BASE, critics=3, actor_reduce="mean"),
        pathwise_noise="independent",
    )
    add("std=ExpStd", found[f"std={ClipLogStd(low=-0.1, high=0.1)}"][1], std=ExpStd())
    add("one critic", BASE, **ONE_CRITIC)
    add("three critics, mean", found["critics=3"][1], target_reduce="mean", actor_reduce="mean")
    for path, value in {
        "target_reduce": "mean",
        "entropy_in_target": False,
        "target_init": "independent",
        "gradients": "simultaneous",
        "target_every": 2,
        "temperature": FixedAlpha(value=1.0),
    }.items():
        add(f"V, {path}={value}", WITH_V, **{path: value})
    add("V, one critic", WITH_V, **ONE_CRITIC)
    tensorflow = changed(BASE, "adam.eps_placement", "tensorflow")
    add("simultaneous, fresh alpha", FRESH, gradients="simultaneous")
    found["adam.eps_placement=tensorflow, eps=1e-3"] = (BASE, changed(tensorflow, "adam.eps", 1e-3))
    for order in itertools.permutations(("critic", "actor", "target")):
        if order[0] != "critic":  # else as BASE: neither the actor nor alpha reads the targets
            add(f"order {' '.join(order)}", BASE, order=("value", *order, "alpha"))
    add("order alpha first, fresh", FRESH, order=("value", "critic", "alpha", "actor", "target"))
    for order in (
        ("critic", "value", "actor", "alpha", "target"),
        ("critic", "actor", "value", "alpha", "target"),
        ("target", "actor", "critic", "value", "alpha"),
        ("actor", "alpha", "value", "target", "critic"),
    ):
        add(f"V, order {' '.join(order)}", WITH_V, order=order)
    return found


VARIANTS = variants()


def shrunk(spec: SacSpec) -> SacSpec:
    return replace(spec, hidden=(16, 16), batch_size=8)


def studied() -> dict[str, SacSpec]:
    """Every preset and every arm of every ablation, shrunk; what several names share stands once."""
    found: dict[SacSpec, str] = {}
    for name in plan.preset_names():
        found.setdefault(shrunk(plan.resolve(name, "HalfCheetah-v5", {})[0]), name)
    for name in plan.ablation_names():
        ablation = plan.load_ablation(name)
        for arm in ablation.arms:
            spec = shrunk(plan.resolve(ablation.baseline, "HalfCheetah-v5", arm.changes)[0])
            found.setdefault(spec, f"{name}/{arm.name}")
    return {name: spec for spec, name in found.items()}


CASES = {"base": BASE, "base with V": WITH_V, "base, fresh alpha": FRESH}
CASES |= {name: spec for name, (_, spec) in VARIANTS.items()} | studied()


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


@pytest.fixture(autouse=True)
def forget_programs():
    """Drops compiled programs now and then: hundreds in one process exhaust the memory mappings Linux allows it."""
    yield
    if unoptimised.cache_info().currsize > 30:
        unoptimised.cache_clear()
        sys.modules["implementations.sac_jax"].programs.cache_clear()
        gc.collect()


@functools.cache
def unoptimised(programs):
    """The same traced functions, compiled without XLA's optimiser: in a fifth of the time."""
    import jax

    if jax.default_backend() != "cpu":
        return programs
    options = {
        "xla_backend_optimization_level": 0,
        "xla_llvm_disable_expensive_passes": True,
        "xla_cpu_use_fusion_emitters": False,
        "xla_cpu_parallel_codegen_split_count": 1,
        "xla_cpu_experimental_ynn_fusion_type": "",
    }
    return type(programs)(*(jax.jit(one.__wrapped__, compiler_options=options) for one in programs))


class Quick:
    """An engine as it is, but for calls that are few and small: what compiles is compiled in less time."""

    def __init__(self, engine):
        self.as_in_a_run = engine

    def __getattr__(self, name):
        return getattr(self.as_in_a_run, name)

    def init(self, spec: SacSpec, spaces: Spaces, params: dict):
        state = self.as_in_a_run.init(spec, spaces, params)
        return replace(state, programs=unoptimised(state.programs)) if hasattr(state, "programs") else state


def at(spec: SacSpec, precision: str) -> SacSpec:
    """The case at a precision; one that is about rounding stays as it is."""
    return spec if spec.precision == "bfloat16_hidden" else replace(spec, precision=precision)


def start(spec: SacSpec, *seeds: int) -> dict[str, np.ndarray]:
    """Initial params [S, ...] at the spec's precision."""
    every = [initial.params(spec, SPACES, np.random.default_rng(seed)) for seed in seeds]
    return {name: np.stack([own[name] for own in every]).astype(spec.dtype) for name in every[0]}


def inputs(spec: SacSpec, seeds: int = 1, updates: int = UPDATES, noise_scale: float = 1.0) -> tuple:
    """Rows [S, K, B, width], noise [S, K, draws, B, A], observations [S, 3, O] and noise [S, 3, A] to act with."""
    rng = np.random.default_rng(7)
    obs = rng.standard_normal((seeds, 3, SPACES.obs_dim), np.float32)
    act_noise = rng.standard_normal((seeds, 3, SPACES.action_dim), np.float32)
    rows = rng.standard_normal((seeds, updates, spec.batch_size, row_width(SPACES)), np.float32)
    action = slice(SPACES.obs_dim, SPACES.obs_dim + SPACES.action_dim)
    rows[..., action] = np.tanh(rows[..., action])
    rows[..., -1] = rows[..., -1] > 0.5
    noise = rng.standard_normal((seeds, updates, len(spec.draws), spec.batch_size, SPACES.action_dim), np.float32)
    return rows, noise * np.float32(noise_scale), obs, act_noise


def reference(spec: SacSpec, params: dict, rows: np.ndarray, noise: np.ndarray) -> list[tuple[dict, dict]]:
    """(every parameter, everything seen) after each update, by the equations, of the first seed."""
    params = {name: np.asarray(value[0], float) for name, value in params.items()}
    steps = []
    for own_rows, own_noise in zip(rows[0].astype(float), noise[0].astype(float), strict=True):
        draws = dict(zip(spec.draws, own_noise, strict=True))
        params, seen = equations.update(spec, SPACES, params, unpack(own_rows, SPACES), draws)
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
    params, (rows, noise, *_) = start(spec, 0), inputs(spec)
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


def test_log_det_keeps_its_floor_where_actions_saturate(engine):
    """At a = 1 the logarithm is that of eps: 1 - a^2 + eps taken as (1 + eps) - a^2 has another eps in float32."""
    spec = replace(BASE, precision="float32", log_det=EpsilonLogDet(eps=1e-6))
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


@pytest.mark.parametrize("base", [BASE, WITH_V], ids=["Q", "V"])
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


@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-9), ("float32", 2e-3)])
def test_block_of_seeds_equals_single_seeds_over_200_updates(engine, precision, tolerance):
    """float32's rounding grows over 200 updates of Adam, in float64 by the same factor to nothing: it is rounding."""
    spec = replace(BASE, precision=precision, target_every=2)
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
    return Job("Pendulum-v1", "", "", spec, schedule, env_steps // 2, 2, env_steps, seeds, {})


def train(engine, job: Job, folder) -> list[list[dict]]:
    """Each seed's rows after training to the end."""
    lab = runner.Lab(engine, job, [Recorder(folder / str(seed), {}) for seed in job.seeds])
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
    lab = runner.Lab(engine, this, [Recorder(tmp_path / str(seed), {}) for seed in this.seeds])
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
    spec = replace(BASE, precision="float32", reward_scale=2.0 + len(schedule))  # a spec that no other test has traced
    before = engine.TRACES.copy()
    this = job(3, spec=spec, env_steps=80, **schedule)
    place = runner.Place(tmp_path / "record", tmp_path / "work")
    runner.train(engine, this, [place], code_id="", checkpoint_seconds=0.0, say=lambda line: None)
    assert engine.TRACES - before == traces


def test_jax_computes_float64_without_a_global_flag(jax_engine):
    import jax.numpy as jnp

    spec = replace(BASE, precision="float64")
    rows, noise, *_ = inputs(spec)
    state, _, metrics = jax_engine.update(jax_engine.init(spec, SPACES, start(spec, 0)), rows, noise, None, None)
    assert state.arrays.target.dtype == np.float64
    assert np.asarray(metrics["critic_loss"]).dtype == np.float64
    assert jnp.ones(1).dtype == np.float32
