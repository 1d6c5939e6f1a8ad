//! Finds sounds, and their labels and captions before they are opened: from a table, from the folder they are in, from a
//! text file beside them.

use std::ffi::OsStr;
use std::path::Path;

use bootcamp_core::{Error, Result};
use bootcamp_kit::source::{
    Places, Skip, Source, Sources, Wanted, caption_beside, files, folder_label, has_namesake, listed,
};

/// Extensions of what the decoder reads; videos for the sound that is in them.
const EXTENSIONS: &[&str] = &[
    "aac", "aif", "aifc", "aiff", "alac", "caf", "flac", "m4a", "m4b", "mka", "mkv", "mov", "mp1", "mp2", "mp3", "mp4",
    "oga", "ogg", "opus", "wav", "wave", "webm",
];

/// What is taken from folders and archives, and that tables name sounds.
const WANTED: Wanted = Wanted {
    by_content: Some(looks_like_a_sound),
    beside: is_beside,
    table: Some(listed),
    ..Wanted::called(EXTENSIONS)
};

/// Every sound in these places. A table (`.csv`, `.tsv`, `.jsonl`) names sounds itself: its column `path` is a file,
/// relative to the table; `label` and `caption` are what they say; all others become the field `extra`.
///
/// # Errors
/// Those of [`files`].
pub fn discover(places: &Places) -> Result<Sources> {
    let may_look = places.clone();
    Ok(Box::new(files(places, &WANTED)?.map(move |found| describe(found?, &may_look))))
}

/// Whether a file of any name is a sound, by its first bytes.
fn looks_like_a_sound(head: &[u8]) -> bool {
    let at = |from: usize, mark: &[u8]| head.get(from..from + mark.len()) == Some(mark);
    at(0, b"fLaC")
        || at(0, b"OggS")
        || at(0, b"ID3")
        || at(0, b"caff")
        || at(0, &[0x1a, 0x45, 0xdf, 0xa3])
        || ([&b"RIFF"[..], b"RF64", b"BW64"].iter().any(|mark| at(0, mark)) && at(8, b"WAVE"))
        || (at(0, b"FORM") && (at(8, b"AIFF") || at(8, b"AIFC")))
        || (at(4, b"ftyp") && !PICTURES.iter().any(|brand| at(8, brand)))
        || is_mpeg(head)
}

/// Pictures in containers of the same family as MP4, by the brand that follows `ftyp`.
const PICTURES: [&[u8]; 7] = [b"heic", b"heix", b"heif", b"mif1", b"msf1", b"avif", b"avis"];

/// Whether it begins with the header of a frame of MPEG audio or AAC, in which no field has a value that is reserved: two
/// bytes alone are in many files.
fn is_mpeg(head: &[u8]) -> bool {
    let [0xff, second, third, ..] = *head else { return false };
    let is_adts = second & 0xf6 == 0xf0 && (third >> 2) & 0x0f < 13;
    let (version, layer) = ((second >> 3) & 3, (second >> 1) & 3);
    let (bit_rate, sample_rate) = (third >> 4, (third >> 2) & 3);
    // With 0xfe, it is rather a text in UTF-16.
    let is_layer = second >= 0xe0
        && second != 0xfe
        && version != 1
        && layer != 0
        && (1..15).contains(&bit_rate)
        && sample_rate != 3;
    is_adts || is_layer
}

/// Whether a file is the caption of a sound beside it, and is read with that.
fn is_beside(path: &Path) -> bool {
    path.extension() == Some(OsStr::new("txt")) && has_namesake(path, EXTENSIONS)
}

/// Adds the label and caption from the sound's folder and the text file beside it.
///
/// # Errors
/// When that file is there and cannot be read: without it, the sound would lose what is known of it.
fn describe(mut source: Source, places: &Places) -> Result<Source, Skip> {
    let skip = |error: Error| Skip::new(&source.name, &error);
    if !source.fields.contains_key("caption")
        && let Some(caption) = caption_beside(&source.name, places).map_err(skip)?
    {
        source.fields.insert("caption".to_owned(), caption.into());
    }
    if !source.fields.contains_key("label")
        && let Some(label) = folder_label(&source.name)
    {
        source.fields.insert("label".to_owned(), label.into());
    }
    Ok(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_are_known_by_their_beginning() {
        let sounds: [&[u8]; 12] = [
            b"RIFF\x24\0\0\0WAVEfmt ",
            b"RF64\xff\xff\xff\xffWAVEds64",
            b"FORM\0\0\0\x40AIFFCOMM",
            b"FORM\0\0\0\x40AIFCFVER",
            b"fLaC\0\0\0\x22",
            b"OggS\0\x02\0\0",
            b"ID3\x04\0\0\0\0\0\0",
            b"\xff\xfb\x90\x64\0",
            b"\xff\xf1\x50\x80\x02\x1f\xfc",
            b"caff\0\x01\0\0desc",
            b"\0\0\0\x20ftypM4A \0\0\0\0",
            b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81",
        ];
        for head in sounds {
            assert!(looks_like_a_sound(head), "{}", head.escape_ascii());
        }
        let others: [&[u8]; 9] = [
            b"",
            b"RIFF\x24\0\0\0WEBPVP8 ",
            b"RIFF\x24\0\0\0AVI LIST",
            b"\0\0\0\x18ftypheic\0\0\0\0",
            b"\xff\xd8\xff\xe0\0\x10JFIF",
            b"\xff\xfeh\0i\0",
            b"\xff\xff\xff\xff\xff",
            b"FORM\0\0\0\x40ILBM",
            b"hello",
        ];
        for head in others {
            assert!(!looks_like_a_sound(head), "{}", head.escape_ascii());
        }
    }

    #[test]
    fn labels_come_from_folders_and_captions_from_files_beside() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, bytes).unwrap();
        };
        write("doors/open.wav", b"x");
        write("doors/open.txt", b"A heavy door.\nMore about it.\n");
        write("doors/notes.txt", b"not beside a sound");
        write("steps/no-extension", b"fLaC\0\0\0\x22");
        write("table.csv", b"path,label,mood\ndoors/open.wav,7,dark\n");
        let places = Places::new(vec![folder.path().to_owned()]);
        let found: Vec<_> = discover(&places).unwrap().map(Result::unwrap).collect();
        let fields: Vec<_> = found.iter().map(|source| serde_json::json!(source.fields)).collect();
        let expected =
            [serde_json::json!({"label": "doors", "caption": "A heavy door."}), serde_json::json!({"label": "steps"})];
        assert_eq!(fields, expected);
        let table = Places::new(vec![folder.path().join("table.csv")]);
        let listed: Vec<_> = discover(&table).unwrap().map(Result::unwrap).collect();
        let expected = serde_json::json!({"label": "7", "caption": "A heavy door.", "extra": {"mood": "dark"}});
        assert_eq!(serde_json::json!(listed[0].fields), expected);
    }
}
