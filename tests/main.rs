//! The one integration test binary of the workspace.

mod cli;
mod comparing;
mod fidelity;
mod golden;
mod layering;
mod own_policy;
mod packing;
mod readme;
mod support;
mod tidy;
mod verdicts;
