"""Where the workflow lies: the Snakefile with its profiles, and the config that is meant where none is named.

A working directory with a Snakefile has its own. Elsewhere it is that of the checkout the suite runs from, or the copy
in the wheel, which setup.py makes of the same files.
"""

from __future__ import annotations

from pathlib import Path

from suite.errors import UsageError
from suite.sac import identity
from suite.study.config import DEFAULT_CONFIG

PACKAGED = Path(__file__).resolve().parent.parent / "workflow"


def folder() -> Path:
    """The folder with the Snakefile, `profiles/` and `config/`; "." if the working directory has its own."""
    for candidate in (Path(), identity.ROOT, PACKAGED):
        if (candidate / "Snakefile").is_file():
            return candidate
    raise UsageError(f"there is no Snakefile: neither in this directory nor in {PACKAGED}; install the suite again")


def snakefile() -> str:
    """The suite's own Snakefile, for a workflow that uses it as a module: never that of the working directory."""
    checkout = identity.ROOT / "Snakefile"
    return str(checkout if checkout.is_file() else PACKAGED / "Snakefile")


def default_config() -> str:
    """The paper's study in a checkout; elsewhere the packaged quick one, which takes minutes."""
    if Path(DEFAULT_CONFIG).exists() or folder() == Path():
        return DEFAULT_CONFIG
    return str(folder() / "config" / "quick.yaml")


def snakefile_options() -> list[str]:
    """What Snakemake must be told of the Snakefile's place; nothing where the working directory has its own."""
    home = folder()
    return [] if home == Path() else ["--snakefile", str(home / "Snakefile")]


def find_profile(word: str) -> str:
    """The path of a profile of the workflow for its name in a checkout ("profiles/gpu"); any other word as it is.

    "profiles/default" needs no naming: Snakemake looks for it beside the Snakefile.
    """
    packaged = folder() / word
    is_profile = word.startswith("profiles/") and not Path(word).exists() and packaged.is_dir()
    return str(packaged) if is_profile else word
