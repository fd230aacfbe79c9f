"""Print so many megabytes, and say at the end that all went well."""

from __future__ import annotations

import os
import sys

megabytes = int(sys.argv[sys.argv.index("--megabytes") + 1])
block = b"x" * 99 + b"\n"
print("first line", flush=True)
for _ in range(megabytes):
    view = memoryview(block * 10_000)
    while view:
        view = view[os.write(1, view) :]
print("last line")
