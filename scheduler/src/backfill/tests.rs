//! Every policy against a plain one that rebuilds its lists at every event, and what must hold whatever is decided.

mod limits;
mod naive;
mod shape;
mod terms;

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::Profile;

proptest! {
    #[test]
    fn a_profile_is_what_an_array_is(
        ops in proptest::collection::vec((0_u8..4, 0_u64..60, 1_u64..30, 1_i64..9), 1..120),
    ) {
        let mut profile = Profile::default();
        let mut plain: Vec<i64> = vec![0; 100];
        profile.add(0, u64::MAX, 10);
        plain.iter_mut().for_each(|free| *free += 10);
        let mut past = 0_usize;
        for (kind, from, length, amount) in ops {
            let from = from.max(past as u64);
            match kind {
                0 | 1 => {
                    let amount = if kind == 0 { -amount } else { amount };
                    profile.add(from, from + length, amount);
                    plain[from as usize..(from + length) as usize].iter_mut().for_each(|free| *free += amount);
                }
                2 => {
                    let fits = |at: usize| (at..at + length as usize).all(|at| plain.get(at).unwrap_or(&10) >= &amount);
                    let expected = (from as usize..=100).find(|&at| fits(at)).map(|at| at as u64);
                    prop_assert_eq!(profile.earliest(from, length, amount), expected.filter(|_| amount <= 10));
                    let (until, limit) = (from + 7, from + 9);
                    let reaches = |at: usize| {
                        (at..(at + length as usize).min(limit as usize)).all(|at| plain[at] >= amount)
                    };
                    let expected = (from as usize..until as usize).find(|&at| reaches(at)).map(|at| at as u64);
                    prop_assert_eq!(profile.earliest_within((from, until), length, amount, limit), expected);
                    let most = plain[from as usize..until as usize].iter().max().copied();
                    prop_assert_eq!(Some(profile.most_within(from, until)), most);
                    let least = plain[from as usize..until as usize].iter().min().copied();
                    prop_assert_eq!(Some(profile.least_within(from, until)), least);
                }
                _ => {
                    past = past.max(from as usize / 2);
                    profile.forget_before(past as u64);
                }
            }
            for (at, free) in plain.iter().enumerate().skip(past) {
                prop_assert_eq!(profile.at(at as u64), *free);
                let next = (at + 1..100).find(|&next| plain[next] != plain[next - 1]).map(|next| next as u64);
                prop_assert_eq!(profile.next_step(at as u64), next);
            }
        }
        // As many steps as there are changes of level, and the one in the past.
        let changes = (past + 1..100).filter(|&at| plain[at] != plain[at - 1]).count();
        prop_assert!(profile.len() <= changes + 2, "{} steps for {changes} changes", profile.len());
    }
}
