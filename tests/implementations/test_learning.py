"""It learns, on real tasks, at full size: slow, so `make test-slow` runs these and `make test` does not.

The thresholds are the suite's promises. A seed's score is the mean of its last evaluation.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from builders.runs import places

import implementations
from suite.lab import training as runner
from suite.lab.records import read
from suite.sac import identity
from suite.sac.contract import Job
from suite.specimens.catalogue import resolve

pytestmark = pytest.mark.slow


def trained(
    preset: str, task: str, env_steps: int, every: int, episodes: int, seed: int, folder: str, implementation: str
) -> list[float]:
    """The returns of one seed's last evaluation."""
    spec, schedule = resolve(preset, task, {})
    run_id = identity.run_id(spec, schedule, task, every, episodes)
    job = Job(task, implementation, run_id, spec, schedule, every, episodes, env_steps, (seed,))
    where = places(folder, (seed,))
    engine = implementations.load(implementation, type(spec).__name__)
    runner.train(engine, job, where, checkpoint_seconds=1e9)
    rows = read(where[0].record).episodes.to_pylist()
    return [row["return"] for row in rows if row["env_step"] == env_steps]


def scores(task, env_steps, every, episodes, seeds, folder, implementation, preset="sac_v2") -> np.ndarray:
    """Each seed's mean return at the end, the seeds trained two at a time; printed for the record."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        jobs = [
            pool.submit(trained, preset, task, env_steps, every, episodes, seed, str(folder), implementation)
            for seed in seeds
        ]
        found = np.array([np.mean(job.result()) for job in jobs])
    print(f"\n{implementation} {preset} on {task} at {env_steps:,}: {found.round(1)}, mean {found.mean():.1f}")
    return found


def test_pendulum(tmp_path):
    """-220 or better over 50 evaluation episodes at 10k steps on at least 4 of 5 seeds."""
    assert (scores("Pendulum-v1", 10_000, 10_000, 50, range(5), tmp_path, "torch") >= -220).sum() >= 4


@pytest.mark.parametrize("implementation", ["torch", "jax"])
def test_soft_q_learning_on_pendulum(tmp_path, implementation):
    """-250 or better, by sampled actions, at 20k steps on at least 4 of 5 seeds."""
    found = scores("Pendulum-v1", 20_000, 20_000, 50, range(5), tmp_path, implementation, "soft_q_learning")
    assert (found >= -250).sum() >= 4


def test_inverted_double_pendulum(tmp_path):
    """9000 or better by 30k steps on at least 4 of 5 seeds."""
    assert (scores("InvertedDoublePendulum-v5", 30_000, 30_000, 10, range(5), tmp_path, "torch") >= 9000).sum() >= 4


def test_half_cheetah_as_published(tmp_path):
    """JAX at 100k steps, three seeds: a mean within what is published (5194 +- 208 nnabla-rl, 5774 +- 503 jaxrl)."""
    mean = scores("HalfCheetah-v5", 100_000, 100_000, 10, range(3), tmp_path, "jax").mean()
    assert 4700 <= mean <= 5900


def test_half_cheetah(tmp_path):
    """2000 or better at 50k steps (published: 3865 +- 314 jaxrl, 3106 +- 403 nnabla-rl)."""
    assert scores("HalfCheetah-v5", 50_000, 50_000, 10, range(2), tmp_path, "torch").mean() >= 2000
