//! Texts in any encoding become UTF-8 while they are read, so that no reader of a format has to know of encodings.

use std::io::{self, Read};

use bootcamp_core::{Error, Result};
use bootcamp_kit::Content;
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8};

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;
/// Bytes from the first that are not UTF-8 on, by which an encoding is guessed.
const GUESSED_BY: usize = 1 << 20;
/// Among so many characters of several bytes, one broken one does not speak against UTF-8.
const FEW_BROKEN: u64 = 10;

/// A text, and the encoding it is in.
#[derive(Clone, Debug)]
pub(crate) struct Encoded {
    content: Content,
    pub encoding: &'static Encoding,
    /// What people should know of it: that the encoding was guessed.
    pub note: Option<String>,
}

impl Encoded {
    /// A mark of the byte order says it, then the name that was given, then UTF-8 if it is that, then what the text
    /// declares; else it is guessed. Reads all of it once.
    ///
    /// # Errors
    /// `InvalidInput` for an encoding that is unknown, and for what is no text; those of the file system.
    pub(crate) fn of(
        content: &Content,
        named: Option<&str>,
        declared: impl FnOnce(&[u8]) -> Option<&'static Encoding>,
    ) -> Result<Self> {
        let of = |encoding, note| Self { content: content.clone(), encoding, note };
        let mut head = Vec::new();
        content.open()?.take(1024).read_to_end(&mut head).map_err(|error| broken_off(&error))?;
        if let Some((encoding, _)) = Encoding::for_bom(&head) {
            return Ok(of(encoding, None));
        }
        if let Some(name) = named {
            let unknown = || {
                Error::invalid(format!("the encoding '{name}' is unknown"))
                    .with_hint("use a name of the web: utf-8, windows-1252, shift_jis, gb18030")
            };
            return Encoding::for_label(name.as_bytes()).map(|encoding| of(encoding, None)).ok_or_else(unknown);
        }
        let survey = Survey::of(content.open()?)?;
        if survey.zeros > survey.bytes / 8 {
            return Err(Error::invalid("the file is no text: it is full of zero bytes")
                .with_hint("save it as UTF-8, or name its encoding"));
        }
        if survey.broken == 0 {
            return Ok(of(UTF_8, None));
        }
        if let Some(encoding) = declared(&head).filter(|encoding| *encoding != UTF_8) {
            return Ok(of(encoding, None));
        }
        if survey.wide > survey.broken.saturating_mul(FEW_BROKEN) {
            let note = format!("{} of its bytes are not UTF-8; they are read as \u{fffd}", survey.broken);
            return Ok(of(UTF_8, Some(note)));
        }
        let guess = survey.detector.guess(None, Utf8Detection::Deny);
        Ok(of(guess, Some(format!("it is not UTF-8; it is read as {} (name another with --encoding)", guess.name()))))
    }

    /// The text from its beginning.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn open(&self) -> Result<Decoder> {
        Ok(Decoder {
            source: self.content.open()?,
            decoder: self.encoding.new_decoder_with_bom_removal(),
            bytes: vec![0; CHUNK],
            ended: false,
            text: String::new(),
            at: 0,
        })
    }
}

/// What a file's bytes say of its encoding.
struct Survey {
    bytes: u64,
    zeros: u64,
    /// Characters of several bytes, as UTF-8.
    wide: u64,
    /// Bytes that are not UTF-8.
    broken: u64,
    detector: EncodingDetector,
    /// Bytes that the detector has seen.
    fed: usize,
}

impl Survey {
    fn of(mut source: impl Read) -> Result<Self> {
        let detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        let mut survey = Self { bytes: 0, zeros: 0, wide: 0, broken: 0, detector, fed: 0 };
        let mut buffer = vec![0; CHUNK];
        let mut kept = 0;
        loop {
            let count = source.read(&mut buffer[kept..]).map_err(|error| broken_off(&error))?;
            let filled = kept + count;
            // A character may go on in the next chunk.
            kept = survey.take(&buffer[..filled], count == 0);
            buffer.copy_within(filled - kept..filled, 0);
            if count == 0 {
                return Ok(survey);
            }
        }
    }

    /// How many bytes at the end may be the beginning of a character.
    fn take(&mut self, bytes: &[u8], is_last: bool) -> usize {
        let count = |bytes: &[u8], is_it: fn(&u8) -> bool| bytes.iter().filter(|byte| is_it(byte)).count() as u64;
        let mut kept = 0;
        for chunk in bytes.utf8_chunks() {
            self.wide += count(chunk.valid().as_bytes(), |byte| *byte >= 0xc0);
            let invalid = chunk.invalid();
            let is_open = std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if is_open && !is_last {
                kept = invalid.len();
            } else {
                self.broken += invalid.len() as u64;
            }
        }
        let taken = &bytes[..bytes.len() - kept];
        self.bytes += taken.len() as u64;
        self.zeros += count(taken, |byte| *byte == 0);
        if self.broken > 0 && self.fed < GUESSED_BY {
            self.detector.feed(taken, false);
            self.fed += taken.len();
        }
        kept
    }
}

