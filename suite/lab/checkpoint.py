"""Checkpoints: what a killed run needs to end exactly as if it had never stopped.

One folder per seed. A checkpoint is one .npz (arrays and, as JSON, everything else), moved into place whole; the last
two are kept. Replay rows go into append-only chunks, so that a checkpoint costs what is new, not what is stored.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock, Timeout

from suite.files import atomic
from suite.lab.records import Provenance
from suite.lab.replay import Replay
from suite.sac.numerics import Numerics, PartNumerics

KEPT = 2


class OwnedError(RuntimeError):
    """Another living process works in this folder."""


class Maker(NamedTuple):
    """Who made a checkpoint: which run and seed, by what numerics, with which packages, on which device."""

    run_id: str
    seed: int
    numerics: Numerics
    versions: dict[str, str]
    device: str

    @classmethod
    def of(cls, run: Provenance) -> Maker:
        """The maker of a run's checkpoints."""
        return cls(run.run_id, run.seed, run.numerics or {}, run.versions, run.device)

    @classmethod
    def from_json(cls, data: dict) -> Maker:
        return cls(**data | {"numerics": {part: PartNumerics(*one) for part, one in data["numerics"].items()}})

    def refuses(self, other: Maker) -> str | None:
        """Why a run of this maker cannot go on from another's checkpoint, as a sentence's end; None if it can."""
        for name in ("run_id", "seed"):
            mine, its = getattr(self, name), getattr(other, name)
            if mine != its:
                return f"it is of {name} {its}, not {mine}"
        for part, mine in self.numerics.items():
            its = other.numerics.get(part)
            if its is None or its.version != mine.version:
                return f"it was made by another version of {part}"
            if its.digest != mine.digest and (part == "loop" or part.startswith("engine.")):
                return f"it was made by other code of {part}"
        return None

    def differs(self, other: Maker) -> list[str]:
        """What is different though a run may go on: packages and the device."""
        packages = [
            f"{name} {other.versions.get(name)} then, {version} now"
            for name, version in self.versions.items()
            if other.versions.get(name) != version
        ]
        return packages + ([f"{other.device} then, {self.device} now"] if other.device != self.device else [])


class Checkpoints:
    """The checkpoints of one seed's run under `folder`, which the owner holds locked as long as the object lives.

    maker: who saves them; without one, nobody asks who saved those that are there.
    """

    def __init__(self, folder: Path, maker: Maker | None = None):
        self.folder, self.maker = Path(folder), maker
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.folder / "lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise OwnedError(f"another process is training in {self.folder}: one run has one owner") from None

    def release(self) -> None:
        self._lock.release()

    def env_steps(self) -> list[int]:
        """The steps at which a readable checkpoint lies, newest first."""
        return [step for step in sorted(map(_step, self._files()), reverse=True) if self._readable(step)]

    def admit(self) -> list[str]:
        """Removes checkpoints that this maker cannot go on from; sentences on that, and on what else is different."""
        steps = self.env_steps()
        if not steps or self.maker is None:
            return []
        differences = []
        for step in steps:
            data = self._read_state(step).get("maker")
            made_by = Maker.from_json(data) if data else None
            reason = self.maker.refuses(made_by) if made_by else "it does not tell what made it"
            if reason:
                self.clear()
                return [f"the checkpoint at step {step:,} is not used, since {reason}: the run starts anew"]
            differences += self.maker.differs(made_by) if made_by and step == steps[0] else []
        return [f"goes on from a checkpoint made elsewhere: {'; '.join(differences)}"] if differences else []

    def save(self, env_step: int, arrays: dict[str, Any], state: dict, replay: Replay) -> None:
        """Writes the replay's new rows, then the checkpoint; afterwards drops what no kept checkpoint needs."""
        start = max(self._stored(), replay.added - len(replay))
        if start < replay.added:
            with atomic(self._replay / f"{start:010d}-{replay.added:010d}.npy") as temporary, temporary.open("wb") as f:
                np.save(f, replay.slice(start, replay.added))
        needs = [replay.added - len(replay), replay.added]
        made_by = {"maker": self.maker._asdict()} if self.maker else {}
        text = json.dumps(state | {"replay": needs} | made_by)
        with atomic(self._file(env_step)) as temporary, temporary.open("wb") as file:
            np.savez(file, state=np.frombuffer(text.encode(), np.uint8), **arrays)
        for old in sorted(self._files())[:-KEPT]:
            old.unlink()
        first = min(self._read_state(_step(file))["replay"][0] for file in self._files())
        for chunk in self._chunks():
            if _span(chunk)[1] <= first:
                chunk.unlink()

    def load(self, env_step: int, replay: Replay) -> tuple[dict[str, np.ndarray], dict]:
        """The arrays and state saved at `env_step`; fills `replay`. Later chunks, of a lost future, are removed."""
        with np.load(self._file(env_step), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if name != "state"}
        state = self._read_state(env_step)
        first, stop = state.pop("replay")
        state.pop("maker", None)
        for chunk in self._chunks():
            start, _ = _span(chunk)
            if start >= stop:
                chunk.unlink()
                continue
            rows = np.load(chunk, mmap_mode="r")[max(first - start, 0) : stop - start]
            if len(rows):
                replay.restore(max(first, start), rows)
        replay.added = stop
        return arrays, state

    def clear(self) -> None:
        """Removes every checkpoint and chunk."""
        for file in (*self._files(), *self._chunks()):
            file.unlink()

    @property
    def _replay(self) -> Path:
        return self.folder / "replay"

    def _file(self, env_step: int) -> Path:
        return self.folder / f"checkpoint-{env_step:010d}.npz"

    def _files(self) -> list[Path]:
        return list(self.folder.glob("checkpoint-*.npz"))

    def _chunks(self) -> list[Path]:
        return sorted(self._replay.glob("*.npy"))

    def _stored(self) -> int:
        return max((_span(chunk)[1] for chunk in self._chunks()), default=0)

    def _read_state(self, env_step: int) -> dict:
        with np.load(self._file(env_step), allow_pickle=False) as file:
            return json.loads(file["state"].tobytes())

    def _readable(self, env_step: int) -> bool:
        """Whether the file's checksums hold and every replay row it needs is there."""
        try:
            with zipfile.ZipFile(self._file(env_step)) as file:
                if file.testzip() is not None:
                    return False
            first, stop = self._read_state(env_step)["replay"]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return False
        reached = first
        for start, end in map(_span, self._chunks()):
            if start <= reached < end:
                reached = end
        return reached >= stop


def _step(file: Path) -> int:
    return int(file.stem.removeprefix("checkpoint-"))


def _span(chunk: Path) -> tuple[int, int]:
    start, stop = chunk.stem.split("-")
    return int(start), int(stop)
