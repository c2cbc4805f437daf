"""Which clients a canary answers, computed a second time."""

from __future__ import annotations


def hashed(text: str) -> int:
    """As ``proxy/njs/trials/assignment.js``: FNV-1a, and the end of MurmurHash3."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    value = (value ^ value >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    value = (value ^ value >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return value ^ value >> 16
