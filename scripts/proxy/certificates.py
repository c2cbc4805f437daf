"""The certificates and keys that the proxy is given: which files they are, and whether they can serve."""

from __future__ import annotations

import re
import ssl
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from scripts.errors import UserError
from scripts.settings import Settings

SOON = 14 * 86400  # seconds before its end from which a certificate is spoken of
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
# The dates are looked at here, where they can be named. https://docs.openssl.org/3.0/man3/X509_VERIFY_PARAM_set_flags/
_NO_CHECK_TIME = 0x200000
# OpenSSL's words for a key that is another certificate's: of the same kind, or of another kind.
_OTHER_KEY = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")


class CertificateError(UserError):
    """A certificate or its key cannot serve; the message names the setting, the file and the remedy."""


@dataclass(frozen=True)
class Pair:
    """A file with a certificate, its chain after it, and one with its key; ``prefix`` begins their settings' names."""

    certificate: Path
    key: Path
    prefix: str = ""

    def __str__(self) -> str:
        return f"{self.prefix}TLS_CERTIFICATE={self.certificate}"


def public_pair(settings: Settings) -> Pair | None:
    """What PORT answers with; None without TLS. Raises CertificateError if only one of the two is set."""
    return _pair(settings.tls_certificate, settings.tls_key, "")


def management_pair(settings: Settings) -> Pair | None:
    """What MANAGEMENT_LISTEN answers with: its own pair, else the public one; None without MANAGEMENT_LISTEN."""
    own = _pair(settings.management_tls_certificate, settings.management_tls_key, "MANAGEMENT_")
    return own or public_pair(settings) if settings.management_listen else None


def listeners(settings: Settings, public: list[str]) -> dict[str, Pair]:
    """What each address with TLS answers with, ``public`` being those of PORT as nginx has them."""
    pairs = dict.fromkeys(public, public_pair(settings)) | {settings.management_listen: management_pair(settings)}
    return {address: pair for address, pair in pairs.items() if pair}


def check(pair: Pair) -> datetime:
    """Shake hands with the certificate and its key, as a client would. Returns the end of its validity (UTC).

    Raises CertificateError when a file cannot be read or used, the key is another one's, or today is outside the
    validity.
    """
    certificate, key = _read(pair, "CERTIFICATE", pair.certificate), _read(pair, "KEY", pair.key)
    described = _shake_hands(_client(pair, certificate), _server(pair, key))
    begin, end = (_date(str(described[name])) for name in ("notBefore", "notAfter"))
    if time.time() < begin.timestamp():
        raise CertificateError(f"{pair}: is not valid before {begin:%Y-%m-%d %H:%M} UTC; check this machine's clock")
    if time.time() > end.timestamp():
        raise CertificateError(f"{pair}: has expired on {end:%Y-%m-%d}; renew it")
    return end


def check_all(settings: Settings) -> list[str]:
    """Check what the proxy will answer with. Returns a sentence for each certificate that ends soon."""
    pairs = dict.fromkeys(pair for pair in (public_pair(settings), management_pair(settings)) if pair)
    ends = {pair: check(pair) for pair in pairs}
    return [
        f"{pair}: expires on {end:%Y-%m-%d}; renew it, then `make reload`"
        for pair, end in ends.items()
        if end.timestamp() - time.time() < SOON
    ]


def first(text: str) -> str:
    """The first certificate of a PEM file, which is the server's own; empty if there is none."""
    found = _CERTIFICATE.search(text)
    return found[0] if found else ""


def _pair(certificate: Path | None, key: Path | None, prefix: str) -> Pair | None:
    if certificate and key:
        return Pair(certificate, key, prefix)
    if certificate or key:
        given, missing = ("CERTIFICATE", "KEY") if certificate else ("KEY", "CERTIFICATE")
        raise CertificateError(
            f"{prefix}TLS_{given} is set and {prefix}TLS_{missing} is not; set both for HTTPS, or neither"
        )
    return None


def _read(pair: Pair, what: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise CertificateError(
            f"{pair.prefix}TLS_{what}={path}: cannot be read ({error.strerror}); "
            "give the path of a PEM file that the user of the stack may read"
        ) from error


def _client(pair: Pair, certificate: str) -> ssl.SSLContext:
    """A client that trusts this one certificate."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    try:
        client.load_verify_locations(cadata=first(certificate))
    except (ssl.SSLError, ValueError) as error:
        raise CertificateError(f"{pair}: has no certificate in PEM form; give yours, and its chain after it") from error
    return client


def _server(pair: Pair, key: str) -> ssl.SSLContext:
    """A server with the certificate and the key; an empty passphrase, so that nobody is asked for one."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        server.load_cert_chain(pair.certificate, pair.key, password="")
    except ssl.SSLError as error:
        raise CertificateError(_why_not(pair, key, error.reason or "")) from error
    return server


def _why_not(pair: Pair, key: str, reason: str) -> str:
    place = f"{pair.prefix}TLS_KEY={pair.key}"
    if reason in _OTHER_KEY:
        return f"{place}: is not the key of the first certificate in {pair.certificate}; give a matching pair"
    if not reason or "PRIVATE KEY" not in key or "ENCRYPTED" in key:
        return f"{place}: has no whole key in PEM form without a passphrase; give one"
    return f"{pair}: cannot serve with {pair.key} ({reason}); make both anew"


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> dict[str, object]:
    """Connect the two in memory. Returns what the certificate says of itself."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server)
    answering = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (asking, answering, asking):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return dict(asking.getpeercert() or {})


def _date(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), timezone.utc)
