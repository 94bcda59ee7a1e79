//! Weights: files under PyTorch's names, and PyTorch's default initialisation.
#![cfg(feature = "gpu")]

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use wattgrad::internals::kernels::Shape;
use wattgrad::internals::model::weights::{Values, Weights, WeightsError};
use wattgrad::internals::model::{Network, init, presets};

const IMAGE: Shape = Shape {
    channels: 1,
    height: 28,
    width: 28,
};

fn preset(name: &str) -> Network {
    presets::by_name(name, IMAGE, 10).unwrap()
}

/// The bytes of a safetensors file by its format: length, header, data.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

fn read(bytes: &[u8]) -> Result<Weights, WeightsError> {
    Weights::from_bytes(bytes, Path::new("memory"))
}

/// The tensors of a PyTorch run's fixture that start with `part`, as a `state_dict`.
fn state_dict(fixture: &str, part: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(fixture);
    let bytes = std::fs::read(path).unwrap();
    let all = SafeTensors::deserialize(&bytes).unwrap();
    let views: BTreeMap<String, TensorView<'_>> = all
        .iter()
        .filter_map(|(name, view)| Some((name.strip_prefix(part)?.to_owned(), view)))
        .collect();
    assert!(!views.is_empty(), "{fixture} has no {part}");
    safetensors::serialize(views, None).unwrap()
}

#[test]
fn reads_the_values_of_a_hand_written_file() {
    let header = r#"{"bn.num_batches_tracked":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"fc.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[8,32]}}"#;
    let mut data = 41i64.to_le_bytes().to_vec();
    for value in [1.0f32, -2.5, 3.0e-40, f32::INFINITY, 0.0, 7.25] {
        data.extend_from_slice(&value.to_le_bytes());
    }
    let weights = read(&file(header, &data)).unwrap();
    assert_eq!(weights.len(), 2);
    assert_eq!(weights.get("fc.weight").unwrap().shape, [2, 3]);
    assert_eq!(
        weights.floats("fc.weight").unwrap(),
        [1.0, -2.5, 3.0e-40, f32::INFINITY, 0.0, 7.25]
    );
    let count = &weights.get("bn.num_batches_tracked").unwrap().values;
    assert_eq!(*count, Values::I64(41));
}

/// The value of an f16 by its definition: sign, five bits of exponent, ten of fraction.
fn half_value(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    }
}

fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// One tensor `x` with these bytes, and what was read.
fn one(dtype: &str, shape: &[usize], data: &[u8]) -> Result<Vec<f32>, WeightsError> {
    let header = format!(
        r#"{{"x":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[0,{}]}}}}"#,
        data.len()
    );
    Ok(read(&file(&header, data))?.floats("x").unwrap().to_vec())
}

#[test]
fn widens_every_half_exactly() {
    let all: Vec<u16> = (0..=u16::MAX).collect();
    let data: Vec<u8> = all.iter().flat_map(|bits| bits.to_le_bytes()).collect();
    let halves = one("F16", &[65536], &data).unwrap();
    let brain = one("BF16", &[65536], &data).unwrap();
    for bits in all {
        let (found, brain) = (halves[usize::from(bits)], brain[usize::from(bits)]);
        assert!(same(found, half_value(bits)), "F16 {bits:#06x}: {found}");
        // The upper half of an f32, by definition.
        let expected = f32::from_bits(u32::from(bits) << 16);
        assert!(same(brain, expected), "BF16 {bits:#06x}: {brain}");
    }
}

#[test]
fn rounds_doubles_and_refuses_those_beyond_f32() {
    let double = |values: &[f64]| {
        let data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        one("F64", &[1, values.len()], &data)
    };
    let values = [0.1, 1.0 + 2f64.powi(-24), -3.0e38, f64::INFINITY, f64::NAN];
    let found = double(&values).unwrap();
    // Ties go to even.
    let expected = [0.1f32, 1.0, -3.0e38, f32::INFINITY, f32::NAN];
    assert!(
        found.iter().zip(expected).all(|(a, b)| same(*a, b)),
        "{found:?}"
    );
    let error = double(&[1.0, -1e39]).unwrap_err();
    assert!(
        matches!(&error, WeightsError::Range { name, index, value } if name == "x" && *index == [0, 1] && *value == -1e39),
        "{error}"
    );
}

