//! An index as bytes: what cannot be had from elsewhere, in one go from beginning to end.
//!
//! | part | what |
//! |---|---|
//! | header | [`MAGIC`], version, name of the codec, how the index was built, number of rows, where searches begin, landmarks, the codec |
//! | | CRC-32 of the header |
//! | for every 16,384 rows | their keys; the length of their links, and these: of each row its level, and of each level from the lowest up the number of links and the links; their components |
//! | | CRC-32 of all before |
//!
//! Numbers are little-endian. Codes are not in it: making them is as quick as reading them. Whoever reads trusts nothing:
//! memory is asked for as bytes arrive, and every link leads to a row.

use std::io::{Read, Write};

use crate::chunked::BLOCK;
use crate::codec::{Codec, Coding};
use crate::error::{Error, Result};
use crate::index::{Config, Index, MAX_DIM, Training};
use crate::landmarks::MOST;
use crate::line::{FloatLine, components, fill};
use crate::links::{KEEP, MAX_ROWS, TOP, slot_of};
use crate::metric::Metric;
use crate::view::View;

/// What the bytes begin with. The end of a line of DOS, and the end of its files, show what was copied as text.
const MAGIC: &[u8; 16] = b"bootcamp hnsw\r\n\x1a";
/// Of the format. Any change makes another.
pub const VERSION: u32 = 1;
/// Bytes of a codec's name.
const NAME: usize = 8;
/// Numbers of the header that are u32.
const NUMBERS: usize = 11;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// How many bytes.
    pub bytes: u64,
    /// The CRC-32 of all bytes but the last four, which are it.
    pub crc: u32,
}

fn name(codec: &Codec) -> &'static str {
    if codec.is_bytes { "u8" } else { "f32" }
}

fn coding_number(coding: Coding) -> u32 {
    match coding {
        Coding::Auto => 0,
        Coding::Bytes => 1,
        Coding::Floats => 2,
    }
}

impl Index {
    /// Writes the index as it is. Who adds rows waits; searches do not.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, out: impl Write) -> Result<Written> {
        let training = self.writer();
        let view = self.view();
        let mut out = Output { out, hasher: crc32fast::Hasher::new(), bytes: 0 };
        out.put(&self.header(&view, &training))?;
        let mut part = Vec::new();
        for first in (0..view.len).step_by(BLOCK) {
            let slots = first..view.len.min(first + BLOCK as u32);
            part.clear();
            slots.clone().for_each(|slot| part.extend(view.key(slot).to_le_bytes()));
            out.put(&part)?;
            part.clear();
            slots.clone().for_each(|slot| put_links(&view, slot, &mut part));
            out.put(&(part.len() as u32).to_le_bytes())?;
            out.put(&part)?;
            part.clear();
            let rows = slots.flat_map(|slot| components(view.rows.row(slot), view.dim));
            rows.for_each(|component| part.extend(component.to_le_bytes()));
            out.put(&part)?;
        }
        let crc = out.hasher.clone().finalize();
        out.put(&crc.to_le_bytes())?;
        out.out.flush()?;
        Ok(Written { bytes: out.bytes, crc })
    }

    fn header(&self, view: &View, training: &Training) -> Vec<u8> {
        let (config, codec) = (&self.config, &view.codec);
        let (level, entry) = self.builder.entry().unwrap_or_default();
        let mut header = MAGIC.to_vec();
        header.extend(VERSION.to_le_bytes());
        let mut padded = [0; NAME];
        padded.iter_mut().zip(name(codec).bytes()).for_each(|(place, byte)| *place = byte);
        header.extend(padded);
        let landmarks: Vec<u32> = self.builder.landmarks.slots().collect();
        let numbers: [u32; NUMBERS] = [
            config.metric.number(),
            config.dim as u32,
            config.m as u32,
            config.ef_construction as u32,
            coding_number(config.coding),
            view.len,
            entry,
            level as u32,
            training.trained_on,
            training.misfits.to_bits(),
            landmarks.len() as u32,
        ];
        header.extend(numbers.iter().chain(&landmarks).flat_map(|number| number.to_le_bytes()));
        let floats = [codec.gain, codec.scale, codec.misfit];
        header.extend(floats.iter().chain(&codec.offsets).flat_map(|float| float.to_le_bytes()));
        header.extend(crc32fast::hash(&header).to_le_bytes());
        header
    }

    /// Reads an index back, to search it with this processor's instructions or only with such as every processor has.
    ///
    /// # Errors
    /// [`Error::NotAnIndex`], [`Error::Version`], [`Error::Codec`], [`Error::Truncated`], [`Error::Corrupt`], [`Error::Io`].
    /// What comes after the index is not read.
    pub fn read(input: impl Read, portable: bool) -> Result<Self> {
        let mut input = Input { input, hasher: crc32fast::Hasher::new(), buffer: Vec::new() };
        let Header { config, codec, training, rows, entry, level, landmarks } = Header::read(&mut input, portable)?;
        let mut view = View::new(config.metric, config.dim, config.m);
        view.codec = codec.into();
        for first in (0..rows).step_by(BLOCK) {
            input.rows(&mut view, rows, (rows - first).min(BLOCK as u32) as usize)?;
        }
        let crc = input.hasher.clone().finalize();
        if input.u32()? != crc {
            return Err(Error::Corrupt("its checksum is another"));
        }
        let index = Self::of(config, view, training);
        let view = index.view();
        if rows > 0 {
            if entry >= rows || view.links.level(entry) != level {
                return Err(Error::Corrupt("searches would begin at no node"));
            }
            index.builder.set_entry(level, entry);
            index.builder.landmarks.set(&landmarks);
        }
        Ok(index)
    }
}

