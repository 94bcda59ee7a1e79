//! The losses: softmax cross-entropy, binary cross-entropy with logits, squared error. Each writes a row of four numbers per
//! sample, which the end of a step or of an evaluation adds up, and the gradient of the network's output.

mod cross_entropy;
mod elements;
mod gradient;

pub use cross_entropy::cross_entropy;
pub use elements::{ElementLoss, elements};
pub use gradient::OutputGradient;
