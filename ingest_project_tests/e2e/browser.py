"""Headless Chromium on Dagster's web UI: what a person would see of a page, and what a person would click."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from ingest_project_tests.patience import PATIENCE_SECONDS

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,1200",
)


class Browser:
    """One browser session on the web UI at `url`. A wait that times out fails with the page's text."""

    def __init__(self, driver: webdriver.Chrome, *, url: str, screenshots: Path) -> None:
        self._driver = driver
        self._url = url
        self._screenshots = screenshots

    @property
    def text(self) -> str:
        """What the page says now, as one would copy it."""
        return str(self._driver.execute_script("return document.body.innerText"))

    @property
    def metadata(self) -> dict[str, str]:
        """The tables of keys and values that the page shows: the last cell with text by the first."""
        cells = [
            [cell.text.strip() for cell in row.find_elements(By.XPATH, "./td")]
            for row in self._driver.find_elements(By.TAG_NAME, "tr")
        ]
        return {row[0]: next(filter(None, reversed(row))) for row in cells if any(row)}

    def count(self, selector: str) -> int:
        """How many elements of the page match this CSS selector."""
        return len(self._driver.find_elements(By.CSS_SELECTOR, selector))

    def open(self, path: str, *texts: str) -> None:
        """Go to a page, and wait until all of these texts are to be seen."""
        self._driver.get(f"{self._url}{path}")
        self.see(*texts)

    def see(self, *texts: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until all of these texts are to be seen."""
        self.wait_until(lambda: all(text in self.text for text in texts), f"{texts} to be seen", seconds)

    def click(self, label: str) -> None:
        """Click the button or link of this label; with several the last, as dialogs come last."""
        self.click_at(f"//*[self::button or self::a][normalize-space(.)='{label}']")

    def click_at(self, xpath: str) -> None:
        """Click the last element that is found there, as soon as it can be clicked."""

        def clicked() -> bool:
            elements = self._visible(xpath)
            if not elements or not elements[-1].is_enabled():
                return False
            elements[-1].click()
            return True

        self.wait_until(clicked, f"{xpath} to click")

    def write(self, xpath: str, text: str) -> None:
        """Replace the text of the input field that is found there, and press Enter."""
        self.wait_until(lambda: bool(self._visible(xpath)), f"{xpath} to write into")
        self._visible(xpath)[-1].send_keys(Keys.CONTROL, "a", Keys.NULL, text, Keys.ENTER)

    def press(self, *keys: str) -> None:
        """Press these keys one after the other, at what has the focus."""
        ActionChains(self._driver).send_keys(*keys).perform()

    @property
    def focused(self) -> str:
        """The id of the element that has the focus."""
        return str(self._driver.execute_script("return document.activeElement.id"))

    def script(self, text: str) -> Any:
        """What a piece of JavaScript returns."""
        return self._driver.execute_script(text)

    def wait_until(self, what: Callable[[], bool], name: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until it holds. An element that is replaced or covered meanwhile is looked for again."""
        wait = WebDriverWait(self._driver, seconds, 0.1, ignored_exceptions=[WebDriverException])
        try:
            wait.until(lambda _: what())
        except TimeoutException:
            self.screenshot("in-vain")
            pytest.fail(
                f"waited {seconds:.0f} s in vain for {name}; {self._driver.current_url} says\n{self.text}"
            )

    def screenshot(self, name: str) -> None:
        """Save what is to be seen now, for people."""
        self._driver.save_screenshot(str(self._screenshots / f"{name}.png"))

    def errors(self) -> list[str]:
        """What the page's console has reported as errors since the last time it was asked."""
        entries = self._driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def _visible(self, xpath: str) -> list[WebElement]:
        return [element for element in self._driver.find_elements(By.XPATH, xpath) if element.is_displayed()]


@contextmanager
def chromium(url: str, folder: Path) -> Iterator[Browser]:
    """A fresh browser session on the web UI at `url`; its profile and screenshots lie in `folder`."""
    options = Options()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    screenshots = folder / "screenshots"
    screenshots.mkdir()
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield Browser(driver, url=url, screenshots=screenshots)
    finally:
        driver.quit()
