//! Finds the track of a sound and the decoder for it, or says what the file is instead.

use std::io::{Read, Seek};
use std::sync::LazyLock;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_AC3, CODEC_ID_DCA, CODEC_ID_EAC3, CODEC_ID_MUSEPACK, CODEC_ID_SPEEX, CODEC_ID_TRUEHD,
    CODEC_ID_WAVPACK, CODEC_ID_WMA,
};
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error as Failed;
use symphonia::core::formats::{FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};

use super::decode::{Decoding, Opened};
use super::opus::{OpusDecoder, lead};
use super::source::{Failure, Source, probed, unreadable};
use super::{SoundLimits, facts, known, movie};
use crate::{Error, ErrorKind, Result};

static CODECS: LazyLock<CodecRegistry> = LazyLock::new(|| {
    let mut codecs = CodecRegistry::new();
    symphonia::default::register_enabled_codecs(&mut codecs);
    codecs.register_audio_decoder::<OpusDecoder>();
    codecs
});

const FORMATS: &str = "WAV, AIFF, FLAC, MP3, Ogg (Vorbis, Opus), M4A (AAC, ALAC), CAF, Matroska and WebM are read";

pub(super) fn open(file: impl Read + Seek + Send + Sync + 'static, limits: &SoundLimits) -> Result<Decoding> {
    let mut source = Source::new(file, limits.bytes)?;
    let (length, failure) = (source.length(), source.failure());
    let head = source.head(known::HEAD)?;
    known::check(&head)?;
    let movie = if head.get(4..8) == Some(b"ftyp") { movie::tracks(&mut source, length) } else { Vec::new() };
    refuse_movie(&movie)?;
    source.rewind().map_err(unreadable)?;
    let stream = MediaSourceStream::new(Box::new(source), MediaSourceStreamOptions::default());
    let mut format = probed(stream).map_err(|error| unknown(&error, &failure))?;
    let (track, params, decoder) = choose(&*format)?;
    let mut facts = facts::of(&mut *format, &track, &params);
    facts.codec = decoder.codec_info().short_name.to_owned();
    facts.bits = facts.bits.or_else(|| facts::bits_of(&facts.codec));
    let gapless = if movie.is_empty() { None } else { facts::gapless(&mut *format) };
    let lead = lead(&params);
    let opened = Opened {
        format,
        decoder,
        track: track.id,
        time_base: track.time_base,
        facts,
        failure,
        has_lead: lead.is_some(),
    };
    let mut decoding = Decoding::start(opened, limits)?;
    let rate = decoding.facts().sample_rate;
    // What iTunes notes is to the sample; edit lists may only be to the millisecond.
    if let Some((delay, count)) = gapless {
        decoding.trim(delay, Some(delay + count));
        decoding.facts_mut().duration = Some(count as f64 / f64::from(rate));
    } else {
        let edited = movie.iter().find(|other| other.id == track.id);
        let edited = edited.map_or(0, |it| it.begins.saturating_mul(rate.into()) / u64::from(it.timescale.max(1)));
        let skip = lead.unwrap_or(edited);
        let end = track.num_frames.filter(|end| edited > 0 && *end > skip);
        decoding.trim(skip, end);
        let before = skip as f64 / f64::from(rate);
        let duration = decoding.facts().duration.map(|duration| (duration - before).max(0.0));
        decoding.facts_mut().duration = duration;
    }
    let facts = decoding.facts_mut();
    facts.bit_rate =
        facts.duration.filter(|seconds| *seconds > 0.0).map(|seconds| (length as f64 * 8.0 / seconds) as u64);
    Ok(decoding)
}

/// # Errors
/// `Unsupported` for what is encrypted, `InvalidInput` for a video without sound.
fn refuse_movie(tracks: &[movie::Track]) -> Result<()> {
    let mut sounds = tracks.iter().filter(|track| &track.handler == b"soun").peekable();
    let has_sound = sounds.peek().is_some();
    if has_sound && sounds.all(movie::Track::is_encrypted) {
        return Err(Error::new(ErrorKind::Unsupported, "the sound is encrypted (DRM)")
            .with_hint("choose a file without copy protection"));
    }
    if !has_sound && tracks.iter().any(|track| &track.handler == b"vide") {
        return Err(silent_video());
    }
    Ok(())
}

fn silent_video() -> Error {
    Error::invalid("the file is a video without sound")
}

/// What a file is in which symphonia finds no sound.
fn unknown(error: &Failed, failure: &Failure) -> Error {
    if let Some(why) = &*failure.lock() {
        return Error::new(ErrorKind::Io, format!("the file cannot be read: {why}"));
    }
    match error {
        Failed::IoError(_) => {
            Error::invalid("the file ends before its sound begins, or is no sound").with_hint(FORMATS)
        }
        Failed::Unsupported(what) if what.contains("probe") => {
            Error::invalid("the file is no sound of a format that is known").with_hint(FORMATS)
        }
        Failed::Unsupported(what) if what.contains("missing") => {
            Error::invalid(format!("the file is cut off or damaged ({what})"))
        }
        Failed::Unsupported(what) => Error::new(ErrorKind::Unsupported, format!("the sound cannot be read: {what}")),
        Failed::DecodeError(what) => Error::invalid(format!("the file is damaged ({what})")),
        other => Error::invalid(format!("the file cannot be read as a sound: {other}")).with_hint(FORMATS),
    }
}

/// The first track, beginning with the one that the file prefers, that there is a decoder for.
fn choose(format: &dyn FormatReader) -> Result<(Track, AudioCodecParameters, Box<dyn AudioDecoder>)> {
    let tracks = format.default_track(TrackType::Audio).into_iter().chain(format.tracks());
    let mut why = None;
    for track in tracks {
        let Some(CodecParameters::Audio(params)) = &track.codec_params else { continue };
        match CODECS.make_audio_decoder(params, &AudioDecoderOptions::default()) {
            Ok(decoder) => return Ok((track.clone(), params.clone(), decoder)),
            Err(error) => {
                why.get_or_insert_with(|| undecodable(params.codec, &error));
            }
        }
    }
    Err(why.unwrap_or_else(|| match format.tracks().iter().any(|it| it.track_type() == Some(TrackType::Video)) {
        true => silent_video(),
        false => Error::invalid("the file has no sound that is known").with_hint(FORMATS),
    }))
}

fn undecodable(codec: AudioCodecId, error: &Failed) -> Error {
    let name = match codec {
        CODEC_ID_AAC => {
            return Error::new(ErrorKind::Unsupported, "the sound is AAC of a kind that is not read")
                .with_hint("AAC-LC of one or two channels is read: convert HE-AAC and surround sound");
        }
        CODEC_ID_AC3 => "AC-3",
        CODEC_ID_EAC3 => "E-AC-3",
        CODEC_ID_DCA => "DTS",
        CODEC_ID_TRUEHD => "TrueHD",
        CODEC_ID_WMA => "Windows Media Audio",
        CODEC_ID_SPEEX => "Speex",
        CODEC_ID_MUSEPACK => "Musepack",
        CODEC_ID_WAVPACK => "WavPack",
        _ => {
            let message = format!("the sound is stored in a way that is not read ({error})");
            return Error::new(ErrorKind::Unsupported, message).with_hint(FORMATS);
        }
    };
    Error::new(ErrorKind::Unsupported, format!("the sound is {name}, which is not read")).with_hint(FORMATS)
}
