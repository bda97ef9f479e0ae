"""Implementations that are wrong on purpose: the torch engine, each with one mistake that real code has made.

They are no presets and no switches: each claims to be what it is not, under a name of its own, so that the regression
check can be asked whether it would notice (config/mistaken.yaml, docs/gate.md).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

import numpy as np
import torch

from implementations import sac_torch, sac_torch_gradients
from suite.lab.lab import Lab
from suite.lab.replay import Replay
from suite.lab.seat import Seat
from suite.lab.tasks import Environment
from suite.sac.contract import Job, Params, Spaces
from suite.sac.spec import LearnedAlpha, SacSpec

CAPACITY = 10_000  # of the replay that never overwrites


def _fresh(original: ModuleType) -> Any:
    """A module of its own from the source of another, so that what is put wrong in it stays there."""
    found = find_spec(original.__name__)
    assert found is not None and found.loader is not None
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return module


class Mistaken:
    """The torch engine, with `put_wrong` done to a copy of its modules; LAB: the loop it is trained in."""

    FRAMEWORK = "torch"
    LAB: type[Lab] = Lab

    def __init__(self, put_wrong: Callable[[Any], None] = lambda engine: None, lab: type[Lab] = Lab):
        self.engine = _fresh(sac_torch)
        self.engine.gradients = _fresh(sac_torch_gradients)
        self.LAB = lab
        put_wrong(self.engine)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)


# --- in the update ------------------------------------------------------------------------------------------------


def _no_correction(engine: Any) -> None:
    """log pi of the Gaussian before tanh, without the determinant of arXiv 1801.01290, eq. 21."""
    engine.log_det = lambda spec, spaces, u, action: torch.zeros_like(u)
    engine.gradients.log_det_backward = lambda spec, spaces, action: torch.zeros_like(action)


def _wrong_sign(engine: Any) -> None:
    """The temperature moves away from the entropy aimed at."""
    right = engine.alpha_loss

    def alpha_loss(*told: Any) -> tuple[torch.Tensor, torch.Tensor]:
        loss, gradient = right(*told)
        return -loss, -gradient

    engine.alpha_loss = alpha_loss


def _no_target_update(engine: Any) -> None:
    """The targets stay as they were drawn."""
    engine.target_stage = lambda learner: None


def _other_unit(engine: Any) -> None:
    """The entropy aimed at is of actions in the environment's box, and the entropy measured of actions in [-1, 1]."""
    right = engine.init

    def init(spec: SacSpec, spaces: Spaces, params: Params) -> Any:
        temperature = spec.temperature
        if isinstance(temperature, LearnedAlpha) and spaces.action_scale:
            stretch = sum(map(math.log, spaces.action_scale)) / spaces.action_dim
            temperature = replace(temperature, entropy_per_dim=temperature.entropy_per_dim - stretch)
        return right(replace(spec, temperature=temperature), spaces, params)

    engine.init = init


def _sampled_evaluation(engine: Any) -> None:
    """Asked for the mean action it samples one; the noise hangs on the observation, so that a resumed run repeats."""
    right = engine.act

    def act(state: Any, obs: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
        if noise is None:
            rng = np.random.Generator(np.random.Philox(zlib.crc32(obs.tobytes())))
            noise = rng.standard_normal((*obs.shape[:2], state[0].spaces.action_dim), dtype=np.float32)
        return right(state, obs, noise)

    engine.act = act


# --- in the loop --------------------------------------------------------------------------------------------------


class _Late(Environment):
    """An environment that gives each step the reward of the one before."""

    reward = 0.0

    def reset(self, seed: int | None = None) -> np.ndarray:
        self.reward = 0.0
        return super().reset(seed)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool]:
        obs, reward, terminated, truncated = super().step(action)
        late, self.reward = self.reward, reward
        return obs, late, terminated, truncated

    def get_state(self) -> dict[str, Any]:
        return super().get_state() | {"late": np.array(self.reward)}

    def set_state(self, state: dict) -> None:
        super().set_state(state)
        self.reward = float(state["late"])


class _LateSeat(Seat):
    def make_environment(self, job: Job) -> Environment:
        return _Late(job.task, job.schedule.action_to_env)


class _FullSeat(Seat):
    """A seat whose replay stores nothing once it is full."""

    def make_replay(self, capacity: int) -> Replay:
        replay = super().make_replay(min(CAPACITY, capacity))
        add = replay.add
        replay.add = lambda row: None if len(replay) == len(replay.rows) else add(row)  # type: ignore[method-assign]
        return replay


class _LateLab(Lab):
    SEAT = _LateSeat


class _FullLab(Lab):
    SEAT = _FullSeat


no_tanh_correction = Mistaken(_no_correction)
temperature_wrong_sign = Mistaken(_wrong_sign)
no_target_update = Mistaken(_no_target_update)
entropy_target_of_box = Mistaken(_other_unit)
sampled_evaluation = Mistaken(_sampled_evaluation)
reward_of_step_before = Mistaken(lab=_LateLab)
replay_never_overwrites = Mistaken(lab=_FullLab)
