//! What a sound's header and tags say.

use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3, CODEC_ID_OPUS, CODEC_ID_VORBIS,
};
use symphonia::core::formats::{FormatReader, Track};
use symphonia::core::meta::{MetadataRevision, StandardTag, Tag};

use super::SoundFacts;

/// Characters of a tag that are kept.
const LONGEST: usize = 500;

/// Of a track, but for what its first samples tell: rate and channels are 0.
pub(super) fn of(format: &mut dyn FormatReader, track: &Track, params: &AudioCodecParameters) -> SoundFacts {
    let rate = params.sample_rate.filter(|rate| *rate > 0);
    let duration = match (track.num_frames, rate) {
        (Some(frames), Some(rate)) => Some(frames as f64 / f64::from(rate)),
        _ => track
            .time_base
            .zip(track.duration)
            .and_then(|(base, duration)| base.calc_duration(duration))
            .map(|time| time.as_secs_f64()),
    };
    // Of what is stored with loss, decoders only have a habit.
    let is_lossy = matches!(
        params.codec,
        CODEC_ID_MP1 | CODEC_ID_MP2 | CODEC_ID_MP3 | CODEC_ID_AAC | CODEC_ID_VORBIS | CODEC_ID_OPUS
    );
    let mut facts = SoundFacts {
        container: format.format_info().short_name.to_owned(),
        codec: String::new(),
        sample_rate: 0,
        channels: 0,
        bits: params.bits_per_sample.or(params.bits_per_coded_sample).filter(|_| !is_lossy),
        duration: duration.filter(|seconds| *seconds > 0.0),
        bit_rate: None,
        title: None,
        artist: None,
        album: None,
        year: None,
    };
    let mut log = format.metadata();
    // From the oldest to the newest: those at a file's end, which are often cut short, come first.
    while let Some(revision) = log.pop() {
        take(&revision, &mut facts);
    }
    if let Some(revision) = log.current() {
        take(revision, &mut facts);
    }
    facts
}

/// Of samples that have one width only, which symphonia does not tell.
pub(super) fn bits_of(codec: &str) -> Option<u32> {
    [("pcm_f32", 32), ("pcm_f64", 64), ("pcm_alaw", 8), ("pcm_mulaw", 8)]
        .into_iter()
        .find_map(|(name, bits)| codec.starts_with(name).then_some(bits))
}

fn take(revision: &MetadataRevision, facts: &mut SoundFacts) {
    let of_tracks = revision.per_track.iter().flat_map(|track| &track.metadata.tags);
    let tags = of_tracks.chain(&revision.media.tags);
    let (mut release, mut recording) = (None, None);
    for tag in tags.filter_map(|tag: &Tag| tag.std.as_ref()) {
        match tag {
            StandardTag::TrackTitle(text) => set(&mut facts.title, text),
            StandardTag::Artist(text) => set(&mut facts.artist, text),
            StandardTag::Album(text) => set(&mut facts.album, text),
            StandardTag::ReleaseYear(year) | StandardTag::OriginalReleaseYear(year) => release = Some(i32::from(*year)),
            StandardTag::ReleaseDate(date) | StandardTag::OriginalReleaseDate(date) => release = year(date).or(release),
            StandardTag::RecordingYear(year) => recording = Some(i32::from(*year)),
            StandardTag::RecordingDate(date) => recording = year(date).or(recording),
            _ => {}
        }
    }
    facts.year = release.or(recording).filter(|year| *year > 0).or(facts.year);
}

fn set(field: &mut Option<String>, text: &str) {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if !text.is_empty() {
        *field = Some(text.chars().filter(|c| !c.is_control()).take(LONGEST).collect());
    }
}

/// Of a date that begins with its year.
fn year(date: &str) -> Option<i32> {
    let digits = date.trim().get(..4)?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// The delay and the length that iTunes notes of what it encodes, in samples: ` 00000000 00000840 000001CA 00000000003F31F6`.
pub(super) fn gapless(format: &mut dyn FormatReader) -> Option<(u64, u64)> {
    let log = format.metadata();
    let tags = &log.current()?.media.tags;
    let text = tags.iter().find(|tag| tag.raw.key.ends_with("iTunSMPB"))?.raw.value.to_string();
    let mut numbers = text.split_whitespace().skip(1).map(|number| u64::from_str_radix(number, 16).ok());
    let (delay, _, length) = (numbers.next()??, numbers.next()??, numbers.next()??);
    (length > 0).then_some((delay, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_and_texts_are_read_from_what_people_write() {
        assert_eq!(
            [year("1999"), year("2003-07-01"), year("07/2003"), year("99"), year("１９９９")],
            [Some(1999), Some(2003), None, None, None]
        );
        let mut field = None;
        set(&mut field, " \0 ");
        assert_eq!(field, None);
        set(&mut field, "A\nSong\0");
        assert_eq!(field.as_deref(), Some("ASong"));
        set(&mut field, &"é".repeat(9000));
        assert_eq!(field.unwrap().chars().count(), LONGEST);
    }
}
