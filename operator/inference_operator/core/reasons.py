"""The closed list of reasons that conditions and events carry. `docs/reasons.md` says of each what to do."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a condition has its status, as one word."""

    AVAILABLE = "Available"
    CREATING = "Creating"
    UPDATING = "Updating"
    REPLACING = "Replacing"
    DELETING = "Deleting"
    MODEL_DEPLOYING = "ModelDeploying"
    MODEL_FAILED = "ModelFailed"
    WAITING_FOR_REFERENCE = "WaitingForReference"
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105 - a reason
    SECRET_KEY_MISSING = "SecretKeyMissing"  # noqa: S105 - a reason
    INLINE_SECRET = "InlineSecret"  # noqa: S105 - a reason
    CONNECTION_NOT_FOUND = "ConnectionNotFound"
    CROSS_NAMESPACE_DENIED = "CrossNamespaceDenied"
    UNREACHABLE = "Unreachable"
    UNAUTHORIZED = "Unauthorized"
    FORBIDDEN = "Forbidden"
    LICENSE_NON_COMPLIANT = "LicenseNonCompliant"
    RATE_LIMITED = "RateLimited"
    SERVER_ERROR = "ServerError"
    VALIDATION_FAILED = "ValidationFailed"
    PROVIDER_REFUSED = "ProviderRefused"
    UNKNOWN_SERVICE = "UnknownService"
    UNSUPPORTED_TASK_TYPE = "UnsupportedTaskType"
    ALREADY_EXISTS = "AlreadyExists"
    ID_CONFLICT = "IdConflict"
    RESERVED_ID = "ReservedId"
    REPLACE_REQUIRED = "ReplaceRequired"
    REPLACE_BLOCKED = "ReplaceBlocked"
    UPDATE_IGNORED = "UpdateIgnored"
    IN_USE = "InUse"
    TESTS_FAILED = "TestsFailed"
    REFERENCE_CYCLE = "ReferenceCycle"
    MANAGED_ELSEWHERE = "ManagedElsewhere"
    DRIFTED = "Drifted"
    SUSPENDED = "Suspended"
    OBSERVED = "Observed"
    PROBE_FAILED = "ProbeFailed"
