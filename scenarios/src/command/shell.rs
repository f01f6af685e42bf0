//! `windtunnel completions` and `windtunnel man`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, Verdict};
use crate::failure::Failure;
use crate::talk;

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

pub(crate) fn completions(arguments: &Completions) -> Result<Verdict, Failure> {
    let mut bytes = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "windtunnel", &mut bytes);
    talk::out(&String::from_utf8_lossy(&bytes))?;
    Ok(Verdict::Fine)
}

pub(crate) fn man() -> Result<Verdict, Failure> {
    let mut bytes = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut bytes)
        .map_err(|error| Failure::new(format!("the manual page cannot be made ({error}); report this")))?;
    talk::out(&String::from_utf8_lossy(&bytes))?;
    Ok(Verdict::Fine)
}
