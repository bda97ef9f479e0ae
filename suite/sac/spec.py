"""SacSpec: one SAC update as a frozen tableau of switches, as a Butcher tableau is one Runge-Kutta method.

A code base is a value of this type (implementations/presets), an ablation is a difference of two values (ablations/),
and both engines and suite.equations read nothing else. There are no defaults: a default would be an opinion. Alone
what came after SAC has one, its absence, which plain data leaves out (suite.sac.identity).

Notation, everywhere: u ~ N(mean, std) before squashing, a = tanh(u), A = action dimension, n = number of critics.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass, replace
from functools import cached_property
from itertools import groupby, pairwise
from statistics import NormalDist
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from suite.errors import quoted
from suite.files import fits, hints

STAGES = ("value", "critic", "actor", "alpha", "target")

DELAYED = ("actor", "alpha")
"""The stages that actor_every and actor_repeats speak of."""


R_MAX, D_MAX = 3.0, 5.0
"""The bounds of batch renormalisation's r and d (araffin/sbx@9bdc9c1 sbx/common/jax_layers.py, r_max and d_max)."""

A_MAX = 1 - 2.0**-24
"""The largest action that float32 has below 1: at and beyond it tanh is saturated, and an action counts as this one,
which tanh makes of u = 8.7."""

PASSES = ("target", "current", "actor")
"""What critics are passed for in an update: the target, their own loss, the actor's."""


class SpecError(ValueError):
    """A combination of switches that has no meaning; the message names the fields."""


@dataclass(frozen=True, kw_only=True)
class FixedAlpha:
    """A constant temperature (arXiv 1801.01290 folds it into the reward scale)."""

    value: float


@dataclass(frozen=True, kw_only=True)
class LearnedAlpha:
    """A temperature that keeps the entropy at `entropy_per_dim` * A (arXiv 1812.05905, section 5).

    objective "alpha" minimises alpha * (-log_prob - H) (its eq. 18), "log_alpha" log(alpha) * (-log_prob - H) as most
    code does; sample says whose action it reads: the "actor" loss's, or a "fresh" one of the policy at that moment.
    It starts at `init` (None: at e to a standard normal draw, sony/nnabla-rl@d6c9999
    nnabla_rl/model_trainers/policy/soft_policy_trainer.py:40-43). Until its first step `in_use_at_first` may stand in
    its place; beta1 of its own Adam (None: as the networks').
    """

    init: float | None
    entropy_per_dim: float
    objective: Literal["alpha", "log_alpha"]
    sample: Literal["actor", "fresh"]
    lr: float
    in_use_at_first: float | None = None
    beta1: float | None = None


@dataclass(frozen=True, kw_only=True)
class ValueNet:
    """A state-value network V with a target copy: critics regress on target V, V on the policy (arXiv 1801.01290).

    It learns at critic_lr, as in every code base that has one. target "per_sample" regresses V_i on its own
    Q_i - alpha log pi_i; "broadcast" on every Q_i - alpha log pi_j of the batch, which is the batch mean of log pi
    (hill-a/stable-baselines@259f278 stable_baselines/sac/sac.py:247-250).
    """

    loss_scale: float
    target: Literal["per_sample", "broadcast"]


@dataclass(frozen=True, kw_only=True)
class ClipLogStd:
    """log std = clip(raw, low, high): no gradient outside."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class SquashLogStd:
    """log std = low + (high - low) * (tanh(raw) + 1) / 2."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class SoftplusStd:
    """std = softplus(raw) + floor."""

    floor: float


@dataclass(frozen=True, kw_only=True)
class ExpStd:
    """log std = raw, unbounded."""


@dataclass(frozen=True, kw_only=True)
class ExactLogDet:
    """log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2u)), without a floor."""


@dataclass(frozen=True, kw_only=True)
class EpsilonLogDet:
    """log(1 - tanh(u)^2 + eps): floored at log eps, flat beyond."""

    eps: float


