"""Checkpoints: what a killed run needs to end exactly as if it had never stopped.

One folder per seed. A checkpoint is one .npz (arrays and, as JSON, everything else), moved into place whole; the last
two are kept. Replay rows go into append-only chunks, so that a checkpoint costs what is new, not what is stored.
Nothing is used before every checksum has held: an .npz has its own, and those of the chunks that it needs.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock, Timeout

from suite.files import atomic, remove_temporaries
from suite.lab.records import Provenance
from suite.lab.replay import Replay
from suite.sac.numerics import Numerics, PartNumerics

KEPT = 2
NAME = re.compile(r"checkpoint-(\d{10})\.npz")
CHUNK = re.compile(r"\d{10}-\d{10}\.npy")


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


class Chunk(NamedTuple):
    """A file of replay rows, number `first` to `stop` of all ever added, and the checksum of its bytes."""

    first: int
    stop: int
    crc: int

    @property
    def name(self) -> str:
        return f"{self.first:010d}-{self.stop:010d}.npy"


class Needs(NamedTuple):
    """What a checkpoint needs of the replay: the rows from number `first` on, in these chunks."""

    first: int
    chunks: tuple[Chunk, ...]


class Checkpoints:
    """The checkpoints of one seed's run under `folder`, which the owner holds locked as long as the object lives.

    Those that are there count once they are admitted. maker: who saves them; without one, nobody asks who saved those.
    """

    def __init__(self, folder: Path, maker: Maker | None = None):
        self.folder, self.maker = Path(folder), maker
        self.folder.mkdir(parents=True, exist_ok=True)
        self._needs: dict[int, Needs] = {}  # of each checkpoint that counts, by its step
        self._lock = FileLock(self.folder / "lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise OwnedError(f"another process is training in {self.folder}: one run has one owner") from None

    def release(self) -> None:
        self._lock.release()

    def env_steps(self) -> list[int]:
        """The steps at which there is a checkpoint, newest first."""
        return sorted(self._needs, reverse=True)

    def admit(self) -> list[str]:
        """Takes over what lies in the folder: the checkpoints that are whole and that this maker can go on from. Every
        other one is removed; sentences on that, and on what else is different."""
        refused = self.examine()
        remove_temporaries(self.folder, self._replay)
        for step in refused:
            self._file(step).unlink()
        self._drop_rows()
        then = f"the run goes on from step {self.env_steps()[0]:,}" if self._needs else "the run starts anew"
        reasons = sorted(refused.items(), reverse=True)
        lines = [f"the checkpoint at step {step:,} is not used, since {reason}: {then}" for step, reason in reasons]
        return lines + self._elsewhere()

    def examine(self) -> dict[int, str]:
        """By step, why a checkpoint cannot be used, as a sentence's end; the others count. Removes nothing."""
        steps = [int(NAME.fullmatch(file.name)[1]) for file in self._files()]  # type: ignore[index]
        reasons = {step: self._refusal(step) for step in steps}
        return {step: reason for step, reason in reasons.items() if reason}

    def _refusal(self, step: int) -> str:
        """Why a checkpoint cannot be used, as a sentence's end; "" if it can: then it counts."""
        try:
            with zipfile.ZipFile(self._file(step)) as file:
                if (array := file.testzip()) is not None:
                    return f"it is damaged (the checksum of {array})"
            state = self._read_state(step)
            first, chunks = state["replay"]
            needs = Needs(first, tuple(Chunk(*one) for one in chunks))
            maker = Maker.from_json(state["maker"]) if "maker" in state else None
        except Exception as error:  # numpy, zipfile, zlib and json each have their own for a damaged file
            return f"it is damaged, or of another form ({type(error).__name__})"
        if state["env_step"] != step:
            return f"it is the one at step {state['env_step']:,}"
        if self.maker and (reason := self.maker.refuses(maker) if maker else "it does not tell what made it"):
            return reason
        for chunk in needs.chunks:
            if not self._holds(chunk):
                return f"its replay's rows from {chunk.first:,} to {chunk.stop:,} are damaged or gone"
        self._needs[step] = needs
        return ""

    def _holds(self, chunk: Chunk) -> bool:
        """Whether a chunk's file is there, with every bit as it was written."""
        try:
            return zlib.crc32((self._replay / chunk.name).read_bytes()) == chunk.crc
        except OSError:
            return False

    def _elsewhere(self) -> list[str]:
        """A sentence if the newest checkpoint was made with other packages or on another device."""
        if not (self._needs and self.maker):
            return []
        differences = self.maker.differs(Maker.from_json(self._read_state(self.env_steps()[0])["maker"]))
        return [f"goes on from a checkpoint made elsewhere: {'; '.join(differences)}"] if differences else []

    def save(self, env_step: int, arrays: dict[str, Any], state: dict, replay: Replay) -> None:
        """Writes the replay's new rows, then the checkpoint; afterwards drops what no kept checkpoint needs."""
        first, chunks = replay.added - len(replay), self._needs[self.env_steps()[0]].chunks if self._needs else ()
        chunks = tuple(chunk for chunk in chunks if chunk.stop > first)
        start = chunks[-1].stop if chunks else first
        if start < replay.added:
            chunks += (self._write_chunk(start, replay),)
        state = state | {"env_step": env_step, "replay": (first, chunks)}
        state |= {"maker": self.maker._asdict()} if self.maker else {}
        with atomic(self._file(env_step)) as temporary, temporary.open("wb") as file:
            np.savez(file, state=np.frombuffer(json.dumps(state).encode(), np.uint8), **arrays)
        self._needs[env_step] = Needs(first, chunks)
        for old in self.env_steps()[KEPT:]:
            self._drop(old)
        self._drop_rows()

    def _write_chunk(self, start: int, replay: Replay) -> Chunk:
        """A file of the replay's rows from `start` on."""
        content = io.BytesIO()
        np.save(content, replay.slice(start, replay.added))
        chunk = Chunk(start, replay.added, zlib.crc32(content.getbuffer()))
        with atomic(self._replay / chunk.name) as temporary:
            temporary.write_bytes(content.getbuffer())
        return chunk

    def load(self, env_step: int, replay: Replay) -> tuple[dict[str, np.ndarray], dict]:
        """The arrays and state saved at `env_step`; fills `replay`. What is of a lost future is removed."""
        with np.load(self._file(env_step), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if name != "state"}
        for later in [step for step in self._needs if step > env_step]:
            self._drop(later)
        self._drop_rows()
        first, chunks = self._needs[env_step]
        for chunk in chunks:
            rows = np.load(self._replay / chunk.name, mmap_mode="r")[max(first - chunk.first, 0) :]
            replay.restore(max(first, chunk.first), rows)
        state = self._read_state(env_step)
        return arrays, {name: value for name, value in state.items() if name not in ("env_step", "replay", "maker")}

    def clear(self) -> None:
        """Removes every checkpoint and chunk."""
        self._needs.clear()
        for file in self._files():
            file.unlink()
        self._drop_rows()

    def _drop(self, step: int) -> None:
        self._file(step).unlink()
        del self._needs[step]

    def _drop_rows(self) -> None:
        """Removes the chunks that no checkpoint needs."""
        needed = {chunk.name for needs in self._needs.values() for chunk in needs.chunks}
        for file in _named(self._replay, CHUNK):
            if file.name not in needed:
                file.unlink()

    @property
    def _replay(self) -> Path:
        return self.folder / "replay"

    def _file(self, env_step: int) -> Path:
        return self.folder / f"checkpoint-{env_step:010d}.npz"

    def _files(self) -> list[Path]:
        return _named(self.folder, NAME)

    def _read_state(self, env_step: int) -> dict:
        with np.load(self._file(env_step), allow_pickle=False) as file:
            return json.loads(file["state"].tobytes())


def _named(folder: Path, name: re.Pattern[str]) -> list[Path]:
    """A folder's files of that name; others, such as copies, are none of ours."""
    return [file for file in folder.glob("*") if name.fullmatch(file.name) and file.is_file()]
