//! Numbers of a run while it goes on: as `summary.json` would say them if the run ended now, or over a window.

use std::collections::{BTreeMap, VecDeque};

use windtunnel_outcome::distribution::Distribution;
use windtunnel_outcome::limit::Limit;
use windtunnel_outcome::rows::State;
use windtunnel_scheduler::resources::Totals;
use windtunnel_scheduler::time::{Span, Time};

/// Waits kept one by one where there is no window; sketched beyond, since they are asked for again and again.
const EXACT_MOST: usize = 1 << 12;
/// Nobody looks further ahead than this: some thirty years.
const HORIZON: Span = Span(1_000_000_000_000_000);
/// Millionths of a dollar in one.
const MICRO: u64 = 1_000_000;
/// Microseconds in an hour.
const HOUR_US: f64 = 3.6e9;

/// Whose numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    All,
    Class(String),
    Role(String),
}

impl Whose {
    /// True if a task of this class and team counts.
    pub(crate) fn counts(&self, class: &str, role: &str) -> bool {
        match self {
            Self::All => true,
            Self::Class(name) => name == class,
            Self::Role(name) => name == role,
        }
    }
}

/// Something that stands still between two instants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Of a resource by name, of all that is up.
    Allocated(String),
    Used(String),
    /// What a class or team holds of a resource; the totals are kept here.
    Held(Whose, String, Totals),
    Waiting,
    Running,
    Rate,
    EmptyNodes,
    Submitted,
    Over(State),
}

/// Which statistic of waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Statistic {
    Mean,
    Permille(u32),
    Max,
}

/// A number that is being watched.
#[derive(Clone, Debug)]
pub(crate) enum Gauge {
    /// The level as it stands.
    Now { level: Level, amount: u64, of: u64 },
    /// Its mean over time.
    Mean { level: Level, track: Track },
    /// Its growth over a window.
    Gain { level: Level, track: Track },
    /// Its sum over time: money.
    Total { level: Level, track: Track },
    /// Of the waits of tasks that started.
    Waits { whose: Whose, waits: Waits },
}

/// True if a trigger can watch the number of a limit.
#[must_use]
pub fn can_watch(limit: &Limit) -> bool {
    Gauge::new(limit).is_some()
}

/// The class or team at the head of a name, and the rest of the name.
fn split(name: &str) -> (Whose, &str) {
    let marks = [".wait_s.", ".allocation."];
    for (head, is_class) in [("by_class.", true), ("by_role.", false)] {
        if let Some(rest) = name.strip_prefix(head)
            && let Some(at) = marks.iter().filter_map(|mark| rest.rfind(mark)).max()
        {
            let who = rest[..at].to_owned();
            return (if is_class { Whose::Class(who) } else { Whose::Role(who) }, &rest[at + 1..]);
        }
    }
    (Whose::All, name)
}

impl Gauge {
    /// A gauge for the number of a limit; None if it is only known at the end.
    pub(crate) fn new(limit: &Limit) -> Option<Self> {
        let (whose, name) = split(&limit.name);
        let track = || Track::new(limit.over);
        if let Some(statistic) = name.strip_prefix("wait_s.") {
            let statistic = match statistic {
                "mean" => Statistic::Mean,
                "max" => Statistic::Max,
                "p50" => Statistic::Permille(500),
                "p90" => Statistic::Permille(900),
                "p99" => Statistic::Permille(990),
                "p999" => Statistic::Permille(999),
                _ => return None,
            };
            return Some(Self::Waits { whose, waits: Waits::new(statistic, limit.over) });
        }
        let shares = [("allocation.", true), ("usage.", false)];
        if let Some((lane, allocated)) = shares.iter().find_map(|(head, kind)| Some((name.strip_prefix(head)?, kind))) {
            let (lane, statistic) = lane.rsplit_once('.')?;
            let level = match (whose, allocated) {
                (Whose::All, true) => Level::Allocated(lane.to_owned()),
                (Whose::All, false) => Level::Used(lane.to_owned()),
                (whose, _) => Level::Held(whose, lane.to_owned(), Totals::default()),
            };
            return match statistic {
                "mean" => Some(Self::Mean { level, track: track() }),
                "at_end" => Some(Self::level(level, limit.over)),
                _ => None,
            };
        }
        if name == "cost.total_usd" {
            return Some(Self::Total { level: Level::Rate, track: track() });
        }
        let level = match name {
            "cost.rate_usd_per_h" => Level::Rate,
            "queue.tasks" | "tasks.pending_at_end" => Level::Waiting,
            "tasks.running_at_end" => Level::Running,
            "nodes.empty_at_end" => Level::EmptyNodes,
            "tasks.submitted" => Level::Submitted,
            _ => {
                let word = name.strip_prefix("tasks.")?;
                Level::Over(State::ALL.into_iter().find(|state| state.name() == word)?)
            }
        };
        let grows = matches!(level, Level::Submitted | Level::Over(_));
        Some(match limit.over {
            Some(_) if grows => Self::Gain { level, track: track() },
            over => Self::level(level, over),
        })
    }

