//! Large JSON files read one element at a time: a first pass proves the file whole and notes where each element is.
//!
//! `samples.json` of a million samples, or COCO's `annotations`, are larger than what they are read for. An element that
//! cannot be taken is a matter of its own and does not spoil the file.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bootcamp_core::{Error, Result};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Where an element is in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    at: u64,
    bytes: u32,
}

/// An element of a list, or an entry of an object, at the top of a file.
#[derive(Debug)]
pub(super) struct Element<'a> {
    /// What it is an element of: `annotations`.
    pub(super) list: &'a str,
    /// Its name, in an object.
    pub(super) key: Option<String>,
    /// The element as it stands there; valid JSON, but maybe deeper or larger than what can be read.
    pub(super) text: &'a str,
    pub(super) span: Span,
}

/// A JSON file with an object at its top.
#[derive(Debug)]
pub(super) struct JsonFile {
    path: PathBuf,
    file: File,
}

impl JsonFile {
    /// # Errors
    /// Those of the file system.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io("cannot read", path, error))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Reads the file to its end, and gives every element of these lists or objects at its top. Others are passed over.
    /// An error of `each` ends it.
    ///
    /// # Errors
    /// `InvalidInput` with line and column when it is not JSON or cut off, or one of these is neither list, object nor
    /// null; and the first error of `each`.
    pub(super) fn scan(&self, lists: &[&str], mut each: impl FnMut(Element<'_>) -> Result<()>) -> Result<()> {
        let cannot_read = |error| Error::io("cannot read", &self.path, error);
        let mut reader = BufReader::new(&self.file);
        let at = skip_mark(&mut reader).map_err(cannot_read)?;
        let at = Rc::new(Cell::new(at));
        let mut failure = None;
        let mut deserializer = serde_json::Deserializer::from_reader(Counted { reader, at: Rc::clone(&at) });
        let top = Top { lists, at: &at, each: &mut each, failure: &mut failure };
        let read = deserializer.deserialize_map(top).and_then(|()| deserializer.end());
        match (failure, read) {
            (Some(failure), _) => Err(failure),
            (None, Err(error)) if error.is_io() => Err(cannot_read(error.into())),
            (None, Err(error)) => Err(Error::invalid(format!("{}: {error}", self.path.display()))
                .with_hint("the file is damaged, cut off, or of another format")),
            (None, Ok(())) => Ok(()),
        }
    }

    /// An element again.
    ///
    /// # Errors
    /// Those of the file system; `InvalidInput` when the file has changed since it was scanned.
    pub(super) fn read(&self, span: Span) -> Result<String> {
        let mut bytes = vec![0; span.bytes as usize];
        let changed = || Error::invalid(format!("{} has changed while it was read", self.path.display()));
        self.file.read_exact_at(&mut bytes, span.at).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => changed(),
            _ => Error::io("cannot read", &self.path, error),
        })?;
        String::from_utf8(bytes).map_err(|_| changed())
    }
}

/// Passes a byte order mark; how many bytes it was.
fn skip_mark(file: &mut (impl Read + Seek)) -> io::Result<u64> {
    file.seek(SeekFrom::Start(0))?;
    let mut mark = Vec::with_capacity(3);
    file.by_ref().take(3).read_to_end(&mut mark)?;
    let length = if mark == [0xef, 0xbb, 0xbf] { 3 } else { 0 };
    file.seek(SeekFrom::Start(length))
}

/// A reader that knows how far it is. `serde_json` takes single bytes, one more than a value only after a number.
struct Counted<R> {
    reader: R,
    at: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.at.set(self.at.get() + read as u64);
        Ok(read)
    }
}

struct Top<'a, F> {
    lists: &'a [&'a str],
    at: &'a Cell<u64>,
    each: &'a mut F,
    failure: &'a mut Option<Error>,
}

impl<'de, F: FnMut(Element<'_>) -> Result<()>> Visitor<'de> for Top<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match self.lists.iter().find(|list| **list == key) {
                Some(list) => {
                    map.next_value_seed(List { list, at: self.at, each: self.each, failure: self.failure })?;
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct List<'a, F> {
    list: &'a str,
    at: &'a Cell<u64>,
    each: &'a mut F,
    failure: &'a mut Option<Error>,
}

