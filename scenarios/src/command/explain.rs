//! `windtunnel explain`: why tasks of a saved run waited.

use std::path::{Path, PathBuf};

use clap::Args;
use windtunnel_reports::explain::Story;
use windtunnel_reports::read::{self, Frame, ReadError};

use super::Verdict;
use crate::failure::Failure;
use crate::load;
use crate::progress::{Bar, Interrupt};
use crate::simulate;
use crate::story::Follow;
use crate::talk;
use crate::tool::Tool;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder of a run.
    dir: PathBuf,
    /// A task, as `tasks.parquet` names it: `<job>/<index>`; may be given again.
    #[arg(long, value_name = "ID")]
    task: Vec<String>,
    /// A job: every task of it; may be given again.
    #[arg(long, value_name = "ID")]
    job: Vec<String>,
    /// The tasks that waited longest.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    slowest: Option<u32>,
    /// Print the stories as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn perform(tool: &Tool, arguments: &Arguments) -> Result<Verdict, Failure> {
    let interrupt = Interrupt::listen()?;
    let (summary, _) = read::load_summary(&arguments.dir).map_err(unreadable)?;
    let mut tasks = arguments.task.clone();
    if let Some(most) = arguments.slowest {
        tasks.extend(slowest(&arguments.dir.join("tasks.parquet"), most as usize).map_err(unreadable)?);
    }
    if tasks.is_empty() && arguments.job.is_empty() {
        let nobody = arguments.slowest.is_some();
        let sentence = if nobody {
            "no task of this run waited"
        } else {
            "nothing is asked for; give --task, --job or --slowest 5"
        };
        if nobody {
            talk::say(sentence);
            return Ok(Verdict::Fine);
        }
        return Err(Failure::new(sentence));
    }
    let stories = retell(tool, arguments, summary.text("fingerprint").unwrap_or_default(), &tasks, &interrupt)?;
    if let Some(asked) = tasks.iter().find(|task| stories.iter().all(|story| story.task != **task)) {
        return Err(no_such("task", asked));
    }
    for asked in &arguments.job {
        let begin = format!("{asked}/");
        if stories.iter().all(|story| !story.task.starts_with(&begin)) {
            return Err(no_such("job", asked));
        }
    }
    // Those asked for by name or by wait come in that order, those of a job behind them.
    let position = |story: &Story| tasks.iter().position(|task| *task == story.task).unwrap_or(usize::MAX);
    let mut stories = stories;
    stories.sort_by_key(position);
    if arguments.json {
        talk::json(&stories.iter().map(Story::to_json).collect())?;
    } else {
        let texts: Vec<String> = stories.iter().map(Story::text).collect();
        talk::out(&texts.join("\n"))?;
    }
    Ok(Verdict::Fine)
}

fn no_such(kind: &str, asked: &str) -> Failure {
    Failure::new(format!("the run has no {kind} `{asked}`; write it as tasks.parquet does"))
        .hint("a task is <job>/<index>; --slowest 5 names those that waited longest")
}

fn unreadable(error: ReadError) -> Failure {
    Failure::Input { message: error.message, hints: error.hints }
}

/// Runs the stored scenario again, which must come to the same decisions, and follows the tasks.
fn retell(
    tool: &Tool,
    arguments: &Arguments,
    fingerprint: &str,
    tasks: &[String],
    interrupt: &Interrupt,
) -> Result<Vec<Story>, Failure> {
    let scenario = arguments.dir.join("scenario.toml");
    let mut resolved = load::load(&scenario.display().to_string(), &[], tool.registries())?;
    resolved.config.explain = true;
    let mut follow = Follow::new(&resolved.fleet, tasks, &arguments.job);
    let bar = Bar::new("explain", simulate::whole(&resolved), interrupt.clone());
    let result = simulate::once(tool, &resolved, &mut follow, &mut |progress| bar.tell(progress));
    bar.clear();
    let outcome = result?;
    if outcome.summary.text("fingerprint") != Some(fingerprint) {
        let sentence = format!(
            "{} does not come to the same decisions again; explain it with the build that made it",
            scenario.display()
        );
        return Err(Failure::new(sentence).hint("or run it again with this build: windtunnel run on its scenario.toml"));
    }
    Ok(follow.stories())
}

/// The tasks that waited longest, longest first; ties as in the file.
fn slowest(path: &Path, most: usize) -> Result<Vec<String>, ReadError> {
    let frame = Frame::read(path, Some(&["task_id", "wait_us"]))?;
    let (names, waits) = (frame.texts("task_id")?, frame.wholes("wait_us")?);
    let mut order: Vec<usize> = (0..names.len()).filter(|&at| waits[at].is_some_and(|wait| wait > 0)).collect();
    order.sort_by_key(|&at| (std::cmp::Reverse(waits[at]), at));
    Ok(order.into_iter().take(most).filter_map(|at| names[at].clone()).collect())
}
