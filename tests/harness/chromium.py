"""A real browser: headless Chromium, driven with the keyboard."""

from selenium import webdriver
from selenium.common import exceptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait as Wait

from .browser import LOGIN
from .structure import check_structure


def start_chromium(folder):
    """A new browser; folder is for its own things. The caller quits it."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--disable-background-networking", "--no-first-run", "--window-size=900,1100",
                     f"--user-data-dir={folder}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.accept_insecure_certs = True  # those of programs that the tests play
    service = Service("/usr/bin/chromedriver")
    browser = webdriver.Chrome(service=service, options=options)
    browser.set_page_load_timeout(60)
    return browser


def refused(browser):
    """What the browser complained of: above all what the Content-Security-Policy refuses."""
    return [entry for entry in browser.get_log("browser")
            if entry["level"] in ("SEVERE", "WARNING") and "status of 4" not in entry["message"]]


class Page:
    def __init__(self, browser, env, folder):
        self.browser = browser
        self.env = env
        self.folder = folder

    def open(self, path):
        self.browser.get(self.env.url + path)

    def keys(self, *keys):
        """Typed to whatever has the focus."""
        webdriver.ActionChains(self.browser).send_keys(*keys).perform()

    @property
    def focus(self):
        element = self.browser.switch_to.active_element
        return element.get_attribute("name") or element.tag_name

    def tab_to(self, name, limit=60):
        for _ in range(limit):
            if self.focus == name:
                return
            self.keys(Keys.TAB)
        raise AssertionError(f"{name} is not reached with the keyboard")

    def leave(self, *keys, at=None):
        """Types something that leads to another page, at an element or where the focus is, and waits
        until that page is there whole. While one gives way to the other the driver may answer with
        any error."""
        self.browser.execute_script("window.isLeft = true")
        if at is None:
            self.keys(*keys)
        else:
            at.send_keys(*keys)
        Wait(self.browser, 60, ignored_exceptions=[exceptions.WebDriverException]).until(
            lambda browser: browser.execute_script(
                "return !window.isLeft && document.readyState === 'complete'"))

    @property
    def title(self):
        return self.browser.find_element(By.TAG_NAME, "h1").text

    @property
    def text(self):
        return self.browser.find_element(By.TAG_NAME, "main").text

    def check(self, name):
        """What every page has to have; a picture of it for who wants to look."""
        self.browser.save_screenshot(str(self.folder / f"{name}.png"))
        assert self.browser.execute_script("return document.compatMode") == "CSS1Compat"
        check_structure("<!DOCTYPE html>" + self.browser.page_source)  # which comes without it
        # the style sheet was taken
        style = self.browser.execute_script(
            "return getComputedStyle(document.querySelector('header')).backgroundColor")
        assert style == "rgb(10, 74, 125)"
        # nothing sticks out on a phone, nor of a window that shows all four times as large (WCAG 2.1, 1.4.10)
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": 320, "height": 900, "deviceScaleFactor": 1, "mobile": False})
        assert self.browser.execute_script(
            "return document.documentElement.scrollWidth <= window.innerWidth")
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def sign_in(self, account, password=None):
        self.open(LOGIN)
        self.tab_to("user")
        self.keys(account.id, Keys.TAB, password or account.password)
        self.leave(Keys.ENTER)
