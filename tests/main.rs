//! The one integration test binary of the workspace.

mod cli;
mod comparing;
mod corpora;
mod fidelity;
mod golden;
mod layering;
mod making_room;
mod mesos;
mod one_pool;
mod own_policy;
mod packing;
mod plan;
mod readme;
mod scenes;
mod slurm;
mod support;
mod swarm;
mod sweep;
mod tidy;
mod triggers;
mod verdicts;
