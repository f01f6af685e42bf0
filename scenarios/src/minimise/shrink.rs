//! Delta debugging: the smallest part of a list that still shows something.
//!
//! Source: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE TSE 2002 (ddmin); before
//! it, beginnings of the list of twice the length each, since short ones cost next to nothing.

/// What asks whether a part still shows it; an error ends the search.
pub(super) type Shows<'a, T, E> = &'a mut dyn FnMut(&[T]) -> Result<bool, E>;

/// A part of `all` that shows it and from which no single item can be taken; `all` is known to show it.
pub(super) fn shrink<T: Clone, E>(all: &[T], shows: Shows<'_, T, E>) -> Result<Vec<T>, E> {
    let mut kept = beginning(all, shows)?;
    let mut length = kept.len().div_ceil(2).max(1);
    loop {
        let (mut from, mut any) = (0, false);
        while from < kept.len() && kept.len() > 1 {
            let to = (from + length).min(kept.len());
            let rest: Vec<T> = kept[..from].iter().chain(&kept[to..]).cloned().collect();
            if !rest.is_empty() && shows(&rest)? {
                // What stood behind the piece stands here now: going on from here asks once about every item.
                kept = rest;
                any = true;
            } else {
                from = to;
            }
        }
        if length == 1 && !any {
            return Ok(kept);
        }
        length = length.div_ceil(2);
    }
}

/// The first beginning of 1, 2, 4, ... items that shows it.
fn beginning<T: Clone, E>(all: &[T], shows: Shows<'_, T, E>) -> Result<Vec<T>, E> {
    let mut length = 1;
    while length < all.len() {
        if shows(&all[..length])? {
            return Ok(all[..length].to_vec());
        }
        length *= 2;
    }
    Ok(all.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever is needed is kept, and nothing else.
        #[test]
        fn what_is_needed_is_kept_and_nothing_else(
            length in 1_usize..200,
            needed in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
        ) {
            let all: Vec<usize> = (0..length).collect();
            let needed: std::collections::BTreeSet<usize> = needed.iter().map(|index| index.index(length)).collect();
            let mut asked = 0;
            let kept = shrink::<_, ()>(&all, &mut |part| {
                asked += 1;
                Ok(needed.iter().all(|one| part.contains(one)))
            });
            prop_assert_eq!(kept.unwrap(), needed.into_iter().collect::<Vec<usize>>());
            prop_assert!(asked < 2_000, "{}", asked);
        }
    }
}
