//! Every reader of a workload or a fleet.
#![no_main]

mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::readers(bytes));
