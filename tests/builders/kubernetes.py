"""A Kubernetes of one node in a test: the API that the profile's executor calls, and pods that are processes.

What it refuses, a real API server refuses: a body that is not by Kubernetes' own schemas, a call without the token or
not allowed by the Role of profiles/kubernetes/sweep.yaml, a claim or secret that is not there, a device without limit.
With an image, pods are containers of it (podman); without, processes of this machine in the folder they ask for.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import kubernetes_validate
import yaml

from builders.runs import ROOT

PROFILE = ROOT / "profiles/kubernetes"
MANIFESTS = list(yaml.safe_load_all((PROFILE / "sweep.yaml").read_text()))
VERSION = "1.31"  # of the schemas
TOKEN = "a-token-of-the-test"
CALL = re.compile(r"/apis?(/batch)?/v1/namespaces/sac-suite/(?P<kind>\w+)(/(?P<name>[^/]+))?(/(?P<sub>\w+))?")
VERBS = {"POST": "create", "DELETE": "delete", "GET": "get"}


class Refused(Exception):
    """An answer other than 200: its code and its reason."""

    def __init__(self, code: int, reason: str):
        super().__init__(f"{code}: {reason}")
        self.code, self.reason = code, reason


@dataclass
class Pod:
    """A job's only pod: what was asked for, the process, and its log."""

    job: str
    body: dict
    log: Path
    process: subprocess.Popen | None = None
    container: list[str] = field(default_factory=list)  # the command that tells a container something, if it is one

    @property
    def spec(self) -> dict:
        return self.body["spec"]["template"]["spec"]

    @property
    def exit_code(self) -> int | None:
        return self.process.poll()

    def tell(self, number: signal.Signals) -> None:
        """Sends a signal as a kubelet does, to the first process alone; a kill ends all of the pod's."""
        if self.exit_code is not None:
            return
        if self.container:
            subprocess.run([*self.container, number.name], capture_output=True)
        elif number == signal.SIGKILL:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    def kill(self) -> None:
        """Its processes end at once, as when memory runs out."""
        self.tell(signal.SIGKILL)

    def end(self) -> None:
        """Tells it to go, and ends it after its grace."""
        self.tell(signal.SIGTERM)
        try:
            self.process.wait(self.spec["terminationGracePeriodSeconds"])
        except subprocess.TimeoutExpired:
            self.tell(signal.SIGKILL)