@dataclass(frozen=True, kw_only=True)
class FlooredLogDet:
    """log(max(1 - tanh(u)^2, floor)): exact above the floor, without a gradient below."""

    floor: float


@dataclass(frozen=True, kw_only=True)
class Orthogonal:
    """Weights: `gain` times a random orthogonal matrix (arXiv 1312.6120); biases 0."""

    gain: float


@dataclass(frozen=True, kw_only=True)
class Uniform:
    """Weights uniform in +-weight, biases in +-bias: the tiny heads of rlkit."""

    weight: float
    bias: float


@dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam (arXiv 1412.6980); eps joins sqrt(v_hat) in "torch", sqrt(v) before bias correction in "tensorflow"."""

    beta1: float
    beta2: float
    eps: float
    eps_placement: Literal["torch", "tensorflow"]


@dataclass(frozen=True, kw_only=True)
class LayerNorm:
    """(x - mean) / sqrt(variance + eps) over a hidden layer's units before its activation, times a scale, plus a bias,
    which learn (arXiv 1607.06450)."""

    eps: float


@dataclass(frozen=True, kw_only=True)
class BatchRenorm:
    """Before every layer, (x - m) / sqrt(v + eps) times a scale, plus a bias, which learn (arXiv 1702.03275).

    m and v are the batch's while a network learns, kept near the running ones by r and d from step `warmup` on (counted
    from 1: "from" that many passes, or "after" them); elsewhere the running ones, which keep `momentum` of themselves.
    """

    eps: float
    momentum: float
    warmup: int
    variance: Literal["biased", "unbiased"]
    renorm: Literal["from", "after"]

    def renorms(self, before: Any) -> Any:
        """Whether r and d are used in a pass that learns after `before` others, of any type."""
        return before >= self.warmup + (self.renorm == "after")


@dataclass(frozen=True, kw_only=True)
class Quantiles:
    """Critics of n quantiles each, regressed on quantiles by the Huber loss (arXiv 1710.10044).

    target "pool": those of all target critics, sorted, without the `dropped` * critics largest (TQC, arXiv 2005.04269);
    "minimum": those of the critic with the smallest mean (sony/nnabla-rl@d6c9999
    nnabla_rl/model_trainers/q_value/qrsac_q_trainer.py:83-103).
    """

    n: int
    dropped: int
    target: Literal["pool", "minimum"]


@dataclass(frozen=True, kw_only=True)
class Retrace:
    """Targets of several steps, which weigh each later one by a trace c for its action (arXiv 1606.02647, eq. 3-4, the
    soft value of one sampled action in place of E Q).

    c is `decay`; of trace "ratio" it is decay * min(1, pi(a|s) / mu(a|s)), mu the policy that chose the action: Retrace
    (lambda). Of "whole" nothing is weighed: Q(lambda) with off-policy corrections (arXiv 1602.04951). The densities are
    those of the Gaussian before tanh, whose determinants would cancel, at u = arctanh(a), a within +-A_MAX.
    """

    steps: int
    decay: float
    trace: Literal["ratio", "whole"]


Temperature = FixedAlpha | LearnedAlpha
Std = ClipLogStd | SquashLogStd | SoftplusStd | ExpStd
LogDet = ExactLogDet | EpsilonLogDet | FlooredLogDet
Reduce = Literal["min", "mean", "first"]
Units = Literal["unit", "env"]  # the action in [-1, 1], or as the environment's box has it
Norm = LayerNorm | BatchRenorm
Activation = Literal["relu", "tanh", "elu", "silu"]
NamedInit = Literal["torch", "glorot_uniform", "glorot_per_input", "fan_in", "fan_out", "lecun_normal"]
Init = NamedInit | Orthogonal | Uniform


@dataclass(frozen=True)
class Network:
    """What a network is made of beside its inputs and outputs."""

    hidden: tuple[int, ...]
    activation: Activation = "relu"
    norm: Norm | None = None
    dropout: float = 0.0
    rounded: bool = False  # products between hidden layers are rounded to bfloat16

    @cached_property
    def plain(self) -> bool:
        """Whether it is linear layers with ReLUs between them, and nothing else."""
        return self.activation == "relu" and self.norm is None and not self.dropout

    def shapes(self, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
        """Its tensors by name, "w0", "b0", "ln0_scale", ..., in the order of the forward pass; matrices [in, out]."""
        widths, shapes = (inputs, *self.hidden, outputs), dict[str, tuple[int, ...]]()
        for i, (before, after) in enumerate(pairwise(widths)):
            if isinstance(self.norm, BatchRenorm):
                shapes |= {f"bn{i}_{part}": (before,) for part in ("scale", "bias", "mean", "var")}
            shapes |= {f"w{i}": (before, after), f"b{i}": (after,)}
            if isinstance(self.norm, LayerNorm) and i < len(self.hidden):
                shapes |= {f"ln{i}_{part}": (after,) for part in ("scale", "bias")}
        return shapes

    @cached_property
    def tensors(self) -> tuple[str, ...]:
        """The names of its tensors, as in `shapes`."""
        return tuple(self.shapes(1, 1))

    @property
    def dropped_below(self) -> float:
        """Dropout leaves out what a standard normal draw gives a number below this."""
        return NormalDist().inv_cdf(self.dropout)


@dataclass(frozen=True, kw_only=True)
class SacSpec:
    """The update: what one gradient step of SAC computes from a batch, its noise and the parameters."""

    # objective
    temperature: Temperature
    reward_scale: float
    discount: float
    critics: int
    target_reduce: Reduce  # over the critics in the target (of Q, or of V where there is a value net)
    actor_reduce: Reduce  # over the critics in the actor's loss
    value_net: ValueNet | None
    entropy_in_target: bool  # False: entropy regularises the policy only
    critic_loss_scale: float  # 0.5 or 1 times the mean squared error of each critic
    # policy
    std: Std
    log_det: LogDet
    gaussian_eps: float  # the Gaussian's density reads (u - mean) / (std + eps)
    log_prob_units: Units  # the action whose density log pi is; learned temperatures aim at the entropy of the same
    critic_action_units: Units  # of the action that critics read
    pathwise_noise: Literal["shared", "independent"]  # independent: dQ/da, log pi and da/dphi each at a draw of its own
    # networks
    hidden: tuple[int, ...]
    first_critic_layer: Literal["concat", "sum_of_relus"]  # of (s, a), or relu(W s + b) + relu(W' a + b')
    hidden_init: Init
    critic_output_init: Init  # and the value net's
    actor_head: Literal["joint", "separate"]  # one layer of 2A outputs, or two of A: their initialisation differs
    mean_init: Init
    log_std_init: Init
    target_init: Literal["copy", "independent", "soft_once"]  # soft_once: independent, then one step of size tau
    # update
    order: tuple[str, ...]  # of STAGES; a stage the spec has no use for is passed over
    gradients: Literal["sequential", "simultaneous"]  # every loss at the newest, or at the update's first, parameters
    first_update: int  # its number in the code base's own count of updates: what actor_every and target_every divide
    actor_every: int  # actor and alpha step at every multiple of this,
    actor_repeats: int  # so often in a row, each time with new draws and the newest alpha
    target_every: int
    target_copy_every: int | None  # after every so many updates targets become plain copies
    tau: float
    batch_size: int
    # optimisers
    actor_lr: float
    critic_lr: float
    adam: Adam
    precision: Literal["float32", "float64", "bfloat16_hidden"]  # of all; or float32 with rounded hidden products
    # what came after SAC; each default is its absence
    quantiles: Quantiles | None = None  # critics of so many outputs; None: of one, the mean
    target_subset: int | None = None  # so many critics, drawn anew for each update, enter the target (REDQ); None: all
    retrace: Retrace | None = None  # targets of several steps, corrected for older policies' actions; None: of one
    target_networks: bool = True  # False: critics judge (s', a') themselves, in one pass with (s, a) (CrossQ)
    actor_hidden: tuple[int, ...] | None = None  # None: as `hidden`
    activation: Activation = "relu"  # of every hidden layer
    actor_norm: Norm | None = None
    critic_norm: Norm | None = None  # and the value net's
    critic_dropout: float = 0.0  # the share of a hidden layer's units left out, behind its product (DroQ)
    weight_decay: float = 0.0  # decoupled: parameters shrink by rate * weight_decay in each step (arXiv 1711.05101)
    gradient_clip: float | None = None  # the longest gradient of each optimiser, in its norm over all its networks

    def __post_init__(self) -> None:
        check_types(self)
        _check_order(self)
        _check_passes(self)
        _check_networks(self)
        check_limits(self, _LIMITS)
        _check_parts(self)
        _check_alone(self)
        _check_layers(self)
        _check_later(self)

    @property
    def structure(self) -> SacSpec:
        """The spec without what an update can take as numbers (rates, alpha, its target, tau, discount, reward scale)
        and without how weights start: specs of one structure are one program, and may train side by side."""
        start: dict[str, Any] = {"target_init": "copy", "actor_head": "separate"}
        start |= dict.fromkeys(("hidden_init", "critic_output_init", "mean_init", "log_std_init"), "torch")
        numbers: dict[str, Any] = dict.fromkeys(("reward_scale", "discount", "tau", "actor_lr", "critic_lr"), 1.0)
        if isinstance(self.temperature, LearnedAlpha):
            temperature = replace(self.temperature, init=1.0, entropy_per_dim=-1.0, lr=1.0)
            return replace(self, temperature=temperature, **start, **numbers)
        return replace(self, temperature=FixedAlpha(value=1.0), **start, **numbers)

    def network(self, net: str) -> Network:
        """What the network of that name ("actor", "target_critic1", "value") is made of."""
        return self._actor if net == "actor" else self._critic

    @cached_property
    def _actor(self) -> Network:
        return Network(self.actor_hidden or self.hidden, self.activation, self.actor_norm, 0.0, self._rounded)

    @cached_property
    def _critic(self) -> Network:
        return Network(self.hidden, self.activation, self.critic_norm, self.critic_dropout, self._rounded)

    @property
    def _rounded(self) -> bool:
        return self.precision == "bfloat16_hidden"

    @property
    def critic_outputs(self) -> int:
        """How many numbers a critic gives."""
        return self.quantiles.n if self.quantiles else 1

    @property
    def learns_alpha(self) -> bool:
        return isinstance(self.temperature, LearnedAlpha)

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages this spec runs, in its order."""
        unused = {"value": self.value_net is None, "alpha": not self.learns_alpha}
        return tuple(stage for stage in self.order if not unused.get(stage, False))

    @property
    def draws(self) -> tuple[str, ...]:
        """The standard-normal draws one update takes, by name, in the order of the noise array's axis."""
        next_action = () if self.value_net else ("next_action",)
        fresh = isinstance(self.temperature, LearnedAlpha) and self.temperature.sample == "fresh"
        pathwise = ("action", "action_2", "action_3") if self.pathwise_noise == "independent" else ("action",)
        drawn = (*next_action, *pathwise, *(("alpha",) if fresh else ()))
        for n in range(2, self.actor_repeats + 1):
            drawn += (f"action_{n}", *((f"alpha_{n}",) if fresh else ()))
        drawn += ("subset",) if self.target_subset else ()
        drawn += tuple(name for each in PASSES for name in self.kept_draws(each).values())
        return (*drawn, *(f"next_action_{n}" for n in range(2, self.further_steps + 2)))

    @property
    def further_steps(self) -> int:
        """How many steps a row has beside its first."""
        return self.retrace.steps - 1 if self.retrace else 0

    @property
    def weighs_actions(self) -> bool:
        """Whether the target reads how likely an action was to the policy that chose it."""
        return self.retrace is not None and self.retrace.trace == "ratio"

    @property
    def action_draws(self) -> tuple[str, ...]:
        """Of the draws those that actions are made of."""
        return tuple(name for name in self.draws if name.startswith(("action", "next_action", "alpha")))

    def kept_draws(self, passed: str) -> dict[tuple[str, int], str]:
        """The draws [B, noise width] that say what dropout keeps in one of PASSES: (critic, layer) -> name."""
        nets = self.online[1 : 1 + self.critics] if self.critic_dropout else ()
        return {(net, i): f"{passed}_{net}_{i}" for net in nets for i in range(len(self.hidden))}

    def noise_width(self, action_dim: int) -> int:
        """How wide every draw of an update is: an action takes the first columns, dropout one for each unit."""
        return max(action_dim, *self.hidden) if self.critic_dropout else action_dim

    @property
    def act_draws(self) -> tuple[str, ...]:
        """The standard-normal draws that one action takes, by name."""
        return ("action",)

    @property
    def turns(self) -> tuple[tuple[str, int], ...]:
        """The stages of one update in order, each with the number of its pass: actor and alpha may have several."""
        repeated = [stage for stage in self.stages if stage in DELAYED]
        later = [(stage, n) for n in range(2, self.actor_repeats + 1) for stage in repeated]
        last = self.stages.index(repeated[-1]) + 1
        first = [(stage, 1) for stage in self.stages]
        return (*first[:last], *later, *first[last:])

    @property
    def groups(self) -> tuple[tuple[tuple[str, int], ...], ...]:
        """The turns that happen together: all of them, or actor and alpha apart where these must wait."""
        apart = groupby(self.turns, lambda turn: self.actor_every > 1 and turn[0] in DELAYED)
        return tuple(tuple(group) for _, group in apart)

    def due(self, every: int, count: Any) -> Any:
        """Whether what happens at every multiple of `every` happens in update number `count` (from 1, of any type)."""
        return every == 1 or (self.first_update + count - 1) % every == 0

    def steps(self, stage: str, count: Any, turn: int) -> Any:
        """The number (from 1) of the optimiser step that a stage takes in pass `turn` of update number `count`."""
        if stage not in DELAYED or self.actor_every == self.actor_repeats == 1:
            return count
        before = (self.first_update - 1) // self.actor_every
        return ((self.first_update + count - 1) // self.actor_every - before - 1) * self.actor_repeats + turn

    def actor_steps_before(self, count: Any, turn: int) -> Any:
        """How many steps the actor, and a learned temperature, have taken before pass `turn` of update `count`."""
        bursts = (self.first_update + count - 2) // self.actor_every - (self.first_update - 1) // self.actor_every
        return bursts * self.actor_repeats + turn - 1

    def adam_of(self, net: str) -> Adam:
        """The constants of the Adam that moves "actor", "critic", "value" or "alpha"."""
        if net == "alpha" and isinstance(self.temperature, LearnedAlpha) and self.temperature.beta1 is not None:
            return replace(self.adam, beta1=self.temperature.beta1)
        return self.adam

    @property
    def online(self) -> tuple[str, ...]:
        """The networks that gradients move, by canonical name."""
        value = ("value",) if self.value_net else ()
        return ("actor", *(f"critic{i + 1}" for i in range(self.critics)), *value)

    @property
    def targets(self) -> tuple[str, ...]:
        """The networks that follow others by averaging: target V where there is a value net, else target critics."""
        if not self.target_networks:
            return ()
        return tuple(f"target_{net}" for net in (("value",) if self.value_net else self.online[1:]))

    @property
    def dtype(self) -> str:
        """The type of every parameter, moment, loss and action."""
        return "float64" if self.precision == "float64" else "float32"

    def target_entropy(self, action_dim: int) -> float:
        """The entropy, in nats of the action in log_prob_units, that a learned temperature aims at."""
        assert isinstance(self.temperature, LearnedAlpha)
        return self.temperature.entropy_per_dim * action_dim

    def learning_rate(self, net: str) -> float:
        """The learning rate of "actor", "critic", "value" or, where it is learned, "alpha"."""
        if net == "alpha" and isinstance(self.temperature, LearnedAlpha):
            return self.temperature.lr
        return self.actor_lr if net == "actor" else self.critic_lr


def words_of(tableau: type) -> dict[str, tuple[str, ...]]:
    """The words that the fields of a tableau may be, by field path ("temperature.objective"), as its types say."""
    words: dict[str, tuple[str, ...]] = {}
    for name, hint in get_type_hints(tableau).items():
        for kind in get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,):
            if get_origin(kind) is Literal:
                words[name] = get_args(kind)
            elif isinstance(kind, type) and is_dataclass(kind):
                words |= {f"{name}.{inner}": choices for inner, choices in words_of(kind).items()}
    return words


