"""Schedule: how the update meets the environment, as a frozen tableau of switches beside SacSpec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from suite.sac.spec import Limits, SacSpec, SpecError, check_limits, check_types, words_of
from suite.sac.specs import Spec


@dataclass(frozen=True, kw_only=True)
class BootstrapAtLength:
    """Bootstraps an episode's last step, however it ended, if the episode is `steps` long; else that step is terminal.

    How code bases that know only `done` tell a time limit from a fall: a shorter limit of the task counts as a fall.
    """

    steps: int


@dataclass(frozen=True, kw_only=True)
class ResetFromWarmup:
    """Abandons the running episode when the warm-up is over, and every `every` steps from there (None: never again)."""

    every: int | None


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When the agent acts, learns and is measured; every count is in environment steps."""

    # warm-up
    warmup_steps: int  # the first actions are drawn uniformly; 0: the policy acts from the start
    warmup_range: Literal["unit", "env"]  # over [-1, 1], or over the environment's box, not rescaled
    warmup_rounding: Literal["none", "episode", "epoch"]  # it lasts until the running episode (or epoch) is over
    epoch_steps: int | None  # how long an epoch is, where one matters
    # learning
    learn_after: int  # the first burst of updates follows this step,
    update_every: int  # further ones every so many steps from there
    updates_per_burst: int
    learn_in_warmup: bool  # False: a burst that would fall into the warm-up is left out
    # after the burst in which so many updates more are reached, all that is learned starts anew; the replay stays
    reset_networks_every: int | None = None
    # before_step: the next action is chosen, then come updates; after_episode: they wait until the episode is over
    update_position: Literal["after_step", "before_step", "after_episode"]
    # data
    # whether a batch may hold a transition twice
    sampling: Literal["with_replacement", "without_replacement"] = "with_replacement"
    replay_capacity: int  # transitions; the oldest is overwritten
    n_step: int = 1  # rewards in a target, up to the episode's end; the entropy of the actions between is left out
    # running: engines see observations less their mean so far, in standard deviations, within +-10
    normalise_observations: Literal["none", "running"] = "none"
    # when a transition may first be sampled; next_step: once the next step is taken, or its episode has ended by itself
    insert: Literal["step", "next_step", "episode_end"]
    time_limit: Literal["bootstrap", "terminal"] | BootstrapAtLength  # whether a truncated episode's end bootstraps
    # at its multiples after the warm-up, the running episode is abandoned, without a terminal
    reset_every: int | ResetFromWarmup | None
    action_to_env: Literal["rescale", "clip"]  # from [-1, 1] to the box: affinely, or by clipping
    evaluation_action: Literal["mean", "sample", "unsquashed_mean"]  # tanh(mean), a sample, or the mean itself, clipped

    def __post_init__(self) -> None:
        check_types(self)
        check_limits(self, _LIMITS)
        if isinstance(self.time_limit, BootstrapAtLength) and self.time_limit.steps < 1:
            raise SpecError(f"time_limit.steps must be at least 1, not {self.time_limit.steps}")
        every = self.reset_every.every if isinstance(self.reset_every, ResetFromWarmup) else self.reset_every
        if every is not None and every < 1:
            raise SpecError(f"reset_every must be at least 1, not {every}")
        if self.insert == "next_step" and self.learn_after < 2:
            raise SpecError(
                "insert 'next_step' leaves nothing to learn from after step 1: learn_after must be at least 2"
            )
        if self.warmup_rounding == "epoch" and self.epoch_steps is None:
            raise SpecError("warmup_rounding 'epoch' needs epoch_steps")
        if self.warmup_range == "env" and self.action_to_env == "rescale":
            raise SpecError("warmup_range 'env' is the unit box where action_to_env is 'rescale': say 'unit'")

    def bursts_due(self, env_step: int, ended: int) -> int:
        """How many bursts of updates follow environment step `env_step` (counted from 1), the warm-up aside.

        ended: how long the episode was that is over with that step; 0 if it goes on.
        """
        steps = range(env_step + 1 - ended, env_step + 1) if self.update_position == "after_episode" else (env_step,)
        since = [step - self.learn_after for step in steps]
        return sum(one >= 0 and one % self.update_every == 0 for one in since)

    def warms_up(self, env_step: int, warm: bool, episode_steps: int) -> bool:
        """Whether the action of step `env_step` (from 1) is drawn uniformly.

        warm: whether the step before was (True for the first); episode_steps: how long the running episode is by then.
        """
        if env_step <= self.warmup_steps:
            return True
        over = {"none": True, "episode": episode_steps == 0, "epoch": (env_step - 1) % (self.epoch_steps or 1) == 0}
        return warm and self.warmup_steps > 0 and not over[self.warmup_rounding]

    def abandons(self, env_step: int, warm_until: int | None) -> bool:
        """Whether the running episode is abandoned after step `env_step`, however far it is.

        warm_until: the step with which the warm-up ended (0 without one); None while it lasts.
        """
        if warm_until is None:
            return False
        if isinstance(self.reset_every, ResetFromWarmup):
            since, every = env_step - warm_until, self.reset_every.every
            return since == 0 or (every is not None and since % every == 0)
        return self.reset_every is not None and env_step % self.reset_every == 0 and env_step > warm_until

    @property
    def lockstep(self) -> bool:
        """Whether several seeds may be trained side by side: not if each one's episodes decide when it learns."""
        by_the_clock = self.learn_in_warmup or self.warmup_rounding != "episode"
        return by_the_clock and self.update_position != "after_episode"


CHOICES = words_of(Schedule)
"""The values of every switch that is a word: what validation accepts and what the tests walk through."""

_LIMITS: Limits = (
    (("update_every", "updates_per_burst", "replay_capacity"), "be at least 1", lambda n: n >= 1),
    (("learn_after", "epoch_steps", "n_step", "reset_networks_every"), "be at least 1", lambda n: n >= 1),
    (("warmup_steps",), "not be negative", lambda n: n >= 0),
)


def check_together(spec: Spec, schedule: Schedule) -> None:
    """SpecError for an update and a schedule that contradict each other."""
    if not isinstance(spec, SacSpec) or spec.retrace is None:
        return
    if schedule.n_step > 1:
        raise SpecError(
            f"retrace weighs each step's reward, and n_step {schedule.n_step} sums them before: n_step must be 1"
        )
    if spec.weighs_actions and schedule.warmup_range == "env":
        raise SpecError("retrace.trace 'ratio' is defined for actions in [-1, 1]: warmup_range must be 'unit'")
