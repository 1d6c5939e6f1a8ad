//! Reads an opened sound, packet by packet: what cannot be decoded is left out and counted, what an encoder put around the
//! sound is taken away, and whatever a file says, the work has an end.

use std::io::Seek;

use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::errors::Error as Failed;
use symphonia::core::formats::{FormatReader, SeekMode, SeekTo};
use symphonia::core::packet::Packet;
use symphonia::core::units::{TimeBase, Timestamp};

use super::notes::{many, reason, span};
use super::source::{Failure, probed};
use super::{SoundFacts, SoundLimits};
use crate::{Error, ErrorKind, Result};

/// Damaged packets in a row after which the rest is given up.
const DAMAGED: u32 = 200;
/// Packets in a row without any sound after which the rest is given up: a header can promise billions.
const IDLE: u32 = 100_000;
/// Seconds that are decoded before the place that was asked for: decoders build on what came before.
const LEAD: f64 = 0.25;
/// A sample beyond this is damage: no scale of samples is as large.
const LARGEST: f32 = 1e10;

/// A sound that is being decoded.
pub(super) struct Decoding {
    /// `None` once it could not be started again.
    format: Option<Box<dyn FormatReader>>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    time_base: Option<TimeBase>,
    facts: SoundFacts,
    failure: Failure,
    /// Whether the header says how much comes before the sound, and so does [`Decoding::trim`].
    has_lead: bool,
    /// Moments of the track before its sound, and where that ends, counted from the track's first.
    skip: u64,
    end: Option<u64>,
    /// Moments that are read at most, counted as those.
    most: u64,
    /// The place in the track of the next moment that is decoded; `None` until a packet tells it.
    at: Option<u64>,
    /// After a jump, packets tell their places up to the first moment that is wanted: a decoder may make nothing of the first.
    settling: bool,
    /// The first moment that is wanted.
    from: u64,
    /// The last block, the place after it, and whether it is still to be handed out.
    block: Vec<f32>,
    reached: u64,
    ready: bool,
    ended: bool,
    counts: Counts,
    notes: Vec<String>,
}

/// What there is to tell at the end.
#[derive(Default)]
struct Counts {
    damaged: u64,
    in_a_row: u32,
    idle: u32,
    odd: u64,
    /// Bytes of the packets, or none where some were left out by a seek.
    bytes: Option<u64>,
    last_fault: String,
}

/// What a track is opened with.
pub(super) struct Opened {
    pub(super) format: Box<dyn FormatReader>,
    pub(super) decoder: Box<dyn AudioDecoder>,
    pub(super) track: u32,
    pub(super) time_base: Option<TimeBase>,
    pub(super) facts: SoundFacts,
    pub(super) failure: Failure,
    /// Whether the header says how much the decoder needs to get going, rather than time before 0.
    pub(super) has_lead: bool,
}

impl Decoding {
    /// Decodes the first block, which says what the samples are.
    ///
    /// # Errors
    /// `InvalidInput` when there is none, or for what exceeds the limits; `Io` when the file cannot be read.
    pub(super) fn start(opened: Opened, limits: &SoundLimits) -> Result<Self> {
        let Opened { format, decoder, track, time_base, facts, failure, has_lead } = opened;
        let counts = Counts { bytes: Some(0), ..Counts::default() };
        let mut started = Self {
            format: Some(format),
            decoder,
            track,
            time_base,
            facts,
            failure,
            has_lead,
            skip: 0,
            end: None,
            most: u64::MAX,
            at: Some(0),
            settling: false,
            from: 0,
            block: Vec::new(),
            reached: 0,
            ready: false,
            ended: false,
            counts,
            notes: Vec::new(),
        };
        if !started.advance()? {
            return Err(match started.notes.first() {
                Some(note) => Error::invalid(format!("nothing of the sound can be decoded: {note}")),
                None => Error::invalid("the file has no sound, only a header"),
            });
        }
        check(&started.facts, limits)?;
        started.most = frames(limits.seconds, started.facts.sample_rate);
        Ok(started)
    }

