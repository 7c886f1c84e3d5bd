"""Rules of the source tree that can be checked by reading it."""

import re
import subprocess

import pytest

from harness.env import BUILD, SRC

HTTPD_HEADER = re.compile(r'#\s*include\s*[<"](httpd|http_\w+|ap_\w+|mod_\w+|util_\w+)\.h[">]')


def sources(*folders):
    for folder in folders:
        for path in sorted((SRC / folder).rglob("*.[ch]")):
            yield path, path.read_text("utf-8")


def test_the_library_knows_no_httpd():
    found = [f"{path.relative_to(SRC)}: {match.group(0)}"
             for path, text in sources("modules/core", "tools", "tests/unit")
             for match in HTTPD_HEADER.finditer(text)]
    assert not found


#: What only the verbs may touch
STORAGE = re.compile(r"\b(cloud_db_\w+|cloud_stmt_\w+|cloud_col_\w+|cloud_tree_\w+|cloud_storage_\w+|"
                     r"cloud_journal_\w+|sqlite3_\w+|open|openat|openat2|creat|fopen|unlink|unlinkat|"
                     r"rename|renameat|renameat2|mkdir|mkdirat|rmdir|stat|fstatat|apr_file_open|"
                     r"apr_file_remove|apr_file_rename|apr_dir_\w+|apr_stat)\s*\(|SELECT |INSERT INTO|"
                     r'#include "(internal|db)\.h"')


def test_only_verbs_read_tables_and_files():
    found = []
    for path, text in sources("modules"):
        # the layers in front of the verbs, and the glue of each feature
        if path.parent.name not in ("dav", "ocs") and not path.name.startswith("mod_cloud_"):
            continue
        if path.name == "spool.c":  # its file is the answer's own
            continue
        code = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        found += [f"{path.relative_to(SRC)}: {match.group(0)}" for match in STORAGE.finditer(code)]
    assert not found


@pytest.fixture(name="directives", scope="module")
def fixture_directives():
    names = {match.group(1) for _, text in sources("modules")
             for match in re.finditer(r'AP_INIT_\w+\(\s*"(\w+)"', text)}
    assert "CloudEngine" in names
    return names


def test_every_directive_is_in_the_configuration(directives):
    conf = (SRC / "conf.d/cloud.conf").read_text("utf-8")
    missing = [name for name in sorted(directives)
               if not re.search(rf"^\s*#?{name}\b", conf, re.M)]
    assert not missing, "conf.d/cloud.conf does not show these directives"


def test_directives_are_those_that_are_documented(directives):
    named = {path: set(re.findall(r"\bCloud[A-Z]\w+", path.read_text("utf-8")))
             for path in (SRC / "README.md", *sorted((SRC / "docs").glob("*.*")),
                          *sorted((SRC / "conf.d").glob("*.conf")))}
    missing = sorted(directives - named[SRC / "docs/directives.md"])
    assert not missing, "docs/directives.md does not tell of these directives"
    unknown = {path.name: names - directives for path, names in named.items() if names - directives}
    assert not unknown, "no module has these directives"


def test_every_setting_is_read():
    code = "\n".join(text for _, text in sources("modules", "tools"))
    settings = re.findall(r'\{\s*"([\w-]+)",\s*"([\w.-]+)",\s*CLOUD_SET_', code)
    assert ("files", "default_quota") in settings
    unread = [f"{app} {key}" for app, key in settings if code.count(f'"{key}"') < 2]
    assert not unread, "declared, but nothing asks for them"


def test_every_module_exports_its_record_alone():
    for path in sorted((BUILD / ".libs").glob("mod_*.so")):
        names = subprocess.run(["nm", "-D", "--defined-only", str(path)], capture_output=True,
                               text=True, check=True).stdout.split()[2::3]
        ours = [name for name in names if not name.startswith("__")]
        assert ours == [path.stem.replace("mod_", "", 1) + "_module"], path.name


def test_nothing_generated_is_kept():
    if not (SRC / ".git").exists():
        pytest.skip("not a git checkout")
    done = subprocess.run(["git", "-C", str(SRC), "-c", "safe.directory=*", "ls-files", "-ci",
                           "--exclude-standard"], capture_output=True, text=True, check=True)
    assert done.stdout == ""


