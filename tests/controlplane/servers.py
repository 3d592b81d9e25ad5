"""The command lines of the three servers, as values. Pure; must not import anything of the package but `credentials`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.controlplane.credentials import Credentials

ETCD = "etcd"
API_SERVER = "kube-apiserver"
CONTROLLER_MANAGER = "kube-controller-manager"

_CONTROLLERS = (
    "namespace-controller",
    "garbage-collector-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
    "clusterrole-aggregation-controller",
    "deployment-controller",
    "replicaset-controller",
)

# Who asked for what, without bodies: tests count writes and compare the rights that were used with those granted.
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {level: None, users: ["system:apiserver", "system:kube-controller-manager", "system:anonymous"]}
  - {level: Metadata, omitManagedFields: true}
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Free ports on 127.0.0.1 of one run."""

    etcd: int
    etcd_peer: int
    api_server: int


def etcd_arguments(folder: Path, ports: Ports) -> list[str]:
    client, peer = f"http://127.0.0.1:{ports.etcd}", f"http://127.0.0.1:{ports.etcd_peer}"
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def api_server_arguments(folder: Path, ports: Ports, made: Credentials) -> list[str]:
    return [
        f"--etcd-servers=http://127.0.0.1:{ports.etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={ports.api_server}",
        f"--cert-dir={folder / 'certificates'}",
        f"--tls-cert-file={made.server_certificate}",
        f"--tls-private-key-file={made.server_key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={made.service_account_public_key}",
        f"--service-account-signing-key-file={made.service_account_key}",
        f"--token-auth-file={made.tokens_file}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--endpoint-reconciler-type=none",
        f"--audit-policy-file={folder / 'audit-policy.yaml'}",
        f"--audit-log-path={folder / 'audit.jsonl'}",
        "--profiling=false",
    ]


def controller_manager_arguments(kubeconfig: Path, made: Credentials) -> list[str]:
    return [
        f"--kubeconfig={kubeconfig}",
        f"--service-account-private-key-file={made.service_account_key}",
        f"--root-ca-file={made.ca_file}",
        f"--controllers={','.join(_CONTROLLERS)}",
        "--secure-port=0",
        "--leader-elect=false",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--profiling=false",
    ]
