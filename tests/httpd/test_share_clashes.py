"""Calls about one share at the same moment. Each gets an answer that it would have got before or after the other;
none is an error of the server's, what was acknowledged is there, and fsck finds nothing afterwards."""

import base64
import threading

import pytest

from harness import trees
from harness.account import Account
from harness.clashes import another, at_once
from harness.shares import ALL, GROUP, READ, accept, call, group, ocs, received, share

ROUNDS = 8
UP = {"space": "uploads"}


class World:
    """alice's folder "team"; bob and carol, who may get it."""

    def __init__(self, env):
        self.env = env
        self.alice, self.bob, self.carol = self.people = [env.account() for _ in range(3)]
        self.alice.mkcol("team")
        self.alice.put("team/file.txt", b"first")

    def sound(self):
        listed = {one["id"] for one in self.env.cloudctl_json("account", "list")}
        for who in self.people:
            if who.id in listed:
                done = self.env.cloudctl("fsck", "--account", who.id, check=False)
                assert done.returncode == 0, done.stdout + done.stderr

    def disk(self):
        found = [trees.contents(self.env.data / "accounts" / who.id) for who in self.people
                 if (self.env.data / "accounts" / who.id).exists()]
        return set().union(*found)


@pytest.fixture(name="w")
def fixture_w(env):
    world = World(env)
    yield world
    world.sound()


def state_of(account, number):
    [found] = [one for one in received(account, state="all") if int(one["id"]) == number]
    return int(found["state"])


def test_accepted_and_declined(w):
    """One of the two is what counts, for the list and for the files."""
    made = share(w.alice, "team", w.bob, permissions=ALL)
    for _ in range(ROUNDS):
        one, other = another(w.bob), another(w.bob)
        answers = at_once(lambda one=one: ocs(one, "POST", f"shares/pending/{made.id}"),
                          lambda other=other: ocs(other, "DELETE", f"shares/pending/{made.id}"))
        # 404: it was accepted, and is in nobody's files any more when the answer is written
        assert answers[0].status_code in (200, 404) and answers[1].status_code == 200
        there = "team" in w.bob.propfind("", 1).names()
        assert state_of(w.bob, made.id) == (0 if there else 2)
        accept(w.bob, made.id)
        assert w.bob.get("team/file.txt").content == b"first"


def test_left_and_changed(w):
    """The receiver leaves while the owner changes what he may, or deletes the share."""
    for number in range(ROUNDS):
        made = share(w.alice, "team", w.bob, permissions=ALL)
        left = another(w.bob)

        def change(made=made, number=number):
            if number % 2:
                return ocs(w.alice, "PUT", f"shares/{made.id}", permissions=READ).status_code
            return ocs(w.alice, "DELETE", f"shares/{made.id}").status_code

        changed, gone = at_once(change, lambda left=left: left.dav("DELETE", "team").status_code)
        assert changed == 200 and gone in (204, 404)
        assert "team" not in w.bob.propfind("", 1).names()
        assert w.alice.get("team/file.txt").content == b"first"
        if number % 2:
            made.delete()


def test_the_end_of_an_upload_and_of_the_share(w):
    """Either it came in and is acknowledged, or it is nowhere."""
    for number in range(ROUNDS):
        made = share(w.alice, "team", w.bob, permissions=ALL)
        content = b"part %d of it" % number
        w.bob.mkcol(f"s{number}", **UP)
        w.bob.put(f"s{number}/0", content, **UP)
        writer = another(w.bob)
        answer, _ = at_once(
            lambda writer=writer, number=number: writer.dav(
                "MOVE", f"s{number}/.file", destination=f"team/new{number}", **UP),
            made.delete)
        assert answer.status_code in (201, 403, 404, 409), answer.text
        there = w.alice.get(f"team/new{number}")
        assert (there.status_code == 200) == (answer.status_code == 201)
        if answer.status_code == 201:
            assert there.content == content
        else:
            # what was sent is the sender's still
            again = w.bob.dav("MOVE", f"s{number}/.file", destination=f"mine{number}", **UP)
            assert again.status_code == 201 and w.bob.get(f"mine{number}").content == content


