"""What happens to files: bits that flip, ends that are missing, other files under their names; drawn at random."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

Damage = Callable[[Path, np.random.Generator], None]


def flip_a_bit(path: Path, rng: np.random.Generator) -> None:
    content = bytearray(path.read_bytes())
    content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)


def cut_short(path: Path, rng: np.random.Generator) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: rng.integers(len(content))])


def zero_a_block(path: Path, rng: np.random.Generator) -> None:
    """As a disk gives back a block that was never written."""
    content = bytearray(path.read_bytes())
    at = int(rng.integers(len(content)))
    content[at : at + 512] = bytes(len(content[at : at + 512]))
    path.write_bytes(content)


def empty(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(b"")


def remove(path: Path, rng: np.random.Generator) -> None:
    path.unlink()


def take_anothers_place(path: Path, rng: np.random.Generator) -> None:
    """Another file of the folder under its name."""
    every = sorted(one for one in path.parent.iterdir() if one.is_file())
    if (other := every[rng.integers(len(every))]) != path:
        shutil.copy(other, path)


def leave_strays(path: Path, rng: np.random.Generator) -> None:
    """Copies that a person or a tool made."""
    for name in (f"{path.stem} copy{path.suffix}", f"{path.name}.bak", f"x{path.name}", path.name.replace("0", "a", 1)):
        (path.parent / name).write_bytes(path.read_bytes())


EVERY: dict[str, Damage] = {
    one.__name__: one for one in (flip_a_bit, cut_short, zero_a_block, empty, remove, take_anothers_place, leave_strays)
}


def draw(files: list[Path], rng: np.random.Generator) -> str:
    """Damages one of the files that are not empty; says how, and which."""
    name, files = list(EVERY)[rng.integers(len(EVERY))], [one for one in files if one.stat().st_size]
    path = files[rng.integers(len(files))]
    EVERY[name](path, rng)
    return f"{name}: {path.name}"
