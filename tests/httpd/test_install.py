"""make install: what a packager gets."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness.env import BUILD, SRC, config_env


@pytest.fixture(name="build", scope="module")
def fixture_build():
    """A copy of the build directory. To install is to link anew what is in it, while servers of other
    tests may start from there. It lies beside, as its way to the sources may be a relative one."""
    if config_env().get("PRELOAD"):
        pytest.skip("nobody installs what a sanitizer is in")
    copy = Path(tempfile.mkdtemp(prefix=f"{BUILD.name}-install-", dir=BUILD.parent))
    shutil.copytree(BUILD, copy, symlinks=True, dirs_exist_ok=True)
    for path in (copy / "Makefile", copy / "config.status", *copy.glob("*.la")):
        before = path.stat()
        path.write_text(path.read_text("utf-8").replace(f"{BUILD}", f"{copy}"), "utf-8")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    yield copy
    shutil.rmtree(copy)


def make(build, *args):
    done = subprocess.run(["make", "-s", "-C", str(build), *args], capture_output=True, text=True,
                          check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


def test_install_below_destdir(build, tmp_path):
    make(build, "install", f"DESTDIR={tmp_path}")
    check_installed(tmp_path)

    # An administrator's configuration is kept
    conf = tmp_path / "usr/local/etc/mod_cloud/conf.d/cloud.conf"
    conf.write_text("# mine\n")
    make(build, "install", f"DESTDIR={tmp_path}")
    assert conf.read_text() == "# mine\n"
    assert (conf.parent / "cloud.conf.new").read_bytes() == \
        (SRC / "conf.d/cloud.conf").read_bytes()
    make(build, "uninstall", f"DESTDIR={tmp_path}")
    assert conf.read_text() == "# mine\n"


def check_installed(tmp_path):
    modules = tmp_path / config_env()["HTTPD_MODULES"].lstrip("/")
    names = sorted(path.name for path in modules.iterdir())
    assert names == ["mod_authn_cloud.so", "mod_cloud.so", "mod_cloud_archive.so",
                     "mod_cloud_avatars.so", "mod_cloud_dav.so", "mod_cloud_guard.so",
                     "mod_cloud_links.so", "mod_cloud_login.so",
                     "mod_cloud_notifications.so", "mod_cloud_oauth2.so", "mod_cloud_ocs.so",
                     "mod_cloud_provisioning.so", "mod_cloud_shares.so", "mod_cloud_signedurl.so",
                     "mod_cloud_trash.so", "mod_cloud_versions.so",
                     "mod_cloud_web.so"]
    installed = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")
                 if not path.is_dir()}
    assert "usr/local/sbin/cloudctl" in installed
    assert "usr/local/lib/mod_cloud/libcloud.so.0" in installed
    assert "usr/local/share/man/man8/cloudctl.8" in installed
    confs = {path.name for path in (SRC / "conf.d").iterdir()}
    assert confs == {path.name for path in (tmp_path / "usr/local/etc/mod_cloud/conf.d").iterdir()}
    assert not [name for name in installed if name.endswith((".la", ".a", ".h"))]

    # Found where it will be, not where it was built
    for path in [*modules.iterdir(), tmp_path / "usr/local/sbin/cloudctl"]:
        dynamic = subprocess.run(["readelf", "-d", str(path)], capture_output=True, text=True,
                                 check=True).stdout
        assert "[libcloud.so.0]" in dynamic, path
        assert "/usr/local/lib/mod_cloud" in dynamic, path
        assert str(BUILD) not in dynamic, path  # nor the copy, which begins like it


def test_a_distribution_has_every_file(build, tmp_path):
    if not (SRC / ".git").exists():
        pytest.skip("not a git checkout")
    tracked = subprocess.run(["git", "-C", str(SRC), "-c", "safe.directory=*", "ls-files"],
                             capture_output=True, text=True, check=True).stdout.split("\n")
    dist = tmp_path / "dist"
    make(build, "distdir", f"distdir={dist}")
    missing = [name for name in tracked if name and not name.startswith(".ci/")
               and name != ".gitignore" and not (dist / name).exists()]
    assert not missing
