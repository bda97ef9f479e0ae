"""Where numbers come from: packages, device, processor."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

from suite import __version__
from suite.lab.records import Evaluations, Provenance, kind_of_schedule
from suite.sac import numerics
from suite.sac.contract import Implementation, Job
from suite.sac.numerics import Numerics
from suite.sac.source import ROOT
from suite.sac.specs import Spec


def provenance(engine: Implementation, job: Job, seat: int, made_by: Numerics) -> Provenance:
    """What the record of a job's seat says of where its numbers come from."""
    block, job = tuple(one.seeds[0] for one in job.seats), job.seats[seat]
    return Provenance(
        task=job.task,
        implementation=job.implementation,
        run_id=job.run_id,
        seed=job.seeds[0],
        env_steps=job.env_steps,
        spec=job.spec,
        schedule=job.schedule,
        evaluation=Evaluations(job.evaluate_every, job.evaluation_episodes, final=job.final_episodes),
        kind_of_return=kind_of_schedule(job.schedule.evaluation_action),
        origin=job.origin,
        block=block,
        numerics=made_by,
        code_id=numerics.fingerprint(made_by),
        versions=versions(engine),
        device=engine.device() or f"cpu: {processor()}",
        platform=platform.system(),
    )


def versions(engine: Implementation) -> dict[str, str]:
    """The versions of Python, the suite, and the packages that an engine's numbers come from."""
    framework = getattr(engine, "PACKAGES", None) or (engine.FRAMEWORK,)
    package = distribution_of(getattr(engine, "__name__", None) or type(engine).__module__)
    packages = ("numpy", "gymnasium", "mujoco", *framework, *([package] if package else []))
    environment = {"python": platform.python_version(), "suite": __version__}
    return environment | {name: metadata.version(name) for name in packages}


def distribution_of(module: str) -> str | None:
    """The installed distribution that a dotted module belongs to; None for one of this project, or of none."""
    top = module.split(".")[0]
    return None if top in ("implementations", "suite") else next(iter(_distributions().get(top, [])), None)


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())


MAKES_NUMBERS = ("suite", "implementations", "requirements.lock")
"""What of a checkout its runs' numbers come from."""


@cache
def commit(root: Path = ROOT) -> str:
    """The commit of the checkout in a folder, with "+" behind it where what makes numbers differs from it; "" where
    there is no checkout, or git does not answer."""
    if not (root / ".git").exists():  # an installed suite may lie in the repository of somebody else
        return ""
    asked = ("git", "status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--", *MAKES_NUMBERS)
    alone = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}  # many runs start at once: none may hold the index
    try:
        answer = subprocess.run(asked, cwd=root, env=alone, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    head, *rest = answer.stdout.splitlines()
    made = head.removeprefix("# branch.oid ")
    if made == "(initial)":
        return ""
    return made + ("+" if any(not line.startswith("# ") for line in rest) else "")


def processor() -> str:
    """The processor's name, where the system tells."""
    return _cpuinfo("model name") or platform.processor()


def instructions() -> tuple[str, ...]:
    """Which of the instructions that decide an engine's speed the processor has, where the system tells."""
    has = _cpuinfo("flags").split()
    return tuple(name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in has)


def slowness(spec: Spec) -> str | None:
    """Why this processor, as far as the system tells, has no speed to gain from the spec's precision."""
    has = instructions()
    if spec.precision == "bfloat16_hidden" and has and not {"avx512_bf16", "amx_bf16"} & set(has):
        return "this processor has no bfloat16 instructions: bfloat16_hidden is slower here than float32"
    return None


def _cpuinfo(field: str) -> str:
    """A field of the first processor in Linux's list; "" elsewhere."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith(field)), "")
