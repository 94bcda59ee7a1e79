//! The elements of a binding.

use crate::lab::{BindingData, BindingElement};

pub enum Values {
    F32(Vec<f32>),
    U32(Vec<u32>),
    I32(Vec<i32>),
}

impl Values {
    pub fn data(&self) -> BindingData<'_> {
        match self {
            Self::F32(values) => values.into(),
            Self::U32(values) => values.into(),
            Self::I32(values) => values.into(),
        }
    }

    pub fn numbers(&self) -> Vec<f64> {
        match self {
            Self::F32(values) => values.iter().map(|&v| f64::from(v)).collect(),
            Self::U32(values) => values.iter().map(|&v| f64::from(v)).collect(),
            Self::I32(values) => values.iter().map(|&v| f64::from(v)).collect(),
        }
    }

    pub fn of(element: BindingElement, values: impl Iterator<Item = f64>) -> Self {
        match element {
            BindingElement::F32 => Self::F32(values.map(|v| v as f32).collect()),
            BindingElement::I32 => Self::I32(values.map(|v| v as i32).collect()),
            _ => Self::U32(values.map(|v| v as u32).collect()),
        }
    }
}
