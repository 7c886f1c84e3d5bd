"""A client that logs in by OAuth 2.0, as the stock clients do it."""

import base64
import hashlib
import re
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

from .browser import Browser

DESKTOP = ("xdXOt13JKxym1B1QcEncf2XDkLAexMBFwiT9j6EfhhHFJhs2KM9jbjTmf8JBXE69",
           "UBntmLjC2yYCeHwsyj73Uwo9TAaecAetRwMw0xYcvNL9yRdLSUi0hUAHfvCHFeFh")
ANDROID = ("e4rAsNUSIUs0lF4nbv9FmCeUkTlV9GdgTLDH1b5uie7syb90SzEVrbN7HIpmWJeD",
           "dInFYGV33xKzhbRmpqQltYNdfLdJIfJ9L5ISoKhNoT9qZftpdWSP71VrpGR9pmoD")
IOS = ("mxd5OQDk6es5LzOzRvidJNfXLUZS2oN3oUFeXPP8LpPrhx3UroJFduGEYIBOxkY1",
       "KFeFWWEZO9TkisIQzR3fo7hfiMXlOpaqP8CFuTbSHzV1TUuGECglPxpiVKJfOXIx")

BASE = "index.php/apps/oauth2"
AUTHORIZE = f"{BASE}/authorize"
TOKEN = f"{BASE}/api/v1/token"
REVOKE = f"{BASE}/api/v1/revoke"
USERINFO = f"{BASE}/api/v1/userinfo"


def query_of(url):
    """The query of an address: {name: value}."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def refused(answer, name, status=400):
    """An error as RFC 6749 has it; its JSON."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["error"] == name, answer.text
    return answer.json()


class OAuthClient:
    """One installation of a client."""

    def __init__(self, env, client=DESKTOP, redirect="http://localhost:12345"):
        self.env = env
        self.id, self.secret = client
        self.redirect = redirect
        self.verifier = secrets.token_urlsafe(96)[:128]
        self.state = secrets.token_urlsafe(24)
        self.tokens = {}

    @property
    def challenge(self):
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def query(self, **changes):
        """What the authorize page is asked; a change to None leaves something out."""
        fields = {"response_type": "code", "client_id": self.id, "redirect_uri": self.redirect,
                  "code_challenge": self.challenge, "code_challenge_method": "S256",
                  "scope": "openid offline_access email profile", "prompt": "select_account consent",
                  "state": self.state, **changes}
        return {name: value for name, value in fields.items() if value is not None}

    def address(self, **changes):
        return f"{AUTHORIZE}?{urlencode(self.query(**changes))}"

    def authorize(self, account, browser=None, **changes):
        """Signs in, allows it; the code."""
        own = browser or Browser(self.env)
        page = own.get(self.address(**changes))
        if page.status_code == 303:  # to the login page, and back
            page = own.get(self.env.origin + page.headers["Location"])
            answer = own.submit(page, {"user": account.id, "password": account.password})
            assert answer.status_code == 303, answer.text
            page = own.get(self.env.origin + answer.headers["Location"])
        assert page.status_code == 200, page.text
        answer = own.submit(page, {"answer": "allow"}, having="answer")
        if browser is None:
            own.close()
        assert answer.status_code == 303, answer.text
        location = answer.headers["Location"]
        assert location.startswith(self.redirect + "?"), location
        query = query_of(location)
        assert query.get("state") == changes.get("state", self.state)
        return query["code"]

    def ask(self, path=TOKEN, auth="basic", **fields):
        """A request to the token endpoint, with the client's id and secret in the header ("basic"), in
        the form ("form"), the id alone ("public") or none."""
        kwargs = {}
        if auth == "basic":
            kwargs["auth"] = (self.id, self.secret)
        elif auth == "form":
            fields = {"client_id": self.id, "client_secret": self.secret, **fields}
        elif auth == "public":
            fields = {"client_id": self.id, **fields}
        elif auth is not None:
            kwargs["auth"] = auth
        return self.env.http("POST", path, data=fields, **kwargs)

    def exchange(self, code, auth="basic", **changes):
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect,
                  "code_verifier": self.verifier, **changes}
        return self._keep(self.ask(auth=auth, **{name: value for name, value in fields.items()
                                                 if value is not None}))

    def refresh(self, token=None, auth="basic"):
        return self._keep(self.ask(auth=auth, grant_type="refresh_token",
                                   refresh_token=token or self.tokens["refresh_token"]))

    def _keep(self, answer):
        if answer.status_code == 200:
            self.tokens = answer.json()
        return answer

    def log_in(self, account, **kwargs):
        answer = self.exchange(self.authorize(account, **kwargs))
        assert answer.status_code == 200, answer.text
        return self

    @property
    def bearer(self):
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    def get(self, path="remote.php/webdav/", method="PROPFIND", token=None, **kwargs):
        """A request with the access token."""
        headers = {"Authorization": f"Bearer {token}"} if token else self.bearer
        return self.env.http(method, path, headers={"Depth": "0", **headers}, **kwargs)


def add_client(env, *args, secret=None):
    """Registers a client; what cloudctl says, as JSON text."""
    extra = ("--password-stdin",) if secret else ()
    made = env.cloudctl("--json", "oauth2", "client", "add", *args, *extra,
                        input=secret + "\n" if secret else None)
    return made.stdout


def value(text, name):
    """A text in JSON."""
    return re.search(rf'"{name}": *"([^"]*)"', text).group(1)
