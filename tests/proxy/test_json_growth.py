"""No JSON of an inference costs the proxy much more than binary data that is as long."""

from __future__ import annotations

import psutil
import pytest

from tests.proxy.costs import processor_time

IMAGE = '"name": "image", "datatype": "BYTES"'
PIXELS = '"name": "pixels", "datatype": "UINT8"'
# About what a body may have.
SIZE = 10_000_000


def _inference(tensor: str, shape: str, data: str) -> str:
    return f'{{"inputs": [{{{tensor}, "shape": [{shape}], "data": [{data}]}}]}}'


def _many(value: str, between: str = ",") -> str:
    """So many bytes of ``value``."""
    return between.join([value] * (SIZE // (len(value) + len(between))))


ORDINARY = b"{}" + b"." * SIZE


# All are refused: none has two images.
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(_inference(IMAGE, "2", f'"{"A" * SIZE}"'), id="Base64"),
        pytest.param(_inference(IMAGE, "2", f'"{_many(chr(92) + "u0041", "")}"'), id="escaped Base64"),
        pytest.param(_inference(IMAGE, "2", _many('""')), id="strings"),
        pytest.param(_inference(IMAGE, "2", _many('"' + "A" * 30_000 + '"', "," + " " * 90)), id="long strings"),
        pytest.param(_inference(IMAGE, "2", _many("{}")), id="objects"),
        pytest.param(_inference(IMAGE, "2", _many("[]")), id="lists"),
        pytest.param(_inference(PIXELS, "2, 224, 224, 3", _many("1")), id="numbers"),
        pytest.param(_inference(PIXELS.replace("U", "\\u0055"), "2, 224, 224, 3", _many("1")), id="disguised pixels"),
        pytest.param(_inference(IMAGE, _many("1"), '"AAAA"'), id="shape"),
        pytest.param(f'{{"id": "{"a" * SIZE}"}}', id="id"),
        pytest.param(f'{{"inputs": [], "outputs": [{_many("{}")}]}}', id="outputs"),
        pytest.param(_many('"data":[', ""), id="keys without data"),
        pytest.param("[" * SIZE, id="depth"),
    ],
)
def test_no_json_costs_much_more_than_binary_data(proxy: tuple[str, psutil.Process], text: str) -> None:
    """Base64 took fifteen times as long, strings thirty times; what is cut out takes half as long again."""
    url = f"{proxy[0]}/v2/models/VGG19_CK+48/infer"
    ordinary = processor_time(url, proxy[1], ORDINARY, {"Inference-Header-Content-Length": "2"})
    hostile = processor_time(url, proxy[1], text.encode(), {"Content-Type": "application/json"})
    assert hostile < 4 * ordinary, (ordinary, hostile)
