//! Datasets: reading, rejections, normalisation, shards and the order of samples.
#![cfg(feature = "gpu")]

mod array_files;
mod arrays;
mod celeba;
mod cifar;
mod folder;
mod images;
mod known;
mod order;
mod pamap2;
mod rejections;
mod search_paths;
mod synthetic;
mod ts;

use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use wattgrad::internals::data::{DataError, Dataset};

const IMAGES: &str = "train-images-idx3-ubyte";

const LABELS: &str = "train-labels-idx1-ubyte";

const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";

const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

fn idx(code: u8, dims: &[u32], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, code, dims.len() as u8];
    dims.iter()
        .for_each(|d| bytes.extend_from_slice(&d.to_be_bytes()));
    bytes.extend_from_slice(payload);
    bytes
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Six training and three test images of 2 rows and 3 columns, three classes, all plain.
fn small() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..54).collect();
    fs::write(dir.path().join(IMAGES), idx(8, &[6, 2, 3], &pixels[..36])).unwrap();
    fs::write(dir.path().join(LABELS), idx(8, &[6], &[0, 1, 2, 2, 1, 0])).unwrap();
    fs::write(
        dir.path().join(TEST_IMAGES),
        idx(8, &[3, 2, 3], &pixels[36..]),
    )
    .unwrap();
    fs::write(dir.path().join(TEST_LABELS), idx(8, &[3], &[2, 0, 1])).unwrap();
    dir
}

fn open(path: &Path) -> Result<Dataset, DataError> {
    Dataset::open(path.to_str().unwrap())
}

fn one_sentence(error: &DataError) {
    let text = error.to_string();
    assert!(
        !text.contains('\n') && !text.contains(". ") && !text.ends_with('.'),
        "not one sentence: {text}"
    );
    assert!(text.contains(": ") || text.contains("; "), "no fix: {text}");
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