/// Writes a file of F64 tensors whose names are `rename`d, and reads it for `network`.
fn read_for(
    network: &Network,
    weights: &Weights,
    rename: impl Fn(&str) -> String,
    allow: bool,
) -> Result<(Weights, Vec<String>), WeightsError> {
    let mut data: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, param) in weights.iter() {
        if let Values::F32(values) = &param.values {
            let bytes = values.iter().flat_map(|v| f64::from(*v).to_le_bytes());
            data.push((rename(name), param.shape.clone(), bytes.collect()));
        }
    }
    let views = data.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(safetensors::Dtype::F64, shape.clone(), bytes);
        (name.clone(), view.unwrap())
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    std::fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    Weights::read_for(&path, network.parameters(), allow)
}

#[test]
fn removes_the_prefixes_of_wrappers_and_says_so() {
    let network = preset("resnet8");
    let good = init::initial(network.parameters(), 1).unwrap();
    for prefix in [
        "",
        "_orig_mod.",
        "module.",
        "module._orig_mod.",
        "model.net.",
    ] {
        let rename = |name: &str| format!("{prefix}{name}");
        let (weights, notes) = read_for(&network, &good, rename, false).unwrap();
        assert_eq!(weights.floats("bn1.weight"), good.floats("bn1.weight"));
        assert_eq!(weights.floats("fc.bias"), good.floats("fc.bias"));
        assert!(notes[0].contains("F64"), "{notes:?}");
        match prefix {
            "" => assert_eq!(notes.len(), 1, "{notes:?}"),
            _ => assert!(notes[1].contains(&format!("{prefix:?}")), "{notes:?}"),
        }
    }
    // Only a part of the network was compiled.
    let within = |name: &str| name.replace("bn1.", "bn1._orig_mod.");
    let (weights, notes) = read_for(&network, &good, within, false).unwrap();
    assert_eq!(weights.floats("bn1.weight"), good.floats("bn1.weight"));
    assert!(notes[1].contains("_orig_mod"), "{notes:?}");
    // Two prefixes, and one that hides nothing of this network.
    let two = |name: &str| match name.starts_with("bn") {
        true => format!("a.{name}"),
        false => format!("b.{name}"),
    };
    for error in [
        read_for(&network, &good, two, false).unwrap_err(),
        read_for(&network, &good, |name| format!("module.x{name}"), false).unwrap_err(),
    ] {
        assert!(matches!(error, WeightsError::Missing { .. }), "{error}");
    }
}

#[test]
fn refuses_values_that_are_not_finite_unless_allowed() {
    let network = preset("mlp");
    for (value, shown) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let mut bad = init::initial(network.parameters(), 1).unwrap();
        let mut values = bad.floats("fc2.weight").unwrap().to_vec();
        values[512 * 3 + 7] = value;
        bad.insert("fc2.weight", vec![256, 512], values).unwrap();
        let error = read_for(&network, &bad, str::to_owned, false)
            .unwrap_err()
            .to_string();
        for part in ["\"fc2.weight\"", "[3, 7]", shown, "--allow-non-finite"] {
            assert!(error.contains(part), "{error} lacks {part}");
        }
        let (weights, notes) = read_for(&network, &bad, str::to_owned, true).unwrap();
        assert!(same(
            weights.floats("fc2.weight").unwrap()[512 * 3 + 7],
            value
        ));
        assert!(notes.last().unwrap().contains("[3, 7]"), "{notes:?}");
    }
}

#[test]
fn another_reader_reads_written_files() {
    let mut weights = Weights::default();
    weights
        .insert("b.weight", vec![1, 2], vec![0.1, -0.2])
        .unwrap();
    weights
        .insert("a.bias", vec![1], vec![f32::MIN_POSITIVE])
        .unwrap();
    weights.insert_count("n.num_batches_tracked", 12);
    let bytes = weights.to_bytes("interrupted").unwrap();
    let theirs = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = theirs.tensor("b.weight").unwrap();
    assert_eq!(tensor.shape(), [1, 2]);
    assert_eq!(
        tensor.data(),
        [0.1f32.to_le_bytes(), (-0.2f32).to_le_bytes()].concat()
    );
    let count = theirs.tensor("n.num_batches_tracked").unwrap();
    assert_eq!(count.data(), 12i64.to_le_bytes());
    assert!(count.shape().is_empty());
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let outcome = metadata
        .metadata()
        .as_ref()
        .unwrap()
        .get("outcome")
        .unwrap();
    assert_eq!(outcome, "interrupted");
    assert_eq!(bytes, weights.to_bytes("interrupted").unwrap());
    assert_eq!(read(&bytes).unwrap(), weights);
}

