//! Opus for symphonia, which has no decoder of it: packets through the crate opus-decoder.
//!
//! The header is that of RFC 7845, section 5.1.

use opus_decoder::OpusMultistreamDecoder;
use symphonia::core::audio::{
    AsGenericAudioBufferRef, AudioBuffer, AudioMut, AudioSpec, Channels, GenericAudioBufferRef,
};
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions, FinalizeResult};
use symphonia::core::codecs::registry::{RegisterableAudioDecoder, SupportedAudioCodec};
use symphonia::core::errors::{Error, Result, decode_error, unsupported_error};
use symphonia::core::packet::PacketRef;

/// What Opus is decoded at, whatever it was made from.
const RATE: u32 = 48_000;
/// Moments of the longest packet: 120 ms.
const LONGEST: usize = 5760;

const CODECS: [SupportedAudioCodec; 1] = [SupportedAudioCodec {
    id: CODEC_ID_OPUS,
    info: CodecInfo { short_name: "opus", long_name: "Opus", profiles: &[] },
}];

pub(super) struct OpusDecoder {
    params: AudioCodecParameters,
    header: Header,
    decoder: OpusMultistreamDecoder,
    samples: Vec<f32>,
    buffer: AudioBuffer<f32>,
}

/// Which of a packet's streams each channel comes from, and how loud it all is.
struct Header {
    channels: usize,
    gain: f32,
    streams: usize,
    coupled: usize,
    mapping: Vec<u8>,
}

impl Header {
    /// `None` for what is no header. Players do without one, too: it is mono or stereo then.
    fn read(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(b"OpusHead")?;
        let (&[_, channels, _, _, _, _, _, _, low, high, family], rest) = rest.split_first_chunk::<11>()?;
        let channels = usize::from(channels);
        let gain = 10.0_f32.powf(f32::from(i16::from_le_bytes([low, high])) / (20.0 * 256.0));
        if family == 0 {
            return Some(Self { gain, ..Self::plain(channels) });
        }
        let (&[streams, coupled], mapping) = rest.split_first_chunk::<2>()?;
        let mapping = mapping.get(..channels)?.to_vec();
        Some(Self { channels, gain, streams: streams.into(), coupled: coupled.into(), mapping })
    }

    fn plain(channels: usize) -> Self {
        Self {
            channels,
            gain: 1.0,
            streams: 1,
            coupled: channels.saturating_sub(1),
            mapping: (0..channels as u8).collect(),
        }
    }

    fn decoder(&self) -> Result<OpusMultistreamDecoder> {
        OpusMultistreamDecoder::new(RATE, self.channels, self.streams, self.coupled, &self.mapping)
            .map_err(|_| Error::DecodeError("opus: its channels are mapped to streams that it does not have"))
    }
}

/// Moments that a decoder of Opus needs to get going, as the header says; `None` for other codecs.
pub(super) fn lead(params: &AudioCodecParameters) -> Option<u64> {
    if params.codec != CODEC_ID_OPUS {
        return None;
    }
    let header = params.extra_data.as_deref().filter(|bytes| bytes.starts_with(b"OpusHead"));
    let moments = header.and_then(|bytes| bytes.get(10..12)?.try_into().ok()).map_or(0, u16::from_le_bytes);
    Some(moments.into())
}

impl RegisterableAudioDecoder for OpusDecoder {
    fn try_registry_new(params: &AudioCodecParameters, _: &AudioDecoderOptions) -> Result<Box<dyn AudioDecoder>> {
        let header = match params.extra_data.as_deref().and_then(Header::read) {
            Some(header) => header,
            None => Header::plain(params.channels.as_ref().map_or(2, Channels::count).clamp(1, 2)),
        };
        if header.channels == 0 {
            return unsupported_error("opus: no channels");
        }
        let channels = match &params.channels {
            Some(channels) if channels.count() == header.channels => channels.clone(),
            _ => Channels::Discrete(header.channels as u16),
        };
        Ok(Box::new(Self {
            params: params.clone(),
            decoder: header.decoder()?,
            samples: vec![0.0; LONGEST * header.channels],
            buffer: AudioBuffer::new(AudioSpec::new(RATE, channels), LONGEST),
            header,
        }))
    }

    fn supported_codecs() -> &'static [SupportedAudioCodec] {
        &CODECS
    }
}

impl AudioDecoder for OpusDecoder {
    fn reset(&mut self) {
        if let Ok(decoder) = self.header.decoder() {
            self.decoder = decoder;
        }
    }

    fn codec_info(&self) -> &CodecInfo {
        &CODECS[0].info
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        &self.params
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Result<GenericAudioBufferRef<'_>> {
        self.buffer.clear();
        // To the decoder, a packet without bytes is one that was lost.
        if packet.data.is_empty() {
            return decode_error("opus: empty packet");
        }
        let Ok(count) = self.decoder.decode_float(packet.data, &mut self.samples, false) else {
            return decode_error("opus: damaged packet");
        };
        let samples = &mut self.samples[..count * self.header.channels];
        if self.header.gain != 1.0 {
            samples.iter_mut().for_each(|sample| *sample *= self.header.gain);
        }
        self.buffer.render_uninit(Some(count));
        self.buffer.copy_from_slice_interleaved(&&*samples);
        self.buffer.trim(packet.trim_start.get() as usize, packet.trim_end.get() as usize);
        Ok(self.buffer.as_generic_audio_buffer_ref())
    }

    fn finalize(&mut self) -> FinalizeResult {
        FinalizeResult::default()
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        self.buffer.as_generic_audio_buffer_ref()
    }
}
