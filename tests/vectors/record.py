"""Records updates of original code bases where others do not reach: a box of [-2, 2], both limits of log std.

    python tests/vectors/record.py spinningup CHECKOUT     openai/spinningup@038665d
    python tests/vectors/record.py cleanrl CHECKOUT        vwxyzjn/cleanrl@fe8d8a0
    python tests/vectors/record.py rlkit CHECKOUT          rail-berkeley/rlkit@ac45a9d
    python tests/vectors/record.py stable_baselines3       the installed package

The original's own code runs, unmodified but for the widths of CleanRL's layers, in float64 (Stable-Baselines3: float32,
which it casts to). Its environment, replay and logger are stand-ins, and its draws of noise are those written down.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import torch

OBS, ACT, WIDTH, BATCH, HIGH, LOG_ALPHA = 5, 2, 16, 16, 2.0, -0.3
LAYERS = {"actor": ("0", "1", "_mean", "_log_std"), "critic": ("0", "1", "2")}


class Done(Exception):
    """Enough updates."""


class Fake(gymnasium.Env):
    """An environment that never ends, with a box that is not [-1, 1]."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (OBS,), np.float64)
    action_space = gymnasium.spaces.Box(-HIGH, HIGH, (ACT,), np.float64)

    def reset(self, **options):
        return np.zeros(OBS), {}

    def step(self, action):
        return np.zeros(OBS), 0.0, False, False, {}


class OldFake(Fake):
    """The same with the interface of gym."""

    def reset(self, **options):
        return np.zeros(OBS)

    def step(self, action):
        return np.zeros(OBS), 0.0, False, {}


class Recording:
    """The arrays of a file, the draws that are due, and the networks (by net and layer) they are written to."""

    def __init__(self, seed: int, dtype: str, draws: list[list[str]], spread: float, noise_scale: float):
        self.rng, self.dtype, self.draws, self.k = np.random.Generator(np.random.PCG64(seed)), dtype, draws, 0
        self.arrays: dict[str, np.ndarray] = {}
        self.due: list[str] = []
        for net in ("actor", *(f"{target}critic{i}" for i in (1, 2) for target in ("", "target_"))):
            self._layers(net, spread)
        for k, names in enumerate(draws):
            for name, shape in {"obs": (OBS,), "action": (ACT,), "reward": (), "next_obs": (OBS,)}.items():
                self._put(f"batch/{k}/{name}", self.rng.standard_normal((BATCH, *shape)))
            self._put(f"batch/{k}/action", np.tanh(self.arrays[f"batch/{k}/action"]))
            self._put(f"batch/{k}/terminated", (self.rng.random(BATCH) < 0.2).astype(float))
            for name in names:
                self._put(f"noise/{k}/{name}", noise_scale * self.rng.standard_normal((BATCH, ACT)))

    def _put(self, name: str, value: np.ndarray) -> None:
        self.arrays[name] = np.asarray(value).astype(self.dtype)

    def _layers(self, net: str, spread: float) -> None:
        width = OBS if net == "actor" else OBS + ACT
        for layer in LAYERS[net.removeprefix("target_").rstrip("12")]:
            out = {"0": WIDTH, "1": WIDTH, "2": 1}.get(layer, ACT)
            scale = spread if layer == "_log_std" else 1.0
            for tensor, shape in {"w": (width, out), "b": (out,)}.items():
                self._put(f"init/{net}/{tensor}{layer}", self.rng.uniform(-1, 1, shape) * scale / np.sqrt(width))
            width = WIDTH if layer in ("0", "1") else width

    def batch(self) -> dict[str, torch.Tensor]:
        """The next batch, its actions in the environment's units; Done if there is none."""
        if self.k == len(self.draws):
            raise Done
        self.due = list(self.draws[self.k])
        self.k += 1
        of_update = {
            name: self.arrays[f"batch/{self.k - 1}/{name}"] for name in ("obs", "action", "reward", "next_obs")
        }
        of_update["terminated"] = self.arrays[f"batch/{self.k - 1}/terminated"]
        return {name: torch.from_numpy(value.copy()) for name, value in of_update.items()}

    def rsample(self, distribution: Any, shape: Any = ()) -> torch.Tensor:
        """What Normal.rsample does, with the draw that is due; the mean where none is (an action between updates)."""
        if not self.due:
            return distribution.loc
        noise = torch.from_numpy(self.arrays[f"noise/{self.k - 1}/{self.due.pop(0)}"])
        return distribution.loc + distribution.scale * noise

    def start(self, nets: dict[str, list[torch.nn.Linear]]) -> None:
        """Puts the networks at the file's weights."""
        for name, tensor in _tensors(nets):
            tensor.data.copy_(torch.from_numpy(self.arrays[f"init/{name}"].T.copy()))

    def after(self, nets: dict[str, list[torch.nn.Linear]]) -> None:
        """Writes the networks down as they are after the update."""
        for name, tensor in _tensors(nets):
            self._put(f"after/{self.k - 1}/{name}", tensor.detach().numpy().T.copy())

    def save(self, path: Path, preset: str, overrides: dict, rates: dict, **about: Any) -> None:
        sizes = {"obs_dim": OBS, "act_dim": ACT, "hidden": [WIDTH, WIDTH], "batch_size": BATCH, "action_high": HIGH}
        meta = {"preset": preset, "case": "box", "updates": len(self.draws), "overrides": sizes | overrides}
        text = json.dumps(meta | {"learning_rates": rates} | about)
        np.savez_compressed(path, meta=text, **self.arrays)