def test_a_member_leaves_while_he_lists(w):
    team = group(w.env, f"clash-{w.alice.id}", w.bob, w.carol)
    share(w.alice, "team", team, kind=GROUP, permissions=ALL)
    end = threading.Event()

    def come_and_go():
        for _ in range(4):
            w.env.cloudctl("group", "remove-member", team, w.bob.id)
            w.env.cloudctl("group", "add-member", team, w.bob.id)
        end.set()

    def look():
        seen, client = set(), another(w.bob)
        while not end.is_set():
            seen.add("team" in client.propfind("", 1).names())
            for method, path in (("PROPFIND", "team"), ("GET", "team/file.txt")):
                answer = client.dav(method, path, depth=1)
                assert answer.status_code in (200, 207, 404), answer.text
            lists = ocs(client, "GET", "shares", shared_with_me="true")
            assert lists.status_code == 200 and len(lists.json()["ocs"]["data"]) in (0, 1)
        return seen

    at_once(come_and_go, look)
    assert w.bob.propfind("", 1).names() == w.carol.propfind("", 1).names() == ["team"]


# ---- the trash ----


def test_restored_by_both(w):
    """The owner and who deleted it bring it back at once: it is back once, where one of them put it."""
    share(w.alice, "team", w.bob, permissions=ALL)
    w.alice.mkcol("team/sub")
    w.alice.put("team/sub/deep.txt", b"deep")
    for number in range(ROUNDS):
        name = ("sub", "file.txt")[number % 2]
        content = w.bob.get(f"team/{name}" + ("" if number % 2 else "/deep.txt")).content
        w.bob.delete(f"team/{name}")
        [item] = w.alice.propfind("", 1, space="trash-bin").names()
        target = name if number % 4 < 2 else f"other-{name}"

        def back(account, target=name, item=item):
            return another(account).dav("MOVE", item, "trash-bin", destination=f"team/{target}",
                                        dest_space="files", overwrite=False).status_code

        answers = at_once(lambda: back(w.alice), lambda target=target: back(w.bob, target))
        assert sorted(answers) in ([201, 404], [201, 412]), answers
        assert w.alice.propfind("", 1, space="trash-bin").names() == []
        assert w.bob.propfind("", 1, space="trash-bin").names() == []
        back_as = name if answers[0] == 201 else target
        got = w.alice.get(f"team/{back_as}" + ("" if number % 2 else "/deep.txt"))
        assert got.content == content
        assert sorted(w.bob.propfind("team", 1).names()) == sorted({"file.txt", "sub", back_as}
                                                                   - ({name} - {back_as}))
        if back_as != name:
            w.alice.move(f"team/{back_as}", f"team/{name}")


def test_restored_and_purged(w):
    """One brings it back while the owner deletes it for good: it is there as a whole, or gone for both."""
    share(w.alice, "team", w.bob, permissions=ALL)
    for number in range(ROUNDS):
        w.alice.mkcol("team/sub")
        w.alice.put("team/sub/deep.txt", b"deep")
        w.bob.delete("team/sub")
        [item] = w.bob.propfind("", 1, space="trash-bin").names()
        place = "team/sub" if number % 2 else "mine"
        back, gone = at_once(
            lambda item=item, place=place: another(w.bob).dav(
                "MOVE", item, "trash-bin", destination=place, dest_space="files").status_code,
            lambda item=item: another(w.alice).dav("DELETE", item, "trash-bin").status_code)
        assert back in (201, 404) and gone in (204, 404), (back, gone)
        assert 201 == back or 204 == gone
        there = w.bob.dav("GET", f"{place}/deep.txt")
        assert (there.status_code == 200) == (back == 201)
        if back == 201:
            assert there.content == b"deep"
            w.bob.delete(place)
        for who in (w.alice, w.bob):
            who.delete("", space="trash-bin")


# ---- public links ----


def basic(link, password=""):
    text = base64.b64encode(f"public:{password}".encode()).decode()
    return {"url": f"remote.php/dav/public-files/{link.token}/large",
            "headers": {"Authorization": f"Basic {text}"} if password else {}}


LINK_CHANGES = {
    "deleted": lambda link: link.delete(),
    "another password": lambda link: link.update(password="an0ther-Password"),
    "only for drops": lambda link: link.update(permissions=4),
    "its file is deleted": lambda link: link.account.delete("team/large"),
    "its file is another": lambda link: link.account.put("team/large", b"another"),
}


