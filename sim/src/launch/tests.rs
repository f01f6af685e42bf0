use proptest::prelude::*;

use windtunnel_traces::synthetic::Constant;

use super::*;

const SECOND: u64 = 1_000_000;

fn at(seconds: u64) -> Time {
    Time(seconds * SECOND)
}

/// Two images that share their first layer: 3,000 and 1,000 bytes, 3,000 and 2,000 bytes.
fn two_images() -> Launch {
    Launch {
        registry: 1_000,
        layers: vec![3_000, 1_000, 2_000],
        images: vec![vec![0, 1], vec![0, 2]],
        of_workload: vec![Some(0), Some(1)],
        ..Launch::default()
    }
}

fn ticket(slot: u32, node: u32) -> Ticket {
    Ticket { slot, node }
}

/// Lets pulls pass until `end`: which launch starts when, in seconds.
fn starts(launcher: &mut Launcher, end: Time) -> Vec<(u32, f64)> {
    let (mut starts, mut launched) = (Vec::new(), Vec::new());
    while let Some(now) = launcher.earliest().filter(|&now| now <= end) {
        launcher.advance(now, &mut launched);
        starts.extend(launched.drain(..).map(|(ticket, _)| (ticket.slot, now.as_seconds())));
    }
    starts
}

#[test]
fn two_images_with_a_layer_in_common_by_hand() {
    // At 0 s node 0 pulls image A (4,000 bytes) and node 1 image B (5,000): 500 bytes a second each. A is there at 8 s;
    // then image B on node 0 needs 2,000 bytes only, beside the last 1,000 of node 1: done at 10 s; the other 1,000
    // have the registry to themselves: 11 s. Image A on node 1 needs 1,000 bytes from 20 s on.
    let mut launcher = Launcher::new(two_images(), 2, 0);
    launcher.begin(ticket(0, 0), 0, (0, 0), at(0));
    launcher.begin(ticket(1, 1), 1, (1, 0), at(0));
    launcher.begin(ticket(2, 0), 1, (2, 0), at(1));
    assert_eq!(starts(&mut launcher, at(19)), [(0, 8.0), (1, 10.0), (2, 11.0)]);
    launcher.begin(ticket(3, 1), 0, (3, 0), at(20));
    // And what is there starts at once.
    launcher.begin(ticket(4, 0), 0, (4, 0), at(20));
    assert_eq!(starts(&mut launcher, at(90)), [(4, 20.0), (3, 21.0)]);
    assert_eq!((launcher.sums.pulled_bytes, launcher.sums.cold), (12_000, 4));
}

#[test]
fn unpacking_starting_and_getting_healthy_take_their_time() {
    let start = Some(Constant::new(Span(600_000)).unwrap().into());
    let launch = Launch { start, unpack: 2_000, health: Span::from_seconds(5), ..two_images() };
    let mut launcher = Launcher::new(launch.clone(), 1, 0);
    launcher.begin(ticket(0, 0), 0, (0, 0), at(0));
    // 4 s of pulling, 2 s of unpacking, 0.6 s to start, 5 s until healthy.
    assert_eq!(starts(&mut launcher, at(90)), [(0, 11.6)]);
    let mut warm = Launcher::new(Launch { warm: true, ..launch }, 1, 0);
    warm.begin(ticket(0, 0), 0, (0, 0), at(0));
    assert_eq!(starts(&mut warm, at(90)), [(0, 5.6)]);
}

#[test]
fn an_agent_works_on_so_many_launches_at_once() {
    let start = Some(Constant::new(Span::from_seconds(3)).unwrap().into());
    let mut launcher = Launcher::new(Launch { start, slots: 2, ..Launch::default() }, 1, 0);
    for slot in 0..3 {
        launcher.begin(ticket(slot, 0), 0, (slot.into(), 0), at(0));
    }
    assert_eq!(starts(&mut launcher, at(9)), [(0, 3.0), (1, 3.0), (2, 6.0)]);
    assert_eq!(launcher.sums.queued_us, 3_000_000);
}

#[test]
fn the_layers_used_longest_ago_go_first_and_those_in_use_stay() {
    let mut cache = Cache::default();
    let sizes = [10, 10, 10, 10];
    assert_eq!(cache.put(&[0, 1], &sizes, 30, at(1)), 0);
    cache.hold(&[0, 1]);
    assert_eq!(cache.put(&[2], &sizes, 30, at(2)), 0);
    assert_eq!(cache.put(&[3], &sizes, 30, at(3)), 1, "layer 2 goes: 0 and 1 are in use");
    assert_eq!((cache.missing(&[2], &sizes), cache.missing(&[0, 1, 3], &sizes)), (10, 0));
    cache.release(&[0, 1]);
    cache.put(&[0], &sizes, 30, at(4));
    assert_eq!(cache.put(&[2], &sizes, 30, at(5)), 1);
    assert_eq!(cache.missing(&[1], &sizes), 10, "layer 1 was used longest ago");
}

#[test]
fn what_is_broken_off_leaves_its_share_to_the_others() {
    let mut launcher = Launcher::new(two_images(), 2, 0);
    launcher.begin(ticket(0, 0), 0, (0, 0), at(0));
    launcher.begin(ticket(1, 1), 0, (1, 0), at(0));
    launcher.leave(ticket(1, 1), 0, at(2));
    // 1,000 bytes in 2 s, the other 3,000 alone.
    assert_eq!(starts(&mut launcher, at(90)), [(0, 5.0)]);
}

/// The same in fractions: each microsecond all get an equal part.
fn naive(rate: u64, each: u64, jobs: &[(u64, u64)]) -> Vec<u64> {
    let mut left: Vec<f64> = jobs.iter().map(|job| job.1 as f64).collect();
    let mut done = vec![0; jobs.len()];
    let mut now = 0;
    while done.contains(&0) {
        let going: Vec<usize> = (0..jobs.len()).filter(|&at| jobs[at].0 <= now && done[at] == 0).collect();
        now += 1;
        let part = (rate as f64 / going.len() as f64).min(each as f64) / 1e6;
        for at in going {
            left[at] -= part;
            if left[at] <= 1e-9 {
                done[at] = now;
            }
        }
    }
    done
}

proptest! {
    #[test]
    fn sharing_is_fair(
        jobs in proptest::collection::vec((0_u64..300, 1_u64..40), 1..8),
        each in 200_000_u64..2_000_000,
    ) {
        let rate = 1_000_000;
        let mut jobs = jobs;
        jobs.sort_unstable();
        let expected = naive(rate, each, &jobs);
        let mut sharing = Sharing::new(rate, each);
        let mut done = vec![0; jobs.len()];
        let mut next = 0;
        loop {
            let arrival = jobs.get(next).map(|job| Time(job.0));
            let Some(now) = [arrival, sharing.earliest()].into_iter().flatten().min() else { break };
            while let Some(key) = sharing.pop(now) {
                let key: usize = key;
                done[key] = now.0;
            }
            while jobs.get(next).is_some_and(|job| Time(job.0) <= now) {
                sharing.add(next, jobs[next].1, now);
                next += 1;
            }
        }
        for (ours, theirs) in done.iter().zip(&expected) {
            // A microsecond of rounding at each change of their number.
            prop_assert!(ours.abs_diff(*theirs) <= 2, "{:?} {:?}", done, expected);
        }
    }
}
