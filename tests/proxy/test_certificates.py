"""A certificate that cannot serve is named before anything starts."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from scripts.proxy import certificates
from scripts.proxy.certificates import CertificateError, Pair
from scripts.proxy.own import own_url
from scripts.settings import Settings, load_settings
from tests.support.authority import Authority, Installed

NOW = datetime.now(timezone.utc).replace(microsecond=0)


@pytest.fixture(scope="module")
def good(authority: Authority) -> Pair:
    return authority.issue("good", not_after=NOW + timedelta(days=90))


def refusal(pair: Pair) -> str:
    with pytest.raises(CertificateError) as caught:
        certificates.check(pair)
    return str(caught.value)


@pytest.mark.parametrize("key_type", trustme.KeyType)
def test_a_good_certificate_is_taken_and_its_end_is_told(authority: Authority, key_type: trustme.KeyType) -> None:
    end = NOW + timedelta(days=90)
    assert certificates.check(authority.issue(key_type.name, not_after=end, key_type=key_type)) == end


def test_a_certificate_outside_its_validity_is_refused(authority: Authority) -> None:
    old = authority.issue("old", not_after=datetime(2026, 1, 2, tzinfo=timezone.utc))
    assert refusal(old) == f"TLS_CERTIFICATE={old.certificate}: has expired on 2026-01-02; renew it"
    begin = NOW + timedelta(days=1)
    early = replace(authority.issue("early", not_before=begin), prefix="MANAGEMENT_")
    assert refusal(early) == (
        f"MANAGEMENT_TLS_CERTIFICATE={early.certificate}: is not valid before {begin:%Y-%m-%d %H:%M} UTC; "
        "check this machine's clock"
    )


@pytest.mark.parametrize("key_type", trustme.KeyType)
def test_the_key_of_another_certificate_is_refused(authority: Authority, good: Pair, key_type: trustme.KeyType) -> None:
    other = authority.issue("other", key_type=key_type)
    assert refusal(Pair(good.certificate, other.key)) == (
        f"TLS_KEY={other.key}: is not the key of the first certificate in {good.certificate}; give a matching pair"
    )


def with_passphrase(key: bytes) -> bytes:
    private = serialization.load_pem_private_key(key, None)
    encryption = serialization.BestAvailableEncryption(b"secret")
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize(
    "change",
    [lambda key: b"", lambda key: key[:80], lambda key: b"hello", with_passphrase],
    ids=lambda change: "change",
)
def test_a_key_that_is_none_is_refused(good: Pair, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    key = tmp_path / "privkey.pem"
    key.write_bytes(change(good.key.read_bytes()))
    told = f"TLS_KEY={key}: has no whole key in PEM form without a passphrase; give one"
    assert refusal(Pair(good.certificate, key)) == told


@pytest.mark.parametrize("text", ["", "\0\x01", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"])
def test_a_certificate_that_is_none_is_refused(good: Pair, tmp_path: Path, text: str) -> None:
    certificate = tmp_path / "fullchain.pem"
    certificate.write_text(text)
    told = f"TLS_CERTIFICATE={certificate}: has no certificate in PEM form; give yours, and its chain after it"
    assert refusal(Pair(certificate, good.key)) == told


def test_a_file_that_cannot_be_read_is_named(good: Pair, tmp_path: Path) -> None:
    told = "; give the path of a PEM file that the user of the stack may read"
    missing = tmp_path / "missing"
    assert refusal(Pair(missing, good.key)) == (
        f"TLS_CERTIFICATE={missing}: cannot be read (No such file or directory){told}"
    )
    assert refusal(Pair(good.certificate, tmp_path)) == f"TLS_KEY={tmp_path}: cannot be read (Is a directory){told}"


def settings(**environment: str) -> Settings:
    return load_settings(environment)


@pytest.mark.parametrize("prefix", ["", "MANAGEMENT_"])
@pytest.mark.parametrize(("given", "missing"), [("CERTIFICATE", "KEY"), ("KEY", "CERTIFICATE")])
def test_one_without_the_other_is_refused(prefix: str, given: str, missing: str) -> None:
    told = f"^{prefix}TLS_{given} is set and {prefix}TLS_{missing} is not; set both for HTTPS, or neither$"
    with pytest.raises(CertificateError, match=told):
        certificates.check_all(settings(**{f"{prefix}TLS_{given}": "x"}))


def test_the_management_listener_has_its_own_certificate_or_the_public_one() -> None:
    public = {"TLS_CERTIFICATE": "/a.pem", "TLS_KEY": "/a.key"}
    own = {"MANAGEMENT_TLS_CERTIFICATE": "/b.pem", "MANAGEMENT_TLS_KEY": "/b.key"}
    listen = {"MANAGEMENT_LISTEN": "127.0.0.1:8443"}
    a, b = Pair(Path("/a.pem"), Path("/a.key")), Pair(Path("/b.pem"), Path("/b.key"), "MANAGEMENT_")
    assert certificates.management_pair(settings(**public, **listen)) == a
    assert certificates.management_pair(settings(**public, **own, **listen)) == b
    assert certificates.management_pair(settings(**own, **listen)) == b
    assert certificates.public_pair(settings(**own, **listen)) is None
    assert certificates.management_pair(settings(**public, **own)) is None
    assert certificates.management_pair(settings(**listen)) is None


def test_every_certificate_is_checked_and_one_that_ends_soon_is_told(authority: Authority, good: Pair) -> None:
    end = NOW + timedelta(days=13)
    soon = authority.issue("soon", not_after=end)
    both = {"TLS_CERTIFICATE": str(good.certificate), "TLS_KEY": str(good.key), "MANAGEMENT_LISTEN": "127.0.0.1:8443"}
    assert certificates.check_all(settings()) == []
    assert certificates.check_all(settings(**both)) == []
    own = {"MANAGEMENT_TLS_CERTIFICATE": str(soon.certificate), "MANAGEMENT_TLS_KEY": str(soon.key)}
    assert certificates.check_all(settings(**both, **own)) == [
        f"MANAGEMENT_TLS_CERTIFICATE={soon.certificate}: expires on {end:%Y-%m-%d}; renew it, then `make reload`"
    ]


def test_a_link_is_kept_as_it_is_so_that_it_may_lead_to_another_file_tomorrow(good: Pair, tmp_path: Path) -> None:
    link = Installed(tmp_path, good).pair.certificate
    assert settings(TLS_CERTIFICATE=str(link)).tls_certificate == link
    assert settings(TLS_CERTIFICATE=os.path.relpath(link, Path(__file__).parents[2])).tls_certificate == link


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1", "https://127.0.0.1:8000"),
        ("0.0.0.0", "https://127.0.0.1:8000"),
        ("::", "https://[::1]:8000"),
        ("10.0.0.5", "https://10.0.0.5:8000"),
        ("emotions.example.org", "https://emotions.example.org:8000"),
    ],
)
def test_scripts_ask_by_number_whatever_the_names(address: str, url: str) -> None:
    tls = {"TLS_CERTIFICATE": "/a.pem", "TLS_KEY": "/a.key"}
    assert own_url(settings(**tls, BIND_ADDRESS=address, SERVER_NAMES="example.org")) == url
    assert own_url(settings(BIND_ADDRESS=address)) == url.replace("https", "http")


def test_a_person_opens_the_first_name_that_is_served() -> None:
    tls = {"TLS_CERTIFICATE": "/a.pem", "TLS_KEY": "/a.key"}
    names = "*.example.org emotions.example.org localhost"
    assert settings(**tls).url == "https://localhost:8000"
    assert settings(**tls, SERVER_NAMES="all").url == "https://localhost:8000"
    assert settings(**tls, SERVER_NAMES=names).url == "https://emotions.example.org:8000"
    assert settings(**tls, SERVER_NAMES=names, BIND_ADDRESS="10.0.0.5").url == "https://10.0.0.5:8000"


def test_without_tls_a_person_opens_what_leads_to_this_machine_and_is_served() -> None:
    assert settings().url == settings(SERVER_NAMES="all").url == "http://localhost:8000"
    assert settings(SERVER_NAMES="a.example.org localhost").url == "http://localhost:8000"
    assert settings(SERVER_NAMES="a.example.org").url == "http://127.0.0.1:8000"
