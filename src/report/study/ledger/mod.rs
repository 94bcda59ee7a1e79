//! Ledgers: pretraining, multitask learning, life cycle, carbon and money.

mod data;
mod page;
mod words;

pub(super) use data::tables;
pub(super) use page::sections;
pub(super) use words::sentences;
