"""The files of implementations/codebases in a sweep: each trains by its own loop, as a package does."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from implementations.adapters import refusal
from implementations.codebases import CODEBASES
from suite.sac.contract import Job, Params
from suite.sac.schedule import Schedule
from suite.sac.spec import SacSpec, SpecError


class Loop:
    """See suite.sac.contract.Loop. The file's agent exists from the first environment step on."""

    def __init__(self, file: Any, framework: str, job: Job):
        self.framework = framework
        self.training: Iterator[Any] = file.train(job.task, job.seeds[0])
        self.agent: Any = None
        self.constant = None if job.spec.learns_alpha else getattr(file, "ALPHA", 1.0)  # the temperature
        self.sampling = np.random.default_rng(2**32 + job.seeds[0])  # far from the seed of training
        self.unit = job.spec.critic_action_units == "unit"
        self.squashed = job.schedule.evaluation_action != "unsquashed_mean"
        self.box = _box(job.task)

    def learn(self, env_steps: int) -> None:
        for _ in range(env_steps):
            self.agent = next(self.training)

    def act(self, obs: np.ndarray, deterministic: bool) -> np.ndarray:
        noise = None
        if not deterministic:
            drawn = self.sampling.standard_normal((len(obs), *self.box.shape), np.float32)
            noise = _of_framework(self.framework, drawn)
        actions = np.asarray(self.agent.act(obs, noise))
        if not (self.squashed or noise is not None):
            return np.tanh(actions.astype(np.float64))
        if self.unit:
            return actions
        center, scale = (self.box.high + self.box.low) / 2, (self.box.high - self.box.low) / 2
        return np.clip((actions - center) / scale, -1, 1)

    def alpha(self) -> float:
        return float(np.exp(self.agent.log_alpha.item())) if self.constant is None else self.constant

    def updates(self) -> int:
        return self.agent.updates if self.agent else 0

    def networks(self) -> Params:
        nets = {name: value for name, value in vars(self.agent or object).items() if name in NETWORKS}
        return {f"{net}{part}": array for net, value in nets.items() for part, array in _arrays(value)}


NETWORKS = ("actor", "critics", "running", "value", "log_alpha")


def _box(task: str) -> Any:
    import gymnasium

    env = gymnasium.make(task)
    env.close()
    return env.action_space


def _of_framework(framework: str, array: np.ndarray) -> Any:
    """An array as the framework computes with it."""
    if framework == "jax":
        return importlib.import_module("jax.numpy").asarray(array)
    return importlib.import_module("torch").as_tensor(array)


def _arrays(value: Any) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays of a network, by "/" and where in it they are: a torch module's, a tensor, or a tree of JAX's."""
    if hasattr(value, "state_dict"):
        yield from ((f"/{name}", array.numpy().copy()) for name, array in value.state_dict().items())
    elif hasattr(value, "detach"):
        yield "", value.detach().numpy().copy()
    else:
        tree = importlib.import_module("jax.tree_util")
        for path, array in tree.tree_leaves_with_path(value):
            yield f"/{tree.keystr(path, simple=True, separator='/')}".rstrip("/"), np.array(array)


class Trainer:
    """See suite.sac.contract.Trainer: the file of a code base, which does what the preset of its name describes."""

    def __init__(self, module: str):
        self.module, self.name = module, module.rpartition(".")[2]
        self.PACKAGES = CODEBASES[self.name]
        self.FRAMEWORK = self.PACKAGES[0]
        self.preset = importlib.import_module(f"implementations.presets.{self.name}")

    def supports(self, spec: SacSpec, schedule: Schedule) -> str | None:
        """What depends on the task is looked at when the task is known: see `start`."""
        by_task = {field for changes in self.preset.PER_TASK.values() for field in changes}
        return refusal(self.preset, by_task, [], spec, schedule)

    def start(self, job: Job) -> Loop:
        """SpecError where the job differs from the preset on its task."""
        usual, changes = (self.preset.SPEC, self.preset.SCHEDULE), self.preset.PER_TASK.get(job.task, {})
        for of_preset, asked in zip(usual, (job.spec, job.schedule), strict=True):
            on_task = {field: value for field, value in changes.items() if hasattr(of_preset, field)}
            if replace(of_preset, **on_task) != asked:
                raise SpecError(f"{self.name} does on {job.task} what its preset says, not what is asked for")
        if self.FRAMEWORK == "torch":
            importlib.import_module("torch").set_num_threads(1)
        return Loop(importlib.import_module(self.module), self.FRAMEWORK, job)

    def device(self) -> str | None:
        """JAX computes on an accelerator where it finds one."""
        if self.FRAMEWORK != "jax":
            return None
        first = importlib.import_module("jax").devices()[0]
        return None if first.platform == "cpu" else f"{first.platform}: {first.device_kind}"
