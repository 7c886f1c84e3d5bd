"""A data directory is not served, whatever the host's configuration maps into it."""


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
