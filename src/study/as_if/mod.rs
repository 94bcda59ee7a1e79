//! What a study would have concluded with a simpler instrument.

mod analyse;
mod instrument;
mod result;

pub use instrument::Instrument;
pub use result::{AsIf, AsIfRun, Changed};
