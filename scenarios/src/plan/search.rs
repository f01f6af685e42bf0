//! The search for the smallest fleet that will do, apart from what "will do" means.
//!
//! More machines usually help, so the search doubles or halves until the answer lies between two sizes and then
//! bisects. Schedulers have anomalies (Graham 1969): a larger fleet may do worse. They are looked for just below the
//! answer, and every pair of sizes that breaks the rule is reported.

use std::collections::BTreeMap;

/// What came of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The smallest size at which, and at every larger size that was tried, the objectives hold; None if there is none.
    pub answer: Option<u32>,
    /// Every size that was tried, and whether the objectives hold there.
    pub tried: BTreeMap<u32, bool>,
}

/// Sizes just below and above the answer that are tried besides, to see whether the rule holds there.
const BESIDE: u32 = 2;

impl Search {
    /// Sizes that do, although a larger one does not: `(smaller, larger)`, the nearest larger one of each.
    #[must_use]
    pub fn anomalies(&self) -> Vec<(u32, u32)> {
        let mut found = Vec::new();
        for (&size, &holds) in &self.tried {
            let worse = self.tried.range(size + 1..).find(|&(_, &holds)| !holds);
            if let (true, Some((&larger, _))) = (holds, worse) {
                found.push((size, larger));
            }
        }
        found
    }
}

/// Looks for the smallest size from `least` to `most`, beginning at `guess`.
///
/// # Errors
/// The first error of `holds`.
pub fn smallest<E>(
    least: u32,
    guess: u32,
    most: u32,
    holds: &mut dyn FnMut(u32) -> Result<bool, E>,
) -> Result<Search, E> {
    let mut tried = BTreeMap::new();
    let mut ask = |size: u32| -> Result<bool, E> {
        if let Some(&known) = tried.get(&size) {
            return Ok(known);
        }
        let answer = holds(size)?;
        tried.insert(size, answer);
        Ok(answer)
    };
    let guess = guess.clamp(least, most);
    // `enough` does, `short` does not: the answer is above `short` and at most `enough`.
    let (mut short, mut enough) = (None, None);
    let mut size = guess;
    if ask(guess)? {
        enough = Some(guess);
        let mut step = 1.max(guess / 8);
        while size > least {
            size = size.saturating_sub(step).max(least);
            if !ask(size)? {
                short = Some(size);
                break;
            }
            enough = Some(size);
            step = step.saturating_mul(2);
        }
    } else {
        short = Some(guess);
        let mut step = 1.max(guess / 8);
        while size < most {
            size = size.saturating_add(step).min(most);
            if ask(size)? {
                enough = Some(size);
                break;
            }
            short = Some(size);
            step = step.saturating_mul(2);
        }
    }
    if let (Some(mut low), Some(mut high)) = (short, enough) {
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if ask(middle)? {
                high = middle;
            } else {
                low = middle;
            }
        }
        let beside = (low.saturating_sub(BESIDE)..low).chain(high + 1..=high.saturating_add(BESIDE));
        for size in beside.filter(|size| (least..=most).contains(size)) {
            ask(size)?;
        }
    }
    // Above the largest size that fails, as far as anybody has looked.
    let failing = tried.iter().rev().find(|(_, holds)| !**holds).map(|(&size, _)| size);
    let answer = tried.iter().find(|&(&size, &holds)| holds && failing.is_none_or(|most| size > most));
    Ok(Search { answer: answer.map(|(&size, _)| size), tried })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn search(least: u32, guess: u32, most: u32, does: impl Fn(u32) -> bool) -> Search {
        let Ok(search) = smallest::<Infallible>(least, guess, most, &mut |size| Ok(does(size)));
        search
    }

    proptest! {
        #[test]
        fn finds_what_a_walk_from_below_finds(bound in 1_u32..3_000, guess in 1_u32..4_000, most in 1_u32..3_500) {
            let found = search(1, guess, most, |size| size >= bound);
            prop_assert_eq!(found.answer, (bound <= most).then_some(bound));
            prop_assert!(found.anomalies().is_empty());
            prop_assert!(found.tried.len() <= 32, "{} sizes tried", found.tried.len());
        }
    }

    #[test]
    fn a_smaller_size_that_does_is_an_anomaly_and_no_answer() {
        // 8 does, 9 does not, 10 and more do.
        let found = search(1, 16, 100, |size| size == 8 || size >= 10);
        assert_eq!(found.answer, Some(10));
        assert_eq!(found.anomalies(), [(8, 9)]);
        assert!(!found.tried[&9]);
    }

    #[test]
    fn the_least_size_may_do_and_the_most_may_not() {
        assert_eq!(search(1, 5, 10, |_| true).answer, Some(1));
        assert_eq!(search(1, 5, 10, |_| false).answer, None);
    }
}
