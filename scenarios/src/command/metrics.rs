//! `windtunnel metrics`: every number of a run with its meaning.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;
use windtunnel_outcome::metric::METRICS;

use super::Verdict;
use crate::failure::Failure;
use crate::talk;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// As a page of Markdown.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn perform(arguments: &Arguments) -> Result<Verdict, Failure> {
    if arguments.json {
        let list: Vec<_> = METRICS
            .iter()
            .map(|one| {
                json!({ "name": one.name, "unit": one.unit, "better": one.better.name(), "live": one.live,
                    "meaning": one.meaning, "source": one.source })
            })
            .collect();
        talk::json(&list.into())?;
    } else if arguments.markdown {
        talk::out(&markdown())?;
    } else {
        let rows = METRICS.iter().map(|one| {
            vec![
                one.name.to_owned(),
                one.unit.to_owned(),
                one.better.name().to_owned(),
                if one.live { "live" } else { "" }.to_owned(),
                one.meaning.to_owned(),
            ]
        });
        talk::out(&talk::table(&["metric", "unit", "better", "live", "meaning"], rows, &[]))?;
    }
    Ok(Verdict::Fine)
}

fn markdown() -> String {
    let mut page =
        String::from("# Metrics\n\n| metric | unit | better | live | meaning | source |\n|---|---|---|---|---|---|\n");
    for one in METRICS {
        let live = if one.live { "yes" } else { "" };
        let clean = |text: &str| text.replace('|', "\\|");
        // Writing into a String cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {live} | {} | {} |",
            one.name,
            one.unit,
            one.better.name(),
            clean(one.meaning),
            clean(one.source)
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_lists_every_metric() {
        let page = markdown();
        for one in METRICS {
            assert!(page.contains(&format!("| `{}` |", one.name)), "{}", one.name);
        }
    }
}
