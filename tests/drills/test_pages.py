"""The pages in a real browser: axe, the keyboard, widths, print, another site's frame, no JavaScript, live numbers.

They show answers of tests/pages/content.py from a real server. Each drill leaves its pictures in its folder.
"""

import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import uvicorn
import zxingcpp
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from playwright.sync_api import Response as BrowserResponse

from stats_assets.settings import Settings
from stats_assets.web import pages
from stats_assets.web.serving import Serving
from tests.pages import content
from tests.ports import free_ports

CHROMIUM = shutil.which("chromium")
SIZES = {360: 800, 1280: 900, 1920: 1080}
PATHS = {
    "world": "/",
    "hashtag": "/h/missingmaps?last=24h&team=Red:1101&team=Blue:1103&target=buildings_added:2000",
    "apart": "/h/missingmaps,osmnepal",
    "live": "/h/missingmaps/live?user=mapper-1101",
    "person": "/uid/1101",
    "country": "/c/KEN",
    "quality": "/quality",
    "about": "/about/counting",
    "search": "/search?q=misingmaps",
    "nothing": "/nothing/here",
    "card": "/h/missingmaps?view=card",
}
RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}
pytestmark = [
    pytest.mark.drill,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here"),
]


REACHED = {"kind": "milestone", "hashtag": "missingmaps", "reached": "2025-02-20"}
NEWS = [
    {**REACHED, "text_key": "buildings_1000", "name": "hashtag_buildings", "level": 1000},
    {**REACHED, "text_key": "people_10", "name": "hashtag_people", "level": 10},
    {**REACHED, "text_key": "own_rule_5", "name": "own_rule", "level": 5},
]


class Site:
    """The pages on a port of this machine, and what their live page is sent next."""

    def __init__(self) -> None:
        self.edits, self.alive = 1243, True
        app = FastAPI()
        app.add_api_route("/api/v1/live", self.live)
        app.add_api_route("/frame", self.frame)
        settings = Settings(_env_file=None, contact="ops@stats.example")
        app.include_router(
            pages.router(cast(Serving, SimpleNamespace(settings=settings, answer=content.answer)))
        )
        [port] = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.other = f"http://localhost:{port}"  # another origin of the same pages
        self._server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
        threading.Thread(target=self._server.run, daemon=True).start()
        while not self._server.started:
            time.sleep(0.05)

    def frame(self) -> Response:
        """A page of somebody else's."""
        return Response(
            f'<iframe src="{self.url}/h/missingmaps?view=card" width="600" height="315"></iframe>',
            media_type="text/html",
        )

    def live(self) -> Response:
        """A state each half second."""
        if not self.alive:
            return Response(status_code=503)

        def states() -> Iterator[str]:
            while self.alive:
                rows = [{**row, "new_here": False} for row in content.people()]
                rows[1], rows[2] = (
                    ({**rows[2], "rank": 2}, {**rows[1], "rank": 3}) if self.edits > 2000 else rows[1:3]
                )
                state = {
                    "as_of": "2025-02-20T14:28:03Z",
                    "complete_to": "2025-02-20T14:27Z",
                    "totals": {
                        "edits": self.edits,
                        "users": 31,
                        "buildings_added": 1012,
                        "road_km_added": 41.2,
                    },
                    "rows": rows,
                    "without_hashtag": {"users": 2, "edits": 40},
                    "news": NEWS,
                }
                yield f"event: board\nretry: 500\ndata: {json.dumps(state, default=str)}\n\n"
                time.sleep(0.5)

        return StreamingResponse(states(), media_type="text/event-stream")

    def stop(self) -> None:
        self.alive = False
        self._server.should_exit = True


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM)
        yield found
        found.close()


