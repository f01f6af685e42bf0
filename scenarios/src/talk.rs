//! What goes to which stream: data to stdout, talk to stderr.

use std::io::{self, Write as _};

use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;

use crate::failure::Failure;

/// Writes data. A reader that went away (`| head`) is no failure.
///
/// # Errors
/// If stdout cannot be written.
pub fn out(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("stdout cannot be written ({error})")))
        }
        _ => Ok(()),
    }
}

/// Writes a value as JSON, and nothing else.
///
/// # Errors
/// If stdout cannot be written.
pub fn json(value: &Value) -> Result<(), Failure> {
    out(&format!("{value:#}\n"))
}

/// Says something on stderr. That nobody may be listening is no reason to stop.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Says the warnings of a scenario.
pub fn warn(warnings: &[String]) {
    for warning in warnings {
        say(&format!("warning: {warning}"));
    }
}

/// A table that reads well without colour. `right` lists the columns of numbers.
#[must_use]
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>, right: &[usize]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(header.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for &column in right {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    // The preset without lines still pads each cell by a blank on its left.
    table.lines().map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(&line).trim_end())).collect()
}

/// A number for people: three significant decimals below a thousand, groups of three digits above.
#[must_use]
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return String::from("-");
    }
    if value.abs() < 1000.0 {
        let text = format!("{value:.3}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        return text.to_owned();
    }
    count(value.round().abs() as u64, value < 0.0)
}

/// A whole number in groups of three digits.
#[must_use]
pub fn whole(value: u64) -> String {
    count(value, false)
}

fn count(value: u64, negative: bool) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if negative { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        assert_eq!(number(0.5), "0.5");
        assert_eq!(number(12.0), "12");
        assert_eq!(number(0.12345), "0.123");
        assert_eq!(number(-1234567.4), "-1,234,567");
        assert_eq!(number(f64::NAN), "-");
        assert_eq!(whole(1000), "1,000");
        assert_eq!(whole(999), "999");
    }

    #[test]
    fn tables_have_no_trailing_blanks() {
        let text = table(&["name", "value"], [vec!["a".into(), "1".into()], vec!["bb".into(), "22".into()]], &[1]);
        assert_eq!(text, "name  value\na         1\nbb       22\n");
    }
}
