//! Who starts while a job that was handed in earlier still waits.

use std::collections::VecDeque;

/// Counts the jobs that passed others, by number of submission.
#[derive(Clone, Default)]
pub(crate) struct Overtaking {
    /// Every job before this one has left the queue.
    oldest: u64,
    /// From that one on, whether each has left.
    left: VecDeque<bool>,
    /// Jobs that start in this instant, and whether they count.
    now: Vec<(u64, bool)>,
    /// Jobs that started.
    pub started: u64,
    /// Those of them that passed one.
    pub passed: u64,
}

impl Overtaking {
    /// The first task of a job starts.
    pub(crate) fn starts(&mut self, job: u64, counts: bool) {
        self.now.push((job, counts));
    }

    /// A job will never start.
    pub(crate) fn gives_up(&mut self, job: u64) {
        self.leave(job);
    }

    fn leave(&mut self, job: u64) {
        let Some(at) = job.checked_sub(self.oldest).and_then(|at| usize::try_from(at).ok()) else { return };
        if at == 0 && self.left.is_empty() {
            self.oldest += 1;
            return;
        }
        if at >= self.left.len() {
            self.left.resize(at + 1, false);
        }
        self.left[at] = true;
        while self.left.front() == Some(&true) {
            self.left.pop_front();
            self.oldest += 1;
        }
    }

    /// The instant is complete: whoever started in it has passed those who still wait.
    #[inline]
    pub(crate) fn complete(&mut self) {
        if !self.now.is_empty() {
            self.settle();
        }
    }

    fn settle(&mut self) {
        let mut now = std::mem::take(&mut self.now);
        for &(job, _) in &now {
            self.leave(job);
        }
        for (job, _) in now.drain(..).filter(|(_, counts)| *counts) {
            self.started += 1;
            self.passed += u64::from(job > self.oldest);
        }
        self.now = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_starts_together_passes_nobody() {
        let mut jobs = Overtaking::default();
        jobs.starts(2, true);
        jobs.starts(0, true);
        jobs.starts(1, true);
        jobs.complete();
        assert_eq!((jobs.started, jobs.passed), (3, 0));
    }

    #[test]
    fn who_starts_before_an_earlier_one_passes_it() {
        let mut jobs = Overtaking::default();
        jobs.starts(1, true);
        jobs.starts(2, false);
        jobs.complete();
        assert_eq!((jobs.started, jobs.passed), (1, 1), "job 0 waits; what is not measured does not count");
        jobs.gives_up(0);
        jobs.starts(4, true);
        jobs.complete();
        assert_eq!((jobs.started, jobs.passed), (2, 2), "job 3 waits");
        jobs.starts(3, true);
        jobs.complete();
        assert_eq!((jobs.started, jobs.passed), (3, 2));
        assert!(jobs.left.is_empty());
    }
}