def opened(browser: Browser, url: str, width: int = 1280, **more: Any) -> Page:
    """The page in a context of its own; what the console complains of fails the drill (`page.complaints`)."""
    context = browser.new_context(viewport={"width": width, "height": SIZES.get(width, 800)}, **more)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda told: complaints.append(told.text) if "Content Security" in told.text else None)
    page.goto(url)
    page.wait_for_load_state("load")
    assert not complaints
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("name", PATHS)
def test_axe_finds_nothing_and_nothing_is_cut_off(
    site: Site, browser: Browser, tmp_path: Path, name: str, width: int, scheme: str
) -> None:
    page = opened(browser, site.url + PATHS[name], width, color_scheme=scheme)
    page.screenshot(path=tmp_path / f"{name}-{width}-{scheme}.png", full_page=True)
    found = Axe().run(page, options=RULES).response["violations"]
    assert not [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate(
        """[...document.querySelectorAll('a, button, input, summary, select')].filter((one) => {
            const box = one.getBoundingClientRect();
            return box.width && !one.closest('.unseen, .skip') && getComputedStyle(one).display !== 'inline'
                && Math.min(box.height, Math.max(box.width, 24)) < 23.5;
        }).map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert not small
    # The widest number that is not shortened stays in its card.
    assert not page.evaluate(
        """[...document.querySelectorAll('.four .big')].filter((one) => {
            one.textContent = '999,999';
            const card = one.closest('.four > div');
            return card.scrollWidth > card.clientWidth;
        }).length"""
    )
    page.context.close()


def test_four_hundred_percent_and_right_to_left_fit(site: Site, browser: Browser, tmp_path: Path) -> None:
    for name, path in PATHS.items():
        page = opened(browser, site.url + path, 320)  # 1280 at 400 %
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
        page.context.close()
        page = opened(browser, f"{site.url}{path}{'&' if '?' in path else '?'}lang=ar", 360)
        page.screenshot(path=tmp_path / f"{name}-ar.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name
        assert page.evaluate("document.documentElement.dir") == "rtl"
        page.context.close()


def test_all_of_a_page_is_reached_by_the_keyboard_and_seen(site: Site, browser: Browser) -> None:
    page = opened(browser, site.url + PATHS["hashtag"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.goto(site.url + PATHS["hashtag"])
    wanted = page.evaluate(
        "[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary, textarea')]"
        ".filter((one) => one.checkVisibility()).length"
    )
    reached = set()
    for _ in range(wanted + 40):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """(() => {
                const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
                if (one === document.body) return [-1, true]; // behind the last all begins anew
                return [[...document.querySelectorAll('*')].indexOf(one),
                        style.outlineStyle !== 'none' && box.bottom > 0 && box.top < innerHeight];
            })()"""
        )
        assert seen[1], page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        reached.add(seen[0])
    assert len(reached - {-1}) >= wanted
    page.context.close()


def test_a_person_finds_a_hashtag_and_changes_its_window_by_the_keyboard(
    site: Site, browser: Browser
) -> None:
    page = opened(browser, site.url + "/")
    page.locator("#q").focus()
    page.keyboard.type("mising", delay=60)
    expect(page.locator("#suggestions a")).to_have_text("#missingmaps")  # by htmx
    page.keyboard.press("Escape")
    expect(page.locator("#suggestions a")).to_have_count(0)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=mising")
    page.get_by_role("link", name="#missingmaps").press("Enter")
    page.wait_for_url("**/h/missingmaps")
    page.get_by_text("Window", exact=True).press("Enter")
    page.get_by_label("Time zone").fill("Asia/Kathmandu")
    page.get_by_label("Time zone").press("Enter")
    page.wait_for_url("**tz=Asia*")
    page.context.close()


def test_it_prints_on_one_page_with_its_code_and_method(site: Site, browser: Browser, tmp_path: Path) -> None:
    page = opened(browser, site.url + PATHS["hashtag"])
    pdf = page.pdf(path=tmp_path / "hashtag.pdf", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    page.emulate_media(media="print")
    assert page.locator(".code svg").is_visible() and page.get_by_text("Each edit of a thing").is_visible()
    page.context.close()


def test_without_javascript_all_numbers_are_there(site: Site, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    for path in ("hashtag", "live", "person", "country", "quality", "world"):
        page.goto(site.url + PATHS[path])
        text = page.locator("body").inner_text()
        assert ("1,012" in text) == (path != "quality"), path
    page.goto(site.url + PATHS["world"])
    page.get_by_role("searchbox").fill("missing")
    page.get_by_role("button", name="Search").click()
    assert "/search?q=missing" in page.url
    context.close()


def test_a_card_shows_in_another_origins_frame(site: Site, browser: Browser, tmp_path: Path) -> None:
    page = opened(browser, site.other + "/frame")
    expect(page.frame_locator("iframe").locator(".four")).to_contain_text("1,012")
    page.screenshot(path=tmp_path / "frame.png")
    page.context.close()


def test_nothing_of_another_host_is_asked_for_and_a_page_is_light(site: Site, browser: Browser) -> None:
    for path in PATHS.values():
        context = browser.new_context()
        page = context.new_page()
        asked: list[tuple[str, int]] = []

        def note(got: BrowserResponse, to: list[tuple[str, int]] = asked) -> None:
            to.append((got.url, 0 if "live?" in got.url else len(got.body())))

        page.on("response", note)
        page.goto(site.url + path)
        page.wait_for_load_state("load")
        assert all(url.startswith(site.url) for url, _ in asked)
        assert sum(size for _, size in asked) < 100_000
        assert not context.cookies()
        context.close()


def test_live_numbers_move_pause_and_outlive_the_server(site: Site, browser: Browser, tmp_path: Path) -> None:
    page = opened(browser, site.url + PATHS["live"], 1920)
    edits = page.locator("[data-column=edits]")
    expect(edits).to_have_text("1,243")
    assert page.evaluate("document.documentElement.scrollHeight") <= SIZES[1920]
    smallest = page.evaluate(
        """Math.min(...[...document.querySelectorAll('body *')].filter((one) => one.checkVisibility()
            && !one.closest('.unseen, .skip, svg')
            && [...one.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
            .map((one) => parseFloat(getComputedStyle(one).fontSize)))"""
    )
    assert smallest >= 24
    expect(page.locator("#without")).to_have_text("2 people here upload without the hashtag: 40 edits")
    expect(page.locator("#fresh")).to_have_text("Counts uploads up to 17:27")
    expect(page.locator("#behind")).to_be_hidden()
    expect(page.locator("#countdown")).to_contain_text("left")
    site.edits = 2001
    expect(edits).to_have_text("2,001", timeout=15_000)
    expect(page.locator("#board tbody tr").nth(1)).to_contain_text("خريطة")
    expect(page.locator("#news li")).to_have_text(
        [
            "#missingmaps: 1,000 buildings added, reached 20 Feb 2025",
            "#missingmaps: 10 people, reached 20 Feb 2025",
            "#missingmaps: own rule 5, reached 20 Feb 2025",
        ]
    )
    assert page.evaluate("document.documentElement.scrollHeight") <= SIZES[1920]
    page.screenshot(path=tmp_path / "live.png")
    with Image.open(tmp_path / "live.png") as shot:
        assert [one.text for one in zxingcpp.read_barcodes(shot)] == [page.url]
    page.locator("#pause").click()
    expect(page.locator("#pause")).to_have_text("Go on")
    site.edits = 3000
    time.sleep(7)
    expect(edits).to_have_text("2,001")
    page.locator("#pause").click()
    expect(edits).to_have_text("3,000", timeout=15_000)
    site.alive = False
    expect(page.locator("#lost")).to_contain_text("No connection", timeout=60_000)
    expect(edits).to_have_text("3,000")  # old numbers are greyed, never cleared
    site.alive, site.edits = True, 1243
    expect(edits).to_have_text("1,243", timeout=60_000)
    expect(page.locator("#lost")).to_be_empty()
    page.context.close()


def test_no_motion_where_none_is_wanted_and_colours_can_be_forced(
    site: Site, browser: Browser, tmp_path: Path
) -> None:
    page = opened(browser, site.url + PATHS["live"], 1920, reduced_motion="reduce")
    site.edits = 2500
    expect(page.locator("[data-column=edits]")).to_have_text("2,500", timeout=15_000)
    assert page.evaluate("document.getAnimations().length") == 0
    page.context.close()
    page = opened(browser, site.url + PATHS["hashtag"], forced_colors="active")
    page.screenshot(path=tmp_path / "forced.png", full_page=True)
    page.context.close()
