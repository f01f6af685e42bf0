//! What a run cost this machine: the part of a result that is not repeatable.

use std::collections::BTreeMap;
use std::time::Instant;

use windtunnel_outcome::Outcome;
use windtunnel_reports::write::{Host, RunFacts};

/// Watches a command from its start.
pub struct Watch {
    start: Instant,
    split: BTreeMap<String, f64>,
    lap: f64,
}

impl Watch {
    /// Begins to watch. To be called first of all.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now(), split: BTreeMap::new(), lap: cpu_s() }
    }

    /// Books the processor time since the last call to `part`.
    pub fn lap(&mut self, part: &str) {
        let now = cpu_s();
        *self.split.entry(part.to_owned()).or_default() += now - self.lap;
        self.lap = now;
    }

    /// Everything about a run, up to now.
    #[must_use]
    pub fn facts(mut self, outcome: &Outcome) -> RunFacts {
        self.lap("write");
        let cpu_s = cpu_s();
        let per_cpu_s = |count: f64| Some(count / cpu_s).filter(|rate| rate.is_finite());
        RunFacts {
            wall_s: self.start.elapsed().as_secs_f64(),
            cpu_s,
            cpu_split_s: self.split,
            placements_per_cpu_s: outcome.summary.number("attempts.placed").and_then(per_cpu_s),
            events_per_cpu_s: outcome.summary.number("scheduler.events").and_then(per_cpu_s),
            peak_memory_mib: peak_memory_mib(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: Host::this(),
        }
    }
}

/// User and system seconds of the whole process so far, all threads.
#[cfg(unix)]
fn cpu_s() -> f64 {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike as _;
    getrusage(UsageWho::RUSAGE_SELF).map_or(0.0, |usage| {
        let us = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        us as f64 / 1e6
    })
}

/// Not known here.
#[cfg(not(unix))]
fn cpu_s() -> f64 {
    0.0
}

/// The peak resident set: the kernel's high-water mark of this process.
fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_are_counted() {
        let mut watch = Watch::start();
        let mut sum = 0_u64;
        for number in 0..20_000_000_u64 {
            sum = sum.wrapping_add(std::hint::black_box(number));
        }
        assert!(std::hint::black_box(sum) > 0);
        watch.lap("work");
        let facts = watch.facts(&Outcome::default());
        if cfg!(target_os = "linux") {
            assert!(facts.cpu_s > 0.0 && facts.peak_memory_mib.is_some_and(|mib| mib > 1.0), "{facts:?}");
            assert!(facts.cpu_split_s.contains_key("work") && facts.cpu_split_s.contains_key("write"));
        }
        assert_eq!(facts.placements_per_cpu_s, None);
    }
}
