"""Write into the output folder until the disk is full."""

from __future__ import annotations

import sys
from pathlib import Path

output = Path(sys.argv[sys.argv.index("--outputpath") + 1])
with (output / "big").open("wb", buffering=0) as file:
    while True:
        file.write(b"x" * 4096)
