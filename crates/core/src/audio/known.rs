//! Files that are no sounds, told from their first bytes. Looking for a sound anywhere in them, as players do, would find
//! noise in some.

use infer::MatcherType;

use crate::Error;

/// What has other files in it.
const ARCHIVES: [&str; 8] = [
    "application/zip",
    "application/x-tar",
    "application/gzip",
    "application/x-bzip2",
    "application/x-xz",
    "application/zstd",
    "application/x-7z-compressed",
    "application/vnd.rar",
];

/// Bytes that are enough to tell.
pub(super) const HEAD: u64 = 4096;

/// # Errors
/// `InvalidInput` that says what the file is, if it is no sound and no video.
pub(super) fn check(head: &[u8]) -> Result<(), Error> {
    let refuse = |what: &str, hint: &'static str| {
        Err(Error::invalid(format!("the file is {what}, not a sound")).with_hint(hint))
    };
    let hint = "choose a file of WAV, FLAC, MP3, Ogg, M4A or another format of sounds";
    if let Some(kind) = infer::get(head) {
        let mime = kind.mime_type();
        return match kind.matcher_type() {
            MatcherType::Archive if ARCHIVES.contains(&mime) => {
                refuse(&format!("an archive ({mime})"), "import the archive, or unpack it first")
            }
            MatcherType::Image => refuse(&format!("a picture ({mime})"), hint),
            MatcherType::Text => refuse(&format!("text ({mime})"), hint),
            MatcherType::Audio | MatcherType::Video | MatcherType::Custom => Ok(()),
            _ => refuse(&format!("of another kind ({mime})"), hint),
        };
    }
    if is_text(head) { refuse("text", hint) } else { Ok(()) }
}

/// Whether there is nothing but characters. Every format of sounds has other bytes among its first.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The last character may be cut.
        Err(error) if error.error_len().is_none() && head.len() as u64 == HEAD => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && !text.chars().any(|c| c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_sound_is_named() {
        let says = |head: &[u8]| check(head).unwrap_err().to_string();
        assert_eq!(says(b"PK\x03\x04\x14\0\0\0"), "the file is an archive (application/zip), not a sound");
        assert_eq!(says(b"\x89PNG\r\n\x1a\n\0\0\0\r"), "the file is a picture (image/png), not a sound");
        assert_eq!(says("a song – that is none\r\n".as_bytes()), "the file is text, not a sound");
        assert_eq!(says(b"%PDF-1.7\n"), "the file is of another kind (application/pdf), not a sound");
        let mut long = "é".repeat(3000).into_bytes();
        long.insert(0, b'x');
        assert_eq!(says(&long[..HEAD as usize]), "the file is text, not a sound");
        for sound in [&b"RIFF\x24\0\0\0WAVEfmt "[..], b"\xff\xfb\x90\x64\0\0", b"fLaC\0\0\0\x22", b"OggS\0\x02\0\0"] {
            check(sound).unwrap();
        }
        check(b"\0\0\0\x18ftypM4A \0\0\0\0").unwrap();
    }
}
