"""Cases: every value of every switch, and every preset and arm, small enough to compute anywhere.

Parity holds the engines against the equations on them, the golden runs against what they answered before.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from suite.sac import weights
from suite.sac.ablation import Changes
from suite.sac.contract import Spaces, row_width, unpack
from suite.sac.spec import (
    CHOICES,
    STAGES,
    Adam,
    BatchRenorm,
    ClipLogStd,
    EpsilonLogDet,
    ExactLogDet,
    ExpStd,
    FixedAlpha,
    FlooredLogDet,
    LayerNorm,
    LearnedAlpha,
    Orthogonal,
    Quantiles,
    Retrace,
    SacSpec,
    SoftplusStd,
    SquashLogStd,
    Uniform,
    ValueNet,
)
from suite.sac.specs import SoftQSpec, Spec
from suite.specimens import catalogue

SPACES = Spaces(obs_dim=5, action_dim=2, action_scale=(0.4, 3.0), action_center=(0.1, -1.0))

UPDATES = 3

TOLERANCE = {"float64": 1e-10, "float32": 1e-4, "bfloat16_hidden": 1e-3}
"""float64: far inside the promise, and 2000 times the largest difference seen (5e-14), so that no wrong digit hides.
float32: one rounding is 6e-8, but the gradient of an output bias is a sum of residuals of both signs, here down to a
hundredth of its terms, and Adam keeps its square: that reaches 2e-5; everything else stays below 5e-6. A wrong term,
rate or order would show in float64, at 1e-5 or more (every switch is alive there).
bfloat16_hidden: as float32 (7e-7 seen), until a factor lies so near the middle of two bfloat16 that engine and equation
round it apart, which moves one term of a sum by 4e-3; rounding nothing at all moves these cases by 3e-3 to 4e-1."""

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
FRESH_ALPHA = LearnedAlpha(init=0.5, entropy_per_dim=-1.0, objective="alpha", sample="fresh", lr=1e-3)
FRESH = replace(BASE, temperature=FRESH_ALPHA)
GLOROT = replace(BASE, mean_init="glorot_uniform", log_std_init="glorot_uniform")
HEADS = replace(BASE, mean_init=Orthogonal(gain=1.0), log_std_init=Orthogonal(gain=1.0))
NARROW = ClipLogStd(low=-0.1, high=0.1)
ONE_CRITIC: Changes = {"critics": 1, "target_reduce": "first", "actor_reduce": "first"}

RENORM = BatchRenorm(eps=1e-3, momentum=0.9, warmup=1, variance="biased", renorm="from")
CROSSQ = replace(BASE, target_networks=False, actor_norm=RENORM, critic_norm=RENORM)
TQC = replace(BASE, quantiles=Quantiles(n=5, dropped=0, target="pool"), actor_reduce="mean")
RETRACED = replace(BASE, retrace=Retrace(steps=3, decay=0.9, trace="ratio"))
BASES = {"actor_norm": CROSSQ, "critic_norm": CROSSQ, "quantiles": TQC, "retrace": RETRACED}
"""What the words of a part of the later terms are changed in."""

Variant = tuple[SacSpec, SacSpec]
"""A base, and the base with one thing changed."""

VALUES: dict[str, tuple[Any, ...]] = {
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
    "std": (NARROW, SquashLogStd(low=-5.0, high=2.0), SoftplusStd(floor=1e-3)),
    "log_det": (EpsilonLogDet(eps=1e-6), EpsilonLogDet(eps=1e-2), FlooredLogDet(floor=0.1)),
    "critics": (3,),
    "quantiles": (Quantiles(n=5, dropped=2, target="pool"), Quantiles(n=3, dropped=0, target="pool")),
    "retrace": (Retrace(steps=2, decay=1.0, trace="whole"),),
    "actor_hidden": ((8,), (8, 16, 4)),
    "actor_norm": (LayerNorm(eps=1e-6), LayerNorm(eps=1e-2)),
    "critic_norm": (LayerNorm(eps=1e-6),),
    "critic_dropout": (0.2,),
    "weight_decay": (1.0,),
    "gradient_clip": (0.1,),
    "temperature.in_use_at_first": (0.2,),
    "temperature.beta1": (0.5,),
    "value_net": (ValueNet(loss_scale=0.5, target="per_sample"), ValueNet(loss_scale=1.0, target="per_sample")),
}
"""Values of switches that are no choice among words."""


def changed(spec: SacSpec, path: str, value: Any) -> SacSpec:
    """The spec with the field of that path ("adam.eps") replaced."""
    name, _, rest = path.partition(".")
    return replace(spec, **{name: replace(getattr(spec, name), **{rest: value}) if rest else value})


def variants() -> dict[str, Variant]:
    """Every value of every switch by name, and what needs several of them; all distinct."""
    by_name: dict[str, Variant] = {}
    for path, choices in CHOICES.items():
        base = BASES.get(path.partition(".")[0], {"value_net.target": WITH_V, "actor_head": GLOROT}.get(path, BASE))
        specs = {f"{path}={value}": changed(base, path, value) for value in choices}
        by_name |= {name: (base, spec) for name, spec in specs.items() if spec != base}
    for path, values in VALUES.items():
        by_name |= {f"{path}={value}": (BASE, changed(BASE, path, value)) for value in values}
    for name, base, changes in _with_other_bases():
        by_name[name] = base, replace(base, **changes)
    tensorflow = changed(BASE, "adam.eps_placement", "tensorflow")
    by_name["simultaneous, fresh alpha"] = FRESH, replace(FRESH, gradients="simultaneous")
    by_name["adam.eps_placement=tensorflow, eps=1e-3"] = BASE, changed(tensorflow, "adam.eps", 1e-3)
    return by_name | {name: (base, replace(base, order=order)) for name, base, order in _orders()}


def _with_other_bases() -> Iterator[tuple[str, SacSpec, Changes]]:
    """(name, base, changes): switches that come alive beside others."""
    floor = replace(BASE, log_det=EpsilonLogDet(eps=1e-2))
    yield "log_prob_units=env, log_det with epsilon", floor, {"log_prob_units": "env"}
    hard_floor = replace(BASE, log_det=FlooredLogDet(floor=0.1))
    yield "log_prob_units=env, log_det floored", hard_floor, {"log_prob_units": "env"}
    yield "joint head, orthogonal", replace(HEADS, actor_head="separate"), {"actor_head": "joint"}
    yield "first_update=2", replace(BASE, actor_every=2), {"first_update": 2}
    yield "first_update=0, target_every=2", replace(BASE, target_every=2), {"first_update": 0}
    delayed = replace(FRESH, order=("value", "critic", "actor", "alpha", "target"), actor_every=2)
    actors_sample = replace(delayed, temperature=BASE.temperature)
    fixed = replace(BASE, temperature=FixedAlpha(value=0.2))
    yield "actor_repeats=2", delayed, {"actor_repeats": 2}
    yield "actor_repeats=3, alpha of the actor's sample", actors_sample, {"actor_repeats": 3}
    yield "actor_repeats=2, every update, alpha fixed", fixed, {"actor_repeats": 2}
    alpha_first = ("alpha", "value", "critic", "actor", "target")
    alpha_early = ("critic", "actor", "alpha", "value", "target")
    yield "alpha before the critic, delayed", BASE, {"order": alpha_first, "actor_every": 2}
    yield "V, delayed", WITH_V, {"order": alpha_early, "actor_every": 2, "actor_repeats": 2}
    sum_of_relus = {"first_critic_layer": "sum_of_relus"}
    yield "V, sum of relus, copied targets", WITH_V, {**sum_of_relus, "target_copy_every": 2}
    yield "sum of relus, one hidden layer", replace(BASE, hidden=(16,)), sum_of_relus
    yield "sum of relus, environment's units", BASE, {**sum_of_relus, "critic_action_units": "env"}
    three_means = replace(BASE, critics=3, actor_reduce="mean")
    yield "independent draws, three critics' mean", three_means, {"pathwise_noise": "independent"}
    yield from _later()
    yield "std=ExpStd", replace(BASE, std=NARROW), {"std": ExpStd()}
    yield "one critic", BASE, ONE_CRITIC
    yield "three critics, mean", replace(BASE, critics=3), {"target_reduce": "mean", "actor_reduce": "mean"}
    yield "V, one critic", WITH_V, ONE_CRITIC
    also_with_v: Changes = {"target_reduce": "mean", "entropy_in_target": False, "target_init": "independent"}
    also_with_v |= {"gradients": "simultaneous", "target_every": 2, "temperature": FixedAlpha(value=1.0)}
    for field, value in also_with_v.items():
        yield f"V, {field}={value}", WITH_V, {field: value}


def _later() -> Iterator[tuple[str, SacSpec, Changes]]:
    """(name, base, changes): terms of later algorithms beside each other and beside the older switches."""
    yield "CrossQ", replace(BASE, target_networks=False), {"actor_norm": RENORM, "critic_norm": RENORM}
    yield "CrossQ, delayed", CROSSQ, {"actor_every": 2}
    yield "CrossQ, three layers of SiLU", CROSSQ, {"hidden": (8, 16, 4), "activation": "silu"}
    yield "CrossQ, fresh alpha", CROSSQ, {"temperature": FRESH_ALPHA}
    yield "CrossQ, environment's units", CROSSQ, {"critic_action_units": "env"}
    ten = replace(BASE, critics=5)
    yield "REDQ", ten, {"target_subset": 2, "actor_reduce": "mean"}
    redq = replace(ten, target_subset=2, actor_reduce="mean")
    yield "REDQ, another subset", redq, {"target_subset": 1, "target_reduce": "mean"}
    yield "REDQ, at once and delayed", redq, {"gradients": "simultaneous", "actor_every": 2}
    late = changed(BASE, "temperature.in_use_at_first", 0.2).temperature
    yield "at once and delayed, alpha in use", replace(redq, gradients="simultaneous"), {
        "temperature": late, "actor_every": 3, "order": ("critic", "actor", "alpha", "value", "target")
    }  # fmt: skip
    droq = replace(BASE, critic_norm=LayerNorm(eps=1e-6))
    yield "DroQ", droq, {"critic_dropout": 0.2}
    yield "DroQ, two widths, rounded", replace(droq, critic_dropout=0.2), {
        "hidden": (8, 16), "precision": "bfloat16_hidden"
    }  # fmt: skip
    yield "TQC, subset of three", replace(TQC, critics=3), {"target_subset": 2}
    yield "TQC, no entropy in the target", TQC, {"entropy_in_target": False}
    yield "TQC, tanh and layer norm", TQC, {"activation": "tanh", "critic_norm": LayerNorm(eps=1e-5)}
    yield "Retrace", BASE, {"retrace": RETRACED.retrace}
    yield "Retrace, another decay", RETRACED, {"retrace": Retrace(steps=3, decay=0.5, trace="ratio")}
    yield "Retrace, subset of three, no entropy", replace(RETRACED, critics=3, target_subset=2), {
        "entropy_in_target": False, "target_reduce": "mean"
    }  # fmt: skip
    of_box = replace(RETRACED, std=SoftplusStd(floor=1e-3), gaussian_eps=1e-2, actor_norm=RENORM)
    yield "Retrace, environment's units, renormalised actor", of_box, {"critic_action_units": "env", "actor_every": 2}
    yield "V, layer norm, decay and clip", WITH_V, {
        "critic_norm": LayerNorm(eps=1e-6), "weight_decay": 0.1, "gradient_clip": 0.1
    }  # fmt: skip
    yield "sum of relus, quantiles", replace(TQC, actor_reduce="min"), {"first_critic_layer": "sum_of_relus"}
    yield "simultaneous, delayed", replace(BASE, gradients="simultaneous"), {"actor_every": 2}


def _orders() -> Iterator[tuple[str, SacSpec, tuple[str, ...]]]:
    """(name, base, order of the stages)."""
    for order in itertools.permutations(("critic", "actor", "target")):
        if order[0] != "critic":  # else as BASE: neither the actor nor alpha reads the targets
            yield f"order {' '.join(order)}", BASE, ("value", *order, "alpha")
    yield "order alpha first, fresh", FRESH, ("value", "critic", "alpha", "actor", "target")
    for order in (
        ("critic", "value", "actor", "alpha", "target"),
        ("critic", "actor", "value", "alpha", "target"),
        ("target", "actor", "critic", "value", "alpha"),
        ("actor", "alpha", "value", "target", "critic"),
    ):
        yield f"V, order {' '.join(order)}", WITH_V, order


VARIANTS = variants()


def shrunk(spec: Any) -> Any:
    """A spec of any kind at a small size."""
    if isinstance(spec, SoftQSpec):
        spec = replace(spec, value_particles=5, fixed_particles=4, updated_particles=3)
    if isinstance(spec, SacSpec) and spec.actor_hidden:
        spec = replace(spec, actor_hidden=(8, 16))
    enough = spec.critics if isinstance(spec, SacSpec) and spec.target_subset else 0  # its draws choose among them
    return replace(spec, hidden=(16, 16), batch_size=max(8, enough))


def studied() -> dict[str, SacSpec]:
    """Every preset of SAC, and every arm of several switches whose program no preset has, shrunk; what several names
    share stands once. One switch alone is among the variants."""
    names: dict[SacSpec, str] = {}
    for name in catalogue.preset_names():
        spec = shrunk(catalogue.resolve(name, "HalfCheetah-v5", {})[0])
        if isinstance(spec, SacSpec):
            names.setdefault(spec, name)
    programs = {spec.structure for spec in (*names, *(shrunk(one) for _, one in VARIANTS.values()))}
    for name in catalogue.shipped_ablation_names():
        ablation = catalogue.load_ablation(name)
        for arm in (one for one in ablation.arms if len(one.changes) > 1):
            spec = shrunk(catalogue.resolve(ablation.baseline, "HalfCheetah-v5", arm.changes)[0])
            if spec.structure not in programs:
                names.setdefault(spec, f"{name}/{arm.name}")
                programs.add(spec.structure)
    return {name: spec for spec, name in names.items()}


CASES = {"base": BASE, "base with V": WITH_V, "base, fresh alpha": FRESH}
CASES |= {name: spec for name, (_, spec) in VARIANTS.items()} | studied()


def at(spec: Any, precision: Literal["float32", "float64"]) -> Any:
    """The case at a precision; one that is about rounding stays as it is."""
    return spec if spec.precision == "bfloat16_hidden" else replace(spec, precision=precision)


def start(spec: Spec, *seeds: int) -> dict[str, np.ndarray]:
    """Initial params [S, ...] at the spec's precision."""
    every = [weights.params(spec, SPACES, np.random.default_rng(seed)) for seed in seeds]
    return {name: np.stack([of_seed[name] for of_seed in every]).astype(spec.dtype) for name in every[0]}


