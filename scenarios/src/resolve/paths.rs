//! From paths as written to files: variables, folders, and the digests that pin what was read.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::failure::Failure;
use crate::spec::Places;
use crate::spec::file::Paths;

/// The variable that says where the shared data lies.
const DATA: &str = "WINDTUNNEL_DATA";

/// One file that a scenario reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputDigest {
    /// The key that names it, such as `fleet` or `workload.0`.
    pub key: String,
    /// `sha256:...` of its bytes.
    pub digest: String,
}

/// A file found: how to open it, how to write it into a resolved scenario, what is in it.
pub(super) struct Found {
    pub path: PathBuf,
    pub written: String,
    pub digest: String,
}

/// Finds and digests the files of one table; `key` is the table's path, `base` the folder of the scenario.
pub(super) fn find(
    paths: &Paths,
    pinned: Option<&Paths>,
    key: &str,
    base: &Path,
    places: &Places,
) -> Result<Vec<Found>, Failure> {
    if let Some(pinned) = pinned
        && pinned.0.len() != paths.0.len()
    {
        let sentence = format!("{} digests for {} files; give one each", pinned.0.len(), paths.0.len());
        return Err(places.failure(&format!("{key}.digest"), sentence));
    }
    let mut found = Vec::with_capacity(paths.0.len());
    for (position, text) in paths.0.iter().enumerate() {
        let at = format!("{key}.path");
        let path = base.join(expand(text).map_err(|(sentence, hint)| places.failure(&at, sentence).hint(hint))?);
        let digest = digest(&path).map_err(|error| {
            let sentence = format!("{} cannot be read ({error}); correct the path", path.display());
            let failure = places.failure(&at, sentence);
            if text.contains("${") { failure.hint(format!("{DATA} is the folder of the shared data")) } else { failure }
        })?;
        if let Some(wanted) = pinned.and_then(|pinned| pinned.0.get(position))
            && *wanted != digest
        {
            let sentence =
                format!("{} has {digest}, not {wanted}; restore the file or take the digest out", path.display());
            return Err(places.failure(&format!("{key}.digest"), sentence));
        }
        let written = if text.starts_with("${") {
            text.clone()
        } else {
            // Absolute, so that the resolved scenario runs from whatever folder it is kept in.
            std::path::absolute(&path).unwrap_or_else(|_| path.clone()).display().to_string()
        };
        found.push(Found { path, written, digest });
    }
    Ok(found)
}

/// Replaces `${WINDTUNNEL_DATA}`; the error is a sentence and a hint. Where the variable is not set, the folder is
/// looked for beside the checkout, from where the command runs.
fn expand(text: &str) -> Result<PathBuf, (String, String)> {
    let data = || {
        let folder = match std::env::var_os(DATA).filter(|folder| !folder.is_empty()) {
            Some(folder) => PathBuf::from(folder),
            None => Some(PathBuf::from("../shared/data")).filter(|folder| folder.is_dir())?,
        };
        // Both are meant from where the command runs, other paths from where the scenario lies.
        Some(std::path::absolute(&folder).unwrap_or(folder))
    };
    expand_with(text, data)
}

fn expand_with(text: &str, data: impl Fn() -> Option<PathBuf>) -> Result<PathBuf, (String, String)> {
    let Some((before, rest)) = text.split_once("${") else { return Ok(PathBuf::from(text)) };
    let hint = format!("only ${{{DATA}}} expands");
    let Some((name, after)) = rest.split_once('}') else {
        return Err((format!("`{text}` has a ${{ without its }}; close it"), hint));
    };
    if name != DATA {
        return Err((format!("`{text}` names the unknown variable {name}; write a plain path"), hint));
    }
    let Some(folder) = data() else {
        let sentence = format!("the environment variable {DATA} is not set; set it to the folder of the shared data");
        return Err((sentence, format!("for example: {DATA}=/data windtunnel run ..")));
    };
    if !before.is_empty() {
        return Err((format!("`{text}` does not begin with its variable; write ${{{DATA}}}/.."), hint));
    }
    Ok(folder.join(after.trim_start_matches('/')))
}

/// `sha256:...` of the bytes of a file.
fn digest(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 18];
    loop {
        let read = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
    }
    Ok(written(hasher))
}

/// `sha256:...` of a text.
pub(crate) fn digest_text(text: &str) -> String {
    written(Sha256::new_with_prefix(text))
}

fn written(hasher: Sha256) -> String {
    let mut text = String::from("sha256:");
    for byte in hasher.finalize() {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_folder_expands_and_nothing_else() {
        let here = || Some(PathBuf::from("/d"));
        assert_eq!(expand_with("${WINDTUNNEL_DATA}/swf/a.swf", here), Ok(PathBuf::from("/d/swf/a.swf")));
        assert_eq!(expand_with("a.swf", here), Ok(PathBuf::from("a.swf")));
        assert!(expand_with("${HOME}/a", here).unwrap_err().0.contains("unknown variable HOME"));
        assert!(expand_with("${WINDTUNNEL_DATA/a", here).unwrap_err().0.contains("close it"));
        let (sentence, hint) = expand_with("${WINDTUNNEL_DATA}/a", || None).unwrap_err();
        assert!(sentence.contains("is not set") && hint.contains("windtunnel run"));
    }

    #[test]
    fn a_pinned_file_must_not_change() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), b"abc").unwrap();
        let one = |text: &str| Paths(vec![text.to_owned()]);
        let places = Places::default();
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let found = find(&one("a"), Some(&one(abc)), "fleet.trace", folder.path(), &places).unwrap();
        assert_eq!(found[0].digest, abc);
        let wrong = find(&one("a"), Some(&one("sha256:00")), "fleet.trace", folder.path(), &places).err().unwrap();
        assert!(wrong.to_string().contains("restore the file"), "{wrong}");
        let absent = find(&one("b"), None, "fleet.trace", folder.path(), &places).err().unwrap();
        assert!(absent.to_string().contains("correct the path"), "{absent}");
    }
}
