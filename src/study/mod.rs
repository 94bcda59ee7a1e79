//! A study: many training runs that one file describes, and what became of them.

pub mod store;