CHOICES = words_of(SacSpec)
"""The values of every switch that is a word, by field path: what validation accepts and what the tests walk through."""

Limits = tuple[tuple[tuple[str, ...], str, Callable[[float], bool]], ...]
"""(fields, what they must do in words, the same as a function); a field that is None is left alone."""

_LIMITS: Limits = (
    (("critics", "batch_size", "actor_every", "actor_repeats"), "be at least 1", lambda n: n >= 1),
    (("target_every", "target_copy_every"), "be at least 1", lambda n: n >= 1),
    (("first_update", "gaussian_eps"), "not be negative", lambda x: x >= 0),
    (("reward_scale", "critic_loss_scale", "actor_lr", "critic_lr"), "be positive", lambda x: x > 0),
    (("discount",), "lie in [0, 1]", lambda x: 0 <= x <= 1),
    (("tau",), "lie in (0, 1]", lambda x: 0 < x <= 1),
    (("weight_decay",), "not be negative", lambda x: x >= 0),
    (("critic_dropout",), "lie in [0, 1)", lambda x: 0 <= x < 1),
    (("gradient_clip",), "be positive", lambda x: x > 0),
)


def check_limits(tableau: object, limits: Limits) -> None:
    for names, words, holds in limits:
        for name in names:
            value = getattr(tableau, name)
            if value is not None and not holds(value):
                raise SpecError(f"{name} must {words}, not {value}")


