"""How a forked worker ends: what its tests left to be done at the end is done, and nothing of what
the fork server had to do at its own."""

import atexit
import os
import signal
import sys
import weakref

# What waits for children or threads that do not end is ended by SIGALRM.
_PATIENCE_S = 10
# Their pools live until the end, which they are told of by threading._register_atexit().
_POOLS = ("concurrent.futures.process", "loky.process_executor",
          "joblib.externals.loky.process_executor")


def forget_what_was_to_be_done():
    """In the child, right after the fork. A folder that a conftest file makes when it is imported
    is there for all workers, and would be removed by the first that ends."""
    atexit._clear()
    weakref.finalize._registry.clear()
    weakref.finalize._registered_with_atexit = False


def leave():
    """Ends the process. Threads that still run are not waited for."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_PATIENCE_S)
    for name in _POOLS:
        end = getattr(sys.modules.get(name), "_python_exit", None)
        if end is not None:
            end()
    atexit._run_exitfuncs()
    multiprocessing = sys.modules.get("multiprocessing.util")
    if multiprocessing is not None:
        multiprocessing._exit_function()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
