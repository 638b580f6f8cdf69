"""What a person does in Dagster's UI, in a real browser: switch a stream, set its cursor back, backfill partitions.

The drills share one demo. Each leaves a picture of every step in its temporary folder.
"""

import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from dagster import DagsterRunStatus
from playwright.sync_api import Locator, Page, expect, sync_playwright

from stats_assets.database.ledger.ledger import BLOCK
from stats_assets.orchestration.live_runs import UNFINISHED
from stats_assets.streams import STREAM_TAG
from tests.drills.exact import is_exact
from tests.drills.stack import DemoStack, demo_stack
from tests.drills.test_backfill import keys_of, not_done_since

CHROMIUM = shutil.which("chromium")
SENSOR = "augmented_diffs_stream"
HISTORY = 350
PATIENCE = 600.0
"""Seconds for what takes one minute where nothing else runs."""
RUNS = "query ($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs { results { runId } } } }"

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here"),
    pytest.mark.timeout(4 * PATIENCE),
]


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoStack]:
    """A demo that has caught up with some blocks of history."""
    with demo_stack(history=HISTORY, interval=5.0) as running:
        catches_up(running)
        yield running


class Screen:
    """The UI in the browser, and the pictures of it."""

    def __init__(self, page: Page, url: str, folder: Path) -> None:
        self.page = page
        self._url = url
        self._folder = folder
        self._taken = 0

    def open(self, path: str) -> None:
        self.page.goto(f"{self._url}{path}")

    def picture(self, name: str) -> None:
        self._taken += 1
        self.page.screenshot(path=self._folder / f"{self._taken:02d}-{name}.png")

    def dialog(self, text: str) -> Locator:
        return self.page.get_by_role("dialog").filter(has_text=text).last

    def setting(self, name: str) -> Locator:
        """A line of the sensor's page."""
        return self.page.get_by_role("row").filter(has=self.page.get_by_text(name, exact=True)).first

    def switch(self, *, on: bool) -> None:
        """Switch the sensor on its page."""
        line = self.setting("Running")
        line.locator("label").click()
        expect(line.get_by_role("checkbox")).to_be_checked(checked=on)


@pytest.fixture
def screen(demo: DemoStack, tmp_path: Path) -> Iterator[Screen]:
    print(f"pictures: {tmp_path}")
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        page.set_default_timeout(PATIENCE * 1000)
        screen = Screen(page, demo.ui, tmp_path)
        yield screen
        screen.picture("end")
        browser.close()


def head(demo: DemoStack) -> int:
    """The feed's newest sequence."""
    return int(demo.status()["streams"]["augmented_diffs"]["head"])


def newest_done(demo: DemoStack) -> int:
    with demo.connect() as connection:
        row = connection.execute(
            "SELECT max(sequence) FROM ledger WHERE stream = 'augmented_diffs' AND result = 'committed'"
        ).fetchone()
    return -1 if row is None or row[0] is None else int(row[0])


def catches_up(demo: DemoStack) -> None:
    """Wait until the stream has done what the feed has now."""
    wanted = head(demo)
    demo.until(lambda: newest_done(demo) >= wanted, "the stream to catch up", PATIENCE)


def minutes_pass(demo: DemoStack, number: int) -> None:
    """Wait for so many minutes of the world."""
    wanted = head(demo) + number
    demo.until(lambda: head(demo) >= wanted, "minutes of the world to pass")


def stands_still(demo: DemoStack) -> int:
    """Wait until what was begun is done, and see that nothing more is; the newest that is done."""
    minutes_pass(demo, 2)  # a tick that was at work may yet start a run
    demo.until(lambda: not runs(demo, {STREAM_TAG: "augmented_diffs"}, UNFINISHED), "the last runs", PATIENCE)
    before = newest_done(demo)
    minutes_pass(demo, 4)
    assert newest_done(demo) == before
    return before


def runs(demo: DemoStack, tags: Mapping[str, str], statuses: Sequence[DagsterRunStatus]) -> list[str]:
    """The runs with these tags in one of these states, by id as the UI shortens it."""
    asked = {
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
        "statuses": [one.value for one in statuses],
    }
    found = demo.graphql(RUNS, {"filter": asked})["runsOrError"]["results"]
    return [run["runId"][:8] for run in found]


def run_of(demo: DemoStack, backfill: str, key: str) -> str:
    """The run that a backfill started for a partition."""
    tags = {"dagster/backfill": backfill, "dagster/asset_partition_range_start": key}
    [run] = runs(demo, tags, [DagsterRunStatus.SUCCESS])
    return run


