//! What trouble came to, in numbers.

use windtunnel_outcome::summary::Summary;
use windtunnel_scheduler::time::{Span, Time};

use super::World;
use super::health::Toll;
use crate::measure::record_seconds;

impl World {
    /// How long a node was down.
    pub(super) fn down_of(&self, at: usize) -> Span {
        self.trouble
            .as_ref()
            .map_or(Span::ZERO, |trouble| Span(trouble.health[at].down_us.saturating_sub(self.away_of(at).0)))
    }

    /// Writes the numbers of availability, and, if anything could go wrong, of what did.
    pub(super) fn record_trouble(&mut self, summary: &mut Summary) {
        let run = self.now.since(Time::ZERO);
        let nodes = self.nodes.len();
        let down_us: u128 = (0..nodes).map(|at| u128::from(self.down_of(at).0)).sum();
        let there_us: u128 = (0..nodes).map(|at| u128::from(run.0 - self.away_of(at).0)).sum();
        let worst = (0..nodes).map(|at| self.down_of(at)).max().unwrap_or(Span::ZERO);
        let share = |down: u128, of: u128| (of > 0).then(|| 1.0 - down as f64 / of as f64);
        summary.set("availability.mean", share(down_us, there_us));
        summary.set("availability.min", share(u128::from(worst.0), u128::from(run.0)));
        summary.set("availability.down_s", down_us as f64 / 1e6);
        let failures = self
            .trouble
            .as_ref()
            .map_or(0, |trouble| trouble.health.iter().map(|health| u64::from(health.failures)).sum::<u64>());
        summary.set("availability.failures", failures);
        let Some(trouble) = &mut self.trouble else { return };
        for source in &trouble.sources {
            let path = |last: &str| vec!["faults".to_owned(), source.name.clone(), last.to_owned()];
            summary.set_path(path("strikes"), source.strikes);
            summary.set_path(path("nodes"), source.nodes);
        }
        let overlapped = trouble.engine.overlapped;
        let Toll { detect, replace, recover, .. } = &mut trouble.toll;
        record_seconds(summary, "detect_s", detect);
        record_seconds(summary, "replace_s", replace);
        record_seconds(summary, "recover_s", recover);
        let toll = &trouble.toll;
        summary.set("availability.overlaps", toll.overlaps + overlapped);
        summary.set("loss.tasks", toll.tasks_lost);
        summary.set("loss.work_s", toll.lost_us as f64 / 1e6);
        summary.set("loss.placed_in_vain", toll.in_vain);
        summary.set("belief.declared_lost", toll.declared);
        summary.set("belief.declared_wrongly", toll.declared_wrongly);
        summary.set("belief.tasks_wrongly", toll.believed_lost);
        summary.set("belief.double_runs", toll.double_runs);
        summary.set("belief.double_s", toll.double_us as f64 / 1e6);
        summary.set("belief.news_resent", toll.resent);
        if trouble.link.confirm.is_some() {
            summary.set("belief.launches_lost", toll.launches_lost);
        }
        summary.set("belief.registrations_refused", toll.registrations_refused);
    }
}
