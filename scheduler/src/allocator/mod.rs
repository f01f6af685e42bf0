//! Allocators: who is offered what. [`two_level`] offers pessimistically, one owner at a time, by a sorter;
//! [`shared_state`] shows everything to everyone and settles who came first.

pub mod shared_state;
pub mod sorter;
pub mod two_level;

use crate::event::Ending;

/// Whether a resident task that ended like this may come back to where it was.
const fn comes_back(ending: Ending) -> bool {
    !matches!(ending, Ending::Finished | Ending::Killed)
}
