import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from moorage.credentials.certificates import VALIDITY, IssuedCertificate, issue_server_certificate

NAMES = ["cache.harbour.svc", "cache.harbour.svc.cluster.local"]


@pytest.fixture(scope="module")
def issued() -> IssuedCertificate:
    return issue_server_certificate(NAMES)


def shake_hands(issued: IssuedCertificate, folder: Path, *, hostname: str, trusted: str) -> None:
    """In memory, with a client as strict as Python's default is from 3.13 on. Raises `ssl.SSLError`."""
    (folder / "server.pem").write_text(issued.private_key + issued.certificate)
    client_context = ssl.create_default_context(cadata=trusted)
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(folder / "server.pem")
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=hostname)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    unfinished = [client, server]
    while unfinished:
        for end in tuple(unfinished):
            try:
                end.do_handshake()
                unfinished.remove(end)
            except ssl.SSLWantReadError:
                continue


@pytest.mark.parametrize("hostname", NAMES)
def test_a_client_that_trusts_the_authority_connects(issued: IssuedCertificate, tmp_path: Path, hostname: str):
    shake_hands(issued, tmp_path, hostname=hostname, trusted=issued.ca_certificate)


def test_the_server_has_no_other_name(issued: IssuedCertificate, tmp_path: Path):
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(issued, tmp_path, hostname="other.harbour.svc", trusted=issued.ca_certificate)


def test_another_stacks_authority_is_not_trusted(issued: IssuedCertificate, tmp_path: Path):
    other = issue_server_certificate(NAMES)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(issued, tmp_path, hostname=NAMES[0], trusted=other.ca_certificate)


def test_it_is_valid_now_also_on_a_clock_that_is_slow(issued: IssuedCertificate):
    certificate = x509.load_pem_x509_certificate(issued.certificate.encode())
    assert (datetime.now(UTC) - certificate.not_valid_before_utc).total_seconds() >= 86_400
    assert certificate.not_valid_after_utc - datetime.now(UTC) > VALIDITY * 0.99


def test_a_long_name_of_a_service_fits():
    name = f"{'a' * 63}.{'b' * 63}.svc"
    issued = issue_server_certificate([name])
    names = x509.load_pem_x509_certificate(issued.certificate.encode()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == [name]
