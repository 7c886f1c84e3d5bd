"""What is replaced counts for the quota; who has no room makes nothing."""

from harness import shares
from harness.dav import error


def test_copy_over_something_larger_fits(env):
    account = env.account(quota="100")
    account.put("small", b"s" * 40)
    account.put("large", b"l" * 50)
    account.copy("small", "large", expect=(204,))
    assert account.get("large").content == b"s" * 40
    account.put("large", b"l" * 50)
    account.copy("large", "small", expect=(204,))
    assert account.prop("", "oc:size") == "100"
    account.copy("large", "third", expect=(507,))
    account.put("large", b"l" * 51, expect=(507,))
    account.delete("small")
    account.mkcol("folder")
    account.put("folder/file", b"f" * 30)
    account.copy("folder", "large", expect=(204,))
    assert account.prop("", "oc:size") == "60"
    account.copy("folder", "twice", expect=(201,))
    account.copy("folder", "thrice", expect=(507,))
    assert sorted(account.propfind("", depth=1).names()) == ["folder", "large", "twice"]


def test_who_has_no_room_makes_nothing_empty_either(env):
    full, giver = env.account(), env.account()
    full.put("old", b"ten bytes.")
    full.put("empty", b"")
    giver.mkcol("given")
    giver.put("given/empty", b"")
    shares.share(full, "old", giver)
    full.mkcol("shared")
    shares.share(full, "shared", giver, permissions=15)
    env.cloudctl("account", "quota", full.id, "10 B")
    for refused in (full.put("new", b"", expect=(507,)), giver.put("shared/new", b"", expect=(507,)),
                    giver.copy("given/empty", "shared/copy", expect=(507,)),
                    giver.copy("given", "shared/given", expect=(507,)),
                    full.copy("empty", "other", expect=(507,)), full.mkcol("folder", expect=(507,))):
        assert error(refused)[0] == r"Sabre\DAV\Exception\InsufficientStorage"
    assert sorted(full.propfind("", 1).names()) == ["empty", "old", "shared"]
    assert full.propfind("shared", 1).names() == []
    full.put("empty", b"", expect=(204,))
    full.put("old", b"", expect=(204,))
    full.put("new", b"", expect=(201,))