def _tensors(nets: dict[str, list[torch.nn.Linear]]) -> Iterator[tuple[str, torch.Tensor]]:
    for net, layers in nets.items():
        names = LAYERS[net.removeprefix("target_").rstrip("12")]
        for name, layer in zip(names, layers, strict=True):
            yield from ((f"{net}/w{name}", layer.weight), (f"{net}/b{name}", layer.bias))


def linears(*modules: torch.nn.Module) -> list[torch.nn.Linear]:
    """The linear layers of modules, in order."""
    return [one for module in modules for one in module.modules() if isinstance(one, torch.nn.Linear)]


def stand_in(name: str, **attributes: Any) -> None:
    module = ModuleType(name)
    vars(module).update(attributes)
    sys.modules[name] = module


def spinningup(checkout: Path) -> tuple[Recording, dict, dict, dict]:
    """sac() of openai/spinningup, its own update closure."""
    recording = Recording(5, "float64", [["next_action", "action"]] * 3, spread=120.0, noise_scale=0.6)
    for package in ("spinup", "spinup.utils"):
        stand_in(package, __path__=[str(checkout / package.replace(".", "/"))])
    stored: list[dict] = []

    class Logger:
        def __getattr__(self, name: str) -> Callable:
            return lambda *a, **values: stored.append(values) if name == "store" else None

    stand_in("spinup.utils.logx", EpochLogger=lambda **options: Logger())
    stand_in("gym")
    from spinup.algos.pytorch.sac import sac

    made: list[Any] = []

    def copied(module: Any) -> Any:
        made.extend([module, sac_copy(module)])
        return made[-1]

    sac_copy, sac.deepcopy = sac.deepcopy, copied

    def nets() -> dict[str, list[torch.nn.Linear]]:
        (online, target), heads = made, ("mu_layer", "log_std_layer")
        actor = [*linears(online.pi.net), *(getattr(online.pi, head) for head in heads)]
        critics = {f"{name}critic{i}": linears(getattr(of, f"q{i}")) for i in (1, 2)
                   for name, of in (("", online), ("target_", target))}  # fmt: skip
        return {"actor": actor} | critics

    class Replay:
        def __init__(self, **sizes):
            pass

        def store(self, *transition):
            pass

        def sample_batch(self, size):
            recording.after(nets()) if recording.k else recording.start(nets())
            one = recording.batch()
            return {"obs": one["obs"], "act": HIGH * one["action"], "rew": one["reward"], "obs2": one["next_obs"],
                    "done": one["terminated"]}  # fmt: skip

    sac.ReplayBuffer = Replay
    torch.distributions.normal.Normal.rsample = lambda self, shape=(): recording.rsample(self, shape)
    sizes = {"ac_kwargs": {"hidden_sizes": (WIDTH, WIDTH)}, "batch_size": BATCH}
    with contextlib.suppress(Done):
        sac.sac(OldFake, update_after=0, start_steps=10**6, **sizes)
    for k in range(3):
        of_q, of_pi = stored[2 * k : 2 * k + 2]
        recording._put(f"expect/{k}/critic_loss", of_q["LossQ"])
        recording._put(f"expect/{k}/actor_loss", of_pi["LossPi"])
        recording._put(f"expect/{k}/log_prob", of_pi["LogPi"])
    set_to = {name: one.default for name, one in inspect.signature(sac.sac).parameters.items()}
    overrides = {"critics": 2, "fixed_alpha": set_to["alpha"], "learned_alpha": None, "target_entropy": None}
    about = {"executed": "openai/spinningup@038665d spinup/algos/pytorch/sac/sac.py sac(), unmodified, in float64"}
    rates = {"actor": set_to["lr"], "critic": set_to["lr"]}
    return recording, overrides | {"reward_scale": 1.0, "first_update_index": 0}, rates, about