    /// Takes away what an encoder put before the sound, and what comes after `end`, in moments of the track.
    pub(super) fn trim(&mut self, skip: u64, end: Option<u64>) {
        (self.skip, self.end) = (skip, end);
        self.from = skip;
        self.most = self.most.saturating_add(skip);
        // The block that is decoded already.
        self.ready = false;
        let block = std::mem::take(&mut self.block);
        let count = (block.len() / self.width()) as u64;
        self.block = block;
        self.cut(self.reached - count);
        self.ready = !self.block.is_empty();
    }

    pub(super) fn facts(&self) -> &SoundFacts {
        &self.facts
    }

    pub(super) fn facts_mut(&mut self) -> &mut SoundFacts {
        &mut self.facts
    }

    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    fn width(&self) -> usize {
        usize::from(self.facts.channels).max(1)
    }

    pub(super) fn position(&self) -> f64 {
        let waiting = if self.ready { (self.block.len() / self.width()) as u64 } else { 0 };
        (self.reached - waiting).max(self.from).saturating_sub(self.skip) as f64 / f64::from(self.facts.sample_rate)
    }

    pub(super) fn read(&mut self) -> Result<Option<&[f32]>> {
        if !self.ready && (self.ended || !self.advance()?) {
            return Ok(None);
        }
        self.ready = false;
        Ok(Some(&self.block))
    }

    pub(super) fn seek(&mut self, seconds: f64) -> Result<()> {
        if !(seconds.is_finite() && seconds >= 0.0) {
            return Err(Error::invalid(format!("{seconds} s is no place in a sound")));
        }
        let rate = self.facts.sample_rate;
        self.from = self.skip.saturating_add(frames(seconds, rate));
        (self.ready, self.ended, self.settling) = (false, false, false);
        self.reached = self.from;
        self.notes.clear();
        self.counts = Counts::default();
        // Where packets tell their time in other units, their places are known from the beginning only. Of symphonia 0.6, the
        // reader of ADPCM looks for a block at the place of a sample, and that of MP4 files gives nothing after a jump.
        let is_exact = self.time_base.is_some_and(|base| base.numer.get() == 1 && base.denom.get() == rate)
            && self.facts.container != "isomp4"
            && !self.facts.codec.starts_with("adpcm");
        let near = self.from.saturating_sub(frames(LEAD, rate));
        if is_exact && near > 0 {
            let ts = Timestamp::new(i64::try_from(near).unwrap_or(i64::MAX));
            let to = SeekTo::Timestamp { ts, track_id: self.track };
            // Some readers refuse places near the end of a file: the beginning can always be read again.
            if let Some(Ok(_)) = self.format.as_mut().map(|format| format.seek(SeekMode::Accurate, to)) {
                (self.at, self.settling) = (None, true);
                self.decoder.reset();
                return Ok(());
            }
        }
        self.restart()
    }

    /// Goes to the beginning.
    fn restart(&mut self) -> Result<()> {
        self.decoder.reset();
        self.at = Some(0);
        let stream = self.format.take().map(|format| format.into_inner());
        let format = stream.map(|mut stream| stream.rewind().map_err(Failed::from).and_then(|()| probed(stream)));
        match format {
            Some(Ok(format)) => self.format = Some(format),
            other => {
                self.ended = true;
                self.unreadable()?;
                let why = other.and_then(Result::err).map_or(String::new(), |error| format!(": {error}"));
                return Err(Error::invalid(format!("the sound can only be read from its beginning{why}")));
            }
        }
        Ok(())
    }

