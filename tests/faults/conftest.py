"""What every fault is held against."""

import pytest
from builders.sweeps import config, start_sweep


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A folder with a study of four runs, from its config to its report, that nothing has disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    config(folder)
    assert start_sweep(folder, folder / "log").wait(600) == 0, (folder / "log").read_text()
    return folder
