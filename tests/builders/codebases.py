"""The files of implementations/codebases held to an engine, to recorded updates, and to recorded loops."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np

from suite.lab.scripted import ID_UNIT, Episode, register
from suite.sac.contract import Batch, Spaces, unpack
from suite.sac.spec import PASSES, BatchRenorm, SacSpec
from suite.sac.weights import layers
from suite.specimens.catalogue import load_preset

# --- a file as an engine


class AsEngine:
    """A file's SAC behind the part of the contract that updates need: one seed, one update at a time."""

    def __init__(self, module: ModuleType, monkeypatch: Any):
        self.module, self.patch = module, monkeypatch

    def init(self, spec: SacSpec, spaces: Spaces, params: dict[str, np.ndarray] | None, seed: int = 0) -> Any:
        """The file's agent with the spec's sizes, in its precision, at `params` [1, ...] or as it starts by itself."""
        for name, value in constants(self.module, spec).items():
            self.patch.setattr(self.module, name, value)
        if hasattr(self.module, "AUTO_ALPHA"):  # the original's own option
            self.patch.setattr(self.module, "AUTO_ALPHA", spec.learns_alpha)
        self.spec, self.spaces = spec, spaces
        self.scale = np.array(spaces.action_scale or (1.0,) * spaces.action_dim)
        self.center = np.array(spaces.action_center or (0.0,) * spaces.action_dim)
        box = gymnasium.spaces.Box(self.center - self.scale, self.center + self.scale, dtype=np.float64)
        self.nets = OF_FRAMEWORK[framework(self.module)](spec, spaces)
        starts = None if params is None else {name: value[0] for name, value in params.items()}
        agent = self.nets.new(self.module.SAC, box, starts, seed)
        if hasattr(self.module, "TARGET_ENTROPY"):  # by task
            agent.target_entropy = spec.target_entropy(spaces.action_dim)
        return agent

    def explain(self, agent: Any, rows: np.ndarray, noise: np.ndarray) -> tuple[Any, dict[str, np.ndarray]]:
        """The agent after one update on rows [1, 1, B, width], and all that this update told, gradients too."""
        batch = unpack(np.asarray(rows[0, 0], self.spec.dtype), self.spaces)
        if self.spec.critic_action_units == "env":
            batch = batch._replace(action=batch.action * self.scale + self.center)
        draws = dict(zip(self.spec.draws, np.asarray(noise[0, 0], self.spec.dtype), strict=True))
        given = {name: self.drawn(draws, name) for name in self.module.NOISE}
        seen = self.nets.update(agent, self.module.Batch, batch, given)
        if self.spec.critic_action_units == "env":
            actions = seen.keys() & {"action", "next_action"}
            seen |= {name: (seen[name] - self.center) / self.scale for name in actions}
        if not self.spec.learns_alpha:
            seen["alpha"] = np.asarray(getattr(self.module, "ALPHA", 1.0))
        if "critic1_loss" in seen:
            seen.setdefault("critic_loss", sum(seen[f"critic{i}_loss"] for i in range(1, self.spec.critics + 1)))
        return agent, {name: np.asarray(value)[None] for name, value in seen.items()}

    def drawn(self, draws: dict[str, np.ndarray], name: str) -> np.ndarray:
        """The draw of the file's name, as wide as what it is for, an action or a hidden layer's units."""
        name = name if name in draws else name.replace("actor", "action")
        layers = {draw: layer for each in PASSES for (_, layer), draw in self.spec.kept_draws(each).items()}
        return draws[name][:, : self.spec.hidden[layers[name]] if name in layers else self.spaces.action_dim]

    def get_params(self, agent: Any) -> dict[str, np.ndarray]:
        """Every parameter by canonical name, [1, ...]."""
        return {name: value[None] for name, value in self.nets.params(agent).items()}


def constants(module: ModuleType, spec: SacSpec) -> dict[str, Any]:
    """The file's constants, as far as it has them, as a spec says."""
    named = {"HIDDEN": spec.hidden, "ACTOR_HIDDEN": spec.actor_hidden or spec.hidden, "BATCH": spec.batch_size}
    named |= {"CRITICS": spec.critics, "SUBSET": spec.target_subset, "POLICY_DELAY": spec.actor_every}
    if spec.quantiles:
        named |= {"QUANTILES": spec.quantiles.n, "DROPPED": spec.quantiles.dropped}
    if isinstance(spec.critic_norm, BatchRenorm):
        named |= {"NORM_EPSILON": spec.critic_norm.eps, "RENORM_WARMUP": spec.critic_norm.warmup}
    return {name: value for name, value in named.items() if hasattr(module, name)}


def framework(module: ModuleType) -> str:
    return "torch" if hasattr(module, "torch") else "jax"


