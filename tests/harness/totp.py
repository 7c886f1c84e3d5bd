"""What an app for one-time passwords does (RFC 6238)."""

import base64
import hashlib
import hmac
import struct
import time

STEP = 30


def code(secret, steps=0, at=None):
    """The code of now, or of some steps later; secret in base32, blanks do not count."""
    text = secret.replace(" ", "")
    key = base64.b32decode(text + "=" * (-len(text) % 8))
    counter = int((time.time() if at is None else at) // STEP) + steps
    mac = hmac.new(key, struct.pack(">Q", counter), hashlib.sha1).digest()
    place = mac[-1] & 15
    number = struct.unpack(">I", mac[place:place + 4])[0] & 0x7fffffff
    return f"{number % 1000000:06}"