def cleanrl(checkout: Path) -> tuple[Recording, dict, dict, dict]:
    """The script of vwxyzjn/cleanrl from its first line to its update at step 5004."""
    passes = ["next_action", "actor", "alpha", "actor_2", "alpha_2"]
    recording = Recording(2, "float64", [["next_action"], passes] * 2, spread=2.0, noise_scale=1.0)
    script = checkout / "cleanrl/sac_continuous_action.py"
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(script)}
    began: list[int] = []

    def nets() -> dict[str, list[torch.nn.Linear]]:
        critics = {"critic1": "qf1", "critic2": "qf2", "target_critic1": "qf1_target", "target_critic2": "qf2_target"}
        return {net: linears(names[name]) for net, name in ({"actor": "actor"} | critics).items()}

    class Replay:
        def __init__(self, *sizes, **options):
            pass

        def add(self, *transition):
            pass

        def sample(self, size):
            if recording.k:
                recording.after(nets())
                recording._put(f"after/{recording.k - 1}/log_alpha", names["log_alpha"].detach().numpy()[0])
                recording._put(f"expect/{recording.k - 1}/target_q", names["next_q_value"].numpy())
                recording._put(f"expect/{recording.k - 1}/next_log_prob", names["next_state_log_pi"].numpy()[:, 0])
                recording._put(f"expect/{recording.k - 1}/critic_loss", names["qf_loss"].item())
            else:
                began.append(names["global_step"])
                recording.start(nets())
                names["log_alpha"].data.fill_(LOG_ALPHA)
                names["alpha"] = names["log_alpha"].exp().item()
                torch.distributions.Normal.rsample = lambda self, shape=(): recording.rsample(self, shape)
            one = recording.batch()
            return SimpleNamespace(observations=one["obs"], next_observations=one["next_obs"], rewards=one["reward"],
                                   actions=HIGH * one["action"], dones=one["terminated"])  # fmt: skip

    recording._put("init/log_alpha", np.array(LOG_ALPHA))
    gymnasium.register("Fake-v0", entry_point=Fake)
    stand_in("tyro", cli=lambda kind: kind(env_id="Fake-v0", cuda=False))
    stand_in("cleanrl_utils")
    stand_in("cleanrl_utils.buffers", ReplayBuffer=Replay)
    writer = SimpleNamespace(add_text=lambda *a: None, add_scalar=lambda *a: None)
    stand_in("torch.utils.tensorboard", SummaryWriter=lambda *a: writer)
    with contextlib.suppress(Done):
        exec(compile(script.read_text().replace("256", str(WIDTH)), str(script), "exec"), names)
    optimisers = {"actor": "actor_optimizer", "critic": "q_optimizer", "alpha": "a_optimizer"}
    rates = {net: names[name].param_groups[0]["lr"] for net, name in optimisers.items()}
    learned = {"objective": "alpha", "sample": "fresh", "lr": rates["alpha"]}
    overrides = {"critics": 2, "fixed_alpha": None, "learned_alpha": learned, "target_entropy": names["target_entropy"]}
    about = {"executed": "vwxyzjn/cleanrl@fe8d8a0 cleanrl/sac_continuous_action.py, layers 16 wide, in float64"}
    return recording, overrides | {"reward_scale": 1.0, "first_update_index": began[0]}, rates, about