def check_types(tableau: Any, above: str = "") -> None:
    """SpecError for a field whose value is none that its type allows; above: the path of a part in its tableau."""
    kind: Any = type(tableau)
    for name, hint in hints(kind).items():
        value = getattr(tableau, name)
        if not fits(value, hint):
            raise SpecError(f"{above}{name} must be {_in_words(hint)}, not {quoted(value)}")
        if isinstance(value, float) and not math.isfinite(value):
            raise SpecError(f"{above}{name} must be a finite number, not {value}")
        if is_dataclass(value):
            check_types(value, f"{above}{name}.")


def _in_words(hint: Any) -> str:
    """What a value of a type is, "one of torch, fan_in, an Orthogonal or a Uniform"."""
    if get_origin(hint) in (Union, UnionType):
        *first, last = map(_in_words, get_args(hint))
        return f"{', '.join(first)} or {last}"
    if get_origin(hint) is Literal:
        return f"one of {', '.join(get_args(hint))}"
    if get_origin(hint) is dict:
        return "a dict whose keys are texts"
    if get_origin(hint) is tuple:
        return f"a tuple, each part of it {_in_words(get_args(hint)[0])}"
    words = {int: "a whole number", float: "a number", bool: "True or False", str: "a text", type(None): "None"}
    return words.get(hint) or f"{'an' if str(hint.__name__)[0] in 'AEIO' else 'a'} {hint.__name__}"


