"""Let no new prediction reach a model that is about to be unregistered, so that it can answer those before.

The proxy reads once a second which models these are (``proxy/njs/models/closing.js``) and refuses their predictions.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from urllib.parse import quote

import requests

from scripts.files import renewed, write_text
from scripts.lifecycle.outcomes import LifecycleError
from scripts.processes import wait_until
from scripts.proxy.certificates import CertificateError
from scripts.proxy.own import own_session, own_url
from scripts.settings import Settings

# How long to wait for the proxy, which may be busy: many of its rounds.
_NOTICE_SECONDS = 15.0
_ANSWER_SECONDS = 5.0
_POLL_SECONDS = 0.1
# What the proxy says of such a model: proxy/njs/models/availability.js.
_SAYS = "is being unregistered"


@contextlib.contextmanager
def closed(settings: Settings, name: str, archive_name: str) -> Iterator[None]:
    """While the block runs the proxy refuses predictions of a model, which clients know by ``name``.

    It ends seconds after this process too, however that ends. Raises LifecycleError where the proxy does not do so.
    """
    write_text(settings.closing_file, json.dumps({"archives": [archive_name]}) + "\n")
    try:
        with renewed(settings.closing_file):
            if not wait_until(lambda: _is_noticed(settings, name), _NOTICE_SECONDS, every=_POLL_SECONDS):
                raise LifecycleError(
                    f"{name} stays registered: the proxy has not refused its predictions within {_NOTICE_SECONDS:g} s, "
                    f"and those would be lost. See what {own_url(settings)}/api/v1/models/{quote(name)}/ready answers; "
                    "after a change of the certificate's files, reload the proxy first (`make reload`)"
                )
            yield
    finally:
        settings.closing_file.unlink(missing_ok=True)


def _is_noticed(settings: Settings, name: str) -> bool:
    """Whether the proxy refuses its predictions by now, or there is none: then nobody asks through it."""
    try:
        with own_session(settings) as session:
            # Not GET /api/v1/models, which may want a key.
            answer = session.get(f"{own_url(settings)}/api/v1/models/{quote(name)}/ready", timeout=_ANSWER_SECONDS)
    except (requests.exceptions.SSLError, CertificateError):
        return False  # the files of its certificate have changed since it read them
    except requests.ConnectionError:
        return True
    except OSError:  # also those of requests
        return False
    # One that is not in the catalogue is asked for by nobody.
    return answer.status_code == requests.codes.not_found or _SAYS in answer.text
