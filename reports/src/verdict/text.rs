//! A comparison as a table for people.

use windtunnel_outcome::metric::Metric;

use super::{Row, Verdict};
use crate::human::{duration, share, three_digits};

/// A number of a metric as people write it.
#[must_use]
pub fn value(metric: &Metric, value: f64) -> String {
    let size = value.abs();
    let sign = if value < 0.0 { "-" } else { "" };
    match metric.unit {
        "s" => format!("{sign}{}", duration(size * 1e6)),
        "share" => format!("{sign}{}", share(size)),
        "USD" => format!("{sign}${}", three_digits(size)),
        _ => format!("{sign}{}", three_digits(size)),
    }
}

/// A difference as people write it: with its sign.
#[must_use]
pub fn difference(metric: &Metric, by: f64) -> String {
    if by == 0.0 { "0".to_owned() } else { format!("{}{}", if by > 0.0 { "+" } else { "" }, value(metric, by)) }
}

/// Head and rows of the table: the headline metrics, and, with `all`, every other number that is not the same.
#[must_use]
pub fn table(rows: &[Row], names: [&str; 2], all: bool) -> (Vec<String>, Vec<Vec<String>>) {
    let head = ["", names[0], names[1], "difference", "", "95 % interval", "p", "verdict"].map(str::to_owned).to_vec();
    let shown = rows.iter().filter(|row| row.headline && (row.base.is_some() || row.new.is_some()));
    let more = rows.iter().filter(|row| all && !row.headline && row.verdict != Verdict::Same);
    let number = |row: &Row, number: Option<f64>| number.map_or_else(|| "-".to_owned(), |one| value(row.metric, one));
    let body = shown.chain(more).map(|row| {
        let interval = row.interval.map_or_else(
            || "-".to_owned(),
            |(low, high)| {
                if low == high {
                    if row.p.is_none() { "exact" } else { "none" }.to_owned()
                } else {
                    format!("{} .. {}", difference(row.metric, low), difference(row.metric, high))
                }
            },
        );
        vec![
            row.name.clone(),
            number(row, row.base),
            number(row, row.new),
            row.diff.map_or_else(|| "-".to_owned(), |diff| difference(row.metric, diff)),
            row.relative().map_or_else(String::new, percent),
            interval,
            row.p.map_or_else(|| "-".to_owned(), chance),
            row.verdict.name().to_owned(),
        ]
    });
    let body = body.collect();
    (head, body)
}

/// A relative difference.
fn percent(share: f64) -> String {
    if share == 0.0 {
        return String::new();
    }
    let percent = share * 100.0;
    let digits = if percent.abs() < 0.1 { 2 } else { 1 };
    format!("{percent:+.digits$} %")
}

/// How likely something is by chance.
fn chance(p: f64) -> String {
    match p {
        p if p < 0.0001 => "<0.0001".to_owned(),
        p if p > 0.9999 => "1".to_owned(),
        p => format!("{p:.4}"),
    }
}
