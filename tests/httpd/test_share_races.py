"""What happens at the same time: a right that ends while somebody makes use of it, and many people in
one folder. Nothing is stored without the right to at the end; nothing that was acknowledged is lost."""

import itertools
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from harness import trees
from harness.account import encode
from harness.dav import Multistatus
from harness.env import wait_until
from harness.shares import (ALL, READ, call, group, ocs, share, sql)

PART = b"half of it. " * 20000
NUMBERS = itertools.count(1)


class HeldPut:
    """A PUT whose body is held back half way, when the server has begun to store it."""

    def __init__(self, env, url, authorization, stores):
        self.places = [env.data / "accounts" / account.id / "staging" for account in stores]
        before = self.staged()
        where = urlsplit(url)
        self.http = HTTPConnection(where.hostname, where.port, timeout=120)
        self.http.putrequest("PUT", where.path)
        if authorization:
            self.http.putheader("Authorization", authorization)
        self.http.putheader("Content-Length", str(2 * len(PART)))
        self.http.endheaders()
        self.http.send(PART)
        wait_until(lambda: self.staged() - before, "the upload to begin")

    def staged(self):
        return {path for place in self.places if place.exists() for path in place.iterdir()}

    def finish(self):
        self.http.send(PART)
        answer = self.http.getresponse()
        answer.read()
        self.http.close()
        return answer


def disk(account):
    """All that the account's directory holds, in whatever place, as contents."""
    return trees.contents(account.env.data / "accounts" / account.id)


class Case:
    """alice has shared the folder "f<n>" with bob, with all rights."""

    def __init__(self, env, permissions=ALL):
        self.env = env
        self.alice, self.bob = env.account(), env.account()
        self.name = f"f{next(NUMBERS)}"
        self.alice.mkcol(self.name)
        self.alice.put(f"{self.name}/there", b"was there")
        self.share = share(self.alice, self.name, self.bob, permissions=permissions)

    def put(self, path="new"):
        return HeldPut(self.env, self.bob.url(f"{self.name}/{path}"), self.bob.authorization,
                       (self.alice, self.bob))

    def nothing_stored(self):
        assert not any(PART in content for content in disk(self.alice) | disk(self.bob))


@pytest.fixture(name="case")
def fixture_case(env):
    return Case(env)


# ---- rights that end ----

ENDS = {
    "the share is deleted": lambda c: c.share.delete(),
    "it allows only to read": lambda c: c.share.update(permissions=READ),
    "it expires": lambda c: sql(c.env, "UPDATE share SET expires = 1 WHERE id = ?", c.share.id),
    "the folder is deleted": lambda c: c.alice.delete(c.name),
    "the owner is deleted": lambda c: c.env.cloudctl("account", "delete", "--yes", c.alice.id),
    "the receiver is disabled": lambda c: c.env.cloudctl("account", "disable", c.bob.id),
    "the receiver leaves": lambda c: c.bob.delete(c.name),
    "the receiver gives it another name": lambda c: c.bob.move(c.name, "elsewhere"),
}


@pytest.mark.parametrize("event", ENDS.values(), ids=ENDS.keys())
@pytest.mark.parametrize("path", ("new", "there"))
def test_while_a_receiver_uploads(case, event, path):
    upload = case.put(path)
    event(case)
    answer = upload.finish()
    assert answer.status in (401, 403, 404, 409), answer.status
    case.nothing_stored()


@pytest.mark.parametrize("event", ENDS.values(), ids=ENDS.keys())
def test_before_the_end_of_a_chunked_upload(case, event):
    session = f"session-{next(NUMBERS)}"
    case.bob.mkcol(session, space="uploads")
    for number in (0, 1):
        case.bob.put(f"{session}/{number}", PART, space="uploads", expect=(201,))
    event(case)
    case.env.expect_log("AH01617|AH01618")  # whoever was disabled or deleted comes once more
    answer = case.bob.dav("MOVE", f"{session}/.file", "uploads", destination=f"{case.name}/new")
    assert answer.status_code in (401, 403, 404, 409), answer.text
    if case.alice.dav("PROPFIND", case.name, depth=0).status_code == 207:
        assert "new" not in case.alice.propfind(case.name, 1).names()


def test_an_upload_follows_the_owners_moves(case):
    """The owner gives the folder another name and place: that is nothing to its receiver."""
    case.alice.mkcol("deeper")
    for path in ("new", "there"):
        upload = case.put(path)
        place = f"deeper/{path}-moved"
        case.alice.move(case.name, place)
        assert upload.finish().status in (201, 204)
        assert case.alice.get(f"{place}/{path}").content == 2 * PART
        case.alice.move(place, case.name)


