//! `windtunnel schema`: the reference of all keys.

use clap::Args;

use super::Verdict;
use crate::failure::Failure;
use crate::spec::reference;
use crate::talk;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// As a page of Markdown instead of a JSON schema.
    #[arg(long)]
    markdown: bool,
}

pub(crate) fn perform(arguments: &Arguments) -> Result<Verdict, Failure> {
    if arguments.markdown {
        talk::out(&reference::markdown())?
    } else {
        talk::json(&reference::json())?
    }
    Ok(Verdict::Fine)
}
