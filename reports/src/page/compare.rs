//! `compare.html`: two sides or more against each other, on one page of the same kind as that of a run.

use std::fmt::Write as _;

use windtunnel_outcome::Outcome;

use super::{Reproduction, open_page, warnings, write_figure_as, write_table};
use crate::chart::versus::{self, shade_of};
use crate::chart::{Cell, DrawError, Figure, Table, escape};
use crate::verdict::{self, Comparison, Document, Row, Verdict};

/// The page of a comparison. `first` holds the first run of every side, in their order, for the pictures.
#[must_use]
pub fn render(document: &Document, first: &[Outcome], reproduction: &Reproduction<'_>) -> String {
    let mut page = open_page(&document.scenario, "windtunnel compare");
    page.push_str("<section class=\"opening\">");
    for sentence in opening(document) {
        // Writing to a string cannot fail, here and below.
        let _ = write!(page, "<p>{}</p>", escape(&sentence));
    }
    page.push_str("</section>\n");
    warnings(&mut page, &document.warnings);
    let Some((base, others)) = document.arms.split_first() else { return page };
    for (at, (arm, comparison)) in others.iter().zip(&document.comparisons).enumerate() {
        let names = [base.name.as_str(), arm.name.as_str()];
        // Sections of several sides must not share a name.
        let mark = if at == 0 { String::new() } else { format!("-{at}") };
        if others.len() > 1 {
            let _ = write!(page, "<h2>{} against {}</h2>", escape(names[1]), escape(names[0]));
        }
        side(&mut page, comparison, names, &mark);
        if let (Some(base), Some(new)) = (first.first(), first.get(at + 1)) {
            pictures(&mut page, comparison, [base, new], names, &mark);
        }
        diverged(&mut page, comparison, names, &mark);
    }
    super::assumptions(&mut page, reproduction.scenario_toml);
    page.push_str("<section id=\"reproduce\"><h2>How to reproduce it</h2>");
    let _ = write!(page, "<pre>{}</pre>", escape(&crate::human::cut(reproduction.command, 4_000)));
    page.push_str("</section>\n</main>\n</body>\n</html>\n");
    page
}

/// What came out, in sentences.
#[must_use]
pub fn opening(document: &Document) -> Vec<String> {
    let mut sentences = Vec::new();
    let Some((base, others)) = document.arms.split_first() else { return sentences };
    for (arm, comparison) in others.iter().zip(&document.comparisons) {
        let told = |verdict: Verdict| {
            let rows = comparison.rows.iter().filter(|row| row.headline && row.verdict == verdict);
            let names: Vec<String> = rows.map(change).collect();
            crate::words::list(&names)
        };
        let (better, worse) = (told(Verdict::Better), told(Verdict::Worse));
        let what = match (better.as_str(), worse.as_str()) {
            ("", "") if comparison.divergence.is_none() => "Both decide alike: nothing changes.".to_owned(),
            ("", "") => "No headline metric is better or worse beyond chance and margin.".to_owned(),
            ("", worse) => format!("Worse: {worse}."),
            (better, "") => format!("Better: {better}."),
            (better, worse) => format!("Better: {better}. Worse: {worse}."),
        };
        sentences.push(format!("{} against {}: {what}", arm.name, base.name));
    }
    let seeds = match document.seeds.len() {
        1 => "One run of each side".to_owned(),
        count => format!("{count} seeds on each side, the same on all"),
    };
    sentences.push(format!("{seeds}; {}.", document.design));
    sentences
}

/// `wait_s.p99 (40 s -> 4 min 13 s)`.
fn change(row: &Row) -> String {
    let value = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |one| verdict::value(row.metric, one));
    format!("{} ({} \u{2192} {})", row.name, value(row.base), value(row.new))
}

