"""What `hexcore watch --python` has every Python import at its start, by way of PYTHONPATH: it
imports hexcore.frameworks, and then the sitecustomize that would have been imported without it.

Nothing here may end or change a program: versions that the package does not know are left alone.
"""

import os
import sys


def _watch():
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if folder not in sys.path:
        sys.path.append(folder)  # last: a program's own module of that name stays its own
    import hexcore.frameworks  # noqa: F401


def _chain():
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]
    del sys.modules["sitecustomize"]
    try:
        import sitecustomize  # noqa: F401 (another one)
    except ImportError as error:
        if getattr(error, "name", None) != "sitecustomize":
            raise
        sys.modules["sitecustomize"] = _this


_this = sys.modules["sitecustomize"]
if sys.version_info >= (3, 9):
    try:
        _watch()
    except Exception:  # a program is worth more than its watcher
        pass
_chain()
