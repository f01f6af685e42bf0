//! The three sentences that the page opens with, made from the numbers.

use windtunnel_outcome::{Outcome, Summary};

use crate::chart::{STRANDED_CAUSES, stranded_column};
use crate::human::{capital, count, counted, duration, seconds, share};
use crate::table::{cause_shares, in_states, lanes};
use crate::words::{cause_in_words, list};

/// Did everything run? What held it back? What is idle, and why? A sentence is missing only if the run has no numbers
/// for it.
pub(super) fn opening(outcome: &Outcome) -> Vec<String> {
    let summary = &outcome.summary;
    [what_ran(outcome), what_bound(summary), what_is_idle(outcome)].into_iter().flatten().collect()
}

fn what_ran(outcome: &Outcome) -> Option<String> {
    let summary = &outcome.summary;
    let tasks = summary.number("tasks.submitted")?;
    if tasks == 0.0 {
        return Some("No task was handed in.".to_owned());
    }
    let length = summary.number("makespan_s").map_or_else(|| duration(outcome.end.0 as f64), seconds);
    let jobs =
        summary.number("jobs.submitted").map_or_else(String::new, |jobs| format!(" of {}", counted(jobs, "job")));
    let finished = summary.number("tasks.finished").unwrap_or(0.0);
    if finished == tasks {
        let all = if tasks == 1.0 { "The only task".to_owned() } else { format!("All {} tasks", count(tasks)) };
        return Some(format!("{all}{jobs} finished, within {length} of simulated time."));
    }
    let others: Vec<String> = in_states(summary, "tasks")
        .into_iter()
        .filter(|(word, _)| *word != "finished")
        .map(|(word, number)| {
            let verb = if number == 1.0 { "was" } else { "were" };
            let verb = if word == "failed" { String::new() } else { format!("{verb} ") };
            let word = if word.starts_with("still") { format!("{word} at the end") } else { word.to_owned() };
            format!("{} {verb}{word}", count(number))
        })
        .collect();
    let others = if others.is_empty() { String::new() } else { format!(": {}", list(&others)) };
    Some(format!(
        "{} of {}{jobs} finished ({}) within {length} of simulated time{others}.",
        count(finished),
        counted(tasks, "task"),
        share(finished / tasks),
    ))
}

/// The lane with the greatest mean allocation; the first on a tie.
fn fullest(summary: &Summary) -> Option<(String, f64)> {
    let mean = |lane: String| summary.number(&format!("allocation.{lane}.mean")).map(|mean| (lane, mean));
    lanes(summary).into_iter().filter_map(mean).reduce(|most, one| if one.1 > most.1 { one } else { most })
}

fn what_bound(summary: &Summary) -> Option<String> {
    let (lane, mean) = fullest(summary)?;
    let p99 = summary.number(&format!("allocation.{lane}.p99"));
    let peak = p99.map_or_else(String::new, |p99| format!(" and {} at its 99th percentile", share(p99)));
    let waits = cause_shares(summary);
    let Some((cause, part)) = waits.first() else {
        return Some(format!(
            "Nothing held the tasks back: the fullest resource was {lane}, {} allocated on average{peak}, and no task \
             waited.",
            share(mean)
        ));
    };
    let number = |name: &str| summary.number(name);
    let wait = match (number("wait_s.p50"), number("wait_s.p99")) {
        (Some(0.0), Some(p99)) => {
            format!("half of the tasks did not wait, one in a hundred waited {} or more", seconds(p99))
        }
        (Some(p50), Some(p99)) => {
            format!("half of the tasks waited up to {}, one in a hundred {} or more", seconds(p50), seconds(p99))
        }
        _ => "tasks waited".to_owned(),
    };
    Some(format!(
        "The fullest resource was {lane}, {} allocated on average{peak}; {wait}, and {} of all waiting was {}.",
        share(mean),
        share(*part),
        cause_in_words(*cause)
    ))
}

fn what_is_idle(outcome: &Outcome) -> Option<String> {
    let summary = &outcome.summary;
    let idle = |lane: &String| {
        summary.number(&format!("allocation.{lane}.mean")).map(|mean| (lane.clone(), (1.0 - mean).max(0.0)))
    };
    let idle: Vec<(String, f64)> = lanes(summary).iter().filter_map(idle).collect();
    if idle.is_empty() {
        return None;
    }
    let parts: Vec<String> = idle.iter().map(|(lane, part)| format!("{} of {lane}", share(*part))).collect();
    let mut sentence = format!("Not allocated on average: {}", list(&parts));
    if let Some((lane, part, lacking)) = worst_stranded(outcome) {
        sentence.push_str(&format!(
            "; {} of {lane} was free but stranded, mostly on nodes with too little {lacking}",
            share(part)
        ));
    }
    if let (Some(nodes), Some(touched)) = (summary.number("nodes.count"), summary.number("nodes.touched")) {
        let unused = nodes - touched;
        let text = if unused <= 0.0 {
            "; every node was used".to_owned()
        } else {
            format!("; {} of {} never ran a task", count(unused), counted(nodes, "node"))
        };
        sentence.push_str(&text);
    }
    Some(capital(&sentence) + ".")
}