    /// Decodes the next block that has anything of what is wanted; false at the end.
    fn advance(&mut self) -> Result<bool> {
        loop {
            let packet = match self.format.as_mut().map_or(Ok(None), |format| format.next_packet()) {
                Ok(Some(packet)) => packet,
                Ok(None) => return self.finish(None),
                Err(error) => return self.finish(Some(reason(&error))),
            };
            self.counts.idle += 1;
            if self.counts.idle > IDLE {
                return self.finish(Some(format!("{IDLE} packets have no sound")));
            }
            if packet.track_id != self.track {
                continue;
            }
            if let Some(bytes) = &mut self.counts.bytes {
                *bytes += packet.data.len() as u64;
            }
            match self.decode(&packet) {
                Ok(()) => self.counts.in_a_row = 0,
                Err(Failed::DecodeError(_) | Failed::IoError(_)) if self.counts.in_a_row < DAMAGED => {
                    self.counts.in_a_row += 1;
                    continue;
                }
                Err(error) => return self.finish(Some(reason(&error))),
            }
            let end = self.end.unwrap_or(u64::MAX);
            if !self.block.is_empty() {
                self.counts.idle = 0;
                self.ready = true;
                return Ok(true);
            }
            if self.reached >= self.most.min(end) {
                let is_long = self.most < end;
                return self.finish(is_long.then(|| {
                    format!("longer than {}", span((self.most - self.skip) as f64 / f64::from(self.facts.sample_rate)))
                }));
            }
        }
    }

    /// Decodes a packet into the block, and leaves of it what is wanted.
    fn decode(&mut self, packet: &Packet) -> Result<(), Failed> {
        self.block.clear();
        // Until the first packet is decoded, nobody knows the rate.
        let known = place(packet, self.time_base, self.facts.sample_rate);
        let at = self.at.filter(|_| !self.settling).unwrap_or(u64::try_from(known).unwrap_or(0));
        self.at = Some(at);
        let decoded = match self.decoder.decode(packet) {
            Ok(decoded) => decoded,
            Err(error) => {
                // What leads up to the place that was asked for is decoded without what it builds on.
                if at >= self.from {
                    self.counts.damaged += 1;
                    self.counts.last_fault = error.to_string();
                }
                return Err(error);
            }
        };
        let spec = decoded.spec();
        let (rate, channels) = (spec.rate(), spec.channels().count());
        if self.facts.sample_rate == 0 {
            self.facts.sample_rate = rate;
            self.facts.channels = u16::try_from(channels).unwrap_or(u16::MAX);
        } else if rate != self.facts.sample_rate {
            return Err(Failed::Unsupported("its rate changes"));
        }
        decoded.copy_to_vec_interleaved(&mut self.block);
        let width = self.width();
        if channels != width {
            remix(&mut self.block, channels, width);
        }
        // Time before 0 is what the decoder needs to get going, where the format has not taken it away itself.
        let first = place(packet, self.time_base, rate);
        if first < 0 && packet.trim_start.get() == 0 && !self.has_lead {
            let early = usize::try_from(-first).unwrap_or(usize::MAX).saturating_mul(width);
            self.block.drain(..early.min(self.block.len()));
        }
        self.at = Some(at + (self.block.len() / self.width()) as u64);
        self.cut(at);
        self.settling &= self.block.is_empty();
        Ok(())
    }

    /// Leaves of the block, whose first moment is at this place, what is wanted, and makes samples of what are none.
    fn cut(&mut self, at: u64) {
        let width = self.width();
        let end = self.end.unwrap_or(u64::MAX).min(self.most);
        let count = (self.block.len() / width) as u64;
        let samples = |moments: u64| usize::try_from(moments).unwrap_or(usize::MAX).saturating_mul(width);
        self.block.truncate(samples(end.saturating_sub(at)).min(self.block.len()));
        let before = self.from.saturating_sub(at);
        self.block.drain(..samples(before).min(self.block.len()));
        self.reached = (at + count).min(end.max(at));
        // Rarely any: the first pass is many times as quick.
        if self.block.iter().any(is_odd) {
            for sample in self.block.iter_mut().filter(|sample| is_odd(sample)) {
                *sample = 0.0;
                self.counts.odd += 1;
            }
        }
    }

