"""The same over HTTP/2: files are handed from thread to thread there."""

import hashlib
import subprocess

import pytest


@pytest.fixture(name="h2", scope="module")
def fixture_h2(module_env):
    version = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout
    if "HTTP2" not in version:
        pytest.skip("curl has no HTTP/2")
    module_env.config("Protocols h2c http/1.1", modules=("http2",))
    return module_env


def start(account, *args):
    """curl with an account's login; it writes version, status and sizes to stdout."""
    # pylint: disable=consider-using-with
    return subprocess.Popen(
        ["curl", "-sS", "--http2-prior-knowledge", "-u", f"{account.id}:{account.password}", "-w",
         "%{http_version} %{http_code} %{size_download}", *args],
        stdout=subprocess.PIPE, text=True)


def curl(account, *args):
    process = start(account, *args)
    return process.communicate(timeout=120)[0].split()


def test_files_up_and_down(h2, account, tmp_path):
    data = bytes(range(256)) * 40000
    source = tmp_path / "source"
    source.write_bytes(data)
    assert curl(account, "-T", str(source), account.url("f"), "-o", "/dev/null") == ["2", "201", "0"]
    outs = [tmp_path / f"out{number}" for number in range(6)]
    running = [start(account, account.url("f"), "-o", str(out)) for out in outs]
    for process in running:
        assert process.communicate(timeout=120)[0].split() == ["2", "200", str(len(data))]
    for out in outs:
        assert hashlib.sha256(out.read_bytes()).digest() == hashlib.sha256(data).digest()
    out = tmp_path / "part"
    assert curl(account, "-r", "1000-2999", account.url("f"), "-o", str(out)) == ["2", "206", "2000"]
    assert out.read_bytes() == data[1000:3000]
    assert curl(account, "-X", "MOVE", "-H", f"Destination: {account.path('g')}", account.url("f"),
                "-o", "/dev/null") == ["2", "201", "0"]
    assert curl(account, "-I", account.url("g"), "-o", "/dev/null")[:2] == ["2", "200"]


def test_download_broken_off(h2, account, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(bytes(20 << 20))
    curl(account, "-T", str(source), account.url("f"))
    for _ in range(3):
        process = start(account, "--limit-rate", "1M", account.url("f"), "-o", str(tmp_path / "out"))
        while not (tmp_path / "out").exists() and process.poll() is None:
            pass
        process.kill()
        process.communicate()
        (tmp_path / "out").unlink()
    assert curl(account, account.url("f"), "-o", str(tmp_path / "out")) == ["2", "200",
                                                                            str(20 << 20)]
