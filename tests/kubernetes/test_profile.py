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
from builders.kubernetes import MANIFESTS, PROFILE, Cluster, until, validate

IMAGE = os.environ.get("SAC_SUITE_IMAGE")  # of the container file: pods are then containers of it


def start(cluster: Cluster, folder: Path, *arguments: str) -> subprocess.Popen:
    """Snakemake with the profile, as its manifest starts it, in a folder that is the volume."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--configfile", "study.yaml", "--cores", "2", "--workflow-profile", str(PROFILE)]
    command += ["--container-image", IMAGE or "sac-suite:test", "--seconds-between-status-checks", "1"]
    command += ["--latency-wait", "5", "--kubernetes-volume-persistent-volumes", f"sac-suite:{folder}", *arguments]
    environment = os.environ | {"PYTHONPATH": f"{PROFILE}:{ROOT}", "KUBECONFIG": str(cluster.kubeconfig())}
    with (folder / "sweep.log").open("w") as log:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)


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
    config(tmp_path)
    given = "--set-resources", "runs_0:gpu=1", "runs_0:gpu_manufacturer=nvidia", "runs_0:scale=0", "--until", "runs_0"
    sweep = start(cluster, tmp_path, *given)
    until(lambda: list(tmp_path.rglob("checkpoint-*.npz")))
    before = max(path.stat().st_mtime_ns for path in tmp_path.rglob("checkpoint-*.npz"))
    sweep.send_signal(signal.SIGTERM)
    assert sweep.wait(300) == 1
    assert max(path.stat().st_mtime_ns for path in tmp_path.rglob("checkpoint-*.npz")) > before, "it saved"
    assert not cluster.refused and not cluster.pods and not cluster.secrets
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


def test_pods_are_lost_and_the_tables_are_those_of_one_machine(cluster, study, tmp_path):
    """A process is killed, a pod is evicted, a job is deleted, the server is busy; the fourth attempt ends the run."""
    config(tmp_path)
    sweep = start(cluster, tmp_path, "--until", "statistics")
    lost: set[str] = set()
    for lose in (_killed, _evicted, _deleted):
        until(lambda: _training(cluster, tmp_path, lost))
        (pod,) = (pod for job, pod in list(cluster.pods.items()) if job not in lost)
        lost.add(pod.job)
        cluster.busy = 3
        lose(cluster, pod)
    finish(sweep, tmp_path)
    assert_same_tables(tmp_path, study)
    assert {refused.code for refused in cluster.refused} == {404, 503}
    assert not cluster.pods and not cluster.secrets
    assert len(cluster.jobs) == len(lost) + 1 + 3, "all four runs in one job, then gather, check and statistics"


def _killed(cluster, pod) -> None:
    pod.tell(signal.SIGKILL)


def _evicted(cluster, pod) -> None:
    pod.end()


def _deleted(cluster, pod) -> None:
    cluster.remove(pod)


def _training(cluster: Cluster, folder: Path, lost: set[str]) -> bool:
    """Whether a pod that is not lost has written a checkpoint."""
    newest = max((path.stat().st_mtime for path in folder.rglob("checkpoint-*.npz") if path.exists()), default=0)
    fresh = [pod for job, pod in list(cluster.pods.items()) if job not in lost and pod.exit_code is None]
    return bool(fresh) and newest > fresh[0].started
