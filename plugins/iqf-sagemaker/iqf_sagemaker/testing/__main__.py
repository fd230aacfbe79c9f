"""``python -m iqf_sagemaker.testing --folder DIR``: the server, until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from iqf_core.errors import IqfError
from iqf_sagemaker.testing.server import SageMakerServer


def main(arguments: Sequence[str] | None = None) -> None:
    """Start the server, say how to reach it, and wait."""
    parser = argparse.ArgumentParser(prog="python -m iqf_sagemaker.testing", description=__doc__)
    parser.add_argument("--folder", required=True, help="where jobs run and requests are written down")
    parser.add_argument(
        "--port", type=int, default=0, help="of 127.0.0.1; 0, the default, for one that is free"
    )
    parser.add_argument("--bucket", default="iqf-test", help="made on start (iqf-test)")
    parser.add_argument("--role", default="iqf-training", help="made on start (iqf-training)")
    parser.add_argument("--region", default="us-east-1", help="that it stands for (us-east-1)")
    options = parser.parse_args(arguments)
    server = SageMakerServer(
        options.folder,
        port=options.port,
        buckets=[options.bucket],
        roles=[options.role],
        region=options.region,
    )
    signal.signal(signal.SIGTERM, _interrupt)  # so that the jobs end with it
    try:
        server.start()
    except IqfError as error:
        sys.exit(f"Error: {error}")
    with contextlib.suppress(KeyboardInterrupt), contextlib.closing(server):
        print(f"endpoint  {server.url}\nrole      {server.role_arn()}\nbucket    {options.bucket}\n")
        for name, value in server.variables().items():
            print(f"export {name}={value}")
        print(f"\nRequests are written to {server.folder / 'requests.jsonl'}. Ctrl-C ends it.", flush=True)
        threading.Event().wait()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
