"""Where numbers come from: packages, device, processor."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

from suite import __version__
from suite.sac import identity
from suite.sac.contract import Implementation, Job


def provenance(engine: Implementation, job: Job, seed: int, code_id: str) -> dict:
    """What a record says of where its numbers come from."""
    packages = ("numpy", "gymnasium", "mujoco", *(getattr(engine, "PACKAGES", None) or (engine.FRAMEWORK,)))
    return {
        "task": job.task,
        "implementation": job.implementation,
        "run_id": job.run_id,
        "seed": seed,
        "env_steps": job.env_steps,
        "spec": identity.to_plain(job.spec),
        "schedule": identity.to_plain(job.schedule),
        "evaluation": {"every": job.evaluate_every, "episodes": job.evaluation_episodes},
        "origin": job.origin,
        "block": list(job.seeds),
        "code_id": code_id,
        "versions": {"python": platform.python_version(), "suite": __version__}
        | {package: metadata.version(package) for package in packages},
        "device": engine.device() or f"cpu: {processor()}",
        "platform": platform.system(),
    }


def processor() -> str:
    """The processor's name, where the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
