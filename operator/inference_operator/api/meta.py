"""The parts that every kind shares: the base model, object metadata, conditions and references to values.

Decides how objects are read from and written to the Kubernetes API (camelCase names, unknown fields ignored, values
never echoed in errors). Imports nothing of this package.
"""

from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

GROUP = "inference-operator.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

FINALIZER = f"{GROUP}/external-resource"
CLAIM_ANNOTATION = f"{GROUP}/claim"
RECONCILE_ANNOTATION = f"{GROUP}/reconcile-requested-at"
ALLOW_NAMESPACES_ANNOTATION = f"{GROUP}/allow-namespaces"


class ApiModel(BaseModel):
    """Base of all models: frozen, camelCase outside, snake_case inside; attributes' docstrings are descriptions."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    def body(self) -> dict[str, Any]:
        """Return the JSON form that the Kubernetes API takes: camelCase.

        What is None is left out, and so is an empty list, unless the schema requires it.
        """
        return {
            alias: _jsonable(value)
            for name, field in type(self).model_fields.items()
            if (value := getattr(self, name)) is not None and (value != () or field.is_required())
            for alias in (field.serialization_alias or name,)
        }


def _jsonable(value: object) -> Any:
    # Not `model_dump(exclude_none=True)`: that also drops the nulls a user wrote inside an open settings block.
    if isinstance(value, ApiModel):
        return value.body()
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value


class ObjectMeta(ApiModel):
    """The metadata that the operator reads (`metav1.ObjectMeta`)."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    finalizers: tuple[str, ...] = ()
    annotations: dict[str, str] = {}
    labels: dict[str, str] = {}


class Condition(ApiModel):
    """One aspect of the object's state, as the operator last saw it (`metav1.Condition`)."""

    type: str = Field(max_length=316, pattern=r"^[A-Za-z]([A-Za-z0-9]*)$")
    """The aspect, for example Ready. At most one condition of each type is present."""
    status: Literal["True", "False", "Unknown"]
    """Whether the condition holds: True, False, or Unknown when it could not be determined."""
    reason: str = Field(min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9]*)$")
    """Why the condition has this status, as one word of a documented, closed list."""
    message: str = Field(max_length=32768)
    """The same for humans: what happened, to which object or field, and what to do next."""
    observed_generation: int = Field(default=0, ge=0)
    """The metadata.generation that the condition was computed from."""
    last_transition_time: str = Field(json_schema_extra={"format": "date-time"})
    """When the status last changed from one value to another (RFC 3339)."""


class KeySelector(ApiModel):
    """One key of a Secret or ConfigMap in the namespace of the object."""

    # Open blocks are not pruned by the API server, so a misspelt field is ours to find.
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=253)
    """Name of the Secret or ConfigMap. It must be in the same namespace as this object."""
    key: str = Field(min_length=1, max_length=253)
    """The key whose value is taken. One trailing newline is stripped."""
    optional: bool = False
    """When true, a missing Secret, ConfigMap or key is no error: the setting is left out."""


class ValueType(StrEnum):
    """How the text of a referenced key is turned into a JSON value."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    JSON = "json"


class ValueFrom(ApiModel):
    """A value taken from a key of a Secret or ConfigMap in the namespace of the object."""

    model_config = ConfigDict(extra="forbid")

    secret_key_ref: KeySelector | None = None
    """Take the value from a key of a Secret. Either this or configMapKeyRef."""
    config_map_key_ref: KeySelector | None = None
    """Take the value from a key of a ConfigMap. Either this or secretKeyRef."""
    as_: ValueType = Field(default=ValueType.STRING, alias="as")
    """What the text becomes: string (default), number, boolean, or json for any JSON document."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.secret_key_ref is None) == (self.config_map_key_ref is None):
            raise ValueError("set exactly one of secretKeyRef and configMapKeyRef")
        return self
