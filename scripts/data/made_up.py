"""Writes a small made-up dataset in every format that `wattgrad train --data` reads, to try a command before the real data is
there. The classes are easy to tell apart; nothing else about the data means anything.

    pip install numpy pillow
    python scripts/data/made_up.py FOLDER [--images N]

With --images N it also writes N images of 64x64 as arrays, for streaming.
"""
import argparse
import pathlib

import numpy as np
from PIL import Image

CLASSES = 4
random = np.random.default_rng(0)


def image(label: int, size: tuple[int, int]) -> np.ndarray:
    """Height x width x 3 bytes: a bright band whose place is the class, in noise."""
    height, width = size
    pixels = random.integers(0, 90, (height, width, 3))
    band = height * (label % CLASSES) // CLASSES
    pixels[band : band + height // CLASSES, :, label % 3] += 140
    return pixels.astype(np.uint8)


def cifar(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True)
    record = lambda label: bytes([label]) + image(label, (32, 32)).transpose(2, 0, 1).tobytes()
    for name in [f"data_batch_{n}" for n in range(1, 6)] + ["test_batch"]:
        records = b"".join(record(int(label)) for label in random.integers(0, CLASSES, 100))
        (folder / f"{name}.bin").write_bytes(records)


def image_folder(folder: pathlib.Path) -> None:
    for split, count in [("train", 60), ("test", 20)]:
        for label, name in enumerate(["ash", "birch", "cedar", "dogwood"]):
            (folder / split / name).mkdir(parents=True)
            for n in range(count):
                pixels = image(label, (48, 64))
                Image.fromarray(pixels).save(folder / split / name / f"{n:03}.jpg", quality=90)


def celeba(folder: pathlib.Path) -> None:
    images = folder / "img_align_celeba"
    images.mkdir(parents=True)
    count, people = 240, 12
    names = [f"{n:06}.jpg" for n in range(1, count + 1)]
    attributes = [f"Attribute_{n}" for n in range(40)]
    lines, identities, partition = [str(count), " ".join(attributes)], [], []
    for at, name in enumerate(names):
        person = at % people
        Image.fromarray(image(person, (218, 178))).save(images / name, quality=90)
        # Attributes depend on the person, so that they can be learned.
        signs = ["1" if (person * (n + 3)) % 7 < 3 else "-1" for n in range(40)]
        lines.append(f"{name} " + " ".join(signs))
        identities.append(f"{name} {100 + 7 * person}")
        partition.append(f"{name} {0 if at < 160 else 1 if at < 200 else 2}")
    (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    (folder / "identity_CelebA.txt").write_text("\n".join(identities) + "\n")
    (folder / "list_eval_partition.txt").write_text("\n".join(partition) + "\n")


def pamap2(folder: pathlib.Path) -> None:
    protocol = folder / "Protocol"
    protocol.mkdir(parents=True)
    for subject in range(101, 110):
        lines, time = [], 0
        for activity in [1, 0, 4, 5, 17]:
            phase = random.uniform(0, 6)
            for _ in range(1200):
                time += 1
                wave = activity * np.sin(activity * time / 50 + phase + np.arange(51) / 9)
                values = [f"{value:.4f}" for value in wave + random.normal(0, 0.3, 51)]
                rate = f"{70 + 8 * activity}" if time % 11 == 0 else "NaN"
                lines.append(f"{time / 100:.2f} {activity} {rate} " + " ".join(values))
        (protocol / f"subject{subject}.dat").write_text("\n".join(lines) + "\n")


def series(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True)
    names = ["rest", "walk", "run", "jump"]
    head = "@problemName Motions\n@timeStamps false\n@missing false\n@univariate false\n@dimensions 3\n"
    head += f"@equalLength true\n@seriesLength 50\n@classLabel true {' '.join(names)}\n@data\n"
    for split in ["TRAIN", "TEST"]:
        lines = []
        for label in random.integers(0, CLASSES, 120):
            wave = np.sin(np.arange(50) * (label + 1) / 8 + random.uniform(0, 6) + np.arange(3)[:, None])
            values = wave + random.normal(0, 0.3, (3, 50))
            dimensions = [",".join(f"{value:.4f}" for value in dimension) for dimension in values]
            lines.append(":".join(dimensions) + ":" + names[label])
        (folder / f"Motions_{split}.ts").write_text(head + "\n".join(lines) + "\n")


def arrays(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True)
    split = lambda labels: np.stack([image(int(label), (24, 24)) for label in labels])
    train, test = random.integers(0, CLASSES, 600), random.integers(0, CLASSES, 200)
    np.savez_compressed(
        folder / "bands.npz", x_train=split(train), y_train=train, x_test=split(test), y_test=test
    )


def large(folder: pathlib.Path, count: int) -> None:
    folder.mkdir(parents=True)
    for split, count in [("train", count), ("test", 500)]:
        labels = random.integers(0, CLASSES, count)
        shape = (count, 3, 64, 64)
        file = np.lib.format.open_memmap(folder / f"x_{split}.npy", "w+", np.uint8, shape)
        for at, label in enumerate(labels):
            file[at] = image(int(label), (64, 64)).transpose(2, 0, 1)
        file.flush()
        np.save(folder / f"y_{split}.npy", labels.astype(np.uint8))


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--images", type=int, default=0)
given = parser.parse_args()
cifar(given.folder / "cifar-10-batches-bin")
image_folder(given.folder / "trees")
celeba(given.folder / "celeba")
pamap2(given.folder / "PAMAP2_Dataset")
series(given.folder / "motions")
arrays(given.folder / "bands")
if given.images:
    large(given.folder / "large", given.images)
