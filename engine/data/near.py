"""Pictures that are nearly the same: resized, recompressed, a little brighter. Told by how they look in 32 x 32 grey squares.

Knows no dataset, no split and no resolution: a picture is looked at as it was decoded, before it is made square.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from PIL import Image

SIDE = 32  # squares of a sketch, across and down
# Pixels of the shorter side. Of 5,000 pictures of Fashion-MNIST, enlarged to 64 px, 6.6 % have an honest neighbour that looks like a twin;
# of 15,860 pieces of 34 photographs twelve have (one soft edge, nothing else in them).
SMALLEST = 64
# Bits of 64 in which the hashes of twins differ at most, and the correlation of their sketches. Of photographs resized by 0.5 to 2, saved
# as JPEG of quality 60 to 90, up to 5 % brighter or darker, or all of it, 98 % are found again; of mere pieces of 64 px 94 %.
DISTANCE, ALIKE = 10, 0.98
FLAT = 4.0  # grey levels of deviation; a sketch with less is a sky or a blank page, and says nothing
BLOCKS = 8  # of a hash; twins are met in any two of them that are equal
# Neighbours that a picture is compared with where many have the same two blocks. So a thousand blank forms cost no more than others;
# what is beyond is still of the same kin by way of those between.
WINDOW = 32
# Pictures from which what they have in common is taken away first: of signs, cells or faces, all framed alike, the frame is not what makes
# two of them twins. Fewer have no frame that could be told.
FRAMED = 20
CHUNK = 2**12  # sketches or pairs turned into numbers at a time: 16 MB


def sketch(image: Image.Image) -> np.ndarray | None:
    """An upright picture (L or RGB) in grey squares, uint8 (32, 32), each about the mean of what lies there; None of one below 64 px."""
    if min(image.size) < SMALLEST:
        return None
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=3.0).convert("L"))


class Sketchbook:
    """The sketches of pictures that come one by one, at most so many; a kilobyte each."""

    def __init__(self, most: int) -> None:
        self._sketches = np.zeros((most, SIDE, SIDE), dtype=np.uint8)  # no memory is taken where nothing is written
        self._count = 0
        self._told = False

    def append(self, drawn: np.ndarray | None) -> None:
        """The next picture's sketch; None where it is too small to have one."""
        if drawn is not None:
            self._sketches[self._count] = drawn
            self._told = True
        self._count += 1

    def kin(self, keys: np.ndarray) -> np.ndarray:
        """What `kin` says of the pictures with these keys; of pictures that are all too small, nothing: uint64 (0,)."""
        return kin(keys, self._sketches[: self._count]) if self._told else np.empty(0, dtype=np.uint64)


def kin(keys: np.ndarray, sketches: np.ndarray) -> np.ndarray:
    """The least key among a picture's near twins, theirs, and so on: uint64 (N,), of a picture without any its own key.

    `keys` uint64 (N,) are equal where pictures are, `sketches` uint8 (N, 32, 32); one that is all of one grey has no twins.
    """
    unique, place, member = np.unique(keys, return_index=True, return_inverse=True)
    family = families(sketches[place])
    least = np.full(len(unique), np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(least, family, unique)
    return least[family][member]


def families(sketches: np.ndarray) -> np.ndarray:
    """The number of each picture's family, int64 (N,): twins, their twins, and so on.

    Time and memory grow with N, not with its square: 0.1 s for 10,000 sketches uint8 (N, 32, 32), 1.2 s for 100,000.
    """
    family = np.arange(len(sketches))
    told = np.flatnonzero(_deviation(sketches) >= FLAT)
    common = _mean(sketches[told]) if len(told) >= FRAMED else np.zeros((SIDE, SIDE), dtype=np.float32)
    for close in near_hashes(hashes(sketches[told], common)):
        candidates = told[close]
        first, second = candidates[:, family[candidates[0]] != family[candidates[1]]]
        twins = alike(sketches, first, second, common)
        if twins.any():
            family = _joined(family, family[first[twins]], family[second[twins]])
    return family


def hashes(sketches: np.ndarray, common: np.ndarray | float = 0.0) -> np.ndarray:
    """pHash uint64 (N,): of the 8 x 8 lowest frequencies beyond `common`, which lie above their median (Zauner 2010, section 3.2.1)."""
    from scipy.fft import dct

    basis = dct(np.eye(SIDE, dtype=np.float32), axis=0, norm="ortho")[:8]
    told = [np.empty((0, 8), dtype=np.uint8)]  # a set of pictures may be empty
    for part in _chunks(sketches):
        low = (basis @ (part.astype(np.float32) - common) @ basis.T).reshape(len(part), 64)
        told.append(np.packbits(low > np.median(low[:, 1:], axis=1, keepdims=True), axis=1))
    return np.concatenate(told).view(np.uint64)[:, 0]


def near_hashes(told: np.ndarray) -> Iterator[np.ndarray]:
    """Places (2, P) of hashes that differ in at most 10 bits, some of them more than once.

    All that have two of eight blocks of eight bits in common are compared (Manku, Jain and Sarma 2007, "Detecting near-duplicates for web
    crawling", section 3); where more than 32 have, each with the 32 next to it.
    """
    blocks = [sum(1 << int(bit) for bit in block) for block in np.array_split(np.arange(64), BLOCKS)]
    for one, other in combinations(blocks, 2):
        shared = told & np.uint64(one | other)
        order = np.lexsort((told, shared))
        places = np.arange(len(order))
        for step in range(1, WINDOW + 1):
            places = places[: np.searchsorted(places, len(order) - step)]
            first, second = order[places], order[places + step]
            equal = shared[first] == shared[second]
            places, first, second = places[equal], first[equal], second[equal]
            close = np.bitwise_count(told[first] ^ told[second]) <= DISTANCE
            yield np.stack([first[close], second[close]])


def alike(sketches: np.ndarray, first: np.ndarray, second: np.ndarray, common: np.ndarray) -> np.ndarray:
    """Whether what the sketches of each pair, places int64 (P,), show beyond `common` correlates by more than 0.98: bool (P,)."""
    chunks = [slice(start, start + CHUNK) for start in range(0, len(first), CHUNK)]
    standards = ([_standard(sketches[side[chunk]] - common) for side in (first, second)] for chunk in chunks)
    return np.concatenate([np.empty(0, dtype=bool), *((one * other).mean(1) > ALIKE for one, other in standards)])


def _standard(sketches: np.ndarray) -> np.ndarray:
    """Sketches as float32 (N, 1024) of mean 0 and deviation 1."""
    numbers = sketches.reshape(len(sketches), -1).astype(np.float32)
    numbers -= numbers.mean(1, keepdims=True)
    return numbers / np.maximum(numbers.std(1, keepdims=True), np.finfo(np.float32).tiny)


def _mean(sketches: np.ndarray) -> np.ndarray:
    """The mean sketch, float32 (32, 32)."""
    return (sum(part.sum(0, dtype=np.float64) for part in _chunks(sketches)) / len(sketches)).astype(np.float32)


def _joined(family: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The families after each of `first` (P,) has become one with that in `second`."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    bonds = coo_array((np.ones(len(first), dtype=bool), (first, second)), shape=(len(family), len(family)))
    return connected_components(bonds, directed=False)[1].astype(np.int64)[family]


def _deviation(sketches: np.ndarray) -> np.ndarray:
    return np.concatenate([np.empty(0), *(part.std((1, 2)) for part in _chunks(sketches))])


def _chunks(sketches: np.ndarray) -> Iterator[np.ndarray]:
    return (sketches[start : start + CHUNK] for start in range(0, len(sketches), CHUNK))
