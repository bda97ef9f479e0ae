"""What pyproject.toml cannot say: the wheel carries the workflow, copied from the top of the repository."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

WORKFLOW = (
    "Snakefile",
    "profiles/default/config.yaml",
    "profiles/gpu/config.yaml",
    "profiles/slurm/config.yaml",
    "config/quick.yaml",
)


class BuildWithWorkflow(build_py):
    """Copies the workflow's files to suite/workflow/; an editable install reads them where they lie."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name in WORKFLOW:
            target = Path(self.build_lib, "suite", "workflow", name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(name, target)


setup(cmdclass={"build_py": BuildWithWorkflow})