/// A row's level, and of each level its links.
fn put_links(view: &View, slot: u32, out: &mut Vec<u8>) {
    let level = view.links.level(slot);
    out.push(level as u8);
    for level in 0..=level {
        let links: Vec<u32> = view.links.list(slot, level).iter().collect();
        out.extend((links.len() as u16).to_le_bytes());
        out.extend(links.iter().flat_map(|link| link.to_le_bytes()));
    }
}

struct Output<W> {
    out: W,
    hasher: crc32fast::Hasher,
    bytes: u64,
}

impl<W: Write> Output<W> {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(self.out.write_all(bytes)?)
    }
}

/// What an index's bytes begin with.
struct Header {
    config: Config,
    codec: Codec,
    training: Training,
    rows: u32,
    entry: u32,
    level: usize,
    landmarks: Vec<u32>,
}

impl Header {
    fn read(input: &mut Input<impl Read>, portable: bool) -> Result<Self> {
        if input.take(MAGIC.len())? != MAGIC {
            return Err(Error::NotAnIndex);
        }
        let found = input.u32()?;
        if found != VERSION {
            return Err(Error::Version { found, expected: VERSION });
        }
        let name = String::from_utf8_lossy(input.take(NAME)?).trim_end_matches('\0').to_owned();
        let is_bytes = name == "u8";
        if !is_bytes && name != "f32" {
            return Err(Error::Codec(name));
        }
        let mut numbers = [0; NUMBERS];
        for number in &mut numbers {
            *number = input.u32()?;
        }
        let [metric, dim, m, ef_construction, coding, rows, entry, level, trained_on, misfits, marks] = numbers;
        if dim as usize > MAX_DIM || rows as usize > MAX_ROWS || level as usize > TOP || marks as usize > MOST {
            return Err(Error::Corrupt("its header has impossible numbers"));
        }
        let mut landmarks = vec![0; marks as usize];
        for landmark in &mut landmarks {
            *landmark = input.u32()?;
        }
        if !landmarks.iter().all(|landmark| *landmark < rows) {
            return Err(Error::Corrupt("it has a landmark that is no row"));
        }
        let [gain, scale, misfit] = [input.f32()?, input.f32()?, input.f32()?];
        let mut offsets = vec![0.0; if is_bytes { dim as usize } else { 0 }];
        for offset in &mut offsets {
            *offset = input.f32()?;
        }
        let crc = input.hasher.clone().finalize();
        if input.u32()? != crc {
            return Err(Error::Corrupt("its header's checksum is another"));
        }
        let metric = Metric::of_number(metric).ok_or(Error::Corrupt("its metric is unknown"))?;
        let codings = [Coding::Auto, Coding::Bytes, Coding::Floats];
        let coding = codings.into_iter().find(|known| coding_number(*known) == coding);
        let coding = coding.ok_or(Error::Corrupt("its coding is unknown"))?;
        let (dim, m, ef_construction) = (dim as usize, m as usize, ef_construction as usize);
        let config = Config { dim, metric, m, ef_construction, coding, portable };
        config.check().map_err(|_| Error::Corrupt("its header has impossible numbers"))?;
        let codec = Codec { is_bytes, is_dot: metric.is_inner_product(), gain, scale, offsets, misfit };
        let training = Training { trained_on, misfits: f32::from_bits(misfits), suspects: Vec::new() };
        Ok(Self { config, codec, training, rows, entry, level: level as usize, landmarks })
    }
}

