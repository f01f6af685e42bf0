//! Where bytes come from: files or memory, compressed or not. What they are is told by content, never by name.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;

use super::trouble::{failure, shown};
use crate::model::SourceError;

/// How much of a file is looked at to tell what it is.
pub(crate) const HEAD: usize = 65_536;
/// A line longer than this is no line of a trace.
const LONGEST_LINE: u64 = 1 << 20;
const BUFFER: usize = 1 << 17;

/// One part of a trace: a file, or bytes in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    name: Arc<str>,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    File(PathBuf),
    Memory(Arc<[u8]>),
}

impl Input {
    /// A file; nothing is opened yet.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { name: path.display().to_string().into(), content: Content::File(path) }
    }

    /// Bytes in memory, under a name for messages.
    #[must_use]
    pub fn bytes(name: &str, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { name: name.into(), content: Content::Memory(bytes.into()) }
    }

    /// As messages name it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.name.clone()
    }

    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    /// The bytes as they lie there.
    fn raw(&self) -> Result<Box<dyn BufRead + Send>, SourceError> {
        match &self.content {
            Content::Memory(bytes) => Ok(Box::new(Cursor::new(bytes.clone()))),
            Content::File(path) => match File::open(path) {
                Ok(file) => Ok(Box::new(BufReader::with_capacity(BUFFER, file))),
                Err(error) => Err(failure(
                    format!("{} cannot be opened ({error}); check the path", self.name),
                    &["paths are relative to the file that names them"],
                )),
            },
        }
    }

    /// A stream of the content: gz, xz and zst are told by their first bytes and unpacked; a byte order mark is
    /// dropped.
    ///
    /// # Errors
    /// If the file cannot be opened or its compression is damaged at the start.
    pub fn open(&self) -> Result<Box<dyn BufRead + Send>, SourceError> {
        let mut raw = self.raw()?;
        let failed = |error: &io::Error| unreadable(&self.name, error);
        let magic = raw.fill_buf().map_err(|error| failed(&error))?;
        let mut content: Box<dyn BufRead + Send> = if magic.starts_with(&[0x1f, 0x8b]) {
            buffered(flate2::bufread::MultiGzDecoder::new(raw))
        } else if magic.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
            buffered(liblzma::bufread::XzDecoder::new_multi_decoder(raw))
        } else if magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            buffered(zstd::stream::read::Decoder::with_buffer(raw).map_err(|error| failed(&error))?)
        } else {
            raw
        };
        if content.fill_buf().map_err(|error| failed(&error))?.starts_with(&[0xef, 0xbb, 0xbf]) {
            content.consume(3);
        }
        Ok(content)
    }

    /// The first 64 KiB of the content, or all of it.
    ///
    /// # Errors
    /// As [`Input::open`], and if these bytes cannot be read.
    pub fn head(&self) -> Result<Vec<u8>, SourceError> {
        let mut head = Vec::new();
        self.open()?.take(HEAD as u64).read_to_end(&mut head).map_err(|error| unreadable(&self.name, &error))?;
        Ok(head)
    }
}

fn buffered(reader: impl Read + Send + 'static) -> Box<dyn BufRead + Send> {
    Box::new(BufReader::with_capacity(BUFFER, reader))
}

pub(crate) fn unreadable(name: &str, error: &io::Error) -> SourceError {
    failure(
        format!("{name} cannot be read ({error}); check that the file is whole"),
        &["a compressed file that was cut short fails where it ends: fetch it again"],
    )
}

/// The lines of several parts, one after the other.
pub(crate) struct Lines {
    parts: std::vec::IntoIter<Input>,
    current: Option<Box<dyn BufRead + Send>>,
    file: Arc<str>,
    number: u64,
    text: Vec<u8>,
}

impl Lines {
    pub fn new(parts: Vec<Input>) -> Self {
        let file = parts.first().map_or_else(|| "".into(), Input::shared_name);
        Self { parts: parts.into_iter(), current: None, file, number: 0, text: Vec::new() }
    }

    /// Steps to the next line; false at the end.
    pub fn advance(&mut self) -> Result<bool, SourceError> {
        loop {
            let Some(reader) = &mut self.current else {
                let Some(part) = self.parts.next() else { return Ok(false) };
                self.file = part.shared_name();
                self.number = 0;
                self.current = Some(part.open()?);
                continue;
            };
            self.text.clear();
            let mut limited = reader.by_ref().take(LONGEST_LINE);
            let length = limited.read_until(b'\n', &mut self.text).map_err(|error| unreadable(&self.file, &error))?;
            if length == 0 {
                self.current = None;
                continue;
            }
            self.number += 1;
            if length as u64 == LONGEST_LINE {
                let message = format!(
                    "{} line {} is longer than a MiB and begins with {}; give a file with one row per line",
                    self.file,
                    self.number,
                    shown(&self.text)
                );
                return Err(failure(message, &[]));
            }
            return Ok(true);
        }
    }

    /// The line, its end included.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Its number in its part, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The part it belongs to.
    pub fn file(&self) -> &Arc<str> {
        &self.file
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn lines(parts: Vec<Input>) -> Vec<(String, u64, String)> {
        let mut lines = Lines::new(parts);
        let mut out = Vec::new();
        while lines.advance().expect("readable") {
            let text = String::from_utf8_lossy(lines.text()).trim_end().to_string();
            out.push((lines.file().to_string(), lines.number(), text));
        }
        out
    }

    fn packed() -> Vec<(&'static str, Vec<u8>)> {
        let text = b"one\ntwo\n";
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(text).expect("memory");
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
        xz.write_all(text).expect("memory");
        vec![
            ("plain", text.to_vec()),
            ("gz", gz.finish().expect("memory")),
            ("xz", xz.finish().expect("memory")),
            ("zst", zstd::encode_all(&text[..], 1).expect("memory")),
        ]
    }

    #[test]
    fn compression_is_told_by_content_and_parts_follow_each_other() {
        for (name, bytes) in packed() {
            // The name says nothing, or lies.
            let twice = [bytes.clone(), bytes.clone()].concat();
            let read = lines(vec![Input::bytes("misleading.zip", bytes), Input::bytes("b", twice)]);
            let numbers: Vec<u64> = read.iter().map(|(_, number, _)| *number).collect();
            assert_eq!(numbers, [1, 2, 1, 2, 3, 4], "{name}: parts restart, frames within one part do not");
            assert_eq!(read[1], ("misleading.zip".into(), 2, "two".into()), "{name}");
            assert_eq!(read[5], ("b".into(), 4, "two".into()), "{name}");
        }
    }

    #[test]
    fn a_cut_or_damaged_file_is_an_error_not_a_short_trace() {
        for (name, mut bytes) in packed().into_iter().skip(1) {
            bytes.truncate(bytes.len() - 5);
            let mut lines = Lines::new(vec![Input::bytes("a", bytes)]);
            let mut result = lines.advance();
            while let Ok(true) = result {
                result = lines.advance();
            }
            assert!(result.is_err(), "{name} must notice");
        }
    }

    #[test]
    fn a_byte_order_mark_is_dropped() {
        assert_eq!(lines(vec![Input::bytes("a", *b"\xef\xbb\xbfx")])[0].2, "x");
    }

    #[test]
    fn a_file_without_line_ends_does_not_fill_the_memory() {
        let mut lines = Lines::new(vec![Input::bytes("a", vec![b'x'; 3 << 20])]);
        assert!(lines.advance().expect_err("too long").message.contains("line 1"));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Input::file("no/such.swf").head().expect_err("missing");
        assert!(error.message.contains("no/such.swf"), "{error}");
    }
}
