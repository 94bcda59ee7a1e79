//! How an operand is bound: the kind of its binding, and how an image holds its elements.

use crate::data::Dtype;
use crate::device::{BindingKind, Texel};
use crate::kernels::{Access, Operand, Storage};

/// How an image holds a quad of elements of this type.
pub(crate) fn texel(dtype: Dtype) -> Texel {
    match dtype {
        Dtype::F16 => Texel::F16,
        _ => Texel::F32,
    }
}

/// The type of the binding of an operand.
pub(crate) fn binding_kind(operand: &Operand) -> BindingKind {
    let texel = texel(operand.dtype);
    match (operand.storage, operand.access) {
        (Storage::Buffer, Access::Read) => BindingKind::StorageRead,
        (Storage::Buffer, _) => BindingKind::StorageReadWrite,
        (Storage::Image, Access::Read) => BindingKind::ImageRead(texel),
        (Storage::Image, Access::Write) => BindingKind::ImageWrite(texel),
        (Storage::Image, Access::Update) => BindingKind::ImageReadWrite(texel),
    }
}
