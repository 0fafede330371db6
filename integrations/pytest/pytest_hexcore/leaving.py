"""How a forked worker ends: what its tests left to be done at the end is done, and nothing of what
the fork server had to do at its own."""

import atexit
import faulthandler
import os
import signal
import sys
import traceback
import weakref

# So long it waits for what its tests left, as children that do not end. The tests are over and told
# by then, so this is not theirs to pay for: what still runs is ended with it, and named.
_PATIENCE_S = 10
# Where it waits in C, which no signal gets it out of.
_LAST_PATIENCE_S = 15
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
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    signal.alarm(_PATIENCE_S)
    try:
        faulthandler.dump_traceback_later(_LAST_PATIENCE_S, exit=True)
        _finish()
    except BaseException:  # noqa: BLE001 (whatever a handler of a test's raises)
        traceback.print_exc()
    finally:
        os._exit(0)


def _finish():
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
