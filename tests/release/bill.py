"""The bill of materials of the image's Python packages, in CycloneDX's JSON: the same bytes for the same checkout.

Holds what the lock and the packages themselves say. The base image is not in it: the registry's attestation lists that.
"""

# pyright: reportCallIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# Pyright does not see the constructors behind the decorators of the library's serialiser; mypy does.

from __future__ import annotations

import hashlib
import tomllib
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from tests.release import licences
from tests.release.locked import image_environment, needed, packages
from tests.release.versions import ReleaseError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.release.locked import Package


def bill(checkout: Path, wheel: Path, epoch: int) -> str:
    """The document. `wheel` is the operator's own, `epoch` the time to write into it, in seconds since 1970.

    Raises:
        ReleaseError: A package is not installed as it is locked, or has a licence that the image may not have in it.
    """
    held = packages(checkout)
    if refused := refusals(held):
        raise ReleaseError("\n".join(refused))
    project = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))["project"]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    operator = Component(
        name=project["name"],
        version=project["version"],
        type=ComponentType.APPLICATION,
        description=project["description"],
        bom_ref=project["name"],
        licenses=[LicenseExpression(project["license"])],
        hashes=[_sha256(digest)],
    )
    components = {package.name: _component(package) for package in held}
    bom = Bom(
        components=components.values(),
        serial_number=uuid5(NAMESPACE_URL, _inputs(digest, held)),
        metadata=BomMetaData(component=operator, timestamp=datetime.fromtimestamp(epoch, UTC)),
    )
    direct = needed([*project["dependencies"], *project["optional-dependencies"]["otel"]], image_environment(checkout))
    bom.register_dependency(operator, [components[name] for name in sorted(direct)])
    for package in held:
        bom.register_dependency(components[package.name], [components[name] for name in sorted(package.needs)])
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def refusals(held: tuple[Package, ...]) -> list[str]:
    """A sentence for each package whose licence is not understood, or not allowed."""
    found = []
    for package in held:
        expression = licences.spdx(package.licence)
        if expression is None:
            found.append(f"{package.name} {package.version}: its licence is not understood: {package.licence[:80]!r}")
        elif not licences.allowed(expression):
            found.append(f"{package.name} {package.version}: {expression} is not among the licences that the image may hold")
    return found


def _component(package: Package) -> Component:
    """The lock admits one file for each platform, so their digests are those of distributions, not of the component."""
    purl = PackageURL("pypi", None, package.name, package.version)
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(str(purl)),
        comment="the files that the lock admits",
        hashes=[_sha256(digest) for digest in package.digests],
    )
    return Component(
        name=package.name,
        version=package.version,
        description=package.summary,
        bom_ref=str(purl),
        purl=purl,
        licenses=[LicenseExpression(licences.spdx(package.licence) or "")],
        external_references=[files],
    )


def _sha256(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


def _inputs(digest: str, held: tuple[Package, ...]) -> str:
    return " ".join([digest, *(f"{package.name}=={package.version} {' '.join(package.digests)}" for package in held)])
