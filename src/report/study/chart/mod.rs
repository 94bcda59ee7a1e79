//! Pictures as plain SVG: scales, axes and marks. Colours and fonts are the page's (classes), so that one picture serves
//! light, dark and print.

mod bars;
mod colour;
mod frame;
mod heat;
mod lines;
mod scale;

pub use bars::{Bar, bars, cut};
pub use colour::sequential;
pub use frame::{Frame, picture, px};
pub use heat::{HeatCell, HeatMap, patterns};
pub use lines::{Dot, Line, dots, lines, steps};
pub use scale::{Scale, extent};
