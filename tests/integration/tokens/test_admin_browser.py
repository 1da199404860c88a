"""The admin in a browser, by clicks: headless Chromium, on plain http, 1280 pixels wide.

`SCREENSHOTS=folder` keeps what it looked like.
"""

import os
import shutil
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

import irontoken
from tests.support.issued import AccessToken, User, setting

webdriver = pytest.importorskip("selenium.webdriver")
from selenium.common.exceptions import StaleElementReferenceException  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
#: Not one that browsers trust for being local: on this, there is no `navigator.clipboard`.
HOST = "irontoken.test"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
]
PLACE = "/admin/{app_label}/{model_name}/".format_map(vars(AccessToken._meta))

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="there is no chromium, or no chromedriver: apt-get install chromium chromium-driver",
)


class Browser:
    def __init__(self, driver, server, folder):
        self.driver, self.folder = driver, folder
        self.root = f"http://{HOST}:{server.thread.port}"

    def open(self, place):
        self.driver.get(f"{self.root}{place}")

    def find(self, selector):
        wait = WebDriverWait(self.driver, 10)
        return wait.until(lambda driver: driver.find_element(By.CSS_SELECTOR, selector))

    def has(self, selector):
        return bool(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def click(self, selector):
        """Click, and wait for the page that this leads to."""
        before = self.driver.find_element(By.TAG_NAME, "html")
        self.find(selector).click()
        WebDriverWait(self.driver, 10).until(lambda _: self._is_gone(before))

    def _is_gone(self, element):
        try:
            element.is_enabled()
        except Exception:
            return self.driver.execute_script("return document.readyState") == "complete"
        return False

    def text(self):
        return self.find("body").text

    def width(self):
        return self.driver.execute_script("return document.documentElement.scrollWidth")

    def keep(self, name):
        if self.folder:
            self.driver.save_screenshot(str(Path(self.folder) / f"{name}.png"))


@pytest.fixture
def browser(transactional_db, settings, tmp_path, client):
    settings.ALLOWED_HOSTS = ["*"]
    settings.MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ]
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (
        *FLAGS,
        f"--user-data-dir={tmp_path}",
        f"--host-resolver-rules=MAP {HOST} 127.0.0.1",
    ):
        options.add_argument(flag)
    server = LiveServer("127.0.0.1")  # pytest-django's own may have been started without those
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        with setting():
            root = User.objects.create_superuser("root", password="lovelace")
            client.force_login(root)
            browser = Browser(driver, server, os.environ.get("SCREENSHOTS"))
            browser.open("/admin/login/")
            cookie = client.cookies["sessionid"]
            driver.add_cookie({"name": "sessionid", "value": cookie.value})
            yield browser
    finally:
        driver.quit()
        server.stop()


def choose_user(browser, user):
    if not browser.has("select.admin-autocomplete"):
        browser.find("#id_user").send_keys(str(user.pk))  # whose model has no admin
        return
    browser.find(".select2-selection").click()
    browser.find(".select2-search__field").send_keys(user.username)
    options = (By.CSS_SELECTOR, "li.select2-results__option[role=option]")
    WebDriverWait(browser.driver, 10, ignored_exceptions=[StaleElementReferenceException]).until(
        lambda driver: {each.text for each in driver.find_elements(*options)} == {"ada", "adam"}
    )
    browser.keep("autocomplete")
    browser.find("li.select2-results__option--highlighted").click()
    assert browser.find("#id_user").get_attribute("value") == str(user.pk)


def test_a_key_is_issued_copied_and_revoked(browser):
    ada = User.objects.create_user("ada")
    User.objects.create_user("adam")
    browser.open(f"{PLACE}add/")
    assert "The key is shown once" in browser.text()
    choose_user(browser, ada)
    browser.find("#id_name").send_keys("laptop")
    browser.find("#id_scope").send_keys("read, write")
    browser.keep("add")
    browser.click("input[name=_save]")

    key = browser.find("#irontoken-key").get_attribute("value")
    user, token = irontoken.TokenAuthentication().authenticate_credentials(key)
    assert (user, token.name, token.scopes) == (ada, "laptop", ["read", "write"])
    assert browser.driver.execute_script("return navigator.clipboard === undefined")
    button = browser.find("#irontoken-copy")
    button.click()
    WebDriverWait(browser.driver, 10).until(lambda _: button.text == "Copied")
    browser.keep("key")

    browser.driver.refresh()
    assert "cannot be shown again" in browser.text()
    browser.keep("key-again")
    browser.driver.back()
    assert key not in browser.driver.page_source
    assert AccessToken.objects.count() == 1

    browser.open(PLACE)
    search = browser.find("#searchbar")
    search.send_keys(Keys.CONTROL, "v")
    assert search.get_attribute("value") == key

    browser.open(f"{PLACE}{token.pk}/change/")
    browser.keep("change")
    browser.click("input[name=_revoke]")
    assert "1 token was revoked." in browser.text()
    assert not browser.has("input[name=_revoke]")
    browser.keep("revoked")
    assert not AccessToken.objects.live().exists()


def test_a_refused_form_keeps_what_was_typed(browser):
    ada = User.objects.create_user("ada")
    User.objects.create_user("adam")
    browser.open(f"{PLACE}add/")
    choose_user(browser, ada)
    browser.find("#id_scope").send_keys('re"ad')
    browser.click("input[name=_save]")
    assert "without spaces, commas and quotes" in browser.text()
    assert browser.find("#id_scope").get_attribute("value") == 're"ad'
    browser.keep("refused")


def test_the_list_fits_the_screen_and_revokes_what_is_chosen(browser):
    longest = get_user_model()._meta.get_field("username").max_length
    ada = User.objects.create_user("ada.lovelace@analytical-engines.example.com"[:longest])
    for number in range(12):
        token, _ = AccessToken.objects.issue(
            ada, f"the laptop of the office in the second floor {number}", scopes=["read"]
        )
    now = timezone.now()
    AccessToken.objects.update(last_used=now, expires=now + timezone.timedelta(days=30))
    token.revoke()
    browser.open(PLACE)
    browser.keep("list")
    assert browser.width() <= 1280
    table, results = browser.find("#result_list"), browser.find(".results")
    assert table.size["width"] <= results.size["width"]
    browser.find("#action-toggle").click()
    options = [option.text for option in browser.driver.find_elements(By.CSS_SELECTOR, "option")]
    assert options.index("Revoke the selected tokens") == 1
    browser.find("select[name=action] option[value=revoke]").click()
    browser.click("button[name=index]")
    assert "11 tokens were revoked." in browser.text()
    browser.keep("list-revoked")
    assert not AccessToken.objects.live().exists()
