"""Builders of logs as other code bases write them, small and made up: each gives a folder of SEEDS runs to import."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

SEEDS = (1, 2, 10)
STEPS = (1000, 2000, 3000, 4000)


def returned(seed: int, step: int, episode: int = 0) -> float:
    """What every builder's run of this seed returned there."""
    return -1000.0 + 10 * seed + step / 1000 + episode / 8


def table(path: Path, columns: Mapping[str, Sequence], apart: str = ",") -> Path:
    """A table of these columns, by any separator."""
    rows = [apart.join(columns), *(apart.join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n")
    return path


def evaluations(path: Path, seed: int, steps: Sequence[int] = STEPS, episodes: int = 2, trailing: int = 0) -> None:
    """stable-baselines3's evaluations.npz; trailing: axes of length 1 that vectorised environments leave."""
    results = np.array([[returned(seed, step, n) for n in range(episodes)] for step in steps])
    results = results.reshape(*results.shape, *[1] * trailing)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez(file, timesteps=np.array(steps), results=results, ep_lengths=np.full(results.shape, 1000))


def monitor(path: Path, episodes: Sequence[tuple[float, int, float]], start: float = 100.0, task: str = "") -> Path:
    """stable-baselines3's Monitor: (return, length, time) of each episode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = "#" + json.dumps({"t_start": start, "env_id": task or None})
    path.write_text("\n".join([header, "r,l,t", *(",".join(map(str, row)) for row in episodes)]) + "\n")
    return path


def zoo(folder: Path) -> None:
    for n, seed in enumerate(SEEDS, 1):
        run = folder / f"sac/HalfCheetah-v3_{n}"
        evaluations(run / "evaluations.npz", seed, trailing=1)
        monitor(run / "0.monitor.csv", [(-5.0, 1000, 1.0)], task="HalfCheetah-v3")
        (run / "HalfCheetah-v3").mkdir()
        pairs = "".join(f"- - {name}\n  - {value}\n" for name, value in (("algo", "sac"), ("seed", seed)))
        text = "!!python/object/apply:collections.OrderedDict\n- " + pairs.replace("\n- -", "\n  - -").replace(
            "\n  - ", "\n    - "
        )
        (run / "HalfCheetah-v3/args.yml").write_text(text)


def rllib(folder: Path, explore: bool | None = False) -> None:
    for seed in SEEDS:
        run = folder / f"SAC_HalfCheetah-v3_{seed}a4f_0000{seed}_0"
        told = {"env": "HalfCheetah-v3", "seed": seed}
        run.mkdir(parents=True)
        (run / "params.json").write_text(json.dumps(told | {"evaluation_config": {"explore": explore}}))
        columns = {
            "episode_reward_mean": [-1.0] * 4,
            "timesteps_total": STEPS,
            "training_iteration": range(1, 5),
            "evaluation/episode_reward_mean": [returned(seed, step) for step in STEPS],
        }
        table(run / "progress.csv", columns)
        rows = [
            {"timesteps_total": step, "evaluation": {"episode_reward_mean": returned(seed, step)}} for step in STEPS
        ]
        (run / "result.json").write_text("".join(json.dumps(row | {"episode_reward_mean": -1}) + "\n" for row in rows))


def spinup(folder: Path) -> None:
    for seed in SEEDS:
        run = folder / f"sac/sac_s{seed}"
        columns = {"Epoch": range(4), "AverageEpRet": [-1.0] * 4, "StdEpRet": [0.5] * 4}
        columns |= {"AverageTestEpRet": [returned(seed, s) for s in STEPS], "TotalEnvInteracts": STEPS}
        table(run / "progress.txt", columns, "\t")
        (run / "config.json").write_text(json.dumps({"exp_name": "sac", "seed": seed, "logger": {"<x>": {"y": 1}}}))


def rlkit(folder: Path) -> None:
    for seed in SEEDS:
        run = folder / f"sac-half-cheetah/sac_2020_01_0{SEEDS.index(seed) + 1}_000{seed}--s-0"
        columns = {"Epoch": range(4), "exploration/Average Returns": [-1.0] * 4}
        columns |= {"exploration/num steps total": STEPS}
        table(run / "progress.csv", columns | {"evaluation/Average Returns": [returned(seed, step) for step in STEPS]})
        (run / "variant.json").write_text(json.dumps({"algorithm": "SAC", "seed": seed}))


def softlearning(folder: Path) -> None:
    for seed in SEEDS:
        run = folder / f"gym/HalfCheetah/v3/2019/experiment-{seed}"
        columns = {"training_iteration": range(4), "training/return-average": [-1.0] * 4, "total_timestep": STEPS}
        table(run / "progress.csv", columns | {"evaluation/return-average": [returned(seed, step) for step in STEPS]})
        settings = {"run_params": {"seed": seed}, "algorithm_params": {"kwargs": {"eval_deterministic": True}}}
        (run / "variant.json").write_text(json.dumps(settings))


def jaxrl(folder: Path) -> None:
    for seed in SEEDS:
        (folder / "HalfCheetah-v2").mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{step} {returned(seed, step):.1f}\n" for step in STEPS)
        (folder / f"HalfCheetah-v2/{seed}.txt").write_text(lines)


def nnabla(folder: Path) -> None:
    for seed in SEEDS:
        run = folder / f"HalfCheetah-v2_results/seed-{seed}"
        columns = {"iteration": STEPS, "mean": [returned(seed, step) for step in STEPS], "std_dev": [1.0] * 4}
        table(run / "evaluation_result_scalar.tsv", columns | {"min": [0] * 4, "max": [0] * 4}, "\t")
        (run / "evaluation_result_histogram.tsv").write_text("iteration(key)\tvalues\n1000 (returns)\t1\t2\n")


def tianshou(folder: Path) -> None:
    runs = {seed: [returned(seed, step) for step in STEPS] for seed in SEEDS}
    wide = {f"rew:seed_{seed}/test_rew.csv": values for seed, values in runs.items()}
    means = [sum(values) / 3 for values in zip(*runs.values(), strict=True)]
    table(
        folder / "HalfCheetah-v3/sac/test_rew_3seeds.csv", {"env_step": STEPS, "rew": means, "rew:shaded": means} | wide
    )
    for seed, values in runs.items():
        table(
            folder / f"HalfCheetah-v3/sac/seed_{seed}/test_rew.csv", {"env_step": STEPS, "rew": values, "time": STEPS}
        )


def acme(folder: Path) -> None:
    for seed in SEEDS:
        rows = [(step, returned(seed, step, n)) for step in STEPS for n in range(2)]
        columns = {"actor_steps": [at for at, _ in rows], "episode_length": [1000] * 8}
        columns |= {"episode_return": [value for _, value in rows], "evaluator_steps": range(8)}
        table(folder / f"seed_{seed}/logs/evaluator/logs.csv", columns)
        table(folder / f"seed_{seed}/logs/actor/logs.csv", columns | {"episode_return": [-1.0] * 8})


def dopamine(folder: Path) -> None:
    for seed in SEEDS:
        columns = {"iteration": range(1, 5), "train_episode_returns": [-1.0] * 4}
        table(folder / f"seed_{seed}.csv", columns | {"eval_episode_returns": [returned(seed, step) for step in STEPS]})


def wandb_export(folder: Path) -> None:
    columns: dict[str, Sequence] = {"global_step": STEPS}
    for seed in SEEDS:
        name = f"HalfCheetah-v4__sac__{seed}__1700000000 - eval/mean_reward"
        values = [returned(seed, step) for step in STEPS]
        columns |= {name: values, f"{name}__MIN": values, f"{name}__MAX": values}
    text = table(folder / "wandb_export_2024.csv", {f'"{name}"': cells for name, cells in columns.items()})
    assert text.exists()


def sb3_progress(folder: Path) -> None:
    for seed in SEEDS:
        columns = {"time/total_timesteps": STEPS, "rollout/ep_rew_mean": [-1.0] * 4}
        table(folder / f"seed_{seed}/progress.csv", columns | {"eval/mean_reward": [returned(seed, s) for s in STEPS]})


TREES = {
    "zoo": zoo,
    "rllib": rllib,
    "spinup": spinup,
    "rlkit": rlkit,
    "softlearning": softlearning,
    "jaxrl": jaxrl,
    "nnabla": nnabla,
    "tianshou": tianshou,
    "acme": acme,
    "dopamine": dopamine,
    "wandb-export": wandb_export,
    "sb3-progress": sb3_progress,
}
FORMATS = {"zoo": "sb3-evaluations", "sb3-progress": "table"}
"""What the suite calls the format of a tree, where that is not its name."""
KINDS = {"zoo": "mean", "rllib": "mean", "spinup": "mean", "softlearning": "mean", "jaxrl": "mean", "nnabla": "mean"}
"""Of the trees that say how their evaluations chose actions, what they say."""
BY_FILE = ("dopamine", "wandb-export")
"""Trees whose files have no name that tells what they are."""
OPTIONS = {"dopamine": ("--step-scale", "1000")}


# --- event files, as tensorflow/core/util/event.proto and record_writer have them


def _varint(value: int) -> bytes:
    more = b""
    while value > 0x7F:
        more, value = more + bytes([value & 0x7F | 0x80]), value >> 7
    return more + bytes([value])


def _field(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def events(path: Path, tag: str, rows: Sequence[tuple[int, float]], tensor: bool = False) -> Path:
    """An event file of one tag; tensor: as TensorFlow 2 writes scalars."""
    from suite.study.wire import _masked_crc32c

    data = b""
    for step, value in rows:
        scalar = _varint(2 << 3 | 5) + struct.pack("<f", value)
        if tensor:
            scalar = _field(8, _field(1, 1) + _field(2, b"") + _field(4, struct.pack("<f", value)))
        event = _field(2, step) + _field(5, _field(1, _field(1, tag.encode()) + scalar))
        size = struct.pack("<Q", len(event))
        data += size + struct.pack("<I", _masked_crc32c(size)) + event + struct.pack("<I", _masked_crc32c(event))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
