//! Fashion-MNIST and the digits: sizes, moments and checksums.

use super::{one_sentence, open, repository};
use wattgrad::internals::data::{Dataset, TaskKind};

/// Mean, standard deviation and scale of the only channel.
fn moments(set: &Dataset) -> (f64, f64, f64) {
    let of = &set.normalisation[0];
    (of.mean[0], of.std[0], of.scale)
}

#[test]
fn fashion_mnist_has_its_published_size_moments_and_checksum() {
    let set = open(&repository().join("data/fashion-mnist")).unwrap();
    assert_eq!(
        (set.name.as_str(), set.licence.as_str()),
        ("fashion-mnist", "MIT (Zalando SE)")
    );
    assert_eq!(
        (set.train.len, set.test.len, set.classes()),
        (60_000, 10_000, 10)
    );
    assert_eq!(set.train.inputs[0].spec.shape, [1, 28, 28]);
    assert_eq!(set.train.inputs[0].bytes.len(), 60_000 * 784);
    assert_eq!(moments(&set), (0.2860, 0.3530, 255.0));
    // Computed independently, with Python's gzip and hashlib.
    assert_eq!(
        set.sha256,
        "ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f"
    );
    assert_eq!(
        set.train.targets[0].bytes[..10],
        [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    );
    for split in [&set.train, &set.test] {
        let mut counts = [0; 10];
        split.targets[0]
            .bytes
            .iter()
            .for_each(|&l| counts[usize::from(l)] += 1);
        assert_eq!(counts, [split.len / 10; 10]);
    }
    let names: Vec<&str> = set.tasks.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["label", "kind"]);
    // Trousers 1, dress 2, shoes 3, bag 4, the rest tops 0: one, one, three, one and four classes of ten.
    let kinds = set.task("kind").unwrap();
    assert_eq!(kinds.kind, TaskKind::Classes(5));
    assert_eq!(
        set.train.targets[kinds.target].bytes[..10],
        [3, 0, 0, 2, 0, 0, 3, 0, 3, 3]
    );
    let mut counts = [0; 5];
    let kinds = &set.test.targets[kinds.target].bytes;
    kinds.iter().for_each(|&k| counts[usize::from(k)] += 1);
    assert_eq!(counts, [4_000, 1_000, 1_000, 3_000, 1_000]);
    one_sentence(&set.task("colour").unwrap_err());
    // A binding limit of 16 MiB divides it into three shards.
    assert_eq!(set.train.inputs[0].shards(16 << 20).unwrap().len(), 3);
}

#[test]
fn digits_are_embedded_with_their_published_checksum() {
    let set = Dataset::open("digits").unwrap();
    assert_eq!(
        (
            set.source.as_str(),
            set.train.len,
            set.test.len,
            set.classes()
        ),
        ("embedded", 1_500, 297, 10)
    );
    assert_eq!(moments(&set), (0.3051, 0.3750, 16.0));
    assert!(set.licence.contains("CC BY 4.0") && set.licence.contains("BSD-3-Clause"));
    assert_eq!(set.train.inputs[0].spec.shape, [1, 8, 8]);
    assert_eq!(set.train.inputs[0].bytes[..8], [0, 0, 5, 13, 9, 1, 0, 0]);
    assert_eq!(set.train.targets[0].bytes[..5], [0, 1, 2, 3, 4]);
    assert_eq!(set.test.targets[0].bytes[292..], [9, 0, 8, 9, 8]);
    // Computed independently, with scikit-learn and hashlib.
    assert_eq!(
        set.sha256,
        "40392fed152d0c5c1db6cf3f5ecc6c69783c372dbebb453ab13d23b097e1e2e0"
    );
}
