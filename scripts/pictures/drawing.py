"""Draw a face as an SVG document: seven expressions and contempt, on heads of any skin, hair and pose.

All coordinates lie in a box of 320 by 320. The drawings are the project's own and show no real person.
"""

from __future__ import annotations

from dataclasses import dataclass

BOX = 320  # units, width and height
# How much of a face's side a drawing shows around the face, on each side: what a stand-in knows.
FACE_MARGIN = 0.5


@dataclass(frozen=True)
class Expression:
    """What the face does: brows and mouth as SVG paths, the eyes' half width and half height, the lower lids' rise.

    ``lips`` is ``line`` for a closed mouth, ``open``, or ``smile`` for one that shows teeth; ``extras`` are wrinkles or
    tears as SVG, with ``{shade}`` for the colour of the skin's shadow.
    """

    brows: tuple[str, str]
    eye: tuple[float, float]
    lower_lid: float
    mouth: str
    lips: str = "line"
    extras: str = ""


@dataclass(frozen=True)
class Look:
    """Whose face it is: colours, and the name of a style in HAIR."""

    skin: str
    shade: str
    hair: str
    backdrop: str
    style: str
    shirt: str = "#4d5f63"


@dataclass(frozen=True)
class Pose:
    """SVG transforms of the whole person, of the features on the head, and of brows, mouth and eyes (a factor)."""

    person: str = ""
    features: str = ""
    brows: str = ""
    mouth: str = ""
    eyes: tuple[float, float] = (1, 1)


HAIR = {
    "short": "M70 150C60 40 260 40 250 150C246 118 226 100 204 94C168 116 108 108 84 120C76 130 72 140 70 150Z",
    "bob": "M62 240C26 80 84 42 160 42S294 80 258 240C250 246 240 240 234 228"
    "C250 160 226 116 160 100C94 116 70 160 86 228C80 240 70 246 62 240Z",
    "bun": "M128 46A32 28 0 1 1 192 46L188 62C236 70 256 106 250 156C240 118 214 98 160 98"
    "C106 98 80 118 70 156C64 106 84 70 132 62Z",
    "curly": "M66 150A30 30 0 0 1 76 98A32 32 0 0 1 116 62A36 36 0 0 1 178 52A34 34 0 0 1 232 82A30 30 0 0 1 252 150"
    "C240 120 224 110 196 104C150 96 110 104 88 120C76 128 70 140 66 150Z",
}

EXPRESSIONS = {
    "anger": Expression(
        ("M100 142L146 160", "M220 142L174 160"),
        (15, 9),
        4,
        "M126 232C144 216 176 216 194 232",
        extras="<path d='M152 146L155 160M168 146L165 160' stroke='{shade}' stroke-width='3'/>",
    ),
    "contempt": Expression(
        ("M102 148C114 143 132 143 144 148", "M220 142C208 126 190 122 174 132"),
        (15, 8),
        2,
        "M132 232C150 235 178 230 198 210",
        extras="<path d='M204 198C212 204 213 214 208 222' stroke='{shade}' stroke-width='4'/>",
    ),
    "disgust": Expression(
        ("M102 150C116 144 132 146 144 154", "M176 150C190 138 206 136 218 142"),
        (14, 7),
        6,
        "M128 232C142 218 156 232 168 224C180 216 190 222 196 232",
        extras="<path d='M146 178C152 172 168 172 174 178M142 188C146 182 150 180 152 180'"
        " stroke='{shade}' stroke-width='3'/>",
    ),
    "fear": Expression(
        ("M102 140C114 126 132 124 146 130", "M218 140C206 126 188 124 174 130"),
        (17, 17),
        0,
        "M132 236C136 218 184 218 188 236C178 244 142 244 132 236Z",
        lips="open",
    ),
    "happiness": Expression(
        ("M100 142C112 130 132 130 144 138", "M220 142C208 130 188 130 176 138"),
        (15, 10),
        7,
        "M118 210C132 220 188 220 202 210C196 252 124 252 118 210Z",
        lips="smile",
    ),
    "neutral": Expression(
        ("M102 146C114 139 132 139 144 144", "M218 146C206 139 188 139 176 144"),
        (15, 12),
        1,
        "M130 226C148 229 172 229 190 226",
    ),
    "sadness": Expression(
        ("M100 152C114 148 132 138 144 132", "M220 152C206 148 188 138 176 132"),
        (15, 9),
        1,
        "M132 236C146 220 174 220 188 236",
        extras="<path d='M116 204C110 216 110 224 117 225C124 224 123 215 116 204Z' fill='#8ec5e8' stroke='none'/>",
    ),
    "surprise": Expression(
        ("M100 128C112 114 132 114 146 122", "M220 128C208 114 188 114 174 122"),
        (17, 18),
        0,
        "M160 206C186 206 188 254 160 254C132 254 134 206 160 206Z",
        lips="open",
    ),
}

_SAME = {"angry": "anger", "happy": "happiness", "sad": "sadness"}

