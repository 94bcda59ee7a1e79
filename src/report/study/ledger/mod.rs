//! Ledgers: pretraining, multitask learning, life cycle, carbon and money.

mod data;
mod page;
mod parts;
mod shared;
mod words;

pub(super) use data::tables;
pub(super) use page::sections;
pub(super) use shared::{Shared, multitask_section};
pub(super) use words::sentences;