def inputs(spec: Spec, seeds: int = 1, updates: int = UPDATES, noise_scale: float = 1.0) -> tuple:
    """Rows [S, K, B, width], noise [S, K, draws, B, noise width], observations [S, 3, O] and the noise
    [S, 3, act_draws * A] to act with."""
    rng = np.random.default_rng(7)
    obs = rng.standard_normal((seeds, 3, SPACES.obs_dim), np.float32)
    act_noise = rng.standard_normal((seeds, 3, len(spec.act_draws) * SPACES.action_dim), np.float32)
    width = row_width(SPACES, spec.further_steps)
    rows = rng.standard_normal((seeds, updates, spec.batch_size, width), np.float32)
    batch = unpack(rows, SPACES, spec.further_steps)
    taken: tuple[Any, ...] = (batch, *batch.further)
    for one in taken:
        one.action[...] = np.tanh(one.action)
        one.terminated[...] = one.terminated > 0.5
    for step in batch.further:
        step.goes_on[...] = step.goes_on > -1
        step.log_prob[...] -= 2  # near that of the policy's first weights: some ratios above 1 and some below
    width = spec.noise_width(SPACES.action_dim)
    noise = rng.standard_normal((seeds, updates, len(spec.draws), spec.batch_size, width), np.float32)
    return rows, noise * np.float32(noise_scale), obs, act_noise
