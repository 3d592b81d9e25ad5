"""The command line of `python -m tests.standin`: its options, and the stand-in that they describe."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.standin.data_dir import DataDir
from tests.standin.security import ApiKey, Security, User
from tests.standin.stand_in import StandIn
from tests.standin.state import Cluster, Pace, Provider, State
from tests.standin.tls import DEFAULT_NAMES, TlsFiles, create_tls
from tests.standin.version import Version

_DESCRIPTION = """A stand-in for Elasticsearch: the inference, ingest pipeline and model APIs with their exact answers,
errors and side effects. It prints "listening on URL" when it is ready. Everything is kept in memory unless --data-dir
says where to keep it. SIGTERM or Ctrl-C ends it."""
_EPILOG = """examples:
  python -m tests.standin --port 9200
  python -m tests.standin --port 9200 --data-dir .elasticsearch
  python -m tests.standin --port 0 --username elastic --password changeme --tls --tls-dir certs
  python -m tests.standin --version 8.19.0 --deployment-seconds 20 --refuse-key wrong-key --control
  python -m tests.standin --call-providers   (and in another shell: python -m tests.standin.local_provider --key right)

With --control, faults are injected while it runs, e.g. three times a 429 for every write to an endpoint:
  curl -X POST localhost:9200/_standin/faults -d \\
    '{"kind": "too_many_requests", "retry_after": 2, "method": "PUT", "path": "/_inference/*", "times": 3}'
An unknown path below /_standin lists what there is. tests/standin/README.md tells how it differs from a real server.
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(
        prog="python -m tests.standin",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_server_options(found.add_argument_group("server"))
    _add_access_options(found.add_argument_group("access (open to everybody unless one of these is given)"))
    _add_behaviour_options(found.add_argument_group("behaviour"))
    _add_provider_options(found.add_argument_group("providers of models"))
    return found


def _add_server_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    group.add_argument("--port", type=int, default=9200, help="port; 0 takes a free one (default: %(default)s)")
    group.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="keep the cluster in this directory, secrets included, and begin with what is there; options about licence, "
        "identity and access that are given win over it",
    )
    group.add_argument("--control", action="store_true", help="offer /_standin/… to look into the stand-in and to inject faults")
    group.add_argument("--tls", action="store_true", help="serve https with a certificate authority made for the occasion")
    group.add_argument("--tls-dir", type=Path, help="where to write ca.crt, tls.crt, tls.key, client.crt, client.key")
    group.add_argument(
        "--tls-name",
        action="append",
        default=[],
        metavar="NAME",
        help="further host name or address in the certificate; may be repeated",
    )
    group.add_argument("--tls-client-auth", action="store_true", help="require a client certificate (client.crt)")


def _add_access_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--username", default="elastic", help="name of the superuser (default: %(default)s)")
    group.add_argument("--password", help="password of the superuser")
    group.add_argument(
        "--user",
        action="append",
        default=[],
        metavar="NAME:PASSWORD:ROLE[,ROLE]",
        help="further user, e.g. with role inference_admin, inference_user or ingest_admin; may be repeated",
    )
    group.add_argument(
        "--api-key", action="append", default=[], metavar="ID:KEY", help="API key of the superuser; may be repeated"
    )
    group.add_argument(
        "--token", action="append", default=[], metavar="TOKEN", help="bearer token of the superuser; may be repeated"
    )


def _add_behaviour_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--version", default="9.5.0", help="release to play: 8.17, 8.19, 9.2, 9.5 … (default: %(default)s)")
    group.add_argument(
        "--deployment-seconds", type=float, default=3.0, help="how long a model takes to deploy (default: %(default)s)"
    )
    group.add_argument(
        "--download-seconds", type=float, default=0.0, help="how long a model's first download takes (default: %(default)s)"
    )
    group.add_argument(
        "--license",
        choices=("trial", "enterprise", "platinum", "basic", "expired"),
        help="licence of the cluster; inference needs trial or enterprise (default: trial)",
    )
    group.add_argument("--cluster-uuid", help="identity of the cluster in GET / (default: a fixed one)")
    group.add_argument("--eis", action="store_true", help="list the endpoints of the Elastic Inference Service")
    group.add_argument(
        "--no-vendor-services", action="store_true", help="without services that only a vendor's build of the server has"
    )


def _add_provider_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--call-providers",
        action="store_true",
        help="really call the provider of an endpoint whose `url` is plain http on this machine; others are always played",
    )
    group.add_argument(
        "--refuse-key", action="append", default=[], metavar="VALUE", help="secret that played providers refuse; may be repeated"
    )
    group.add_argument(
        "--refuse-key-prefix",
        action="append",
        default=[],
        metavar="TEXT",
        help="played providers refuse secrets that begin like this; may be repeated",
    )


def build(options: argparse.Namespace, data: DataDir | None = None) -> StandIn:
    """The stand-in that the options describe, with the cluster that was kept.

    Raises ValueError for values that make no sense, DataDirError for a file that can't be read.
    """
    state = _state(options, data.load() if data else None)
    if data is not None:
        data.save(state)
    return StandIn(state=state, control=options.control, keep=data.save if data else None)


def _state(options: argparse.Namespace, kept: dict[str, Any] | None) -> State:
    behaviour = State(
        version=Version.parse(options.version),
        pace=Pace(deployment=options.deployment_seconds, download=options.download_seconds),
        provider=Provider(
            refused=frozenset(options.refuse_key),
            refused_prefixes=tuple(options.refuse_key_prefix),
            call_local=options.call_providers,
        ),
    )
    state = replace(behaviour, **(kept or {}))
    return replace(state, cluster=_cluster(options, state.cluster), security=_security(options) or state.security)


def _cluster(options: argparse.Namespace, before: Cluster) -> Cluster:
    """The cluster with what the options say about it, and only that."""
    given: dict[str, Any] = {}
    if options.license is not None:
        expired = options.license == "expired"
        given = {"license_type": "trial" if expired else options.license, "license_status": "expired" if expired else "active"}
    if options.cluster_uuid:
        given["uuid"] = options.cluster_uuid
    if options.eis:
        given["eis"] = True
    if options.no_vendor_services:
        given["vendor_services"] = False
    return replace(before, **given)


def _security(options: argparse.Namespace) -> Security | None:
    if not (options.password or options.user or options.api_key or options.token):
        return None
    users = {options.username: User(options.password or "", enabled=bool(options.password))}
    for text in options.user:
        name, password, roles = text.split(":")
        users[name] = User(password, tuple(roles.split(",")))
    keys = {}
    for text in options.api_key:
        key_id, _, secret = text.partition(":")
        keys[key_id] = ApiKey(secret, owner=options.username)
    given: list[str] = options.token
    owner: str = options.username
    tokens = dict.fromkeys(given, owner)
    return Security(users, keys, tokens)


def tls_files(options: argparse.Namespace) -> TlsFiles | None:
    """The certificates that are asked for, written anew. Raises ValueError without a directory for them."""
    if not options.tls:
        return None
    if options.tls_dir is None:
        msg = "--tls needs --tls-dir, the directory that ca.crt and the certificates are written to"
        raise ValueError(msg)
    return create_tls(options.tls_dir, (*DEFAULT_NAMES, *options.tls_name), client_required=options.tls_client_auth)
