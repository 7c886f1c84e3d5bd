"""The mod_dav provider "cloud", as other DAV modules use it (mod_test_provider.c plays one)."""

from pathlib import Path

import pytest

from harness.module import compile_module

SOURCE = Path(__file__).with_name("mod_test_provider.c")


@pytest.fixture(name="provider", scope="module")
def fixture_provider(module_env):
    module = compile_module(SOURCE, module_env.home)
    module_env.config(before=f"LoadModule test_provider_module {module}")
    return module_env


@pytest.fixture(name="ask")
def fixture_ask(provider, account):
    def ask(test, path="", target=None, space="files", expect=200, **headers):
        headers = {"X-Test": test, **headers}
        if target is not None:
            headers["X-Test-Target"] = account.path(target)
        answer = account.dav("GET", path, space=space, headers=headers)
        assert answer.status_code == expect, f"{test} {path}: {answer.status_code} {answer.text}"
        return answer.text

    return ask


def test_look(account, ask):
    account.mkcol("d")
    etag = account.put("d/f", b"x").headers["ETag"]
    base = f"/remote.php/dav/files/{account.id}"
    assert ask("look", "d/f") == f"exists 1 collection 0 etag {etag} uri {base}/d/f parent {base}/d"
    assert ask("look", "d").startswith("exists 1 collection 1")
    assert ask("look", "d").endswith(f"parent {base}")
    assert ask("look", "").endswith("parent -")
    assert ask("look", "no").startswith("exists 0 collection 0 etag  ")
    account.mkcol("s", space="uploads")
    assert ask("look", "s", space="uploads").startswith("exists 1 collection 1")
    assert ask("look", "t", space="uploads").startswith("exists 0")
    assert ask("look", "", space="uploads").startswith("exists 1 collection 1")


def test_other_peoples_resources(provider, account):
    other = provider.account()
    other.put("f", b"x")
    for test in ("look", "put", "remove", "walk"):
        answer = provider.http("GET", other.path("f"), account, headers={"X-Test": test})
        assert answer.status_code == 404
    assert other.get("f").content == b"x"


def test_put(account, ask):
    ask("put", "f")
    assert account.get("f").content == b"from a module"
    account.put("f", b"old")
    ask("put-abort", "f")
    ask("put-range", "f", expect=501)
    ask("seek", "f", expect=501)
    ask("put", "no/f", expect=409)
    ask("put", "f", expect=412, **{"If-Match": '"x"'})
    assert account.get("f").content == b"old"
    ask("put", "f", **{"If-Match": account.etag("f")})
    assert account.get("f").content == b"from a module"
    ask("put", "s/0", space="uploads", expect=403)


def test_locks_are_honoured(account, ask):
    from harness.dav import lock_body
    account.put("f", b"old")
    token = account.dav("LOCK", "f", data=lock_body()).headers["Lock-Token"]
    ask("put", "f", expect=423)
    ask("remove", "f", expect=423)
    ask("put", "f", If=f"({token})")


def test_collections_and_removal(account, ask):
    ask("mkcol", "d")
    ask("mkcol", "d", expect=405)
    ask("mkcol", "no/d", expect=409)
    assert account.propfind("", depth=1).names() == ["d"]
    ask("remove", "d")
    ask("remove", "d", expect=404)
    ask("remove", "", expect=403)
    assert account.propfind("", depth=1).names() == []


def test_copy_and_move(account, ask):
    account.mkcol("d")
    account.put("d/f", b"content")
    ask("copy", "d", "e")
    assert account.get("e/f").content == b"content"
    fileid = account.prop("d/f", "oc:id")
    account.put("g", b"replaced")
    ask("move", "d/f", "g")
    assert account.get("g").content == b"content"
    assert account.prop("g", "oc:id") == fileid
    ask("move", "g", "no/g", expect=409)
    assert account.propfind("", depth=1).names() == ["d", "e", "g"]


def test_relations(account, ask):
    assert ask("related", "a", "a/b") == "same 0 parent 1"
    assert ask("related", "a", "a") == "same 1 parent 0"
    assert ask("related", "a", "ab") == "same 0 parent 0"
    assert ask("related", "", "a") == "same 0 parent 1"
    assert ask("related", "a", "a", space="webdav") == "same 1 parent 0"


def test_walk(account, ask):
    for path in ("d", "d/e"):
        account.mkcol(path)
    for path in ("a", "d/b", "d/e/c"):
        account.put(path, b"x")
    base = f"/remote.php/dav/files/{account.id}"
    lines = [f"{base}/", f"{base}/a", f"{base}/d/", f"{base}/d/b", f"{base}/d/e/", f"{base}/d/e/c"]
    assert ask("walk").split() == lines
    assert ask("walk", Depth="0").split() == lines[:1]
    assert ask("walk", Depth="1").split() == lines[:3]
    assert ask("walk", "d/b").split() == [f"{base}/d/b"]
