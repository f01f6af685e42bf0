//! The few numbers that `run` prints and the page opens with.

use windtunnel_outcome::{Summary, Value};

use crate::human::{count, counted, seconds, share, three_digits};

/// One line: what it is, and its value as people write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub label: String,
    /// How much.
    pub value: String,
}

/// States as a sentence counts them: the key in `tasks.*` and `jobs.*`, and the word.
const STATES: [(&str, &str); 8] = [
    ("finished", "finished"),
    ("failed", "failed"),
    ("killed", "killed"),
    ("evicted", "evicted"),
    ("lost", "lost"),
    ("rejected", "rejected"),
    ("pending_at_end", "still waiting"),
    ("running_at_end", "still running"),
];

/// The table of a run. A number that the run does not have has no line.
#[must_use]
pub fn lines(summary: &Summary) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            lines.push(Line { label: label.to_owned(), value });
        }
    };
    let number = |name: &str| summary.number(name);
    add("jobs", states(summary, "jobs"));
    add("tasks", states(summary, "tasks"));
    add("attempts placed", number("attempts.placed").map(count));
    add("wait", percentiles(summary, "wait_s"));
    add("wait of whole jobs", percentiles(summary, "job_wait_s"));
    add("where waits went", causes(summary));
    add(
        "bounded slowdown",
        number("bounded_slowdown.mean").map(|mean| {
            let p99 = number("bounded_slowdown.p99").map(|p99| format!(", p99 {}", three_digits(p99)));
            format!("mean {}{}", three_digits(mean), p99.unwrap_or_default())
        }),
    );
    for lane in lanes(summary) {
        let figure = |which: &str| number(&format!("allocation.{lane}.{which}")).map(share);
        let value = figure("mean").map(|mean| {
            let rest = [("p99", "p99"), ("at_end", "at the end")]
                .map(|(key, word)| figure(key).map_or_else(String::new, |value| format!(", {word} {value}")));
            format!("mean {mean}{}", rest.concat())
        });
        add(&format!("{lane} allocated"), value);
    }
    add(
        "packing efficiency",
        number("packing.efficiency").map(|efficiency| {
            let at_end = number("packing.at_end").map(|at_end| format!(", at the end {}", share(at_end)));
            format!("{}{}", share(efficiency), at_end.unwrap_or_default())
        }),
    );
    add(
        "nodes",
        number("nodes.count").map(|nodes| {
            let touched = number("nodes.touched").map(|touched| format!(", {} used", count(touched)));
            let empty = number("nodes.empty_at_end").map(|empty| format!(", {} empty at the end", count(empty)));
            format!("{}{}{}", count(nodes), touched.unwrap_or_default(), empty.unwrap_or_default())
        }),
    );
    for line in failures(summary) {
        add(&line.label, Some(line.value));
    }
    add("cost", number("cost.total_usd").map(|total| format!("${}", three_digits(total))));
    add("energy", number("energy.kwh").map(|energy| format!("{} kWh", three_digits(energy))));
    add("makespan", number("makespan_s").map(seconds));
    add("seed", text(summary, "seed"));
    add("fingerprint", text(summary, "fingerprint"));
    lines
}

/// The lines below each other, labels padded to equal width, without a line break at the end.
#[must_use]
pub fn render(lines: &[Line]) -> String {
    let width = lines.iter().map(|line| line.label.chars().count()).max().unwrap_or(0);
    let lines: Vec<String> = lines.iter().map(|line| format!("{:width$}  {}", line.label, line.value)).collect();
    lines.join("\n")
}

/// A value as it stands in the summary.
pub(crate) fn text(summary: &Summary, name: &str) -> Option<String> {
    match summary.get(name)? {
        Value::Null => None,
        Value::Whole(whole) => Some(whole.to_string()),
        Value::Real(real) => Some(real.to_string()),
        Value::Text(text) => Some(text.clone()),
    }
}

/// The lanes that have an allocation, standard ones first.
pub(crate) fn lanes(summary: &Summary) -> Vec<String> {
    let standard = windtunnel_scheduler::resources::STANDARD_LANES;
    let position = |name: &str| standard.iter().position(|one| *one == name).unwrap_or(standard.len());
    let mut lanes: Vec<String> = summary
        .iter()
        .filter(|(path, value)| {
            path.len() == 3 && path[0] == "allocation" && path[2] == "mean" && value.number().is_some()
        })
        .map(|(path, _)| path[1].clone())
        .collect();
    lanes.sort_by_key(|name| position(name));
    lanes
}

