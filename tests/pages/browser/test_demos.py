"""Teaching demos in a browser: they load, and moving a slider changes figure and numbers."""

import sys
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).parents[3]
DEMOS = sorted(path.stem for path in (ROOT / "teaching").glob("*.py"))
PATIENCE = 60  # seconds, of a slow machine; how fast a demo is is measured elsewhere


def wait(browser, condition, message):
    return WebDriverWait(browser, PATIENCE, 0.1).until(lambda _: condition(), message)


def figure(browser):
    sources = [image.get_attribute("src") for image in browser.find_elements(By.TAG_NAME, "img")]
    return next((source for source in sources if source.startswith("data:image/png")), None)


def numbers(browser):
    return [number.text for number in browser.find_elements(By.CSS_SELECTOR, ".number")]


def thumbs(browser):
    """The handle of a slider; marimo draws each slider in its own shadow tree."""
    hosts = browser.find_elements(By.TAG_NAME, "marimo-slider")
    return [host.shadow_root.find_element(By.CSS_SELECTOR, "[role=slider]") for host in hosts]


def complaints(browser):
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def test_the_demos_are_listed(browser, server):
    browser.get(server)
    cards = f"a[href*='{DEMOS[0]}']"
    wait(browser, lambda: browser.find_elements(By.CSS_SELECTOR, cards), "no list of demos")
    for demo in DEMOS:
        assert browser.find_elements(By.CSS_SELECTOR, f"a[href*='{demo}']"), demo
    assert not complaints(browser)


@pytest.mark.parametrize("demo", DEMOS)
def test_dragging_changes_the_figure_and_the_numbers(demo, browser, server):
    browser.get(f"{server}/?file={demo}.py")
    wait(browser, lambda: figure(browser) and numbers(browser), "no figure or no numbers")
    assert not complaints(browser)
    assert len(browser.find_elements(By.TAG_NAME, "marimo-accordion")) == 1
    sliders = thumbs(browser)
    assert len(sliders) >= 2
    drawn, shown = figure(browser), numbers(browser)
    before = sliders[1].get_attribute("aria-valuenow")
    sliders[1].send_keys(Keys.ARROW_RIGHT)
    wait(browser, lambda: figure(browser) not in (None, drawn), "the figure did not change")
    wait(browser, lambda: numbers(browser) not in ([], shown), "the numbers did not change")
    assert thumbs(browser)[1].get_attribute("aria-valuenow") != before
    assert not complaints(browser)


@pytest.mark.parametrize("demo", DEMOS)
def test_the_page_fits_a_telephone(demo, browser, server):
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        browser.get(f"{server}/?file={demo}.py")
        wait(browser, lambda: figure(browser) and numbers(browser), "no figure or no numbers")
        width = browser.execute_script("return document.documentElement.scrollWidth")
        image = browser.execute_script(
            "return Math.max(...[...document.images].map(i => i.getBoundingClientRect().right))"
        )
        assert max(width, image) <= 390
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_static_page_needs_no_network(browser, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "docs"), *sys.path])
    import teaching_pages

    assert sorted(teaching_pages.DEMOS) == DEMOS
    teaching_pages.write(tmp_path, ["detuning_and_beats"])
    browser.get((tmp_path / "detuning_and_beats.html").as_uri())
    drawn, shown = figure(browser), numbers(browser)
    assert drawn
    browser.find_element(By.ID, "slider").send_keys(Keys.ARROW_RIGHT)
    assert figure(browser) not in (None, drawn)
    assert numbers(browser) != shown
    assert not complaints(browser)
