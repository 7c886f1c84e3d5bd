"""A browser without script: keeps cookies, fills in forms."""

import html
import re

import requests

LOGIN = "index.php/login"
PERSONAL = "index.php/settings/personal"


def forms(text):
    """The forms of a page: list of {"action": ..., "fields": {name: value}}."""
    found = []
    for match in re.finditer(r"<form[^>]*action=\"([^\"]*)\"[^>]*>(.*?)</form>", text, re.S):
        fields = {}
        for tag in re.findall(r"<(?:input|button)[^>]*>", match.group(2)):
            attrs = dict(re.findall(r"(\w[\w-]*)=\"([^\"]*)\"", tag))
            if "name" in attrs:
                fields[attrs["name"]] = html.unescape(attrs.get("value", ""))
        found.append({"action": html.unescape(match.group(1)), "fields": fields})
    return found


class Browser:
    def __init__(self, env, **headers):
        self.env = env
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update(headers)

    def close(self):
        self.session.close()

    def request(self, method, path, **kwargs):
        url = path if path.startswith("http") else self.env.url + path.lstrip("/")
        kwargs.setdefault("timeout", 120)
        kwargs.setdefault("allow_redirects", False)
        return self.session.request(method, url, **kwargs)

    def get(self, path, **kwargs):
        return self.request("GET", path, **kwargs)

    def post(self, path, data, **kwargs):
        return self.request("POST", path, data=data, **kwargs)

    def submit(self, page, more=None, number=None, having=None):
        """Sends a form of the page with what more says: form number, or the first that has the field
        (and value) `having`."""
        wanted = forms(page.text)
        if having:
            name, _, value = having.partition("=")
            wanted = [form for form in wanted if name in form["fields"]
                      and (not value or form["fields"][name] == value)]
        form = wanted[number or 0]
        return self.request("POST", self.env.origin + form["action"],
                            data={**form["fields"], **(more or {})})

    def sign_in(self, account, password=None, target=None):
        """The answer to the form of the login page."""
        params = {"redirect_url": target} if target is not None else None
        page = self.get(LOGIN, params=params)
        assert page.status_code == 200, page.text
        return self.submit(page, {"user": account.id, "password": password or account.password})

    @property
    def cookies(self):
        return {cookie.name: cookie.value for cookie in self.session.cookies}
