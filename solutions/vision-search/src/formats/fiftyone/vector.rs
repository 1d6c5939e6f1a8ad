//! Embeddings in documents: a NumPy file, compressed with zlib.

use std::io::{self, Cursor, Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use npyz::{NpyFile, WriterBuilder};

/// Bytes of the largest array that is unpacked: a vector has at most a few thousand numbers.
const MAX_BYTES: u64 = 16 << 20;

/// The numbers of a vector, or why it is none.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<f32>, &'static str> {
    let mut unpacked = Vec::new();
    let read = ZlibDecoder::new(bytes).take(MAX_BYTES + 1).read_to_end(&mut unpacked);
    if read.is_err() || unpacked.len() as u64 > MAX_BYTES {
        return Err("damaged arrays");
    }
    let array = NpyFile::new(&unpacked[..]).map_err(|_| "damaged arrays")?;
    // The header may promise more than there is, for which nothing should be allocated.
    if array.len() > unpacked.len() as u64 {
        return Err("damaged arrays");
    }
    if array.shape().len() != 1 || array.shape()[0] == 0 {
        return Err("arrays that are no vectors");
    }
    let vector = numbers(array).ok_or("arrays of other than numbers")?.map_err(|_| "damaged arrays")?;
    if !vector.iter().all(|number| number.is_finite()) {
        return Err("vectors with numbers that are not finite");
    }
    Ok(vector)
}

/// Numbers of any width as `f32`; nothing for what are no numbers.
fn numbers(array: NpyFile<&[u8]>) -> Option<io::Result<Vec<f32>>> {
    let array = match array.try_data::<f32>() {
        Ok(data) => return Some(data.collect()),
        Err(array) => array,
    };
    let array = match array.try_data::<f64>() {
        Ok(data) => return Some(data.map(|number| number.map(|number| number as f32)).collect()),
        Err(array) => array,
    };
    let data = array.try_data::<i64>().ok()?;
    Some(data.map(|number| number.map(|number| number as f32)).collect())
}

/// # Errors
/// None that is known of: nothing is written but memory.
pub(super) fn encode(vector: &[f32]) -> io::Result<Vec<u8>> {
    let mut array = Cursor::new(Vec::new());
    let shape = [vector.len() as u64];
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(&mut array).begin_nd()?;
    writer.extend(vector.iter().copied())?;
    writer.finish()?;
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(array.get_ref())?;
    packed.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(array: &[u8]) -> Vec<u8> {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(array).unwrap();
        packed.finish().unwrap()
    }

    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let mut array = b"\x93NUMPY\x01\x00".to_vec();
        array.extend((header.len() as u16).to_le_bytes());
        array.extend(header.as_bytes());
        array.extend(data);
        packed(&array)
    }

    #[test]
    fn arrays_of_other_kinds_are_told_apart() {
        let header =
            |dtype: &str, shape: &str| format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let doubles: Vec<u8> = [1.5_f64, -2.0].iter().flat_map(|number| number.to_le_bytes()).collect();
        assert_eq!(decode(&npy(&header("<f8", "(2,)"), &doubles)), Ok(vec![1.5, -2.0]));
        let big = [3_i64.to_be_bytes()].concat();
        assert_eq!(decode(&npy(&header(">i8", "(1,)"), &big)), Ok(vec![3.0]));
        for (array, reason) in [
            (npy(&header("<f8", "(1, 2)"), &doubles), "arrays that are no vectors"),
            (npy(&header("<f8", "()"), &doubles), "arrays that are no vectors"),
            (npy(&header("<f8", "(0,)"), &[]), "arrays that are no vectors"),
            (npy(&header("<f8", "(3,)"), &doubles), "damaged arrays"),
            (npy(&header("<f8", "(999999999999,)"), &doubles), "damaged arrays"),
            (npy(&header("<U2", "(2,)"), &doubles), "arrays of other than numbers"),
            (npy(&header("<f8", "(1,)"), &f64::NAN.to_le_bytes()), "vectors with numbers that are not finite"),
            (npy(&header("<f8", "(1,)"), &1e300_f64.to_le_bytes()), "vectors with numbers that are not finite"),
            (packed(b"no array"), "damaged arrays"),
            (packed(&vec![0; 17 << 20]), "damaged arrays"),
            (b"not packed".to_vec(), "damaged arrays"),
        ] {
            assert_eq!(decode(&array), Err(reason));
        }
    }

    proptest! {
        #[test]
        fn vectors_come_back(vector in proptest::collection::vec(-1e30_f32..1e30, 1..64)) {
            prop_assert_eq!(decode(&encode(&vector).unwrap()), Ok(vector));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
            let _ = decode(&packed(&bytes));
            let _ = decode(&packed(&[b"\x93NUMPY\x01\x00", &bytes[..]].concat()));
        }
    }
}
