//! How far a run is, on stderr, if anybody looks; and whether it was asked to stop.

use std::io::IsTerminal as _;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use windtunnel_sim::Progress;

use crate::failure::Failure;

/// How long a run that was asked to stop may take to do so by itself.
const GRACE: Duration = Duration::from_secs(1);

/// Set by Ctrl-C.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
    closing: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens to Ctrl-C and to a request to terminate. A run that does not stop by itself at once (it may be in the
    /// middle of a long step) is ended from here, after removing what is half written.
    ///
    /// # Errors
    /// If no handler can be installed.
    pub fn listen() -> Result<Self, Failure> {
        let interrupt = Self::default();
        let heard = interrupt.clone();
        let result = ctrlc::set_handler(move || {
            heard.asked.store(true, Ordering::SeqCst);
            std::thread::sleep(GRACE);
            // A result that is being put in place is complete: cutting it off now could only do harm.
            if !heard.closing.load(Ordering::SeqCst) {
                windtunnel_reports::write::abandon_all();
                crate::talk::say(Failure::Interrupted.render().trim_end());
                std::process::exit(i32::from(Failure::Interrupted.exit_code()));
            }
        });
        match result {
            Ok(()) | Err(ctrlc::Error::MultipleHandlers) => Ok(interrupt),
            Err(error) => Err(Failure::new(format!("Ctrl-C cannot be listened to ({error})"))),
        }
    }

    /// Whether Ctrl-C was pressed.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// To be called before a result is put in place: from here on nothing is cut off any more.
    ///
    /// # Errors
    /// [`Failure::Interrupted`] if Ctrl-C was pressed before.
    pub fn close(&self) -> Result<(), Failure> {
        self.closing.store(true, Ordering::SeqCst);
        if self.is_set() { Err(Failure::Interrupted) } else { Ok(()) }
    }
}

/// What the whole of a run is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// The instant at which it ends, in microseconds.
    Until(u64),
    /// So many tasks.
    Tasks(u64),
    /// Nobody knows.
    Unknown,
}

/// Where bars are drawn: on stderr, if somebody looks.
fn target() -> ProgressDrawTarget {
    if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() }
}

/// The bar of many runs; hidden if stderr is no terminal.
pub struct Tally {
    bar: ProgressBar,
    interrupt: Interrupt,
}

impl Tally {
    /// A bar for so many runs.
    #[must_use]
    pub fn new(name: &str, runs: usize, interrupt: Interrupt) -> Self {
        let bar = ProgressBar::with_draw_target(Some(runs as u64), target());
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {pos} of {len} runs, eta {eta}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(name.to_owned());
        Self { bar, interrupt }
    }

    /// Whether to go on; breaks off after Ctrl-C.
    pub fn ask(&self) -> ControlFlow<()> {
        if self.interrupt.is_set() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// One run more is over.
    pub fn done(&self) {
        self.bar.inc(1);
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// The bar of one run; hidden if stderr is no terminal.
pub struct Bar {
    bar: ProgressBar,
    whole: Whole,
    interrupt: Interrupt,
}

impl Bar {
    /// A bar for a run called `name`.
    #[must_use]
    pub fn new(name: &str, whole: Whole, interrupt: Interrupt) -> Self {
        let bar = match whole {
            Whole::Until(0) | Whole::Tasks(0) | Whole::Unknown => ProgressBar::new_spinner(),
            Whole::Until(length) | Whole::Tasks(length) => ProgressBar::new(length),
        };
        bar.set_draw_target(target());
        let template = if bar.length().is_some() {
            "{prefix} [{bar:30}] {percent:>3}% {msg} eta {eta}"
        } else {
            "{prefix} {spinner} {msg} {elapsed}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(name.to_owned());
        Self { bar, whole, interrupt }
    }

    /// Takes the news of the driver; breaks off after Ctrl-C.
    pub fn tell(&self, progress: Progress) -> ControlFlow<()> {
        if self.interrupt.is_set() {
            return ControlFlow::Break(());
        }
        if !self.bar.is_hidden() {
            let seconds = self.bar.elapsed().as_secs_f64();
            let rate = if seconds > 0.0 { progress.over as f64 / seconds } else { 0.0 };
            self.bar.set_message(format!("{} tasks/s, day {:.1}", crate::talk::number(rate.round()), days(progress)));
            match self.whole {
                Whole::Until(end) => self.bar.set_position(progress.now.0.min(end)),
                Whole::Tasks(tasks) => self.bar.set_position(progress.over.min(tasks)),
                Whole::Unknown => self.bar.tick(),
            }
        }
        ControlFlow::Continue(())
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// The bar of work that is done in a known number of steps, on several threads; hidden if stderr is no terminal.
pub struct Steps {
    bar: ProgressBar,
}

impl Steps {
    /// A bar for `count` steps.
    #[must_use]
    pub fn new(name: &str, count: u64, interrupt: &Interrupt) -> Self {
        let whole = Whole::Tasks(count);
        let Bar { bar, .. } = Bar::new(name, whole, interrupt.clone());
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {pos} of {len} {elapsed}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.tick();
        Self { bar }
    }

    /// One step more is done.
    pub fn done(&self) {
        self.bar.inc(1);
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn days(progress: Progress) -> f64 {
    progress.now.as_seconds() / 86_400.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_scheduler::Time;

    #[test]
    fn an_interrupt_breaks_off() {
        let interrupt = Interrupt::default();
        let bar = Bar::new("x", Whole::Tasks(10), interrupt.clone());
        let progress = Progress { now: Time::ZERO, submitted: 1, over: 1 };
        assert_eq!(bar.tell(progress), ControlFlow::Continue(()));
        interrupt.asked.store(true, Ordering::SeqCst);
        assert_eq!(bar.tell(progress), ControlFlow::Break(()));
        assert_eq!(interrupt.close(), Err(Failure::Interrupted));
        assert_eq!(Interrupt::default().close(), Ok(()));
    }
}
