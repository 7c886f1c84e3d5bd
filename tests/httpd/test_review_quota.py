"""What is replaced counts for the quota."""


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
