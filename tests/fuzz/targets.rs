//! What the fuzz targets do with their bytes. Each returns, whatever the bytes are: a panic is a defect.
//!
//! Both the targets of the fuzzer and the test that replays their corpora include this file.

use windtunnel::{Tool, spec};
use windtunnel_scheduler::decision::Decision;
use windtunnel_scheduler::event::{Event, JobSpec};
use windtunnel_scheduler::{PartyId, Span, Time};
use windtunnel_traces::read::{FORMATS, fuzz_entry};

/// Ids beyond these are no log's of a real fleet: tables by node and by task are as long as their ids are apart.
const NODES_MOST: u32 = 1 << 12;
const TASKS_MOST: u64 = 1 << 20;
/// Steps of the core that one input may ask for.
const STEPS_MOST: usize = 4096;

/// Every reader of a workload or a fleet, each told that the bytes are its own.
pub fn readers(bytes: &[u8]) {
    for format in FORMATS {
        fuzz_entry(format.name(), bytes);
    }
}

/// A scenario file. No file that it names is opened.
pub fn scenario(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match spec::parse("fuzz.toml", text, &[]) {
        Ok((scenario, _)) => {
            // What was understood can be written down, with every default.
            let _ = serde_json::to_value(&scenario).expect("a scenario is plain data");
        }
        Err(failure) => assert!(failure.to_string().contains("fuzz.toml"), "no place is named: {failure}"),
    }
}

/// A log of the boundary, a message per line: an event is heard by the core, a decision must survive being written.
pub fn protocol(bytes: &[u8]) {
    let mut core = Tool::new().build("core").expect("the core is always there");
    let mut decisions = Vec::new();
    for (at, line) in bytes.split(|&byte| byte == b'\n').take(STEPS_MOST).enumerate() {
        if let Ok(decision) = serde_json::from_slice::<Decision>(line) {
            survives(&decision);
        }
        let Ok(event) = serde_json::from_slice::<Event>(line) else { continue };
        survives(&event);
        if !is_plausible(&event) {
            continue;
        }
        decisions.clear();
        core.step(PartyId::FIRST, Time::ZERO + Span(at as u64), &[event], &mut decisions).expect("the core stays");
        decisions.iter().for_each(survives);
    }
}

/// Writing and reading again changes nothing.
fn survives<M>(message: &M)
where
    M: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let text = serde_json::to_string(message).expect("a message is plain data");
    let again: M = serde_json::from_str(&text).expect("what was written can be read");
    assert_eq!(&again, message, "{text}");
}

/// Whether the numbers in an event are those of a fleet and a workload that could be.
fn is_plausible(event: &Event) -> bool {
    let job = |spec: &JobSpec| spec.first_task.0 < TASKS_MOST && u64::from(spec.count) < TASKS_MOST;
    match event {
        Event::Configured(config) | Event::Reconfigured(config) => {
            config.holders.as_ref().is_none_or(|holders| u64::from(holders.most) < TASKS_MOST)
        }
        Event::NodeAdded(spec) => spec.node.0 < NODES_MOST,
        Event::JobSubmitted(spec) => job(spec),
        Event::TaskAdopted { spec, node, .. } => job(spec) && node.0 < NODES_MOST,
        _ => true,
    }
}