def test_a_member_leaves_the_group_while_uploading(env):
    alice, carol = env.account(), env.account()
    team = group(env, f"races-{alice.id}", carol)
    alice.mkcol("team")
    share(alice, "team", team, permissions=ALL)
    upload = HeldPut(env, carol.url("team/new"), carol.authorization, (alice, carol))
    env.cloudctl("group", "remove-member", team, carol.id)
    assert upload.finish().status in (403, 404, 409)
    assert alice.propfind("team", 1).names() == []


def test_a_reshare_ends_while_it_is_used(case):
    """The one who reshared loses the right to share: so does the one he gave it to."""
    carol = case.env.account()
    share(case.bob, case.name, carol, permissions=ALL)
    upload = HeldPut(case.env, carol.url(f"{case.name}/new"), carol.authorization,
                     (case.alice, carol))
    case.share.update(permissions=15)
    assert upload.finish().status in (403, 404, 409)
    assert case.alice.propfind(case.name, 1).names() == ["there"]


# ---- public links ----

LINK_ENDS = {
    "the link is deleted": lambda c, link: link.delete(),
    "it allows only to read": lambda c, link: link.update(permissions=READ),
    "it expires": lambda c, link: sql(c.env, "UPDATE share SET expires = 1 WHERE id = ?", link.id),
    "the folder is deleted": lambda c, link: c.alice.delete(c.name),
    "the owner is disabled": lambda c, link: c.env.cloudctl("account", "disable", c.alice.id),
    "the owner is deleted": lambda c, link: c.env.cloudctl("account", "delete", "--yes", c.alice.id),
}


def link_urls(link, name):
    """(url, authorization) by both addresses."""
    env = link.account.env
    token = env_auth(link.token, "")
    return ((f"{env.url}public.php/webdav/{encode(name)}", token),
            (f"{env.url}remote.php/dav/public-files/{link.token}/{encode(name)}", None))


def env_auth(user, password):
    import base64  # pylint: disable=import-outside-toplevel
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("event", LINK_ENDS.values(), ids=LINK_ENDS.keys())
@pytest.mark.parametrize("which", (0, 1), ids=("public.php", "public-files"))
@pytest.mark.parametrize("permissions", (15, 4), ids=("writable", "drop"))
def test_while_a_link_uploads(case, event, which, permissions):
    link = share(case.alice, case.name, permissions=permissions)
    url, authorization = link_urls(link, "new")[which]
    upload = HeldPut(case.env, url, authorization, (case.alice,))
    event(case, link)
    answer = upload.finish()
    assert answer.status in (401, 403, 404, 409), answer.status
    case.nothing_stored()


def test_many_drop_the_same_name(case):
    """Each gets a name of his own; no upload takes the place of another."""
    link = share(case.alice, case.name, permissions=4)
    contents = [f"drop {number}".encode() for number in range(12)]

    def drop(content):
        session = case.alice.session()
        session.auth = None
        url, _ = link_urls(link, "drop.txt")[1]
        answer = session.put(url, data=content, timeout=120)
        session.close()
        return answer.status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(drop, contents)) == {201}
    names = case.alice.propfind(case.name, 1).names()
    found = {case.alice.get(f"{case.name}/{name}").content for name in names}
    assert found == {*contents, b"was there"}


# ---- listings ----

def test_a_listing_under_way_when_the_share_ends(env):
    """It is of one moment, and whole; a later one shows nothing."""
    case = Case(env)
    folder = case.env.data / "accounts" / case.alice.id / "files" / case.name
    status = folder.stat()
    for number in range(3000):
        path = folder / f"file number {number}"
        path.touch()
        os.chown(path, status.st_uid, status.st_gid)
    env.cloudctl("scan", "--account", case.alice.id)
    session = case.bob.session()
    answer = session.request("PROPFIND", case.bob.url(case.name), headers={"Depth": "1"},
                             stream=True, timeout=120)
    assert answer.status_code == 207
    beginning = answer.raw.read(1000)
    case.share.delete()
    rest = answer.raw.read()
    session.close()
    assert (beginning + rest).count(b"<d:response>") == 3002
    assert (beginning + rest).rstrip().endswith(b"</d:multistatus>")
    assert case.bob.dav("PROPFIND", case.name, depth=1).status_code == 404


