//! A pass over the classes of waiting tasks, where nobody holds a reservation.

use super::pass::{Pass, Wish};
use super::rules::Ruled;
use super::upgrading::Upgrades;
use crate::cause::Cause;
use crate::config::{Config, HeadOfLine, Unplaceable};
use crate::decision::Decision;
use crate::id::TaskId;
use crate::index::Asked;
use crate::queue::{ClassId, Waiting, WaitingEntry};

/// One pass over the classes.
pub(super) struct Tries<'a> {
    pub(super) pass: Pass<'a>,
    pub(super) config: &'a Config,
    pub(super) waiting: &'a mut Waiting,
    pub(super) blocked: &'a mut Option<ClassId>,
    pub(super) ruled: &'a mut Ruled,
    pub(super) upgrades: &'a mut Upgrades,
}

impl Tries<'_> {
    /// Tries the first entry of a class, as many tasks of it as fit; false if nobody may be tried after it.
    pub(super) fn serve(&mut self, class: ClassId, entry: WaitingEntry) -> bool {
        let (shape, members) = self.waiting.needs(class);
        let now = self.pass.now;
        let waited = (now > entry.since).then(|| {
            let rest = match self.config.head_of_line {
                HeadOfLine::Block => Cause::HeadOfLine,
                HeadOfLine::Skip => Cause::Decision,
            };
            self.waiting.waited(class, now, rest)
        });
        let asked = Asked::new(TaskId(entry.task), shape);
        let wish = Wish { asked, job: entry.job, members };
        if self.pass.start(wish, waited) || self.pass.preempt(wish, entry.key, waited) {
            self.waiting.take(class, 1);
            // A later job of higher rank may have come to the head: what blocked before is looked at anew.
            *self.blocked = None;
            return true;
        }
        self.defer(class, entry)
    }

    /// The first entry of a class fits nowhere; false if nobody may be tried after it.
    #[inline(never)] // Apart from the way of those who fit.
    fn defer(&mut self, class: ClassId, entry: WaitingEntry) -> bool {
        let (shape_id, members) = self.waiting.needs(class);
        let pass = &mut self.pass;
        let shape = *pass.ledger.shapes().shape(shape_id);
        if self.config.explain {
            let job = pass.running.job(entry.job).id;
            pass.decisions.push(Decision::Defer { job, vetoes: pass.ledger.vetoes(&shape) });
        }
        if self.config.unplaceable == Unplaceable::Reject {
            let count = members.max(entry.count);
            pass.decisions.push(Decision::Reject { task: TaskId(entry.task), count });
            pass.work.tasks += u64::from(count);
            self.waiting.take(class, entry.count);
            self.upgrades.given_up(TaskId(entry.task), entry.count);
            if pass.running.job(entry.job).live == entry.count {
                self.ruled.forget(entry.job);
            }
            pass.running.end_tasks(pass.ledger, entry.job, entry.count);
            return true;
        }
        let cause = pass.cause(&shape, members, self.waiting.tasks_of(class));
        self.waiting.hold(class, pass.now, cause);
        match self.config.head_of_line {
            HeadOfLine::Skip => {
                self.waiting.park(pass.ledger, class);
                true
            }
            HeadOfLine::Block => {
                *self.blocked = Some(class);
                false
            }
        }
    }
}
