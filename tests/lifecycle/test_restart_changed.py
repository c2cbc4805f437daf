"""A restart after which archives are gone or damaged, or LOAD_MODELS has changed."""

from __future__ import annotations

import shutil

from tests.lifecycle.restarts import GUEST, guest, listed, restart
from tests.support.asking import predict
from tests.support.models import OTHER, SERVED
from tests.support.sites import Site, repack
from tests.support.stacks import DEGRADED, RunningStack


def test_load_models_decides_for_the_catalogue_and_leaves_the_rest(stack: RunningStack, site: Site) -> None:
    assert stack.command("lifecycle", "scale", SERVED, "2").returncode == 0
    assert stack.command("lifecycle", "unregister", OTHER).returncode == 0
    assert stack.command("lifecycle", "register", guest(site)).returncode == 0
    stack.environment["LOAD_MODELS"] = OTHER
    restart(stack)
    assert listed(stack) == [(GUEST, "7", True, 1), (SERVED, "1.0", True, 0), (OTHER, "1.0", True, 1)]
    del stack.environment["LOAD_MODELS"]
    assert predict(stack.url, SERVED).status == 200
    restart(stack)
    assert listed(stack) == [(GUEST, "7", True, 1), (SERVED, "1.0", True, 1), (OTHER, "1.0", True, 1)]
    assert stack.command("lifecycle", "unregister", GUEST).returncode == 0


def test_an_archive_that_is_gone_or_damaged_is_told_and_keeps_no_other_from_loading(
    stack: RunningStack, site: Site
) -> None:
    for name in ("Aaa", "Zzz"):
        repack(site.store / "MobileNetV2_FER2013.mar", site.store / f"{name}.mar", "1.0", name=name)
        assert stack.command("lifecycle", "register", f"{name}.mar").returncode == 0
    shutil.move(site.store / "Zzz.mar", site.folder / "Zzz.mar")
    (site.store / "Aaa.mar").write_bytes((site.store / "Aaa.mar").read_bytes()[:5000])
    printed = restart(stack, DEGRADED)
    assert "not restored: Zzz 1.0: no file in" in printed
    assert "not restored: Aaa 1.0: Aaa.mar: TorchServe cannot read it" in printed
    assert listed(stack) == [(SERVED, "1.0", True, 1), (OTHER, "1.0", True, 1)]

    shutil.move(site.folder / "Zzz.mar", site.store / "Zzz.mar")
    assert "Zzz" not in restart(stack, DEGRADED)
    assert ("Zzz", "1.0", True, 1) in listed(stack)
