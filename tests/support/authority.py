"""An authority of the tests' own: certificates that only those trust who are told to."""

from __future__ import annotations

import ssl
from datetime import datetime
from pathlib import Path

import trustme

from scripts.proxy.certificates import Pair

NAME = "emotions.example.org"


class Authority:
    """Issues certificates into ``folder``; ``file`` is its own certificate, for clients that shall trust it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = trustme.CA()
        self.file = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.file))

    def issue(
        self,
        label: str,
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        key_type: trustme.KeyType = trustme.KeyType.ECDSA,
    ) -> Pair:
        """A certificate for NAME, localhost and 127.0.0.1, and its key, in files that begin with ``label``."""
        made = self._authority.issue_cert(
            NAME, "localhost", "127.0.0.1", not_before=not_before, not_after=not_after, key_type=key_type
        )
        pair = Pair(self._folder / f"{label}.pem", self._folder / f"{label}.key")
        pair.certificate.write_bytes(b"".join(part.bytes() for part in made.cert_chain_pems))
        made.private_key_pem.write_to_path(str(pair.key))
        return pair

    def client(self, *protocols: str) -> ssl.SSLContext:
        """What a client needs that trusts this authority alone and offers the ALPN ``protocols``."""
        context = ssl.create_default_context(cafile=str(self.file))
        context.set_alpn_protocols(list(protocols))
        return context


class Installed:
    """The place of a certificate and its key that is changed at a renewal: links, as certbot has them."""

    def __init__(self, folder: Path, pair: Pair) -> None:
        self.pair = Pair(folder / "fullchain.pem", folder / "privkey.pem")
        self.install(pair)

    def install(self, pair: Pair) -> None:
        """Let both links lead to the files of ``pair``."""
        for link, file in ((self.pair.certificate, pair.certificate), (self.pair.key, pair.key)):
            link.unlink(missing_ok=True)
            link.symlink_to(file)

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a proxy that uses them."""
        return {"TLS_CERTIFICATE": str(self.pair.certificate), "TLS_KEY": str(self.pair.key)}
