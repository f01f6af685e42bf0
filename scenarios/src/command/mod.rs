//! The commands: one file each.

mod check;
mod common;
mod compare;
mod diff;
mod explain;
mod gate;
mod init;
mod library;
mod metrics;
mod packing;
mod plan;
mod policies;
mod report;
mod run;
mod schema;
mod shell;
mod sweep;
mod trace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub(crate) use common::quoted;

use crate::failure::Failure;
use crate::talk;
use crate::tool::Tool;

/// A wind tunnel for datacenter schedulers.
///
/// Replays real or synthetic workloads against the scheduler core that runs in production, in virtual time, and says
/// what a change will do to utilization, latency, packing and cost.
#[derive(Debug, Parser)]
#[command(name = "windtunnel", version, propagate_version = false, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Simulate a scenario and write its results into a folder.
    Run(run::Arguments),
    /// Run sides of a scenario with the same seeds and judge every number.
    Compare(compare::Arguments),
    /// The same from two saved runs.
    Diff(diff::Arguments),
    /// Say why tasks of a saved run waited.
    Explain(explain::Arguments),
    /// Hold scenarios against their baselines: exit code 1 if a limit is broken, 2 if one could not run.
    Gate(gate::Arguments),
    /// Read everything that a scenario names, and run nothing.
    Check(check::Arguments),
    /// Render the report of a saved run again.
    Report(report::Arguments),
    /// Measure how well a scenario is packed, and how far that is from the best.
    Packing(packing::Arguments),
    /// Write a scenario to begin with: a provider's machines, or files that are there.
    Init(init::Arguments),
    /// Find the smallest fleet that keeps the objectives, or when the one there is breaks.
    Plan(plan::Arguments),
    /// Run a scenario at every point of some axes, on this machine, Slurm or Kubernetes.
    Sweep(sweep::Arguments),
    /// Look into workload and fleet files, and convert them.
    #[command(subcommand)]
    Trace(trace::Command),
    /// List the policies and laws that scenarios may name.
    Policies(policies::Arguments),
    /// List the numbers of a run with their meaning.
    Metrics(metrics::Arguments),
    /// Print the reference of all keys of a scenario.
    Schema(schema::Arguments),
    /// The experiments that come with the program.
    #[command(subcommand)]
    Library(library::Command),
    /// Print completions for a shell.
    Completions(shell::Completions),
    /// Print the manual page.
    Man,
}

/// What a command that did its work has to say by its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing to complain about.
    Fine,
    /// There are findings.
    Findings,
    /// Something could not be run, as was said.
    NotRun,
}

/// Reads the command line and does what it says.
pub(crate) fn main(tool: &Tool) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout and end with 0, complaints to stderr with 2.
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match perform(tool, cli.command) {
        Ok(Verdict::Fine) => ExitCode::SUCCESS,
        Ok(Verdict::Findings) => ExitCode::from(1),
        Ok(Verdict::NotRun) => ExitCode::from(2),
        Err(failure) => {
            talk::say(failure.render().trim_end());
            ExitCode::from(failure.exit_code())
        }
    }
}

fn perform(tool: &Tool, command: Command) -> Result<Verdict, Failure> {
    match command {
        Command::Run(arguments) => run::perform(tool, &arguments),
        Command::Compare(arguments) => compare::perform(tool, &arguments),
        Command::Diff(arguments) => diff::perform(&arguments),
        Command::Explain(arguments) => explain::perform(tool, &arguments),
        Command::Gate(arguments) => gate::perform(tool, &arguments),
        Command::Check(arguments) => check::perform(tool, &arguments),
        Command::Report(arguments) => report::perform(&arguments),
        Command::Packing(arguments) => packing::perform(tool, &arguments),
        Command::Init(arguments) => init::perform(&arguments),
        Command::Plan(arguments) => plan::perform(tool, &arguments),
        Command::Sweep(arguments) => sweep::perform(tool, &arguments),
        Command::Trace(command) => trace::perform(&command),
        Command::Policies(arguments) => policies::perform(tool, &arguments),
        Command::Metrics(arguments) => metrics::perform(&arguments),
        Command::Schema(arguments) => schema::perform(&arguments),
        Command::Library(command) => library::perform(&command),
        Command::Completions(arguments) => shell::completions(&arguments),
        Command::Man => shell::man(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn sets_are_read_with_the_command_line() {
        let cli = Cli::try_parse_from(["windtunnel", "run", "x", "--set", "seed=1", "--set", "a.b=c", "--seed", "7"]);
        let Command::Run(arguments) = cli.unwrap().command else { panic!("not run") };
        let sets: Vec<String> = arguments.scenario.sets().iter().map(ToString::to_string).collect();
        assert_eq!(sets, ["seed=1", "a.b=c", "seed=7"]);
        let error = Cli::try_parse_from(["windtunnel", "run", "x", "--set", "seed"]).unwrap_err();
        assert!(error.to_string().contains("KEY=VALUE"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}
