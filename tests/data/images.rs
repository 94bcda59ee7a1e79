//! Folders of images, and the cache of decoded images.

use super::{one_sentence, open};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use wattgrad::internals::data::{DataError, DataOptions, Dataset, ReadProgress};

/// A JPEG of one colour, or of one grey.
pub fn jpeg(width: u32, height: u32, colour: &[u8]) -> Vec<u8> {
    let kind = match colour.len() {
        1 => ExtendedColorType::L8,
        _ => ExtendedColorType::Rgb8,
    };
    let pixels: Vec<u8> = (0..width * height).flat_map(|_| colour).copied().collect();
    let mut bytes = vec![];
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 100);
    encoder.write_image(&pixels, width, height, kind).unwrap();
    bytes
}

fn png(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(pixels, width, height, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

fn write(path: PathBuf, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Two classes with two training images and one test image each, of 4x3 pixels.
fn small() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (class, colour) in [("cat", [200, 10, 10]), ("dog", [10, 10, 200])] {
        let file = |split: &str, name: &str| dir.path().join(split).join(class).join(name);
        write(file("train", "1.jpg"), &jpeg(4, 3, &colour));
        let pixels: Vec<u8> = (0..36).map(|at| at as u8 + colour[0]).collect();
        write(file("train", "2.PNG"), &png(4, 3, &pixels));
        write(file("test", "3.jpeg"), &jpeg(4, 3, &colour));
    }
    dir
}

fn sized(path: &Path, size: u32) -> Result<Dataset, DataError> {
    let options = DataOptions {
        image_size: Some(size),
        ..DataOptions::default()
    };
    Dataset::open_with(path.to_str().unwrap(), &options, &mut |_| ())
}

#[test]
fn a_folder_per_class_is_read_in_order() {
    let dir = small();
    fs::write(dir.path().join("train/cat/notes.txt"), "no image").unwrap();
    let set = open(dir.path()).unwrap();
    assert_eq!((set.train.len, set.test.len, set.classes()), (4, 2, 2));
    assert_eq!(set.train.targets[0].bytes[..], [0, 0, 1, 1]);
    assert_eq!(set.train.inputs[0].spec.shape, [3, 3, 4]);
    // The PNG of the first class as planes: red, then green, then blue.
    let second = &set.train.inputs[0].bytes[36..72];
    assert_eq!(second[..4], [200, 203, 206, 209]);
    assert_eq!((second[12], second[24]), (201, 202));
    assert!(
        set.notes
            .iter()
            .any(|note| note.contains("train/cat/notes.txt"))
    );
}

#[test]
fn the_centre_square_is_scaled() {
    let dir = small();
    let set = sized(dir.path(), 2).unwrap();
    assert_eq!(set.train.inputs[0].spec.shape, [3, 2, 2]);
    let expected = [200u8, 10, 10];
    let red = &set.train.inputs[0].bytes[..12];
    for (channel, plane) in red.chunks(4).enumerate() {
        let near = |v: &u8| v.abs_diff(expected[channel]) <= 3;
        assert!(plane.iter().all(near), "{red:?}");
    }
    // A sample of half the size is the mean of its neighbourhood: of 4x4 pixels in two halves each stays itself.
    let pixels: Vec<u8> = (0..16)
        .flat_map(|at| [if at % 4 < 2 { 0 } else { 240 }; 3])
        .collect();
    for split in ["train", "test"] {
        write(
            dir.path().join(split).join("cat/0.png"),
            &png(4, 4, &pixels),
        );
    }
    let set = sized(dir.path(), 2).unwrap();
    let plane = &set.train.inputs[0].bytes[..4];
    assert!(
        plane[0] < 60 && plane[1] > 180 && plane[0] == plane[2],
        "{plane:?}"
    );
}

#[test]
fn decoded_images_are_kept_and_follow_the_files() {
    let dir = small();
    let decoded = |path: &Path| {
        let mut seen = vec![];
        let set = Dataset::open_with(
            path.to_str().unwrap(),
            &DataOptions::default(),
            &mut |progress: ReadProgress| seen.push(progress.done),
        );
        (set.unwrap(), seen)
    };
    let (first, seen) = decoded(dir.path());
    assert_eq!(seen, [6]);
    let (again, seen) = decoded(dir.path());
    assert!(seen.is_empty(), "the second read decodes nothing");
    assert_eq!(first.train, again.train);
    assert_eq!(first.test, again.test);
    assert_eq!(
        (&first.sha256, &first.normalisation, &first.tasks),
        (&again.sha256, &again.normalisation, &again.tasks)
    );
    let caches = || {
        let entries = fs::read_dir(dir.path().join(".wattgrad-cache")).unwrap();
        entries.map(|e| e.unwrap().path()).collect::<Vec<_>>()
    };
    let cache = &caches()[0];
    assert_eq!(caches().len(), 1, "no temporary file is left");
    // A cut-off cache counts as none.
    let bytes = fs::read(cache).unwrap();
    fs::write(cache, &bytes[..bytes.len() - 1]).unwrap();
    let (mended, seen) = decoded(dir.path());
    assert_eq!((seen, mended.train == first.train), (vec![6], true));
    // Another image, another key.
    write(dir.path().join("test/dog/4.jpg"), &jpeg(4, 3, &[1, 2, 3]));
    assert_eq!(decoded(dir.path()).0.test.len, 3);
}

#[test]
fn grey_images_get_three_channels() {
    let dir = small();
    fs::write(dir.path().join("test/dog/3.jpeg"), jpeg(4, 3, &[77])).unwrap();
    let set = open(dir.path()).unwrap();
    let grey = &set.test.inputs[0].bytes[36..];
    assert!(grey.iter().all(|v| v.abs_diff(77) <= 1), "{grey:?}");
    assert!(
        set.notes
            .iter()
            .any(|note| note.starts_with("1 of 6 images are grey"))
    );
}

#[test]
fn files_that_are_no_images_are_named() {
    let refused = |bytes: &[u8], wanted: &str| {
        let dir = small();
        let path = dir.path().join("train/dog/1.jpg");
        fs::write(&path, bytes).unwrap();
        let error = open(dir.path()).unwrap_err();
        one_sentence(&error);
        let text = error.to_string();
        assert!(
            text.contains("train/dog/1.jpg") && text.contains(wanted),
            "{text}"
        );
        assert!(matches!(error, DataError::File { .. }));
        let cache = dir.path().join(".wattgrad-cache");
        assert_eq!(
            fs::read_dir(cache).unwrap().count(),
            0,
            "nothing half done is left"
        );
    };
    refused(
        b"GIF89a",
        "is not a JPEG or PNG file (it starts with [47, 49, 46, 38])",
    );
    refused(b"", "is not a JPEG or PNG file");
    let whole = jpeg(4, 3, &[1, 2, 3]);
    refused(&whole[..40], "is damaged");
    refused(&png(4, 3, &[7; 36])[..50], "is damaged");
    refused(
        &jpeg(5, 3, &[1, 2, 3]),
        "is 5x3 pixels, but the first image is 4x3",
    );
    // A frame header with four channels: precision, height, width, channels.
    let mut cmyk = vec![
        0xff, 0xd8, 0xff, 0xee, 0, 4, 0, 0, 0xff, 0xc0, 0, 20, 8, 0, 3, 0, 4, 4,
    ];
    cmyk.resize(60, 0);
    refused(&cmyk, "four channels (CMYK)");
}

#[test]
fn folders_that_do_not_fit_are_named() {
    let dir = small();
    fs::remove_dir_all(dir.path().join("test")).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("folder test or val"), "{error}");
    fs::create_dir_all(dir.path().join("val/bird")).unwrap();
    let error = open(dir.path()).unwrap_err();
    one_sentence(&error);
    assert!(error.to_string().contains("val/bird"), "{error}");
    fs::remove_dir(dir.path().join("val/bird")).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, DataError::NoSamples { .. }), "{error}");
    write(dir.path().join("val/cat/1.jpg"), &jpeg(4, 3, &[1, 2, 3]));
    assert_eq!(open(dir.path()).unwrap().test.len, 1);
    let options = DataOptions {
        window: Some(3),
        ..DataOptions::default()
    };
    let path = dir.path().to_str().unwrap();
    let error = Dataset::open_with(path, &options, &mut |_| ()).unwrap_err();
    one_sentence(&error);
    assert!(matches!(
        error,
        DataError::UnusedOption { flag: "window", .. }
    ));
    assert!(matches!(
        sized(dir.path(), 0).unwrap_err(),
        DataError::ZeroOption { .. }
    ));
}
