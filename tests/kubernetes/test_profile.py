"""The profile for Kubernetes against the API: a sweep whose pods train, are lost, refused and told to go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from builders.runs import ROOT
from builders.sweeps import assert_same_tables, config
from builders.sweeps import snakemake as on_one_machine

pytest.importorskip("snakemake_executor_plugin_kubernetes", reason="not set up: make test-kubernetes")
pytest.importorskip("kubernetes_validate", reason="not set up: make test-kubernetes")
from builders.kubernetes import MANIFESTS, PROFILE, Cluster, Pod, until, validate

from suite.lab import records

IMAGE = os.environ.get("SAC_SUITE_IMAGE")  # of the container file: pods are then containers of it


WORKFLOW = """
rule all:
    input: "done"

rule one:
    output: "done"
    retries: 3
    shell: "exec python {workflow.basedir}/told.py {output}"
"""
PROGRAM = """
import pathlib, signal, sys, time

def told(*_):
    pathlib.Path("saved").touch()
    sys.exit(75)

signal.signal(signal.SIGTERM, told)
tries = pathlib.Path("tries")
tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
if len(tries.read_text()) < 4:
    time.sleep(600)
pathlib.Path(sys.argv[1]).touch()
"""


def start(cluster: Cluster, folder: Path, *arguments: str) -> subprocess.Popen:
    """Snakemake with the profile, as its manifest starts it, in a folder that is the volume."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--workflow-profile", str(PROFILE)]
    command += ["--container-image", IMAGE or "sac-suite:test", "--seconds-between-status-checks", "1"]
    command += ["--latency-wait", "5", "--kubernetes-volume-persistent-volumes", f"sac-suite:{folder}", *arguments]
    environment = os.environ | {"PYTHONPATH": f"{PROFILE}:{ROOT}", "KUBECONFIG": str(cluster.kubeconfig())}
    with (folder / "sweep.log").open("w") as log:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)


def a_workflow(folder: Path) -> None:
    """One job, which waits to be lost three times, and then is done."""
    (folder / "Snakefile").write_text(WORKFLOW)
    (folder / "told.py").write_text(PROGRAM)


def finish(sweep: subprocess.Popen, folder: Path) -> None:
    """Waits until it has ended well."""
    code = sweep.wait(900)
    assert code == 0, (folder / "sweep.log").read_text()


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path, IMAGE) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """The same study without a cluster."""
    folder = tmp_path_factory.mktemp("study")
    config(folder)
    done = on_one_machine(folder, "--until", "statistics")
    assert done.returncode == 0, done.stderr
    return folder


def test_the_manifests_are_by_kubernetes_schemas_and_fit_the_profile():
    for one in MANIFESTS:
        validate(one, one["apiVersion"], one["kind"])
    (sweep,) = (one for one in MANIFESTS if one["kind"] == "Job")
    (container,) = sweep["spec"]["template"]["spec"]["containers"]
    (mount,) = container["volumeMounts"]
    assert f"sac-suite:{mount['mountPath']}" in (PROFILE / "config.yaml").read_text()
    assert container["workingDir"] == mount["mountPath"]
    assert container["args"][container["args"].index("--container-image") + 1] == container["image"]


def test_what_the_profile_says_reaches_the_api_and_a_sweep_that_is_told_to_go_tells_its_pods(cluster, tmp_path):
    a_workflow(tmp_path)
    sweep = start(cluster, tmp_path, "--set-resources", "one:gpu=1", "one:gpu_manufacturer=nvidia", "one:scale=0")
    until((tmp_path / "tries").exists)
    sweep.send_signal(signal.SIGTERM)
    assert sweep.wait(300) == 1
    assert (tmp_path / "saved").exists()
    assert not cluster.pods and not cluster.secrets
    (job,) = cluster.jobs.values()
    assert job["spec"]["backoffLimit"] == 0, "Snakemake tries again, by its own count"
    pod = job["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never" and pod["terminationGracePeriodSeconds"] == 120
    assert pod["volumes"] == [{"name": "sac-suite", "persistentVolumeClaim": {"claimName": "sac-suite"}}]
    (container,) = pod["containers"]
    assert container["image"] == (IMAGE or "sac-suite:test") and container["workingDir"] == str(tmp_path)
    assert container["volumeMounts"] == [{"name": "sac-suite", "mountPath": str(tmp_path)}]
    wanted = {"cpu": "950m", "memory": "4000M", "ephemeral-storage": "1000M", "nvidia.com/gpu": "1"}
    assert container["resources"]["requests"] == wanted
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert "pip install" not in str(container), "the image has all that a pod needs"


def test_a_pod_that_is_killed_evicted_or_deleted_is_followed_by_another(cluster, tmp_path):
    """All of it while the server does not answer every call; the fourth attempt is left alone."""
    a_workflow(tmp_path)
    sweep = start(cluster, tmp_path)
    for n, lose in enumerate((Pod.kill, Pod.end, cluster.remove), start=1):
        until(lambda n=n: (tmp_path / "tries").exists() and len((tmp_path / "tries").read_text()) == n)
        (pod,) = (pod for pod in list(cluster.pods.values()) if pod.exit_code is None)
        cluster.busy = 3
        lose(pod)
    finish(sweep, tmp_path)
    assert {refused.code for refused in cluster.refused} == {404, 503}
    assert len(cluster.jobs) == 4 and not cluster.pods and not cluster.secrets
    logs = list((tmp_path / ".snakemake").rglob("kubernetes-logs/*.log"))
    assert len(logs) == 2 and all("rule one" in log.read_text() for log in logs), "of the pods that were still there"


def test_what_is_refused_is_told(cluster, tmp_path):
    a_workflow(tmp_path)
    sweep = start(cluster, tmp_path, "--set-resources", "one:gpu=1", "one:gpu_manufacturer=nvidia")
    assert sweep.wait(300) == 1
    assert "Limit must be set for non overcommitable resources" in (tmp_path / "sweep.log").read_text()
    assert not cluster.jobs and not cluster.secrets


def test_a_run_whose_pod_is_evicted_goes_on_and_the_tables_are_those_of_one_machine(cluster, study, tmp_path):
    config(tmp_path)
    suite = "--snakefile", str(ROOT / "Snakefile"), "--configfile", "study.yaml", "--until", "statistics"
    sweep = start(cluster, tmp_path, *suite)
    until(lambda: list(tmp_path.rglob("checkpoint-*.npz")))
    (pod,) = list(cluster.pods.values())
    pod.end()
    finish(sweep, tmp_path)
    assert_same_tables(tmp_path, study)
    assert 2 in [len(records.read_meta(path).attempts) for path in (tmp_path / "results/runs").rglob("*.parquet")]
    assert len(cluster.jobs) == 2 + 3, "all four runs in one job, twice; then gather, check and statistics"
    assert not cluster.refused and not cluster.pods and not cluster.secrets