/// What broke, what was lost with it, and how long it took to notice, to replace and to recover.
fn failures(summary: &Summary) -> Vec<Line> {
    let number = |name: &str| summary.number(name);
    let mut lines = Vec::new();
    let mut add = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            lines.push(Line { label: label.to_owned(), value });
        }
    };
    add(
        "nodes that failed",
        number("availability.failures").filter(|&failures| failures > 0.0).map(|failures| {
            let up = number("availability.mean").map(|mean| format!(", {} of node-time up", share(mean)));
            format!("{}{}", counted(failures, "failure"), up.unwrap_or_default())
        }),
    );
    add(
        "work lost with them",
        number("loss.tasks").filter(|&tasks| tasks > 0.0).map(|tasks| {
            let work = number("loss.work_s").map(|work| format!(", {} of running", seconds(work)));
            let good = number("goodput.cpu").map(|good| format!(", {} of cpu time was of use", share(good)));
            format!("{}{}{}", counted(tasks, "task"), work.unwrap_or_default(), good.unwrap_or_default())
        }),
    );
    add(
        "nodes short of what is used",
        number("overload.cpu_s").map(|cpu| {
            let of = |name: &str| number(name).unwrap_or(0.0);
            let memory = seconds(of("overload.memory_s"));
            let (throttled, killed) = (counted(of("overload.throttled"), "task"), of("overload.killed"));
            format!("cpu {}, {throttled} throttled; memory {memory}, {} killed", seconds(cpu), counted(killed, "task"))
        }),
    );
    add("noticed after", percentiles(summary, "detect_s"));
    add("running again after", percentiles(summary, "replace_s"));
    add("recovered after", percentiles(summary, "recover_s"));
    lines
}

/// `12,345: 12,000 finished, 345 still waiting`.
fn states(summary: &Summary, of: &str) -> Option<String> {
    let submitted = summary.number(&format!("{of}.submitted"))?;
    let parts: Vec<String> =
        in_states(summary, of).iter().map(|(word, number)| format!("{} {word}", count(*number))).collect();
    Some(if parts.is_empty() { count(submitted) } else { format!("{}: {}", count(submitted), parts.join(", ")) })
}

/// The states that occurred, with how often.
pub(crate) fn in_states(summary: &Summary, of: &str) -> Vec<(&'static str, f64)> {
    let number = |(key, word): (&str, &'static str)| {
        summary.number(&format!("{of}.{key}")).filter(|&number| number > 0.0).map(|number| (word, number))
    };
    STATES.into_iter().filter_map(number).collect()
}

fn percentiles(summary: &Summary, of: &str) -> Option<String> {
    let keys = ["mean", "p50", "p90", "p99", "max"];
    let parts: Vec<String> = keys
        .iter()
        .filter_map(|key| summary.number(&format!("{of}.{key}")).map(|value| format!("{key} {}", seconds(value))))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The share of all waiting that each cause has, the greatest first.
pub(crate) fn cause_shares(summary: &Summary) -> Vec<(windtunnel_outcome::rows::Cause, f64)> {
    let of = |cause: windtunnel_outcome::rows::Cause| {
        summary.number(&format!("wait_by_cause_s.{}", cause.name())).unwrap_or(0.0)
    };
    let mut shares = windtunnel_outcome::rows::Cause::ALL.map(|cause| (cause, of(cause))).to_vec();
    let total: f64 = shares.iter().map(|(_, amount)| amount).sum();
    shares.retain(|(_, amount)| *amount > 0.0);
    shares.iter_mut().for_each(|(_, amount)| *amount /= total);
    // The sort is stable: equals stay in the order of the causes.
    shares.sort_by(|one, other| other.1.total_cmp(&one.1));
    shares
}

fn causes(summary: &Summary) -> Option<String> {
    let shares = cause_shares(summary);
    let words: Vec<String> =
        shares.iter().map(|(cause, part)| format!("{} {}", cause.name().replace('_', " "), share(*part))).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_what_the_run_has_and_nothing_else() {
        let mut summary = Summary::default();
        summary.set("tasks.submitted", 12_345_u64);
        summary.set("tasks.finished", 12_000_u64);
        summary.set("tasks.pending_at_end", 345_u64);
        summary.set("tasks.failed", 0_u64);
        summary.set("wait_s.p50", 0.0);
        summary.set("wait_s.p99", 3_900.0);
        summary.set("wait_by_cause_s.capacity", 30.0);
        summary.set("wait_by_cause_s.head_of_line", 70.0);
        summary.set("allocation.memory.mean", 0.5);
        summary.set("allocation.cpu.mean", 0.763);
        summary.set("makespan_s", Value::Null);
        summary.set("fingerprint", "00ff");
        let expected = "tasks             12,345: 12,000 finished, 345 still waiting\n\
                        wait              p50 0 s, p99 1 h 05 min\n\
                        where waits went  head of line 70 %, capacity 30 %\n\
                        cpu allocated     mean 76.3 %\n\
                        memory allocated  mean 50 %\n\
                        fingerprint       00ff";
        assert_eq!(render(&lines(&summary)), expected);
    }

    #[test]
    fn an_empty_summary_has_no_lines() {
        assert_eq!(render(&lines(&Summary::default())), "");
    }
}
