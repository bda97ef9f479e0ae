"""The kinds of specs: SacSpec, and one for each algorithm of its family that is of another shape.

A spec of any kind has what the suite reads: `draws` and `act_draws`, `online` and `targets`, `dtype`, `structure`,
`network`, `learning_rate`, `further_steps`, `weighs_actions`, and the fields reward_scale, discount, hidden, batch_size
and precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from suite.sac.spec import (
    Adam,
    Limits,
    NamedInit,
    Network,
    SacSpec,
    SpecError,
    check_adam,
    check_hidden,
    check_limits,
    check_types,
)


@dataclass(frozen=True, kw_only=True)
class SoftQSpec:
    """Soft Q-learning (arXiv 1702.08165): one critic, and an actor that turns noise into actions.

    The critic regresses on the log-sum-exp of its target copy over uniform actions; the actor a = tanh(f(s, noise))
    is moved by Stein's variational gradient towards the density exp(Q). The temperature is 1: the reward scale sets it.
    """

    first_critic_layer: ClassVar[str] = "concat"
    log_prob_units: ClassVar[str] = "unit"
    target_init: ClassVar[str] = "copy"
    further_steps: ClassVar[int] = 0
    weighs_actions: ClassVar[bool] = False
    act_draws: ClassVar[tuple[str, ...]] = ("latent",)
    online: ClassVar[tuple[str, ...]] = ("actor", "critic1")
    targets: ClassVar[tuple[str, ...]] = ("target_critic1",)

    # objective
    reward_scale: float
    discount: float
    value_particles: int  # uniform actions in the estimate of V, the same for the whole batch
    # the actor's gradient
    fixed_particles: int  # actions per state at which the density is read
    updated_particles: int  # actions per state that are moved
    bandwidth_floor: float  # of the kernel's h, which is the median of squared distances / log(fixed_particles)
    squash_eps: float  # in log(1 - a^2 + eps), which makes of exp(Q) a density before tanh
    # networks
    hidden: tuple[int, ...]
    init: NamedInit
    # update
    first_update: int  # its number in the code base's own count of updates, which target_copy_every divides
    target_copy_every: int  # after an update whose number this divides, the target becomes a copy
    batch_size: int
    # optimisers
    actor_lr: float
    critic_lr: float
    adam: Adam
    precision: Literal["float32", "float64"]

    def __post_init__(self) -> None:
        check_types(self)
        check_hidden(self.hidden)
        check_adam(self.adam)
        check_limits(self, (*_LIMITS, *_SOFT_Q_LIMITS))
        if self.value_particles > self.batch_size:
            raise SpecError("value_particles must not exceed batch_size: they are drawn together")

    @property
    def structure(self) -> SoftQSpec:
        return self

    def network(self, net: str) -> Network:
        return Network(self.hidden)

    def noise_width(self, action_dim: int) -> int:
        return action_dim

    @property
    def draws(self) -> tuple[str, ...]:
        """Of "value" the first value_particles rows serve; a "particle" is a latent of each state, fixed ones first."""
        return ("value", *(f"particle_{n + 1}" for n in range(self.fixed_particles + self.updated_particles)))

    @property
    def dtype(self) -> str:
        return self.precision

    def learning_rate(self, net: str) -> float:
        return self.actor_lr if net == "actor" else self.critic_lr

    def copies(self, count: Any) -> Any:
        """Whether the target becomes a copy after update number `count` (from 1, of any type)."""
        return (self.first_update + count - 1) % self.target_copy_every == 0


@dataclass(frozen=True, kw_only=True)
class MixtureSpec:
    """The first version of SAC (arXiv 1801.01290 v1): a mixture of Gaussians moved by the likelihood ratio, with the
    value network as its baseline, and one critic. The temperature is 1: the reward scale sets it."""

    first_critic_layer: ClassVar[str] = "concat"
    log_prob_units: ClassVar[str] = "unit"
    further_steps: ClassVar[int] = 0
    weighs_actions: ClassVar[bool] = False
    act_draws: ClassVar[tuple[str, ...]] = ("component", "action")
    draws: ClassVar[tuple[str, ...]] = ("component", "action")  # of "component" the first column serves
    online: ClassVar[tuple[str, ...]] = ("actor", "critic1", "value")
    targets: ClassVar[tuple[str, ...]] = ("target_value",)

    # objective
    reward_scale: float
    discount: float
    # policy
    components: int
    logit_floor: float  # of the components' unnormalised log weights, without a gradient below
    log_std_cap: float  # of every log std, without a gradient above
    squash_eps: float  # log pi has log(1 - tanh(u)^2 + eps)
    # networks
    hidden: tuple[int, ...]
    init: NamedInit
    target_init: Literal["copy", "independent", "soft_once"]  # as of SacSpec
    # update
    tau: float
    batch_size: int
    # optimisers
    actor_lr: float
    critic_lr: float  # and the value network's
    adam: Adam
    precision: Literal["float32", "float64"]

    def __post_init__(self) -> None:
        check_types(self)
        check_hidden(self.hidden)
        check_adam(self.adam)
        check_limits(self, (*_LIMITS, *_MIXTURE_LIMITS))

    @property
    def structure(self) -> MixtureSpec:
        return self

    def network(self, net: str) -> Network:
        return Network(self.hidden)

    def noise_width(self, action_dim: int) -> int:
        return action_dim

    @property
    def dtype(self) -> str:
        return self.precision

    def learning_rate(self, net: str) -> float:
        return self.actor_lr if net == "actor" else self.critic_lr


Spec = SacSpec | SoftQSpec | MixtureSpec
KINDS: tuple[type[Spec], ...] = get_args(Spec)

_LIMITS: Limits = (
    (("reward_scale", "actor_lr", "critic_lr", "squash_eps"), "be positive", lambda x: x > 0),
    (("discount",), "lie in [0, 1]", lambda x: 0 <= x <= 1),
    (("batch_size",), "be at least 1", lambda n: n >= 1),
)
_SOFT_Q_LIMITS: Limits = (
    (("value_particles", "updated_particles", "target_copy_every"), "be at least 1", lambda n: n >= 1),
    (("fixed_particles",), "be at least 2", lambda n: n >= 2),  # the kernel's width has its logarithm below
    (("bandwidth_floor",), "be positive", lambda x: x > 0),
    (("first_update",), "not be negative", lambda n: n >= 0),
)
_MIXTURE_LIMITS: Limits = (
    (("components",), "be at least 1", lambda n: n >= 1),
    (("tau",), "lie in (0, 1]", lambda x: 0 < x <= 1),
)
