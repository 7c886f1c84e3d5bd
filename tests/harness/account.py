"""An account of a test server, and what its owner does with it."""

import base64
from urllib.parse import quote

import requests

from .dav import DESKTOP_PROPS, Multistatus, propfind_body, proppatch_body


def encode(path):
    return quote(path, safe="/")


class Account:
    def __init__(self, env, name, password):
        self.env = env
        self.id = name
        self.password = password
        self._session = None

    def __repr__(self):
        return f"<Account {self.id}>"

    @property
    def auth(self):
        # requests would send Latin-1
        return self.id.encode(), self.password.encode()

    @property
    def authorization(self):
        return "Basic " + base64.b64encode(b":".join(self.auth)).decode()

    def session(self):
        """A new session (connections of its own), for use in a thread."""
        session = requests.Session()
        session.trust_env = False
        session.auth = self.auth
        return session

    @property
    def http(self):
        if self._session is None:
            self._session = self.session()
        return self._session

    def close(self):
        if self._session is not None:
            self._session.close()
            self._session = None

    # ---- places ----

    def path(self, path="", space="files"):
        """The encoded URL path of something in a DAV space: files, webdav, uploads ..."""
        middle = "webdav" if space == "webdav" else f"dav/{space}/{encode(self.id)}"
        return f"{self.env.base}remote.php/{middle}/{encode(path)}"

    def url(self, path="", space="files"):
        return self.env.origin + self.path(path, space)

    # ---- requests ----

    def dav(self, method, path="", space="files", *, depth=None, destination=None, dest_space=None,
            overwrite=None, headers=None, session=None, **kwargs):
        """Sends a request to a path (not encoded) of a DAV space. destination is such a path."""
        sent = {} if depth is None else {"Depth": str(depth)}
        if destination is not None:
            sent["Destination"] = self.url(destination, dest_space or
                                           ("files" if space == "uploads" else space))
        if overwrite is not None:
            sent["Overwrite"] = "T" if overwrite else "F"
        sent.update(headers or {})
        kwargs.setdefault("timeout", 120)
        kwargs.setdefault("allow_redirects", False)
        return (session or self.http).request(method, self.url(path, space), headers=sent, **kwargs)

    def get(self, path, **kwargs):
        return self.dav("GET", path, **kwargs)

    def put(self, path, data=b"", expect=(201, 204), **kwargs):
        return self._checked("PUT", path, expect, data=data, **kwargs)

    def mkcol(self, path, expect=(201,), **kwargs):
        return self._checked("MKCOL", path, expect, **kwargs)

    def delete(self, path, expect=(204,), **kwargs):
        return self._checked("DELETE", path, expect, **kwargs)

    def move(self, path, destination, expect=(201, 204), **kwargs):
        return self._checked("MOVE", path, expect, destination=destination, **kwargs)

    def copy(self, path, destination, expect=(201, 204), **kwargs):
        return self._checked("COPY", path, expect, destination=destination, **kwargs)

    def _checked(self, method, path, expect, **kwargs):
        answer = self.dav(method, path, **kwargs)
        if expect:
            assert answer.status_code in expect, \
                f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer

    def propfind(self, path="", depth=0, props=DESKTOP_PROPS, space="files", **kwargs):
        """Multistatus; props None sends no body (allprop)."""
        data = None if props is None else propfind_body(props)
        return Multistatus(self.dav("PROPFIND", path, space, depth=depth, data=data, **kwargs))

    def prop(self, path="", name="d:getetag", **kwargs):
        return self.propfind(path, 0, (name,), **kwargs).first.get(name)

    def etag(self, path="", **kwargs):
        return self.prop(path, "d:getetag", **kwargs)

    def proppatch(self, path, set=None, remove=(), **kwargs):  # pylint: disable=redefined-builtin
        return Multistatus(self.dav("PROPPATCH", path, data=proppatch_body(set, remove),
                                        **kwargs))

    def ocs(self, path, method="GET", version=1, fmt="json", **kwargs):
        """Sends an OCS request, e.g. ocs("cloud/user")."""
        params = dict(kwargs.pop("params", {}))
        if fmt:
            params["format"] = fmt
        headers = {"OCS-APIREQUEST": "true", **kwargs.pop("headers", {})}
        return self.http.request(method, f"{self.env.url}ocs/v{version}.php/{path}", params=params,
                                 headers=headers, timeout=120, allow_redirects=False, **kwargs)
