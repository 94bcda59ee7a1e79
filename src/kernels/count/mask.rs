//! The invocations of a workgroup that take a path.

use std::rc::Rc;

/// Invocations of a workgroup.
#[derive(Clone, Debug)]
pub(super) struct Mask {
    pub on: Rc<[bool]>,
    pub count: u64,
}

impl Mask {
    pub fn new(on: impl Iterator<Item = bool>) -> Self {
        let on: Rc<[bool]> = on.collect();
        let count = on.iter().filter(|on| **on).count() as u64;
        Self { on, count }
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn or(&self, other: &Self) -> Self {
        match (self.count, other.count) {
            (_, 0) => self.clone(),
            (0, _) => other.clone(),
            _ => Self::new(self.on.iter().zip(other.on.iter()).map(|(a, b)| *a || *b)),
        }
    }

    pub fn without(&self, other: &Self) -> Self {
        match other.count {
            0 => self.clone(),
            _ => Self::new(self.on.iter().zip(other.on.iter()).map(|(a, b)| *a && !*b)),
        }
    }
}
