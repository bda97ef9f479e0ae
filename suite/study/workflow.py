"""Where the workflow lies: the Snakefile with its profiles, and the config that is meant where none is named.

A working directory with a Snakefile has its own. Elsewhere it is that of the checkout the suite runs from, or the copy
in the wheel, which setup.py makes of the same files.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import yaml

from suite.errors import UsageError
from suite.sac import identity
from suite.study.config import DEFAULT_CONFIG

LOCAL = ("local", "dryrun", "touch")  # Snakemake's executors that start jobs on this machine, or none
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


def runs_elsewhere(arguments: Sequence[str]) -> bool:
    """Whether another engine than this machine gets the jobs: by Snakemake's arguments, or a profile that they name."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--executor", "-e")
    parser.add_argument("--workflow-profile")
    parser.add_argument("--profile", default=os.environ.get("SNAKEMAKE_PROFILE"))
    asked, _ = parser.parse_known_args([word for word in arguments if word != "--"])
    named = [_executor_of(find_profile(one)) for one in (asked.profile, asked.workflow_profile) if one]
    executor = asked.executor or next((one for one in reversed(named) if one), "local")
    return executor not in LOCAL


def _executor_of(profile: str) -> str | None:
    """The executor that a profile's folder, in this directory or the user's settings, sets; None if it sets none."""
    settings = Path(os.environ.get("XDG_CONFIG_HOME", "~/.config"), "snakemake").expanduser()
    for path in (Path(profile, "config.yaml"), settings / profile / "config.yaml"):
        if path.is_file():
            return (yaml.safe_load(path.read_text()) or {}).get("executor")
    return None
