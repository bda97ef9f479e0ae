"""Snakemake's executor for Kubernetes, with every pod in the sweep's own folder on a volume that all of them share.

The plugin this extends gives each pod an empty folder and moves declared outputs through object storage. The suite's
checkpoints, final arrays, manifest and locks are no outputs of a rule, so here a job sees them where they lie. Whoever
starts the sweep must see the volume at the same path: profiles/kubernetes/sweep.yaml starts it in a pod.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

from kubernetes import client
from snakemake_executor_plugin_kubernetes import Executor as PodExecutor
from snakemake_executor_plugin_kubernetes import ExecutorSettings, common_settings
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from urllib3.util import Retry

__all__ = ["Executor", "ExecutorSettings", "common_settings"]

common_settings = replace(
    common_settings, implies_no_shared_fs=False, job_deploy_sources=False, auto_deploy_default_storage_provider=False
)

GRACE_S = 120  # how long a pod that is told to go may take: trainers finish their step and write a checkpoint
RETRIES = Retry(
    total=8, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504), allowed_methods=("GET", "DELETE")
)

TOLD_TO_GO = """\
trap 'trap "" TERM; kill -TERM 0' TERM
{command} &
wait $!; code=$?
if [ $code -gt 128 ]; then wait $!; code=$?; fi
exit $code
"""
"""A pod's command: Kubernetes tells its first process alone to go, and Snakemake would wait for the trainer to end."""


def on_volume(job: client.V1Job, folder: Path) -> client.V1Job:
    """The plugin's job, with its pod in a folder of the shared volume, and every process of it told to go."""
    pod = job.spec.template.spec
    (container,) = pod.containers
    container.working_dir = str(folder)
    container.volume_mounts = [mount for mount in container.volume_mounts if mount.name != "workdir"]
    pod.volumes = [volume for volume in pod.volumes if volume.name != "workdir"]
    dash_c, command = container.args
    container.args = [dash_c, TOLD_TO_GO.format(command=command)]
    pod.termination_grace_period_seconds = GRACE_S
    return job


class Jobs(client.BatchV1Api):
    """Kubernetes' jobs: each on the volume; None for one that is gone, which the plugin takes for a failure."""

    def create_namespaced_job(self, namespace: str, body: client.V1Job, **options: Any) -> client.V1Job:
        return super().create_namespaced_job(namespace, on_volume(body, Path.cwd()), **options)

    def read_namespaced_job_status(self, name: str, namespace: str, **options: Any) -> client.V1Job | None:
        try:
            return super().read_namespaced_job_status(name, namespace, **options)
        except client.ApiException as error:
            if error.status == 404:
                return None
            raise


class Pods(client.CoreV1Api):
    """Kubernetes' pods: the log is the only container's; the plugin asks for that of one before it, which never was."""

    def read_namespaced_pod_log(self, name: str, namespace: str, **options: Any) -> str:
        return super().read_namespaced_pod_log(name, namespace, **options | {"previous": False})


def patient(api: Any) -> client.ApiClient:
    """The client of an API, which asks again where a busy server does not answer."""
    configuration = api.api_client.configuration
    configuration.retries = RETRIES
    return client.ApiClient(configuration)


class Executor(PodExecutor):
    """One Kubernetes job for each of Snakemake's. The plugin sets both APIs, and anew when its token has run out."""

    async def check_active_jobs(self, active_jobs: list[SubmittedJobInfo]) -> AsyncGenerator[SubmittedJobInfo, None]:
        """The jobs that still run. When Snakemake is told to go it would wait for their ends; here they go first."""
        if active_jobs and self.workflow.scheduler._user_kill:  # set by its handler of TERM
            self.cancel_jobs(active_jobs)
        async for job in super().check_active_jobs(active_jobs):
            yield job

    @property
    def batchapi(self) -> Jobs:
        return self._jobs

    @batchapi.setter
    def batchapi(self, api: client.BatchV1Api) -> None:
        self._jobs = Jobs(patient(api))

    @property
    def kubeapi(self) -> Pods:
        return self._pods

    @kubeapi.setter
    def kubeapi(self, api: client.CoreV1Api) -> None:
        self._pods = Pods(patient(api))
