//! Arrays in NumPy's format.

use std::path::Path;

use super::values::Values;
use crate::cli::failure::Failure;
use crate::files::write_whole;

/// The shape and the elements of a file.
pub fn read(path: &Path) -> Result<(Vec<usize>, Vec<f64>), Failure> {
    crate::data::read_npy(path).map_err(Failure::misuse)
}

pub fn write(path: &Path, shape: &[usize], values: &Values) -> Result<(), Failure> {
    let (descr, bytes): (_, &[u8]) = match values {
        Values::F32(values) => ("<f4", bytemuck::cast_slice(values)),
        Values::U32(values) => ("<u4", bytemuck::cast_slice(values)),
        Values::I32(values) => ("<i4", bytemuck::cast_slice(values)),
    };
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let dictionary =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}");
    // The values begin at a multiple of 64 bytes, after a line break.
    let length = (10 + dictionary.len() + 1).next_multiple_of(64) - 10;
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((length as u16).to_le_bytes());
    file.extend(format!("{dictionary:<width$}\n", width = length - 1).into_bytes());
    file.extend(bytes);
    write_whole(path, &file).map_err(|error| Failure::cannot_write(path, &error))
}