def test_shares_come_and_go_while_their_receiver_lists(env):
    """Each listing is whole and names nothing twice; a share that is there all the time is in each."""
    alice, bob, carol = env.account(), env.account(), env.account()
    for account in (alice, carol):
        account.mkcol("same name")
        account.put("same name/file", account.id.encode())
    alice.mkcol("always")
    share(alice, "always", bob, permissions=READ)
    end = threading.Event()

    def come_and_go(account):
        while not end.is_set():
            share(account, "same name", bob, permissions=ALL).delete()

    with ThreadPoolExecutor(2) as pool:
        workers = [pool.submit(come_and_go, account) for account in (alice, carol)]
        seen = set()
        try:
            for _ in range(150):
                names = bob.propfind("", 1).names()
                assert "always" in names
                seen.update(names)
                for name in names:
                    answer = bob.dav("PROPFIND", f"{name}/", depth=1)
                    assert answer.status_code in (207, 404), answer.text
        finally:
            end.set()
        for worker in workers:
            worker.result()
    assert "same name" in seen
    assert bob.propfind("", 1).names() == ["always"]


# ---- many in one folder ----

@pytest.fixture(name="team")
def fixture_team(env):
    """(alice, [url prefix and account of each]) of a folder of alice's that three people write to."""
    case = Case(env)
    carol = env.account()
    team = group(env, f"races-{case.alice.id}", carol)
    share(case.alice, case.name, team, permissions=ALL)
    return case, [case.alice, case.bob, carol]


def everybody(people, work, rounds=15):
    """Runs work(account, session, round) for each in a thread of its own; all results."""
    def run(account):
        session = account.session()
        try:
            return [work(account, session, number) for number in range(rounds)]
        finally:
            session.close()

    with ThreadPoolExecutor(len(people)) as pool:
        return [result for results in pool.map(run, people) for result in results]


def same_for_all(case, people):
    """All see the same names, ids, sizes and contents; fsck finds nothing."""
    views = []
    for account in people:
        answer = account.propfind(case.name, 1, ("d:getcontentlength", "oc:id", "d:resourcetype"))
        views.append({href.rstrip("/").rsplit("/", 1)[1]: dict(entry)
                      for href, entry in list(answer.items())[1:]})
    assert views[0] == views[1] == views[2]
    for name, entry in views[0].items():
        if entry["d:resourcetype"] == "d:collection":
            continue
        contents = {account.get(f"{case.name}/{name}").content for account in people}
        assert len(contents) == 1, name
    done = case.env.cloudctl("fsck", "--account", case.alice.id, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(name="all_kept")
def fixture_all_kept(env):
    """Old versions are not thinned while the test goes on, should the job come by."""
    env.cloudctl("config", "set", "system", "versions_retention_obligation", "disabled")
    yield
    env.cloudctl("config", "delete", "system", "versions_retention_obligation")


@pytest.mark.usefixtures("all_kept")
def test_all_write_the_same_names(team):
    """Whatever was acknowledged is the file, or an old version of it, or in the trash."""
    case, people = team
    acknowledged, lock = set(), threading.Lock()

    def work(account, session, number):
        path = f"{case.name}/name{number % 3}"
        content = f"{account.id} {number} ".encode() * 50
        answer = account.dav("PUT", path, data=content, session=session)
        assert answer.status_code in (201, 204), answer.text
        with lock:
            acknowledged.add(content)
        if number % 5 == 4:
            answer = account.dav("DELETE", path, session=session)
            assert answer.status_code in (204, 404), answer.text

    everybody(people, work)
    assert acknowledged <= disk(case.alice)
    same_for_all(case, people)


def test_folders_and_moves_of_all(team):
    """Each answer is one of those that the moment may have had; the tree stays one."""
    case, people = team
    allowed = {"MKCOL": {201, 405, 409}, "PUT": {201, 204, 409}, "MOVE": {201, 204, 404, 409},
               "DELETE": {204, 404}}

    def work(account, session, number):
        folder = f"{case.name}/folder{number % 2}"
        for method, path, kwargs in (
                ("MKCOL", folder, {}),
                ("PUT", f"{folder}/{account.id}", {"data": b"x" * number}),
                ("MOVE", f"{folder}/{account.id}",
                 {"destination": f"{case.name}/{account.id}-{number}"}),
                ("DELETE" if number % 4 == 3 else "MKCOL", folder, {})):
            answer = account.dav(method, path, session=session, **kwargs)
            assert answer.status_code in allowed[method], f"{method}: {answer.text}"

    everybody(people, work)
    same_for_all(case, people)


def test_one_wins_with_the_same_etag(team):
    case, people = team
    for number in range(5):
        etag = case.alice.etag(f"{case.name}/there")
        start = threading.Barrier(len(people))

        def work(account, session, _, number=number, etag=etag, start=start):
            start.wait()
            return account.dav("PUT", f"{case.name}/there", session=session,
                               data=f"{account.id} {number}", headers={"If-Match": etag}).status_code

        assert sorted(everybody(people, work, 1)) == [204, 412, 412]
    same_for_all(case, people)


def test_taken_out_while_the_owner_writes(team):
    """A receiver moves a file to his own files while its owner changes it: each content that was
    acknowledged is somewhere."""
    case, (alice, bob, _) = team
    for number in range(8):
        path = f"{case.name}/taken{number}"
        alice.put(path, b"first %d" % number)
        start = threading.Barrier(2)

        def change(path=path, number=number, start=start):
            start.wait()
            return alice.dav("PUT", path, data=b"second %d" % number,
                             session=alice.session()).status_code

        def take(path=path, number=number, start=start):
            start.wait()
            return bob.dav("MOVE", path, destination=f"mine{number}",
                           session=bob.session()).status_code

        with ThreadPoolExecutor(2) as pool:
            changed, taken = pool.submit(change), pool.submit(take)
            assert changed.result() in (201, 204)
            assert taken.result() == 201
        everything = disk(alice) | disk(bob)
        assert {b"first %d" % number, b"second %d" % number} <= everything
        assert bob.get(f"mine{number}").content in (b"first %d" % number, b"second %d" % number)
    same_for_all(case, team[1])


# ---- shares made at once ----

def test_the_same_share_is_made_once(env):
    alice, bob = env.account(), env.account()
    for number in range(5):
        alice.mkcol(f"twice{number}")
        start = threading.Barrier(4)

        def make(_, number=number, start=start):
            other = alice.session()
            start.wait()
            answer = other.post(f"{env.url}ocs/v2.php/apps/files_sharing/api/v1/shares?format=json",
                                data={"path": f"/twice{number}", "shareType": 0, "shareWith": bob.id},
                                headers={"OCS-APIREQUEST": "true"}, timeout=120)
            other.close()
            return answer.status_code

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(make, range(4))) == [200, 403, 403, 403]
        assert len(call(alice, "GET", "shares", path=f"/twice{number}")) == 1
        assert f"twice{number}" in bob.propfind("", 1).names()


