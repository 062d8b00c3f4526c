"""Decoded pictures on disk: built once, under a lock, renamed into place when complete, never rewritten.

Knows how to decode and keep a source; knows nothing of the split or the device.
"""

import hashlib
import json
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
from filelock import FileLock

from engine.data import decode, sums
from engine.data.dataset import Contents, Dataset, Progress, Skipped, Source
from engine.data.near import Sketchbook, sketch
from engine.data.sheet import Sheet
from engine.errors import DataError
from engine.folders import shown

VERSION = 3  # raise it when decoding changes, so that old caches are left alone
CHUNK = 32  # pictures a thread takes at a time: 1 would cost more in bookkeeping than 28 px pictures cost to decode
AHEAD = 4  # chunks of a thread that are decoded or wait to be; as many squares are in memory
BAD_SHARE = 0.05
THREADS = 8  # decoding at once: each may hold a gigabyte for a picture at the pixel limit
ARRAYS = ("labels", "official_test", "keys", "kin", "sums")

# A picture's key, its square, its sketch, and what the square adds up to.
Decoded = tuple[int, np.ndarray, np.ndarray | None, np.ndarray] | decode.PictureError


def cached(source: Source, resolution: int, policy: str, cache: Path, progress: Progress) -> Dataset:
    """The source's pictures at this resolution, from the cache or decoded into it. `progress` counts pictures.

    Raises DataError when more than 5 % of the pictures are bad or the cache cannot be written.
    """
    name = hashlib.blake2b(f"{VERSION}\n{source.identity}\n{resolution}\n{policy}".encode(), digest_size=16).hexdigest()
    folder = cache / name
    dataset = _opened(folder, source.name)
    if dataset is not None:
        return dataset
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f".{name}.lock"):
            dataset = _opened(folder, source.name)
            if dataset is None:
                _build(source, (resolution, policy), folder, progress)
                dataset = _opened(folder, source.name)
    except OSError as error:
        raise DataError("data.cache_unwritable", folder=shown(str(cache)), reason=error.strerror or str(error)) from error
    assert dataset is not None, f"the cache just built in {folder} cannot be read"
    return dataset


def _opened(folder: Path, name: str) -> Dataset | None:
    """The dataset kept in `folder`; None when there is none or it is damaged. Flipped bytes inside the pictures go unseen."""
    try:
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        arrays = {array: np.load(folder / f"{array}.npy") for array in ARRAYS}
        images = np.load(folder / "images.npy", mmap_mode="c")
        whole = facts["digest"] == _digest(arrays, images.shape) and images.dtype == np.uint8
        skipped = tuple(Skipped(**entry) for entry in facts["skipped"])
        kin = arrays.pop("kin")
        if not whole:
            return None
        return Dataset(name, images, classes=tuple(facts["classes"]), skipped=skipped, kin=kin if len(kin) else None, **arrays)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None


def _digest(arrays: dict[str, np.ndarray], shape: tuple[int, ...]) -> str:
    digest = hashlib.blake2b(repr(tuple(shape)).encode(), digest_size=16)
    for name in ARRAYS:
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()


def _build(source: Source, look: tuple[int, str], folder: Path, progress: Progress) -> None:
    """Writes beside, then renames. The lock is held, so what lies there under these names is left over or damaged."""
    beside = folder.with_name(f".{folder.name}.building")
    contents = source.read()
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    try:
        _write(contents, look, beside, progress)
        if folder.exists():
            shutil.rmtree(folder)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _write(contents: Contents, look: tuple[int, str], folder: Path, progress: Progress) -> None:
    kept: list[int] = []
    keys: list[int] = []
    added: list[np.ndarray] = []
    skipped: list[Skipped] = []
    sheet, sketchbook = Sheet(folder / "images.npy", look[0]), Sketchbook(len(contents.items))
    try:
        for start, results in _decoded(contents, look):
            for index, result in enumerate(results, start):
                if isinstance(result, decode.PictureError):
                    skipped.append(Skipped(contents.names[index], result.reason))
                    continue
                key, square, small, total = result
                sheet.append([square])
                sketchbook.append(small)
                kept.append(index)
                keys.append(key)
                added.append(total)
            progress("decode", start + len(results), len(contents.items))
        _refuse_bad(skipped, len(contents.items))
        sheet.close()
    finally:
        sheet.abandon()
    told = np.array(keys, dtype=np.uint64)
    arrays = {"labels": contents.labels[kept], "official_test": contents.official_test[kept], "keys": told, "kin": sketchbook.kin(told)}
    arrays["sums"] = sums.together(added, sheet.channels)
    _write_facts(folder, arrays, sheet.shape, (contents.classes, skipped))


def _write_facts(folder: Path, arrays: dict[str, np.ndarray], shape: tuple[int, ...], words: tuple[tuple[str, ...], list[Skipped]]) -> None:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    facts = {"digest": _digest(arrays, shape), "classes": words[0], "skipped": [vars(entry) for entry in words[1]]}
    (folder / "facts.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


def _refuse_bad(skipped: list[Skipped], total: int) -> None:
    if len(skipped) > BAD_SHARE * total:
        examples = ", ".join(entry.path for entry in skipped[:3])
        raise DataError("data.too_many_bad", count=len(skipped), total=total, examples=examples)


def _decoded(contents: Contents, look: tuple[int, str]) -> Iterator[tuple[int, list[Decoded]]]:
    """Chunks of results in order, each with the index of its first picture. Threads suffice: Pillow decodes without the GIL.

    While one chunk is written the threads are at the next ones, AHEAD for each of them.
    """
    threads = min(joblib.cpu_count(), THREADS)
    under_way: deque[tuple[int, Future[list[Decoded]]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for start in range(0, len(contents.items), CHUNK):
            under_way.append((start, pool.submit(_squares, contents.items[start : start + CHUNK], *look)))
            if len(under_way) > AHEAD * threads:
                yield _first(under_way)
        while under_way:
            yield _first(under_way)
    finally:
        pool.shutdown(cancel_futures=True)


def _first(under_way: deque[tuple[int, Future[list[Decoded]]]]) -> tuple[int, list[Decoded]]:
    start, chunk = under_way.popleft()
    return start, chunk.result()


def _squares(items: Sequence[Path | np.ndarray], resolution: int, policy: str) -> list[Decoded]:
    return [_square(item, resolution, policy) for item in items]


def _square(item: Path | np.ndarray, resolution: int, policy: str) -> Decoded:
    try:
        picture = decode.read(item)
        square = decode.fit(picture, resolution, policy)
        return decode.key(picture), square, sketch(picture), sums.of_picture(square)
    except decode.PictureError as error:
        return error
