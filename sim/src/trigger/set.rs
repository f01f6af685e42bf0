//! Another policy from now on.

use windtunnel_scheduler::config::Config;

use super::ActionKind;

/// The registry entry.
pub static SET: ActionKind = ActionKind {
    name: "set",
    summary: "keys of the scheduler change; what runs goes on",
    options: &[("scheduler.<key>", "a key of [scheduler] with its new value")],
    source: "the event `reconfigured` of the core",
};

/// Changes in `current` whatever differs between `before` and `after`: two triggers that set different keys do not
/// undo each other.
pub(crate) fn change(current: &mut Config, before: &Config, after: &Config) {
    macro_rules! keys {
        ($($key:ident),+) => {
            $(if before.$key != after.$key {
                current.$key = after.$key.clone();
            })+
        };
    }
    keys!(queue, head_of_line, placement, typical, backfill, backfill_order, preemption, unplaceable);
    keys!(interval, explain, allocator, conflicts, habits);
    for ((own, before), after) in current.frameworks.iter_mut().zip(&before.frameworks).zip(&after.frameworks) {
        change(&mut own.config, &before.config, &after.config);
    }
    for ((own, before), after) in current.inner.iter_mut().zip(&before.inner).zip(&after.inner) {
        change(&mut own.config, &before.config, &after.config);
    }
}
