"""`python -m tests.standin`: the stand-in as a server of its own, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from tests.standin.security import ApiKey, Security, User
from tests.standin.serving import listen, server_for, url_of
from tests.standin.stand_in import StandIn
from tests.standin.state import Cluster, Pace, Provider
from tests.standin.tls import DEFAULT_NAMES, TlsFiles, create_tls
from tests.standin.version import Version

_DESCRIPTION = """A stand-in for Elasticsearch: the inference, ingest pipeline and model APIs with their exact answers,
errors and side effects. It prints "listening on URL" when it is ready. Everything is kept in memory."""
_EPILOG = """examples:
  python -m tests.standin --port 9200
  python -m tests.standin --port 0 --username elastic --password changeme --tls --tls-dir certs
  python -m tests.standin --version 8.19.0 --deployment-seconds 20 --refuse-key wrong-key --control
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
    return found


def _add_server_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    group.add_argument("--port", type=int, default=9200, help="port; 0 takes a free one (default: %(default)s)")
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
        default="trial",
        help="licence of the cluster; inference needs trial or enterprise (default: %(default)s)",
    )
    group.add_argument("--cluster-uuid", help="identity of the cluster in GET / (default: a fixed one)")
    group.add_argument(
        "--refuse-key", action="append", default=[], metavar="VALUE", help="secret that providers refuse; may be repeated"
    )
    group.add_argument(
        "--refuse-key-prefix",
        action="append",
        default=[],
        metavar="TEXT",
        help="providers refuse secrets that begin like this; may be repeated",
    )
    group.add_argument("--eis", action="store_true", help="list the endpoints of the Elastic Inference Service")
    group.add_argument(
        "--no-vendor-services", action="store_true", help="without services that only a vendor's build of the server has"
    )
    group.add_argument("--control", action="store_true", help="offer /_standin/… to look into the stand-in and to inject faults")


def build(options: argparse.Namespace) -> StandIn:
    """The stand-in that the options describe. Raises ValueError for values that make no sense."""
    expired = options.license == "expired"
    cluster = Cluster(
        license_type="trial" if expired else options.license,
        license_status="expired" if expired else "active",
        eis=options.eis,
        vendor_services=not options.no_vendor_services,
        **({"uuid": options.cluster_uuid} if options.cluster_uuid else {}),
    )
    return StandIn(
        version=str(Version.parse(options.version)),
        security=_security(options),
        cluster=cluster,
        pace=Pace(deployment=options.deployment_seconds, download=options.download_seconds),
        provider=Provider(refused=frozenset(options.refuse_key), refused_prefixes=tuple(options.refuse_key_prefix)),
        control=options.control,
    )


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


def _tls(options: argparse.Namespace) -> TlsFiles | None:
    if not options.tls:
        return None
    if options.tls_dir is None:
        msg = "--tls needs --tls-dir, the directory that ca.crt and the certificates are written to"
        raise ValueError(msg)
    return create_tls(options.tls_dir, (*DEFAULT_NAMES, *options.tls_name), client_required=options.tls_client_auth)


async def run(options: argparse.Namespace) -> None:
    """Serve until a signal comes."""
    standin, tls = build(options), _tls(options)
    bound = listen(options.host, options.port)
    server = server_for(standin, tls)

    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    running = await server.run_until_up(bound)
    print(f"listening on {url_of(bound, tls)}", flush=True)  # noqa: T201 (this line is the interface)
    await running


def main() -> None:
    """Read the command line and serve; exits with 2 when an option makes no sense."""
    found = parser()
    options = found.parse_args()
    try:
        asyncio.run(run(options))
    except (ValueError, OSError) as error:
        found.error(str(error))


if __name__ == "__main__":
    main()
    sys.exit(0)
