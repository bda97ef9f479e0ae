"""Several writers of one file, and writers that are killed: the file is always one of theirs, whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from builders.sweeps import ENVIRONMENT

from suite.files import HOST, atomic, remove_temporaries, whole_folder


def names(folder):
    return {one.name for one in folder.iterdir()}


WRITER = """
import sys
import time
from pathlib import Path
from suite.files import atomic
path, letter = Path(sys.argv[1]), sys.argv[2]
for _ in range(200):
    with atomic(path) as temporary:
        temporary.write_text(letter * 50_000)
    assert len(set(path.read_text())) == 1 and path.stat().st_size == 50_000
"""


def test_two_processes_that_write_one_file_both_succeed(tmp_path):
    path = tmp_path / "a[1]*.json"
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, letter], env=ENVIRONMENT) for letter in "ab"]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    assert names(tmp_path) == {path.name}


def test_threads_that_write_one_file_all_succeed(tmp_path):
    def write(letter):
        for _ in range(50):
            with atomic(tmp_path / "file") as temporary:
                temporary.write_text(letter * 10_000)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, "abcd"))
    assert names(tmp_path) == {"file"} and len(set((tmp_path / "file").read_text())) == 1


def test_what_a_killed_writer_leaves_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    code = (
        f"{WRITER.split('for _')[0]}with atomic(path) as t:\n    t.write_text('half')\n    print('wrote', flush=True)\n"
    )
    command = [sys.executable, "-c", code + "    sys.stdin.read()", str(tmp_path / "file"), "a"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": ENVIRONMENT}
    killed, living = subprocess.Popen(command, **pipes), subprocess.Popen(command, **pipes)
    assert [writer.stdout.readline() for writer in (killed, living)] == ["wrote\n"] * 2
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    elsewhere = tmp_path / f".file.another-{HOST}.{killed.pid}.0.tmp"  # of another machine, which may live
    stray = tmp_path / ".notes.tmp"
    for file in (elsewhere, stray):
        file.touch()
    remove_temporaries(tmp_path)
    kept = {elsewhere.name, stray.name, f".file.{HOST}.{living.pid}.0.tmp"}
    assert names(tmp_path) == kept
    living.communicate("")
    assert (tmp_path / "file").read_text() == "half"


def test_a_process_that_began_later_is_not_the_writer_whose_number_it_has(tmp_path, monkeypatch):
    (tmp_path / f".file.{HOST}.{os.getpid()}.0.tmp").touch()
    remove_temporaries(tmp_path)
    assert len(names(tmp_path)) == 1
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: time.time() + 60)
    remove_temporaries(tmp_path)
    assert names(tmp_path) == set()


def test_a_folder_that_is_made_whole_clears_what_a_killed_writer_of_it_left(tmp_path):
    code = "import sys\nfrom pathlib import Path\nfrom suite.files import whole_folder\n"
    code += "with whole_folder(Path(sys.argv[1])) as new:\n"
    command = [sys.executable, "-c", code + "    print(new, flush=True); sys.stdin.read()", str(tmp_path / "tables")]
    writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert writer.stdout.readline().strip() == str(next(tmp_path.iterdir()))
    writer.kill()
    writer.wait()
    with whole_folder(tmp_path / "tables") as new:
        assert list(tmp_path.iterdir()) == [new]
    assert names(tmp_path) == {"tables"}


def test_an_exception_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic(tmp_path / "file") as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert names(tmp_path) == {"file"} and (tmp_path / "file").read_text() == "old"
