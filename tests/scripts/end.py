"""End as told: ``--how`` is an exit code, or a signal as a negative number."""

from __future__ import annotations

import os
import resource
import sys

resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
how = int(sys.argv[sys.argv.index("--how") + 1])
print("last words")
if how < 0:
    os.kill(os.getpid(), -how)
sys.exit(how)
