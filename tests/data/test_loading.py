"""From folders and published files to decoded pictures: sources, errors and the cache, with real files."""

import hashlib
import json
import multiprocessing
import os
import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from torchvision.datasets import CIFAR10, FashionMNIST

from engine import strings
from engine.config.data import DataConfig
from engine.data import cache as cache_module
from engine.data.loading import load
from engine.data.published import FASHION_MNIST, cifar, open_published
from engine.data.sources import SOURCES
from engine.data.split import split
from engine.errors import DataError
from tests.data.published_files import idx_file, small_fashion

SHARED = Path(__file__).parents[3] / "shared" / "data"
NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture
def cache(tmp_path) -> Path:
    return tmp_path / "cache"


def key_of(dataset: str, roots: list[Path], cache: Path) -> str:
    with pytest.raises(DataError) as caught:
        load(DataConfig(dataset=dataset, resolution=8), roots, cache)
    json.dumps(caught.value.fields)
    assert strings.say(caught.value.key, "zh", **caught.value.fields) and str(caught.value)
    assert not [folder for folder in cache.glob("*") if folder.is_dir()]
    return caught.value.key


def test_both_languages_say_the_same_things():
    areas = [{key for key in strings.catalogue(language) if key.startswith("data.")} for language in ("en", "zh")]
    assert areas[0] == areas[1] and len(areas[0]) > 10


def test_digits_are_scikit_learns():
    contents = SOURCES["digits"]([], lambda *_: None).read()
    known = load_digits()
    np.testing.assert_array_equal(np.array(contents.items), np.rint(known.images * (255 / 16)).astype(np.uint8))
    np.testing.assert_array_equal(contents.labels, known.target)
    assert contents.classes == tuple(map(str, known.target_names))


def test_digits_come_with_the_package(cache):
    dataset = load(DataConfig(resolution=8), [], cache)
    assert dataset.images.shape == (1797, 1, 8, 8) and dataset.images.max() == 255
    assert dataset.classes == tuple("0123456789") and not dataset.official_test.any()
    assert len(np.unique(dataset.keys)) == 1797


def test_pictures_keep_their_order_however_many_are_decoded_at_once(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(cache_module, "CHUNK", 2)
    for number in range(101):
        folder = tmp_path / "shades" / f"class {number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), number).save(folder / f"{number:03}.png")
    dataset = load(DataConfig(dataset="shades", resolution=8), [tmp_path], cache)
    assert dataset.images[:, 0, 0, 0].tolist() == [*range(0, 101, 2), *range(1, 101, 2)]


def test_keys_and_split_are_the_same_at_every_resolution(cache):
    first, second = (load(DataConfig(resolution=side, resize=policy), [], cache) for side, policy in ((8, "squash"), (16, "pad")))
    assert np.array_equal(first.keys, second.keys)
    assert np.array_equal(split(first, DataConfig()).train, split(second, DataConfig()).train)


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "FashionMNIST").is_dir(), reason=f"Fashion-MNIST is not under {SHARED}")
def test_fashion_mnist_is_read_as_published(cache):
    told: list[tuple[int, int]] = []
    dataset = load(DataConfig(dataset="fashion_mnist", resolution=28), [SHARED], cache, lambda *at: told.append(at))
    raw = (SHARED / "FashionMNIST/raw/train-images-idx3-ubyte").read_bytes()
    assert np.array_equal(dataset.images[0, 0], np.frombuffer(raw, np.uint8, 784, 16).reshape(28, 28))
    assert dataset.images.shape == (70_000, 1, 28, 28) and dataset.official_test.sum() == 10_000
    assert np.bincount(dataset.labels).tolist() == [7000] * 10 and dataset.classes[9] == "Ankle boot"
    assert told[-1] == ("decode", 70_000, 70_000) and told == sorted(told)


def test_packed_files_are_unpacked_into_the_last_root(tmp_path, cache):
    packed, home = small_fashion(tmp_path / "there", packed=True), tmp_path / "home"
    dataset = load(DataConfig(dataset="fashion_mnist", resolution=8), [packed, home], cache)
    assert len(dataset.labels) == 80
    assert {path.name for path in (home / FASHION_MNIST.folder).iterdir()} == set(FASHION_MNIST.files)
    assert not list(home.glob(".download-*"))


