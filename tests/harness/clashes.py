"""What happens at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor

from .account import Account


def at_once(*works):
    """Runs all of them at the same moment; their results, in order."""
    start = threading.Barrier(len(works))

    def run(work):
        start.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [done.result() for done in [pool.submit(run, work) for work in works]]


def another(account):
    """The same account with connections of its own."""
    return Account(account.env, account.id, account.password)
