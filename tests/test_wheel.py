"""The wheel, installed outside a checkout: one command trains, gathers and reports, with what the wheel carries."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml
from builders.runs import ROOT

WORKFLOW = {
    "Snakefile",
    "profiles/default/config.yaml",
    "profiles/gpu/config.yaml",
    "profiles/slurm/config.yaml",
    "config/quick.yaml",
}
ABLATION = """
from suite.sac.ablation import one_factor

SHORT = {"warmup_steps": 60, "learn_after": 60, "batch_size": 16, "hidden": (16, 16)}
ABLATION = one_factor(
    "mine",
    {"twin": SHORT, "single": {**SHORT, "critics": 1, "target_reduce": "first", "actor_reduce": "first"}},
    question="Is one critic enough?",
    baseline="sac_v2_small",
    outcomes=("final_return",),
    expected="no difference after 200 steps",
    literature=("none",),
)
"""
SITE = "it's a site"  # a place of a user's choice
CONFIG = {
    "sweeps": [
        {
            "tasks": ["Pendulum-v1"],
            "env_steps": 200,
            "evaluate": {"every": 100, "episodes": 1},
            "seeds": 1,
            "implementations": ["torch"],
            "ablations": ["mine"],
        }
    ],
    "report": {"resamples": 100},
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder with the wheel's packages, built from a copy of the sources: a build leaves traces beside them."""
    folder = tmp_path_factory.mktemp("wheel")
    kept_out = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "tests", "docs", "results", "reports", "build")
    shutil.copytree(ROOT, folder / "sources", ignore=kept_out)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    alone = ["--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "wheel", "./sources", "--wheel-dir", "wheels", *alone], cwd=folder, check=True)
    (wheel,) = (folder / "wheels").glob("sac_suite-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    packaged = {name.removeprefix("suite/workflow/") for name in names if name.startswith("suite/workflow/")}
    assert packaged == WORKFLOW
    for name in WORKFLOW:
        assert (ROOT / name).is_file(), f"{name} is the one source of what the wheel carries"
    subprocess.run([*pip, "install", "--no-deps", "--target", SITE, str(wheel)], cwd=folder, check=True)
    return folder / SITE


def call(installed: Path, cwd: Path, *command: str) -> subprocess.CompletedProcess:
    """A Python command outside the checkout, in which `suite` is the installed one."""
    environment = os.environ | {"PYTHONPATH": str(installed), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )


def test_an_installed_suite_trains_gathers_and_reports_in_a_folder_of_the_users(installed, tmp_path):
    (tmp_path / "ablations").mkdir()
    (tmp_path / "ablations/mine.py").write_text(ABLATION)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(CONFIG))
    done = call(installed, tmp_path, "-m", "suite", "sweep", "--config", "mine.yaml", "--cores", "2")
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.strip().endswith("report: reports/mine/report.html")
    runs = pd.read_parquet(tmp_path / "results/studies/mine/runs.parquet")
    assert list(runs["status"]) == ["finished"] * 2 and not runs["stale"].any()
    assert json.loads((tmp_path / "results/studies/mine/results.json").read_text())
    assert "2 of 2 planned runs finished" in (tmp_path / "reports/mine/report.html").read_text()


def test_outside_a_checkout_the_packaged_quick_study_is_meant(installed, tmp_path):
    place = call(installed, tmp_path, "-c", "import suite; print(suite.__file__)")
    assert Path(place.stdout.strip()).is_relative_to(installed)
    done = call(installed, tmp_path, "-m", "suite", "plan", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["study"] == "quick"


def test_an_installed_profile_is_named_as_in_a_checkout(installed, tmp_path):
    code = "from suite.study import workflow; print(*map(workflow.find_profile, ['profiles/gpu', '-n']), sep='\\n')"
    done = call(installed, tmp_path, "-c", code)
    assert done.stdout.splitlines() == [str(installed / "suite/workflow/profiles/gpu"), "-n"]


def test_a_users_ablation_may_not_hide_one_of_the_suite(installed, tmp_path):
    (tmp_path / "ablations").mkdir()
    (tmp_path / "ablations/critics.py").write_text(ABLATION)
    done = call(installed, tmp_path, "-m", "suite", "plan")
    assert done.returncode == 2 and "ablations/critics.py has the name of an ablation" in done.stderr
