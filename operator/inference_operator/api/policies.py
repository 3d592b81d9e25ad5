"""The policies that an object may set, shared by all kinds. Imports nothing of this package."""

from enum import StrEnum


class AdoptionPolicy(StrEnum):
    """What to do with something that already exists under the id and that no object has claimed."""

    NEVER = "Never"
    IF_IDENTICAL = "IfIdentical"
    ALWAYS = "Always"


class ReplacePolicy(StrEnum):
    """What to do with a change that Elasticsearch can't make in place."""

    NEVER = "Never"
    WHEN_UNUSED = "WhenUnused"
    ALWAYS = "Always"


class DriftPolicy(StrEnum):
    """What to do when somebody else changed what the object describes."""

    CORRECT = "Correct"
    DETECT = "Detect"


class DeletionPolicy(StrEnum):
    """What happens in Elasticsearch when the object is deleted."""

    DELETE = "Delete"
    RETAIN = "Retain"


class ManagementPolicy(StrEnum):
    """Whether the operator may write to Elasticsearch for the object at all."""

    MANAGE = "Manage"
    OBSERVE = "Observe"


class FieldAccessPattern(StrEnum):
    """How the processors of a pipeline find fields; the words are Elasticsearch's."""

    CLASSIC = "classic"
    FLEXIBLE = "flexible"