def test_the_same_name_from_many(env):
    """Each has a name of its own at the receiver's, and stays what it is."""
    bob, givers = env.account(), [env.account() for _ in range(4)]
    start = threading.Barrier(len(givers))

    def give(account):
        account.mkcol("gift")
        account.put("gift/from", account.id.encode())
        start.wait()
        share(account, "gift", bob, permissions=READ)

    with ThreadPoolExecutor(len(givers)) as pool:
        list(pool.map(give, givers))
    names = bob.propfind("", 1).names()
    assert len(names) == len(set(names)) == len(givers)
    assert all(name.startswith("gift") for name in names)
    assert {bob.get(f"{name}/from").text for name in names} == {giver.id for giver in givers}


def test_reshared_while_it_is_taken_back(env):
    """Whichever comes first: nobody keeps anything."""
    alice, bob, carol = env.account(), env.account(), env.account()
    for number in range(5):
        alice.mkcol(f"back{number}")
        alice.put(f"back{number}/file", b"secret")
        made = share(alice, f"back{number}", bob, permissions=ALL)
        start = threading.Barrier(2)

        def reshare(number=number, start=start):
            start.wait()
            return ocs(bob, "POST", "shares", path=f"/back{number}", shareType=0,
                       shareWith=carol.id).status_code

        def take_back(made=made, start=start):
            start.wait()
            made.delete()

        with ThreadPoolExecutor(2) as pool:
            done = pool.submit(reshare), pool.submit(take_back)
            assert done[0].result() in (200, 404)
            done[1].result()
        for account in (bob, carol):
            assert account.get(f"back{number}/file").status_code == 404
            assert account.propfind("", 1).names() == []


def test_deleted_while_it_is_shared(env):
    """A share of what is gone is none, and a restore brings none back."""
    alice, bob = env.account(), env.account()
    for number in range(5):
        name = f"gone{number}"
        alice.mkcol(name)
        start = threading.Barrier(2)

        def give(name=name, start=start):
            start.wait()
            return ocs(alice, "POST", "shares", path=f"/{name}", shareType=0,
                       shareWith=bob.id).status_code

        def remove(name=name, start=start):
            session = alice.session()
            start.wait()
            return alice.dav("DELETE", name, session=session).status_code

        with ThreadPoolExecutor(2) as pool:
            done = pool.submit(give), pool.submit(remove)
            assert done[0].result() in (200, 404)
            assert done[1].result() == 204
        assert bob.propfind("", 1).names() == []
        listed = Multistatus(alice.dav("PROPFIND", "", "trash-bin", depth=1)).names()
        for item in listed:
            alice.dav("MOVE", item, "trash-bin", destination=f"{name}-{item}", dest_space="files")
        assert bob.propfind("", 1).names() == []
        assert call(alice, "GET", "shares") == []
