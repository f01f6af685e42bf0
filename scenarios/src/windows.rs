//! Windows of a log: each is replayed on an empty fleet, and the numbers of each stand beside their mean.

use windtunnel_outcome::recorder::Discard;
use windtunnel_outcome::{Outcome, Recorder, Summary};
use windtunnel_reports::human;

use crate::failure::Failure;
use crate::resolve::Resolved;
use crate::talk;

/// The numbers that are told of each window.
const NUMBERS: [&str; 6] =
    ["wait_s.mean", "wait_s.max", "flow_s.mean", "bounded_slowdown.mean", "bounded_slowdown.max", "makespan_s"];

/// Runs one window.
pub(crate) type Run<'a> = &'a mut dyn FnMut(u64, &mut dyn Recorder) -> Result<Outcome, Failure>;

/// Replays every window after the first, whose numbers `first` has, and writes `windows.*` into it. The rows of a run
/// are those of its first window.
pub(crate) fn replay(resolved: &Resolved, first: &mut Summary, run: Run<'_>) -> Result<(), Failure> {
    let Some(windows) = resolved.windows() else { return Ok(()) };
    let mut sums = [0.0; NUMBERS.len()];
    let mut starts: Vec<u64> = Vec::new();
    for at in 0.. {
        let start = match &windows.starts {
            Some(listed) => match listed.get(at) {
                Some(&start) => start,
                None => break,
            },
            None => at as u64 * windows.jobs,
        };
        let other = if at == 0 { None } else { Some(run(start, &mut Discard)?.summary) };
        let summary = other.as_ref().unwrap_or(first);
        let jobs = summary.number("jobs.submitted").unwrap_or(0.0);
        // The rest of a log is no window, unless it is all there is.
        if jobs < windows.jobs as f64 && (windows.starts.is_some() || at == 0) {
            return Err(Failure::new(format!(
                "the window from job {start} on holds {jobs} of {} jobs; choose an earlier start, or fewer jobs",
                windows.jobs
            )));
        }
        if jobs < windows.jobs as f64 {
            break;
        }
        let values = NUMBERS.map(|name| summary.number(name).unwrap_or(0.0));
        first.set(&format!("windows.{at}.start"), start);
        for ((name, value), sum) in NUMBERS.iter().zip(values).zip(&mut sums) {
            first.set(&format!("windows.{at}.{name}"), value);
            *sum += value;
        }
        starts.push(start);
    }
    first.set("windows.count", starts.len() as u64);
    first.set("windows.jobs", windows.jobs);
    for (name, sum) in NUMBERS.iter().zip(sums) {
        first.set(&format!("windows.mean.{name}"), sum / starts.len() as f64);
    }
    Ok(())
}

/// The table of windows; nothing if the run has none.
pub(crate) fn table(summary: &Summary) -> Option<String> {
    let count = summary.number("windows.count")? as usize;
    let rows = (0..count).map(|at| (at.to_string(), at.to_string())).chain([("mean".to_owned(), "mean".to_owned())]);
    let rows = rows.map(|(label, key)| {
        let start = summary.number(&format!("windows.{key}.start")).map(|start| talk::whole(start as u64));
        let numbers = NUMBERS.map(|name| summary.number(&format!("windows.{key}.{name}")).unwrap_or(0.0));
        let mut row = vec![label, start.unwrap_or_default()];
        row.extend(numbers.map(human::three_digits));
        row
    });
    let header = ["window", "first job", "wait mean s", "max s", "flow mean s", "slowdown mean", "max", "makespan s"];
    Some(talk::table(&header, rows, &[1, 2, 3, 4, 5, 6, 7]))
}
