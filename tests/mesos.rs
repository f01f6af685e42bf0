//! The behaviours of Mesos and its frameworks, by the ids of the checklist: one test per id or numbered scenario.

// The tests stand side by side in this module, so that each is called `mesos::<id>` whatever file it is in.
include!("mesos/harness.rs");
include!("mesos/numbered.rs");
include!("mesos/resources.rs");
include!("mesos/offers.rs");
include!("mesos/sorters.rs");
include!("mesos/quotas.rs");
include!("mesos/golden.rs");
include!("mesos/services.rs");
include!("mesos/reconcile.rs");
include!("mesos/marathon.rs");

mod failure;

#[test]
fn g6_an_agent_is_marked_75_to_90_seconds_after_it_dies() {
    failure::g6_an_agent_is_marked_75_to_90_seconds_after_it_dies();
}

#[test]
fn g7_of_ten_thousand_agents_the_last_is_marked_after_a_hundred_minutes() {
    failure::g7_of_ten_thousand_agents_the_last_is_marked_after_a_hundred_minutes();
}

#[test]
fn f1_a_pong_starts_the_count_anew() {
    failure::f1_a_pong_starts_the_count_anew();
}

#[test]
fn f3_two_agents_lost_three_minutes_apart_are_marked_twenty_minutes_apart() {
    failure::f3_two_agents_lost_three_minutes_apart_are_marked_twenty_minutes_apart();
}

#[test]
fn f3_a_late_pong_cancels_a_queued_removal() {
    failure::f3_a_late_pong_cancels_a_queued_removal();
}

#[test]
fn f4_agents_that_come_back_register_in_a_storm_with_back_off() {
    failure::f4_agents_that_come_back_register_in_a_storm_with_back_off();
}

#[test]
fn f6_a_launch_is_sent_once_and_missed_when_it_is_not_confirmed() {
    failure::f6_a_launch_is_sent_once_and_missed_when_it_is_not_confirmed();
}
