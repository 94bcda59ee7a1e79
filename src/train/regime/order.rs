//! The names of the orders of the training samples.

use crate::program::Order;
use crate::train::RegimeError;

pub(super) const NAMES: &[&str] = &["shuffled", "sequential"];

pub(super) fn parse(name: &str) -> Result<Order, RegimeError> {
    match name {
        "shuffled" => Ok(Order::Shuffled),
        "sequential" => Ok(Order::Sequential),
        given => Err(RegimeError::UnknownOrder {
            given: given.to_owned(),
        }),
    }
}
