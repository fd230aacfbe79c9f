"""Recompressing a folder of real pictures as JPEG, against the bare OpenCV loop with the same threads."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from pairs import Figure, in_turns

from iqf_core import make_variant

SIDE, THREADS, QUALITY = 1024, 2, 75
PICTURES = ["astronaut", "coffee", "chelsea", "rocket", "hubble_deep_field", "retina"]


def figures(quick: bool) -> Iterator[Figure]:
    count = 40 if quick else 200
    with tempfile.TemporaryDirectory(prefix="iqf-bench-") as name:
        folder = Path(name).resolve()
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        _write_pictures(folder / "scenes" / "images", count)
        yield _compared(folder, "codestream", _to_jpeg, count, bar=0.85, rounds=3 if quick else 6)
        yield _compared(folder, "source", _to_png, count, bar=0.9, rounds=3 if quick else 4)


def _compared(
    folder: Path, storage: str, loop: Callable[[Path, Path], None], count: int, *, bar: float, rounds: int
) -> Figure:
    source, variants, bare = folder / "scenes", folder / "variants", folder / "bare"

    def ours() -> None:
        made = make_variant(
            source, f"jpeg(quality={QUALITY})", variants_root=variants, storage=storage, workers=THREADS
        )
        if len(made.images) != count:
            raise RuntimeError(f"{len(made.images)} of {count} images were made")

    def floor() -> None:
        bare.mkdir()
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda path: loop(path, bare), sorted((source / "images").iterdir())))

    def tidy() -> None:
        shutil.rmtree(variants, ignore_errors=True)
        shutil.rmtree(bare, ignore_errors=True)

    pairs = in_turns(ours, floor, rounds=rounds, warm_up=1 if storage == "codestream" else 0, between=tidy)
    tidy()
    best, bare_best = (min(seconds) for seconds in zip(*pairs, strict=True))
    return Figure(
        f"make_variant, storage={storage}, over the OpenCV loop",
        [seconds / our_seconds for our_seconds, seconds in pairs],
        at_least=bar,
        note=f"at best {count / best:.0f} against {count / bare_best:.0f} images/s, {bare_best / best:.2f}",
    )


def _to_jpeg(path: Path, folder: Path) -> None:
    """Read, encode, write the .jpg: as bare as OpenCV allows."""
    _, encoded = cv2.imencode(".jpg", _read(path), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    (folder / f"{path.stem}.jpg").write_bytes(encoded)


def _to_png(path: Path, folder: Path) -> None:
    """Read, encode, decode, write the .png with OpenCV's own setting, which is that of `iqf_core.image`."""
    _, encoded = cv2.imencode(".jpg", _read(path), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    _, stored = cv2.imencode(".png", cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED))
    (folder / path.name).write_bytes(stored)


def _read(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def _write_pictures(folder: Path, count: int) -> None:
    """Write mosaics of crops of scikit-image's photographs, each mirrored, shifted and dimmed by itself."""
    import skimage.data

    folder.mkdir(parents=True)
    half = SIDE // 2
    photographs = []
    for name in PICTURES:
        picture = getattr(skimage.data, name)()
        missing = [(0, max(0, half + 64 - side)) for side in picture.shape[:2]]
        photographs.append(np.pad(picture, [*missing, (0, 0)], mode="symmetric"))

    def write(number: int) -> None:
        rng = np.random.default_rng(number)
        quarters = []
        for index in rng.permutation(len(photographs))[:4]:
            picture = photographs[index]
            top, left = (rng.integers(side - half + 1) for side in picture.shape[:2])
            crop = picture[top : top + half, left : left + half, ::-1]
            quarters.append((crop[:, :: rng.choice([1, -1])] * rng.uniform(0.8, 1.0)).astype(np.uint8))
        mosaic = np.vstack([np.hstack(quarters[:2]), np.hstack(quarters[2:])])
        cv2.imwrite(str(folder / f"scene{number:03}.png"), mosaic)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write, range(count)))