def _check_order(spec: SacSpec) -> None:
    if sorted(spec.order) != sorted(STAGES):
        raise SpecError(f"order must name each of {', '.join(STAGES)} once, not {', '.join(map(str, spec.order))}")
    if spec.gradients == "simultaneous" and spec.order[-1] != "target":
        raise SpecError("gradients 'simultaneous' takes every gradient first, so order must end with 'target'")


def _check_passes(spec: SacSpec) -> None:
    if spec.gradients == "simultaneous" and spec.actor_repeats != 1:
        raise SpecError("gradients 'simultaneous' takes every gradient once, so actor_repeats is 1")
    if spec.actor_repeats > 1 and spec.pathwise_noise == "independent":
        raise SpecError("pathwise_noise 'independent' is defined for actor_repeats 1")
    if spec.actor_repeats > 1 and spec.learns_alpha and spec.stages.index("alpha") - spec.stages.index("actor") != 1:
        raise SpecError("actor_repeats repeats actor and alpha together, so alpha must follow actor in order")


def _check_networks(spec: SacSpec) -> None:
    if spec.actor_head == "joint" and spec.mean_init != spec.log_std_init:
        raise SpecError("actor_head 'joint' is one layer, so mean_init and log_std_init must be the same")
    if spec.value_net and spec.value_net.target == "broadcast" and not spec.entropy_in_target:
        raise SpecError("value_net.target 'broadcast' spreads log pi, which entropy_in_target False leaves out")
    if spec.critics == 1 and (spec.target_reduce, spec.actor_reduce) != ("first", "first"):
        raise SpecError("critics 1 leaves nothing to reduce: target_reduce and actor_reduce must be 'first'")
    check_hidden(spec.hidden)
    if spec.actor_hidden is not None:
        check_hidden(spec.actor_hidden, "actor_hidden")


