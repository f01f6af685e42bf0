//! What a gate found, as a page of Markdown: for the summary of a workflow.

use super::{Gated, Outcome, Rule, percent};
use crate::verdict;

/// The page.
#[must_use]
pub fn markdown(all: &[Gated]) -> String {
    let mut page = String::from("# Gate\n\n| scenario | outcome | limits | decisions |\n|---|---|---|---|\n");
    for gated in all {
        let (limits, decisions) = match &gated.outcome {
            Outcome::Checked { checks, decisions } => {
                let broken = gated.broken().count();
                (format!("{} of {} hold", checks.len() - broken, checks.len()), decisions.words())
            }
            _ => (String::new(), String::new()),
        };
        page.push_str(&format!("| {} | **{}** | {limits} | {decisions} |\n", cell(&gated.name), gated.word()));
    }
    for gated in all {
        match &gated.outcome {
            Outcome::Updated { .. } => {}
            Outcome::Failed { message, hints } => {
                page.push_str(&format!("\n## {}\n\nCould not run: {}\n", cell(&gated.name), cell(message)));
                for hint in hints {
                    page.push_str(&format!("- hint: {}\n", cell(hint)));
                }
            }
            Outcome::Checked { checks, .. } => {
                page.push_str(&format!("\n## {}\n\n", cell(&gated.name)));
                page.push_str("| | metric | baseline | now | change | allowed |\n|---|---|---:|---:|---:|---|\n");
                for check in checks {
                    let value = |value: Option<f64>| {
                        value.map_or_else(|| "undefined".to_owned(), |value| verdict::value(check.metric, value))
                    };
                    let change = match check.worse_by() {
                        Some(worse) if worse > 0.0 => format!("{} worse", percent(worse)),
                        Some(worse) if worse < 0.0 => format!("{} better", percent(-worse)),
                        _ => String::new(),
                    };
                    let allowed = match &check.rule {
                        Rule::WorseBy(share) => format!("{} worse", percent(*share)),
                        Rule::Absolute(must) => must.clone(),
                    };
                    page.push_str(&format!(
                        "| {} | `{}` | {} | {} | {change} | {} |\n",
                        if check.holds { "ok" } else { "**broken**" },
                        check.name,
                        value(check.base),
                        value(check.now),
                        cell(&allowed)
                    ));
                }
                if gated.is_regressed() {
                    page.push_str(&format!(
                        "\nIf this is meant, run `windtunnel gate {} --update` and commit `{}`.\n",
                        gated.file, gated.baseline
                    ));
                }
            }
        }
    }
    page
}

/// Text that may stand in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
