// What a master answers to a framework that asks what became of its tasks, and when the framework asks again.

#[test]
fn f7_explicit_reconciliation_by_what_the_master_knows() {
    use Standing::{Gone, Recovered, Registered, Unknown, Unreachable};
    // What it knows is said as it is, wherever the agent is; of an agent that may still tell nothing is said.
    for agent in [Registered, Recovered, Unreachable, Gone, Unknown] {
        for aware in [false, true] {
            for known in [Status::Staging, Status::Starting, Status::Running, Status::Killing] {
                assert_eq!(explicit(Some(known), agent, aware), Some(known));
            }
        }
    }
    let answers = [
        (Registered, Some(Status::Gone)),
        (Recovered, None),
        (Unreachable, Some(Status::Unreachable)),
        (Gone, Some(Status::GoneByOperator)),
        (Unknown, Some(Status::Unknown)),
    ];
    for (agent, answer) in answers {
        assert_eq!(explicit(None, agent, true), answer, "{agent:?}");
        // To a framework that knows no partitions all of these are lost.
        assert_eq!(explicit(None, agent, false), answer.map(|_| Status::Lost), "{agent:?}");
    }
    assert_eq!(explicit(Some(Status::Unreachable), Unreachable, true), Some(Status::Unreachable));
    assert_eq!(explicit(Some(Status::Unreachable), Unreachable, false), Some(Status::Lost));
}

#[test]
fn f7_implicit_reconciliation_names_what_is_not_over() {
    let known = [Status::Staging, Status::Starting, Status::Running, Status::Killing];
    let left_out = [Status::Unreachable, Status::Gone, Status::GoneByOperator, Status::Unknown, Status::Lost];
    assert!(known.into_iter().all(implicit));
    assert!(!left_out.into_iter().any(implicit));
}

#[test]
fn f7_a_framework_asks_again_with_back_off() {
    let [gap, pause, pause_most] = [5, 10, 25].map(seconds);
    let pace = Pace { batch: 2, gap, pause, pause_most };
    let at = |after: u64| Time::ZERO + seconds(after);
    let [one, two, three] = [1, 2, 3].map(TaskId);
    let mut asks = Reconciliation::begin(at(100), vec![three, one, two, one], pace);
    assert_eq!(asks.wake(), Some(at(100)));
    assert_eq!(asks.ask(at(100)), [one, two]);
    assert_eq!(asks.ask(at(104)), [], "not before its time");
    assert_eq!((asks.wake(), asks.ask(at(105))), (Some(at(105)), [three].as_slice()));
    asks.heard(two);
    assert_eq!((asks.wake(), asks.ask(at(115))), (Some(at(115)), [one, three].as_slice()));
    // 10 s, then 20 s, then 25 s and no more.
    assert_eq!((asks.wake(), asks.ask(at(135))), (Some(at(135)), [one, three].as_slice()));
    assert_eq!((asks.wake(), asks.ask(at(160))), (Some(at(160)), [one, three].as_slice()));
    asks.heard(three);
    assert_eq!((asks.wake(), asks.ask(at(185))), (Some(at(185)), [one].as_slice()));
    asks.heard(one);
    asks.heard(one);
    assert_eq!((asks.wake(), asks.ask(at(210))), (None, [].as_slice()));
}

#[test]
fn f7_what_answers_before_its_turn_is_not_asked_for() {
    let pace = Pace { batch: 1, ..Pace::default() };
    let mut asks = Reconciliation::begin(Time::ZERO, (0..3).map(TaskId).collect(), pace);
    assert_eq!(asks.ask(Time::ZERO), [TaskId(0)]);
    asks.heard(TaskId(1));
    assert_eq!(asks.ask(Time::ZERO + seconds(5)), [TaskId(2)]);
    // Those that are left of a round answer by themselves: the next one begins.
    let mut asks = Reconciliation::begin(Time::ZERO, (0..2).map(TaskId).collect(), pace);
    assert_eq!(asks.ask(Time::ZERO), [TaskId(0)]);
    asks.heard(TaskId(1));
    assert_eq!(asks.ask(Time::ZERO + seconds(5)), [TaskId(0)]);
}

#[test]
fn f7_batches_of_a_thousand_every_five_seconds() {
    let mut asks = Reconciliation::begin(Time::ZERO, (0..2_500).map(TaskId).collect(), Pace::default());
    let mut sent = vec![];
    while let Some(due) = asks.wake().filter(|due| *due < Time::ZERO + seconds(25)) {
        sent.push((due, asks.ask(due).len()));
    }
    // The second round begins 10 s after the last batch of the first.
    let expected = [(0, 1_000), (5, 1_000), (10, 500), (20, 1_000)];
    assert_eq!(sent, expected.map(|(after, tasks)| (Time::ZERO + seconds(after), tasks)));
}

#[test]
fn f7_a_master_that_failed_over_answers_when_the_agent_is_back() {
    // The agent registers anew 50 s after the fail-over: asked at 0, 10 and 30 s in vain, it answers at 70 s.
    let mut asks = Reconciliation::begin(Time::ZERO, vec![TaskId(7)], Pace::default());
    let back = Time::ZERO + seconds(50);
    let mut asked = vec![];
    while let Some(now) = asks.wake() {
        let tasks = asks.ask(now).to_vec();
        let (known, agent) = match now < back {
            true => (None, Standing::Recovered),
            false => (Some(Status::Running), Standing::Registered),
        };
        asked.push((now, explicit(known, agent, true)));
        tasks.into_iter().filter(|_| now >= back).for_each(|task| asks.heard(task));
    }
    let expected = [(0, None), (10, None), (30, None), (70, Some(Status::Running))];
    assert_eq!(asked, expected.map(|(after, answer)| (Time::ZERO + seconds(after), answer)));
}
