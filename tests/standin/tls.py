"""A certificate authority of the stand-in's own, with a server and a client certificate, and some that are wrong, as files."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.standin.tls_faults import pair

_LIFETIME = timedelta(days=30)
DEFAULT_NAMES = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files. `client_required`: the server asks for a client certificate of the same authority.

    Beside them lie the certificates of `tls_faults.py`, that a careful client refuses.
    """

    ca: str
    certificate: str
    key: str
    client_certificate: str
    client_key: str
    client_required: bool = False


@dataclass(frozen=True, slots=True)
class _Issuer:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def create_tls(directory: Path, names: Iterable[str] = DEFAULT_NAMES, *, client_required: bool = False) -> TlsFiles:
    """Write `ca.crt`, `tls.crt`, `tls.key`, `client.crt` and `client.key`; existing files are replaced."""
    directory.mkdir(parents=True, exist_ok=True)
    files = TlsFiles(
        ca=str(directory / "ca.crt"),
        certificate=str(directory / "tls.crt"),
        key=str(directory / "tls.key"),
        client_certificate=str(directory / "client.crt"),
        client_key=str(directory / "client.key"),
        client_required=client_required,
    )
    authority = _authority()
    Path(files.ca).write_bytes(_pem(authority.certificate))
    wanted = tuple(names)
    _issue(authority, "standin", wanted, (Path(files.certificate), Path(files.key)))
    _issue(authority, "client", (), (Path(files.client_certificate), Path(files.client_key)))
    _issue(authority, "standin", wanted, pair(directory, "expired"), ended=timedelta(days=1))
    _issue(_authority(), "standin", wanted, pair(directory, "foreign"))
    _issue(authority, "standin", ("somebody-else.invalid",), pair(directory, "other-name"))
    return files


def _authority() -> _Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("standin-ca")
    builder = (
        _builder(name, name, key, timedelta())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    return _Issuer(builder.sign(key, hashes.SHA256()), key)


def _issue(
    issuer: _Issuer, name: str, alternatives: tuple[str, ...], files: tuple[Path, Path], *, ended: timedelta = timedelta()
) -> None:
    """Write a certificate and its key. With `ended` it has not been valid for so long."""
    key = ec.generate_private_key(ec.SECP256R1())
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if alternatives else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _builder(_name(name), issuer.certificate.subject, key, ended)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    )
    if alternatives:
        names = x509.SubjectAlternativeName([_alternative(one) for one in alternatives])
        builder = builder.add_extension(names, critical=False)
    certificate, key_file = files
    certificate.write_bytes(_pem(builder.sign(issuer.key, hashes.SHA256())))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_file.touch(mode=0o600)
    key_file.write_bytes(private)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, ended: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    until = now - ended if ended else now + _LIFETIME
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - _LIFETIME - timedelta(hours=1))
        .not_valid_after(until)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
