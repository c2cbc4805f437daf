"""Draw the page's sample faces: ``python -m scripts.pictures.samples``.

The seven drawings in ``proxy/pages/static/samples/`` are made here, so they are the project's and show no real person.
Needs Chromium and playwright (requirements-dev.txt); the JPEG files are committed, since serving needs neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import sync_playwright

from scripts.console import new_app, run
from scripts.settings import ROOT

FOLDER = ROOT / "proxy" / "pages" / "static" / "samples"
SIZE = 320  # pixels, width and height
CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")


@dataclass(frozen=True)
class Face:
    """One drawing: its colours, and brows, eyes and mouth as SVG paths in a box of 320 by 320."""

    skin: str
    shade: str
    hair: str
    backdrop: str
    style: str
    brows: tuple[str, str]
    eye: tuple[float, float]
    lower_lid: float
    mouth: str
    lips: str = "line"
    extras: str = ""


HAIR = {
    "short": "M70 150C60 40 260 40 250 150C246 118 226 100 204 94C168 116 108 108 84 120C76 130 72 140 70 150Z",
    "bob": "M62 240C26 80 84 42 160 42S294 80 258 240C250 246 240 240 234 228"
    "C250 160 226 116 160 100C94 116 70 160 86 228C80 240 70 246 62 240Z",
    "bun": "M128 46A32 28 0 1 1 192 46L188 62C236 70 256 106 250 156C240 118 214 98 160 98"
    "C106 98 80 118 70 156C64 106 84 70 132 62Z",
    "curly": "M66 150A30 30 0 0 1 76 98A32 32 0 0 1 116 62A36 36 0 0 1 178 52A34 34 0 0 1 232 82A30 30 0 0 1 252 150"
    "C240 120 224 110 196 104C150 96 110 104 88 120C76 128 70 140 66 150Z",
}

FACES = {
    "anger": Face(
        "#e9b08d",
        "#c9805f",
        "#3b2a22",
        "#d9cfc4",
        "short",
        ("M100 142L146 160", "M220 142L174 160"),
        (15, 9),
        4,
        "M126 232C144 216 176 216 194 232",
        extras="<path d='M152 146L155 160M168 146L165 160' stroke='#a8633f' stroke-width='3'/>",
    ),
    "disgust": Face(
        "#f0c9a8",
        "#d59c78",
        "#8a5a2f",
        "#cfd6c6",
        "bob",
        ("M102 150C116 144 132 146 144 154", "M176 150C190 138 206 136 218 142"),
        (14, 7),
        6,
        "M128 232C142 218 156 232 168 224C180 216 190 222 196 232",
        extras="<path d='M146 178C152 172 168 172 174 178M142 188C146 182 150 180 152 180'"
        " stroke='#bb7f5b' stroke-width='3'/>",
    ),
    "fear": Face(
        "#c98f68",
        "#a06a45",
        "#1f1a18",
        "#c9cfdc",
        "curly",
        ("M102 140C114 126 132 124 146 130", "M218 140C206 126 188 124 174 130"),
        (17, 17),
        0,
        "M132 236C136 218 184 218 188 236C178 244 142 244 132 236Z",
        lips="open",
    ),
    "happiness": Face(
        "#8d5a3b",
        "#6a3f27",
        "#17110e",
        "#e9d9b4",
        "bun",
        ("M100 142C112 130 132 130 144 138", "M220 142C208 130 188 130 176 138"),
        (15, 10),
        7,
        "M118 210C132 220 188 220 202 210C196 252 124 252 118 210Z",
        lips="smile",
    ),
    "neutral": Face(
        "#f2d0b5",
        "#d8a684",
        "#5d4634",
        "#d6d8d4",
        "short",
        ("M102 146C114 139 132 139 144 144", "M218 146C206 139 188 139 176 144"),
        (15, 12),
        1,
        "M130 226C148 229 172 229 190 226",
    ),
    "sadness": Face(
        "#d9a27c",
        "#b3774f",
        "#2c211c",
        "#c3cfdb",
        "bob",
        ("M100 152C114 148 132 138 144 132", "M220 152C206 148 188 138 176 132"),
        (15, 9),
        1,
        "M132 236C146 220 174 220 188 236",
        extras="<path d='M116 204C110 216 110 224 117 225C124 224 123 215 116 204Z' fill='#8ec5e8' stroke='none'/>",
    ),
    "surprise": Face(
        "#eebd98",
        "#cf8f68",
        "#a4472b",
        "#c5dcd8",
        "curly",
        ("M100 128C112 114 132 114 146 122", "M220 128C208 114 188 114 174 122"),
        (17, 18),
        0,
        "M160 206C186 206 188 254 160 254C132 254 134 206 160 206Z",
        lips="open",
    ),
}


def draw(face: Face) -> str:
    """The drawing as an SVG document."""
    back = "bob" in face.style
    behind = f"<path d='M68 170C56 250 62 282 84 284H236C258 282 264 250 252 170Z' fill='{face.hair}'/>" if back else ""
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{SIZE}" height="{SIZE}" viewBox="0 0 320 320">
<defs><radialGradient id="skin" cx=".45" cy=".38" r=".75"><stop offset=".35" stop-color="{face.skin}"/>
<stop offset="1" stop-color="{face.shade}"/></radialGradient>
<radialGradient id="wall" cx=".5" cy=".35" r=".9"><stop stop-color="#fff" stop-opacity=".55"/>
<stop offset="1" stop-color="#fff" stop-opacity="0"/></radialGradient></defs>
<rect width="320" height="320" fill="{face.backdrop}"/><rect width="320" height="320" fill="url(#wall)"/>
{behind}<path d="M40 330C48 282 104 276 130 268H190C216 276 272 282 280 330Z" fill="#4d5f63"/>
<path d="M128 236H192V268C184 292 136 292 128 268Z" fill="{face.shade}"/>
<ellipse cx="76" cy="178" rx="14" ry="22" fill="{face.shade}"/>
<ellipse cx="244" cy="178" rx="14" ry="22" fill="{face.shade}"/>
<path d="M74 150C74 86 114 66 160 66S246 86 246 150C246 226 206 276 160 276S74 226 74 150Z" fill="url(#skin)"/>
<ellipse cx="108" cy="212" rx="20" ry="13" fill="#d8614a" opacity=".16"/>
<ellipse cx="212" cy="212" rx="20" ry="13" fill="#d8614a" opacity=".16"/>
{eye(122, face)}{eye(198, face)}
<g fill="none" stroke="{face.hair}" stroke-width="8" stroke-linecap="round" stroke-linejoin="round">
<path d="{face.brows[0]}"/><path d="{face.brows[1]}"/></g>
<path d="M158 172C152 190 148 200 152 204C158 209 166 208 170 203" fill="none" stroke="{face.shade}"
 stroke-width="5" stroke-linecap="round"/>
{mouth(face)}<g fill="none" stroke-linecap="round">{face.extras}</g>
<path d="{HAIR[face.style]}" fill="{face.hair}"/></svg>"""