class Torch:
    """Canonical arrays into and out of a torch file's agent."""

    def __init__(self, spec: SacSpec, spaces: Spaces):
        self.spec, self.spaces = spec, spaces

    def new(self, sac: type, box: gymnasium.spaces.Box, params: dict[str, np.ndarray] | None, seed: int) -> Any:
        import torch

        usual = torch.get_default_dtype()
        torch.set_default_dtype(getattr(torch, self.spec.dtype))
        torch.manual_seed(seed)
        try:
            agent = sac(self.spaces.obs_dim, box)
        finally:
            torch.set_default_dtype(usual)
        if params is not None:
            views = self.views(agent)
            assert views.keys() == params.keys()
            for name, view in views.items():
                view.copy_(torch.as_tensor(np.asarray(params[name])))
        return agent

    def views(self, agent: Any, gradients: bool = False) -> dict[str, Any]:
        """Views of every parameter, or of its gradient, by canonical name: matrices [in, out]."""
        import torch

        nets = {"actor": agent.actor} | {
            net: getattr(agent, net) for net in ("value", "target_value") if hasattr(agent, net)
        }
        for net in ("critics", "target_critics"):
            nets |= {f"{net[:-1]}{i}": one for i, one in enumerate(getattr(agent, net, ()), start=1)}
        views = {}
        for net, module in nets.items():
            linear = [one for one in module.modules() if isinstance(one, torch.nn.Linear)]
            suffixes = list(layers(self.spec, self.spaces, net))
            joint = net == "actor" and self.spec.actor_head == "joint"
            for suffix, layer in zip(suffixes[:-1] if joint else suffixes, linear, strict=True):
                weight, bias = (one.grad if gradients else one.data for one in (layer.weight, layer.bias))
                if weight is None:
                    continue
                size = self.spaces.action_dim
                halves = {"_mean": slice(0, size), "_log_std": slice(size, None)} if suffix == "_mean" and joint else {}
                for part, rows in (halves or {suffix: slice(None)}).items():
                    views |= {f"{net}/w{part}": weight[rows].T, f"{net}/b{part}": bias[rows]}
            for i, norm in enumerate(one for one in module.modules() if hasattr(one, "var")):
                tensors = {f"{net}/bn{i}_{part}": getattr(norm, part) for part in ("scale", "bias", "mean", "var")}
                views |= {name: one.grad if gradients else one.data for name, one in tensors.items()}
        if hasattr(agent, "log_alpha"):
            views["log_alpha"] = agent.log_alpha.grad if gradients else agent.log_alpha.data
        return views

    def params(self, agent: Any) -> dict[str, np.ndarray]:
        return {name: view.numpy().copy() for name, view in self.views(agent).items()}

    def update(self, agent: Any, make: Any, batch: Batch, noise: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        import torch

        gradients: dict[str, np.ndarray] = {}
        names = {view.data_ptr(): name for name, view in self.views(agent).items()}

        def keep(optimizer: Any, arguments: Any, named: Any) -> None:
            mine = {one.data_ptr() for group in optimizer.param_groups for one in group["params"]}
            own = {name for pointer, name in names.items() if pointer in mine}
            nets = {name.split("/")[0] for name in own}
            for name, view in self.views(agent, gradients=True).items():
                if view is not None and name.split("/")[0] in nets:
                    gradients[f"grad/{name}"] = view.numpy().copy()

        held = [
            one for value in vars(agent).values() for one in (value.values() if isinstance(value, dict) else [value])
        ]
        hooks = [one.register_step_pre_hook(keep) for one in held if isinstance(one, torch.optim.Optimizer)]
        seen = agent.update(
            make(*map(torch.as_tensor, batch[:5])), {name: torch.as_tensor(one) for name, one in noise.items()}
        )
        for hook in hooks:
            hook.remove()
        return {name: value.detach().numpy() for name, value in seen.items()} | gradients


class Jax:
    """Canonical arrays into and out of a JAX file's agent. The leaves of a network lie in the order of their use, those
    of its part in `running`, where the agent has it, are the normalisations' means and variances."""

    KINDS = ("actor", "critics", "target_critics", "log_alpha")

    def __init__(self, spec: SacSpec, spaces: Spaces):
        self.spec, self.spaces = spec, spaces

    def precision(self) -> Any:
        import jax

        return jax.enable_x64(self.spec.dtype == "float64")

    def new(self, sac: type, box: gymnasium.spaces.Box, params: dict[str, np.ndarray] | None, seed: int) -> Any:
        import jax

        with self.precision():
            agent = sac(self.spaces.obs_dim, box, seed)
            if params is None:
                return agent
            usual = self.params(agent)
            assert {name: value.shape for name, value in usual.items()} == {n: p.shape for n, p in params.items()}
            for held, running in self.holders(agent):
                for kind in [kind for kind in self.KINDS if kind in held]:
                    leaves = self.joined(kind, [params[name] for name in self.names(kind, running)])
                    held[kind] = jax.tree.unflatten(jax.tree.structure(held[kind]), map(jax.numpy.asarray, leaves))
        return agent

    def holders(self, agent: Any) -> list[tuple[dict[str, Any], bool]]:
        """What of the agent holds trees, and whether these are running statistics."""
        return [(vars(agent), False), (getattr(agent, "running", {}), True)]

    def names(self, kind: str, running: bool = False) -> list[str]:
        """The canonical names of a tree's leaves."""
        if kind == "log_alpha":
            return [kind]
        critics = [f"{kind[:-1]}{i}" for i in range(1, self.spec.critics + 1)]
        return [
            f"{net}/{part}" for net in ([kind] if kind == "actor" else critics) for part in self.parts(net, running)
        ]

    def parts(self, net: str, running: bool) -> list[str]:
        """A network's tensors in the order of their use: its running statistics, or what gradients move."""
        every = self.spec.network(net).tensors
        heads = ("w_mean", "b_mean", "w_log_std", "b_log_std") if net == "actor" else every[-2:]
        runs = {name: name.startswith("bn") and name.endswith(("_mean", "_var")) for name in (*every[:-2], *heads)}
        return [name for name, one in runs.items() if one == running]

    def joined(self, kind: str, leaves: list[np.ndarray]) -> list[np.ndarray]:
        """The leaves as the agent has them: an actor's heads may be one layer."""
        if kind != "actor" or self.spec.actor_head != "joint":
            return leaves
        *body, w_mean, b_mean, w_log_std, b_log_std = leaves
        return [*body, np.concatenate([w_mean, w_log_std], -1), np.concatenate([b_mean, b_log_std], -1)]

    def params(self, agent: Any) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        for held, running in self.holders(agent):
            found |= self.named({kind: held[kind] for kind in self.KINDS if kind in held}, running)
        return found

    def named(self, trees: dict[str, Any], running: bool = False) -> dict[str, np.ndarray]:
        """Arrays by canonical name, of trees as the agent's networks are."""
        import jax

        found: dict[str, np.ndarray] = {}
        for kind, tree in trees.items():
            arrays = [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]
            if kind == "actor" and self.spec.actor_head == "joint":
                *arrays, w, b = arrays
                heads = zip(np.split(w, 2, -1), np.split(b, 2, -1), strict=True)
                arrays += [part for head in heads for part in head]
            found |= dict(zip(self.names(kind, running), arrays, strict=True))
        return found

    def update(self, agent: Any, make: Any, batch: Batch, noise: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the update told, and the gradients of what it moved: how Adam's first moment has moved."""
        with self.precision():
            before = agent.moments
            seen = {name: np.asarray(value) for name, value in agent.update(make(*batch[:5]), noise).items()}
            for kind, (state, *_) in agent.moments.items():
                if state.count > before[kind][0].count:
                    beta = self.spec.adam_of(kind.removeprefix("log_").removesuffix("s")).beta1
                    was, now = (self.named({kind: one.mu}) for one in (before[kind][0], state))
                    seen |= {f"grad/{name}": (now[name] - beta * was[name]) / (1 - beta) for name in now}
        return seen


OF_FRAMEWORK: dict[str, Any] = {"torch": Torch, "jax": Jax}


# --- a file's loop on a script


class Script:
    """A recorded loop (tests/schedules): what the original did on scripted episodes, after every environment step."""

    def __init__(self, path: Path):
        with np.load(path) as file:
            self.arrays = {name: file[name] for name in file.files}
        self.meta = json.loads(str(self.arrays.pop("meta")))

    def differences(self, played: dict[str, np.ndarray]) -> dict[str, list[int]]:
        """The steps (from 1) at which arrays differ, by array: `stored` counts where updates follow only, and a next
        observation only where the transition is no terminal."""
        recorded, steps = self.arrays, {}
        for name, array in played.items():
            differ = array != recorded[name]
            if name == "stored":
                differ &= recorded["updates"] > 0
            elif name == "next_obs_id":
                differ &= recorded["stored_done"] != 1
            if differ.any():
                steps[name] = (np.flatnonzero(differ) + 1).tolist()
        return steps


class Stage:
    """What a file's loop does on a script, step by step; no update is computed."""

    def __init__(self, module: ModuleType, script: Script, monkeypatch: Any):
        self.module, self.env_step, count = module, 0, script.meta["steps"]
        self.arrays = {
            "uniform": np.zeros(count, bool),
            "updates": np.zeros(count, np.int32),
            "policy_updates": np.full(count, -1, np.int32),
            "stored_done": np.full(count, -1, np.int8),
            "stored": np.zeros(count, np.int32),
            "reset": np.zeros(count, bool),
            "obs_id": np.full(count, -1, np.int32),
            "next_obs_id": np.full(count, -1, np.int32),
        }
        self.task = register(script.meta["time_limit"], tuple(Episode(*one) for one in script.meta["episodes"]))
        self.box: Any = gymnasium.make(self.task, disable_env_checker=True).action_space
        self.agent: Any = None
        self.played: list[tuple[np.ndarray, float]] = []  # of every step, the environment's action and its reward
        self.preset = load_preset(module.__name__.rpartition(".")[2])
        self.updates_done, self.policy_updates, self.drawn = 0, -1, False
        sample = gymnasium.spaces.Box.sample

        def uniform(box: Any, *arguments: Any, **named: Any) -> np.ndarray:
            self.drawn = True
            return sample(box, *arguments, **named)

        monkeypatch.setattr(gymnasium.spaces.Box, "sample", uniform)
        monkeypatch.setattr(module, "HIDDEN", tuple(4 for _ in module.HIDDEN))
        monkeypatch.setattr(module, "BATCH", 4)
        monkeypatch.setattr(module, "CAPACITY", count)
        monkeypatch.setattr(module.SAC, "act", self._act)
        monkeypatch.setattr(module.SAC, "update", self._update)
        monkeypatch.setattr(module.Replay, "add", self._add(module.Replay.add))

    def play(self, task: str = "") -> dict[str, np.ndarray]:
        """The arrays of the format, of the file told that the script is `task`."""
        training = self.module.train(task or self.task, 0, make_env=self._make_env, draw=self._draw())
        for _ in range(len(self.arrays["updates"])):
            self.agent = next(training)
        return self.arrays

    def _act(self, obs: np.ndarray, noise: Any) -> np.ndarray:
        self.policy_updates = self.updates_done
        return np.full((len(obs), 2), 0.5, np.float32)

    def _update(self, batch: Any, noise: Any) -> dict:
        assert len(batch.obs) == 4 and set(noise) == set(self.module.NOISE)
        self.updates_done += 1
        self.arrays["updates"][self.env_step - 1] += 1
        return {}

    def _add(self, add: Any) -> Any:
        def recorded(replay: Any, obs: Any, action: Any, reward: Any, next_obs: Any, terminated: Any) -> None:
            at = round(float(obs[0]) / ID_UNIT) // 2
            assert self.arrays["obs_id"][at] == -1, "a transition is stored twice"
            self.arrays["obs_id"][at] = round(float(obs[0]) / ID_UNIT)
            self.arrays["next_obs_id"][at] = round(float(next_obs[0]) / ID_UNIT)
            self.arrays["stored_done"][at] = bool(terminated)
            played, rewarded = self.played[at]
            assert np.allclose(self._in_the_environment(np.asarray(action)), played, atol=1e-6), "actions' units"
            assert np.isclose(reward, rewarded), "a reward is not stored as it came"
            add(replay, obs, action, reward, next_obs, terminated)

        return recorded

    def _in_the_environment(self, action: np.ndarray) -> np.ndarray:
        """What the preset makes of an action as it is stored."""
        box = self.box
        if self.preset.SPEC.critic_action_units == "env":
            return action
        if self.preset.SCHEDULE.action_to_env == "clip":
            return np.clip(action, box.low, box.high)
        return box.low + (action + 1) / 2 * (box.high - box.low)

    def _make_env(self, task: str) -> gymnasium.Env:
        return Watching(gymnasium.make(self.task, disable_env_checker=True), self)

    def _draw(self) -> Any:
        stage = self

        class Recorded(self.module.Draw):  # type: ignore[name-defined]
            def integers(self, high: int, size: int) -> Any:
                at = stage.env_step - 1
                if stage.arrays["updates"][at] == 0:
                    stage.arrays["stored"][at] = high
                return super().integers(high, size)

            def normal(self, shape: tuple[int, ...]) -> np.ndarray:
                return np.zeros(shape)  # nobody reads it

        return Recorded(0)


class Watching(gymnasium.Wrapper):
    """Tells the stage of every step and reset."""

    def __init__(self, env: gymnasium.Env, stage: Stage):
        super().__init__(env)
        self.stage = stage

    def step(self, action: Any) -> Any:
        stage, at = self.stage, self.stage.env_step
        stage.arrays["uniform"][at] = stage.drawn
        stage.arrays["policy_updates"][at] = -1 if stage.drawn else stage.policy_updates
        stage.drawn, stage.policy_updates, stage.env_step = False, -1, at + 1
        assert self.action_space.contains(np.asarray(action, np.float64)), "an action outside of the box"
        result = super().step(action)
        stage.played.append((np.asarray(action), float(result[1])))
        return result

    def reset(self, **named: Any) -> Any:
        if self.stage.env_step:
            self.stage.arrays["reset"][self.stage.env_step - 1] = True
        return super().reset(**named)
