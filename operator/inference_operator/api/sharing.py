"""Keeps once what many objects say alike: conditions, clusters, versions of Secrets, and which fields were set at all.

Of an object of a few settings that is two thirds of the memory. Equal values of the shared models are one value afterwards, which
is safe as they are frozen. Nothing is held for longer than some object has it.
"""

from __future__ import annotations

import sys
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from inference_operator.api.connection import ElasticsearchRef
from inference_operator.api.meta import ApiModel, Condition
from inference_operator.api.status import ClusterStatus, ModelStatus, SecretVersion

_M = TypeVar("_M", bound=ApiModel)
_SHARED = frozenset({Condition, ClusterStatus, ModelStatus, SecretVersion, ElasticsearchRef})
_PLAIN = frozenset({str, int, float, bool, type(None)})


class Sharing:
    """What is known so far."""

    def __init__(self) -> None:
        self._models: WeakValueDictionary[tuple[Any, ...], ApiModel] = WeakValueDictionary()
        self._fields_set: dict[frozenset[str], set[str]] = {}

    @property
    def known(self) -> int:
        """How many values are shared, or would be."""
        return len(self._models)

    def share(self, model: _M) -> _M:
        """The same model with its parts shared. `model` itself must not be in use elsewhere yet."""
        fields = vars(model)
        for name, value in fields.items():
            fields[name] = self._part(value)
        # pydantic copies this set before it changes it, so that it may be one for all; there are as many as forms of writing.
        fields_set = self._fields_set.setdefault(frozenset(model.model_fields_set), model.model_fields_set)
        object.__setattr__(model, "__pydantic_fields_set__", fields_set)
        return model

    def _part(self, value: Any) -> Any:
        # By its very class: isinstance takes long to answer for models, and most parts are none.
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is dict:
            return {sys.intern(key) if type(key) is str else key: self._part(item) for key, item in value.items()}
        if kind is tuple or kind is list:
            return kind(map(self._part, value))
        if kind in _SHARED:
            # Not the model as its own key: that would hold it for ever.
            said = (kind, *vars(value).values())
            known = self._models.get(said)
            return known if known is not None else self._models.setdefault(said, self.share(value))
        return self.share(value) if ApiModel in kind.__mro__ else value
