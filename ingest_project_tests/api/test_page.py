"""The page in headless Chromium, by keyboard alone where a person would type."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from ingest_project_tests.api.world import BOSS, ApiWorld
from ingest_project_tests.e2e.browser import Browser, chromium

pytestmark = pytest.mark.e2e

SHOWN_LINK = "return document.getElementById('manifest').href"
TABLES = "return [...document.getElementById('field-table').options].map((one) => one.value)"
UNLABELLED = """
return [...document.querySelectorAll('input, select, textarea, button, a, progress')]
  .filter((one) => one.checkVisibility())
  .filter((one) => !(one.labels && one.labels.length) && !one.textContent.trim() && !one.ariaLabel)
  .map((one) => one.outerHTML)
"""


@pytest.fixture
def browser(world: ApiWorld, tmp_path: Path) -> Iterator[Browser]:
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("no browser; install the Debian packages chromium and chromium-driver")
    with chromium(world.url, tmp_path) as browser:
        yield browser


def tab_to(browser: Browser, element_id: str) -> None:
    """Press Tab until this element has the focus; a keyboard user gets there, or the test fails."""
    for _ in range(20):
        if browser.focused == element_id:
            return
        browser.press(Keys.TAB)
    pytest.fail(f"Tab does not reach {element_id}")


def test_a_job_is_submitted_watched_and_its_result_downloaded_by_keyboard_alone(
    world: ApiWorld, browser: Browser
) -> None:
    token = world.token("ann", "job:ingest", "table:sales.orders")
    browser.open("/", "Enter")
    browser.wait_until(lambda: browser.focused == "token", "the focus on the token")
    browser.screenshot("1-enter")
    assert browser.script(UNLABELLED) == []
    browser.press("wrong", Keys.ENTER)
    browser.see("The token is not valid.")
    browser.press(token, Keys.ENTER)
    browser.see("Submit a job", "There are none.")
    browser.wait_until(lambda: browser.focused == "kind", "the focus on the kinds")
    assert browser.script(UNLABELLED) == []
    assert browser.script(TABLES) == ["sales.orders"]
    tab_to(browser, "field-prefix")
    browser.press("elsewhere/", Keys.ENTER)
    browser.see("The job cannot be accepted. See the marked fields.")
    browser.wait_until(lambda: browser.focused == "field-prefix", "the focus on the field at fault")
    assert "orders/" in browser.script("return document.getElementById('field-prefix-fault').textContent")
    browser.screenshot("2-refused")
    assert world.messages() == []

    browser.press(Keys.BACKSPACE * len("elsewhere/"), "orders/2026/", Keys.ENTER)
    browser.see("submitted", "Cancel the job")
    browser.wait_until(lambda: browser.focused == "watched-title", "the focus on the job")
    (listed,) = world.ann.get("/jobs").json()["jobs"]
    batch_id = world.running(listed["id"], objects_done=1, objects_total=4, rows=10)
    browser.see("running", "1 of 4 objects")
    assert browser.script(UNLABELLED) == []
    browser.screenshot("3-running")
    world.ended(listed["id"], batch_id)
    browser.see("completed", "Download the manifest")
    browser.screenshot("4-completed")
    assert f"/results/jobs/{listed['id']}/manifest.json?" in browser.script(SHOWN_LINK)
    tab_to(browser, "manifest")
    # The browser's console has only the refusals above.
    assert [one for one in browser.errors() if "401" not in one and "422" not in one] == []


def test_a_job_is_cancelled_and_text_of_others_is_never_markup(world: ApiWorld, browser: Browser) -> None:
    evil = "<img src=x onerror=\"document.title='hacked'\">"
    token = world.token("boss", *BOSS)
    failed = world.boss.post("/submit-job", json={"job": "ingest", "input": {"table": "sales.orders"}}).json()
    world.ended(failed["id"], world.running(failed["id"]), error=evil)
    waits = world.boss.post("/submit-job", json={"job": "replay", "input": {"table": "web.clicks"}}).json()
    world.queued(waits["id"])
    browser.open("/", "Enter")
    browser.wait_until(lambda: browser.focused == "token", "the focus on the token")
    browser.press(token, Keys.ENTER)

    browser.see(failed["id"])
    browser.click(failed["id"])
    browser.see(f"job_failed: {evil}")
    assert browser.script("return document.title") == "Jobs"
    browser.screenshot("5-failed")
    browser.click(waits["id"])
    browser.see("queued")
    browser.click("Cancel the job")
    browser.see("cancelled")
    assert world.boss.get(f"/job-status/{waits['id']}").json()["state"] == "cancelled"
    browser.click("Forget the token")
    browser.see("Enter")
    assert browser.script("return sessionStorage.length") == 0
