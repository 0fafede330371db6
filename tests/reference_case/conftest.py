"""The reference case's own tests, by their names there: the demo model over two capped devices.

    ./dev test reference_case
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from program import *  # noqa: E402,F403
