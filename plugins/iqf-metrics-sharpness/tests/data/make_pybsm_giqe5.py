"""Write pybsm_giqe5.json: what pybsm (Apache-2.0) gives for GIQE-5 over a grid.

Run by hand, with a Python that has pybsm (it needs numba, so IQF does not depend on it)::

    python plugins/iqf-metrics-sharpness/tests/data/make_pybsm_giqe5.py
"""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import pybsm
from pybsm.metrics.functional import giqe5

RER = [0.1, 0.35, 0.6, 1.1]
GSD_M = [0.1, 0.52832, 10.0]
SNR = [1.5, 50.0, 300.0]
ELEVATION_DEG = [90.0, 60.0, 25.0]


def main() -> None:
    """Write the file beside this script."""
    rows = []
    for rer_x, rer_y, gsd_m, snr, elevation_deg in itertools.product(RER, RER, GSD_M, SNR, ELEVATION_DEG):
        angle = math.radians(elevation_deg)  # pybsm takes radians, and returns NIIRS first of three
        niirs = giqe5(rer_1=rer_x, rer_2=rer_y, gsd=gsd_m, snr=snr, elev_angle=angle)[0]
        rows.append([rer_x, rer_y, gsd_m, snr, elevation_deg, float(niirs)])
    content = {
        "pybsm": pybsm.__version__,
        "columns": ["rer_x", "rer_y", "gsd_m", "snr", "elevation_deg", "niirs"],
        "rows": "ROWS",
    }
    lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    text = json.dumps(content, indent=1).replace('"ROWS"', f"[\n{lines}\n ]")
    (Path(__file__).parent / "pybsm_giqe5.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
