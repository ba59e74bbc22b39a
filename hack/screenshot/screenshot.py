"""Takes pictures of a running district: the dashboard's login page and the dashboard itself, as a person sees them.

    screenshot.py --url http://127.0.0.1:8088 --out docs/images [--dashboard desa]

The password of user admin is read from the environment variable ADMIN_PASSWORD.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

WIDTH, HEIGHT = 1400, 900


def browser(profile: str) -> webdriver.Chrome:
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--no-proxy-server",
        "--lang=id",
        f"--user-data-dir={profile}",
        f"--window-size={WIDTH},{HEIGHT}",
    ):
        options.add_argument(flag)
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


def wait(driver: webdriver.Chrome, what: str, condition, seconds: int = 90) -> None:
    say(f"waiting for {what}")
    try:
        WebDriverWait(driver, seconds, poll_frequency=0.5).until(condition)
    except TimeoutException:
        driver.save_screenshot("screenshot-failed.png")
        raise SystemExit(f"{what} did not appear within {seconds} s; see screenshot-failed.png") from None


def login(driver: webdriver.Chrome, url: str, password: str, picture: Path) -> None:
    driver.get(f"{url}/login/")
    wait(driver, "the login page", lambda d: d.find_elements(By.CSS_SELECTOR, "input#password, input[type=password]"))
    time.sleep(1)  # fonts and fade-in
    save(driver, picture)
    driver.find_element(By.CSS_SELECTOR, "input#username, input[name=username]").send_keys("admin")
    field = driver.find_element(By.CSS_SELECTOR, "input[type=password]")
    field.send_keys(password)
    driver.find_element(By.CSS_SELECTOR, "button[type=submit], input[type=submit]").click()
    wait(driver, "the page after the login", lambda d: "/login" not in d.current_url)


def dashboard(driver: webdriver.Chrome, url: str, slug: str, picture: Path) -> None:
    driver.get(f"{url}/superset/dashboard/{slug}/")
    wait(driver, "the charts", lambda d: d.find_elements(By.CSS_SELECTOR, "[data-test='chart-grid-component'], .chart-slice"))
    # One script, because the elements come and go between two calls.
    idle = "return ![...document.querySelectorAll(\"[data-test='loading-indicator'], .loading\")].some(e => e.offsetParent)"
    # The table lies below the fold and is drawn when it comes into view: make the view as high as the page first.
    height = driver.execute_script(
        "return Math.max(...[...document.querySelectorAll('.grid-container, .dashboard-content')].map(e => e.getBoundingClientRect().bottom))"
    )
    driver.set_window_size(WIDTH, min(int(height) + 160, 2400))
    wait(driver, "the charts' data", lambda d: d.execute_script(idle))
    time.sleep(3)  # the charts' animations
    save(driver, picture)
    failed = driver.find_elements(By.CSS_SELECTOR, ".ant-alert-error, [data-test='error-boundary']")
    if failed:
        raise SystemExit(f"{len(failed)} charts show an error; see {picture}")


def save(driver: webdriver.Chrome, picture: Path) -> None:
    picture.parent.mkdir(parents=True, exist_ok=True)
    driver.save_screenshot(str(picture))
    say(f"wrote {picture}")


def say(message: str) -> None:
    print(f"screenshot: {message}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dashboard", default="desa", help="the dashboard's slug")
    arguments = parser.parse_args()
    password = os.environ.get("ADMIN_PASSWORD", "")
    if not password:
        raise SystemExit("set ADMIN_PASSWORD to the password of user admin")
    with tempfile.TemporaryDirectory() as profile:
        driver = browser(profile)
        try:
            login(driver, arguments.url.rstrip("/"), password, arguments.out / "dashboard-login.png")
            dashboard(driver, arguments.url.rstrip("/"), arguments.dashboard, arguments.out / "dashboard.png")
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
