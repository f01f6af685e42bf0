//! What an experiment is, and the commands that run one.

pub mod facts;
pub mod failure;
pub mod library;
pub mod load;
pub mod progress;
pub mod resolve;
pub mod spec;
pub mod talk;
