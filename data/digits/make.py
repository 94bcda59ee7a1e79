#!/usr/bin/env python3
"""Writes src/data/digits/digits.bin.gz from scikit-learn's `load_digits`.

The payload is 1,797 x 64 pixels (u8, 0..16, row by row, samples in scikit-learn's order), then 1,797 labels (u8, 0..9).
The gzip header carries no name and no date, so that the same data give the same file.

    python3 data/digits/make.py
"""

import gzip
import hashlib
import pathlib

from sklearn.datasets import load_digits

digits = load_digits()
pixels = digits.data.astype("uint8")
labels = digits.target.astype("uint8")
assert pixels.shape == (1797, 64) and (pixels == digits.data).all() and pixels.max() == 16
assert labels.shape == (1797,) and (labels == digits.target).all() and labels.max() == 9

payload = pixels.tobytes() + labels.tobytes()
out = pathlib.Path(__file__).resolve().parents[2] / "src/data/digits/digits.bin.gz"
out.write_bytes(gzip.compress(payload, 9, mtime=0))
train = pixels[:1500] / 16.0
print(f"{out.stat().st_size} bytes, payload {hashlib.sha256(payload).hexdigest()}")
print(f"train part: mean {train.mean():.6f}, std {train.std():.6f} of pixel / 16")
