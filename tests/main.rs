//! The one integration test binary of the workspace.

mod cli;
mod comparing;
mod fidelity;
mod golden;
mod layering;
mod own_policy;
mod packing;
mod plan;
mod readme;
mod slurm;
mod support;
mod sweep;
mod tidy;
mod verdicts;
