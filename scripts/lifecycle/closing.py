"""Let no new prediction reach a model that is about to be unregistered, so that it can answer those before.

The proxy reads once a second which models these are (``proxy/njs/models/closing.js``) and refuses their predictions.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from urllib.parse import quote

import requests

from scripts.files import write_text
from scripts.processes import wait_until
from scripts.proxy.certificates import CertificateError
from scripts.proxy.own import own_session, own_url
from scripts.settings import Settings

# How long to wait for the proxy, which may be busy: some of its rounds.
_NOTICE_SECONDS = 5.0
_POLL_SECONDS = 0.1
# What the proxy says of such a model: proxy/njs/models/availability.js.
_SAYS = "is being unregistered"


@contextlib.contextmanager
def closed(settings: Settings, name: str, archive_name: str) -> Iterator[None]:
    """While the block runs the proxy refuses predictions of a model, which clients know by ``name``.

    It ends with this process too, however that ends.
    """
    write_text(settings.closing_file, json.dumps({"pid": os.getpid(), "archives": [archive_name]}) + "\n")
    try:
        wait_until(lambda: _is_noticed(settings, name), _NOTICE_SECONDS, every=_POLL_SECONDS)
        yield
    finally:
        settings.closing_file.unlink(missing_ok=True)


def _is_noticed(settings: Settings, name: str) -> bool:
    """Whether the proxy refuses its predictions by now, or there is none: then nobody asks through it."""
    try:
        with own_session(settings) as session:
            # Not GET /api/v1/models, which may want a key.
            answer = session.get(f"{own_url(settings)}/api/v1/models/{quote(name)}/ready", timeout=_NOTICE_SECONDS)
    except (requests.exceptions.SSLError, CertificateError):
        return False  # the files of its certificate have changed since it read them
    except requests.ConnectionError:
        return True
    except OSError:  # also those of requests
        return False
    # One that is not in the catalogue is asked for by nobody.
    return answer.status_code == requests.codes.not_found or _SAYS in answer.text
