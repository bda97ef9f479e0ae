"""Schedule: how the update meets the environment, as a frozen tableau of switches beside SacSpec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from suite.spec import SpecError

CHOICES = {
    "time_limit": ("bootstrap", "terminal"),
    "action_to_env": ("rescale", "clip"),
    "evaluation_action": ("mean", "sample"),
}
"""The values of every switch that is a word: what validation accepts and what the tests walk through."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When the agent acts, learns and is measured; every count is in environment steps."""

    warmup_steps: int  # the first actions are uniform over the unit box; 0: the policy acts from the start
    learn_after: int  # no update before this step
    update_every: int  # then a burst of updates at every multiple of this
    updates_per_burst: int
    replay_capacity: int  # transitions; the oldest is overwritten
    time_limit: Literal["bootstrap", "terminal"]  # whether a truncated episode's last step bootstraps
    action_to_env: Literal["rescale", "clip"]  # from [-1, 1] to the box: affinely, or by clipping
    evaluation_action: Literal["mean", "sample"]

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise SpecError(f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}")
        for name in ("update_every", "updates_per_burst", "replay_capacity", "learn_after"):
            if getattr(self, name) < 1:
                raise SpecError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.warmup_steps < 0:
            raise SpecError(f"warmup_steps must not be negative, not {self.warmup_steps}")

    def updates_due(self, env_step: int) -> int:
        """How many updates follow environment step `env_step` (counted from 1)."""
        due = env_step >= self.learn_after and env_step % self.update_every == 0
        return self.updates_per_burst if due else 0

    def warms_up(self, env_step: int) -> bool:
        """Whether the action of environment step `env_step` (counted from 1) is drawn uniformly."""
        return env_step <= self.warmup_steps
