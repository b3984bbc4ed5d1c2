"""Teaching demos and their static pages in a browser: controls change the figure and numbers."""

import contextlib
import dataclasses
import sys
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "docs"))

import teaching_pages  # noqa: E402

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


def test_the_demos_are_listed_in_teaching_order(browser, server):
    browser.get(server)
    cards = f"a[href*='{DEMOS[0]}']"
    wait(browser, lambda: browser.find_elements(By.CSS_SELECTOR, cards), "no list of demos")
    links = [a.get_attribute("href") for a in browser.find_elements(By.CSS_SELECTOR, "a[href]")]
    listed = [link.partition("file=")[2] for link in links if "file=" in link]
    assert listed == [f"{demo}.py" for demo in DEMOS]
    assert not complaints(browser)


def test_the_introduction_leads_to_the_demos(browser, server):
    browser.get(f"{server}/?file={DEMOS[0]}.py")
    wait(browser, lambda: figure(browser), "no figure")
    links = browser.find_elements(By.CSS_SELECTOR, "li a[href*='file=']")
    found = [link.get_attribute("href") for link in links]
    assert found == [f"{server}/?file={demo}.py" for demo in DEMOS[1:]]
    browser.get(found[0])
    wait(browser, lambda: "An atom before a mirror" in browser.page_source, "no first demo")


@pytest.mark.parametrize("demo", DEMOS)
def test_dragging_changes_the_figure_and_the_numbers(demo, browser, server):
    browser.get(f"{server}/?file={demo}.py")
    wait(browser, lambda: figure(browser) and numbers(browser), "no figure or no numbers")
    assert not complaints(browser)
    assert len(browser.find_elements(By.TAG_NAME, "marimo-accordion")) == 1
    slider = thumbs(browser)[0]
    drawn, shown = figure(browser), numbers(browser)
    before = slider.get_attribute("aria-valuenow")
    slider.send_keys(Keys.ARROW_LEFT)
    wait(browser, lambda: figure(browser) not in (None, drawn), "the figure did not change")
    wait(browser, lambda: numbers(browser) not in ([], shown), "the numbers did not change")
    assert thumbs(browser)[0].get_attribute("aria-valuenow") != before
    assert not complaints(browser)


@contextlib.contextmanager
def screen(browser, width):
    """A screen of this width, as of a telephone if it is narrow."""
    size = {"width": width, "height": 844, "deviceScaleFactor": 2, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        yield
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def scrolls_sideways(browser):
    """Whether the page does; a figure may, inside of its own frame."""
    page = "return document.documentElement.scrollWidth > window.innerWidth"
    frame = "return document.querySelector('.scroll').getBoundingClientRect().right"
    wide = browser.execute_script("return window.innerWidth")
    return browser.execute_script(page) or browser.execute_script(frame) > wide


@pytest.mark.parametrize("demo", DEMOS)
def test_the_page_fits_a_telephone(demo, browser, server):
    with screen(browser, 390):
        browser.get(f"{server}/?file={demo}.py")
        wait(browser, lambda: figure(browser) and numbers(browser), "no figure or no numbers")
        assert not scrolls_sideways(browser)


def test_a_static_page_needs_no_network(browser, tmp_path):
    assert list(teaching_pages.DEMOS) == DEMOS
    teaching_pages.write(tmp_path, ["0_introduction"])
    browser.get((tmp_path / "introduction.html").as_uri())
    drawn, shown = figure(browser), numbers(browser)
    assert drawn
    assert len(shown) == 3
    browser.find_element(By.ID, "control0").send_keys(Keys.ARROW_RIGHT)
    assert figure(browser) != drawn
    assert numbers(browser) != shown
    assert "0.3 λ₀" in browser.find_element(By.ID, "where0").text
    questions = browser.find_elements(By.TAG_NAME, "summary")
    assert len(questions) == 3
    answer = browser.find_elements(By.TAG_NAME, "details")[0].find_element(By.TAG_NAME, "span")
    assert not answer.is_displayed()
    questions[0].click()
    assert answer.is_displayed()
    for width in (390, 1300):
        with screen(browser, width):
            assert not scrolls_sideways(browser)
    assert not complaints(browser)


def test_a_control_that_does_nothing_is_off(browser, tmp_path, monkeypatch):
    name = "1_an_atom_before_a_mirror"
    few = dict(teaching_pages.DEMOS[name])
    few["distance"] = dataclasses.replace(few["distance"], positions=[0.25, 0.5])
    monkeypatch.setitem(teaching_pages.DEMOS, name, few)
    page = tmp_path / "page.html"
    page.write_text(teaching_pages.page(name), encoding="utf-8")
    browser.get(page.as_uri())
    light, distance, delay = (browser.find_element(By.ID, f"control{i}") for i in range(3))
    assert not delay.is_enabled()
    light.send_keys(Keys.END)  # in a fibre
    distance.send_keys(Keys.ARROW_RIGHT)
    assert delay.is_enabled()
    assert numbers(browser) == ["0.000 Γ₀", "1.000"]
    delay.send_keys(Keys.ARROW_RIGHT)
    assert numbers(browser) == ["0.000 Γ₀", "0.444"]
    light.send_keys(Keys.ARROW_UP)  # dipole across
    assert not delay.is_enabled()
    assert numbers(browser)[0] != "0.000 Γ₀"
    assert not complaints(browser)
