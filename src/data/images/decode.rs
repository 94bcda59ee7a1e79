//! Decodes JPEG and PNG files to planar RGB bytes of one size, on all cores, in the order of the files.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat, RgbImage};

use crate::data::reader::Progress;
use crate::data::{DataError, ReadProgress};

/// Images that a worker decodes before it passes them on.
const CHUNK: usize = 16;

/// The size of decoded images.
#[derive(Clone, Copy)]
pub(super) enum Size {
    /// The centre square, scaled to this width and height.
    Scaled(u32),
    /// As stored: this width and height.
    Exactly((u32, u32)),
}

/// What was decoded.
pub(super) struct Decoded {
    /// Channels, height and width.
    pub shape: [usize; 3],
    /// How many images were grey.
    pub grey: usize,
}

type Chunk = Result<(Vec<u8>, usize), DataError>;

/// Decodes `files`, which are relative to `root`, and passes their bytes to `write` in order. Of several damaged files the
/// first is reported.
pub(super) fn all(
    root: &Path,
    files: &[PathBuf],
    size: Size,
    progress: Progress<'_>,
    write: &mut dyn FnMut(&[u8]) -> Result<(), DataError>,
) -> Result<Decoded, DataError> {
    let (width, height) = match size {
        Size::Scaled(side) => (side, side),
        Size::Exactly(both) => both,
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let chunks = files.len().div_ceil(CHUNK);
    let mut grey = 0;
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<(usize, Chunk)>(2 * workers);
        for _ in 0..workers.min(chunks) {
            let sender = sender.clone();
            let (next, stop) = (&next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(files) = files.chunks(CHUNK).nth(at) else {
                        return;
                    };
                    if sender.send((at, chunk(root, files, size))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting: BTreeMap<usize, Chunk> = BTreeMap::new();
        let mut wanted = 0;
        let mut result = Ok(());
        while wanted < chunks && result.is_ok() {
            let Ok((at, chunk)) = receiver.recv() else {
                break;
            };
            waiting.insert(at, chunk);
            while let Some(chunk) = waiting.remove(&wanted) {
                result = chunk.and_then(|(bytes, greys)| {
                    grey += greys;
                    write(&bytes)
                });
                wanted += 1;
                if result.is_err() {
                    break;
                }
                progress(ReadProgress {
                    what: "images decoded",
                    done: (wanted * CHUNK).min(files.len()),
                    of: files.len(),
                });
            }
        }
        stop.store(true, Ordering::Relaxed);
        // Workers that wait to send see that nobody receives.
        drop(receiver);
        result
    })?;
    Ok(Decoded {
        shape: [3, height as usize, width as usize],
        grey,
    })
}

fn chunk(root: &Path, files: &[PathBuf], size: Size) -> Chunk {
    let mut bytes = vec![];
    let mut grey = 0;
    for file in files {
        let (image, is_grey) = one(&root.join(file), size)?;
        grey += usize::from(is_grey);
        // Channel by channel, as every input is stored.
        for channel in 0..3 {
            bytes.extend(image.pixels().map(|pixel| pixel.0[channel]));
        }
    }
    Ok((bytes, grey))
}

/// An image of the wanted size, and whether it was grey.
fn one(path: &Path, size: Size) -> Result<(RgbImage, bool), DataError> {
    let image = decode(path)?;
    let grey = !image.color().has_color();
    let image = image.into_rgb8();
    let image = match size {
        Size::Scaled(side) => scaled(&image, side),
        Size::Exactly(wanted) if image.dimensions() == wanted => image,
        Size::Exactly((width, height)) => {
            let (found_width, found_height) = image.dimensions();
            return Err(DataError::File {
                path: path.to_owned(),
                what: format!(
                    "is {found_width}x{found_height} pixels, but the first image is {width}x{height}"
                ),
                fix: "give --image-size to scale all images to one size",
            });
        }
    };
    Ok((image, grey))
}

/// The centre square of an image, scaled.
fn scaled(image: &RgbImage, side: u32) -> RgbImage {
    let (width, height) = image.dimensions();
    if (width, height) == (side, side) {
        return image.clone();
    }
    let square = width.min(height);
    let (left, top) = ((width - square) / 2, (height - square) / 2);
    let view = image::imageops::crop_imm(image, left, top, square, square).to_image();
    image::imageops::resize(&view, side, side, FilterType::Triangle)
}

/// Width and height of an image file.
pub(super) fn dimensions(path: &Path) -> Result<(u32, u32), DataError> {
    let image = decode(path)?;
    Ok((image.width(), image.height()))
}

fn decode(path: &Path) -> Result<DynamicImage, DataError> {
    let bytes = std::fs::read(path).map_err(|source| DataError::Io {
        path: path.to_owned(),
        source,
    })?;
    let error = |what: String, fix| DataError::File {
        path: path.to_owned(),
        what,
        fix,
    };
    let format = match bytes.as_slice() {
        [0xff, 0xd8, 0xff, ..] => ImageFormat::Jpeg,
        [0x89, b'P', b'N', b'G', ..] => ImageFormat::Png,
        other => {
            let start = other.get(..4).unwrap_or(other);
            return Err(error(
                format!("is not a JPEG or PNG file (it starts with {start:02x?})"),
                "convert or remove the file",
            ));
        }
    };
    if format == ImageFormat::Jpeg && jpeg_channels(&bytes) == Some(4) {
        return Err(error(
            "is a JPEG with four channels (CMYK), whose colours need a profile".into(),
            "convert it to RGB",
        ));
    }
    let image = image::load_from_memory_with_format(&bytes, format);
    let image = image.map_err(|why| {
        // In one line: some reasons end with a line break.
        let why = why.to_string();
        let why: Vec<&str> = why.split_whitespace().collect();
        let what = format!("is damaged ({})", why.join(" ").trim_end_matches('.'));
        error(what, "replace or remove the file")
    })?;
    if image.width() == 0 || image.height() == 0 {
        return Err(error("has no pixels".into(), "replace or remove the file"));
    }
    Ok(image)
}

/// The number of channels in the frame header of a JPEG file.
fn jpeg_channels(bytes: &[u8]) -> Option<u8> {
    let mut at = 2;
    loop {
        let &[0xff, marker, high, low] = bytes.get(at..at + 4)? else {
            return None;
        };
        match marker {
            // Start of frame, of any coding; c4, c8 and cc are tables.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                return bytes.get(at + 9).copied();
            }
            0xff => at += 1,
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
}
