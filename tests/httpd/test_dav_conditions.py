"""Conditional headers: If-Match and its kin, and If:, on every method; and two who write at once."""

import threading

import pytest

from harness.dav import error, lock_body

NO_LOCK = "<DAV:no-lock>"


@pytest.fixture(name="etag")
def fixture_etag(account):
    return account.put("f", b"old").headers["ETag"]


def send(account, method, path="f", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    kwargs = {"destination": "dst"} if method in ("COPY", "MOVE") else {}
    data = {"PUT": b"new", "LOCK": lock_body(),
            "PROPPATCH": b'<propertyupdate xmlns="DAV:"><set><prop><x xmlns="u:">1</x></prop></set>'
                         b"</propertyupdate>"}.get(method)
    return account.dav(method, path, headers=headers, data=data, **kwargs)


METHODS = ("PUT", "DELETE", "MOVE", "COPY", "PROPPATCH", "LOCK", "GET")
GOOD = (200, 201, 204, 207)


@pytest.mark.parametrize("method", METHODS)
def test_if_match(account, etag, method):
    for value in ('"bogus"', "bogus", f"W/{etag}", '"a", "b"', '""'):
        answer = send(account, method, If_Match=value)
        assert answer.status_code == 412, (method, value)
        assert error(answer)[0] == "Sabre\\DAV\\Exception\\PreconditionFailed"
        assert "<s:header>If-Match</s:header>" in answer.text
    assert account.get("f").content == b"old"
    assert send(account, method, If_Match=f'"x", {etag}').status_code in GOOD


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("form", ("{0}", "bare", "*"))
def test_if_match_that_holds(account, etag, method, form):
    value = {"{0}": etag, "bare": etag.strip('"'), "*": "*"}[form]
    assert send(account, method, If_Match=value).status_code in GOOD


@pytest.mark.parametrize("method", [method for method in METHODS if method != "PROPPATCH"])
def test_if_match_on_nothing(account, method):
    for value in ("*", '"x"'):
        answer = send(account, method, "nothing", If_Match=value)
        assert answer.status_code == 412
        assert error(answer)[1].endswith("the resource did not exist")
        assert "<s:header>If-Match</s:header>" in answer.text
    assert account.get("nothing").status_code == 404


def test_if_none_match(account, etag):
    for value in ("*", etag, f"W/{etag}", f'"x", {etag}'):
        answer = send(account, "PUT", If_None_Match=value)
        assert answer.status_code == 412, value
        assert "<s:header>If-None-Match</s:header>" in answer.text
    assert account.get("f").content == b"old"
    assert send(account, "PUT", If_None_Match='"other"').status_code == 204
    assert send(account, "PUT", "new", If_None_Match="*").status_code == 201
    assert send(account, "MKCOL", "f", If_None_Match="*").status_code in (405, 412)
    assert send(account, "MKCOL", "folder", If_None_Match="*").status_code == 201


def test_not_modified(account, etag):
    modified = account.get("f").headers["Last-Modified"]
    for headers in ({"If_None_Match": etag}, {"If_None_Match": f"W/{etag}"}, {"If_None_Match": "*"},
                    {"If_Modified_Since": modified}, {"If_None_Match": f'"x", {etag}'}):
        for method in ("GET", "HEAD"):
            answer = send(account, method, **headers)
            assert (answer.status_code, answer.content) == (304, b""), headers
            assert answer.headers["ETag"] == etag
    assert send(account, "GET", If_None_Match='"x"').status_code == 200
    assert send(account, "GET", If_None_Match='"x"', If_Modified_Since=modified).status_code == 200
    assert send(account, "GET", If_Modified_Since="Thu, 01 Jan 1970 00:00:00 GMT").status_code == 200


def test_if_unmodified_since(account):
    account.put("f", b"old", headers={"X-OC-Mtime": "1500000000"})
    for method in ("PUT", "DELETE", "GET"):
        assert send(account, method,
                    If_Unmodified_Since="Fri, 14 Jul 2017 02:39:59 GMT").status_code == 412
    assert send(account, "PUT", If_Unmodified_Since="Fri, 14 Jul 2017 02:40:00 GMT").status_code == 204


def test_mtime_zero_and_dates(account):
    account.put("f", b"x", headers={"X-OC-Mtime": "0"})
    assert send(account, "GET", If_Modified_Since="Thu, 01 Jan 1970 00:00:00 GMT").status_code == 304
    assert send(account, "PUT", If_Unmodified_Since="Thu, 01 Jan 1970 00:00:00 GMT").status_code == 204


def test_etag_of_a_folder(account):
    account.mkcol("d")
    old = account.etag("d")
    account.put("d/f", b"x")
    assert account.dav("DELETE", "d", headers={"If-Match": old}).status_code == 412
    assert account.dav("DELETE", "d", headers={"If-Match": account.etag("d")}).status_code == 204


# ---- If: ----

def test_if_with_etags(account, etag):
    for value, status in ((f"([{etag}])", 204), ('(["x"])', 412), ('(Not ["x"])', 204)):
        assert send(account, "PUT", If=value).status_code == status, value
        etag = account.etag("f")
    for value, status in ((f"(Not [{etag}])", 412), (f'(["x"]) ([{etag}])', 204)):
        assert send(account, "PUT", If=value).status_code == status, value
    etag = account.etag("f")
    assert send(account, "PUT", If=f'([{etag}] ["x"])').status_code == 412
    assert send(account, "PUT", If=f"([W/{etag}])").status_code == 412
    assert send(account, "PUT", "new", If='(Not ["x"])').status_code == 201
    assert send(account, "PUT", "newer", If='(["x"])').status_code == 412
    assert account.get("newer").status_code == 404


def test_if_with_tokens(account, etag):
    assert send(account, "PUT", If=f"({NO_LOCK})").status_code == 412
    assert send(account, "PUT", If=f"(Not {NO_LOCK})").status_code == 204
    token = account.dav("LOCK", "f", data=lock_body()).headers["Lock-Token"]
    etag = account.etag("f")
    for value, status in ((f"(Not {NO_LOCK})", 423), (f"({NO_LOCK})", 412), (f"({token})", 204),
                          (f"({NO_LOCK}) ({token})", 204), (f"({token} {NO_LOCK})", 412),
                          (f"(Not {token})", 412), (f'({token} ["x"])', 412)):
        assert send(account, "PUT", If=value).status_code == status, value
    etag = account.etag("f")
    assert send(account, "PUT", If=f"({token} [{etag}])").status_code == 204
    assert send(account, "PUT", If=f"({token} [{etag}]) (Not {NO_LOCK} [{etag}])").status_code == 412
    # A token that is a little wrong: the condition holds, the lock is not opened
    assert send(account, "PUT", If=f"({token[:-1]}x>) (Not {NO_LOCK})").status_code == 423


@pytest.mark.parametrize("value", (
    "", "x", "()", "(", ")", "(<x>", "(<x", "([\"x\"", "([x])", "([\"x])", "(Not)", "<x>", "<> (<a>)",
    "(<>)", "<http://h/a> <http://h/b> (<t>)", "(<t>) <http://h/a> (<t>)", "(<t>) x", "(<t> x)",
    "<http://h/a>", "(Not Not <x>)"))
def test_malformed_if(account, etag, value):
    if value == "":
        return
    assert send(account, "PUT", If=value).status_code == 400
    assert account.etag("f") == etag


def test_tagged_lists(env, account, etag):
    account.put("g", b"x")
    other = account.etag("g")
    own, beside = account.path("f"), account.path("g")
    for form in ("{path}", "http://localhost{path}", f"http://127.0.0.1:{env.port}{{path}}",
                 "https://proxy.example{path}"):
        tag = f"<{form.format(path=beside)}>"
        assert send(account, "PUT", If=f'{tag} (["x"])').status_code == 412, tag
        assert send(account, "PUT", If=f"{tag} ([{other}])").status_code == 204, tag
    etag = account.etag("f")
    # All lists of all tags are alternatives
    assert send(account, "PUT", If=f'<{beside}> (["x"]) <{own}> ([{etag}])').status_code == 204
    assert send(account, "PUT", If=f'<{beside}> (["x"]) <{own}> (["x"])').status_code == 412
    assert send(account, "PUT", If=f'<{account.path("f", "webdav")}> (["x"])').status_code == 412
    assert send(account, "PUT",
                If=f'<{account.path("f", "webdav")}> ([{account.etag("f")}])').status_code == 204


def test_tagged_list_about_what_is_not_visible(env, account, etag):
    other = env.account()
    foreign = other.put("g", b"x").headers["ETag"]
    for tag in (other.path("g"), "/remote.php/dav/files/nobody/g", "/elsewhere", account.path("no"),
                "/remote.php/dav/nothing/x"):
        assert send(account, "PUT", If=f"<{tag}> ([{foreign}])").status_code == 412, tag
        assert send(account, "PUT", If=f"<{tag}> (Not [{foreign}])").status_code == 204, tag


def test_copy_and_move_with_tagged_lists(account, etag):
    dst = account.put("dst", b"d").headers["ETag"]
    own, target, third = (account.path(name) for name in ("f", "dst", "third"))
    account.put("third", b"3")
    for value in (f'<{own}> (["x"])', f'<{target}> (["x"])', f'<{third}> (["x"])',
                  f'<{target}> ([{etag}])'):
        for method in ("COPY", "MOVE"):
            assert send(account, method, If=value).status_code == 412, (method, value)
    assert send(account, "COPY", If=f"<{target}> ([{dst}])").status_code == 204
    assert send(account, "COPY", If=f"<{own}> ([{etag}])").status_code == 204
    assert send(account, "MOVE", If=f"<{third}> ([{account.etag('third')}])").status_code == 204


def test_many_conditions(account, etag):
    value = " ".join('(["x"])' for _ in range(300)) + f" ([{etag}])"
    assert send(account, "PUT", If=value).status_code == 204


# ---- at once ----

@pytest.fixture(name="sessions")
def fixture_sessions(account):
    sessions = [account.session() for _ in range(8)]
    for session in sessions:
        session.headers["Connection"] = "close"  # so that none is closed while it is idle
    yield sessions
    for session in sessions:
        session.close()


def race(count, action):
    """Statuses of count calls that start together."""
    barrier, statuses = threading.Barrier(count), [None] * count

    def run(number):
        barrier.wait()
        statuses[number] = action(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def test_only_one_of_many_creates(account, sessions):
    for turn in range(5):
        statuses = race(8, lambda n, turn=turn: account.put(
            f"new{turn}", bytes([n]), expect=(), session=sessions[n],
            headers={"If-None-Match": "*"}).status_code)
        assert sorted(statuses) == [201] + [412] * 7
        assert account.get(f"new{turn}").content == bytes([statuses.index(201)])


def test_only_one_of_many_replaces(account, etag, sessions):
    for turn in range(5):
        etag = account.etag("f")
        header = {"If-Match": etag} if turn % 2 else {"If": f"([{etag}])"}
        statuses = race(8, lambda n, header=header: account.put(
            "f", bytes([n]), expect=(), session=sessions[n], headers=header).status_code)
        assert sorted(statuses) == [204] + [412] * 7
        assert account.get("f").content == bytes([statuses.index(204)])


def test_only_one_of_many_moves(account, sessions):
    for turn in range(5):
        account.put("src", b"x")
        statuses = race(8, lambda n, turn=turn: account.move(
            "src", f"dst{turn}-{n}", expect=(), session=sessions[n]).status_code)
        assert sorted(statuses) == [201] + [404] * 7
    assert len(account.propfind("", depth=1).names()) == 5