impl<F: FnMut(Element<'_>) -> Result<()>> List<'_, F> {
    fn give<E: serde::de::Error>(&mut self, key: Option<String>, value: &RawValue) -> Result<(), E> {
        let text = value.get();
        // The end of a number is known by what follows.
        let beyond = u64::from(text.starts_with(|first: char| first == '-' || first.is_ascii_digit()));
        let bytes = u32::try_from(text.len()).map_err(|_| E::custom("an element of more than 4 GiB"))?;
        let span = Span { at: self.at.get() - beyond - u64::from(bytes), bytes };
        (self.each)(Element { list: self.list, key, text, span }).map_err(|error| {
            let message = E::custom(&error);
            *self.failure = Some(error);
            message
        })
    }
}

impl<'de, F: FnMut(Element<'_>) -> Result<()>> DeserializeSeed<'de> for List<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(Element<'_>) -> Result<()>> Visitor<'de> for List<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list or an object as '{}'", self.list)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element::<Box<RawValue>>()? {
            self.give(None, &value)?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
            self.give(Some(key), &value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &[u8]) -> (tempfile::TempDir, JsonFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, text).unwrap();
        let file = JsonFile::open(&path).unwrap();
        (folder, file)
    }

    /// List, key and text of every element, read again.
    fn spans(file: &JsonFile) -> Result<Vec<(String, String, String)>> {
        let mut found = Vec::new();
        file.scan(&["a", "b"], |Element { list, key, text, span }| {
            found.push((list.to_owned(), key.unwrap_or_default(), text.to_owned(), span));
            Ok(())
        })?;
        let again = |(list, key, text, span): (String, String, String, Span)| {
            assert_eq!(file.read(span)?, text);
            Ok((list, key, text))
        };
        found.into_iter().map(again).collect()
    }

    #[test]
    fn every_kind_of_element_is_found_again() {
        let text = "\u{feff} {\"x\": [1, {}], \"a\": [1, -2.5e3 ,\"ü\\n\", [ 3 ], {\"k\":4}\n, null,true], \
                    \"b\": {\"c\": 5, \"d\\u0041\": \"e\"}, \"a\": null}\n";
        let (_folder, file) = file(text.as_bytes());
        let found = spans(&file).unwrap();
        let texts: Vec<&str> = found.iter().map(|(_, _, text)| text.as_str()).collect();
        assert_eq!(texts, ["1", "-2.5e3", "\"ü\\n\"", "[ 3 ]", "{\"k\":4}", "null", "true", "5", "\"e\""]);
        assert_eq!((found[8].0.as_str(), found[8].1.as_str()), ("b", "dA"));
    }

    #[test]
    fn broken_files_are_errors() {
        let deep = format!("{{\"x\":{}", "[".repeat(100_000));
        for (text, message) in [
            ("", "EOF"),
            ("[]", "expected an object"),
            ("{\"a\": [1, 2", "EOF"),
            ("{\"a\": [1,,2]}", "line 1 column 10"),
            ("{\"a\": 7}", "expected a list or an object as 'a'"),
            ("{} {}", "trailing"),
            ("{\"a\": [NaN]}", "expected value"),
            (&deep, "EOF"),
        ] {
            let error = spans(&file(text.as_bytes()).1).unwrap_err();
            assert!(error.to_string().contains(message) && error.hint().is_some(), "{error}");
        }
        assert!(spans(&file(b"{\"a\": [\"\xff\"]}").1).is_err());
    }

    #[test]
    fn a_file_that_shrinks_is_noticed() {
        let (folder, file) = file(b"{\"a\": [[1,2,3]]}");
        let mut span = None;
        file.scan(&["a"], |element| {
            span = Some(element.span);
            Ok(())
        })
        .unwrap();
        std::fs::write(folder.path().join("a.json"), "{}").unwrap();
        assert!(file.read(span.unwrap()).unwrap_err().to_string().contains("has changed"));
    }
}