    /// A level as it stands, or its mean over a window.
    fn level(level: Level, over: Option<Span>) -> Self {
        match over {
            None => Self::Now { level, amount: 0, of: 0 },
            Some(_) => Self::Mean { level, track: Track::new(over) },
        }
    }

    /// What must be read of the world.
    pub(crate) fn reads(&self) -> Option<&Level> {
        match self {
            Self::Now { level, .. } | Self::Mean { level, .. } | Self::Gain { level, .. } => Some(level),
            Self::Total { level, .. } => Some(level),
            Self::Waits { .. } => None,
        }
    }

    /// What a class or team holds, to be kept up.
    pub(crate) fn held_mut(&mut self) -> Option<(&Whose, &mut Totals)> {
        match self {
            Self::Now { level: Level::Held(whose, _, totals), .. }
            | Self::Mean { level: Level::Held(whose, _, totals), .. } => Some((whose, totals)),
            _ => None,
        }
    }

    /// From `now` on the level is `amount` of `of`.
    pub(crate) fn observe(&mut self, now: Time, (amount, of): (u64, u64)) {
        match self {
            Self::Now { amount: old, of: old_of, .. } => (*old, *old_of) = (amount, of),
            Self::Mean { track, .. } | Self::Gain { track, .. } | Self::Total { track, .. } => {
                track.observe(now, amount, of);
            }
            Self::Waits { .. } => {}
        }
    }

    /// The number now; None while it is undefined.
    pub(crate) fn value(&mut self, now: Time) -> Option<f64> {
        match self {
            Self::Now { amount, of, .. } => (*of > 0).then(|| *amount as f64 / *of as f64),
            Self::Mean { track, .. } => track.mean(now),
            Self::Gain { track, .. } => Some(track.gain(now) as f64),
            Self::Total { track, .. } => Some(track.total(now)),
            Self::Waits { waits, .. } => {
                waits.forget(now);
                waits.value()
            }
        }
    }

    /// The next instant at which the number may cease to stand as it stands now, if nothing happens until then.
    pub(crate) fn next(&self, now: Time, limit: &Limit) -> Option<Time> {
        match self {
            Self::Now { .. } => None,
            Self::Mean { track, .. } => track.next(now, |at| track.mean(at).is_some_and(|value| limit.holds(value))),
            Self::Total { track, .. } => track.next(now, |at| limit.holds(track.total(at))),
            Self::Gain { track, .. } => track.turn(now),
            Self::Waits { waits, .. } => waits.turn(),
        }
    }
}

/// A level from some instant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    at: Time,
    amount: u64,
    of: u64,
    /// Level times microseconds up to `at`.
    sums: (u128, u128),
}

impl Point {
    fn sums_at(&self, at: Time) -> (u128, u128) {
        let span = u128::from(at.since(self.at).0);
        (self.sums.0 + u128::from(self.amount) * span, self.sums.1 + u128::from(self.of) * span)
    }
}

/// A level over time, as far back as anybody asks.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    window: Option<Span>,
    /// The oldest holds at the beginning of the window, the last holds now.
    points: VecDeque<Point>,
}

impl Track {
    fn new(window: Option<Span>) -> Self {
        Self { window, points: VecDeque::new() }
    }

    fn observe(&mut self, now: Time, amount: u64, of: u64) {
        let sums = match self.points.back() {
            Some(last) if (last.amount, last.of) == (amount, of) => return,
            Some(last) => last.sums_at(now),
            None => (0, 0),
        };
        let point = Point { at: now, amount, of, sums };
        match self.points.back_mut() {
            // Nothing lasts no time.
            Some(last) if last.at == now => *last = point,
            _ => self.points.push_back(point),
        }
        let begin = self.begin(now);
        let is_past = |points: &VecDeque<Point>| points.get(1).is_some_and(|next| next.at <= begin);
        while is_past(&self.points) || self.window.is_none() && self.points.len() > 1 {
            self.points.pop_front();
        }
    }

    /// Where the window that ends at `at` begins.
    fn begin(&self, at: Time) -> Time {
        self.window.map_or(Time::ZERO, |window| Time(at.0.saturating_sub(window.0)))
    }

    fn point_at(&self, at: Time) -> Option<&Point> {
        let after = self.points.partition_point(|point| point.at <= at);
        self.points.get(after.checked_sub(1)?)
    }

