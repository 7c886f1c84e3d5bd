"""Names that outsiders made are printed without being obeyed."""

import os


def test_control_characters_do_not_reach_the_terminal(env, account):
    files = os.fsencode(env.data / "accounts" / account.id / "files")
    for name in (b"esc\x1b[31mred", b"two\nlines", b"c1\xc2\x9b31m"):
        with open(files + b"/" + name, "wb"):
            pass
    out = env.cloudctl("scan", "--account", account.id, "--verbose").stdout
    assert "esc?[31mred" in out and "two?lines" in out
    assert not any(ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0 for c in out.replace("\n", ""))
    out = env.cloudctl("fsck", check=False).stdout
    assert not any(ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0 for c in out.replace("\n", ""))
