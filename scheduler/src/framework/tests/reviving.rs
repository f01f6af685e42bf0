//! How often a framework that had no work asks for offers again.

use super::village::{Village, forceful};
use super::*;
use crate::config::Architecture;

/// When two tasks start on one node of one cpu: the first comes at 20 s and ends at 22 s, the other comes at 23 s and
/// ends at 26 s, a third comes at 31 s.
fn starts(resumes: u64) -> Vec<u64> {
    let mut config = forceful(Architecture::TwoLevel, "none", "0s");
    config.habits.resumes = Span::from_seconds(resumes);
    let mut village = Village::new(&config, 1, &[1_000]);
    let mut starts = Vec::new();
    for second in 0..60 {
        village.until(second);
        match second {
            20 | 23 | 31 => _ = village.task(1, 0, 1_000),
            22 => village.end(0, Ending::Finished),
            26 => village.end(1, Ending::Finished),
            _ => {}
        }
        starts.extend(village.done().iter().map(|_| second));
    }
    starts
}

#[test]
fn work_that_comes_soon_after_a_revival_waits_until_the_next_is_allowed() {
    assert_eq!(starts(0), [20, 23, 31], "it asks at once");
    assert_eq!(starts(5), [20, 25, 31], "it asked at 20 s and may ask again at 25 s, and then at 30 s");
}
