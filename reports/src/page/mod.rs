//! The page.
use windtunnel_outcome::Outcome;
/// How.
pub struct Reproduction<'a> {
    /// c
    pub command: &'a str,
    /// s
    pub scenario_toml: &'a str,
}
/// r
#[must_use]
pub fn render(_outcome: &Outcome, _reproduction: &Reproduction<'_>) -> String {
    String::new()
}
