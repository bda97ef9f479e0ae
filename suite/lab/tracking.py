"""Tracking: a mirror of a run's evaluations in another program's files, off by default. The truth is the record.

A run that goes on from a checkpoint shows its mirror all it has measured so far, as its own rows say: what an attempt
logged beyond its last checkpoint, or did not get to write, is neither doubled nor lost. Files of the run's own are
therefore begun anew by each attempt, in one folder; a server keeps what it has and is sent the rest.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from suite import __version__
from suite.errors import UsageError
from suite.sac import identity
from suite.sac.status import Status

if TYPE_CHECKING:
    from suite.lab.records import Provenance

Tracking = Literal["off", "wandb-offline", "wandb", "tensorboard"]
TRACKINGS: tuple[str, ...] = get_args(Tracking)
PACKAGES = {"wandb-offline": "wandb", "wandb": "wandb", "tensorboard": "tensorboard"}

LONGEST_TAG, LONGEST_NAME = 64, 128
"""Characters of a tag, and of a group, a name or an id, that W&B takes."""


class Conformance(NamedTuple):
    """How far a run's preset is its code base, as suite.specimens.naming says."""

    state: str
    reason: str


class Tracker:
    """Where a run's scalars go as they come: without tracking nowhere, nothing imported and nothing written."""

    def log(self, env_step: int, scalars: dict[str, float]) -> None:
        """The scalars of the evaluation at a step."""

    def finish(self, status: Status) -> None:
        """The run has ended."""


class WandB(Tracker):
    """One W&B run per seed. Its id is stable, so that a resumed run goes on in it.

    Of the environment it reads what W&B reads: WANDB_PROJECT and WANDB_ENTITY say where the run belongs, WANDB_API_KEY
    whose it is. Nothing but what is logged here is sent: no terminal output, metadata, source or system's load.
    """

    def __init__(self, mode: Literal["offline", "online"], run: Provenance, folder: Path, conformance: Conformance):
        import wandb

        place = _emptied(folder, "wandb") if mode == "offline" else folder / "wandb"
        place.mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "sac-suite"),
            mode=mode,
            dir=str(folder),
            id=run_name(run),
            group="__".join((run.task, run.implementation, _variant(run), run.run_id))[:LONGEST_NAME],
            name=f"{_variant(run)} {run.task} s{run.seed}"[:LONGEST_NAME],
            job_type="train",
            tags=[tag[:LONGEST_TAG] for tag in tags(run, conformance)],
            config=settings(run, conformance),
            resume="allow" if mode == "online" else None,
            reinit="create_new",
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_git=True,
                disable_code=True,
                x_disable_meta=True,
                x_disable_stats=True,
                x_save_requirements=False,
            ),
        )
        self._run.define_metric("*", step_metric="global_step")

    def log(self, env_step: int, scalars: dict[str, float]) -> None:
        if env_step >= self._run.step:  # what the server has of earlier attempts is not sent again
            self._run.log({"global_step": env_step} | scalars, step=env_step, commit=True)

    def finish(self, status: Status) -> None:
        self._run.summary["status"] = status
        self._run.finish(exit_code=0 if status == "finished" else 1)


class TensorBoard(Tracker):
    """One folder of event files per seed: scalars by environment step, settings and status as texts."""

    def __init__(self, run: Provenance, folder: Path, conformance: Conformance):
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._writer = EventFileWriter(str(_emptied(folder, "tensorboard")))
        self._reached = 0
        about = settings(run, conformance) | {"tags": tags(run, conformance)}
        self._add(0, [_text("config", json.dumps(about, indent=1))])

    def log(self, env_step: int, scalars: dict[str, float]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._reached = env_step
        self._add(env_step, [Summary.Value(tag=name, simple_value=value) for name, value in scalars.items()])

    def finish(self, status: Status) -> None:
        self._add(self._reached, [_text("status", status)])
        self._writer.close()

    def _add(self, env_step: int, values: list[Any]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._writer.add_event(Event(step=env_step, summary=Summary(value=values)))
        self._writer.flush()  # so that a kill loses nothing


def tracker(tracking: Tracking, run: Provenance, folder: Path, conformance: Conformance) -> Tracker:
    """The tracker that a config's `tracking` names, of a run with this work folder."""
    if tracking == "off":
        return Tracker()
    if tracking == "tensorboard":
        return TensorBoard(run, folder, conformance)
    return WandB("offline" if tracking == "wandb-offline" else "online", run, folder, conformance)


def check_installed(tracking: Tracking) -> None:
    """UsageError if the package that this tracking needs is not installed here."""
    package = PACKAGES.get(tracking)
    if package and find_spec(package) is None:
        raise UsageError(f"tracking: {tracking} needs {package}, which is not installed here: pip install {package}")


def run_name(run: Provenance) -> str:
    """What a run is called on every machine and in every attempt; by other numerics it is another run."""
    versions = sorted((part, one.version) for part, one in (run.numerics or {}).items())
    digest = hashlib.sha256(identity.canonical(versions).encode()).hexdigest()[:6]
    return f"{run.implementation}-{run.run_id}-s{run.seed}-{digest}"


def tags(run: Provenance, conformance: Conformance) -> list[str]:
    """What runs may be filtered by: version, study, preset, question and conformance."""
    of_run = (run.origin.study, run.origin.preset, run.origin.ablation, conformance.state)
    return [f"suite-{__version__}", *dict.fromkeys(tag for tag in of_run if tag)]


def settings(run: Provenance, conformance: Conformance) -> dict[str, Any]:
    """All that was decided before the first step; env_id, exp_name and seed are the names openrlbenchmark asks for."""
    return {
        "env_id": run.task,
        "exp_name": f"{run.implementation}_{_variant(run)}",
        "seed": run.seed,
        "total_timesteps": run.env_steps,
        "implementation": run.implementation,
        "run_id": run.run_id,
        "code_id": run.code_id,
        "origin": run.origin._asdict(),
        "conformance": conformance._asdict(),
        "evaluation": run.evaluation._asdict() | {"kind_of_return": run.kind_of_return},
        "spec": identity.to_plain(run.spec),
        "schedule": identity.to_plain(run.schedule),
        "versions": run.versions,
        "device": run.device,
        "platform": run.platform,
    }


def _variant(run: Provenance) -> str:
    return run.origin.variant or run.run_id


def _emptied(folder: Path, name: str) -> Path:
    """The folder of this name in another, empty."""
    place = folder / name
    if place.exists():
        shutil.rmtree(place)
    place.mkdir(parents=True)
    return place


def _text(tag: str, text: str) -> Any:
    """A text as TensorBoard's page of texts shows it, indented so that it is no Markdown."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.text.metadata import create_summary_metadata
    from tensorboard.util.tensor_util import make_tensor_proto

    shown = "\n".join(f"    {line}" for line in text.splitlines())
    metadata = create_summary_metadata(display_name=tag, description="")
    return Summary.Value(tag=tag, metadata=metadata, tensor=make_tensor_proto(shown))
