"""A desktop client deletes and overwrites a lot, and gets it back when the server takes that back."""

import json

from desktop import assert_same, other, same_everywhere
from harness.env import wait_until


def test_a_mass_change_is_synced_back(new_env, computer):
    env = new_env()  # of its own: what others deleted shortly before counts too
    env.config("CloudMassChangeFiles 20\nCloudMassChangeTime 3600\n")
    env.start()
    account = env.account()
    first = computer(account)
    for i in range(30):
        first.write(f"photos/{i}.jpg", mtime=1500000000 + i)
        first.write(f"letters/{i}.txt", mtime=1500000000 + i)
    first.write("note.txt", b"a note\n")
    first.sync()
    second = computer(account, other(first.kind))
    second.sync()
    before = same_everywhere(account, first, second)

    env.expect_log(r"mass change in the files of " + account.id)
    for i in range(30):
        first.edit(f"letters/{i}.txt")
        first.path(f"photos/{i}.jpg").unlink()
    first.path("photos").rmdir()
    first.write("letters/READ ME.txt", b"pay me")
    first.sync()
    second.sync()
    assert same_everywhere(account, first, second) != before

    def marks():
        return [batch for batch in json.loads(env.cloudctl(
            "--json", "batches", "list", "--account", account.id).stdout)
            if batch["kind"] == "mass" and batch["files"] >= 60]

    wait_until(marks, "the mark")
    env.cloudctl("batches", "undo", marks()[0]["batch"])
    second.sync()
    first.sync()
    assert_same(same_everywhere(account, first, second), before, "after the undoing")