/// A text as it is read, in UTF-8.
pub(crate) struct Decoder {
    source: Box<dyn Read + Send>,
    decoder: encoding_rs::Decoder,
    bytes: Vec<u8>,
    ended: bool,
    /// What [`Read`] has not handed out yet, from `at` on.
    text: String,
    at: usize,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Decoder {
    /// Appends what comes next, some 64 KiB; false once there is nothing more.
    ///
    /// # Errors
    /// When the source breaks off.
    pub(crate) fn more(&mut self, text: &mut String) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let count = self.source.read(&mut self.bytes).map_err(|error| broken_off(&error))?;
        self.ended = count == 0;
        text.reserve(self.decoder.max_utf8_buffer_length(count).unwrap_or(3 * CHUNK));
        // With so much room, all of it is taken.
        let _ = self.decoder.decode_to_string(&self.bytes[..count], text, self.ended);
        Ok(!self.ended)
    }
}

impl Read for Decoder {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() {
            if self.ended {
                return Ok(0);
            }
            let mut text = std::mem::take(&mut self.text);
            text.clear();
            self.at = 0;
            let read = self.more(&mut text);
            self.text = text;
            read.map_err(io::Error::other)?;
        }
        let count = out.len().min(self.text.len() - self.at);
        out[..count].copy_from_slice(&self.text.as_bytes()[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

fn broken_off(error: &io::Error) -> Error {
    Error::invalid(format!("cannot read the file: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], named: Option<&str>) -> (String, &'static str, bool) {
        let encoded = Encoded::of(&Content::from(bytes.to_vec()), named, |_| None).unwrap();
        let (mut pulled, mut text) = (String::new(), String::new());
        encoded.open().unwrap().read_to_string(&mut pulled).unwrap();
        let mut decoder = encoded.open().unwrap();
        while decoder.more(&mut text).unwrap() {}
        assert_eq!(pulled, text);
        (text, encoded.encoding.name(), encoded.note.is_some())
    }

    #[test]
    fn texts_are_utf_8_whatever_they_were() {
        let wide = |text: &str, order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(order).collect()
        };
        let text = "Größe: 5 € 🙂";
        assert_eq!(read(text.as_bytes(), None), (text.into(), "UTF-8", false));
        assert_eq!(read(format!("\u{feff}{text}").as_bytes(), None), (text.into(), "UTF-8", false));
        assert_eq!(read(&wide(text, u16::to_le_bytes), None), (text.into(), "UTF-16LE", false));
        assert_eq!(read(&wide(text, u16::to_be_bytes), Some("latin1")), (text.into(), "UTF-16BE", false));
        let latin = b"Wie gro\xdf ist die \xdcbertragung f\xfcr M\xfcnchen?";
        assert_eq!(read(latin, None), ("Wie groß ist die Übertragung für München?".into(), "windows-1252", true));
        let (japanese, ..) = encoding_rs::SHIFT_JIS.encode("これは日本語の文章です。質問と答えがあります。");
        assert_eq!(read(&japanese, None).1, "Shift_JIS");
        assert_eq!(read(b"\xe9", Some("koi8-r")), ("И".into(), "KOI8-R", false));
        assert_eq!(read(b"", None), (String::new(), "UTF-8", false));
    }

    #[test]
    fn a_broken_byte_among_many_good_ones_costs_itself_only() {
        let bytes = [&"äöü".repeat(10_000).into_bytes()[..], b"\xff end"].concat();
        let (text, encoding, is_noted) = read(&bytes, None);
        assert_eq!((encoding, is_noted), ("UTF-8", true));
        assert!(text.ends_with("äöü\u{fffd} end"));
        // Characters across the chunks that are read at once.
        let bytes = [&b"a"[..], &"語".repeat(100_000).into_bytes()].concat();
        assert_eq!(read(&bytes, None).1, "UTF-8");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let refused =
            |bytes: &[u8], named| Encoded::of(&Content::from(bytes.to_vec()), named, |_| None).unwrap_err().to_string();
        assert_eq!(refused(&[0; 100], None), "the file is no text: it is full of zero bytes");
        assert_eq!(refused(b"a", Some("utf-9")), "the encoding 'utf-9' is unknown");
    }
}