/// The lane of which the greatest share of capacity was stranded over the run, that share, and what was mostly lacking.
fn worst_stranded(outcome: &Outcome) -> Option<(String, f64, String)> {
    let series = &outcome.series;
    let spans: Vec<f64> = series.from.iter().zip(&series.to).map(|(from, to)| to.since(*from).0 as f64).collect();
    let total = |name: &str| -> f64 {
        let column = series.columns.iter().find(|column| column.name == name);
        column.map_or(0.0, |column| column.mean.iter().zip(&spans).map(|(mean, span)| mean * span).sum())
    };
    let mut worst: Option<(String, f64, String)> = None;
    for (lane, name) in crate::write::lanes_of(&outcome.lanes) {
        let capacity = total(&format!("capacity_{}", crate::write::lane_with_unit(lane, &name)));
        let parts = STRANDED_CAUSES.map(|cause| (cause, total(&stranded_column(lane, &name, cause))));
        let stranded: f64 = parts.iter().map(|(_, part)| part).sum();
        let main = parts.into_iter().reduce(|most, one| if one.1 > most.1 { one } else { most })?;
        if capacity > 0.0 && worst.as_ref().is_none_or(|(_, most, _)| stranded / capacity > *most) {
            let lacking = if main.0 == "extra" { "of another resource" } else { main.0 };
            worst = Some((name, stranded / capacity, lacking.to_owned()));
        }
    }
    // Less than a thousandth is no story.
    worst.filter(|(_, part, _)| *part >= 0.001)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(numbers: &[(&str, f64)]) -> Outcome {
        let mut outcome = Outcome::default();
        numbers.iter().for_each(|(name, number)| outcome.summary.set(name, *number));
        outcome
    }

    #[test]
    fn a_run_in_which_all_went_well_says_so() {
        let outcome = outcome(&[
            ("tasks.submitted", 1200.0),
            ("tasks.finished", 1200.0),
            ("jobs.submitted", 1.0),
            ("makespan_s", 3_900.0),
            ("allocation.cpu.mean", 0.25),
            ("allocation.memory.mean", 0.25),
            ("nodes.count", 10.0),
            ("nodes.touched", 10.0),
        ]);
        assert_eq!(
            opening(&outcome),
            [
                "All 1,200 tasks of 1 job finished, within 1 h 05 min of simulated time.",
                "Nothing held the tasks back: the fullest resource was cpu, 25 % allocated on average, and no task \
                 waited.",
                "Not allocated on average: 75 % of cpu and 75 % of memory; every node was used.",
            ]
        );
    }

    #[test]
    fn what_did_not_run_and_what_held_it_back_is_named() {
        let outcome = outcome(&[
            ("tasks.submitted", 100.0),
            ("tasks.finished", 90.0),
            ("tasks.failed", 2.0),
            ("tasks.rejected", 1.0),
            ("tasks.pending_at_end", 7.0),
            ("makespan_s", 60.0),
            ("allocation.cpu.mean", 0.6),
            ("allocation.cpu.p99", 0.9),
            ("allocation.gpu.mean", 0.97),
            ("wait_s.p50", 0.0),
            ("wait_s.p99", 30.0),
            ("wait_by_cause_s.fragmentation", 3.0),
            ("wait_by_cause_s.capacity", 1.0),
            ("nodes.count", 4.0),
            ("nodes.touched", 3.0),
        ]);
        assert_eq!(
            opening(&outcome),
            [
                "90 of 100 tasks finished (90 %) within 1 min 00 s of simulated time: 2 failed, 1 was rejected and 7 \
                 were still waiting at the end.",
                "The fullest resource was gpu, 97 % allocated on average; half of the tasks did not wait, one in a \
                 hundred waited 30 s or more, and 75 % of all waiting was for room on a single node, though there was \
                 room in all.",
                "Not allocated on average: 40 % of cpu and 3 % of gpu; 1 of 4 nodes never ran a task.",
            ]
        );
    }

    #[test]
    fn a_run_without_numbers_says_nothing() {
        assert_eq!(opening(&Outcome::default()), Vec::<String>::new());
    }
}
