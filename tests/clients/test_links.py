"""Public links with stock clients: the token is the name of the login, or part of the address."""

import random
import re
from types import SimpleNamespace

import pytest

from desktop import assert_same
from harness import trees
from harness.links import Link

PASSWORD = "publicPass1"


@pytest.fixture(name="shared")
def fixture_shared(account):
    """A folder to be shared, beside something that is not."""
    account.mkcol("shared")
    account.mkcol("shared/sub")
    account.put("shared/sub/Größe & more.txt", b"content")
    account.put("secret", b"nobody's business")
    return account


def visitor(link):
    """Looks to the clients like an account: its files are those of the link."""
    return SimpleNamespace(id=link.token, password=PASSWORD, env=link.env,
                           url=lambda: link.env.origin + link.path("", "webdav"))


def below_shared(account):
    return {path.removeprefix("shared/"): what for path, what in trees.remote(account).items()
            if path.startswith("shared/")}


def test_rclone(shared, clients):
    link = visitor(Link(shared, "shared", 15, password=PASSWORD))
    folder = clients.folder("local")
    clients.rclone(link, "copy", "cloud:", folder)
    assert (folder / "sub/Größe & more.txt").read_bytes() == b"content"
    for number in range(30):
        (folder / f"sub/{number}").write_bytes(random.randbytes(1000 * number))
    (folder / "new folder/deep").mkdir(parents=True)
    (folder / "new folder/deep/x").write_bytes(b"x")
    clients.rclone(link, "sync", folder, "cloud:")
    clients.rclone(link, "check", "--download", folder, "cloud:")
    assert_same(trees.local(folder), below_shared(shared))
    (folder / "sub/1").unlink()
    (folder / "sub/2").rename(folder / "moved")
    clients.rclone(link, "sync", "--track-renames", folder, "cloud:")
    assert_same(trees.local(folder), below_shared(shared))
    assert shared.get("secret").content == b"nobody's business"


def test_rclone_may_only_read(shared, clients):
    link = visitor(Link(shared, "shared", 1, password=PASSWORD))
    folder = clients.folder("local")
    (folder / "new").write_bytes(b"new")
    assert "sub/Größe & more.txt" in clients.rclone(link, "lsf", "-R", "cloud:").stdout
    for command in (("copy", folder, "cloud:"), ("delete", "cloud:sub"), ("mkdir", "cloud:d")):
        done = clients.rclone(link, *command, "--retries", "1", "--low-level-retries", "1",
                              check=False)
        assert done.returncode != 0, command
    assert sorted(below_shared(shared)) == ["sub", "sub/Größe & more.txt"]


def test_cadaver(shared, clients):
    link = visitor(Link(shared, "shared", 15, password=PASSWORD))
    folder = clients.folder("local")
    (folder / "a file.txt").write_bytes(b"a file\n" * 1000)
    output = clients.cadaver(link, "\n".join((
        f"lcd {folder}", "ls", "put 'a file.txt'", "mkcol d", "copy 'a file.txt' d/copy",
        "move d/copy d/moved", "get 'a file.txt' back.txt", "delete 'a file.txt'", "quit", "")))
    assert not re.search("failed|error|could not", output.stdout, re.I), output.stdout
    assert (folder / "back.txt").read_bytes() == b"a file\n" * 1000
    assert sorted(below_shared(shared)) == ["d", "d/moved", "sub", "sub/Größe & more.txt"]


def test_curl(shared, clients):
    link = Link(shared, "shared", 4, password=PASSWORD)
    (clients.home / "data").write_bytes(b"dropped by curl")
    url = link.env.origin + link.path("report.txt")
    for number in (201, 201):
        done = clients.run(["curl", "-sS", "-w", "%{http_code}", "-u", f"public:{PASSWORD}", "-T",
                            clients.home / "data", url])
        assert done.stdout == str(number)
    done = clients.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-u",
                        f"public:{PASSWORD}", url])
    assert done.stdout == "404"
    assert shared.get("shared/report (2).txt").content == b"dropped by curl"
