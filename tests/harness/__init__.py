"""The tests' own small kit: a real httpd in a folder of its own (env), accounts on it (account),
WebDAV answers (dav) and the error log as part of each test (logs)."""
