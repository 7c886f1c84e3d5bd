"""Locks (class 2): taking, refreshing, releasing, and that every method honours them."""

import random
import re
import threading

import pytest

from harness import shares
from harness.dav import error, lock_body


def lock(account, path, expect=(200, 201), scope="exclusive", depth=None, timeout=None, headers=None,
         owner="test", **kwargs):
    headers = dict(headers or {})
    if timeout:
        headers["Timeout"] = timeout
    answer = account.dav("LOCK", path, depth=depth, headers=headers, data=lock_body(owner, scope),
                         **kwargs)
    assert answer.status_code in expect, f"LOCK {path}: {answer.status_code} {answer.text[:300]}"
    return answer.headers.get("Lock-Token"), answer


def unlock(account, path, token, expect=(204,), **kwargs):
    answer = account.dav("UNLOCK", path, headers={"Lock-Token": token}, **kwargs)
    assert answer.status_code in expect, f"UNLOCK {path}: {answer.status_code} {answer.text[:300]}"
    return answer


def test_lock_and_unlock(account):
    account.put("f", b"x")
    token, answer = lock(account, "f", expect=(200,), timeout="Second-600", owner="<d:href>me</d:href>")
    assert re.fullmatch(r"<opaquelocktoken:[0-9a-f-]{36}>", token)
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    for part in ("<d:lockscope><d:exclusive/></d:lockscope>", "<d:locktype><d:write/></d:locktype>",
                 f"<d:lockroot><d:href>{account.path('f')}</d:href></d:lockroot>", "infinity</d:depth>",
                 "Second-600</d:timeout>", f"<d:href>{token[1:-1]}</d:href>", "me<"):
        assert part in answer.text, part
    account.put("f", b"y", expect=(423,))
    assert unlock(account, "f", token).content == b""
    account.put("f", b"y", expect=(204,))
    unlock(account, "f", token, expect=(409,))


def test_unlock_without_brackets(account):
    """Windows sends the token so, and scripts written for ownCloud do."""
    account.put("f", b"x")
    token, _ = lock(account, "f")
    unlock(account, "f", token[1:-1])
    account.put("f", b"y", expect=(204,))


def test_lock_without_a_type(account):
    """There is one only, and ownCloud does not ask for it."""
    account.put("f", b"x")
    body = "<d:lockinfo xmlns:d='DAV:'><d:lockscope><d:{}/></d:lockscope>{}</d:lockinfo>"
    odd = account.dav("LOCK", "f", data=body.format("shared", "<d:locktype><d:read/></d:locktype>"))
    assert odd.status_code == 400
    answer = account.dav("LOCK", "f", data=body.format("shared", ""))
    assert answer.status_code == 200
    assert "<d:locktype><d:write/></d:locktype>" in answer.text
    unlock(account, "f", answer.headers["Lock-Token"])


def test_lock_of_nothing_makes_an_empty_file(account):
    token, _ = lock(account, "new", expect=(201,))
    get = account.get("new")
    assert (get.status_code, get.content) == (200, b"")
    assert account.propfind("", depth=1).names() == ["new"]
    account.put("new", b"x", expect=(423,))
    account.put("new", b"x", expect=(204,), headers={"If": f"({token})"})
    unlock(account, "new", token)
    lock(account, "no/new", expect=(409,))


def test_lock_of_a_name_that_can_not_be(account):
    for name in ("*", ".htaccess"):
        lock(account, name, expect=(400, 403))
    assert account.propfind("", depth=1).names() == []


@pytest.mark.parametrize("value,granted", [("Second-300", 300), ("Infinite, Second-10", None),
                                           ("Second-99999999999999999999", None), ("nonsense", None),
                                           ("Extend, Second-77", 77), ("", None),
                                           ("Second--1", 86400), ("Infinite", 86400), ("Second-0", 1800),
                                           ("Second-, Second-5", 5)])
def test_timeouts(account, value, granted):
    account.put("f", b"x")
    token, answer = lock(account, "f", timeout=value)
    seconds = int(re.search(r"Second-(\d+)", answer.text).group(1))
    assert seconds == granted or (granted is None and 60 <= seconds <= 7 * 86400)
    unlock(account, "f", token)


def test_expiry(env, account):
    account.put("f", b"x")
    lock(account, "f", timeout="Second-1")
    from harness.env import wait_until
    wait_until(lambda: account.put("f", b"y", expect=()).status_code == 204, "the lock's end", 10)
    lock(account, "f", expect=(200,))