def test_without_files_and_network_the_sentence_says_what_to_put_where(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(FashionMNIST, "mirrors", [NOWHERE])
    monkeypatch.setattr(CIFAR10, "url", f"{NOWHERE}cifar-10-python.tar.gz")
    for name in ("fashion_mnist", "cifar10"):
        assert key_of(name, [tmp_path / "a", tmp_path / "home"], cache) == "data.source_missing"
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.* into FashionMNIST/raw"):
        load(DataConfig(dataset="fashion_mnist"), [tmp_path / "home"], cache)


def test_a_truncated_published_file_is_told(tmp_path, cache):
    root = small_fashion(tmp_path)
    victim = root / "FashionMNIST/raw/train-images-idx3-ubyte"
    victim.write_bytes(victim.read_bytes()[:1000])
    assert key_of("fashion_mnist", [root], cache) == "data.source_damaged"


@pytest.mark.parametrize("labels", [np.zeros(59, np.uint8), np.full(60, 10, np.uint8)], ids=["too few", "no such class"])
def test_labels_that_do_not_fit_the_pictures_are_told(tmp_path, cache, labels):
    root = small_fashion(tmp_path)
    idx_file(root / "FashionMNIST/raw/train-labels-idx1-ubyte", labels, packed=False)
    assert key_of("fashion_mnist", [root], cache) == "data.source_damaged"


def small_cifar(root: Path, monkeypatch) -> Path:
    """CIFAR-10's files with few pictures; torchvision's published sums are replaced by theirs."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)

    def put(name: str, content: dict) -> list[str]:
        data = pickle.dumps(content)
        (folder / name).write_bytes(data)
        return [name, hashlib.md5(data).hexdigest()]

    def batch(count: int) -> dict:
        return {"data": rng.integers(0, 256, (count, 3072), dtype=np.uint8), "labels": [index % 10 for index in range(count)]}

    monkeypatch.setattr(CIFAR10, "train_list", [put(f"data_batch_{index}", batch(10)) for index in range(1, 6)])
    monkeypatch.setattr(CIFAR10, "test_list", [put("test_batch", batch(20))])
    meta = put("batches.meta", {"label_names": [f"class {index}" for index in range(10)]})
    monkeypatch.setattr(CIFAR10, "meta", {"filename": meta[0], "key": "label_names", "md5": meta[1]})
    monkeypatch.setitem(SOURCES, "cifar10", partial(open_published, cifar("cifar10", CIFAR10)))
    return root


def test_cifar_is_read_in_torchvisions_layout(tmp_path, cache, monkeypatch):
    root = small_cifar(tmp_path / "root", monkeypatch)
    dataset = load(DataConfig(dataset="cifar10"), [root], cache)
    first = pickle.loads((root / "cifar-10-batches-py/data_batch_1").read_bytes())["data"][0]  # noqa: S301 - written by this test
    assert dataset.images.shape == (70, 3, 32, 32) and np.array_equal(dataset.images[0].ravel(), first)
    assert dataset.official_test.tolist() == [False] * 50 + [True] * 20 and dataset.classes[3] == "class 3"


def test_a_foreign_pickle_in_cifars_place_is_never_unpickled(tmp_path, cache, monkeypatch):
    root = small_cifar(tmp_path / "root", monkeypatch)
    canary = tmp_path / "canary"
    payload = f"cposix\nsystem\n(S'touch {canary}'\ntR.".encode()
    (root / "cifar-10-batches-py/data_batch_3").write_bytes(payload)
    assert key_of("cifar10", [root], cache) == "data.source_damaged"
    assert not canary.exists()


def test_a_tree_is_read_in_order_of_names_in_any_script(make_tree, cache, config):
    root = make_tree({"pets/קוף": 3, "pets/zebra": 3, "pets/猫": 3, "pets/-x": 3})
    dataset = load(config(), [root], cache)
    assert dataset.classes == ("-x", "zebra", "קוף", "猫")
    assert dataset.images.shape == (12, 3, 8, 8) and dataset.labels.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert dataset.name == "pets" and dataset.skipped == ()


def test_all_grey_pictures_make_one_channel_and_one_colour_picture_makes_three(make_tree, picture_file, cache, config):
    root = make_tree({"pets/cat": 3, "pets/dog": 3}, grey=True)
    grey = load(config(), [root], cache)
    assert grey.images.shape == (6, 1, 8, 8)
    picture_file(root / "pets/dog/9.png", 9)
    colour = load(config(), [root], cache)
    assert colour.images.shape == (7, 3, 8, 8)
    assert np.array_equal(colour.images[:6], np.repeat(grey.images, 3, axis=1))


def test_a_late_colour_picture_widens_what_was_written(tmp_path):
    from engine.data.sheet import Sheet

    sheet = Sheet(tmp_path / "a.npy", 4)
    grey = np.random.default_rng(0).integers(0, 256, (1500, 1, 4, 4), dtype=np.uint8)
    sheet.append(list(grey))
    sheet.append([np.full((3, 4, 4), 7, dtype=np.uint8)])
    sheet.close()
    images = np.load(tmp_path / "a.npy")
    assert images.shape == (1501, 3, 4, 4) and np.array_equal(images[:1500, 2], grey[:, 0]) and (images[1500] == 7).all()


def test_what_is_no_picture_of_the_tree_is_passed_over(make_tree, picture_file, tmp_path, cache, config):
    root = make_tree({"pets/cat": 3, "pets/dog": 3})
    outside = picture_file(tmp_path / "outside.png", 77)
    (root / "pets/cat/link.png").symlink_to(outside)
    (root / "pets/cat/loop.png").symlink_to(root / "pets/cat/loop.png")
    (root / "pets/cat/around").symlink_to(root / "pets")
    (root / "pets/cat/inside.png").symlink_to(root / "pets/cat/0.png")
    os.mkfifo(root / "pets/cat/pipe.png")
    (root / "pets/cat/.hidden.png").write_bytes(b"x")
    (root / "pets/cat/notes.txt").write_text("x")
    picture_file(root / "pets/cat/deeper/UPPER.PNG", 78)
    (root / "pets/.git").mkdir()
    dataset = load(config(), [root], cache)
    assert np.bincount(dataset.labels).tolist() == [5, 3] and dataset.skipped == ()


def test_train_and_test_folders_give_the_official_test_part(make_tree, cache, config):
    root = make_tree({f"pets/{part}/{name}": count for part, count in (("train", 4), ("val", 2), ("test", 3)) for name in ("cat", "dog")})
    dataset = load(config(), [root], cache)
    assert dataset.classes == ("cat", "dog") and len(dataset.labels) == 18 and dataset.official_test.sum() == 6
    assert np.array_equal(split(dataset, config()).test, np.flatnonzero(dataset.official_test))


def test_val_is_the_official_test_part_where_there_is_no_test(make_tree, cache, config):
    root = make_tree({f"pets/{part}/{name}": 4 for part in ("train", "val") for name in ("cat", "dog")})
    assert load(config(), [root], cache).official_test.sum() == 8


@pytest.mark.parametrize(
    ("folders", "key"),
    [
        ({"other/x": 1}, "data.folder_missing"),
        ({"pets": 0}, "data.folder_empty"),
        ({"pets": 3}, "data.folder_empty"),
        ({"pets/cat": 5}, "data.one_class"),
        ({"pets/cat": 5, "pets/dog": 2}, "data.class_too_small"),
        ({"pets/cat": 5, "pets/dog": 0}, "data.class_too_small"),
    ],
)
def test_a_tree_unfit_for_training_is_refused(make_tree, cache, folders, key):
    assert key_of("pets", [make_tree(folders)], cache) == key


def test_a_few_bad_pictures_are_skipped_and_listed(make_tree, cache, config):
    root = make_tree({"pets/cat": 20, "pets/dog": 20})
    (root / "pets/cat/3.png").write_bytes(b"")
    (root / "pets/dog/7.png").write_text("<html>")
    dataset = load(config(), [root], cache)
    assert [(entry.path, entry.reason) for entry in dataset.skipped] == [
        ("cat/3.png", "data.skip_empty"),
        ("dog/7.png", "data.skip_not_a_picture"),
    ]
    assert np.bincount(dataset.labels).tolist() == [19, 19] and len(dataset.images) == len(dataset.keys) == 38
    assert load(config(), [root], cache).skipped == dataset.skipped


@pytest.mark.parametrize("policy", ["squash", "crop", "pad"])
def test_a_picture_of_64_million_by_one_is_skipped_and_listed(make_tree, cache, config, policy):
    root = make_tree({"pets/cat": 20, "pets/dog": 20})
    Image.new("1", (64_000_000, 1)).save(root / "pets/cat/3.png")
    dataset = load(config(resize=policy), [root], cache)
    assert [(entry.path, entry.reason) for entry in dataset.skipped] == [("cat/3.png", "data.skip_too_large")]


def test_more_than_five_per_cent_bad_pictures_are_refused_with_examples(make_tree, cache):
    root = make_tree({"pets/cat": 20, "pets/dog": 20})
    for index in range(3):
        (root / f"pets/cat/{index}.png").write_bytes(b"")
    assert key_of("pets", [root], cache) == "data.too_many_bad"
    with pytest.raises(DataError, match="3 of 40 .* cat/0.png, cat/1.png"):
        load(DataConfig(dataset="pets"), [root], cache)


def test_the_second_time_nothing_is_decoded(make_tree, cache, config):
    root = make_tree({"pets/cat": 3, "pets/dog": 3})
    first = load(config(), [root], cache)
    for path in root.rglob("*.png"):  # same sizes and times, other bytes: decoding them would fail
        facts = path.stat()
        path.write_bytes(bytes(facts.st_size))
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    told: list[int] = []
    second = load(config(), [root], cache, lambda what, done, total: told.append(done))
    assert told == [] and np.array_equal(first.images, second.images) and np.array_equal(first.keys, second.keys)
    os.utime(root / "pets/cat/0.png")
    with pytest.raises(DataError, match="6 of 6"):
        load(config(), [root], cache)


def test_resolution_and_policy_have_caches_of_their_own(make_tree, cache, config):
    root = make_tree({"pets/cat": 3, "pets/dog": 3})
    shapes = [load(config(resolution=side, resize=policy), [root], cache).images.shape for side in (8, 16) for policy in ("squash", "pad")]
    assert [shape[2] for shape in shapes] == [8, 8, 16, 16]
    assert len([folder for folder in cache.iterdir() if folder.is_dir()]) == 4


@pytest.mark.parametrize("damage", ["truncate images", "empty labels", "flip keys", "break json", "remove", "json list"])
def test_a_damaged_cache_is_built_anew(make_tree, cache, config, damage):
    root = make_tree({"pets/cat": 3, "pets/dog": 3})
    first = load(config(), [root], cache)
    expected = first.images.copy(), first.keys.copy()
    (folder,) = (path for path in cache.iterdir() if path.is_dir())
    inflict(damage, folder)
    told: list[int] = []
    again = load(config(), [root], cache, lambda what, done, total: told.append(done))
    assert told[-1] == 6
    assert np.array_equal(again.images, expected[0]) and np.array_equal(again.keys, expected[1])


def inflict(damage: str, folder: Path) -> None:
    name = {"truncate images": "images.npy", "empty labels": "labels.npy", "flip keys": "keys.npy", "remove": "official_test.npy"}
    victim = folder / name.get(damage, "facts.json")
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    after = {"truncate images": data[:-10], "empty labels": b"", "flip keys": data, "break json": data[:20], "json list": b"[1]"}
    victim.unlink()
    if damage != "remove":
        victim.write_bytes(after[damage])


def test_a_reader_keeps_its_pictures_while_the_cache_is_built_anew(make_tree, cache, config):
    root = make_tree({"pets/cat": 3, "pets/dog": 3})
    first = load(config(), [root], cache)
    (folder,) = (path for path in cache.iterdir() if path.is_dir())
    (folder / "facts.json").unlink()
    again = load(config(), [root], cache)
    assert np.array_equal(first.images, again.images)


def test_a_build_that_is_interrupted_leaves_nothing_named(make_tree, cache, config):
    root = make_tree({"pets/cat": 3, "pets/dog": 3})

    def interrupt(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(config(), [root], cache, interrupt)
    assert not [path for path in cache.iterdir() if path.is_dir()]
    assert len(load(config(), [root], cache).labels) == 6


def test_leftovers_of_a_killed_build_are_cleared(make_tree, cache, config):
    root = make_tree({"pets/cat": 3, "pets/dog": 3})
    load(config(), [root], cache)
    (folder,) = (path for path in cache.iterdir() if path.is_dir())
    folder.rename(cache / f".{folder.name}.building")
    assert len(load(config(), [root], cache).labels) == 6
    assert not list(cache.glob("*.building"))


def test_a_cache_that_cannot_be_written_is_told(make_tree, tmp_path):
    root = make_tree({"pets/cat": 3, "pets/dog": 3})
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError) as caught:
        load(DataConfig(dataset="pets"), [root], tmp_path / "file" / "cache")
    assert caught.value.key == "data.cache_unwritable"


def _build(root: Path, cache: Path, gate, answers) -> None:
    told: list[int] = []
    gate.wait()
    dataset = load(DataConfig(dataset="pets"), [root], cache, lambda what, done, total: told.append(done))
    answers.put((len(told), int(dataset.images.sum())))


def test_two_processes_at_once_build_one_cache(make_tree, cache):
    root = make_tree({"pets/cat": 60, "pets/dog": 60})
    context = multiprocessing.get_context("fork")
    gate, answers = context.Barrier(2), context.Queue()
    both = [context.Process(target=_build, args=(root, cache, gate, answers)) for _ in range(2)]
    for process in both:
        process.start()
    results = [answers.get(timeout=60) for _ in both]
    for process in both:
        process.join()
    assert sorted(told > 0 for told, _ in results) == [False, True]
    assert results[0][1] == results[1][1]
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 1


def test_a_new_cache_version_leaves_the_old_alone(make_tree, cache, config, monkeypatch):
    root = make_tree({"pets/cat": 3, "pets/dog": 3})
    load(config(), [root], cache)
    monkeypatch.setattr(cache_module, "VERSION", 999)
    load(config(), [root], cache)
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 2
