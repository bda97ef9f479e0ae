"""The profile for Kubernetes against the API: a sweep whose pods train, are lost, refused and told to go."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from builders.runs import ROOT
from builders.sweeps import assert_same_tables, config
from builders.sweeps import snakemake as undisturbed

pytest.importorskip("snakemake_executor_plugin_kubernetes", reason="not set up: make test-kubernetes")
pytest.importorskip("kubernetes_validate", reason="not set up: make test-kubernetes")
from builders.kubernetes import MANIFESTS, PROFILE, Cluster, until

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


def finish(sweep: subprocess.Popen, folder: Path) -> str:
    """What it has told, once it has ended well."""
    code = sweep.wait(600)
    told = (folder / "sweep.log").read_text()
    assert code == 0, told
    return told


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path, IMAGE) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """The same study without a cluster."""
    folder = tmp_path_factory.mktemp("study")
    config(folder)
    done = undisturbed(folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_from_config_to_report_and_the_tables_are_those_of_one_machine(cluster, study, tmp_path):
    config(tmp_path)
    finish(start(cluster, tmp_path), tmp_path)
    assert (tmp_path / "reports/study/report.html").exists()
    assert_same_tables(tmp_path, study)
    assert not cluster.refused and not cluster.pods and not cluster.secrets
    assert len(cluster.jobs) == 6, "one of all four runs, and five steps"


def test_what_the_profile_says_reaches_the_api(cluster, tmp_path):
    config(tmp_path, ablations=[], seeds=[0])
    given = ["--default-resources", "mem_mb=1500", "--set-resources", "runs_0:gpu=1", "runs_0:gpu_manufacturer=nvidia"]
    finish(start(cluster, tmp_path, *given, "runs_0:scale=0", "--until", "runs_0"), tmp_path)
    (job,) = cluster.jobs.values()
    assert job["spec"]["backoffLimit"] == 0, "Snakemake tries again, by its own count"
    pod = job["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never" and pod["terminationGracePeriodSeconds"] == 120
    assert pod["volumes"] == [{"name": "sac-suite", "persistentVolumeClaim": {"claimName": "sac-suite"}}]
    (container,) = pod["containers"]
    assert container["image"] == (IMAGE or "sac-suite:test") and container["workingDir"] == str(tmp_path)
    assert container["volumeMounts"] == [{"name": "sac-suite", "mountPath": str(tmp_path)}]
    wanted = {"cpu": "950m", "memory": "1500M", "nvidia.com/gpu": "1"}
    assert container["resources"]["requests"] == wanted
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert "pip install" not in str(container), "the image has all that a pod needs"


def test_a_lost_pod_goes_on_from_its_checkpoint_on_the_volume(cluster, study, tmp_path):
    """Its process is killed, then it is evicted, then its job is deleted: by then it has been tried four times."""
    config(tmp_path)
    sweep = start(cluster, tmp_path, "--until", "statistics")
    lose = (
        lambda pod: pod.tell(9),
        lambda pod: pod.end(),
        lambda pod: (pod.tell(9), cluster.pods.pop(pod.job)),
    )
    lost = set()
    for losing in lose:
        until(lambda: _training(cluster, tmp_path, lost))
        (pod,) = cluster.pods.values()
        lost.add(pod.job)
        losing(pod)
    finish(sweep, tmp_path)
    assert_same_tables(tmp_path, study)


def _training(cluster: Cluster, folder: Path, lost: set[str]) -> bool:
    """Whether a new pod has written a checkpoint."""
    newest = max((path.stat().st_mtime for path in folder.rglob("checkpoint-*.npz") if path.exists()), default=0)
    fresh = [pod for job, pod in list(cluster.pods.items()) if job not in lost]
    return bool(fresh) and newest > fresh[0].log.stat().st_ctime and fresh[0].exit_code is None