    /// The end, and what there is to tell: always false.
    fn finish(&mut self, reason: Option<String>) -> Result<bool> {
        self.ended = true;
        self.block.clear();
        self.unreadable()?;
        let rate = f64::from(self.facts.sample_rate.max(1));
        let seconds = self.reached.saturating_sub(self.skip) as f64 / rate;
        let Counts { damaged, odd, bytes, .. } = self.counts;
        if odd > 0 {
            self.notes.push(format!("{} that are no numbers are silent", many(odd, "sample")));
        }
        if damaged > 0 {
            let fault = &self.counts.last_fault;
            self.notes.push(format!("{} left out: {fault}", many(damaged, "damaged packet")));
        }
        let promised = self.facts.duration.filter(|promised| seconds < promised * 0.99 - 0.1);
        match (reason, promised) {
            (Some(reason), _) if reason.starts_with("longer") => {
                self.notes.push(format!("{reason}: the rest was left out"));
            }
            (Some(reason), _) => self.notes.push(format!("cut off after {}: {reason}", span(seconds))),
            (None, Some(promised)) if bytes.is_some() && self.facts.sample_rate > 0 => {
                self.notes.push(format!("ends after {}, its header says {}", span(seconds), span(promised)));
            }
            _ => {}
        }
        if let Some(bytes) = bytes.filter(|_| seconds > 0.0) {
            self.facts.bit_rate = Some((bytes as f64 * 8.0 / seconds).round() as u64);
        }
        Ok(false)
    }

    /// # Errors
    /// `Io` when the file itself failed.
    fn unreadable(&self) -> Result<()> {
        match &*self.failure.lock() {
            Some(why) => Err(Error::new(ErrorKind::Io, format!("the file cannot be read: {why}"))),
            None => Ok(()),
        }
    }
}

/// # Errors
/// `InvalidInput` that names the limit.
fn check(facts: &SoundFacts, limits: &SoundLimits) -> Result<()> {
    let SoundFacts { sample_rate: rate, channels, .. } = *facts;
    if channels == 0 {
        return Err(Error::invalid("the sound has no channels"));
    }
    if channels > limits.channels {
        return Err(Error::invalid(format!("the sound has {channels} channels; the limit is {}", limits.channels)));
    }
    if !(LOWEST..=limits.rate).contains(&rate) {
        let message = format!("the sound has {rate} samples a second, which is not within {LOWEST} to {}", limits.rate);
        return Err(Error::invalid(message));
    }
    Ok(())
}

/// Samples a second below which nothing is a sound.
const LOWEST: u32 = 100;

/// Whether this is no number that a sample can be.
fn is_odd(sample: &f32) -> bool {
    sample.is_nan() || sample.abs() > LARGEST
}

fn frames(seconds: f64, rate: u32) -> u64 {
    (seconds * f64::from(rate)).round() as u64
}

/// The place of a packet's first moment that is decoded, at this rate.
fn place(packet: &Packet, time_base: Option<TimeBase>, rate: u32) -> i64 {
    let ticks = packet.pts.get().saturating_add_unsigned(packet.trim_start.get());
    let Some(base) = time_base.filter(|_| rate > 0) else { return ticks.min(0) };
    (ticks as f64 * f64::from(base.numer.get()) * f64::from(rate) / f64::from(base.denom.get())).round() as i64
}

/// Makes another number of channels of a block: each is the mean of all.
fn remix(block: &mut Vec<f32>, channels: usize, width: usize) {
    let mean = |moment: &[f32]| moment.iter().sum::<f32>() / channels as f32;
    *block = block.chunks_exact(channels.max(1)).flat_map(|moment| std::iter::repeat_n(mean(moment), width)).collect();
}
