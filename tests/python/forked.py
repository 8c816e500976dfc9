"""Code that runs in a fork of the test, for so long and no longer."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable

MOST_SECONDS = 60


def in_a_fork(work: Callable[[], object]) -> None:
    """Runs ``work`` in a fork, which ends there.

    Raises:
        AssertionError: It raised, or did not come to its end and was killed.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    for _ in range(MOST_SECONDS * 100):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError(f"the fork was still at work after {MOST_SECONDS} seconds")
