"""Changes to bytes and to the blocks that a file consists of."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

# Numbers at which lengths, counts and signs go wrong.
_EDGES = (0, 1, 2, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)


def changed_bytes(noise: Random, data: bytes, most: int = 4) -> bytes:
    """Up to ``most`` changes: flipped bits, other numbers, pieces that are dropped, repeated, moved or made up."""
    changed = bytearray(data)
    for _ in range(noise.randint(1, most)):
        _change(noise, changed)
    return bytes(changed)


def _change(noise: Random, data: bytearray) -> None:
    place = noise.randrange(len(data) + 1)
    size = noise.choice((1, 1, 2, 4, 8, 30, 200))
    piece = bytes(data[place : place + size])
    kind = noise.randrange(8)
    if kind == 0 and place < len(data):
        data[place] ^= 1 << noise.randrange(8)
    elif kind == 1:
        width = noise.choice((1, 2, 4))
        number = noise.choice(_EDGES) & (256**width - 1)
        data[place : place + width] = number.to_bytes(width, noise.choice(("little", "big")))
    elif kind == 2:
        data[place : place + size] = noise.randbytes(len(piece))
    elif kind == 3:
        del data[place : place + size]
    elif kind == 4:
        data[place:place] = piece * noise.choice((1, 1, 2, 20))
    elif kind == 5:
        data[place:place] = noise.randbytes(size)
    elif kind == 6:
        other = noise.randrange(len(data) + 1)
        data[place : place + size] = data[other : other + size]
    elif noise.random() < 0.3:
        del data[place:]


def changed_blocks(noise: Random, blocks: Sequence[bytes], others: Sequence[bytes]) -> list[bytes]:
    """One change to the order of the blocks: dropped, repeated, exchanged, or one of ``others`` between them."""
    changed = list(blocks)
    place, other = noise.randrange(len(changed)), noise.randrange(len(changed))
    kind = noise.randrange(5)
    if kind == 0 and len(changed) > 1:
        del changed[place]
    elif kind == 1:
        changed[place:place] = [changed[place]] * noise.choice((1, 1, 2, 30))
    elif kind == 2:
        changed[place], changed[other] = changed[other], changed[place]
    elif kind == 3 and others:
        changed.insert(place, noise.choice(others))
    elif others:
        changed[place] = noise.choice(others)
    return changed