fn side(page: &mut String, comparison: &Comparison, names: [&str; 2], mark: &str) {
    let _ = write!(
        page,
        "<section id=\"verdicts{mark}\"><h2>Verdicts</h2><p class=\"meaning\">The headline metrics; within a margin of \
         {} of the base a difference is the same.</p>",
        crate::human::share(verdict::MARGIN)
    );
    let headline = verdict::table(&comparison.rows, names, false);
    let judged = comparison.rows.iter().filter(|row| row.headline && (row.base.is_some() || row.new.is_some()));
    write_table(page, &table(headline, judged.map(|row| row.verdict)));
    let (head, rows) = verdict::table(&comparison.rows, names, true);
    let more: Vec<Vec<String>> = rows.into_iter().filter(|row| !verdict::is_headline(&row[0])).collect();
    if !more.is_empty() {
        let judged = comparison.rows.iter().filter(|row| !row.headline && row.verdict != Verdict::Same);
        page.push_str("<details><summary>Every other number that is not the same</summary>");
        write_table(page, &table((head, more), judged.map(|row| row.verdict)));
        page.push_str("</details>");
    }
    page.push_str("</section>\n");
}

fn table((head, rows): (Vec<String>, Vec<Vec<String>>), verdicts: impl Iterator<Item = Verdict>) -> Table {
    let rows = rows.into_iter().zip(verdicts).map(|(row, verdict)| {
        let last = row.len() - 1;
        let cells = row.into_iter().enumerate().map(|(at, text)| match at {
            0 => Cell::Text(text),
            at if at == last => {
                let shade = shade_of(verdict).variable();
                Cell::Html(format!("<b style=\"color:{shade}\">{}</b>", escape(&text)))
            }
            _ => Cell::Number(text),
        });
        cells.collect()
    });
    Table { head, rows: rows.collect(), left_out: None }
}

/// A picture's section: its id, title, meaning.
type Said = (&'static str, &'static str, &'static str);

fn pictures(page: &mut String, comparison: &Comparison, sides: [&Outcome; 2], names: [&str; 2], mark: &str) {
    let all: [(Said, Result<Option<Figure>, DrawError>); 3] = [
        (
            (
                "pairs",
                "Seed by seed",
                "Each pair met the same arrivals and run times: a line joins what the two made of them.",
            ),
            versus::pairs(&comparison.rows, names),
        ),
        (
            (
                "waits",
                "How long tasks waited",
                "In the first run of each side: the share of tasks that waited longer, on a logarithmic axis.",
            ),
            versus::waits(sides, names),
        ),
        (
            ("series", "Over time", "In the first run of each side, and the difference below."),
            versus::series(sides, names),
        ),
    ];
    for ((id, title, meaning), figure) in all {
        match figure {
            Ok(Some(figure)) => write_figure_as(page, [&format!("{id}{mark}"), title, meaning], &figure),
            Ok(None) => {}
            Err(error) => {
                let _ = write!(
                    page,
                    "<section id=\"{id}{mark}\"><h2>{title}</h2><p>{}</p></section>",
                    escape(&error.to_string())
                );
            }
        }
    }
}

fn diverged(page: &mut String, comparison: &Comparison, names: [&str; 2], mark: &str) {
    let _ = write!(page, "<section id=\"divergence{mark}\"><h2>Where the two part</h2>");
    let Some(divergence) = &comparison.divergence else {
        page.push_str("<p>Not one decision differs.</p></section>\n");
        return;
    };
    for sentence in divergence.words(names[0], names[1]) {
        let _ = write!(page, "<p>{}</p>", escape(&crate::human::capital(&sentence)));
    }
    let pieces = &divergence.spread.pieces;
    if !pieces.is_empty() {
        let head = ["handed in from", "tasks", "on another node", "later", "earlier"].map(str::to_owned).to_vec();
        let rows = pieces.iter().map(|piece| {
            let share = |part: u64| {
                Cell::Number(if piece.tasks == 0 {
                    "\u{2013}".to_owned()
                } else {
                    crate::human::share(part as f64 / piece.tasks as f64)
                })
            };
            vec![
                Cell::Number(crate::human::duration(piece.from.0 as f64)),
                Cell::Number(crate::human::count(piece.tasks as f64)),
                share(piece.elsewhere),
                share(piece.later),
                share(piece.earlier),
            ]
        });
        page.push_str("<p class=\"meaning\">How it spread, by when tasks were handed in.</p>");
        write_table(page, &Table { head, rows: rows.collect(), left_out: None });
    }
    page.push_str("</section>\n");
}
