//! Detects the kind of a file by its content: names can be wrong, and the server sends only kinds it recognises.

use bootcamp_core::picture::media_type;

/// How many bytes at the start of a file are inspected.
pub const START: u64 = 8 << 10;

/// Kinds of files that items are shown as. Whatever a collection says about where its items come from, no other file
/// leaves the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    /// JPEG, PNG, GIF, WebP, BMP and TIFF.
    Picture,
    /// MP3, AAC, FLAC, WAV, AIFF, Ogg, and the containers of videos, which may hold sounds alone.
    Sound,
    /// MP4, WebM, Matroska, QuickTime, AVI and MPEG.
    Video,
    /// Any text in UTF-8, sent as plain text whatever it is. Only for collections that nobody else writes to: they could
    /// name any text file of the server.
    Text,
}

impl MediaKind {
    /// The content type to send a file of this kind with.
    fn content_type(self, start: &[u8]) -> Option<&'static str> {
        let found = || infer::get(start).map(|found| found.mime_type());
        match self {
            Self::Picture => media_type(start),
            Self::Sound => found().and_then(sound).or_else(|| found().and_then(video)),
            Self::Video => found().and_then(video),
            Self::Text => is_text(start).then_some("text/plain; charset=utf-8"),
        }
    }
}

/// The content type of a file that begins like this, if it is of one of these kinds.
pub fn content_type(start: &[u8], kinds: &[MediaKind]) -> Option<&'static str> {
    kinds.iter().find_map(|kind| kind.content_type(start))
}

fn sound(found: &str) -> Option<&'static str> {
    Some(match found {
        "audio/mpeg" => "audio/mpeg",
        "audio/m4a" => "audio/mp4",
        "audio/opus" | "audio/ogg" => "audio/ogg",
        "audio/x-flac" => "audio/flac",
        "audio/x-wav" => "audio/wav",
        "audio/x-aiff" => "audio/aiff",
        "audio/aac" => "audio/aac",
        _ => return None,
    })
}

fn video(found: &str) -> Option<&'static str> {
    Some(match found {
        "video/mp4" | "video/x-m4v" => "video/mp4",
        "video/webm" => "video/webm",
        "video/x-matroska" => "video/x-matroska",
        "video/quicktime" => "video/quicktime",
        "video/x-msvideo" => "video/x-msvideo",
        "video/mpeg" => "video/mpeg",
        _ => return None,
    })
}

/// Whether it reads as UTF-8 without control characters; the last character may be cut off.
fn is_text(start: &[u8]) -> bool {
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or(""),
        Err(_) => return false,
    };
    text.chars().all(|letter| !letter.is_control() || matches!(letter, '\t' | '\n' | '\r' | '\u{c}'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [MediaKind; 4] = [MediaKind::Picture, MediaKind::Sound, MediaKind::Video, MediaKind::Text];

    #[test]
    fn files_are_known_by_their_beginning() {
        let cases: &[(&[u8], Option<&str>)] = &[
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Some("image/png")),
            (b"\xff\xd8\xff\xe0\0\x10JFIF\0", Some("image/jpeg")),
            (b"ID3\x04\0\0\0\0\0\0", Some("audio/mpeg")),
            (b"fLaC\0\0\0\x22", Some("audio/flac")),
            (b"RIFF\x24\0\0\0WAVEfmt ", Some("audio/wav")),
            (b"OggS\0\x02\0\0", Some("audio/ogg")),
            (b"\0\0\0\x20ftypM4A \0\0\0\0", Some("audio/mp4")),
            (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41", Some("video/mp4")),
            (b"RIFF\x24\0\0\0AVI LIST", Some("video/x-msvideo")),
            ("Grüße\n".as_bytes(), Some("text/plain; charset=utf-8")),
            (b"<!doctype html><script>alert(1)</script>", Some("text/plain; charset=utf-8")),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Some("text/plain; charset=utf-8")),
            (b"PK\x03\x04\x14\0", None),
            (b"\x7fELF\x02\x01\x01\0", None),
            (b"%PDF-1.7\n\xe2\xe3", None),
        ];
        for (start, expected) in cases {
            assert_eq!(content_type(start, &ALL), *expected, "{}", start.escape_ascii());
        }
        let webm = [&b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm"[..], &[0; 300]].concat();
        assert_eq!(content_type(&webm, &ALL), Some("video/webm"));
        assert!(is_text(&"Grüße".as_bytes()[..3]), "a letter that is cut off");
        let video = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41";
        assert_eq!(content_type(video, &[MediaKind::Sound]), Some("video/mp4"), "a container may hold sounds alone");
        assert_eq!(content_type(video, &[MediaKind::Picture, MediaKind::Text]), None);
        assert_eq!(content_type(b"<svg/>", &[MediaKind::Picture, MediaKind::Sound, MediaKind::Video]), None);
    }

    proptest! {
        #[test]
        fn no_content_is_active_or_of_another_kind(
            start in prop::collection::vec(any::<u8>(), 0..64), prefix in "(|<html>|<svg |RIFF....WAVE|OggS|GIF89a|BM)",
        ) {
            let start = [prefix.as_bytes(), &start].concat();
            for kind in ALL {
                let Some(found) = content_type(&start, &[kind]) else { continue };
                let allowed: &[&str] = match kind {
                    MediaKind::Picture => &["image/"],
                    MediaKind::Sound => &["audio/", "video/"],
                    MediaKind::Video => &["video/"],
                    MediaKind::Text => &["text/plain;"],
                };
                prop_assert!(allowed.iter().any(|begin| found.starts_with(begin)) && !found.contains("svg"), "{found}");
            }
        }
    }
}
