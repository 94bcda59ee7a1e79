//! Plots as plain SVG: scales, axes and marks. Colours and fonts come from style classes, so that one plot serves light, dark
//! and print.

mod bars;
mod colour;
mod frame;
mod heat;
mod lines;
mod parallel;
mod scale;

pub use bars::{Bar, bars, row_of};

pub use frame::{Frame, cut, picture, px};
pub use heat::{AxisText, HeatCell, HeatMap, patterns};
pub use lines::{Dot, Line, dots, lines, steps};
pub use parallel::{Parallel, ParallelLine};
pub use scale::{Scale, extent};
