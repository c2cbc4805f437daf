"""The drawn scenes that faces are looked for in."""

from __future__ import annotations

from scripts.pictures.scenes import draw_scene


def test_a_face_that_is_nearly_as_high_as_a_portrait_fits_into_it() -> None:
    scene = draw_scene(3, size=(180, 240), shares=(0.9,))
    [face] = scene.faces
    assert face.box[0] >= 0
    assert face.box[2] <= 180
    assert face.height <= 180


def test_the_same_seed_draws_the_same_scene() -> None:
    first, second = (draw_scene(3, 5, size=(160, 120), shares=(0.4,)) for _ in range(2))
    assert first.faces == second.faces
    assert first.jpeg() == second.jpeg()
    assert draw_scene(3, 6, size=(160, 120), shares=(0.4,)).faces != first.faces
