//! `windtunnel library`: what is embedded.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Verdict;
use crate::failure::Failure;
use crate::{library, talk};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List everything.
    List(List),
    /// Print one; a bare name that several kinds bear shows all.
    Show(Show),
    /// Write one into a file, to be changed.
    Copy(Copy),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The name, with or without its kind.
    #[arg(value_name = "[KIND/]NAME")]
    name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// The name, with or without its kind.
    #[arg(value_name = "[KIND/]NAME")]
    name: String,
    /// Where to; left out: `<name>.toml` here.
    file: Option<PathBuf>,
}

pub(crate) fn perform(command: &Command) -> Result<Verdict, Failure> {
    match command {
        Command::List(arguments) => list(arguments)?,
        Command::Show(arguments) => show(arguments)?,
        Command::Copy(arguments) => copy(arguments)?,
    }
    Ok(Verdict::Fine)
}

fn list(arguments: &List) -> Result<(), Failure> {
    let about = |entry: &library::Entry| entry.about().collect::<Vec<_>>().join(" ");
    if arguments.json {
        let list: Vec<_> = library::entries()
            .map(|entry| json!({ "kind": entry.kind, "name": entry.name, "about": about(&entry) }))
            .collect();
        return talk::json(&list.into());
    }
    let rows = library::entries().map(|entry| vec![entry.kind.to_owned(), entry.name.to_owned(), about(&entry)]);
    talk::out(&talk::table(&["kind", "name", "what it shows"], rows, &[]))
}

fn show(arguments: &Show) -> Result<(), Failure> {
    let found = library::find(&arguments.name)?;
    let several = found.len() > 1;
    for entry in found {
        if several {
            talk::out(&format!("# {}/{}\n", entry.kind, entry.name))?;
        }
        talk::out(entry.text)?;
    }
    Ok(())
}

fn copy(arguments: &Copy) -> Result<(), Failure> {
    let found = library::find(&arguments.name)?;
    let [entry] = found.as_slice() else {
        let kinds: Vec<&str> = found.iter().map(|entry| entry.kind).collect();
        let name = &arguments.name;
        return Err(Failure::new(format!("`{name}` is several things ({}); write KIND/{name}", kinds.join(", "))));
    };
    let file = arguments.file.clone().unwrap_or_else(|| {
        let last = entry.name.rsplit('/').next().unwrap_or(entry.name);
        PathBuf::from(format!("{last}.toml"))
    });
    let fail = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::new(format!("{} exists already; name another file", file.display()))
        }
        _ => Failure::new(format!("{} cannot be written ({error}); name another file", file.display())),
    };
    let mut target = OpenOptions::new().write(true).create_new(true).open(&file).map_err(fail)?;
    target.write_all(entry.text.as_bytes()).map_err(fail)?;
    talk::say(&format!("wrote {}", file.display()));
    Ok(())
}