def eye(x: float, face: Face) -> str:
    """One eye, centred at ``x``: the white, the iris inside it, and the lids."""
    width, height = face.eye
    lid = f"M{x - width} 172Q{x} {172 - 2 * height} {x + width} 172"
    shape = f"{lid}Q{x} {172 + 2 * height - 2 * face.lower_lid} {x - width} 172Z"
    iris = min(8.0, height)
    return (
        f"<clipPath id='eye{x}'><path d='{shape}'/></clipPath><path d='{shape}' fill='#fdfaf5'/>"
        f"<g clip-path='url(#eye{x})'><circle cx='{x}' cy='171' r='{iris}' fill='#5a3d28'/>"
        f"<circle cx='{x}' cy='171' r='{iris / 2}' fill='#16100c'/>"
        f"<circle cx='{x + 3}' cy='168' r='2' fill='#fff'/></g>"
        f"<path d='{lid}' fill='none' stroke='#2a1c15' stroke-width='4' stroke-linecap='round'/>"
    )


def mouth(face: Face) -> str:
    """The mouth: a closed line, an open one, or a smile that shows teeth."""
    if face.lips == "line":
        return f"<path d='{face.mouth}' fill='none' stroke='#8f4436' stroke-width='7' stroke-linecap='round'/>"
    teeth = "<path d='M124 214C140 220 180 220 196 214L192 226C174 231 146 231 128 226Z' fill='#fdfaf5'/>"
    shape = f"<path d='{face.mouth}' fill='#5c1f1c' stroke='#9c4a3c' stroke-width='5' stroke-linejoin='round'/>"
    return shape + (teeth if face.lips == "smile" else "")


app = new_app("Draw the page's sample faces as JPEG files.")


@app.command()
def samples(folder: Annotated[Path, typer.Option(help="Where to write them.")] = FOLDER) -> int:
    """Write one JPEG for each face."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": SIZE, "height": SIZE})
        for name, face in FACES.items():
            page.set_content(f"<style>body{{margin:0}}svg{{display:block}}</style>{draw(face)}")
            page.screenshot(path=folder / f"{name}.jpg", type="jpeg", quality=85)
        browser.close()
    print(f"{len(FACES)} drawings in {folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(run(app, "python -m scripts.pictures.samples"))
