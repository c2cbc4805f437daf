"""What scripts/predict makes of the service's headers."""

from __future__ import annotations

from email.utils import formatdate
from time import time

import pytest
import requests

from scripts.client.service import retry_after


def answer(value: str | None) -> requests.Response:
    response = requests.Response()
    if value is not None:
        response.headers["Retry-After"] = value
    return response


def test_retry_after_is_a_number_or_a_date_and_never_a_crash() -> None:
    assert retry_after(answer("7")) == 7
    assert retry_after(answer(formatdate(time() + 30, usegmt=True))) == pytest.approx(30, abs=3)
    assert retry_after(answer(None)) == retry_after(answer("soon")) == float("inf")
