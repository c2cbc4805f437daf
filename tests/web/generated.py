"""Requests that schemathesis makes from the service's description, and what comes of them."""

from __future__ import annotations

import base64
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.support import images
from tests.support.assertions import VERSION

# Most generated files are no pictures, and the service rightly says so; some are, so that 200 is seen as well.
schemathesis.openapi.format("binary", st.binary(max_size=512) | st.sampled_from([images.frame(70), images.frame(71)]))
schemathesis.openapi.format("byte", st.just(base64.b64encode(images.frame(70)).decode()))
schemathesis.openapi.format("version", st.just(VERSION))
DEADLINE = "X-Request-Deadline-Ms"


def _is_wrong_as_sent(case: schemathesis.Case[Any]) -> bool:
    """Whether the service can see what is wrong with a case: in a form, a list of one is the same as its value."""
    fields = case.body.values() if isinstance(case.body, dict) else ()
    return not any(isinstance(value, list) and len(value) == 1 for value in fields)


class Description:
    """The description as schemathesis reads it, of the service at ``url``."""

    def __init__(self, url: str) -> None:
        self._operations = schemathesis.openapi.from_url(f"{url}/openapi.json")

    def statuses(self, path: str, method: str, *, as_described: bool = True) -> set[int]:
        """Send requests to one operation and hold each answer against the description; the statuses that were seen."""
        mode = GenerationMode.POSITIVE if as_described else GenerationMode.NEGATIVE
        cases = self._operations[path][method].as_strategy(generation_mode=mode)
        seen = set()

        @settings(
            max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=cases if as_described else cases.filter(_is_wrong_as_sent))
        def check(case: schemathesis.Case[Any]) -> None:
            if as_described and DEADLINE in case.headers:
                case.headers[DEADLINE] = "60000"  # who waits for some milliseconds rightly gets 504
            answer = case.call_and_validate(excluded_checks=[positive_data_acceptance], timeout=60)
            seen.add(answer.status_code)

        check()
        return seen

    def check(self, path: str, method: str, answer: requests.Response) -> None:
        """Raise unless this answer of an operation is as described, and its status is."""
        operation = self._operations[path][method]
        assert str(answer.status_code) in operation.definition.raw["responses"], answer.text
        operation.validate_response(answer)
