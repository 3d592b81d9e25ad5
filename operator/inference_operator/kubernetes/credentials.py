"""Where the API server is and who we are there, from a pod's ServiceAccount or from a kubeconfig file.

Decides how credentials that expire are renewed, for our own client and for kopf's: a token file is read again (kubelet
replaces it on disk), an exec plugin is asked again. Of the Kubernetes client it uses the loaders only; sends nothing.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException
from kubernetes.aio.config.incluster_config import (
    SERVICE_CERT_FILENAME,
    SERVICE_HOST_ENV_NAME,
    SERVICE_TOKEN_FILENAME,
    InClusterConfigLoader,
)
from kubernetes.aio.config.kube_config import KubeConfigLoader, KubeConfigMerger

from inference_operator.core.clock import Clock

_log = logging.getLogger(__name__)

_TOKEN = "BearerToken"  # noqa: S105 - the client's name for the authorization header
_RENEW_AFTER = 60.0
"""Seconds for which a header is used before its source is asked again, as client-go does."""
_KOPF_RENEW_AFTER = timedelta(minutes=10)
"""Kubelet replaces a token when a fifth of its life is left, 12 minutes for the shortest usual one: ours is never stale."""

# The loaders have no types.
_InCluster: Any = InClusterConfigLoader
_KubeConfig: Any = KubeConfigLoader
_Merger: Any = KubeConfigMerger

_MALFORMED = (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError)
"""What the loaders raise for files that are no kubeconfig."""

Source = Callable[[], Awaitable[str | None]]
"""Answers the whole Authorization header, or None where there is none to be had just now."""


class ConfigurationError(Exception):
    """Neither a ServiceAccount nor a usable kubeconfig. The message says what was looked for."""


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """The pieces of a connection, under the names that `kopf.ConnectionInfo` gives them.

    `expiration` is when to come back for new ones; None where they do not change.
    """

    server: str
    ca_path: str | None
    insecure: bool
    scheme: str | None
    token: str | None = field(repr=False)
    certificate_path: str | None
    private_key_path: str | None
    proxy_url: str | None
    expiration: datetime | None


class Credentials:
    """A configuration of the Kubernetes client that keeps itself fresh."""

    def __init__(self, configuration: Any, source: Source | None, clock: Clock) -> None:
        self.configuration = configuration  # kubernetes.aio.client.Configuration
        self._source = source
        self._clock = clock
        self._renewing = asyncio.Lock()
        self._fresh_until = clock.monotonic() + _RENEW_AFTER
        if source is not None:
            configuration.refresh_api_key_hook = self._refresh

    def expire(self) -> None:
        """The API server did not accept them (401): ask the source again before the next request."""
        self._fresh_until = self._clock.monotonic()

    async def connection_info(self) -> ConnectionInfo:
        """The pieces as they are now; what can be renewed is renewed first, for kopf asks after a 401."""
        self.expire()
        header = await self.configuration.get_api_key_with_prefix(_TOKEN)
        scheme, _, token = (header or "").partition(" ")
        return ConnectionInfo(
            server=self.configuration.host,
            ca_path=self.configuration.ssl_ca_cert,
            insecure=not self.configuration.verify_ssl,
            scheme=scheme or None,
            token=token or None,
            certificate_path=self.configuration.cert_file,
            private_key_path=self.configuration.key_file,
            proxy_url=self.configuration.proxy,
            expiration=self._clock.now() + _KOPF_RENEW_AFTER if self._source else None,
        )

    async def _refresh(self, configuration: Any) -> None:
        async with self._renewing:
            if self._source is None or self._clock.monotonic() < self._fresh_until:
                return
            try:
                header = await self._source()
            except (OSError, ConfigException) as error:
                _log.warning("the Kubernetes credentials could not be renewed, the old ones stay: %s", error)
                return
            if header:
                configuration.api_key[_TOKEN] = header
                self._fresh_until = self._clock.monotonic() + _RENEW_AFTER


async def load_credentials(
    clock: Clock,
    *,
    kubeconfig: Path | None = None,
    context: str | None = None,
    environ: Mapping[str, str] = os.environ,
    service_account: tuple[str, str] = (SERVICE_TOKEN_FILENAME, SERVICE_CERT_FILENAME),
) -> Credentials:
    """The file if one is given; else the pod's ServiceAccount (paths of token and CA); else KUBECONFIG; else ~/.kube/config.

    Raises ConfigurationError.
    """
    if kubeconfig is None and context is None and SERVICE_HOST_ENV_NAME in environ:
        return await _in_cluster(clock, environ, *service_account)
    files = str(kubeconfig or environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
    return await _from_files(clock, files, context)


async def _in_cluster(clock: Clock, environ: Mapping[str, str], token_file: str, ca_file: str) -> Credentials:
    configuration: Any = Configuration()
    source = _token_file(Path(token_file))
    try:
        # Its own renewal is left off: it keeps a trailing newline, and can't be told of a 401.
        loader = _InCluster(token_file, ca_file, try_refresh_token=False, environ=environ)
        loader.load_and_set(configuration)
        configuration.api_key[_TOKEN] = await source()
    except (ConfigException, OSError) as error:
        raise ConfigurationError(f"This looks like a pod, but its ServiceAccount can't be used: {error}") from None
    return Credentials(configuration, source, clock)


async def _from_files(clock: Clock, files: str, context: str | None) -> Credentials:
    configuration: Any = Configuration()
    try:
        merged = _merge(files)
        loader = _KubeConfig(merged, active_context=context, config_base_path=None)
        user = _user_of(merged, loader)
        await loader.load_and_set(configuration)
        source = _renewable(user, loader)
        if source is not None:
            configuration.api_key[_TOKEN] = await source()
    except (ConfigException, OSError) as error:
        raise ConfigurationError(f"The kubeconfig {files} can't be used: {error}") from None
    except _MALFORMED:  # not quoted: it may quote the file
        raise ConfigurationError(f"The kubeconfig {files} can't be used: it is malformed") from None
    return Credentials(configuration, source, clock)


def _merge(files: str) -> Any:
    existing = [file for file in files.split(os.pathsep) if file and Path(file).expanduser().is_file()]
    if not existing:
        raise ConfigurationError(
            f"No Kubernetes cluster is configured: this is no pod with a ServiceAccount, and there is no file {files}."
            " Give --kubeconfig FILE or set KUBECONFIG."
        )
    return _Merger(os.pathsep.join(existing)).config


def _user_of(merged: Any, loader: Any) -> Any:
    """The user's section of the active context. Raises ConfigException where there is none."""
    name = loader.current_context["context"].get("user")
    if not name:
        raise ConfigException(f"context {loader.current_context['name']} names no user")
    return merged["users"].get_with_name(name)["user"]


def _renewable(user: Any, loader: Any) -> Source | None:
    """Where a header that changes comes from. Certificates and plain tokens do not change."""
    token_file = user.safe_get("tokenFile")
    if token_file and not user.safe_get("token"):
        folder = Path(user.path).parent if user.path else Path()
        return _token_file(folder / token_file)
    if "exec" in user and _header_of(loader):
        return _exec_plugin(loader)
    return None


def _token_file(path: Path) -> Source:
    async def read() -> str:
        return _header_from(path)

    return read


def _header_from(path: Path) -> str:
    """A file of a few hundred bytes in memory: not worth a thread. Raises ConfigException, OSError."""
    token = path.read_text().strip()
    if not token:
        raise ConfigException(f"token file {path} is empty")
    return f"Bearer {token}"


def _exec_plugin(loader: Any) -> Source:
    async def ask() -> str | None:
        # Runs the plugin only when the credentials it gave have expired; logs errors of its own.
        await loader.load_from_exec_plugin()
        return _header_of(loader)

    return ask


def _header_of(loader: Any) -> str | None:
    header = getattr(loader, "token", None)
    return header if isinstance(header, str) else None
