use windtunnel_outcome::heat::HeatTable;
use windtunnel_scheduler::time::Time;

use super::*;
use crate::sample;

const REPRODUCTION: Reproduction<'_> = Reproduction {
    command: "windtunnel run x --set 'a=\"<b>\"'",
    scenario_toml: "name = \"<script>alert(1)</script>\"",
};

#[test]
fn the_page_stands_alone() {
    let page = render(&sample::outcome(400, 2_000), &REPRODUCTION);
    for outside in ["http:", "https:", "<script", "<link", "@import", "url(", "src="] {
        // The name space of a drawing is an identifier, nothing is fetched from there.
        let page = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        assert!(!page.contains(outside), "{outside}");
    }
    for chart in CHARTS {
        assert!(page.contains(&format!("<section id=\"{}\">", chart.name())), "{}", chart.name());
    }
    assert!(page.contains("prefers-color-scheme:dark") && page.contains("name=\"viewport\""));
    assert!(!page.contains("NaN"), "a number that is none has no place on a page");
}

#[test]
fn names_cannot_break_out() {
    let page = render(&sample::outcome(10, 50), &REPRODUCTION);
    assert!(!page.contains("<nightly>") && page.contains("render &lt;nightly&gt;"));
    assert!(!page.contains("<b>ask</b>") && page.contains("&lt;b&gt;ask&lt;/b&gt;"));
    assert!(page.contains("&lt;script&gt;alert(1)"));
}

#[test]
fn every_tag_that_opens_closes() {
    let page = render(&sample::outcome(400, 2_000), &REPRODUCTION);
    for tag in
        ["section", "div", "table", "tr", "td", "th", "details", "pre", "svg", "ul", "li", "p", "span", "i", "h2"]
    {
        let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn the_page_stays_small_whatever_the_run() {
    let mut outcome = sample::outcome(50_000, 100_000);
    let noise = |at: u64| windtunnel_scheduler::draw::unit(0, 0, at, 0) as f32;
    outcome.heat = Some(HeatTable {
        from: Time::ZERO,
        to: outcome.end,
        columns: 300,
        first_node: (0..200).map(|row| row * 250).collect(),
        cells: (0..60_000).map(noise).collect(),
    });
    outcome.warnings = vec!["x".repeat(5_000); 1_000];
    outcome.waits = outcome.waits.iter().cycle().take(5_000).cloned().collect();
    let scenario_toml = "<".repeat(1 << 20);
    let page = render(&outcome, &Reproduction { command: &scenario_toml, scenario_toml: &scenario_toml });
    assert!(page.len() < PAGE_BYTES_MAX, "{} bytes", page.len());
}

#[test]
fn an_empty_run_has_a_page() {
    let page = render(&Outcome::default(), &Reproduction { command: "", scenario_toml: "" });
    assert!(page.contains("<h1>run</h1>") && page.ends_with("</html>\n"));
}

#[test]
fn equal_runs_have_equal_pages() {
    let outcome = sample::outcome(40, 300);
    assert_eq!(render(&outcome, &REPRODUCTION), render(&outcome, &REPRODUCTION));
}