def test_refresh(account):
    account.put("f", b"x")
    token, _ = lock(account, "f", timeout="Second-100")
    answer = account.dav("LOCK", "f", headers={"If": f"({token})", "Timeout": "Second-500"})
    assert answer.status_code == 200
    assert "Second-500</d:timeout>" in answer.text
    assert token[1:-1] in answer.text
    assert account.dav("LOCK", "f").status_code == 400
    for value in ("(<opaquelocktoken:00000000-0000-0000-0000-000000000000>)", "(<urn:x>)"):
        assert account.dav("LOCK", "f", headers={"If": value}).status_code == 412


def test_refresh_of_a_folders_lock_from_below(account):
    account.mkcol("d")
    account.put("d/f", b"x")
    token, _ = lock(account, "d", depth="infinity", timeout="Second-100")
    answer = account.dav("LOCK", "d/f", headers={"If": f"({token})", "Timeout": "Second-500"})
    assert answer.status_code == 200
    assert f"<d:lockroot><d:href>{account.path('d')}" in answer.text


def test_bad_requests(account):
    account.put("f", b"x")
    for data in (b"<broken", b"<x/>", b'<d:lockinfo xmlns:d="DAV:"/>',
                 lock_body(scope="sideways"), lock_body().replace(b"write", b"read")):
        assert account.dav("LOCK", "f", data=data).status_code == 400, data
    assert account.dav("LOCK", "f", depth=1, data=lock_body()).status_code == 400
    assert account.dav("UNLOCK", "f").status_code == 400
    for token in ("", "x", "<>", "<opaquelocktoken:x", "opaquelocktoken:x>"):
        assert account.dav("UNLOCK", "f", headers={"Lock-Token": token}).status_code == 400, token
    unlock(account, "f", "<opaquelocktoken:bogus>", expect=(409,))
    unlock(account, "f", "opaquelocktoken:bogus", expect=(409,))
    unlock(account, "nothing", "<opaquelocktoken:bogus>", expect=(404, 409))
    account.put("f", b"y", expect=(204,))


def test_exclusive_excludes(account):
    account.put("f", b"x")
    token, _ = lock(account, "f")
    for scope in ("exclusive", "shared"):
        _, answer = lock(account, "f", expect=(423,), scope=scope)
        assert "Locked" in error(answer)[0] or "ConflictingLock" in error(answer)[0]
    unlock(account, "f", token)


def test_bodies_of_refusals(account):
    account.put("ü f", b"x")
    token, _ = lock(account, "ü f")
    path = account.path("ü f")
    for answer, exception, element in (
            (account.put("ü f", b"y", expect=(423,)), "Locked", "lock-token-submitted"),
            (account.delete("ü f", expect=(423,)), "Locked", "lock-token-submitted"),
            (lock(account, "ü f", expect=(423,))[1], "ConflictingLock", "no-conflicting-lock")):
        assert error(answer) == (f"Sabre\\DAV\\Exception\\{exception}", f"Locked by {account.id}")
        assert f"<d:{element}><d:href>{path}</d:href></d:{element}>" in answer.text
    answer = unlock(account, "ü f", "<opaquelocktoken:bogus>", expect=(409,))
    assert error(answer)[0] == "Sabre\\DAV\\Exception\\LockTokenMatchesRequestUri"
    assert "<d:lock-token-matches-request-uri/>" in answer.text
    unlock(account, "ü f", token)


def test_shared_locks(account):
    account.put("f", b"x")
    first, _ = lock(account, "f", scope="shared")
    second, _ = lock(account, "f", scope="shared")
    lock(account, "f", expect=(423,), scope="exclusive")
    account.put("f", b"y", expect=(423,))
    account.put("f", b"y", expect=(204,), headers={"If": f"({first})"})
    account.put("f", b"z", expect=(204,), headers={"If": f"({second})"})
    unlock(account, "f", first)
    account.put("f", b"y", expect=(423,))
    unlock(account, "f", second)
    account.put("f", b"y", expect=(204,))


def test_infinite_lock_covers_what_is_below(account):
    account.mkcol("d")
    account.mkcol("d/e")
    account.put("d/e/f", b"x")
    token, _ = lock(account, "d", depth="infinity")
    for action in (lambda **kw: account.put("d/e/f", b"y", **kw),
                   lambda **kw: account.put("d/e/new", b"y", **kw),
                   lambda **kw: account.mkcol("d/e/sub", **kw),
                   lambda **kw: account.delete("d/e/f", **kw),
                   lambda **kw: account.move("d/e/new", "d/e/newer", **kw)):
        action(expect=(423,) if "newer" not in str(action.__code__.co_consts) else (423, 404))
    lock(account, "d/e/f", expect=(423,))
    tag = f"<{account.path('d')}> ({token})"
    account.put("d/e/f", b"y", expect=(204,), headers={"If": tag})
    account.put("d/e/new", b"y", expect=(201,), headers={"If": tag})
    account.mkcol("d/e/sub", headers={"If": tag})
    account.move("d/e/new", "d/e/newer", headers={"If": tag})
    account.delete("d/e/f", headers={"If": tag})
    unlock(account, "d", token)


