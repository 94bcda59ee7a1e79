//! Arrays of a `.safetensors` file; their values stay in the file.
use std::path::Path;

use safetensors::{Dtype as Kind, SafeTensors};

use super::array::{Array, Stored};
use super::is_wanted;
use crate::data::{Bytes, DataError, Dtype};

/// Reads the arrays whose names are known here; of the others only the names.
pub(super) fn read(path: &Path) -> Result<Vec<(String, Array)>, DataError> {
    let bytes = Bytes::map(path)?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|why| DataError::File {
        path: path.to_owned(),
        what: format!("is damaged ({why})"),
        fix: "write or download it again",
    })?;
    let mut arrays = vec![];
    for (name, view) in tensors.iter() {
        if !is_wanted(name) {
            arrays.push((name.to_owned(), Array::default()));
            continue;
        }
        let place = format!("{} ({name})", path.display());
        let Some(stored) = stored(view.dtype()) else {
            return Err(DataError::File {
                path: path.to_owned(),
                what: format!("has an array {name} of type {:?}", view.dtype()),
                fix: "convert it to integers or floats of at most 64 bits",
            });
        };
        let start = view.data().as_ptr() as usize - bytes.as_ptr() as usize;
        let values = bytes.part(start..start + view.data().len());
        arrays.push((
            name.to_owned(),
            Array::new(place, stored, view.shape().to_vec(), values)?,
        ));
    }
    Ok(arrays)
}

fn stored(kind: Kind) -> Option<Stored> {
    Some(match kind {
        Kind::U8 => Stored::Same(Dtype::U8),
        Kind::I8 => Stored::Same(Dtype::I8),
        Kind::U16 => Stored::Same(Dtype::U16),
        Kind::I16 => Stored::Same(Dtype::I16),
        Kind::I32 => Stored::Same(Dtype::I32),
        Kind::F32 => Stored::Same(Dtype::F32),
        Kind::BOOL => Stored::Bool,
        Kind::U32 => Stored::U32,
        Kind::U64 => Stored::U64,
        Kind::I64 => Stored::I64,
        Kind::F16 => Stored::Same(Dtype::F16),
        Kind::F64 => Stored::F64,
        _ => return None,
    })
}