def rlkit(checkout: Path) -> tuple[Recording, dict, dict, dict]:
    """SACTrainer of rail-berkeley/rlkit, with examples/sac.py's settings."""
    recording = Recording(10, "float64", [["action", "next_action"]] * 3, spread=120.0, noise_scale=0.5)
    for name in ("gtimer", "torchvision", "torchvision.models", "cloudpickle", "joblib"):
        stand_in(name, blank_stamp=lambda: None, stamp=lambda *a, **options: None, resnet18=None)
    sys.modules["torchvision"].models = sys.modules["torchvision.models"]
    sys.path.insert(0, str(checkout))
    from rlkit.torch.networks import ConcatMlp
    from rlkit.torch.sac.policies import TanhGaussianPolicy
    from rlkit.torch.sac.sac import SACTrainer

    sizes = [WIDTH, WIDTH]
    policy = TanhGaussianPolicy(hidden_sizes=sizes, obs_dim=OBS, action_dim=ACT)
    critics = {
        name: ConcatMlp(input_size=OBS + ACT, output_size=1, hidden_sizes=sizes)
        for name in ("critic1", "critic2", "target_critic1", "target_critic2")
    }
    nets = {"actor": [*policy.fcs, policy.last_fc, policy.last_fc_log_std]}
    nets |= {name: [*net.fcs, net.last_fc] for name, net in critics.items()}
    settings = {"soft_target_tau": 5e-3, "policy_lr": 3e-4, "qf_lr": 3e-4}
    trainer = SACTrainer(Fake(), policy, *critics.values(), **settings)
    recording._put("init/log_alpha", np.array(LOG_ALPHA))
    recording.start(nets)
    trainer.log_alpha.data.fill_(LOG_ALPHA)
    torch.distributions.Normal.sample = lambda self, shape=(): recording.rsample(self, shape)
    counted: list[int] = []
    for k in range(3):
        one = recording.batch()
        batch = {"observations": one["obs"], "actions": one["action"], "next_observations": one["next_obs"]}
        batch |= {"rewards": one["reward"][:, None], "terminals": one["terminated"][:, None]}
        trainer.end_epoch(k)  # which has it tell its losses
        trainer.train_from_torch(batch)
        counted.append(trainer._n_train_steps_total)
        recording.after(nets)
        for name, of in (("actor_loss", "Policy Loss"), ("critic1_loss", "QF1 Loss"), ("alpha", "Alpha")):
            recording._put(f"expect/{k}/{name}", np.array(trainer.eval_statistics[of]))
        recording._put(f"after/{k}/log_alpha", trainer.log_alpha.detach().numpy()[0])
    optimisers = {"actor": trainer.policy_optimizer, "critic": trainer.qf1_optimizer, "alpha": trainer.alpha_optimizer}
    rates = {net: one.param_groups[0]["lr"] for net, one in optimisers.items()}
    learned = {"objective": "log_alpha", "sample": "actor", "lr": rates["alpha"]}
    overrides = {"critics": 2, "fixed_alpha": None, "learned_alpha": learned}
    overrides |= {"target_entropy": trainer.target_entropy, "first_update_index": counted[0]}
    about = {"executed": "rail-berkeley/rlkit@ac45a9d rlkit/torch/sac/sac.py SACTrainer.train_from_torch, in float64"}
    return recording, overrides | {"reward_scale": trainer.reward_scale}, rates, about


def stable_baselines3(checkout: Path) -> tuple[Recording, dict, dict, dict]:
    """SAC.train of the installed package."""
    from stable_baselines3 import SAC, __version__
    from stable_baselines3.common.logger import configure

    recording = Recording(3, "float32", [["action", "next_action"]] * 3, spread=2.0, noise_scale=1.0)
    model = SAC("MlpPolicy", Fake(), policy_kwargs={"net_arch": [WIDTH, WIDTH]}, device="cpu", buffer_size=10)
    model.set_logger(configure(None, []))
    actor = [*linears(model.actor.latent_pi), model.actor.mu, model.actor.log_std]
    nets = {"actor": actor} | {f"{name}critic{i}": linears(getattr(of, f"qf{i - 1}")) for i in (1, 2)
                               for name, of in (("", model.critic), ("target_", model.critic_target))}  # fmt: skip
    recording._put("init/log_alpha", np.array(LOG_ALPHA))
    recording.start(nets)
    model.log_ent_coef.data.fill_(LOG_ALPHA)
    torch.distributions.Normal.rsample = lambda self, shape=(): recording.rsample(self, shape)

    def sample(size: int, env: Any = None) -> Any:
        one = recording.batch()
        columns = {"dones": one["terminated"][:, None], "rewards": one["reward"][:, None], "discounts": None}
        states = {"observations": one["obs"], "next_observations": one["next_obs"]}
        return SimpleNamespace(actions=one["action"], **states, **columns)

    model.replay_buffer.sample = sample
    for k in range(3):
        model.train(1, BATCH)
        recording.after(nets)
        recording._put(f"after/{k}/log_alpha", model.log_ent_coef.detach().numpy()[0])
        for name, of in (("alpha", "ent_coef"), ("actor_loss", "actor_loss"), ("critic_loss", "critic_loss")):
            recording._put(f"expect/{k}/{name}", np.array(model.logger.name_to_value[f"train/{of}"]))
    optimisers = {"actor": model.actor, "critic": model.critic}
    rates = {net: one.optimizer.param_groups[0]["lr"] for net, one in optimisers.items()}
    rates["alpha"] = model.ent_coef_optimizer.param_groups[0]["lr"]
    learned = {"objective": "log_alpha", "sample": "actor", "lr": rates["alpha"]}
    overrides = {"critics": 2, "fixed_alpha": None, "learned_alpha": learned, "target_entropy": model.target_entropy}
    about = {"executed": f"stable_baselines3 {__version__} SAC.train, unmodified; actions as its buffer keeps them"}
    return recording, overrides | {"reward_scale": 1.0, "first_update_index": 0}, rates, about


if __name__ == "__main__":
    preset = sys.argv[1]
    torch.set_default_dtype(torch.float32 if preset == "stable_baselines3" else torch.float64)
    torch.set_num_threads(1)
    recording, overrides, rates, about = globals()[preset](Path(sys.argv[-1]).resolve())
    recording.save(Path(__file__).with_name(f"{preset}-box.npz"), preset, overrides, rates, **about)
