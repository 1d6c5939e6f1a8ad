//! What symphonia leaves out of MP4 files: the edit list, which says where in its samples a track begins (an AAC encoder puts
//! a thousand or two before them), and which tracks are encrypted.
//!
//! Boxes are those of ISO/IEC 14496-12.

use std::io::{self, Read, Seek, SeekFrom};

/// Boxes that are looked at, of a file that may have been made to have no end of them.
const MOST: usize = 10_000;
/// Bytes of a box whose content is read.
const LARGEST: u64 = 1 << 16;

/// A track as its header has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) id: u32,
    /// `soun`, `vide` and others.
    pub(super) handler: [u8; 4],
    /// What its samples are, such as `mp4a`, or `enca` and `drms` where they are encrypted.
    pub(super) entry: [u8; 4],
    /// Units of its own time in a second.
    pub(super) timescale: u32,
    /// Where it begins, in its own time.
    pub(super) begins: u64,
}

impl Track {
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(&self.entry, b"enca" | b"encv" | b"drms" | b"drmi")
    }
}

/// The tracks of an MP4 file; none of another one, or of one that is damaged. The file is anywhere afterwards.
pub(super) fn tracks(file: &mut (impl Read + Seek), length: u64) -> Vec<Track> {
    let mut found = Vec::new();
    let mut budget = MOST;
    // What was found before it was damaged counts: symphonia says what is wrong with the rest.
    let _ = read(file, 0..length, &mut budget, &mut found);
    found
}

fn read(
    file: &mut (impl Read + Seek),
    within: std::ops::Range<u64>,
    budget: &mut usize,
    found: &mut Vec<Track>,
) -> io::Result<()> {
    let mut at = within.start;
    while at + 8 <= within.end && *budget > 0 {
        *budget -= 1;
        file.seek(SeekFrom::Start(at))?;
        let [size, kind] = [number(file)?, number(file)?];
        let (header, size) = match size {
            0 => (8, within.end - at),
            1 => (16, u64::from(number(file)?) << 32 | u64::from(number(file)?)),
            size => (8, u64::from(size)),
        };
        if size < header {
            return Ok(());
        }
        let end = at.saturating_add(size).min(within.end);
        let content = at + header..end;
        match &kind.to_be_bytes() {
            b"trak" => {
                found.push(Track::default());
                read(file, content, budget, found)?;
            }
            b"moov" | b"mdia" | b"minf" | b"stbl" | b"edts" => read(file, content, budget, found)?,
            kind => {
                if let Some(track) = found.last_mut() {
                    take(file, *kind, content.end - content.start, track)?;
                }
            }
        }
        at = end;
    }
    Ok(())
}

/// Takes what is wanted of a box, at whose content the file is.
fn take(file: &mut impl Read, kind: [u8; 4], length: u64, track: &mut Track) -> io::Result<()> {
    if !matches!(&kind, b"tkhd" | b"mdhd" | b"hdlr" | b"elst" | b"stsd") {
        return Ok(());
    }
    let mut content = Vec::new();
    file.take(length.min(LARGEST)).read_to_end(&mut content)?;
    let u32_at = |at: usize| content.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes);
    let u64_at = |at: usize| u64::from(u32_at(at)) << 32 | u64::from(u32_at(at + 4));
    let name_at = |at: usize| u32_at(at).to_be_bytes();
    let is_long = content.first() == Some(&1);
    match &kind {
        b"tkhd" => track.id = u32_at(if is_long { 20 } else { 12 }),
        b"mdhd" => track.timescale = u32_at(if is_long { 20 } else { 12 }),
        b"hdlr" if track.handler == [0; 4] => track.handler = name_at(8),
        b"stsd" => track.entry = name_at(12),
        b"elst" => {
            // Duration, place and rate of each; a place of -1 is a pause before the track.
            let entries = (0..u32_at(4) as usize).take(content.len() / 12).map(|entry| match is_long {
                true => u64_at(8 + entry * 20 + 8),
                false => u64::from(u32_at(8 + entry * 12 + 4)),
            });
            let pause = if is_long { u64::MAX } else { u64::from(u32::MAX) };
            track.begins = entries.into_iter().find(|place| *place != pause).unwrap_or(0);
        }
        _ => {}
    }
    Ok(())
}

fn number(file: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes)?;
    Ok(u32::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn atom(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let mut atom = (content.len() as u32 + 8).to_be_bytes().to_vec();
        atom.extend_from_slice(kind);
        atom.extend_from_slice(content);
        atom
    }

    fn numbers(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    fn file(entry: &[u8; 4], edits: &[u32]) -> Vec<u8> {
        let mut stsd = numbers(&[0, 1, 16]);
        stsd.extend_from_slice(entry);
        let stbl = atom(b"minf", &atom(b"stbl", &atom(b"stsd", &stsd)));
        let mut hdlr = numbers(&[0, 0]);
        hdlr.extend_from_slice(b"soun");
        let media = [atom(b"mdhd", &numbers(&[0, 0, 0, 44_100, 9])), atom(b"hdlr", &hdlr), stbl].concat();
        let mut list = numbers(&[0, edits.len() as u32 / 3]);
        list.extend(numbers(edits));
        let track =
            [atom(b"tkhd", &numbers(&[0, 0, 0, 7, 0])), atom(b"edts", &atom(b"elst", &list)), atom(b"mdia", &media)];
        [atom(b"ftyp", b"M4A "), atom(b"moov", &atom(b"trak", &track.concat())), atom(b"mdat", &[0; 99])].concat()
    }

    fn found(file: &[u8]) -> Vec<Track> {
        tracks(&mut io::Cursor::new(file), file.len() as u64)
    }

    #[test]
    fn a_track_tells_where_it_begins_and_whether_it_is_encrypted() {
        let [track] = found(&file(b"mp4a", &[500, u32::MAX, 0x10000, 1000, 2112, 0x10000])).try_into().unwrap();
        let expected = Track { id: 7, handler: *b"soun", entry: *b"mp4a", timescale: 44_100, begins: 2112 };
        assert_eq!(track, expected);
        assert!(!track.is_encrypted() && found(&file(b"drms", &[]))[0].is_encrypted());
        assert_eq!(found(&file(b"mp4a", &[]))[0].begins, 0);
        assert!(found(b"RIFF....WAVE").is_empty());
    }

    proptest! {
        #[test]
        fn damaged_files_are_no_panic(at in 0_usize..400, value: u8, cut in 0_usize..400) {
            let mut file = file(b"mp4a", &[1000, 2112, 0x10000]);
            let length = file.len();
            file[at % length] = value;
            file.truncate(cut);
            found(&file);
        }
    }
}