#[test]
fn state_dicts_of_pytorch_fit_the_presets() {
    for (fixture, name) in [
        ("parity_mlp.safetensors", "mlp"),
        ("parity_cnn.safetensors", "cnn"),
        ("parity_resnet8.safetensors", "resnet8"),
    ] {
        let weights = read(&state_dict(fixture, "init.")).unwrap();
        weights.check(preset(name).parameters()).unwrap();
    }
}

#[test]
fn rejects_missing_extra_and_misshapen_tensors_by_name() {
    let network = preset("mlp");
    let good = init::initial(network.parameters(), 0).unwrap();
    good.check(network.parameters()).unwrap();

    let without = |gone: &str| {
        let mut weights = Weights::default();
        for (name, param) in good.iter().filter(|(name, _)| *name != gone) {
            if let Values::F32(values) = &param.values {
                weights
                    .insert(name, param.shape.clone(), values.clone())
                    .unwrap();
            }
        }
        weights
    };
    let error = without("fc2.bias").check(network.parameters()).unwrap_err();
    assert!(
        matches!(&error, WeightsError::Missing { name, expected, .. } if name == "fc2.bias" && *expected == [256])
    );
    assert!(error.to_string().contains("fc2.bias"));

    let mut extra = good.clone();
    extra.insert("fc4.bias", vec![1], vec![0.0]).unwrap();
    let error = extra.check(network.parameters()).unwrap_err();
    assert!(matches!(&error, WeightsError::Extra { name } if name == "fc4.bias"));

    // Same number of values in another shape: a transposed linear layer.
    let mut transposed = without("fc3.weight");
    transposed
        .insert("fc3.weight", vec![256, 10], vec![0.0; 2560])
        .unwrap();
    let error = transposed.check(network.parameters()).unwrap_err();
    assert!(
        matches!(&error, WeightsError::Shape { name, expected, found } if name == "fc3.weight" && *expected == [10, 256] && *found == [256, 10])
    );
    let text = error.to_string();
    assert!(
        text.contains("[10, 256]") && text.contains("[256, 10]"),
        "{text}"
    );

    let mut counted = without("fc1.bias");
    counted.insert_count("fc1.bias", 3);
    let error = counted.check(network.parameters()).unwrap_err();
    assert!(matches!(error, WeightsError::Dtype { .. }));
    // A batch count of a layer without running statistics is an extra tensor.
    let mut stray = good.clone();
    stray.insert_count("fc1.num_batches_tracked", 3);
    assert!(matches!(
        stray.check(network.parameters()),
        Err(WeightsError::Extra { .. })
    ));
}

#[test]
fn rejects_damaged_files() {
    let header = r#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let good = file(header, &[0; 8]);
    assert!(read(&good).is_ok());
    for end in [0, 4, 8, 20, good.len() - 1] {
        let error = read(&good[..end]).unwrap_err();
        assert!(
            matches!(error, WeightsError::Corrupt { .. }),
            "{end}: {error}"
        );
    }
    assert!(read(b"PK\x03\x04 a zip file from torch.save").is_err());
    for (dtype, bytes) in [("U8", 1), ("I32", 4), ("I64", 8)] {
        let header = header
            .replace("F32", dtype)
            .replace("[0,8]", &format!("[0,{}]", 2 * bytes));
        let error = read(&file(&header, &vec![0; 2 * bytes])).unwrap_err();
        assert!(
            matches!(&error, WeightsError::Dtype { name, found, .. } if name == "x" && found == dtype),
            "{error}"
        );
    }
    let missing = Weights::read(Path::new("no/such/file.safetensors")).unwrap_err();
    assert!(matches!(missing, WeightsError::Read { .. }));
    assert!(missing.to_string().contains("no/such/file.safetensors"));
}