def check_hidden(hidden: tuple[int, ...], name: str = "hidden") -> None:
    if not hidden or min(hidden) < 1:
        raise SpecError(f"{name} must be one or more positive widths, not {hidden}")


def check_adam(adam: Adam) -> None:
    if not (0 <= adam.beta1 < 1 and 0 <= adam.beta2 < 1 and adam.eps > 0):
        raise SpecError(f"adam needs betas in [0, 1) and a positive eps, not {adam}")


def _check_parts(spec: SacSpec) -> None:
    temperature, std = spec.temperature, spec.std
    check_adam(spec.adam)
    positive = (temperature.init, temperature.lr) if isinstance(temperature, LearnedAlpha) else ()
    if any(one is not None and one <= 0 for one in positive):
        raise SpecError(f"temperature.init and temperature.lr must be positive, not {temperature}")
    if isinstance(temperature, FixedAlpha) and temperature.value < 0:
        raise SpecError(f"temperature.value must not be negative, not {temperature.value}")
    if isinstance(std, ClipLogStd | SquashLogStd) and not std.low < std.high:
        raise SpecError(f"std.low must be below std.high, not {std}")
    if isinstance(spec.log_det, FlooredLogDet) and not spec.log_det.floor > 0:
        raise SpecError(f"log_det.floor must be positive, not {spec.log_det.floor}")
    for name in ("hidden_init", "critic_output_init", "mean_init", "log_std_init"):
        init = getattr(spec, name)
        if isinstance(init, Orthogonal) and not init.gain > 0:
            raise SpecError(f"{name}.gain must be positive, not {init.gain}")
        if isinstance(init, Uniform) and not (init.weight >= 0 and init.bias >= 0):
            raise SpecError(f"{name} needs bounds that are not negative, not {init}")


