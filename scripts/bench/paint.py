"""How soon the page of a running service is there in Chromium with an empty cache, and how much it moves."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.bench import BenchError
from scripts.bench.machine import describe_machine
from scripts.bench.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE_MS = 60_000

# Shifts count as in https://web.dev/articles/cls, of which they are the sum.
_WATCH = """window.shifted = 0;
new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) window.shifted += value;
}).observe({ type: "layout-shift", buffered: true });"""
_ANSWERED = """() => {
    const cards = [...document.querySelectorAll("#grid .card")];
    return cards.length > 0 && cards.every(({ dataset }) => dataset.state === "done" || dataset.state === "failed");
}"""
_FIGURES = """async (answered) => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const files = performance.getEntriesByType("resource").filter(({ startTime }) => startTime <= answered);
    const bytes = [...performance.getEntriesByType("navigation"), ...files].map(({ transferSize }) => transferSize);
    return {
        paint: performance.getEntriesByName("first-contentful-paint")[0].startTime,
        answer: answered,
        shift: window.shifted,
        requests: new Set(files.map(({ name }) => name)).size + 1,
        bytes: bytes.reduce((sum, each) => sum + each),
    };
}"""


@dataclass(frozen=True)
class Profile:
    """A visitor: screen in CSS pixels, how many times slower the processor is, network (bit/s and ms a round trip)."""

    name: str
    screen: tuple[int, int]
    touch: bool = False
    slower: int = 1
    down: float = 0.0
    up: float = 0.0
    round_trip: float = 0.0


# The last one is what Chrome's developer tools call "Fast 4G" and "mid-tier mobile".
PROFILES = (
    Profile("desk", (1440, 900)),
    Profile("phone", (360, 640), touch=True),
    Profile("slow phone, 4G", (360, 640), touch=True, slower=4, down=8.1e6, up=1.35e6, round_trip=165),
)


@dataclass(frozen=True)
class Load:
    """One load with an empty cache: first contentful paint and first answer (ms), cumulative layout shift.

    ``requests`` and ``bytes`` are what was asked for until then; what is polled counts once.
    """

    paint: float
    answer: float
    shift: float
    requests: int
    bytes: int


def measure(url: str, loads: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Load the page at ``url`` several times for each profile. Raises BenchError."""
    profiles = []
    with _chromium() as browser:
        for profile in PROFILES:
            say(profile.name)
            load(browser, url, profile)  # Chromium's own first use of what it needs
            taken = [load(browser, url, profile) for _ in range(loads)]
            profiles.append({**asdict(profile), "loads": [asdict(one) for one in taken]})
        version = browser.version
    return {"machine": describe_machine(), "chromium": version, "profiles": profiles}


def load(browser: Browser, url: str, profile: Profile) -> Load:
    """Open the page as a new visitor and wait until all models have answered."""
    from playwright.sync_api import Error

    width, height = profile.screen
    context = browser.new_context(
        viewport={"width": width, "height": height},
        has_touch=profile.touch,
        is_mobile=profile.touch,
        ignore_https_errors=True,
    )
    try:
        context.add_init_script(_WATCH)
        page = context.new_page()
        _slow_down(page, profile)
        page.goto(url, wait_until="commit")
        page.wait_for_function(_ANSWERED, timeout=PATIENCE_MS)
        return Load(**page.evaluate(_FIGURES, page.evaluate("performance.now()")))
    except Error as error:
        raise BenchError(f"{url}: {error.message.splitlines()[0]}; is it the page of a running service?") from error
    finally:
        context.close()


def table(result: dict[str, Any]) -> Table:
    """Median and worst of each profile."""
    headings = ("", "first paint", "all answered", "shift", "requests", "kB")
    rows = [_row(profile) for profile in result["profiles"]]
    return Table("The page with an empty cache: median, worst", headings, rows)


def _row(profile: dict[str, Any]) -> tuple[str, ...]:
    def of(name: str) -> list[float]:
        return [one[name] for one in profile["loads"]]

    return (
        f"{profile['name']}, {profile['screen'][0]} × {profile['screen'][1]}",
        *(f"{statistics.median(of(name)):,.0f}, {max(of(name)):,.0f} ms" for name in ("paint", "answer")),
        f"{max(of('shift')):.3f}",
        f"{max(of('requests')):.0f}",
        f"{statistics.median(of('bytes')) / 1000:.0f}",
    )


@contextmanager
def _chromium() -> Iterator[Browser]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise BenchError(f"{error.name} is not installed; run 'make test-fast' once") from error
    if not CHROMIUM.exists():
        raise BenchError(f"{CHROMIUM} is missing; run 'apt-get install chromium'")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


def _slow_down(page: Page, profile: Profile) -> None:
    """https://chromedevtools.github.io/devtools-protocol/tot/Network/#method-emulateNetworkConditions"""
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": profile.slower})
    if profile.down:
        speed = {"downloadThroughput": profile.down / 8, "uploadThroughput": profile.up / 8}
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", {"offline": False, "latency": profile.round_trip, **speed})
