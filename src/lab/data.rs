//! The data of a kernel's bindings.

use super::error::KernelError;
use super::interface::BindingElement;

/// Data for a binding.
///
/// ```
/// use wattgrad::BindingData;
///
/// let x = vec![1.0_f32, 2.0];
/// assert_eq!(BindingData::from(&x).len(), 2);
/// assert_eq!(BindingData::from(&[7_u32, 8, 9]).len(), 3);
/// assert!(!BindingData::Unwritten(16).is_empty());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BindingData<'a> {
    /// Floats.
    F32(&'a [f32]),
    /// Unsigned integers, or the words of a structure.
    U32(&'a [u32]),
    /// Signed integers.
    I32(&'a [i32]),
    /// This many elements with every bit set: NaN in floats, so that an element that the kernel leaves out shows.
    Unwritten(usize),
}

impl BindingData<'_> {
    /// Elements of 4 bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::U32(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::Unwritten(count) => *count,
        }
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The words, or the type of the data where the binding holds another.
    pub(super) fn words(&self, wanted: BindingElement) -> Result<Vec<u32>, &'static str> {
        match (self, wanted) {
            (Self::Unwritten(count), _) => Ok(vec![u32::MAX; *count]),
            (Self::F32(values), BindingElement::F32) => Ok(bytemuck::cast_slice(values).to_vec()),
            (Self::U32(values), BindingElement::U32 | BindingElement::Words) => Ok(values.to_vec()),
            (Self::I32(values), BindingElement::I32) => Ok(bytemuck::cast_slice(values).to_vec()),
            (Self::F32(_), _) => Err("f32"),
            (Self::U32(_), _) => Err("u32"),
            (Self::I32(_), _) => Err("i32"),
        }
    }
}

macro_rules! from {
    ($kind:ident, $of:ty) => {
        impl<'a> From<&'a [$of]> for BindingData<'a> {
            fn from(values: &'a [$of]) -> Self {
                Self::$kind(values)
            }
        }
        impl<'a> From<&'a Vec<$of>> for BindingData<'a> {
            fn from(values: &'a Vec<$of>) -> Self {
                Self::$kind(values)
            }
        }
        impl<'a, const N: usize> From<&'a [$of; N]> for BindingData<'a> {
            fn from(values: &'a [$of; N]) -> Self {
                Self::$kind(values)
            }
        }
    };
}
from!(F32, f32);
from!(U32, u32);
from!(I32, i32);

/// The contents of the bindings that a kernel writes.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelOutputs {
    pub(super) kernel: String,
    pub(super) all: Vec<(String, BindingElement, Vec<u32>)>,
}

impl KernelOutputs {
    /// Names of the outputs, in the order of their bindings.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|(name, ..)| name.as_str())
    }

    /// An output of floats.
    ///
    /// # Errors
    /// There is no such output, or it holds another type.
    pub fn f32(&self, name: &str) -> Result<&[f32], KernelError> {
        self.get(name, BindingElement::F32)
            .map(bytemuck::cast_slice)
    }

    /// An output of unsigned integers, or the words of a structure.
    ///
    /// # Errors
    /// There is no such output, or it holds another type.
    pub fn u32(&self, name: &str) -> Result<&[u32], KernelError> {
        self.get(name, BindingElement::U32)
    }

    /// An output of signed integers.
    ///
    /// # Errors
    /// There is no such output, or it holds another type.
    pub fn i32(&self, name: &str) -> Result<&[i32], KernelError> {
        self.get(name, BindingElement::I32)
            .map(bytemuck::cast_slice)
    }

    fn get(&self, name: &str, wanted: BindingElement) -> Result<&[u32], KernelError> {
        let (_, holds, words) = self.find(name)?;
        if *holds == wanted || (*holds == BindingElement::Words && wanted == BindingElement::U32) {
            return Ok(words);
        }
        let (holds, wanted) = (holds.name(), wanted.name());
        Err(self.error(
            name,
            format!("holds {holds} and was read as {wanted}; read it as {holds}"),
        ))
    }

    /// Every element of an output as a number.
    pub fn numbers(&self, name: &str) -> Result<Vec<f64>, KernelError> {
        let (_, holds, words) = self.find(name)?;
        let number = |word: &u32| match holds {
            BindingElement::F32 => f64::from(f32::from_bits(*word)),
            BindingElement::I32 => f64::from(word.cast_signed()),
            BindingElement::U32 | BindingElement::Words => f64::from(*word),
        };
        Ok(words.iter().map(number).collect())
    }

    fn find(&self, name: &str) -> Result<&(String, BindingElement, Vec<u32>), KernelError> {
        let found = self.all.iter().find(|(known, ..)| known == name);
        found.ok_or_else(|| {
            let known = self.names().collect::<Vec<_>>().join(", ");
            self.error(name, format!("is not an output; the kernel writes {known}"))
        })
    }

    fn error(&self, binding: &str, problem: String) -> KernelError {
        KernelError::Binding {
            kernel: self.kernel.clone(),
            binding: binding.to_owned(),
            problem,
        }
    }
}
