"""Answers of OCS calls, and what they ought to be, in both versions and formats."""

from xml.sax.saxutils import escape

#: v1's codes that have another number in v2
V2 = {100: 200, 998: 404, 996: 500, 999: 500, 104: 403}


def v2_code(code):
    if code == 997:
        return 997
    return V2.get(code, code if 200 <= code < 600 else 400)


def statuses(code, version):
    """(HTTP status, statuscode) of a code in v1's numbering."""
    if code == 997:
        return 401, 997
    return (200, code) if version == 1 else (v2_code(code), v2_code(code))


def _element(name, value, depth):
    pad = " " * depth
    if value is None or value in ([], {}):
        return f"{pad}<{name}/>\n"
    if isinstance(value, dict):
        return f"{pad}<{name}>\n" + "".join(
            _element(key, child, depth + 1) for key, child in value.items()) + f"{pad}</{name}>\n"
    if isinstance(value, list):
        return f"{pad}<{name}>\n" + "".join(
            _element("element", child, depth + 1) for child in value) + f"{pad}</{name}>\n"
    if isinstance(value, float):
        value = f"{value:g}"
    text = escape(str(value), {'"': "&quot;"})
    return f"{pad}<{name}>{text}</{name}>\n"


def old_envelope(code, message, data, version):
    """The envelope of ownCloud's older calls, as an object."""
    return {"ocs": {"meta": {"status": "ok" if code == 100 else "failure",
                             "statuscode": statuses(code, version)[1], "message": message},
                    "data": data}}


def xml(envelope):
    return '<?xml version="1.0"?>\n' + _element("ocs", envelope["ocs"], 0)


def check_old(answer, code, message=None, data=None, version=1, fmt="json"):
    """Asserts that an answer is exactly this one. data None: empty."""
    data = [] if data is None else data
    what = f"{answer.request.method} {answer.request.url}: {answer.text}"
    assert answer.status_code == statuses(code, version)[0], what
    wanted = old_envelope(code, message, data, version)
    if fmt == "json":
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8", what
        assert answer.json() == wanted, what
    else:
        assert answer.headers["Content-Type"] == "text/xml; charset=UTF-8", what
        assert answer.text == xml(wanted), what
    assert ("WWW-Authenticate" in answer.headers) == (code == 997), what
