"""No JSON of an inference costs the proxy more than pixels do that are as long."""

from __future__ import annotations

import psutil
import pytest

from tests.proxy.costs import processor_time

HEADERS = {"Content-Type": "application/json"}
IMAGE = '"name": "image", "datatype": "BYTES"'
PIXELS = '"name": "pixels", "datatype": "UINT8"'
# About what pixels in JSON may have.
SIZE = 2_900_000


def _inference(tensor: str, shape: str, data: str) -> str:
    return f'{{"inputs": [{{{tensor}, "shape": [{shape}], "data": [{data}]}}]}}'


def _many(value: str, size: int = SIZE) -> str:
    """So many bytes of a list of ``value``."""
    return ",".join([value] * (size // (len(value) + 1)))


ORDINARY = _inference(PIXELS, "1, 224, 224, 3", _many("1"))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(_inference(IMAGE, "1", _many('""')), id="strings"),
        pytest.param(_inference(IMAGE, "1", _many("{}")), id="objects"),
        pytest.param(_inference(IMAGE, "1", _many("[]")), id="lists"),
        pytest.param(_inference(IMAGE, "1", _many("[[[1]]]")), id="lists in lists"),
        pytest.param(_inference(IMAGE, "1", _many("1")), id="numbers for strings"),
        pytest.param(_inference(IMAGE, _many("1"), '"AAAA"'), id="shape"),
        pytest.param(
            _inference(PIXELS.replace("U", "\\u0055"), "1, 224, 224, 3", _many("1", 3 * SIZE)), id="disguised pixels"
        ),
        pytest.param(f'{{"inputs": [], "outputs": [{_many(chr(123) + chr(125))}]}}', id="outputs"),
    ],
)
def test_no_json_costs_more_than_pixels_do(proxy: tuple[str, psutil.Process], text: str) -> None:
    """Strings took seven times as long, and lists, objects and disguised pixels three to five times."""
    url = f"{proxy[0]}/v2/models/VGG19_CK+48/infer"
    ordinary, hostile = (processor_time(url, proxy[1], body.encode(), HEADERS) for body in (ORDINARY, text))
    assert hostile < 2 * ordinary, (ordinary, hostile)
