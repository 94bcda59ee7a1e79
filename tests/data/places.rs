//! Where a data set is looked for.

use super::{IMAGES, LABELS, TEST_IMAGES, TEST_LABELS, one_sentence, small};
use std::fs;
use wattgrad::internals::data::{DataError, Dataset, Places, locate_in};

#[test]
fn auto_takes_the_first_place_that_has_a_set_and_says_where_it_looked() {
    let (with, empty) = (small(), tempfile::tempdir().unwrap());
    let folders = vec![empty.path().join("none"), with.path().to_owned()];
    let places = Places {
        environment: None,
        folders: folders.clone(),
    };
    let set = Dataset::open_in("auto", &places).unwrap();
    assert_eq!(set.source, with.path().display().to_string());
    assert_eq!(
        set.looked
            .iter()
            .map(|f| (f.path.clone(), f.present))
            .collect::<Vec<_>>(),
        [(folders[0].clone(), false), (folders[1].clone(), true)]
    );

    let bare = Places {
        environment: None,
        folders: folders[..1].to_vec(),
    };
    let set = Dataset::open_in("auto", &bare).unwrap();
    assert_eq!((set.name.as_str(), set.looked.len()), ("digits", 1));
    let error = Dataset::open_in("fashion-mnist", &bare).unwrap_err();
    assert!(
        matches!(&error, DataError::NoFashionMnist { looked } if looked.contains("no such folder")),
        "{error}"
    );
    one_sentence(&error);
    let error = Dataset::open_in("fashion-mnist", &places).unwrap_err();
    assert!(
        matches!(error, DataError::NotFashionMnist { .. }),
        "{error}"
    );
    one_sentence(&error);

    // A damaged set is an error, not a reason to train on something else.
    fs::write(with.path().join(IMAGES), b"nonsense").unwrap();
    assert!(matches!(
        Dataset::open_in("auto", &places).unwrap_err(),
        DataError::BadMagic { .. }
    ));
}

#[test]
fn the_environment_comes_first_and_must_be_usable() {
    let (with, other) = (small(), tempfile::tempdir().unwrap());
    let below = other.path().join("fashion-mnist");
    fs::create_dir(&below).unwrap();
    for name in [IMAGES, LABELS, TEST_IMAGES, TEST_LABELS] {
        fs::copy(with.path().join(name), below.join(name)).unwrap();
    }
    let places = Places {
        environment: Some(other.path().to_owned()),
        folders: vec![with.path().to_owned()],
    };
    assert_eq!(
        Dataset::open_in("auto", &places).unwrap().source,
        below.display().to_string()
    );
    fs::remove_file(below.join(LABELS)).unwrap();
    for spec in ["auto", "fashion-mnist"] {
        let error = Dataset::open_in(spec, &places).unwrap_err();
        assert!(matches!(error, DataError::BadEnvironment { .. }), "{error}");
        one_sentence(&error);
    }
}

#[test]
fn locate_lists_every_place_once() {
    let dir = small();
    let places = Places {
        environment: Some(dir.path().join("none")),
        folders: vec![
            dir.path().to_owned(),
            dir.path().join("."),
            dir.path().join("none"),
        ],
    };
    let found = locate_in(&places);
    let list: Vec<_> = found.iter().map(|f| (f.spec.as_str(), f.present)).collect();
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
