"""A real OpenID provider on loopback: the npm package oidc-provider, as pinned in tests/oidc."""

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from .env import SRC, free_port, wait_until

FILES = ("package.json", "package-lock.json", "provider.mjs")


def installed():
    """Folder with the provider and what it needs; npm gets it once."""
    source = SRC / "tests/oidc"
    mark = hashlib.sha256(b"".join((source / name).read_bytes() for name in FILES)).hexdigest()[:16]
    place = SRC / "var" / f"oidc-{mark}"
    if place.exists():
        return place
    place.parent.mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="oidc-", dir=place.parent))
    for name in FILES:
        shutil.copy(source / name, made)
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=made,
                          capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        shutil.rmtree(made)
        raise RuntimeError("npm could not install the OpenID provider of the tests "
                           f"(tests/oidc/package.json):\n{done.stdout}{done.stderr}")
    try:
        made.rename(place)
    except OSError:  # another test run was quicker
        shutil.rmtree(made)
    return place


class Provider:
    def __init__(self, callback):
        self.home = Path(tempfile.mkdtemp(prefix="cloud-test-oidc-"))
        self.people = {}
        self.port = free_port()
        self.log = self.home / "log"
        self._write()
        with open(self.log, "wb") as log:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(
                ["node", "provider.mjs", str(self.port), str(self.home / "people.json"), callback],
                cwd=installed(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._answers, "the OpenID provider", 60)

    @property
    def issuer(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def metadata(self):
        return f"{self.issuer}/.well-known/openid-configuration"

    def _answers(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return requests.get(self.metadata, timeout=10).status_code == 200
        except requests.ConnectionError:
            return False

    def _write(self):
        new = self.home / "people.new"
        new.write_text(json.dumps(self.people))
        new.rename(self.home / "people.json")

    def person(self, sub, **claims):
        self.people[sub] = claims
        self._write()

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.home, ignore_errors=True)

    # ---- what a browser does ----

    @staticmethod
    def _form(answer, **fields):
        action = re.search(r'<form[^>]* action="([^"]+)"', answer.text).group(1)
        fields["prompt"] = re.search(r'name="prompt" value="([^"]+)"', answer.text).group(1)
        return urljoin(answer.url, action), fields

    def browse(self, session, url, sub, until):
        """Follows url through login and consent, up to a redirect to something that begins with
        until: that URL."""
        answer = session.get(url, allow_redirects=False, timeout=60)
        for _ in range(20):
            if answer.is_redirect:
                place = urljoin(answer.url, answer.headers["Location"])
                if place.startswith(until):
                    return place
                answer = session.get(place, allow_redirects=False, timeout=60)
            else:
                assert answer.status_code == 200, answer.text
                action, fields = self._form(answer, login=sub, password="any")
                answer = session.post(action, data=fields, allow_redirects=False, timeout=60)
        raise AssertionError("the login goes round in circles")

    def token(self, sub, scope="openid profile email"):
        """Access token of somebody, as the desktop client gets it."""
        place = "http://127.0.0.1:5555/"
        query = requests.Request("GET", f"{self.issuer}/auth", params={
            "client_id": "desktop", "response_type": "code", "scope": scope, "redirect_uri": place,
        }).prepare().url
        with requests.Session() as session:
            back = self.browse(session, query, sub, place)
        code = parse_qs(urlsplit(back).query)["code"][0]
        answer = requests.post(f"{self.issuer}/token", auth=("desktop", "known to all"), timeout=60,
                               data={"grant_type": "authorization_code", "code": code,
                                     "redirect_uri": place})
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def revoke(self, token):
        answer = requests.post(f"{self.issuer}/token/revocation", timeout=60, data={"token": token},
                               auth=("desktop", "known to all"))
        assert answer.status_code == 200, answer.text