def test_lock_above_a_locked_file(account):
    account.mkcol("d")
    account.put("d/f", b"x")
    token, _ = lock(account, "d/f")
    lock(account, "d", expect=(207, 423), depth="infinity")
    folder, _ = lock(account, "d", depth=0)
    account.delete("d", expect=(207, 423), headers={"If": f"({folder})"})
    account.move("d", "e", expect=(207, 423), headers={"If": f"({folder})"})
    unlock(account, "d/f", token)
    account.delete("d", headers={"If": f"({folder})"})


def test_depth_0_lock_of_a_folder(account):
    account.mkcol("d")
    account.put("d/f", b"x")
    token, _ = lock(account, "d", depth=0)
    account.put("d/f", b"y", expect=(204,))
    account.put("d/new", b"x", expect=(423,))
    account.delete("d/f", expect=(423,))
    account.mkcol("d/sub", expect=(423,))
    tag = {"If": f"<{account.path('d')}> ({token})"}
    account.put("d/new", b"x", expect=(201,), headers=tag)
    account.put("d/newer", b"x", expect=(201,), headers={"If": f"({token})"})
    account.delete("d/f", headers=tag)
    unlock(account, "d", token)


def test_locks_do_not_move_and_are_not_copied(account):
    account.put("f", b"x")
    token, _ = lock(account, "f")
    account.copy("f", "copy", expect=(201,))
    account.put("copy", b"y", expect=(204,))
    account.move("f", "moved", expect=(423,))
    account.move("f", "moved", expect=(201,), headers={"If": f"({token})"})
    account.put("moved", b"y", expect=(204,))
    account.put("f", b"new", expect=(201,))


def test_lock_of_the_destination(account):
    account.put("a", b"a")
    account.put("b", b"b")
    token, _ = lock(account, "b")
    for method in (account.copy, account.move):
        method("a", "b", expect=(423,))
    tag = {"If": f"<{account.path('b')}> ({token})"}
    account.copy("a", "b", expect=(204,), headers=tag)
    account.move("a", "b", expect=(204,), headers=tag)


def test_token_of_the_destinations_folder_in_a_list_without_a_tag(account):
    account.mkcol("locked")
    account.mkcol("free")
    account.put("free/f", b"x")
    token, _ = lock(account, "locked")
    wrong, _ = lock(account, "free", depth=0)
    untagged = {"If": f"({token})"}
    account.move("free/f", "locked/f", expect=(412, 423), headers={"If": f"({wrong})"})
    account.copy("free/f", "locked/g", expect=(201,), headers=untagged)
    unlock(account, "free", wrong)
    account.move("free/f", "locked/f", expect=(412,), headers={"If": f"(Not {token})"})
    account.move("free/f", "locked/f", expect=(201,), headers=untagged)
    assert account.get("locked/f").content == b"x"


def test_proppatch_and_locks(account):
    account.put("f", b"x")
    token, _ = lock(account, "f")
    assert account.dav("PROPPATCH", "f", data=b'<propertyupdate xmlns="DAV:"><set><prop><x xmlns="u:"/>'
                       b"</prop></set></propertyupdate>").status_code == 423
    account.proppatch("f", {"{u:}x": "1"}, headers={"If": f"({token})"})


def test_a_lock_is_seen_under_both_names(account):
    account.put("f", b"x")
    token, _ = lock(account, "f", space="webdav")
    account.put("f", b"y", expect=(423,), space="files")
    account.put("f", b"y", expect=(204,), space="files",
                headers={"If": f"<{account.path('f', 'webdav')}> ({token})"})
    unlock(account, "f", token, space="files")


def test_lockdiscovery(account):
    account.mkcol("d")
    account.put("d/f", b"x")
    token, _ = lock(account, "d", depth="infinity", owner="<d:href>owner</d:href>")
    props = ("d:lockdiscovery", "d:supportedlock")
    for path in ("d", "d/f"):
        entry = account.propfind(path, props=props).first
        text = "".join(entry.elements["d:lockdiscovery"].itertext())
        assert token[1:-1] in text and "owner" in text and account.path("d").rstrip("/") in text
        assert len(entry.elements["d:supportedlock"]) == 2
    unlock(account, "d", token)
    assert len(account.propfind("d", props=props).first.elements["d:lockdiscovery"]) == 0


