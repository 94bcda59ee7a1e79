//! Data on its way to a user's kernel and back.

use super::error::KernelError;
use super::interface::Element;

/// What is put behind a binding.
///
/// ```
/// use wattgrad::internals::lab::Data;
///
/// let x = vec![1.0_f32, 2.0];
/// assert_eq!(Data::from(&x).len(), 2);
/// assert_eq!(Data::from(&[7_u32, 8, 9]).len(), 3);
/// assert!(!Data::Unwritten(16).is_empty());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Data<'a> {
    /// Floats.
    F32(&'a [f32]),
    /// Unsigned integers, or the words of a structure.
    U32(&'a [u32]),
    /// Signed integers.
    I32(&'a [i32]),
    /// This many elements with every bit set: NaN in floats, so that an element the kernel leaves out is seen.
    Unwritten(usize),
}

impl Data<'_> {
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

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The words, where the data suits the element.
    pub(super) fn words(&self, binding: &str, wanted: Element) -> Result<Vec<u32>, KernelError> {
        let (fits, given) = match self {
            Self::F32(_) => (wanted == Element::F32, "f32"),
            Self::U32(_) => (matches!(wanted, Element::U32 | Element::Words), "u32"),
            Self::I32(_) => (wanted == Element::I32, "i32"),
            Self::Unwritten(_) => (true, ""),
        };
        if !fits {
            return Err(KernelError::Type {
                binding: binding.to_owned(),
                wanted: wanted.name(),
                given,
            });
        }
        Ok(match self {
            Self::F32(values) => values.iter().map(|value| value.to_bits()).collect(),
            Self::U32(values) => values.to_vec(),
            Self::I32(values) => values.iter().map(|value| value.cast_unsigned()).collect(),
            Self::Unwritten(count) => vec![u32::MAX; *count],
        })
    }
}

macro_rules! from {
    ($kind:ident, $of:ty) => {
        impl<'a> From<&'a [$of]> for Data<'a> {
            fn from(values: &'a [$of]) -> Self {
                Self::$kind(values)
            }
        }
        impl<'a> From<&'a Vec<$of>> for Data<'a> {
            fn from(values: &'a Vec<$of>) -> Self {
                Self::$kind(values)
            }
        }
        impl<'a, const N: usize> From<&'a [$of; N]> for Data<'a> {
            fn from(values: &'a [$of; N]) -> Self {
                Self::$kind(values)
            }
        }
    };
}
from!(F32, f32);
from!(U32, u32);
from!(I32, i32);

/// What a kernel left in the bindings it writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs {
    pub(super) kernel: String,
    pub(super) all: Vec<(String, Element, Vec<u32>)>,
}

impl Outputs {
    /// Names of the outputs, in the order of their bindings.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|(name, ..)| name.as_str())
    }

    /// An output of floats.
    ///
    /// # Errors
    /// There is no such output, or it holds something else.
    pub fn f32(&self, name: &str) -> Result<&[f32], KernelError> {
        self.get(name, Element::F32).map(bytemuck::cast_slice)
    }

    /// An output of unsigned integers, or the words of a structure.
    ///
    /// # Errors
    /// There is no such output, or it holds something else.
    pub fn u32(&self, name: &str) -> Result<&[u32], KernelError> {
        self.get(name, Element::U32)
    }

    /// An output of signed integers.
    ///
    /// # Errors
    /// There is no such output, or it holds something else.
    pub fn i32(&self, name: &str) -> Result<&[i32], KernelError> {
        self.get(name, Element::I32).map(bytemuck::cast_slice)
    }

    fn get(&self, name: &str, asked: Element) -> Result<&[u32], KernelError> {
        let (_, holds, words) = self.find(name)?;
        if *holds == asked || (*holds == Element::Words && asked == Element::U32) {
            return Ok(words);
        }
        Err(KernelError::OutputType {
            binding: name.to_owned(),
            holds: holds.name(),
            asked: asked.name(),
        })
    }

    /// Every element of an output as a number.
    pub(super) fn numbers(&self, name: &str) -> Result<Vec<f64>, KernelError> {
        let (_, holds, words) = self.find(name)?;
        let number = |word: &u32| match holds {
            Element::F32 => f64::from(f32::from_bits(*word)),
            Element::I32 => f64::from(word.cast_signed()),
            Element::U32 | Element::Words => f64::from(*word),
        };
        Ok(words.iter().map(number).collect())
    }

    fn find(&self, name: &str) -> Result<&(String, Element, Vec<u32>), KernelError> {
        let found = self.all.iter().find(|(known, ..)| known == name);
        found.ok_or_else(|| KernelError::UnknownOutput {
            kernel: self.kernel.clone(),
            given: name.to_owned(),
            known: self.names().collect::<Vec<_>>().join(", "),
        })
    }
}
