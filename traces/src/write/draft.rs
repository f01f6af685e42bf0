//! A file under a temporary name, which takes the place of its target only when it is whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::model::SourceError;
use crate::read::failure;

/// The file; dropped without [`Draft::keep`] it is gone.
pub(super) struct Draft {
    file: BufWriter<File>,
    draft: PathBuf,
    target: PathBuf,
    kept: bool,
}

impl Draft {
    pub fn create(target: &Path) -> Result<Self, SourceError> {
        let Some(name) = target.file_name() else {
            let fix = "name a file in an existing folder";
            return Err(failure(format!("{} is no name of a file; {fix}", target.display()), &[]));
        };
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        // Two processes that write the same target must not write the same draft.
        hidden.push(format!(".{}.partial", std::process::id()));
        let draft = target.with_file_name(hidden);
        let file = File::create(&draft).map_err(|error| unwritable(target, &error))?;
        let file = BufWriter::with_capacity(1 << 18, file);
        Ok(Self { file, draft, target: target.to_path_buf(), kept: false })
    }

    /// The name that the file will have.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Gives the file its name.
    pub fn keep(mut self) -> Result<(), SourceError> {
        self.file.flush().map_err(|error| unwritable(&self.target, &error))?;
        fs::rename(&self.draft, &self.target).map_err(|error| unwritable(&self.target, &error))?;
        self.kept = true;
        Ok(())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing more can be done about a file that cannot be removed.
            let _ = fs::remove_file(&self.draft);
        }
    }
}

pub(super) fn unwritable(target: &Path, error: &dyn std::fmt::Display) -> SourceError {
    let message =
        format!("{} cannot be written ({error}); check the folder and the room on the disk", target.display());
    failure(message, &[])
}
