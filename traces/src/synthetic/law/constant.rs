//! Always the same duration.

use windtunnel_scheduler::time::Span;

use super::{DurationLaw, Law, whole};
use crate::synthetic::terms::{BadTerm, Choosable, Unit, required};
use crate::synthetic::{Generator, Make};

/// Always the same duration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constant(Span);

impl Constant {
    /// Always `value`; [`Span::FOREVER`] for work that never ends of its own.
    ///
    /// # Errors
    /// If `value` is zero.
    pub fn new(value: Span) -> Result<Self, BadTerm> {
        if value == Span::ZERO {
            return Err(BadTerm::new("value", "`value` is 0: give a time of at least a microsecond"));
        }
        Ok(Self(value))
    }
}

impl DurationLaw for Constant {
    #[inline]
    fn sample(&self, _: f64) -> Span {
        self.0
    }

    fn mean_us(&self) -> f64 {
        if self.0.is_forever() { f64::INFINITY } else { self.0.0 as f64 }
    }

    fn residual(&self, u1: f64, _: f64) -> Span {
        if self.0.is_forever() { self.0 } else { whole(self.0.0 as f64 * u1) }
    }
}

/// The registry entry.
pub static CONSTANT: Generator = Generator {
    name: "constant",
    summary: "always the same duration",
    bare: "value",
    options: &[VALUE],
    source: "by definition",
    make: Make::Duration(|terms| {
        let value = required("constant", &VALUE, terms.span("value")?)?;
        Ok(Law::from(Constant::new(value)?))
    }),
};

const VALUE: Choosable = Choosable { name: "value", unit: Unit::Span, default: "", summary: "the duration" };
