"""The pages of public links in Chromium: by keyboard, on a desktop and on a phone, light and dark."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from harness.chromium import Page, refused, start_chromium
from harness.env import wait_until
from harness.links import Link


@pytest.fixture(name="chromium", scope="module")
def fixture_chromium(tmp_path_factory):
    browser = start_chromium(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.quit()


@pytest.fixture(name="page")
def fixture_page(chromium, env, tmp_path):
    yield Page(chromium, env, tmp_path)
    assert not refused(chromium)


def look(page, name):
    """A picture at both widths, light and dark; and nothing is too small for a finger."""
    page.check(name)
    for theme in ("light", "dark"):
        page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": theme}]})
        for width in (360, 1200):
            page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
                "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})
            assert page.browser.execute_script(
                "return document.documentElement.scrollWidth <= window.innerWidth"), (theme, width)
            page.browser.save_screenshot(str(page.folder / f"{name}-{width}-{theme}.png"))
    small = page.browser.execute_script("""
        return [...document.querySelectorAll('main button, main a, main label.check')]
            .filter(e => e.getBoundingClientRect().height < 24).map(e => e.outerHTML);""")
    assert not small
    page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_folder(page, account, tmp_path):
    account.mkcol("Holiday pictures")
    account.mkcol("Holiday pictures/Beach")
    for name in ("a picture with a rather long name that does not fit on a phone.jpg",
                 "unbroken" + "x" * 120 + ".png", "list.txt"):
        account.put(f"Holiday pictures/{name}", b"x" * 123456)
    account.put("Holiday pictures/Beach/<b>sea & sand<i>.jpg", b"x")
    link = Link(account, "Holiday pictures", 15, password="publicPass1", expires=1000000)
    page.open(link.page)
    look(page, "password")
    assert page.focus == "password"
    page.keys("wrong")
    page.leave(Keys.ENTER)
    look(page, "wrong")
    assert "The password is wrong" in page.text
    page.keys("publicPass1")
    page.leave(Keys.ENTER)
    assert page.title == "Holiday pictures"
    look(page, "folder")
    page.leave(Keys.ENTER, at=page.browser.find_element(By.LINK_TEXT, "Beach/"))
    assert page.title == "Beach"
    look(page, "sub")
    assert "<b>sea & sand<i>.jpg" in page.text
    page.leave(Keys.ENTER, at=page.browser.find_element(By.LINK_TEXT, "Holiday pictures"))
    assert page.title == "Holiday pictures"
    # every row can be reached and selected with the keyboard
    page.tab_to("files[]")
    page.keys(Keys.SPACE)
    assert page.browser.switch_to.active_element.is_selected()

    upload = tmp_path / "from my phone.txt"
    upload.write_bytes(b"uploaded")
    page.browser.find_element(By.NAME, "files").send_keys(str(upload))
    page.leave(Keys.ENTER, at=page.browser.find_element(By.XPATH, "//button[text()='Upload']"))
    assert "One file was uploaded." in page.text and "from my phone.txt" in page.text
    look(page, "uploaded")
    assert account.get("Holiday pictures/from my phone.txt").content == b"uploaded"


def test_a_file_a_drop_and_nothing(page, account, tmp_path):
    account.mkcol("in")
    account.put("in/report.pdf", b"x" * 2345678)
    page.open(Link(account, "in/report.pdf").page)
    look(page, "file")
    page.open(Link(account, "in", 4).page)
    look(page, "drop")
    assert page.title == f"Upload files to {account.id}" and "report.pdf" not in page.text
    for name in ("report.pdf", "other.txt"):
        (tmp_path / name).write_bytes(b"dropped")
    page.browser.find_element(By.NAME, "files").send_keys(
        f"{tmp_path / 'report.pdf'}\n{tmp_path / 'other.txt'}")
    page.leave(Keys.ENTER, at=page.browser.find_element(By.XPATH, "//button[text()='Upload']"))
    assert "2 files were uploaded" in page.text and "report (2)" not in page.text
    assert account.get("in/report (2).pdf").content == b"dropped"
    page.open("index.php/s/nothing")
    look(page, "nothing")
    assert "does not exist" in page.text


def test_an_uploaded_page_is_saved_and_not_shown(page, account, tmp_path):
    account.mkcol("folder")
    account.put("folder/evil.html", b"<script>document.title = 'owned'</script>")
    link = Link(account, "folder")
    page.browser.execute_cdp_cmd("Browser.setDownloadBehavior", {
        "behavior": "allow", "downloadPath": str(tmp_path)})
    page.open(link.page)
    page.browser.find_element(By.LINK_TEXT, "evil.html").click()
    wait_until(lambda: (tmp_path / "evil.html").exists(), "the download")
    assert page.title == "folder"
    assert (tmp_path / "evil.html").read_bytes().startswith(b"<script>")