_GRADIENTS = """<defs><radialGradient id="skin" cx=".45" cy=".38" r=".75"><stop offset=".35" stop-color="{skin}"/>
<stop offset="1" stop-color="{shade}"/></radialGradient>
<radialGradient id="wall" cx=".5" cy=".35" r=".9"><stop stop-color="#fff" stop-opacity=".55"/>
<stop offset="1" stop-color="#fff" stop-opacity="0"/></radialGradient></defs>"""


def expression_of(label: str) -> str | None:
    """The expression of EXPRESSIONS that a label stands for; None when none is drawn."""
    word = label.lower()
    expression = _SAME.get(word, word)
    return expression if expression in EXPRESSIONS else None


def svg(expression: Expression, look: Look, pose: Pose | None = None, *, gradients: bool = True) -> str:
    """The drawing as an SVG document. Without ``gradients`` it is rendered in a third of the time."""
    pose = pose or Pose()
    behind = f"<path d='M68 170C56 250 62 282 84 284H236C258 282 264 250 252 170Z' fill='{look.hair}'/>"
    wall = f"<rect width='{BOX}' height='{BOX}' fill='url(#wall)'/>"
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{BOX}" height="{BOX}" viewBox="0 0 {BOX} {BOX}">
{_GRADIENTS.format(skin=look.skin, shade=look.shade) if gradients else ""}
<rect width="{BOX}" height="{BOX}" fill="{look.backdrop}"/>{wall if gradients else ""}
<g transform="{pose.person}">{behind if look.style == "bob" else ""}
<path d="M40 330C48 282 104 276 130 268H190C216 276 272 282 280 330V640H40Z" fill="{look.shirt}"/>
<path d="M128 236H192V268C184 292 136 292 128 268Z" fill="{look.shade}"/>
<ellipse cx="76" cy="178" rx="14" ry="22" fill="{look.shade}"/>
<ellipse cx="244" cy="178" rx="14" ry="22" fill="{look.shade}"/>
<path d="M74 150C74 86 114 66 160 66S246 86 246 150C246 226 206 276 160 276S74 226 74 150Z"
 fill="{"url(#skin)" if gradients else look.skin}"/>
<g transform="{pose.features}"><ellipse cx="108" cy="212" rx="20" ry="13" fill="#d8614a" opacity=".16"/>
<ellipse cx="212" cy="212" rx="20" ry="13" fill="#d8614a" opacity=".16"/>
{_eye(122, expression, pose)}{_eye(198, expression, pose)}
<g transform="{pose.brows}" fill="none" stroke="{look.hair}" stroke-width="8" stroke-linecap="round"
 stroke-linejoin="round"><path d="{expression.brows[0]}"/><path d="{expression.brows[1]}"/></g>
<path d="M158 172C152 190 148 200 152 204C158 209 166 208 170 203" fill="none" stroke="{look.shade}"
 stroke-width="5" stroke-linecap="round"/><g transform="{pose.mouth}">{_mouth(expression)}</g>
<g fill="none" stroke-linecap="round">{expression.extras.format(shade=look.shade)}</g></g>
<path d="{HAIR[look.style]}" fill="{look.hair}"/></g></svg>"""


def _eye(x: float, expression: Expression, pose: Pose) -> str:
    """One eye, centred at ``x``: the white, the iris inside it, and the lids."""
    width, height = (size * factor for size, factor in zip(expression.eye, pose.eyes, strict=True))
    lid = f"M{x - width} 172Q{x} {172 - 2 * height} {x + width} 172"
    shape = f"{lid}Q{x} {172 + 2 * height - 2 * expression.lower_lid} {x - width} 172Z"
    iris = min(8.0, height)
    return (
        f"<clipPath id='eye{x}'><path d='{shape}'/></clipPath><path d='{shape}' fill='#fdfaf5'/>"
        f"<g clip-path='url(#eye{x})'><circle cx='{x}' cy='171' r='{iris}' fill='#5a3d28'/>"
        f"<circle cx='{x}' cy='171' r='{iris / 2}' fill='#16100c'/>"
        f"<circle cx='{x + 3}' cy='168' r='2' fill='#fff'/></g>"
        f"<path d='{lid}' fill='none' stroke='#2a1c15' stroke-width='4' stroke-linecap='round'/>"
    )


def _mouth(expression: Expression) -> str:
    """The mouth: a closed line, an open one, or a smile that shows teeth."""
    path = expression.mouth
    if expression.lips == "line":
        return f"<path d='{path}' fill='none' stroke='#8f4436' stroke-width='7' stroke-linecap='round'/>"
    teeth = "<path d='M124 214C140 220 180 220 196 214L192 226C174 231 146 231 128 226Z' fill='#fdfaf5'/>"
    shape = f"<path d='{path}' fill='#5c1f1c' stroke='#9c4a3c' stroke-width='5' stroke-linejoin='round'/>"
    return shape + (teeth if expression.lips == "smile" else "")
