"""How the scripts of this machine speak with the stack's own proxy."""

from __future__ import annotations

import hashlib
import ssl
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from scripts.proxy.certificates import first, public_pair
from scripts.settings import Settings

_ADDRESSES = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def own_url(settings: Settings) -> str:
    """The proxy's address from this machine, by number where it can be: the Host of such a request is always served."""
    host = _ADDRESSES.get(settings.bind_address, settings.bind_address)
    scheme = "https" if settings.tls_certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def own_session(settings: Settings) -> requests.Session:
    """A session for ``own_url``.

    With TLS it takes the very certificate the proxy was given and no other; names and authorities do not count, since
    the certificate is for the names that clients use. Raises CertificateError or OSError if the file is unusable.
    """
    session = requests.Session()
    session.trust_env = False  # no proxy of the environment lies between this process and its own server
    if pair := public_pair(settings):
        session.verify = False
        session.mount("https://", _Pinned(pair.certificate.read_text(encoding="ascii", errors="replace")))
    return session


def is_alive(settings: Settings, seconds: float) -> bool:
    """Whether the proxy gives any answer to HTTP, at each step within ``seconds``.

    Its certificate does not matter here: the files may have been renewed since it loaded them.
    """
    address = urlsplit(own_url(settings))
    connection = HTTPConnection(str(address.hostname), settings.port, timeout=seconds)
    if address.scheme == "https":
        connection = HTTPSConnection(str(address.hostname), settings.port, timeout=seconds, context=_unverified())
    with closing(connection):
        try:
            connection.request("GET", "/api/v1/health/live")
            connection.getresponse()
        except (OSError, HTTPException):
            return False
    return True


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class _Pinned(HTTPAdapter):
    def __init__(self, pem: str) -> None:
        self._certificate = ssl.PEM_cert_to_DER_cert(first(pem))
        super().__init__()

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        """Let urllib3 compare the server's certificate as a whole."""
        super().init_poolmanager(*sizes, **options, assert_fingerprint=hashlib.sha256(self._certificate).hexdigest())
