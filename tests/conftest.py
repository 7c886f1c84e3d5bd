"""Fixtures of all tests that need a server.

env       one server for the whole session; its configuration is the default again after each module
new_env   makes further servers, for tests that kill or fill them
account   a fresh account on env
"""

import pytest

from harness.env import Env


@pytest.fixture(scope="session", name="session_env")
def fixture_session_env():
    server = Env()
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="module", name="module_env")
def fixture_module_env(session_env):
    if session_env.process is None:
        session_env.start()
    yield session_env
    session_env.config()


@pytest.fixture(name="env")
def fixture_env(module_env):
    if module_env.process is None:  # the test before has killed it
        module_env.start()
    return module_env


@pytest.fixture(name="new_env")
def fixture_new_env():
    servers = []

    def make(**kwargs):
        server = Env(**kwargs)
        servers.append(server)
        return server

    yield make
    for server in servers:
        if server in Env.instances:
            server.close()


@pytest.fixture(name="account")
def fixture_account(env):
    return env.account()


@pytest.fixture(autouse=True)
def error_log(request):
    """Fails a test that leaves unannounced lines in an error log."""
    for server in Env.instances:
        server.log.mark()
    yield
    problems = [line for server in Env.instances for line in server.problems()]
    for server in Env.instances:
        server.log.mark()
    if problems:
        pytest.fail("unexpected in the error log:\n" + "\n".join(problems), pytrace=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what its servers logged."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for server in Env.instances:
            lines = server.log.new_lines()
            if lines:
                report.sections.append((f"error log of {server.home}", "\n".join(lines[-50:])))
