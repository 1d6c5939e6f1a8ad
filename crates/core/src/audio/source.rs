//! A file as symphonia reads it: no longer than a limit, and with its own failures kept apart from those of its content.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use parking_lot::Mutex;
use symphonia::core::errors::Error as Failed;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

use crate::{Error, ErrorKind, Result};

/// What went wrong with a file, once something did. Symphonia has one kind of error for that and for files that end early.
pub(super) type Failure = Arc<Mutex<Option<String>>>;

pub(super) struct Source<F> {
    file: F,
    length: u64,
    at: u64,
    failure: Failure,
}

impl<F: Read + Seek> Source<F> {
    /// # Errors
    /// `InvalidInput` for an empty file and one of more than `limit` bytes; `Io` when it cannot be read.
    pub(super) fn new(mut file: F, limit: u64) -> Result<Self> {
        let length =
            file.seek(SeekFrom::End(0)).and_then(|length| file.rewind().map(|()| length)).map_err(unreadable)?;
        if length == 0 {
            return Err(Error::invalid("the file is empty"));
        }
        if length > limit {
            return Err(Error::invalid(format!("the file is {length} bytes; the limit is {limit}")));
        }
        Ok(Self { file, length, at: 0, failure: Failure::default() })
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn failure(&self) -> Failure {
        Arc::clone(&self.failure)
    }

    /// The file's first bytes, at most as many; it is at its beginning afterwards.
    pub(super) fn head(&mut self, count: u64) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        self.by_ref().take(count).read_to_end(&mut head).map_err(unreadable)?;
        self.rewind().map_err(unreadable)?;
        Ok(head)
    }

    fn watched<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && error.kind() != io::ErrorKind::Interrupted
        {
            self.failure.lock().get_or_insert_with(|| error.to_string());
        }
        result
    }
}

/// The format of a stream, by its content.
pub(super) fn probed(stream: MediaSourceStream<'static>) -> Result<Box<dyn FormatReader>, Failed> {
    let probe = symphonia::default::get_probe();
    probe.probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
}

pub(super) fn unreadable(error: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("the file cannot be read: {error}")).with_source(error)
}

impl<F: Read + Seek> Read for Source<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let result = self.file.read(&mut buffer[..wanted]);
        let count = self.watched(result)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl<F: Read + Seek> Seek for Source<F> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        // What asks for a place before the beginning read it in the file: that is the content's failure.
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        let to = to.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?.min(self.length);
        let result = self.file.seek(SeekFrom::Start(to));
        self.at = self.watched(result)?;
        Ok(self.at)
    }
}

impl<F: Read + Seek + Send + Sync> MediaSource for Source<F> {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.length)
    }
}
