//! Names made from untrusted input: content hashes, safe file names, and paths as text.

use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Most letters of an uploaded file's name that are kept.
const MAX_FILE_NAME: usize = 100;

/// A SHA-256 in hex.
pub fn hex(bytes: &[u8]) -> String {
    digits(&Sha256::digest(bytes))
}

/// Bytes as hex digits.
pub(crate) fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A path as text that [`named_path`] turns back: bytes that are not UTF-8 become `\xE9`, so that two paths never have
/// the same name. What would read as something else is written so, too: a backslash before `xE9`, the colon of a file
/// called `a:7`, which is no line of `a`, and the exclamation mark of a folder called `b.zip!`, which is no archive.
pub fn path_name(path: &Path) -> String {
    bytes_name(path.as_os_str().as_bytes())
}

/// [`path_name`] of a path's bytes.
pub(crate) fn bytes_name(bytes: &[u8]) -> String {
    let digits = bytes.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let line = bytes.len().checked_sub(digits + 1).filter(|at| digits > 0 && bytes[*at] == b':');
    if line.is_none() && !bytes.windows(2).any(|pair| pair == b"!/") {
        return letters_name(bytes);
    }
    let is_special =
        |(at, byte): &(usize, &u8)| Some(*at) == line || (**byte == b'!' && bytes.get(at + 1) == Some(&b'/'));
    let mut name = String::with_capacity(bytes.len());
    let mut start = 0;
    for (at, byte) in bytes.iter().enumerate().filter(is_special) {
        name.push_str(&letters_name(&bytes[start..at]));
        name.push_str(&format!("\\x{byte:02X}"));
        start = at + 1;
    }
    name + &letters_name(&bytes[start..])
}

fn letters_name(bytes: &[u8]) -> String {
    let mut name = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let text = chunk.valid();
        for (at, letter) in text.char_indices() {
            match letter {
                '\\' if escaped(&text.as_bytes()[at..]).is_some() => name.push_str("\\x5C"),
                letter => name.push(letter),
            }
        }
        chunk.invalid().iter().for_each(|byte| name.push_str(&format!("\\x{byte:02X}")));
    }
    name
}

/// The path that has this name.
pub fn named_path(name: &str) -> PathBuf {
    let mut rest = name.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some(&first) = rest.first() {
        let (byte, length) = escaped(rest).map_or((first, 1), |byte| (byte, 4));
        bytes.push(byte);
        rest = &rest[length..];
    }
    OsString::from_vec(bytes).into()
}

/// The byte that `\xE9` at the beginning stands for.
fn escaped(text: &[u8]) -> Option<u8> {
    let digits = text.strip_prefix(b"\\x")?.get(..2)?;
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    digits.iter().all(is_digit).then(|| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())?
}

/// The hash by which a name is remembered where there are many.
pub(crate) fn name_hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// The last part of a name, without characters that are special to a file system, a shell or a page.
pub(crate) fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = last.trim_start_matches('.').chars().map(plain).collect();
    let skip = name.chars().count().saturating_sub(MAX_FILE_NAME);
    let name: String = name.chars().skip(skip).collect();
    if name.is_empty() { "upload".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploaded_names_stay_names() {
        let cases = [
            ("cat.jpg", "cat.jpg"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\me\\Bild 1.png", "Bild_1.png"),
            ("..", "upload"),
            (".htaccess", "htaccess"),
            ("a\0b<script>.png", "a_b_script_.png"),
            ("Schöne Grüße.png", "Schöne_Grüße.png"),
        ];
        for (name, expected) in cases {
            assert_eq!(file_name(name), expected);
        }
        let long = file_name(&format!("{}.png", "x".repeat(500)));
        assert!(long.len() == MAX_FILE_NAME && long.ends_with(".png"), "{long}");
    }

    #[test]
    fn paths_that_are_not_utf_8_have_names_of_their_own() {
        for (bytes, name) in [
            (&b"/a/caf\xe9.png"[..], "/a/caf\\xE9.png"),
            (b"/a/caf\\xE9.png", "/a/caf\\x5CxE9.png"),
            ("/a/café\\b.png".as_bytes(), "/a/café\\b.png"),
            (b"\\x5CxE9", "\\x5Cx5CxE9"),
            (b"/a:7", "/a\\x3A7"),
            (b"/a:7/b:", "/a:7/b:"),
            (b"/b.zip!/c!.png", "/b.zip\\x21/c!.png"),
        ] {
            let path = PathBuf::from(OsString::from_vec(bytes.to_vec()));
            assert_eq!(path_name(&path), name);
            assert_eq!(named_path(name), path);
        }
    }

    proptest::proptest! {
        #[test]
        fn every_path_is_found_by_its_name(bytes in proptest::collection::vec(proptest::prop_oneof![
            proptest::prelude::any::<u8>(), proptest::sample::select(&b"\\x5CE9/a!:7"[..])
        ], 0..30)) {
            let path = named_path(&bytes_name(&bytes));
            proptest::prop_assert_eq!(path.as_os_str().as_bytes(), &bytes);
        }
    }
}
