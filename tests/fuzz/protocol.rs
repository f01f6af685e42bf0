//! The messages between drivers and schedulers, and the core that hears them.
#![no_main]

mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::protocol(bytes));
