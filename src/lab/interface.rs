//! The bindings of a user's kernel, found in its text.

use naga::{AddressSpace, ArraySize, Handle, Module, ScalarKind, StorageAccess, Type, TypeInner};

use crate::device::BindingKind;

/// The type of the 4-byte elements of a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BindingElement {
    /// Floats.
    F32,
    /// Unsigned integers.
    U32,
    /// Signed integers.
    I32,
    /// A structure of several types, given and read as `u32` words: floats by their bits, gaps of the layout included.
    Words,
}

impl BindingElement {
    /// The name in WGSL, or `u32 words`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::U32 => "u32",
            Self::I32 => "i32",
            Self::Words => "u32 words",
        }
    }
}

/// How a kernel uses a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BindingAccess {
    /// `var<uniform>`.
    Uniform,
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`: an output.
    ReadWrite,
}

/// One binding of group 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The variable's name.
    pub name: String,
    /// How the kernel uses it.
    pub access: BindingAccess,
    /// The type of its elements.
    pub element: BindingElement,
    /// Elements, at least: an array whose length its data decides counts as one item.
    pub elements: usize,
    /// Elements of an item of an array whose length its data decides; `None` where the length is fixed.
    pub item: Option<usize>,
}

impl Binding {
    pub(super) fn kind(&self) -> BindingKind {
        match self.access {
            BindingAccess::Uniform => BindingKind::Uniform,
            BindingAccess::Read => BindingKind::StorageRead,
            BindingAccess::ReadWrite => BindingKind::StorageReadWrite,
        }
    }

    /// How many items the array whose length its data decides has among `elements`; 0 without such an array.
    pub(super) fn items(&self, elements: usize) -> usize {
        self.item.map_or(0, |item| {
            (elements + item).saturating_sub(self.elements) / item
        })
    }

    /// The problem with binding `elements`, if any.
    pub(super) fn check_length(&self, elements: usize) -> Result<(), String> {
        let (fits, wanted) = match self.item {
            None => (
                elements == self.elements,
                format!("{} elements", self.elements),
            ),
            Some(item) => (
                elements >= self.elements && (elements - self.elements).is_multiple_of(item),
                if item == 1 && self.elements == 1 {
                    "at least 1 element".to_owned()
                } else {
                    format!("{} elements and any multiple of {item} more", self.elements)
                },
            ),
        };
        if fits {
            return Ok(());
        }
        Err(format!("takes {wanted} of 4 bytes, got {elements}"))
    }
}

/// The bindings of `module`, in order from binding 0, or the problem with one.
pub(super) fn bindings(module: &Module) -> Result<Vec<Binding>, String> {
    let mut found = vec![];
    for (_, variable) in module.global_variables.iter() {
        let Some(place) = &variable.binding else {
            continue;
        };
        let name = variable.name.clone().unwrap_or_default();
        let unsupported = |what: &str| {
            format!(
                "binding {name:?} is {what}; use uniform or storage buffers of f32, u32 or i32 in group 0"
            )
        };
        if place.group != 0 {
            return Err(unsupported(&format!("in group {}", place.group)));
        }
        let access = match variable.space {
            AddressSpace::Uniform => BindingAccess::Uniform,
            AddressSpace::Storage { access } if access.contains(StorageAccess::STORE) => {
                BindingAccess::ReadWrite
            }
            AddressSpace::Storage { .. } => BindingAccess::Read,
            _ => return Err(unsupported("not a buffer")),
        };
        let element = element(module, variable.ty).map_err(unsupported)?;
        let inner = &module.types[variable.ty].inner;
        let bytes = inner.size(module.to_ctx());
        found.push((
            place.binding,
            Binding {
                element,
                access,
                elements: bytes as usize / 4,
                item: stride(module, variable.ty).map(|stride| stride as usize / 4),
                name,
            },
        ));
    }
    found.sort_by_key(|(number, _)| *number);
    let gap = (0..).zip(&found).find(|(at, (number, _))| at != number);
    if let Some((missing, _)) = gap {
        return Err(format!(
            "none of the {} bindings is @binding({missing}); number them from 0 without gaps",
            found.len()
        ));
    }
    Ok(found.into_iter().map(|(_, binding)| binding).collect())
}

fn element(module: &Module, ty: Handle<Type>) -> Result<BindingElement, &'static str> {
    let scalar = |scalar: naga::Scalar| match (scalar.kind, scalar.width) {
        (ScalarKind::Float, 4) => Ok(BindingElement::F32),
        (ScalarKind::Uint, 4) => Ok(BindingElement::U32),
        (ScalarKind::Sint, 4) => Ok(BindingElement::I32),
        _ => Err("of elements that do not have 4 bytes"),
    };
    match &module.types[ty].inner {
        TypeInner::Scalar(of) | TypeInner::Atomic(of) => scalar(*of),
        TypeInner::Vector { scalar: of, .. } => scalar(*of),
        TypeInner::Array { base, .. } => match &module.types[*base].inner {
            TypeInner::Vector {
                size: naga::VectorSize::Tri,
                ..
            } => Err("an array of vec3, which leaves every fourth element unused"),
            _ => element(module, *base),
        },
        TypeInner::Struct { members, span } => {
            let mut kinds = members.iter().map(|member| element(module, member.ty));
            let first = match kinds.next() {
                Some(Ok(first)) => first,
                _ => BindingElement::Words,
            };
            let sizes = members.iter().map(|member| {
                let inner = &module.types[member.ty].inner;
                inner.size(module.to_ctx())
            });
            // With gaps between the members an element's place is no longer its number.
            let dense = sizes.sum::<u32>() == *span;
            let uniform = dense && kinds.all(|kind| kind == Ok(first));
            Ok(if uniform {
                first
            } else {
                BindingElement::Words
            })
        }
        _ => Err("not a number, vector, array or structure"),
    }
}

/// Bytes from item to item, where the data decides how many items there are.
fn stride(module: &Module, ty: Handle<Type>) -> Option<u32> {
    match &module.types[ty].inner {
        TypeInner::Array {
            size: ArraySize::Dynamic,
            stride,
            ..
        } => Some(*stride),
        TypeInner::Struct { members, .. } => stride(module, members.last()?.ty),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<Binding>, String> {
        bindings(&naga::front::wgsl::parse_str(text).unwrap())
    }

    #[test]
    fn bindings_are_found_in_order_with_types_and_sizes() {
        let found = of("struct Sizes { n: u32, scale: f32 }
            struct Tail { head: vec4<f32>, rest: array<f32> }
            @group(0) @binding(2) var<storage, read_write> y: array<atomic<i32>>;
            @group(0) @binding(0) var<uniform> sizes: Sizes;
            @group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
            @group(0) @binding(3) var<storage, read> table: array<u32, 6>;
            @group(0) @binding(4) var<storage, read> tail: Tail;
            var<workgroup> shared_by_all: array<f32, 8>;")
        .unwrap();
        let seen: Vec<_> = found
            .iter()
            .map(|b| (b.name.as_str(), b.access, b.element, b.elements, b.item))
            .collect();
        assert_eq!(
            seen,
            [
                (
                    "sizes",
                    BindingAccess::Uniform,
                    BindingElement::Words,
                    2,
                    None
                ),
                ("x", BindingAccess::Read, BindingElement::F32, 4, Some(4)),
                (
                    "y",
                    BindingAccess::ReadWrite,
                    BindingElement::I32,
                    1,
                    Some(1)
                ),
                ("table", BindingAccess::Read, BindingElement::U32, 6, None),
                (
                    "tail",
                    BindingAccess::Read,
                    BindingElement::Words,
                    8,
                    Some(1)
                ),
            ]
        );
        assert!(found[1].check_length(8).is_ok());
        assert!(found[1].check_length(6).is_err());
        assert!(found[3].check_length(7).is_err());
        assert!(found[2].check_length(0).is_err());
    }

    #[test]
    fn rejects_bindings_that_the_host_cannot_fill() {
        for (text, word) in [
            (
                "@group(0) @binding(0) var image: texture_2d<f32>;",
                "not a buffer",
            ),
            (
                "@group(1) @binding(0) var<storage> x: array<f32>;",
                "group 1",
            ),
            (
                "@group(0) @binding(0) var<storage> x: array<vec3<f32>>;",
                "vec3",
            ),
            (
                "@group(0) @binding(1) var<storage> x: array<f32>;",
                "@binding(0)",
            ),
        ] {
            let message = of(text).unwrap_err();
            assert!(message.contains(word), "{message}");
        }
    }
}
