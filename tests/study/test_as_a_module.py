"""Another project's workflow uses the suite's as a module, with a study of its own, in a folder of its own."""

from __future__ import annotations

import re
import subprocess
import sys

import pandas as pd
import pytest
from builders.runs import ROOT
from builders.sweeps import ENVIRONMENT

PAGE = (ROOT / "docs/extending.md").read_text().partition("\n## Another project's workflow\n")[2]
SNAKEFILE, CONFIG = (re.search(rf"```{name}\n(.*?)```", PAGE, re.DOTALL)[1] for name in ("snakemake", "yaml"))
"""What the page shows is what is tested."""
STUDY = """sweeps:
  - {tasks: [Pendulum-v1], env_steps: 200, evaluate: {every: 100, episodes: 1}, seeds: [0, 1], implementations: [torch],
     presets: [sac_v2_small]}
"""


@pytest.fixture
def project(tmp_path):
    """A project with the page's workflow and config, and a folder that happens to be called as the suite's package."""
    folder = tmp_path / "a paper"
    (folder / "suite").mkdir(parents=True)
    (folder / "profiles/default").mkdir(parents=True)
    (folder / "Snakefile").write_text(SNAKEFILE)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "sac.yaml").write_text(STUDY)
    (folder / "profiles/default/config.yaml").write_text((ROOT / "profiles/default/config.yaml").read_text())
    return folder


def snakemake(folder, *arguments):
    """Snakemake in the project, with its own Snakefile and profile, as its authors would call it."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=900)


def jobs(done):
    """How often each rule is to run, by a dry run's table."""
    assert done.returncode == 0, done.stdout + done.stderr
    table = (done.stdout + done.stderr).partition("Job stats:")[2].partition("total")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)", table, re.MULTILINE)}


STEPS = dict.fromkeys(("sac_gather", "sac_check", "sac_statistics", "sac_figures", "sac_report"), 1)


def test_its_rules_stand_among_those_of_the_project(project):
    done = snakemake(project, "-n", "--config", "genes=3")
    assert jobs(done) == {"paper": 1, "sac_run": 2, "sac_gather": 1}
    assert jobs(snakemake(project, "-n", "sac_all")) == {"sac_all": 1, "sac_run": 2} | STEPS
    (project / "config.yaml").write_text(CONFIG.replace("sac.yaml", "sac.yaml, seeds_per_job: 2"))
    assert jobs(snakemake(project, "-n")) == {"paper": 1, "sac_block_0_1": 1, "sac_gather": 1}
    assert not (project / "results").exists()


def test_a_mistake_in_its_config_is_a_sentence(project):
    (project / "sac.yaml").write_text(STUDY.replace("sac_v2_small", "sac_v2_smal"))
    done = snakemake(project)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "error: sac.yaml: sweeps[0].presets[0] is 'sac_v2_smal'" in done.stderr
    assert "did you mean 'sac_v2_small'?" in done.stderr and not (project / "results").exists()


def test_it_trains_for_the_project_and_is_not_asked_twice(project):
    done = snakemake(project)
    assert done.returncode == 0, done.stdout + done.stderr
    runs = pd.read_parquet(project / "paper/runs.parquet")
    assert list(runs["status"]) == ["finished"] * 2 and list(runs["seed"]) == [0, 1]
    tables = project / "results/studies/sac"
    record = project / runs["path"][0] if "path" in runs else next((project / "results/runs").rglob("s0-200.parquet"))
    assert (tables / "declaration.json").stat().st_mtime < record.stat().st_mtime, "it was declared before it trained"
    again = snakemake(project)
    assert again.returncode == 0 and "Nothing to be done" in again.stdout + again.stderr
