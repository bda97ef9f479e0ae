"""Results put into a bucket and brought back, over the protocol of S3; and that a bucket is no place to train in."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builders.runs import ROOT
from builders.sweeps import config

PYTHON = Path(os.environ.get("SAC_SUITE_STORAGE_PYTHON", ROOT / ".venv-storage/bin/python"))
KEYS = {"SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "an-access-key", "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "a-secret-of-the-test"}
MAKE_BUCKET = "import boto3, sys; boto3.client('s3', endpoint_url=sys.argv[1]).create_bucket(Bucket='sac')"

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="not set up: make test-kubernetes")


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    """A server that speaks S3, with an empty bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("s3") / "log").open("w")
    server = subprocess.Popen([PYTHON, "-m", "moto.server", "-p", str(port)], stdout=log, stderr=log)
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert server.poll() is None, "the server has ended"
            time.sleep(0.1)
        keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
        address = f"http://127.0.0.1:{port}"
        subprocess.run([PYTHON, "-c", MAKE_BUCKET, address], env=os.environ | keys, check=True)
        yield address
    finally:
        server.kill()


def storage(folder: Path, endpoint: str, do: str) -> str:
    """Snakemake with the profile for storage; what it tells."""
    profile = ROOT / "profiles/storage"
    command = [PYTHON, "-m", "snakemake", "--snakefile", profile / "Snakefile", "--workflow-profile", profile]
    command += ["--storage-s3-endpoint-url", endpoint, "--config", "bucket=s3://sac/a-study", f"do={do}"]
    done = subprocess.run(command, cwd=folder, env=os.environ | KEYS, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    assert "a-secret-of-the-test" not in done.stdout + done.stderr
    return done.stderr


def test_what_is_put_comes_back_and_nothing_twice(endpoint, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    files = {
        "results/runs/a b/s0-10.parquet": b"\x00\xff",
        "results/runs/a b/s0-10.npz": b"n",
        "reports/it's.html": b"r",
    }
    for name, content in (files | {"results/.work/checkpoint.npz": b"c"}).items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(content)
    there.mkdir()
    storage(here, endpoint, "put")
    assert "Nothing to be done" in storage(here, endpoint, "put")
    storage(there, endpoint, "get")
    back = {str(path.relative_to(there)): path.read_bytes() for path in there.rglob("*") if path.is_file()}
    assert {name: content for name, content in back.items() if not name.startswith(".snakemake")} == files
    (there / "results/runs/a b/s0-10.npz").unlink()
    storage(there, endpoint, "get")
    assert (there / "results/runs/a b/s0-10.npz").read_bytes() == b"n"


def test_a_run_told_to_write_into_a_bucket_is_refused_and_trains_nothing(tmp_path):
    config(tmp_path)
    staged = ".snakemake/storage/s3/sac/results/runs/Pendulum-v1/torch/80d404f902/s0-1400.parquet"
    command = [sys.executable, "-m", "suite", "run", "--config", "study.yaml", "--", staged]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 2 and "error: " in done.stderr and not (tmp_path / "results").exists(), done.stderr
