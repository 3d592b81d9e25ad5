"""Who calls, and what they may do: credentials, roles and the privileges that cover an action.

Decides 401 and 403 exactly as the server words them. It sees header values and action names, never endpoints.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from tests.standin.errors import ElasticsearchError
from tests.standin.messages import Headers, Request

# Cluster privileges and their action patterns, in the order in which the server lists them in a refusal. The
# list that it prints for an inference action is unverified: a 403 of a real cluster settles it.
CLUSTER_PRIVILEGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "monitor_inference": ("cluster:monitor/xpack/inference*", "cluster:monitor/xpack/ml/trained_models/deployment/infer"),
        "manage_inference": (
            "cluster:admin/xpack/inference/*",
            "cluster:monitor/xpack/inference*",
            "cluster:admin/xpack/ml/trained_models/deployment/start",
            "cluster:admin/xpack/ml/trained_models/deployment/stop",
            "cluster:monitor/xpack/ml/trained_models/deployment/infer",
        ),
        "read_pipeline": ("cluster:admin/ingest/pipeline/get", "cluster:admin/ingest/pipeline/simulate"),
        "manage_pipeline": ("cluster:admin/ingest/pipeline/*",),
        "manage_ingest_pipelines": ("cluster:admin/ingest/pipeline/*",),
        "manage_index_templates": ("indices:admin/index_template/*", "cluster:admin/component_template/*"),
        "monitor_ml": ("cluster:monitor/xpack/ml/*",),
        "manage_ml": ("cluster:admin/xpack/ml/*", "cluster:monitor/xpack/ml/*"),
        "monitor": ("cluster:monitor/*", "indices:admin/index_template/get", "cluster:admin/component_template/get"),
        "manage": ("cluster:*", "indices:admin/index_template/*"),
        "all": ("cluster:*", "indices:admin/index_template/*"),
    }
)
INDEX_PRIVILEGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "view_index_metadata": ("indices:admin/get", "indices:admin/mappings/get", "indices:monitor/settings/get"),
        "monitor": ("indices:monitor/*",),
        "read": ("indices:data/read/*",),
        "write": ("indices:data/write/*",),
        "maintenance": ("indices:admin/refresh",),
        "create_index": ("indices:admin/create",),
        "delete_index": ("indices:admin/delete",),
        "manage": ("indices:admin/*", "indices:monitor/*"),
        "all": ("indices:*",),
    }
)
# What every authenticated user may do, whatever the roles.
ALWAYS_ALLOWED = frozenset({"cluster:admin/xpack/security/user/authenticate", "cluster:admin/xpack/security/user/has_privileges"})

BASIC = 'Basic realm="security" charset="UTF-8"'
BEARER = 'Bearer realm="security"'
API_KEY = "ApiKey"
# The words for keys and tokens are unverified; a call with a wrong API key settles them.
_UNKNOWN_CREDENTIALS = "unable to authenticate with provided credentials and anonymous access is not allowed for this request"


@dataclass(frozen=True, slots=True)
class IndexRights:
    """Privileges on indices whose name matches one of the patterns."""

    names: tuple[str, ...]
    privileges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Role:
    """A role descriptor: cluster privileges and index privileges."""

    cluster: tuple[str, ...] = ()
    indices: tuple[IndexRights, ...] = ()


BUILT_IN_ROLES: Mapping[str, Role] = MappingProxyType(
    {
        "superuser": Role(("all",), (IndexRights(("*",), ("all",)),)),
        "inference_admin": Role(("manage_inference",)),
        "inference_user": Role(("monitor_inference",)),
        "ingest_admin": Role(("manage_index_templates", "manage_pipeline")),
    }
)


@dataclass(frozen=True, slots=True)
class User:
    """A user of the native realm."""

    password: str = field(repr=False)
    roles: tuple[str, ...] = ("superuser",)
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key; `roles` None means all rights of its owner. Rights are the intersection of both. `expires` in epoch seconds."""

    secret: str = field(repr=False)
    owner: str = "elastic"
    name: str = "standin"
    roles: tuple[str, ...] | None = None
    invalidated: bool = False
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Security:
    """All credentials the cluster accepts. `tokens` maps a bearer token to the user it stands for."""

    users: Mapping[str, User] = field(default_factory=dict)
    api_keys: Mapping[str, ApiKey] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    roles: Mapping[str, Role] = field(default_factory=dict)

    def role(self, name: str) -> Role | None:
        return self.roles.get(name) or BUILT_IN_ROLES.get(name)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who was authenticated: `scopes` are sets of roles that must all grant an action."""

    user: str
    role_names: tuple[str, ...]
    scopes: tuple[tuple[Role, ...], ...]
    api_key_id: str | None = None
    realm: str = "native1"


def _challenge() -> tuple[str, ...]:
    return (BASIC, BEARER, API_KEY)


def unauthorized(reason: str) -> ElasticsearchError:
    """A 401: the challenge is repeated inside the body, as the server does."""
    challenge = _challenge()
    headers: Headers = tuple(("WWW-Authenticate", value) for value in challenge)
    return ElasticsearchError(
        401, "security_exception", reason, extra={"header": {"WWW-Authenticate": list(challenge)}}, headers=headers
    )


def authenticate(security: Security, request: Request, now: float) -> Principal:
    """Find out who calls. Raises the server's 401 for missing, unknown, expired and malformed credentials."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "":
            raise unauthorized(f"missing authentication credentials for REST request [{request.uri}]")
        case "basic":
            return _by_password(security, request, value)
        case "apikey":
            return _by_api_key(security, request, value, now)
        case "bearer":
            return _by_token(security, request, value)
        case _:
            raise unauthorized(f"missing authentication credentials for REST request [{request.uri}]")


