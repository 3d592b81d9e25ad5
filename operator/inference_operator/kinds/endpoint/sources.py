"""The values that an object takes from Secrets and ConfigMaps: which must be read, and whether they changed.

A Secret whose version is the one that was last sent is not read again. What was sent is remembered as a keyed digest with a
key that dies with the process, so that a new version with the same values costs no call to Elasticsearch.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator

from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.api.meta import CLAIM_ANNOTATION
from inference_operator.api.status import SourceKind
from inference_operator.core.endpoint.references import Content, MalformedReference, references, resolve
from inference_operator.core.failure import ReferenceFailure, ReferenceKind
from inference_operator.core.situation import ClaimMark
from inference_operator.core.values import UNREAD, DesiredEndpoint, ObjectRef, ObjectVersion, Sealed, leaves, sealed
from inference_operator.shell.ports import KubernetesFailure, KubernetesPort, NotFound


class Sources:
    """Reads what a spec refers to."""

    def __init__(self, kubernetes: KubernetesPort) -> None:
        self._kubernetes = kubernetes
        self._key = secrets.token_bytes(32)
        self._sent: dict[str, dict[str, bytes]] = {}

    def objects(self, found: InferenceEndpoint) -> tuple[ObjectRef, ...]:
        """The Secrets and ConfigMaps that the spec names."""
        namespace = found.metadata.namespace
        named = (r for r in references(found.spec) if not isinstance(r, MalformedReference))
        return tuple(sorted({reference.object_in(namespace) for reference in named}))

    async def desired(self, found: InferenceEndpoint, *, read_all: bool = False) -> DesiredEndpoint | ReferenceFailure:
        """The endpoint that the spec wants. Unless `read_all`, values of an unchanged version stay unread."""
        refs = self.objects(found)
        contents = await asyncio.gather(*(self._content(ref, None if read_all else found) for ref in refs))
        for content in contents:
            if isinstance(content, ReferenceFailure):
                return content
        known = {ref: content for ref, content in zip(refs, contents, strict=True) if not isinstance(content, ReferenceFailure)}
        return resolve(found.spec, inference_id=found.external_id, namespace=found.metadata.namespace, contents=known)

    def changed(self, found: InferenceEndpoint, desired: DesiredEndpoint) -> bool:
        """True when a sealed value differs from what was last sent to the cluster of the claim, or when that can't be told."""
        if not any(True for _ in sealed(desired.tree)):
            return False
        if all(_noted(found, ref) == version for ref, version in desired.sources.items()):
            return False
        sent = self._sent.get(found.metadata.uid, {})
        return any(sent.get(path) != digest for path, digest in self._digests(_cluster(found), desired))

    def note_sent(self, found: InferenceEndpoint, desired: DesiredEndpoint) -> None:
        """Remember, as a digest, what the cluster of the claim now holds."""
        self._sent.setdefault(found.metadata.uid, {}).update(self._digests(_cluster(found), desired))

    def sent(self, uid: str) -> dict[str, bytes]:
        """Digests of what this process sent last: equal while Elasticsearch holds the same secrets."""
        return dict(self._sent.get(uid, {}))

    def forget(self, uid: str) -> None:
        """The object is gone, or without a claim: what it sent once may be another's by now."""
        self._sent.pop(uid, None)

    def _digests(self, cluster: str | None, desired: DesiredEndpoint) -> Iterator[tuple[str, bytes]]:
        for path, leaf in leaves(desired.tree):
            for index, value in enumerate(sealed(leaf)):
                if value.value is not UNREAD:
                    yield f"{path}/{index}", self._digest(cluster, value)

    def _digest(self, cluster: str | None, value: Sealed) -> bytes:
        text = json.dumps([cluster, value.value], sort_keys=True)
        return hmac.digest(self._key, text.encode(), hashlib.sha256)

    async def _content(self, ref: ObjectRef, unless_noted: InferenceEndpoint | None) -> Content | ReferenceFailure | None:
        if unless_noted is not None and ref.kind is SourceKind.SECRET:
            version = self._kubernetes.version_of(ref)
            if isinstance(version, ObjectVersion) and version == _noted(unless_noted, ref):
                return Content(version, None)
        read = self._kubernetes.read_secret if ref.kind is SourceKind.SECRET else self._kubernetes.read_config_map
        data = await read(ref.namespace, ref.name)
        if isinstance(data, KubernetesFailure):
            return ReferenceFailure(ReferenceKind.UNREADABLE, f"{ref}", data.message)
        return None if isinstance(data, NotFound) else Content(data.version, data.data)


def _cluster(found: InferenceEndpoint) -> str | None:
    """Where what was sent is: the cluster that the claim names."""
    claim = ClaimMark.parse(found.metadata.annotations.get(CLAIM_ANNOTATION))
    return claim.cluster if claim is not None else None


def _noted(found: InferenceEndpoint, ref: ObjectRef) -> ObjectVersion | None:
    """The version that was sent last. Notes hold for their own generation: an edit may name another key of the same Secret."""
    if found.status.observed_generation != found.metadata.generation:
        return None
    for noted in found.status.secret_versions:
        if (noted.kind, noted.name) == (ref.kind, ref.name):
            return ObjectVersion(noted.uid, noted.resource_version)
    return None
