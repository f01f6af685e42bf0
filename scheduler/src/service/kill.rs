//! Who is killed first when there are too many.
//!
//! **Source.** Marathon, `KillSelection`: the youngest unless the app says otherwise.

use alloc::vec::Vec;

use crate::id::TaskId;
use crate::time::Time;

/// Who goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum KillSelection {
    /// The one that was started last.
    #[default]
    YoungestFirst,
    /// The one that was started first.
    OldestFirst,
}

/// The `count` that go, the first of them first; ties go to the lowest id.
#[must_use]
pub fn choose(selection: KillSelection, instances: &[(TaskId, Time)], count: usize) -> Vec<TaskId> {
    let mut order = instances.to_vec();
    order.sort_by_key(|&(task, started)| match selection {
        KillSelection::YoungestFirst => (u64::MAX - started.0, task),
        KillSelection::OldestFirst => (started.0, task),
    });
    order.into_iter().take(count).map(|(task, _)| task).collect()
}
