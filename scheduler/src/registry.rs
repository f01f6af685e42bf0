//! What a registry entry says of itself: listings, documentation and tests all derive from it.

/// One member of a registry.
pub trait Entry {
    /// The name in scenarios; unique in its registry.
    fn name(&self) -> &'static str;
    /// One line.
    fn summary(&self) -> &'static str;
    /// Options with their defaults.
    fn options(&self) -> &'static [OptionNote];
    /// Where it comes from: a paper, a project, or `textbook`.
    fn source(&self) -> &'static str;
}

/// An option of a policy.
#[derive(Clone, Copy, Debug)]
pub struct OptionNote {
    /// The key.
    pub name: &'static str,
    /// What it is if left out.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
}