def claimed_user(request: Request) -> str:
    """Whose credentials come with the request, without a look at whether they are right. Empty for a token, or none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    pair = _decoded_pair(value) if scheme.lower() in ("basic", "apikey") else None
    return pair[0] if pair is not None else ""


def _decoded_pair(value: str) -> tuple[str, str] | None:
    try:
        name, separator, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, secret) if separator else None


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _by_password(security: Security, request: Request, value: str) -> Principal:
    pair = _decoded_pair(value)
    if pair is None:
        raise unauthorized("failed to decode basic authentication header")
    user = security.users.get(pair[0])
    if user is None or not user.enabled or not _same(pair[1], user.password):
        raise unauthorized(f"unable to authenticate user [{pair[0]}] for REST request [{request.uri}]")
    return Principal(pair[0], user.roles, (_roles(security, user.roles),))


def _by_api_key(security: Security, request: Request, value: str, now: float) -> Principal:
    pair = _decoded_pair(value)
    if pair is None:
        raise unauthorized(f"missing authentication credentials for REST request [{request.uri}]")
    key_id, secret = pair
    key = security.api_keys.get(key_id)
    if key is None or key.invalidated or _expired(key, now) or not _same(secret, key.secret):
        raise unauthorized(_UNKNOWN_CREDENTIALS)
    owner = security.users.get(key.owner, User("", ("superuser",)))
    scopes: tuple[tuple[Role, ...], ...] = (_roles(security, owner.roles),)
    if key.roles is not None:
        scopes = (*scopes, _roles(security, key.roles))
    return Principal(key.owner, owner.roles, scopes, key_id, "_es_api_key")


def _expired(key: ApiKey, now: float) -> bool:
    return key.expires is not None and key.expires <= now


def _by_token(security: Security, request: Request, value: str) -> Principal:
    for token, name in security.tokens.items():
        if _same(value.strip(), token) and name in security.users:
            user = security.users[name]
            return Principal(name, user.roles, (_roles(security, user.roles),), realm="_service_account")
    raise unauthorized(_UNKNOWN_CREDENTIALS)


def _roles(security: Security, names: Iterable[str]) -> tuple[Role, ...]:
    found = (security.role(name) for name in names)
    return tuple(role for role in found if role is not None)


def covers(patterns: Mapping[str, tuple[str, ...]], privilege: str, action: str) -> bool:
    """True when a named privilege, or a raw action pattern given as one, includes the action."""
    return any(fnmatchcase(action, pattern) for pattern in patterns.get(privilege, (privilege,)))


def may_cluster(principal: Principal, action: str) -> bool:
    """True when every scope of the caller has a role that grants the cluster action."""
    if action in ALWAYS_ALLOWED:
        return True
    return all(
        any(covers(CLUSTER_PRIVILEGES, privilege, action) for role in roles for privilege in role.cluster)
        for roles in principal.scopes
    )


def may_index(principal: Principal, action: str, index: str) -> bool:
    """True when every scope of the caller has a role that grants the action on the index."""
    return all(
        any(
            covers(INDEX_PRIVILEGES, privilege, action)
            for role in roles
            for rights in role.indices
            if any(fnmatchcase(index, name) for name in rights.names)
            for privilege in rights.privileges
        )
        for roles in principal.scopes
    )


def forbidden(principal: Principal, action: str, index: str | None = None) -> ElasticsearchError:
    """The server's 403, naming the privileges that would do."""
    if principal.api_key_id is not None:
        who = f"API key id [{principal.api_key_id}] of user [{principal.user}]"
    else:
        who = f"user [{principal.user}] with effective roles [{','.join(sorted(principal.role_names))}]"
    kind, table = ("cluster", CLUSTER_PRIVILEGES) if index is None else ("index", INDEX_PRIVILEGES)
    on = "" if index is None else f" on indices [{index}]"
    granting = ",".join(name for name in table if covers(table, name, action))
    reason = f"action [{action}] is unauthorized for {who}{on}, this action is granted by the {kind} privileges [{granting}]"
    return ElasticsearchError(403, "security_exception", reason)


def describe(principal: Principal) -> dict[str, Any]:
    """The body of `GET _security/_authenticate`."""
    realm = {"name": principal.realm, "type": "native" if principal.realm == "native1" else principal.realm}
    kind = "api_key" if principal.api_key_id else "realm"
    return {
        "username": principal.user,
        "roles": sorted(principal.role_names),
        "full_name": None,
        "email": None,
        "metadata": {},
        "enabled": True,
        "authentication_realm": realm,
        "lookup_realm": realm,
        "authentication_type": kind,
    }
