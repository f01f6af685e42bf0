//! The folder of a result: written under a temporary name, renamed when it is whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use windtunnel_outcome::RecordError;

/// The file by which a folder is known to be ours.
pub const RUN_FILE: &str = "run.json";

/// Folders that are being written, for [`abandon_all`].
static PARTIAL: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes every folder that is still being written: to be called before the process ends on a signal.
pub fn abandon_all() {
    let mut partial = PARTIAL.lock().unwrap_or_else(PoisonError::into_inner);
    for path in partial.drain(..) {
        // The process is about to end: there is nobody left to tell.
        let _ = fs::remove_dir_all(path);
    }
}

/// A result folder on its way: files go into [`ResultFolder::path`], and [`ResultFolder::commit`] puts it in place.
/// Dropped before that, it leaves nothing behind.
#[derive(Debug)]
pub struct ResultFolder {
    out: PathBuf,
    partial: PathBuf,
    previous: PathBuf,
    committed: bool,
}

impl ResultFolder {
    /// Begins a folder that is to be `out` in the end. An empty folder or one with a [`RUN_FILE`] of ours in `out`
    /// will be replaced.
    ///
    /// # Errors
    /// If `out` holds anything else, or the folder above cannot be written.
    pub fn create(out: &Path) -> Result<Self, RecordError> {
        // Two runs may be written by one process and into one folder above: names must differ.
        static COUNTER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        check_replaceable(out)?;
        // A link to a folder is replaced where it points to.
        let out = fs::canonicalize(out).unwrap_or_else(|_| out.to_owned());
        let Some(name) = out.file_name().map(|name| name.to_string_lossy().into_owned()) else {
            return Err(RecordError {
                message: format!("{} cannot hold a result: it has no name of its own", out.display()),
                hints: vec!["name a folder, as in --out runs/mine".to_owned()],
            });
        };
        let above = match out.parent() {
            Some(above) if !above.as_os_str().is_empty() => above.to_owned(),
            _ => PathBuf::from("."),
        };
        let number = COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mark = if number == 0 { String::new() } else { format!("-{number}") };
        let process = std::process::id();
        let partial = above.join(format!(".{name}.partial-{process}{mark}"));
        let previous = above.join(format!(".{name}.previous-{process}{mark}"));
        fs::create_dir_all(&above).map_err(|error| cannot("create", &above, &error))?;
        if partial.exists() {
            // Left by a killed process that had the same number.
            fs::remove_dir_all(&partial).map_err(|error| cannot("remove", &partial, &error))?;
        }
        fs::create_dir(&partial).map_err(|error| cannot("create", &partial, &error))?;
        PARTIAL.lock().unwrap_or_else(PoisonError::into_inner).push(partial.clone());
        Ok(Self { out, partial, previous, committed: false })
    }

    /// Where the files go until [`Self::commit`].
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Where they will be.
    #[must_use]
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// Writes one file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<(), RecordError> {
        let path = self.partial.join(name);
        fs::write(&path, content).map_err(|error| cannot("write", &self.out.join(name), &error))
    }

    /// Puts the folder in place of whatever was there, and gives its path.
    ///
    /// # Errors
    /// If it cannot be renamed; what was there before stays.
    pub fn commit(&mut self) -> Result<&Path, RecordError> {
        check_replaceable(&self.out)?;
        let replaced = self.out.exists();
        if replaced {
            fs::rename(&self.out, &self.previous).map_err(|error| cannot("replace", &self.out, &error))?;
        }
        if let Err(error) = fs::rename(&self.partial, &self.out) {
            if replaced {
                let _ = fs::rename(&self.previous, &self.out);
            }
            return Err(cannot("create", &self.out, &error));
        }
        self.committed = true;
        self.forget();
        if replaced {
            fs::remove_dir_all(&self.previous).map_err(|error| cannot("remove", &self.previous, &error))?;
        }
        Ok(&self.out)
    }

    fn forget(&self) {
        PARTIAL.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| *path != self.partial);
    }
}

