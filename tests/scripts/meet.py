"""Count this start in ``starts``, then wait for the file ``--until``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

output = Path(sys.argv[sys.argv.index("--outputpath") + 1])
until = Path(sys.argv[sys.argv.index("--until") + 1])
with (output / "starts").open("a") as file:
    file.write("started\n")
deadline = time.monotonic() + 60
while not until.exists():
    if time.monotonic() > deadline:
        sys.exit("nobody came")
    time.sleep(0.01)
