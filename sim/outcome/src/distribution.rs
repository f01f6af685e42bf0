//! Distributions of whole numbers: exact up to a stated count, sketched with a stated error beyond.

/// One bar: values in `from <= value < to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bin {
    /// Lower edge, included.
    pub from: u64,
    /// Upper edge, excluded.
    pub to: u64,
    /// How many values.
    pub count: u64,
}
