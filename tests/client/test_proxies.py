"""Proxies that the environment names, between scripts/predict and the service; test_environment.py has a real stack."""

from __future__ import annotations

import pytest

from scripts.client.service import PredictError, Service
from tests.support.hostile import PROXIES
from tests.support.ports import free_ports


@pytest.fixture(autouse=True)
def proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies at a port where nothing is."""
    for name, value in {**PROXIES, "no_proxy": "example.org"}.items():
        monkeypatch.setenv(name, value)


def refusal(url: str, *, here: bool = False) -> str:
    with pytest.raises(PredictError) as caught:
        Service(url, here=here).models()
    return str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_none_leads_to_this_machine(host: str) -> None:
    url = f"http://{host}:{free_ports(1)[0]}"
    assert refusal(url) == f"Nothing answers at {url}; start the service with 'make start'"


def test_none_leads_to_the_address_the_stack_listens_on() -> None:
    """As BIND_ADDRESS names it."""
    url = f"http://here.invalid:{free_ports(1)[0]}"
    assert refusal(url, here=True).startswith(f"Nothing answers at {url}; ")


def test_one_that_does_not_lead_to_another_machine_is_named() -> None:
    assert refusal("http://service.example:8000") == (
        "http://service.example:8000: the proxy that the environment names (http_proxy, https_proxy, all_proxy) does "
        "not lead there; add the host to no_proxy if none is needed"
    )
