"""A marimo server of the demos and a browser, both on this machine only."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def browser():
    from selenium import webdriver

    programs = [shutil.which("chromium"), shutil.which("chromedriver")]
    if not all(programs):
        pytest.fail("no chromium or no chromedriver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for argument in (
        "--headless=new",
        "--no-sandbox",  # a container's root may not use it
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--window-size=1280,1000",
        # only this machine exists: whatever a page loads from elsewhere fails, and is logged
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=programs[1])
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """Address of `marimo run teaching`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("marimo") / "log"
    command = [sys.executable, "-m", "marimo", "run", "teaching", "--headless", "--no-sandbox"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, "MPLBACKEND": "Agg"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(address, process, log)
            yield address
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(address, process, log):
    for _ in range(120):
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.5)
    pytest.fail(f"marimo did not start: {log.read_text()}")