class Cluster:
    """The server and its node. calls: every call by its verb and kind; jobs: every body that was accepted."""

    def __init__(self, folder: Path, image: str | None = None):
        self.folder, self.image = folder, image
        self.calls: list[tuple[str, str]] = []
        self.refused: list[Refused] = []
        self.jobs: dict[str, dict] = {}
        self.secrets: dict[str, dict] = {}
        self.pods: dict[str, Pod] = {}
        self.busy = 0  # so many next calls to read are answered with 503
        self.claims = [one["metadata"]["name"] for one in MANIFESTS if one["kind"] == "PersistentVolumeClaim"]
        (role,) = (one for one in MANIFESTS if one["kind"] == "Role")
        self.allowed = {(verb, kind) for rule in role["rules"] for kind in rule["resources"] for verb in rule["verbs"]}
        self.lock = threading.RLock()

    def __enter__(self) -> Cluster:
        handler = type("Handler", (_Handler,), {"cluster": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        for pod in self.pods.values():
            pod.tell(signal.SIGKILL)

    def kubeconfig(self) -> Path:
        """The file by which clients find and enter this cluster."""
        named = {"name": "test"}
        server = {"server": f"http://127.0.0.1:{self.server.server_port}"}
        path = self.folder / "kubeconfig"
        contents = {"apiVersion": "v1", "kind": "Config", "current-context": "test"}
        contents["clusters"] = [named | {"cluster": server}]
        contents["users"] = [named | {"user": {"token": TOKEN}}]
        contents["contexts"] = [named | {"context": {"cluster": "test", "user": "test"}}]
        path.write_text(yaml.safe_dump(contents))
        return path

    def answer(self, method: str, url: str, token: str, body: dict | None) -> dict | str:
        """What a call is answered; Refused where a real server would refuse it."""
        asked, query = CALL.fullmatch(urlparse(url).path), parse_qs(urlparse(url).query)
        if token != f"Bearer {TOKEN}":
            raise Refused(401, "Unauthorized")
        if not asked:
            raise Refused(404, f"the server could not find {url}")
        kind = asked["kind"] + (f"/{asked['sub']}" if asked["sub"] else "")
        verb = "list" if method == "GET" and not asked["name"] else VERBS[method]
        with self.lock:
            self.calls.append((verb, kind))
            if (verb, kind) not in self.allowed:
                raise Refused(403, f"the role may not {verb} {kind}")
            if verb in ("get", "list") and self.busy:
                self.busy -= 1
                raise Refused(503, "the server is currently unable to handle the request")
            return getattr(self, f"_{verb}_{kind.replace('/', '_')}")(asked["name"], query, body)

    def _create_secrets(self, name: None, query: dict, body: dict) -> dict:
        validate(body, "v1", "Secret")
        self.secrets[body["metadata"]["name"]] = body.get("data", {})
        return body

    def _delete_secrets(self, name: str, query: dict, body: dict) -> dict:
        del self.secrets[name]
        return {"status": "Success"}

    def _create_jobs(self, name: None, query: dict, body: dict) -> dict:
        validate(body, "batch/v1", "Job")
        job, spec = body["metadata"]["name"], body["spec"]["template"]["spec"]
        if job in self.jobs:
            raise Refused(409, "AlreadyExists")
        _admit(spec, self.claims, self.secrets)
        self.jobs[job] = body
        self.pods[job] = self._started(Pod(job, body, self.folder / f"{job}.log"))
        return body

    def _get_jobs_status(self, name: str, query: dict, body: None) -> dict:
        code = self._pod(name).exit_code
        state = "active" if code is None else "failed" if code else "succeeded"
        return self.jobs[name] | {"status": {state: 1}}

    def _delete_jobs(self, name: str, query: dict, body: dict) -> dict:
        if query.get("propagationPolicy") != ["Foreground"]:
            raise Refused(422, "the pod would outlive its job")
        threading.Thread(target=self.remove, args=(self._pod(name),), daemon=True).start()
        return {"status": "Success"}

    def remove(self, pod: Pod) -> None:
        """A job goes when its pod has gone."""
        pod.end()
        with self.lock:
            self.pods.pop(pod.job, None)

    def _list_pods(self, name: None, query: dict, body: None) -> dict:
        wanted = query["labelSelector"][0].removeprefix("job-name=")
        return {"items": [_state(pod) for job, pod in self.pods.items() if job == wanted]}

    def _delete_pods(self, name: str, query: dict, body: dict) -> dict:
        pod = self._pod(name.removesuffix("-pod"))
        threading.Thread(target=pod.end, daemon=True).start()
        return _state(pod)

    def _get_pods_log(self, name: str, query: dict, body: None) -> str:
        if query.get("previous") == ["True"]:
            raise Refused(400, f'previous terminated container "snakemake" in pod "{name}" not found')
        return self._pod(name.removesuffix("-pod")).log.read_text()

    def _pod(self, job: str) -> Pod:
        if job not in self.pods:
            raise Refused(404, f'jobs.batch "{job}" not found')
        return self.pods[job]

    def _started(self, pod: Pod) -> Pod:
        """Runs its container: with the environment of the image and what it is given, and nothing else."""
        (container,) = pod.spec["containers"]
        folder, mounts = Path(container["workingDir"]), [Path(one["mountPath"]) for one in container["volumeMounts"]]
        if not any(mount in (folder, *folder.parents) for mount in mounts):
            raise Refused(422, f"{folder} lies on no volume of the pod")
        command = [*container["command"], *container["args"]]
        with pod.log.open("w") as log:
            streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            if self.image:
                name = f"--name={pod.job}"
                binds = [f"--volume={mount}:{mount}" for mount in mounts]
                options = ["--rm", "--network=none", name, f"--workdir={folder}", *binds]
                command = ["podman", "run", *options, container["image"], *command]
                pod.container = ["podman", "kill", pod.job, "--signal"]
                pod.process = subprocess.Popen(command, **streams, start_new_session=True)
            else:
                path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
                variables = {"PATH": path, "PYTHONPATH": f"{PROFILE}:{ROOT}", "HOME": str(self.folder)}
                pod.process = subprocess.Popen(command, **streams, cwd=folder, env=variables, start_new_session=True)
        return pod


def validate(body: dict, version: str, kind: str) -> None:
    """Refused if a body is not what Kubernetes' schemas say."""
    try:
        kubernetes_validate.validate({"apiVersion": version, "kind": kind} | body, VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        raise Refused(422, str(error)) from None


def _admit(spec: dict, claims: list[str], secrets: dict) -> None:
    """Refuses what schemas cannot tell: a claim or secret that is not there, a device without its limit."""
    for volume in spec.get("volumes", []):
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        if claim is not None and claim not in claims:
            raise Refused(422, f"there is no claim {claim}")
    for container in spec["containers"]:
        for variable in container.get("env", []):
            key = variable["valueFrom"]["secretKeyRef"]
            if key["key"] not in secrets.get(key["name"], {}):
                raise Refused(422, f"there is no secret {key}")
        resources = container["resources"]
        for name in (name for name in resources["requests"] if "/" in name):
            if resources.get("limits", {}).get(name) != resources["requests"][name]:
                raise Refused(422, f"Limit must be set for non overcommitable resources: {name}")


def _state(pod: Pod) -> dict:
    code = pod.exit_code
    state = {"running": {}} if code is None else {"terminated": {"exitCode": code}}
    container = {
        "name": "snakemake",
        "image": "",
        "imageID": "",
        "ready": code is None,
        "restartCount": 0,
        "state": state,
    }
    return {"metadata": {"name": f"{pod.job}-pod"}, "status": {"containerStatuses": [container]}}


class _Handler(BaseHTTPRequestHandler):
    cluster: Cluster

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        try:
            answer = self.cluster.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            code, text = 200, answer if isinstance(answer, str) else json.dumps(answer)
        except Refused as refused:
            self.cluster.refused.append(refused)
            code, text = refused.code, json.dumps({"kind": "Status", "code": refused.code, "message": refused.reason})
        data = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _handle

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


def until(happens, seconds: float = 600.0) -> None:
    """Waits for it; fails if it does not come."""
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