@pytest.mark.parametrize("change", LINK_CHANGES.values(), ids=LINK_CHANGES.keys())
def test_a_link_that_changes_under_a_download(w, change):
    """What is under way ends as it began; nothing begins any more."""
    large = bytes(range(256)) * 80000
    w.alice.put("team/large", large)
    link = share(w.alice, "team", permissions=15, password="first-Passw0rd")
    request = basic(link, "first-Passw0rd")
    answer = w.env.http("GET", request["url"], headers=request["headers"], stream=True)
    assert answer.status_code == 200
    begun = answer.raw.read(4096)
    change(link)
    assert begun + answer.raw.read() == large
    w.env.expect_log("AH01617")
    again = w.env.http("GET", request["url"], headers=request["headers"])
    assert again.content != large and again.status_code < 500


def test_an_upload_and_another_password(w):
    """A PUT by the old one is in whole or not at all."""
    link = share(w.alice, "team", permissions=15, password="first-Passw0rd")
    w.env.expect_log("AH01617")
    old = "first-Passw0rd"
    for number in range(4):
        request = basic(link, old)
        new = f"Passw0rd-number-{number}"
        url = request["url"].replace("large", f"new{number}")

        def send(url=url, request=request, number=number):
            return Account(w.env, "x", "y").session().put(
                w.env.url + url, data=b"content %d" % number, headers=request["headers"], auth=None,
                timeout=120).status_code

        status, _ = at_once(send, lambda new=new: link.update(password=new))
        assert status in (201, 401)
        got = w.alice.get(f"team/new{number}")
        assert (got.status_code == 200) == (status == 201)
        old = new


# ---- owners ----


def test_the_owner_is_deleted_while_others_write(w):
    """They are told that it is gone; what they have of their own stays."""
    share(w.alice, "team", w.bob, permissions=ALL)
    share(w.alice, "team", w.carol, permissions=ALL)
    gone = threading.Event()

    def work(account):
        client, number = another(account), 0
        account.put("own", b"own")
        while not gone.is_set() or number % 4:
            for method, path, kwargs in (
                    ("PUT", f"team/{account.id}-{number % 5}", {"data": b"x" * number}),
                    ("COPY", f"team/{account.id}-{number % 5}", {"destination": f"copy{number % 3}"}),
                    ("MOVE", "own", {"destination": "team/own"}),
                    ("MOVE", "team/own", {"destination": "own"})):
                answer = client.dav(method, path, **kwargs)
                assert answer.status_code < 500, f"{method}: {answer.status_code} {answer.text}"
            number += 1

    def delete():
        w.env.cloudctl("account", "delete", "--yes", w.alice.id)
        gone.set()

    at_once(lambda: work(w.bob), lambda: work(w.carol), delete)
    for account in (w.bob, w.carol):
        assert "team" not in account.propfind("", 1).names()
        assert account.dav("PUT", "team/late", data=b"x").status_code in (404, 409)
        assert received(account) == []


def test_another_owner_while_all_write(w):
    """Nothing that was acknowledged is lost, whoever it belongs to afterwards."""
    share(w.alice, "team", w.bob, permissions=ALL)
    acknowledged, lock, end = set(), threading.Lock(), threading.Event()

    def work(account):
        client, number = another(account), 0
        while not end.is_set():
            content = f"{account.id} {number}".encode()
            answer = client.dav("PUT", f"team/{account.id}-{number}", data=content)
            assert answer.status_code < 500, f"{answer.status_code} {answer.text}"
            if answer.status_code in (201, 204):
                with lock:
                    acknowledged.add(content)
            number += 1

    def transfer():
        try:
            w.env.cloudctl("share", "transfer-ownership", w.alice.id, w.carol.id, "--path", "/team")
        finally:
            end.set()

    at_once(lambda: work(w.alice), lambda: work(w.bob), transfer)
    assert acknowledged <= w.disk()
    [top] = [name for name in w.carol.propfind("", 1).names() if name.startswith("team")
             or "transferred" in name.lower()]
    inside = w.carol.propfind(top, 1).names()
    assert "file.txt" in inside or "team" in inside
    assert call(w.carol, "GET", "shares")[0]["share_with"] == w.bob.id
    assert w.bob.get("team/file.txt").content == b"first"
