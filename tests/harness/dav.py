"""WebDAV bodies: property requests, multistatus answers, Sabre errors."""

import re
import xml.etree.ElementTree as ElementTree
from urllib.parse import unquote

PREFIXES = {
    "d": "DAV:",
    "oc": "http://owncloud.org/ns",
    "s": "http://sabredav.org/ns",
    "nc": "http://nextcloud.org/ns",
}
SHORT = {uri: prefix for prefix, uri in PREFIXES.items()}

#: What the ownCloud desktop client asks for
DESKTOP_PROPS = ("d:resourcetype", "d:getlastmodified", "d:getcontentlength", "d:getetag", "oc:id",
                 "oc:downloadURL", "oc:dDC", "oc:permissions", "oc:checksums", "oc:share-types")


def short(tag):
    """{DAV:}getetag -> d:getetag; other namespaces stay in Clark notation."""
    match = re.match(r"\{([^}]*)\}(.*)", tag)
    if match and match.group(1) in SHORT:
        return f"{SHORT[match.group(1)]}:{match.group(2)}"
    return tag


def clark(name):
    prefix, _, local = name.partition(":")
    if prefix in PREFIXES and not name.startswith("{"):
        return f"{{{PREFIXES[prefix]}}}{local}"
    return name


def _element(name, content=""):
    """XML of one property: 'd:getetag' or '{namespace}name'; content is XML."""
    match = re.match(r"\{([^}]*)\}(.*)", name)
    tag, ns = (f"x:{match.group(2)}", f' xmlns:x="{match.group(1)}"') if match else (name, "")
    return f"<{tag}{ns}>{content}</{tag}>" if content else f"<{tag}{ns}/>"


_NS = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in PREFIXES.items())


def propfind_body(props=DESKTOP_PROPS):
    inner = "".join(_element(name) for name in props)
    return (f'<?xml version="1.0" encoding="utf-8"?><d:propfind {_NS}><d:prop>{inner}</d:prop>'
            f"</d:propfind>").encode()


def proppatch_body(set=None, remove=()):  # pylint: disable=redefined-builtin
    text = f'<?xml version="1.0" encoding="utf-8"?><d:propertyupdate {_NS}>'
    for name, value in (set or {}).items():
        text += f"<d:set><d:prop>{_element(name, value)}</d:prop></d:set>"
    for name in remove:
        text += f"<d:remove><d:prop>{_element(name)}</d:prop></d:remove>"
    return (text + "</d:propertyupdate>").encode()


def lock_body(owner="test", scope="exclusive"):
    return (f'<?xml version="1.0" encoding="utf-8"?><d:lockinfo xmlns:d="DAV:"><d:lockscope>'
            f"<d:{scope}/></d:lockscope><d:locktype><d:write/></d:locktype>"
            f"<d:owner>{owner}</d:owner></d:lockinfo>").encode()


class Entry(dict):
    """One response of a multistatus: the properties that were found, name -> text. An element with
    children gives their names ("d:collection") and texts. `missing` has name -> status of the
    others, `elements` name -> element, `status` the status of a response without properties."""

    def __init__(self, response):
        super().__init__()
        self.href = response.findtext(clark("d:href"))
        self.missing = {}
        self.elements = {}
        status = response.findtext(clark("d:status"))
        self.status = int(status.split()[1]) if status else None
        for propstat in response.findall(clark("d:propstat")):
            code = int(propstat.findtext(clark("d:status")).split()[1])
            for prop in propstat.find(clark("d:prop")):
                name = short(prop.tag)
                if code == 200:
                    self[name] = self._text(prop)
                    self.elements[name] = prop
                else:
                    self.missing[name] = code

    @staticmethod
    def _text(prop):
        if len(prop) == 0:
            return prop.text or ""
        return " ".join((child.text or "").strip() or short(child.tag) for child in prop)


class Multistatus(dict):
    """Decoded href -> Entry, in the order of the answer."""

    def __init__(self, answer):
        super().__init__()
        assert answer.status_code == 207, f"{answer.status_code}: {answer.text[:500]}"
        self.headers = answer.headers
        for response in ElementTree.fromstring(answer.content).findall(clark("d:response")):
            entry = Entry(response)
            name = unquote(entry.href)
            assert name not in self, f"{name} twice in one multistatus"
            self[name] = entry

    @property
    def first(self):
        return next(iter(self.values()))

    def names(self):
        """The members' last path segments, without the collection itself."""
        return [href.rstrip("/").rsplit("/", 1)[1] for href in list(self)[1:]]


def error(answer):
    """(exception, message) of a Sabre error body."""
    root = ElementTree.fromstring(answer.content)
    assert short(root.tag) == "d:error", root.tag
    return root.findtext(clark("s:exception")), root.findtext(clark("s:message"))