    /// Level times time over the window that ends at `at`.
    fn sums(&self, at: Time) -> (u128, u128) {
        let end = self.point_at(at).map_or((0, 0), |point| point.sums_at(at));
        let begin = match self.window {
            Some(_) => self.point_at(self.begin(at)).map_or((0, 0), |point| point.sums_at(self.begin(at))),
            None => (0, 0),
        };
        (end.0 - begin.0, end.1 - begin.1)
    }

    fn mean(&self, at: Time) -> Option<f64> {
        let (amount, of) = self.sums(at);
        (of > 0).then(|| amount as f64 / of as f64)
    }

    fn total(&self, at: Time) -> f64 {
        self.sums(at).0 as f64 / MICRO as f64 / HOUR_US
    }

    fn gain(&self, at: Time) -> u64 {
        let level = |at: Time| self.point_at(at).map_or(0, |point| point.amount);
        level(at).saturating_sub(level(self.begin(at)))
    }

    /// When the next change leaves the window.
    fn turn(&self, now: Time) -> Option<Time> {
        let window = self.window?;
        let leaves = |point: &Point| point.at + window;
        self.points.iter().map(leaves).find(|&at| at > now)
    }

    /// Between two turns amounts grow evenly, and so a quotient of them only rises or only falls: whether the limit
    /// is crossed shows at the end, and where by halving.
    fn next(&self, now: Time, holds: impl Fn(Time) -> bool) -> Option<Time> {
        let turn = self.turn(now);
        let end = turn.unwrap_or(now + HORIZON);
        let stands = holds(now);
        // A quotient of nothing becomes one at once.
        if holds(Time(now.0 + 1)) != stands {
            return Some(Time(now.0 + 1));
        }
        if holds(end) == stands {
            return turn;
        }
        let (mut same, mut other) = (now.0, end.0);
        while other - same > 1 {
            let middle = same + (other - same) / 2;
            if holds(Time(middle)) == stands { same = middle } else { other = middle }
        }
        Some(Time(other))
    }
}

/// The waits of tasks that started, all of them or over a window.
#[derive(Clone, Debug)]
pub(crate) struct Waits {
    statistic: Statistic,
    window: Option<Span>,
    all: Distribution,
    recent: VecDeque<(Time, u64, u64)>,
    counts: BTreeMap<u64, u64>,
    count: u64,
    sum: u128,
}

impl Waits {
    fn new(statistic: Statistic, window: Option<Span>) -> Self {
        let all = Distribution::new(EXACT_MOST);
        Self { statistic, window, all, recent: VecDeque::new(), counts: BTreeMap::new(), count: 0, sum: 0 }
    }

    /// `count` tasks started now.
    pub(crate) fn add(&mut self, now: Time, wait: Span, count: u64) {
        if self.window.is_none() {
            self.all.add_times(wait.0, count);
            return;
        }
        self.recent.push_back((now, wait.0, count));
        *self.counts.entry(wait.0).or_default() += count;
        self.count += count;
        self.sum += u128::from(wait.0) * u128::from(count);
    }

    /// Forgets what has left the window.
    fn forget(&mut self, now: Time) {
        let Some(window) = self.window else { return };
        while let Some(&(_, wait, count)) = self.recent.front().filter(|(at, ..)| *at + window <= now) {
            self.recent.pop_front();
            self.count -= count;
            self.sum -= u128::from(wait) * u128::from(count);
            if let Some(left) = self.counts.get_mut(&wait) {
                *left -= count;
                if *left == 0 {
                    self.counts.remove(&wait);
                }
            }
        }
    }

    fn turn(&self) -> Option<Time> {
        let window = self.window?;
        self.recent.front().map(|(at, ..)| *at + window)
    }

    fn value(&mut self) -> Option<f64> {
        let us = match (self.window, self.statistic) {
            (Some(_), _) => self.recent_value()?,
            (None, Statistic::Mean) => self.all.mean()?,
            (None, Statistic::Max) => self.all.max()? as f64,
            (None, Statistic::Permille(permille)) => self.all.quantile(permille)? as f64,
        };
        Some(us / 1e6)
    }

    /// Of the window, by nearest rank.
    fn recent_value(&self) -> Option<f64> {
        let rank = match self.statistic {
            _ if self.count == 0 => return None,
            Statistic::Mean => return Some(self.sum as f64 / self.count as f64),
            Statistic::Max => self.count,
            Statistic::Permille(permille) => {
                (u128::from(self.count) * u128::from(permille)).div_ceil(1000).max(1) as u64
            }
        };
        // Few lie above a high percentile: from the top.
        let mut above = self.count - rank;
        for (&wait, &count) in self.counts.iter().rev() {
            if count > above {
                return Some(wait as f64);
            }
            above -= count;
        }
        None
    }
}
