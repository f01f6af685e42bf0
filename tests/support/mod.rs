//! What several tests share: where the real data lies.

pub mod source;

use std::path::{Path, PathBuf};

/// The real data: `WINDTUNNEL_DATA`, else `../shared/data` beside the repository.
pub fn data_root() -> PathBuf {
    std::env::var_os("WINDTUNNEL_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from)
}

/// A file of the real data. None, said aloud, if it is not there; in CI that is a failure.
pub fn data_file(name: &str) -> Option<PathBuf> {
    let path = data_root().join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "real data is missing under CI: {}", path.display());
    println!("skipped: {} is not there; set WINDTUNNEL_DATA", path.display());
    None
}

/// The program under test.
pub fn program() -> &'static str {
    env!("CARGO_BIN_EXE_windtunnel")
}

/// A folder of its own for one test; it goes with the value.
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    /// An empty folder.
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, with the folders on the way to it.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("folders can be made");
        std::fs::write(path, content).expect("files can be written");
    }

    /// What lies in it, in order.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).expect("the folder can be read");
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}
