//! What a gate found, for people at a terminal and for annotations of a change.

use super::{Gated, Outcome};

/// Everything, scenario by scenario; ends with a line break.
#[must_use]
pub fn text(all: &[Gated]) -> String {
    let mut lines = Vec::new();
    for gated in all {
        match &gated.outcome {
            Outcome::Updated { .. } => lines.push(format!("{}: {}, {}", gated.name, gated.word(), gated.baseline)),
            Outcome::Failed { message, hints } => {
                lines.push(format!("{}: could not run: {message}", gated.name));
                lines.extend(hints.iter().map(|hint| format!("hint: {hint}")));
            }
            Outcome::Checked { checks, decisions } => {
                let broken = gated.broken().count();
                let limits = match (broken, checks.len()) {
                    (0, 1) => "its limit holds".to_owned(),
                    (0, count) => format!("all {count} limits hold"),
                    (broken, count) => format!("{broken} of {count} limits do not hold"),
                };
                lines.push(format!("{}: {}, {limits}; {}", gated.name, gated.word(), decisions.words()));
                for check in gated.broken() {
                    lines.push(format!("  {}: {}", check.name, check.words()));
                    lines.push(format!("    ({})", check.metric.meaning));
                }
                if broken > 0 {
                    lines.push(format!(
                        "hint: if this is meant, run `windtunnel gate {} --update` and commit {}",
                        gated.file, gated.baseline
                    ));
                    lines.push(format!(
                        "hint: `windtunnel compare {} --arm base: --arm new:KEY=VALUE` says where two settings part",
                        gated.file
                    ));
                }
            }
        }
    }
    lines.join("\n") + "\n"
}

/// One line per broken limit and per scenario that could not run, as GitHub Actions annotates a change.
#[must_use]
pub fn annotations(all: &[Gated]) -> String {
    let mut lines = String::new();
    for gated in all {
        let mut error = |title: &str, message: &str| {
            let file = property(&gated.file);
            lines.push_str(&format!("::error file={file},title={}::{}\n", property(title), data(message)));
        };
        for check in gated.broken() {
            error(&format!("{}: {}", gated.name, check.name), &check.words());
        }
        if let Outcome::Failed { message, .. } = &gated.outcome {
            error(&format!("{}: could not run", gated.name), message);
        }
    }
    lines
}

/// The message of a workflow command: what would end the line is written as its number.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