def _check_alone(spec: SacSpec) -> None:
    """SpecError for terms of later algorithms that contradict each other or an older switch, or leave another idle."""
    alone: dict[str, tuple[object, dict[str, object]]] = {
        "quantiles": (spec.quantiles, {"value_net": spec.value_net}),
        "target_subset": (spec.target_subset, {"value_net": spec.value_net}),
        "target_networks False": (not spec.target_networks, {"value_net": spec.value_net}),
        "retrace": (
            spec.retrace,
            {
                "value_net": spec.value_net,
                "quantiles": spec.quantiles,
                "critic_dropout": spec.critic_dropout,
                "target_networks False": not spec.target_networks,
            },
        ),
        "critic_dropout": (spec.critic_dropout, {"value_net": spec.value_net, "actor_repeats": spec.actor_repeats > 1}),
        "BatchRenorm": (
            isinstance(spec.critic_norm, BatchRenorm) or isinstance(spec.actor_norm, BatchRenorm),
            {"weight_decay": spec.weight_decay, "critic_dropout": spec.critic_dropout},
        ),
    }
    for name, (has, others) in alone.items():
        for other, present in others.items():
            if has and present:
                raise SpecError(f"{name} is not defined together with {other}")


def _check_later(spec: SacSpec) -> None:
    """SpecError for terms of later algorithms whose numbers mean nothing."""
    if spec.target_subset is not None and not 1 <= spec.target_subset < spec.critics:
        raise SpecError(f"target_subset must lie from 1 to critics - 1 = {spec.critics - 1}, not {spec.target_subset}")
    if spec.target_subset is not None and spec.critics > spec.batch_size:
        raise SpecError("target_subset is drawn by a batch's noise: batch_size must be at least critics")
    if spec.quantiles and not (spec.quantiles.n >= 1 and 0 <= spec.quantiles.dropped < spec.quantiles.n):
        raise SpecError(f"quantiles needs n >= 1 and dropped from 0 to n - 1, not {spec.quantiles}")
    if spec.quantiles and spec.quantiles.target == "minimum" and spec.quantiles.dropped:
        raise SpecError("quantiles.target 'minimum' takes one critic's quantiles as they are: dropped must be 0")
    if spec.retrace and not (spec.retrace.steps >= 2 and 0 < spec.retrace.decay <= 1):
        raise SpecError(f"retrace needs steps >= 2 and decay in (0, 1], not {spec.retrace}")
    temperature = spec.temperature
    if isinstance(temperature, LearnedAlpha):
        if temperature.in_use_at_first is not None and temperature.in_use_at_first < 0:
            raise SpecError(f"temperature.in_use_at_first must not be negative, not {temperature.in_use_at_first}")
        if temperature.beta1 is not None and not 0 <= temperature.beta1 < 1:
            raise SpecError(f"temperature.beta1 must lie in [0, 1), not {temperature.beta1}")


def _check_layers(spec: SacSpec) -> None:
    """SpecError for layers that are not defined."""
    if isinstance(spec.critic_norm, BatchRenorm) and spec.target_networks:
        raise SpecError("critic_norm BatchRenorm has no statistics of target networks: target_networks must be False")
    if spec.first_critic_layer == "sum_of_relus" and not spec.network("critic1").plain:
        raise SpecError("first_critic_layer 'sum_of_relus' is defined for ReLUs without critic_norm and critic_dropout")
    for name in ("actor_norm", "critic_norm"):
        norm = getattr(spec, name)
        if norm is not None and not norm.eps > 0:
            raise SpecError(f"{name}.eps must be positive, not {norm.eps}")
        if isinstance(norm, BatchRenorm) and not (0 <= norm.momentum < 1 and norm.warmup >= 0):
            raise SpecError(f"{name} needs momentum in [0, 1) and a warmup that is not negative, not {norm}")
        if isinstance(norm, BatchRenorm) and norm.variance == "unbiased" and spec.batch_size == 1:
            raise SpecError(f"{name} variance 'unbiased' divides by the batch less one: batch_size must be at least 2")