def open_sensor(screen: Screen) -> None:
    screen.open("/automation")
    screen.page.get_by_role("link", name=SENSOR).click()
    expect(screen.setting("Running").get_by_role("checkbox")).to_be_checked()
    screen.picture("sensor")


def test_a_stream_is_switched_off_and_on(demo: DemoStack, screen: Screen) -> None:
    open_sensor(screen)
    screen.switch(on=False)
    stands_still(demo)
    screen.picture("off")
    screen.switch(on=True)
    catches_up(demo)
    screen.picture("on")


def test_a_cursor_set_back_is_a_rewind(demo: DemoStack, screen: Screen) -> None:
    open_sensor(screen)
    screen.switch(on=False)
    done = stands_still(demo)
    back = done - 2 * BLOCK
    screen.setting("Cursor").get_by_role("button", name="Edit").click()
    screen.dialog(f"Edit {SENSOR} cursor").get_by_role("textbox").fill(str(back))
    screen.picture("cursor")
    screen.page.get_by_role("button", name="Set cursor value").click()
    expect(screen.setting("Cursor")).to_contain_text(str(back))
    screen.picture("cursor-is-set")
    began = time.time()
    screen.switch(on=True)
    tick = screen.page.get_by_role("row").filter(has_text=f"{back}").filter(has_text="2 runs requested").last
    tick.get_by_role("button", name="View logs").click()
    expect(screen.dialog("Logs for")).to_contain_text(f"set back to {back}: all above")
    screen.picture("rewound")
    screen.page.get_by_role("button", name="Done").click()
    demo.until(lambda: not_done_since(demo, began, back + 1, done) == 0, "the range again", PATIENCE)
    catches_up(demo)
    screen.picture("caught-up")
    is_exact(demo)


def test_a_preview_of_a_tick_changes_nothing(demo: DemoStack, screen: Screen) -> None:
    open_sensor(screen)
    screen.switch(on=False)
    done = stands_still(demo)
    back = done - BLOCK - BLOCK // 2
    before = standing_of(demo)
    screen.page.get_by_role("button", name="Preview tick result").click()
    dialog = screen.dialog("Preview")
    dialog.get_by_role("textbox").fill(str(back))
    screen.picture("preview")
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog).to_contain_text("2 run requests")
    screen.picture("previewed")
    assert standing_of(demo) == before
    dialog.get_by_role("button", name="Close").click()
    screen.switch(on=True)
    catches_up(demo)
    is_exact(demo)


def standing_of(demo: DemoStack) -> tuple[object, ...]:
    """What a tick of the stream would write down, the last tick's own time among it; the other stream goes on."""
    with demo.connect() as connection:
        rows = [
            connection.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1".encode()).fetchall()  # noqa: S608
            for table in ("streams", "ledger_blocks", "run_leases")
        ]
    return tuple([row for row in found if "augmented_diffs" in row[0]] for found in rows)


def test_partitions_are_backfilled_from_the_assets_page(demo: DemoStack, screen: Screen) -> None:
    keys = keys_of(demo)[:3]
    began = time.time()
    screen.open("/assets/changeset_edits")
    screen.page.get_by_role("button", name="Materialize…").click()
    screen.picture("materialize")
    screen.dialog("Additional assets").get_by_role("button", name="Confirm").click()
    screen.page.get_by_text("Select a partition").click()
    choice = screen.dialog("Select all")
    for key in keys:
        choice.get_by_role("menuitem", name=key).click()
    screen.picture("partitions")
    screen.page.keyboard.press("Escape")
    screen.page.get_by_role("button", name="Launch backfill").click()
    screen.page.get_by_text("View", exact=True).last.click()
    screen.page.wait_for_url(re.compile("/runs/b/"))
    backfill = screen.page.url.split("/")[-1]
    screen.picture("backfill")
    expect(screen.page.get_by_text("100% completed")).to_have_count(2)
    screen.picture("backfilled")
    screen.open("/assets/changeset_edits?view=partitions")
    for key in keys:
        screen.page.get_by_text(key, exact=True).first.click()
        expect(screen.page.get_by_text("Materialized", exact=True)).to_be_visible()
        expect(screen.page.get_by_role("link", name=run_of(demo, backfill, key))).to_be_visible()
        screen.picture(f"partition-{key}")
    assert not_done_since(demo, began, int(keys[0]), int(keys[-1]) + BLOCK - 1) == 0
    is_exact(demo)
