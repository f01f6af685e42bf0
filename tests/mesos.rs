//! The behaviours of Mesos and its frameworks, by the ids of the checklist: one test per id or numbered scenario.

// The tests stand side by side in this module, so that each is called `mesos::<id>` whatever file it is in.
include!("mesos/harness.rs");
include!("mesos/numbered.rs");
include!("mesos/resources.rs");
include!("mesos/offers.rs");
include!("mesos/sorters.rs");
include!("mesos/quotas.rs");
include!("mesos/golden.rs");
include!("mesos/services.rs");
