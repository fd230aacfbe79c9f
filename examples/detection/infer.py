"""Find cars, trucks and aircraft with the model that `train.py` left in `--model`.

Writes `output.json` (COCO results for --testds), `validation.json` (the same for --valds) and `results.json`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from detector.detect import Detector, use_one_thread, write_detections


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="the folder that train.py wrote into")
    parser.add_argument("--valds", type=Path, help="the folder to validate on")
    parser.add_argument("--testds", type=Path, required=True, help="the folder to test on")
    parser.add_argument("--outputpath", type=Path, required=True, help="where the answers go")
    options = parser.parse_args()

    use_one_thread()
    detector = Detector.load(options.model / "model.joblib")
    found = detector.detect(options.testds)
    write_detections(found, options.outputpath / "output.json")
    if options.valds is not None:
        write_detections(detector.detect(options.valds), options.outputpath / "validation.json")
    (options.outputpath / "results.json").write_text(json.dumps({"detections": len(found)}))
    print(f"{len(found)} detections")


if __name__ == "__main__":
    main()
