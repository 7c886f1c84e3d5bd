"""A data directory is not served, whatever the host's configuration maps into it."""

import shutil

from harness.env import USER


def test_data_directory_is_not_reachable_by_url(env, account):
    account.put("f", b"mine")
    env.expect_log("lies in the CloudDataDir")
    env.config(f'''
AliasMatch "^/leak(.*)$" "{env.data}$1"
AliasMatch "^/fine(.*)$" "{env.home}/htdocs$1"
<Directory "{env.data}">
    Require all granted
    Options +Indexes +FollowSymLinks
</Directory>''')
    (env.home / "htdocs/page").write_bytes(b"page")
    for path in ("", "/", "/cloud.db", "/.cloud/marker", f"/accounts/{account.id}/files/f",
                 "/missing"):
        for method in ("GET", "HEAD", "POST"):
            answer = env.http(method, f"leak{path}")
            assert answer.status_code == 403, path
            assert b"mine" not in answer.content
    assert env.http("GET", "fine/page").content == b"page"
    assert account.get("f").content == b"mine"


def links(env):
    """Symlinks in the document root, below exposed/, that lead into the data directory."""
    data, root = env.data, env.home / "htdocs/exposed"
    (root / "deep").mkdir(parents=True)
    (root / "plain").mkdir()
    (root / "plain/page").write_bytes(b"page")
    for name, target in (("all", data), ("users", data / "accounts"), ("db", data / "cloud.db"),
                         ("deep/marker", data / ".cloud/marker"), ("twice", root / "users"),
                         ("relative", f"../../{data.name}"), ("above", env.home),
                         ("fine", root / "plain"), ("dangling", root / "nowhere")):
        (root / name).symlink_to(target)


FOLLOW = '''
<Directory "{home}">
    Require all granted
    Options +Indexes +FollowSymLinks
</Directory>'''


def test_symlinks_in_a_document_root_do_not_lead_into_the_data_directory(env, account):
    account.put("f", b"mine")
    env.expect_log("lies in the CloudDataDir")
    links(env)
    env.config(FOLLOW.format(home=env.home))
    mine = f"{account.id}/files/f"
    for path in ("all", "all/", "all/cloud.db", "all/cloud.db/info", f"all/accounts/{mine}",
                 "all/missing", f"users/{mine}", "db", "deep/marker", f"twice/{mine}",
                 f"relative/accounts/{mine}", f"above/{env.data.name}/accounts/{mine}"):
        for method in ("GET", "HEAD", "POST"):
            answer = env.http(method, f"exposed/{path}")
            assert answer.status_code == 403, (method, path)
            assert b"mine" not in answer.content
    assert env.http("GET", "exposed/fine/page").content == b"page"
    assert env.http("GET", "exposed/plain/page").content == b"page"
    env.expect_log("Symbolic link not allowed or link target not accessible: .*/dangling")
    assert env.http("GET", "exposed/dangling").status_code in (403, 404)
    assert env.http("GET", "exposed/nothing").status_code == 404
    assert account.get("f").content == b"mine"


def test_an_index_file_that_is_a_symlink(env, account):
    """mod_dir asks for it in a request of its own."""
    account.put("f", b"mine")
    env.expect_log("lies in the CloudDataDir")
    (env.home / "htdocs/index-link").mkdir()
    (env.home / "htdocs/index-link/index.html").symlink_to(
        env.data / "accounts" / account.id / "files/f")
    env.config(FOLLOW.format(home=env.home) + "\nDirectoryIndex index.html\n")
    answer = env.http("GET", "index-link/")
    assert answer.status_code == 403
    assert b"mine" not in answer.content


def test_a_database_elsewhere_is_not_reachable_by_a_symlink(new_env):
    """Nor what SQLite keeps beside it."""
    server = new_env()
    place = server.home / "database"
    place.mkdir()
    if server.root:
        shutil.chown(place, USER, USER)
    server.config(f'CloudDatabase "{place}/cloud.db"')
    server.start()
    server.expect_log("lies in the CloudDataDir")
    (server.home / "htdocs/db").symlink_to(place)
    for name in ("cloud.db", "cloud.db-wal", "cloud.db-shm"):
        assert server.http("GET", f"db/{name}").status_code == 403, name
    (place / "beside").write_bytes(b"page")
    assert server.http("GET", "db/beside").content == b"page"


def test_a_listing_leaves_out_what_leads_into_the_data_directory(env):
    (env.home / "htdocs/listed").mkdir()
    (env.home / "htdocs/listed/link").symlink_to(env.data)
    (env.home / "htdocs/listed/shown").write_bytes(b"page")
    env.config(FOLLOW.format(home=env.home))
    env.expect_log("lies in the CloudDataDir")
    listing = env.http("GET", "listed/").text
    assert 'href="shown"' in listing and 'href="link' not in listing
