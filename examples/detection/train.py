"""Learn to find cars, trucks and aircraft in overhead images, and find them in others.

An ordinary script, which knows nothing of IQF: it is given folders to train, to validate and to test on, and
a folder for its answers. Each dataset holds `images/` and `annotations.json` (COCO; the four corners of an
object as its segmentation, those of its front first). Any depth, any number of bands, and any pixel size will
do: lengths are in metres.

Linear templates in every direction propose places; a ridge regression settles position, heading and size
there; boosted trees judge a window that is aligned with the object, trained on what the templates took for
one.

Writes `output.json` (COCO results for --testds), `validation.json` (the same for --valds), `results.json`,
and `model.joblib`, with which `infer.py` needs no training.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from detector.detect import fit_detector, use_one_thread, write_detections
from detector.model import Settings


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trainds", type=Path, required=True, help="the folder to train on")
    parser.add_argument("--valds", type=Path, help="the folder to validate on")
    parser.add_argument("--testds", type=Path, required=True, help="the folder to test on")
    parser.add_argument("--outputpath", type=Path, required=True, help="where the answers go")
    parser.add_argument("--seed", type=int, default=0, help="of the examples drawn, and of the trees")
    parser.add_argument("--trees", type=int, default=40, help="boosted trees of each judge")
    parser.add_argument("--rounds", type=int, default=1, help="of mining for hard counter-examples")
    parser.add_argument("--negatives", type=float, default=2.0, help="counter-examples an example")
    parser.add_argument("--white", type=float, default=4095.0, help="full scale of 16-bit images")
    parser.add_argument("--gsd", type=float, default=0.5, help="metres a pixel where the images do not say")
    options = parser.parse_args()

    use_one_thread()
    started = time.perf_counter()
    settings = Settings(rounds=options.rounds, trees=options.trees, negatives=options.negatives)
    detector = fit_detector(
        options.trainds, settings, seed=options.seed, white=options.white, gsd_m=options.gsd
    )
    results = {"train_seconds": round(time.perf_counter() - started, 2)}

    started = time.perf_counter()
    found = detector.detect(options.testds)
    results |= {"detect_seconds": round(time.perf_counter() - started, 2), "detections": len(found)}
    write_detections(found, options.outputpath / "output.json")
    if options.valds is not None:
        write_detections(detector.detect(options.valds), options.outputpath / "validation.json")
    detector.save(options.outputpath / "model.joblib")
    (options.outputpath / "results.json").write_text(json.dumps(results))
    print(f"{len(found)} detections; trained in {results['train_seconds']} s")


if __name__ == "__main__":
    main()
