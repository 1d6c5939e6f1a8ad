//! Lines of text, each within a limit and each known to be UTF-8.

use std::io::BufRead;

use bootcamp_core::{Error, Result};

use super::MAX_LINE;

/// The lines of a file with their numbers, from 1, without what ends them.
pub(super) struct Lines {
    source: Box<dyn BufRead + Send>,
    number: u64,
    ended: bool,
}

impl Lines {
    /// # Errors
    /// `InvalidInput` for UTF-16 and what cannot be read at all.
    pub(super) fn new(mut source: Box<dyn BufRead + Send>) -> Result<Self> {
        let start = source.fill_buf().map_err(|error| broken_off(&error))?;
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
            return Err(Error::invalid("the file is in UTF-16").with_hint("save it as UTF-8"));
        }
        if start.starts_with(b"\xef\xbb\xbf") {
            source.consume(3);
        }
        Ok(Self { source, number: 0, ended: false })
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
            Ok(_) => Some((self.number, text(line))),
            Err(error) => {
                self.ended = true;
                Some((self.number, Err(broken_off(&error))))
            }
        }
    }
}

fn text(mut line: Vec<u8>) -> Result<String> {
    if line.len() > MAX_LINE {
        return Err(Error::invalid(format!("the line is longer than {MAX_LINE} bytes")));
    }
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    String::from_utf8(line).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes().get(at).copied().unwrap_or_default();
        Error::invalid(format!("the line is not valid UTF-8: byte 0x{byte:02X} in column {}", at + 1))
            .with_hint("save the file as UTF-8")
    })
}

fn broken_off(error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        return Error::invalid("the file is truncated").with_hint("fetch or copy it again");
    }
    Error::invalid(format!("cannot read the rest of the file: {error}"))
}
