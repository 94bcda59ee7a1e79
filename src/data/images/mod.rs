//! Datasets of image files: decoded once, scaled, and kept in a cache that is mapped into memory.
mod cache;
mod celeba;
mod decode;
mod folder;

use std::path::PathBuf;

pub(super) use celeba::CelebA;
pub(super) use folder::ImageFolder;

use super::reader::{Progress, column};
use super::{Bytes, Column, DataError, Dataset, Dtype, Normalisation, Split, Task};
use cache::{Cache, Key};

/// The most names of files in a note.
const NAMED: usize = 3;

/// Image files with their targets, before they are decoded.
struct ImageSet {
    name: String,
    /// The folder that the files are relative to, beside which the cache lies.
    root: PathBuf,
    train: Vec<PathBuf>,
    test: Vec<PathBuf>,
    train_targets: Vec<Column>,
    test_targets: Vec<Column>,
    tasks: Vec<Task>,
    /// Width and height of the result; `None`: those of the first image, which all must have.
    size: Option<u32>,
}

/// Reads a set: from its cache, or by decoding every image.
fn read(set: ImageSet, progress: Progress<'_>) -> Result<Dataset, DataError> {
    let files: Vec<PathBuf> = set.train.iter().chain(&set.test).cloned().collect();
    let key = Key::new(&set, &files)?;
    let caches = Cache::candidates(&set.root, &key);
    if let Some((pixels, header)) = caches.iter().find_map(|cache| cache.open(&key)) {
        let (train, test) = splits(&set, &pixels, header.shape);
        let normalisation = vec![Normalisation {
            scale: 255.0,
            mean: header.mean.clone(),
            std: header.std.clone(),
        }];
        let sha256 = header.sha256.clone();
        let mut data =
            Dataset::from_checked(&set.name, set.tasks, normalisation, sha256, train, test);
        finish(&mut data, &set.root, header.grey);
        return Ok(data);
    }
    let size = match set.size {
        Some(size) => decode::Size::Scaled(size),
        None => decode::Size::Exactly(decode::dimensions(&set.root.join(&files[0]))?),
    };
    let (mut data, grey) = match caches
        .iter()
        .find_map(|cache| Some((cache, cache.begin()?)))
    {
        Some((cache, mut draft)) => {
            let decoded = decode::all(&set.root, &files, size, progress, &mut |bytes| {
                draft.write(bytes)
            })?;
            let pixels = draft.pixels()?;
            let (train, test) = splits(&set, &pixels, decoded.shape);
            let data = Dataset::from_splits(&set.name, set.tasks.clone(), 255.0, train, test)?;
            let header = cache::Header {
                key: key.text(),
                shape: decoded.shape,
                bytes: pixels.len(),
                mean: data.normalisation[0].mean.clone(),
                std: data.normalisation[0].std.clone(),
                sha256: data.sha256.clone(),
                grey: decoded.grey,
            };
            drop(pixels);
            let normalisation = data.normalisation.clone();
            drop(data);
            let pixels = draft.keep(cache, &header)?;
            let (train, test) = splits(&set, &pixels, decoded.shape);
            let data = Dataset::from_checked(
                &set.name,
                set.tasks,
                normalisation,
                header.sha256,
                train,
                test,
            );
            (data, decoded.grey)
        }
        None => {
            let mut pixels = vec![];
            let decoded = decode::all(&set.root, &files, size, progress, &mut |bytes| {
                pixels.extend_from_slice(bytes);
                Ok(())
            })?;
            let (train, test) = splits(&set, &pixels.into(), decoded.shape);
            let mut data = Dataset::from_splits(&set.name, set.tasks, 255.0, train, test)?;
            data.notes.push(
                "the decoded images are not kept: neither the data folder nor the cache folder is writable".into(),
            );
            (data, decoded.grey)
        }
    };
    finish(&mut data, &set.root, grey);
    Ok(data)
}

fn finish(data: &mut Dataset, root: &std::path::Path, grey: usize) {
    data.source = root.display().to_string();
    if grey > 0 {
        data.notes.push(format!(
            "{grey} of {} images are grey and have three equal channels here",
            data.train.len + data.test.len
        ));
    }
}

/// The splits over decoded pixels: the training images, then the test images.
fn splits(set: &ImageSet, pixels: &Bytes, shape: [usize; 3]) -> (Split, Split) {
    let sample: usize = shape.iter().product();
    let border = set.train.len() * sample;
    let split = |range, len, targets: &[Column]| Split {
        len,
        inputs: vec![column("image", Dtype::U8, &shape, pixels.part(range))],
        targets: targets.to_vec(),
    };
    (
        split(0..border, set.train.len(), &set.train_targets),
        split(border..pixels.len(), set.test.len(), &set.test_targets),
    )
}