#[test]
fn replaces_a_file_atomically() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let mut weights = Weights::default();
    weights.insert("x", vec![1], vec![1.0]).unwrap();
    weights.write(&path, "completed").unwrap();
    weights.insert("x", vec![1], vec![2.0]).unwrap();
    weights.write(&path, "completed").unwrap();
    assert_eq!(Weights::read(&path).unwrap(), weights);
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "no temporary file remains");
    let error = weights
        .write(&folder.path().join("no/w.safetensors"), "completed")
        .unwrap_err();
    assert!(matches!(error, WeightsError::Write { .. }));
}

#[cfg(target_os = "linux")]
#[test]
fn keeps_links_and_reports_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("w"), folder.path().join("link"));
    std::fs::write(&path, "old").unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let mut weights = Weights::default();
    weights.insert("x", vec![1], vec![1.0]).unwrap();
    weights.write(&link, "completed").unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(Weights::read(&path).unwrap(), weights);
    let error = weights
        .write(Path::new("/dev/full"), "completed")
        .unwrap_err();
    assert!(error.to_string().contains("/dev/full"), "{error}");
}

#[test]
fn initial_weights_have_the_distribution_of_pytorch() {
    let network = preset("mlp");
    let weights = init::initial(network.parameters(), 1).unwrap();
    // Bounds by hand: 1/sqrt(784) = 1/28, 1/sqrt(512), 1/16.
    for (layer, bound) in [("fc1", 1.0 / 28.0), ("fc2", 0.044_194_174), ("fc3", 0.0625)] {
        for leaf in ["weight", "bias"] {
            let values = weights.floats(&format!("{layer}.{leaf}")).unwrap();
            let n = values.len() as f64;
            let most = values.iter().fold(0.0f64, |m, v| m.max(f64::from(v.abs())));
            assert!(most <= bound * 1.000_001, "{layer}.{leaf} reaches {most}");
            if values.len() < 1000 {
                continue;
            }
            assert!(most > bound * 0.99, "{layer}.{leaf} reaches only {most}");
            let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
            let square = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / n;
            // Five standard errors of the mean and of the mean square of a uniform distribution.
            let error = bound / (3.0 * n).sqrt();
            assert!(mean.abs() < 5.0 * error, "{layer}.{leaf}: mean {mean}");
            let expected = bound * bound / 3.0;
            let error = bound * bound * (4.0f64 / 45.0 / n).sqrt();
            assert!(
                (square - expected).abs() < 5.0 * error,
                "{layer}.{leaf}: {square}"
            );
        }
    }
}

#[test]
fn initial_weights_depend_only_on_seed_and_name() {
    let network = preset("mlp");
    let all = init::initial(network.parameters(), 7).unwrap();
    // Computed independently from SHA-256 and SplitMix64; the bound is 1/16, so every digit is exact.
    let drawn = [8_852_633u32, 5_014_183, 1_984_304, 3_232_643];
    let expected = drawn.map(|bits| (bits as f32 / 16_777_216.0 * 2.0 - 1.0) / 16.0);
    assert_eq!(all.floats("fc3.bias").unwrap()[..4], expected);
    let some: Vec<_> = network
        .parameters()
        .iter()
        .rev()
        .filter(|spec| spec.name.starts_with("fc3"))
        .cloned()
        .collect();
    let few = init::initial(&some, 7).unwrap();
    assert_eq!(few.floats("fc3.weight"), all.floats("fc3.weight"));
    let other = init::initial(network.parameters(), 8).unwrap();
    assert_ne!(other.floats("fc3.weight"), all.floats("fc3.weight"));
}

#[test]
fn batch_norms_start_like_pytorch_and_count_their_batches() {
    let network = preset("resnet8");
    let start = init::initial(network.parameters(), 0).unwrap();
    start.check(network.parameters()).unwrap();
    for (leaf, value) in [
        ("weight", 1.0),
        ("bias", 0.0),
        ("running_mean", 0.0),
        ("running_var", 1.0),
    ] {
        assert_eq!(start.floats(&format!("bn1.{leaf}")), Some(&[value; 16][..]));
    }
    let count = |weights: &Weights| {
        weights
            .get("bn1.num_batches_tracked")
            .unwrap()
            .values
            .clone()
    };
    assert_eq!(count(&start), Values::I64(0));
    let mut later = start.clone();
    later.count_batches(network.parameters(), &start, 30);
    let mut last = later.clone();
    last.count_batches(network.parameters(), &later, 12);
    assert_eq!(count(&last), Values::I64(42));
}
