//! Lines of text, each within a limit, plain or gzipped.

use std::io::{BufRead, BufReader, Read};

use bootcamp_core::{Error, Result};
use flate2::bufread::MultiGzDecoder;

use crate::source::notes::Notes;

/// The maximum length of a line, in bytes.
const MAX_LINE: usize = 1 << 20;
/// What Windows-1252 has in the place of Latin-1's second block of control characters; its five gaps stay these.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The lines of a file with their numbers, from 1, without what ends them. A line that is not UTF-8 is read as
/// Windows-1252, which has Latin-1 in it: what instruments and older programs write.
pub struct Lines {
    source: Box<dyn BufRead + Send>,
    number: u64,
    ended: bool,
    /// Told once, by the file's name, of a line that is not UTF-8.
    notes: Option<(Notes, String)>,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("number", &self.number).field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Lines {
    /// Gzip is detected by the first bytes, because names can be wrong.
    ///
    /// # Errors
    /// `InvalidInput` for UTF-16 and what cannot be read at all.
    pub fn new(source: impl Read + Send + 'static) -> Result<Self> {
        let mut source = unpacked(BufReader::with_capacity(1 << 16, source))?;
        let start = source.fill_buf().map_err(|error| broken_off(&error))?;
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
            return Err(Error::invalid("the file is in UTF-16").with_hint("save it as UTF-8"));
        }
        if start.starts_with(b"\xef\xbb\xbf") {
            source.consume(3);
        }
        Ok(Self { source, number: 0, ended: false, notes: None })
    }

    /// Notes the first line that is not UTF-8, under the name of the file.
    #[must_use]
    pub fn noting(self, notes: &Notes, name: &str) -> Self {
        Self { notes: Some((notes.clone(), name.to_owned())), ..self }
    }

    /// Reads to the end of the line; keeps no more of it than is allowed. The line's length.
    fn fill(&mut self, line: &mut Vec<u8>) -> std::io::Result<usize> {
        let mut length = 0;
        loop {
            let buffer = self.source.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(buffer.len(), |end| end + 1);
            let room = (MAX_LINE + 1).saturating_sub(line.len());
            line.extend_from_slice(&buffer[..taken.min(room)]);
            length += taken;
            self.source.consume(taken);
            if end.is_some() || taken == 0 {
                return Ok(length);
            }
        }
    }
}

impl Iterator for Lines {
    type Item = (u64, Result<String>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let mut line = Vec::new();
        self.number += 1;
        match self.fill(&mut line) {
            Ok(0) => {
                self.ended = true;
                None
            }
            Ok(_) => {
                let text = text(line);
                if let Ok((_, false)) = text
                    && let Some((notes, name)) = self.notes.take()
                {
                    notes.warn(format!("{name}: line {} is not UTF-8; it is read as Windows-1252", self.number));
                }
                Some((self.number, text.map(|(text, _)| text)))
            }
            Err(error) => {
                self.ended = true;
                Some((self.number, Err(broken_off(&error))))
            }
        }
    }
}

fn unpacked(mut source: impl BufRead + Send + 'static) -> Result<Box<dyn BufRead + Send>> {
    let start = source.fill_buf().map_err(|error| broken_off(&error))?;
    if start.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(source))));
    }
    Ok(Box::new(source))
}

/// The text of a line, and whether it was UTF-8.
fn text(mut line: Vec<u8>) -> Result<(String, bool)> {
    if line.len() > MAX_LINE {
        return Err(Error::invalid(format!("the line is longer than {MAX_LINE} bytes")));
    }
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    let decoded = |byte: &u8| match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        _ => char::from(*byte),
    };
    Ok(match String::from_utf8(line) {
        Ok(text) => (text, true),
        Err(error) => (error.as_bytes().iter().map(decoded).collect(), false),
    })
}

fn broken_off(error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        return Error::invalid("the file is truncated").with_hint("fetch or copy it again");
    }
    Error::invalid(format!("cannot read the rest of the file: {error}"))
}
