"""Start a child and a daemon that ignore requests to end; then end (``--stay 0``) or stay, as stubbornly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SLEEP = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(300)"

signal.signal(signal.SIGTERM, signal.SIG_IGN)
output = Path(sys.argv[sys.argv.index("--outputpath") + 1])
family = [
    subprocess.Popen([sys.executable, "-c", SLEEP], stdout=subprocess.PIPE, start_new_session=daemon)
    for daemon in (False, True)
]
for child in family:
    child.stdout.readline()
(output / "pids.partial").write_text(json.dumps([os.getpid(), *(child.pid for child in family)]))
(output / "pids.partial").rename(output / "pids.json")
if sys.argv[sys.argv.index("--stay") + 1] == "1":
    time.sleep(300)
os._exit(0)