impl Drop for ResultFolder {
    fn drop(&mut self) {
        if !self.committed {
            // An error is on its way to the user already; a second one about the remains would only hide it.
            let _ = fs::remove_dir_all(&self.partial);
            self.forget();
        }
    }
}

/// Whether `out` may be replaced: absent, empty, or one of our results.
fn check_replaceable(out: &Path) -> Result<(), RecordError> {
    let entries = match fs::read_dir(out) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(RecordError {
                message: format!("{} is a file, not a folder: choose another --out", out.display()),
                hints: Vec::new(),
            });
        }
        Err(error) => return Err(cannot("read", out, &error)),
    };
    if entries.count() == 0 || is_ours(&out.join(RUN_FILE)) {
        return Ok(());
    }
    Err(RecordError {
        message: format!("{} holds files that are not a result of windtunnel: choose another --out", out.display()),
        hints: vec![format!("only an empty folder or one with our {RUN_FILE} is replaced")],
    })
}

fn is_ours(path: &Path) -> bool {
    let Ok(bytes) = fs::read(path) else { return false };
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(&bytes) else { return false };
    value.get("tool").and_then(serde_json::Value::as_str) == Some(super::TOOL)
}

/// One sentence about a file that could not be written.
pub(crate) fn cannot(what: &str, path: &Path, error: &io::Error) -> RecordError {
    let (reason, hint) = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ("the disk is full", "free some room, or name a folder on another disk with --out")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            ("it is not allowed there", "name a folder that you may write to with --out")
        }
        _ => {
            return RecordError {
                message: format!("cannot {what} {}: {}", path.display(), lower(&error.to_string())),
                hints: Vec::new(),
            };
        }
    };
    RecordError { message: format!("cannot {what} {}: {reason}", path.display()), hints: vec![hint.to_owned()] }
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_is_left_of_a_folder_that_is_dropped() {
        let above = tempfile::tempdir().unwrap();
        let folder = ResultFolder::create(&above.path().join("mine")).unwrap();
        folder.write("a.txt", "a").unwrap();
        assert_eq!(names(above.path()).len(), 1);
        drop(folder);
        assert_eq!(names(above.path()), Vec::<String>::new());
    }

    #[test]
    fn a_result_of_ours_is_replaced_and_anything_else_is_not() {
        let above = tempfile::tempdir().unwrap();
        let out = above.path().join("deep/mine");
        fs::create_dir_all(&out).unwrap();
        for content in ["one", "two"] {
            let mut folder = ResultFolder::create(&out).unwrap();
            folder.write(RUN_FILE, "{\"tool\": \"windtunnel\"}").unwrap();
            folder.write(content, content).unwrap();
            folder.commit().unwrap();
        }
        assert_eq!(names(&out), [RUN_FILE, "two"]);
        assert_eq!(names(&above.path().join("deep")), ["mine"]);

        fs::write(out.join(RUN_FILE), "{}").unwrap();
        let error = ResultFolder::create(&out).unwrap_err();
        assert!(error.message.contains("not a result of windtunnel"), "{error}");
        assert_eq!(error.hints.len(), 1);
        assert_eq!(names(&out), [RUN_FILE, "two"], "what is not ours stays");
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let above = tempfile::tempdir().unwrap();
        let out = above.path().join("mine");
        fs::write(&out, "precious").unwrap();
        let error = ResultFolder::create(&out).unwrap_err();
        assert!(error.message.contains("is a file"), "{error}");
        let error = ResultFolder::create(&out.join("below")).unwrap_err();
        assert!(error.message.contains("mine"), "{error}");
        assert_eq!(fs::read_to_string(&out).unwrap(), "precious");
    }

    #[test]
    fn a_full_disk_is_said_in_words() {
        let error = cannot("write", Path::new("runs/a/tasks.parquet"), &io::ErrorKind::StorageFull.into());
        assert_eq!(error.message, "cannot write runs/a/tasks.parquet: the disk is full");
        assert_eq!(error.hints.len(), 1);
    }
}