def test_owner_is_given_back_as_sent(account):
    account.put("f", b"x")
    for owner in ("a &amp; b", "<x:y xmlns:x=\"urn:x\" z=\"1\">t</x:y>", "ü", ""):
        token, answer = lock(account, "f", owner=owner)
        assert answer.status_code == 200
        inner = re.search(r"<d:owner>(.*)</d:owner>", answer.text)
        assert owner == "" or (inner and ("a &amp; b" in inner[1] or "urn:x" in inner[1]
                                          or "ü" in inner[1]))
        unlock(account, "f", token)


def test_tokens_count_only_for_their_owner(env, account):
    other = env.account()
    other.put("f", b"x")
    account.put("f", b"x")
    foreign, _ = lock(other, "f")
    own, _ = lock(account, "f")
    account.put("f", b"y", expect=(412, 423), headers={"If": f"({foreign})"})
    unlock(account, "f", foreign, expect=(403, 409))
    account.put("f", b"y", expect=(204,), headers={"If": f"({own})"})
    other.put("f", b"y", expect=(423,))


def test_groups_that_may_end_locks_of_others(env, account):
    breaker, other, reader = env.account(), env.account(), env.account()
    group = shares.group(env, f"breakers of {account.id}", breaker, reader)
    env.cloudctl("config", "set", "core", "lock-breaker-groups", f'["{group}"]')
    try:
        account.mkcol("locked")
        account.mkcol("alone")
        for who, permissions in ((breaker, 15), (other, 15), (reader, 1)):
            shares.share(account, "locked", who, permissions=permissions)
        token, _ = lock(account, "locked")
        unlock(other, "locked", token, expect=(403,))
        unlock(reader, "locked", token, expect=(403,))
        breaker.put("locked/f", b"x", expect=(423,))
        unlock(breaker, "locked", token)
        breaker.put("locked/f", b"x", expect=(201,))
        token, _ = lock(account, "alone")
        unlock(breaker, "alone", token, expect=(404, 409))
        account.put("alone/f", b"x", expect=(423,))
    finally:
        env.cloudctl("config", "delete", "core", "lock-breaker-groups")


def test_locks_survive_a_restart(env, account):
    account.put("f", b"x")
    token, _ = lock(account, "f")
    env.restart()
    account.put("f", b"y", expect=(423,))
    account.put("f", b"y", expect=(204,), headers={"If": f"({token})"})


def test_lock_of_the_root(account):
    token, _ = lock(account, "", depth="infinity")
    account.put("f", b"x", expect=(423,))
    account.put("f", b"x", expect=(201,), headers={"If": f"<{account.path('')}> ({token})"})
    unlock(account, "", token)


def test_twenty_clients_on_one_tree(env, account):
    """Each locks, writes with its token and unlocks, all on the same few resources. What may happen:
    a lock is refused with 423 while another holds one; nothing else."""
    account.mkcol("t")
    for folder in range(3):
        account.mkcol(f"t/{folder}")
        for name in range(3):
            account.put(f"t/{folder}/{name}", b"x")
    wrong, done = [], []

    def check(answer, allowed, what):
        if answer.status_code not in allowed:
            wrong.append(f"{what}: {answer.status_code} {answer.text[:200]}")
        return answer.status_code in allowed

    def client(number):
        try:
            work(random.Random(number), number)
        except Exception as err:  # pylint: disable=broad-except
            wrong.append(repr(err))

    def work(rng, number):
        with account.session() as session:
            # The event MPM closes idle connections when all its threads are busy
            session.headers["Connection"] = "close"
            for _ in range(15):
                folder, name = rng.randrange(3), rng.randrange(4)
                whole = rng.random() < 0.25
                path = f"t/{folder}" if whole else f"t/{folder}/{name}"
                scope = rng.choice(("exclusive", "exclusive", "shared"))
                answer = account.dav("LOCK", path, depth="infinity", session=session,
                                     data=lock_body(str(number), scope))
                if not check(answer, (200, 201, 423), f"LOCK {path}") or answer.status_code == 423:
                    continue
                token = answer.headers["Lock-Token"]
                tag = {"If": f"<{account.path(path)}> ({token})"}
                target = f"t/{folder}/{name % 3}" if whole else path
                # Somebody's shared lock beside ours is satisfied by our own token
                check(account.put(target, b"y" * rng.randrange(100), expect=(), headers=tag,
                                  session=session), (201, 204), f"PUT {target}")
                check(account.dav("UNLOCK", path, headers={"Lock-Token": token}, session=session),
                      (204,), f"UNLOCK {path}")
                done.append(path)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, "\n".join(wrong[:10])
    assert len(done) > 20
    # Nothing is left behind
    lock(account, "t", depth="infinity", expect=(200,))
