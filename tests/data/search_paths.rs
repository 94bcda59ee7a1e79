//! Where data is searched.

use super::{IMAGES, LABELS, TEST_IMAGES, TEST_LABELS, one_sentence, small};
use std::fs;
use wattgrad::internals::data::{DataError, Dataset, SearchPaths, locate};

#[test]
fn auto_opens_the_first_folder_with_a_dataset() {
    let (with, empty) = (small(), tempfile::tempdir().unwrap());
    let folders = vec![empty.path().join("none"), with.path().to_owned()];
    let paths = SearchPaths {
        environment: None,
        folders: folders.clone(),
    };
    let set = Dataset::open_in("auto", &paths).unwrap();
    assert_eq!(set.source, with.path().display().to_string());
    let bare = SearchPaths {
        environment: None,
        folders: folders[..1].to_vec(),
    };
    let set = Dataset::open_in("auto", &bare).unwrap();
    assert_eq!(set.name, "digits");
    let error = Dataset::open_in("fashion-mnist", &bare).unwrap_err();
    assert!(
        matches!(&error, DataError::NoFashionMnist { searched } if searched.contains("no such folder")),
        "{error}"
    );
    one_sentence(&error);
    let error = Dataset::open_in("fashion-mnist", &paths).unwrap_err();
    assert!(
        matches!(error, DataError::NotFashionMnist { .. }),
        "{error}"
    );
    one_sentence(&error);

    // A damaged dataset is an error, not a reason to train on another one.
    fs::write(with.path().join(IMAGES), b"nonsense").unwrap();
    assert!(matches!(
        Dataset::open_in("auto", &paths).unwrap_err(),
        DataError::BadMagic { .. }
    ));
}

#[test]
fn the_environment_comes_first_and_must_hold_a_dataset() {
    let (with, other) = (small(), tempfile::tempdir().unwrap());
    let below = other.path().join("fashion-mnist");
    fs::create_dir(&below).unwrap();
    for name in [IMAGES, LABELS, TEST_IMAGES, TEST_LABELS] {
        fs::copy(with.path().join(name), below.join(name)).unwrap();
    }
    let paths = SearchPaths {
        environment: Some(other.path().to_owned()),
        folders: vec![with.path().to_owned()],
    };
    assert_eq!(
        Dataset::open_in("auto", &paths).unwrap().source,
        below.display().to_string()
    );
    fs::remove_file(below.join(LABELS)).unwrap();
    for name in ["auto", "fashion-mnist"] {
        let error = Dataset::open_in(name, &paths).unwrap_err();
        assert!(matches!(error, DataError::BadEnvironment { .. }), "{error}");
        one_sentence(&error);
    }
}

#[test]
fn locate_lists_every_folder_once() {
    let dir = small();
    let paths = SearchPaths {
        environment: Some(dir.path().join("none")),
        folders: vec![
            dir.path().to_owned(),
            dir.path().join("."),
            dir.path().join("none"),
        ],
    };
    let found = locate(&paths);
    let list: Vec<_> = found
        .iter()
        .map(|f| (f.name.as_str(), f.complete))
        .collect();
    assert_eq!(
        list,
        [
            ("auto", false),
            ("fashion-mnist", true),
            ("fashion-mnist", false),
            ("digits", true)
        ]
    );
    assert_eq!(found[2].note, "no such folder");
}
