//! What a gate found, as JUnit XML: a suite per scenario, a case per limit.

use super::{Gated, Outcome};
use crate::chart::escape;

/// The document.
#[must_use]
pub fn junit(all: &[Gated]) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"windtunnel gate\">\n");
    for gated in all {
        let name = escape(&gated.name);
        let (cases, failures, errors) = match &gated.outcome {
            Outcome::Checked { checks, .. } => (checks.len(), gated.broken().count(), 0),
            Outcome::Updated { .. } => (0, 0, 0),
            Outcome::Failed { .. } => (1, 0, 1),
        };
        xml.push_str(&format!(
            "  <testsuite name=\"{name}\" tests=\"{cases}\" failures=\"{failures}\" errors=\"{errors}\">\n"
        ));
        match &gated.outcome {
            Outcome::Updated { .. } => {}
            Outcome::Failed { message, .. } => xml.push_str(&format!(
                "    <testcase classname=\"{name}\" name=\"runs\"><error message=\"{}\"/></testcase>\n",
                escape(message)
            )),
            Outcome::Checked { checks, .. } => {
                for check in checks {
                    let case = format!("    <testcase classname=\"{name}\" name=\"{}\"", escape(&check.name));
                    if check.holds {
                        xml.push_str(&format!("{case}/>\n"));
                    } else {
                        let words = escape(&check.words());
                        xml.push_str(&format!("{case}><failure message=\"{words}\"/></testcase>\n"));
                    }
                }
            }
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}
