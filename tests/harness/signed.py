"""Signed URLs, as the web client makes them."""

import datetime
import hashlib
from urllib.parse import urlencode

KEY = "cloud/user/signing-key"
ALGORITHM = "PBKDF2/10000-SHA512"


def now(seconds=0):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def signing_key(account, **kwargs):
    answer = account.ocs(KEY, **kwargs)
    assert answer.status_code == 200, answer.text
    data = answer.json()["ocs"]["data"]
    assert data["user"] == account.id
    return data["signing-key"]


def digest(url, key):
    return hashlib.pbkdf2_hmac("sha512", url.encode(), key.encode(), 10000, 32).hex()


def sign(url, user, key, **changes):
    """The signed address; changes to what it says, None leaves something out."""
    fields = {"OC-Credential": user, "OC-Date": now(), "OC-Expires": "1200", "OC-Verb": "GET",
              **{"OC-" + name: value for name, value in changes.items()}}
    algo = fields.pop("OC-Algo", ALGORITHM)
    signature = fields.pop("OC-Signature", None)
    fields = {name: value for name, value in fields.items() if value is not None}
    url += ("&" if "?" in url else "?") + urlencode(fields)
    signature = signature or digest(url, key)
    if algo is not None:
        url += "&" + urlencode({"OC-Algo": algo})
    return f"{url}&OC-Signature={signature}"


def signed_path(account, path):
    """Of a file of an account, for Env.http()."""
    return sign(account.url(path), account.id, signing_key(account))[len(account.env.url):]