struct Input<R> {
    input: R,
    hasher: crc32fast::Hasher,
    buffer: Vec<u8>,
}

impl<R: Read> Input<R> {
    /// The next bytes, all of them; the buffer grows no faster than they arrive.
    fn take(&mut self, len: usize) -> Result<&[u8]> {
        self.buffer.clear();
        (&mut self.input).take(len as u64).read_to_end(&mut self.buffer)?;
        if self.buffer.len() < len {
            return Err(Error::Truncated);
        }
        self.hasher.update(&self.buffer);
        Ok(&self.buffer)
    }

    fn u32(&mut self) -> Result<u32> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn f32(&mut self) -> Result<f32> {
        Ok(f32::from_bits(self.u32()?))
    }

    /// Reads the next `count` rows, of `rows` in all.
    fn rows(&mut self, view: &mut View, rows: u32, count: usize) -> Result<()> {
        let keys: Vec<u64> =
            self.take(count * 8)?.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        let before = view.len.checked_sub(1).map(|last| view.key(last));
        if !before.iter().chain(&keys).is_sorted_by(|a, b| a < b) {
            return Err(Error::Corrupt("its keys do not ascend"));
        }
        let links = self.u32()? as usize;
        let links = self.take(links)?.to_vec();
        let (dim, width) = (view.dim, view.rows.width());
        let bytes = self.take(count * dim * 4)?;
        let mut lines = vec![FloatLine::ZERO; count * width];
        for (lines, row) in lines.chunks_exact_mut(width).zip(bytes.chunks_exact(dim * 4)) {
            fill(lines, row.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        }
        let first = view.len;
        view.push(&keys, &lines);
        view.encode_from(first, &mut Vec::new());
        let mut links = links.as_slice();
        (first..view.len).try_for_each(|slot| take_links(&mut links, view, slot, rows))?;
        if links.is_empty() { Ok(()) } else { Err(Error::Corrupt("it has links of no row")) }
    }
}

/// Takes a row's links from the bytes.
fn take_links(bytes: &mut &[u8], view: &View, slot: u32, rows: u32) -> Result<()> {
    let wrong = || Error::Corrupt("a row's links are not what was written");
    let level = usize::from(*bytes.split_off_first().ok_or_else(wrong)?);
    if level > TOP {
        return Err(wrong());
    }
    view.links.raise(slot, level);
    for level in 0..=level {
        let (count, rest) = bytes.split_first_chunk().ok_or_else(wrong)?;
        let count = usize::from(u16::from_le_bytes(*count));
        let (links, rest) = rest.split_at_checked(count * 4).ok_or_else(wrong)?;
        *bytes = rest;
        if count > view.links.capacity(level) {
            return Err(wrong());
        }
        let list = view.links.list(slot, level);
        for (at, link) in links.as_chunks().0.iter().enumerate() {
            let link = u32::from_le_bytes(*link);
            if slot_of(link) >= rows || level > 0 && link & KEEP != 0 {
                return Err(wrong());
            }
            list.set(at, link);
        }
    }
    Ok(())
}
