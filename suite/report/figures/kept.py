"""Pictures that stay as they are: one whose data, drawing code and libraries are the same is not drawn again.

They are kept out of reports/, since Snakemake empties an output's folder before it makes it anew. What is taken over
has the very bytes that were drawn: a picture that was damaged or edited since is drawn again.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import platform
import shutil
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path

from matplotlib.font_manager import findfont

from suite.errors import UsageError
from suite.files import fits, read_json, whole_folder
from suite.report.figures.canvas import METADATA, STYLE, Content
from suite.report.figures.saving import save
from suite.sac.source import ROOT

PACKAGES = ("matplotlib", "seaborn", "numpy", "pandas", "pillow", "fonttools", "tueplots")
"""What draws: another version of these may draw other bytes of the same data."""
DIGESTS = "digests.json"

Digests = Mapping[str, dict[str, str]]  # by what a picture is made of: the SHA-256 of its files, by their ending


class Kept:
    """The pictures of the last drawing in `folder`, each under what it was made of; none where that cannot be read."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        try:
            digests = read_json(self.folder / DIGESTS, "")
        except UsageError:
            digests = {}
        self.digests: Digests = digests if fits(digests, dict[str, dict[str, str]]) else {}

    def take_over(self, made_of: str, stem: Path) -> bool:
        """Whether the picture made of this stands at `stem` now, in every format; of a damaged one nothing stays."""
        digests = self.digests.get(made_of, {})
        targets = {kind: stem.with_name(f"{stem.name}.{kind}") for kind in METADATA}
        for kind, target in targets.items():
            if kind not in digests or not _linked(self.folder / f"{made_of}.{kind}", target, digests[kind]):
                for one in targets.values():
                    one.unlink(missing_ok=True)
                return False
        return True

    def keep(self, drawn: Mapping[str, Path]) -> None:
        """Keeps these pictures and no others: by what each is made of, its path without an ending."""
        digests: dict[str, dict[str, str]] = {made_of: {} for made_of in drawn}
        with whole_folder(self.folder) as folder:
            for made_of, stem in drawn.items():
                for kind in METADATA:
                    source = stem.with_name(f"{stem.name}.{kind}")
                    digests[made_of][kind] = _sha256(source)
                    _link(source, folder / f"{made_of}.{kind}")
            (folder / DIGESTS).write_text(json.dumps(digests, indent=1), encoding="utf-8")


def _linked(source: Path, target: Path, digest: str) -> bool:
    """Whether the target is the source now, and has that digest."""
    try:
        _link(source, target)
    except OSError:
        return False
    return _sha256(target) == digest


def _link(source: Path, target: Path) -> None:
    """The same file under another name, or a copy where the file system has no such links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- what a picture is made of


def made_of(content: Content, table: bytes) -> str:
    """Forty hex digits of all that decides the bytes of a picture: its table, the drawing, its sources, the libraries.

    table: the data as CSV. A drawing is a function of a module, or a partial of one: what a function within another
    holds cannot be seen.
    """
    drawing, types = drawing_in_words(content.draw), str(content.data.dtypes.to_dict())
    parts = (table, types, drawing, sources_digest(_module_of(content.draw)), libraries())
    digested = hashlib.sha256()
    for part in parts:
        whole = part if isinstance(part, bytes) else part.encode()
        digested.update(f"{len(whole)}:".encode() + whole)
    return digested.hexdigest()[:40]


def drawing_in_words(draw: Callable) -> str:
    """A drawing by its name and what it was given beside the data."""
    if isinstance(draw, partial):
        words = f"{drawing_in_words(draw.func)} {draw.args!r} {sorted(draw.keywords.items())!r}"
    else:
        words = f"{draw.__module__}.{draw.__qualname__}"
    assert "<locals>" not in words and " at 0x" not in words, f"{words} does not tell by its name what it draws"
    return words


def _module_of(draw: Callable) -> str:
    return _module_of(draw.func) if isinstance(draw, partial) else draw.__module__


@cache
def sources_digest(module: str) -> str:
    """A digest of the module of a drawing, of the one that saves it, and of all of the suite that these import."""
    digested = hashlib.sha256()
    for file in sorted(_reached([file for name in (module, save.__module__) if (file := _file_of(name))])):
        digested.update(f"{file.relative_to(ROOT)}:{hashlib.sha256(file.read_bytes()).hexdigest()};".encode())
    return digested.hexdigest()


def _reached(files: Iterable[Path]) -> set[Path]:
    """These files of the suite, and those that they import, directly or through another."""
    reached: set[Path] = set()
    left = list(files)
    while left:
        current = left.pop()
        if current not in reached:
            reached.add(current)
            left += _imported(current)
    return reached


@cache
def _imported(file: Path) -> tuple[Path, ...]:
    """The modules of the suite that a file imports; of a package, what it names there."""
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(path for name in dict.fromkeys(names) if (path := _file_of(name)))


def _file_of(module: str) -> Path | None:
    """The file of a module of this project; None for a package's, and for others."""
    file = ROOT / f"{module.replace('.', '/')}.py"
    return file if file.is_file() else None


@cache
def libraries() -> str:
    """The versions of what draws, and the font."""
    font = _sha256(Path(findfont(STYLE["font.family"][0])))
    versions = [f"{name} {version(name)}" for name in PACKAGES]
    return "; ".join((*versions, f"Python {platform.python_version()}", f"zlib {zlib.ZLIB_RUNTIME_VERSION}", font))
