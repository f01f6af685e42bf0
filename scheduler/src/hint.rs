//! Hints to the compiler about what is rare.

use core::hint::cold_path;

/// The condition itself, which hardly ever holds: what follows from it is laid out apart.
///
/// From its submission to its end a task needs more code than a core keeps at hand, so that whatever stands between
/// two steps of the usual way has to be fetched with them.
#[inline(always)]
#[must_use]
pub fn rarely(condition: bool) -> bool {
    if condition {
        cold_path();
        true
    } else {
        false
    }
}

/// The same of what is hardly ever there.
#[inline(always)]
#[must_use]
pub fn rare<T>(option: Option<T>) -> Option<T> {
    if option.is_some() {
        cold_path();
    }
    option
}
