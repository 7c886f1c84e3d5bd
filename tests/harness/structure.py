"""What every page owes to those who can't see it: checked in the HTML itself."""

from collections import Counter
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br"}


class Element:
    def __init__(self, tag, attrs, above):
        self.tag, self.attrs, self.above = tag, attrs, above
        self.text = ""

    def __repr__(self):
        return f"<{self.tag} {self.attrs}>"

    def inside(self, tag):
        element = self.above
        while element is not None and element.tag != tag:
            element = element.above
        return element


class _Parser(HTMLParser):
    def __init__(self):
        super().__init__()
        self.elements, self.open = [], []

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        element = Element(tag, dict(attrs), self.open[-1] if self.open else None)
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1].tag == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data):
        for element in self.open:
            if not any(e.attrs.get("aria-hidden") == "true" for e in self.open):
                element.text += data


class Structure:
    def __init__(self, text):
        parser = _Parser()
        parser.feed(text)
        parser.close()
        assert not parser.open, parser.open
        self.elements = parser.elements

    def all(self, *tags):
        return [element for element in self.elements if element.tag in tags]

    def one(self, tag):
        found = self.all(tag)
        assert len(found) == 1, (tag, found)
        return found[0]


def _check_idents(page):
    idents = Counter(e.attrs["id"] for e in page.elements if "id" in e.attrs)
    assert not idents or max(idents.values()) == 1, idents.most_common(1)
    for element in page.elements:
        for name in ("for", "aria-describedby", "aria-labelledby"):
            for ident in element.attrs.get(name, "").split():
                assert ident in idents, (element, name)


def _check_fields(page):
    labels = {e.attrs["for"]: e for e in page.all("label") if "for" in e.attrs}
    for field in page.all("input", "select", "textarea"):
        if field.attrs.get("type") == "hidden":
            continue
        label = labels.get(field.attrs.get("id")) or field.inside("label")
        assert label is not None and label.text.strip(), field
        assert field.inside("form"), field
    # what was wrong is said with the fields that it is about
    problem = [e for e in page.elements if e.attrs.get("id") == "problem"]
    if problem:
        assert problem[0].attrs["role"] == "alert" and problem[0].text.strip()
    for field in page.all("input"):
        if field.attrs.get("aria-invalid") == "true":
            assert "problem" in field.attrs["aria-describedby"].split()


def _check_names(page):
    """Links, buttons and places that lists of them are made of."""
    for element in page.all("a", "button"):
        assert (element.attrs.get("aria-label") or element.text).strip(), element
    assert all(link.attrs.get("href") for link in page.all("a"))
    for tag in ("nav", "section"):
        for element in page.all(tag):
            assert element.attrs.get("aria-label") or element.attrs.get("aria-labelledby"), element
    files = [link.text for link in page.all("a") if link.inside("tbody")]
    assert len(set(files)) == len(files), files
    for picture in page.all("svg", "img"):
        assert picture.attrs.get("aria-label") or picture.attrs.get("alt"), picture


def _check_tables(page):
    for cell in page.all("th"):
        assert cell.attrs["scope"] in ("col", "row") and cell.text.strip(), cell
    for table in page.all("table"):
        heads = [th for th in page.all("th") if th.inside("table") is table]
        assert heads and all(th.inside("thead") for th in heads)
        cells = Counter(td.inside("tr") for td in page.all("td") if td.inside("table") is table)
        assert set(cells.values()) <= {len(heads)}


def check_structure(text):
    """Asserts all of it; the page, for who wants to look further."""
    assert text.startswith("<!DOCTYPE html>")
    page = Structure(text)
    assert page.one("html").attrs == {"lang": "en"}
    title, heading = page.one("title").text, page.one("h1").text
    assert heading.strip() and title.startswith(heading), (title, heading)
    assert page.one("h1").inside("main") is page.one("main")
    assert page.one("header")
    level = 1
    for element in page.all("h1", "h2", "h3", "h4"):
        assert int(element.tag[1]) <= level + 1, element
        level = int(element.tag[1])
    for element in page.elements:
        assert element.tag not in ("script", "style", "iframe", "object", "base"), element
        assert not [name for name in element.attrs if name == "style" or name.startswith("on")], element
        assert element.attrs.get("tabindex", "0") in ("0", "-1"), element
    assert all(time.attrs["datetime"].endswith("Z") for time in page.all("time"))
    _check_idents(page)
    _check_fields(page)
    _check_names(page)
    _check_tables(page)
    return page


def wrong_fields(text):
    """Names of the fields of which a page says that they are wrong."""
    return [field.attrs["name"] for field in check_structure(text).all("input")
            if field.attrs.get("aria-invalid") == "true"]
