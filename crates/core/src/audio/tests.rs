//! Sounds good and bad, written here byte by byte. Compressed formats are compared with FFmpeg in testkit.

use std::io::Cursor;

use super::*;
use crate::{Error, ErrorKind};

/// How the samples of a WAV file are stored.
#[derive(Clone, Copy, Debug)]
enum Stored {
    U8,
    I16,
    I24,
    I32,
    F32,
    F64,
}

impl Stored {
    fn bytes(self) -> u16 {
        match self {
            Self::U8 => 1,
            Self::I16 => 2,
            Self::I24 => 3,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    fn write(self, sample: f64, file: &mut Vec<u8>) {
        let whole = |bits: i32| (sample * f64::from(bits)).round();
        match self {
            Self::U8 => file.push((whole(127) + 128.0) as u8),
            Self::I16 => file.extend((whole(i32::from(i16::MAX)) as i16).to_le_bytes()),
            Self::I24 => file.extend(&(whole((1 << 23) - 1) as i32).to_le_bytes()[..3]),
            Self::I32 => file.extend((whole(i32::MAX) as i32).to_le_bytes()),
            Self::F32 => file.extend((sample as f32).to_le_bytes()),
            Self::F64 => file.extend(sample.to_le_bytes()),
        }
    }
}

/// A WAV file of interleaved samples.
fn wav(stored: Stored, rate: u32, channels: u16, samples: &[f64]) -> Vec<u8> {
    let width = u32::from(stored.bytes());
    let length = samples.len() as u32 * width;
    let kind: u16 = if matches!(stored, Stored::F32 | Stored::F64) { 3 } else { 1 };
    let mut file = b"RIFF".to_vec();
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0");
    file.extend(kind.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend((rate * u32::from(channels) * width).to_le_bytes());
    file.extend((channels * stored.bytes()).to_le_bytes());
    file.extend((stored.bytes() * 8).to_le_bytes());
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    samples.iter().for_each(|sample| stored.write(*sample, &mut file));
    file
}

fn tone(count: usize) -> Vec<f64> {
    (0..count).map(|at| 0.8 * (at as f64 * 0.05).sin()).collect()
}

fn open(file: Vec<u8>) -> Result<Sound> {
    Sound::open(Cursor::new(file), &SoundLimits::default())
}

fn refused(file: Vec<u8>) -> Error {
    open(file).unwrap_err()
}

fn all(sound: &mut Sound) -> Vec<f32> {
    let mut all = Vec::new();
    while let Some(block) = sound.read().unwrap() {
        assert!(!block.is_empty());
        all.extend_from_slice(block);
    }
    assert!(sound.read().unwrap().is_none());
    all
}

#[test]
fn samples_of_all_widths_are_what_was_written() {
    let samples = tone(10_000);
    let widths = [
        (Stored::U8, 8),
        (Stored::I16, 16),
        (Stored::I24, 24),
        (Stored::I32, 32),
        (Stored::F32, 32),
        (Stored::F64, 64),
    ];
    for (stored, bits) in widths {
        let mut sound = open(wav(stored, 22_050, 2, &samples)).unwrap();
        let facts = sound.facts().clone();
        assert_eq!((facts.container.as_str(), facts.sample_rate, facts.channels), ("wave", 22_050, 2), "{stored:?}");
        assert_eq!((facts.bits, facts.duration), (Some(bits), Some(5000.0 / 22_050.0)), "{stored:?}");
        let read = all(&mut sound);
        assert_eq!(read.len(), samples.len());
        let worst = read.iter().zip(&samples).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        assert!(worst < if bits == 8 { 0.015 } else { 1e-4 }, "{stored:?}: {worst}");
        assert!(sound.notes().is_empty(), "{:?}", sound.notes());
        assert!((sound.position() - 5000.0 / 22_050.0).abs() < 1e-9);
        assert_eq!(sound.facts().bit_rate, Some(u64::from(bits) * 2 * 22_050));
    }
}

#[test]
fn many_channels_at_a_high_rate_are_read_and_absurd_ones_refused() {
    let samples = tone(8 * 5000);
    let mut sound = open(wav(Stored::I24, 192_000, 8, &samples)).unwrap();
    assert_eq!((sound.facts().channels, all(&mut sound).len()), (8, samples.len()));
    let error = Sound::open(
        Cursor::new(wav(Stored::I16, 48_000, 8, &samples)),
        &SoundLimits { channels: 2, ..SoundLimits::default() },
    );
    assert_eq!(error.unwrap_err().to_string(), "the sound has 8 channels; the limit is 2");
    for rate in [1, 99, 3_000_000] {
        let error = refused(wav(Stored::U8, rate, 1, &tone(1000)));
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("is not within 100 to 768000"), "{error}");
    }
    assert_eq!(refused(wav(Stored::I16, 44_100, 0, &tone(1000))).kind(), ErrorKind::InvalidInput);
}

#[test]
fn what_is_no_sound_says_what_it_is() {
    let says = |file: &[u8]| {
        let error = refused(file.to_vec());
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        error.to_string()
    };
    assert_eq!(says(b""), "the file is empty");
    assert_eq!(says(b"Dear diary,\n"), "the file is text, not a sound");
    assert!(says(b"PK\x03\x04\x14\0\0\0\0\0song.mp3").contains("an archive (application/zip)"));
    let noise: Vec<u8> = (0..200_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    says(&noise);
    // Headers without anything, or cut off themselves.
    let header = wav(Stored::I16, 44_100, 2, &[]);
    assert_eq!(says(&header), "the file has no sound, only a header");
    for length in 1..header.len() {
        says(&header[..length]);
    }
    says(b"fLaC\0\0\0\x22");
    says(b"OggS\0\x02\0\0\0\0\0\0\0\0");
    says(b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42");
}

#[test]
fn a_file_cut_in_the_middle_gives_what_is_whole_and_a_note() {
    let mut file = wav(Stored::I16, 44_100, 1, &tone(441_000));
    file.truncate(44 + 2 * 132_300 + 1);
    let mut sound = open(file).unwrap();
    assert_eq!(sound.facts().duration, Some(10.0));
    assert_eq!(all(&mut sound).len(), 132_300);
    let [note] = sound.notes() else { panic!("{:?}", sound.notes()) };
    assert!(note.contains("after 3.0 s"), "{note}");
}

#[test]
fn samples_that_are_no_numbers_are_silent() {
    let mut samples = tone(1000);
    samples[3] = f64::NAN;
    samples[4] = f64::INFINITY;
    samples[500] = -1e30;
    let mut sound = open(wav(Stored::F32, 8000, 1, &samples)).unwrap();
    let read = all(&mut sound);
    assert_eq!([read[3], read[4], read[500]], [0.0; 3]);
    assert!((read[5] - samples[5] as f32).abs() < 1e-6);
    assert_eq!(sound.notes(), ["3 samples that are no numbers are silent"]);
    // Louder than full scale is none of that.
    let mut sound = open(wav(Stored::F32, 8000, 1, &[3.0; 100])).unwrap();
    assert!(all(&mut sound).iter().all(|sample| *sample == 3.0) && sound.notes().is_empty());
}

#[test]
fn a_sound_is_read_from_any_place() {
    let samples = tone(2 * 100_000);
    let mut sound = open(wav(Stored::F32, 44_100, 2, &samples)).unwrap();
    for frame in [0, 1, 44_099, 12_345, 99_999, 3] {
        sound.seek(f64::from(frame) / 44_100.0).unwrap();
        assert!((sound.position() * 44_100.0 - f64::from(frame)).abs() < 1e-6);
        let read = all(&mut sound);
        let expected: Vec<f32> = samples[frame as usize * 2..].iter().map(|sample| *sample as f32).collect();
        assert_eq!(read, expected, "{frame}");
        assert!(sound.notes().is_empty());
    }
    for seconds in [100_000.0 / 44_100.0, 9.0, 1e12] {
        sound.seek(seconds).unwrap();
        assert!(sound.read().unwrap().is_none(), "{seconds}");
    }
    for seconds in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(sound.seek(seconds).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn limits_bound_files_and_lengths() {
    let file = wav(Stored::U8, 8000, 1, &tone(80_000));
    let length = file.len() as u64;
    let error = Sound::open(Cursor::new(file.clone()), &SoundLimits { bytes: length - 1, ..SoundLimits::default() });
    assert_eq!(error.unwrap_err().to_string(), format!("the file is {length} bytes; the limit is {}", length - 1));
    let mut sound = Sound::open(Cursor::new(file), &SoundLimits { seconds: 2.5, ..SoundLimits::default() }).unwrap();
    assert_eq!(all(&mut sound).len(), 20_000);
    assert_eq!(sound.notes(), ["longer than 2.5 s: the rest was left out"]);
}

/// Fails once so many bytes have been read.
struct Failing {
    file: Cursor<Vec<u8>>,
    good: usize,
}

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.good == 0 {
            return Err(std::io::Error::other("the disk is gone"));
        }
        let count = self.file.read(buffer)?;
        self.good = self.good.saturating_sub(count);
        Ok(count)
    }
}

impl Seek for Failing {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.file.seek(to)
    }
}

#[test]
fn a_file_that_fails_is_not_one_that_ends() {
    let file = wav(Stored::I16, 44_100, 1, &tone(300_000));
    let failing = |good| Failing { file: Cursor::new(file.clone()), good };
    let error = Sound::open(failing(0), &SoundLimits::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    let mut sound = Sound::open(failing(200_000), &SoundLimits::default()).unwrap();
    let error = loop {
        match sound.read() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended: {:?}", sound.notes()),
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), error.to_string().contains("the disk is gone")), (ErrorKind::Io, true), "{error}");
}
