"""The control plane does what tests and demo need of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.controlplane import CommandFailedError, ControlPlane
from tests.controlplane.audit import read_audit

if TYPE_CHECKING:
    from pathlib import Path


class TestRunning:
    def test_the_api_server_answers_and_the_controllers_work(self, plane: ControlPlane, namespace: str) -> None:
        deployment = ["create", "deployment", "web", "--image=example/web", f"--namespace={namespace}"]
        plane.kubectl(*deployment)
        plane.kubectl("wait", "--for=create", "serviceaccount/default", f"--namespace={namespace}", "--timeout=20s")
        replica_set = ["--for=jsonpath={.status.replicas}=1", "replicaset", "--selector=app=web"]
        plane.kubectl("wait", *replica_set, f"--namespace={namespace}", "--timeout=20s")

    def test_versions_are_those_of_the_modules(self, plane: ControlPlane) -> None:
        assert plane.kubectl("version").count("v1.35.") == 2
        assert plane.helm("version", "--template={{.Version}}").startswith("v4.")

    def test_standard_input_and_errors_of_kubectl(self, plane: ControlPlane, namespace: str) -> None:
        config_map = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": "v"}}'
        plane.kubectl("apply", f"--namespace={namespace}", "--filename=-", input=config_map)
        with pytest.raises(CommandFailedError, match='configmaps "nope" not found') as caught:
            plane.kubectl("get", "configmap", "nope", f"--namespace={namespace}")
        assert caught.value.status == 1

    def test_a_command_that_takes_too_long_is_ended(self, plane: ControlPlane) -> None:
        with pytest.raises(CommandFailedError, match="did not end in time"):
            plane.kubectl("get", "namespaces", "--watch", timeout=1.5)

    def test_values_of_secrets_are_not_in_the_text_of_a_failure(self, plane: ControlPlane) -> None:
        with pytest.raises(CommandFailedError) as caught:
            plane.kubectl("create", "secret", "generic", "s", "--from-literal=k=canary-8c1d", "--namespace=nowhere")
        assert "canary-8c1d" not in str(caught.value)
        assert "--from-literal=…" in str(caught.value)

    @pytest.mark.full  # the adapter's test of a restart stops and starts it as well, and finds its data again
    def test_the_data_of_a_stopped_api_server_is_kept(self, plane: ControlPlane, namespace: str) -> None:
        plane.stop_api_server()
        with pytest.raises(CommandFailedError, match="refused"):
            plane.kubectl("get", "namespace", namespace)
        plane.start_api_server()
        assert plane.kubectl("get", "namespace", namespace, "--output=name") == f"namespace/{namespace}\n"

    def test_a_paused_api_server_answers_nothing_until_it_goes_on(self, plane: ControlPlane, namespace: str) -> None:
        plane.pause()
        try:
            with pytest.raises(CommandFailedError):
                plane.kubectl("get", "namespace", namespace, "--request-timeout=1s", timeout=20)
        finally:
            plane.resume()
        assert plane.kubectl("get", "namespace", namespace, "--output=name") == f"namespace/{namespace}\n"


class TestIdentities:
    def test_a_service_account_may_do_what_it_was_granted_and_no_more(
        self, plane: ControlPlane, namespace: str, tmp_path: Path
    ) -> None:
        in_namespace = f"--namespace={namespace}"
        plane.kubectl("create", "serviceaccount", "reader", in_namespace)
        plane.kubectl("create", "role", "reader", "--verb=list", "--resource=configmaps", in_namespace)
        plane.kubectl("create", "rolebinding", "r", "--role=reader", f"--serviceaccount={namespace}:reader", in_namespace)
        token = plane.create_token(namespace, "reader")
        kubeconfig = plane.kubeconfig_for_token(token, tmp_path / "reader.kubeconfig", user="reader")
        assert kubeconfig.stat().st_mode & 0o077 == 0

        plane.kubectl("get", "configmaps", in_namespace, kubeconfig=kubeconfig)
        with pytest.raises(CommandFailedError, match=r"User .*:reader\" cannot list resource"):
            plane.kubectl("get", "secrets", in_namespace, kubeconfig=kubeconfig)

        asked = plane.eventually(lambda: asked_for_objects(plane, namespace), "both requests in the audit log")
        assert asked == {("list", "configmaps"): 200, ("list", "secrets"): 403}


def asked_for_objects(plane: ControlPlane, namespace: str) -> dict[tuple[str, str], int] | None:
    """What the reader asked for, with the answers' codes, once both questions are in the audit log."""
    entries = read_audit(plane.audit_log, user=f"system:serviceaccount:{namespace}:reader")
    asked = {(entry.verb, entry.resource): entry.code for entry in entries if entry.resource}
    return asked if len(asked) > 1 else None
