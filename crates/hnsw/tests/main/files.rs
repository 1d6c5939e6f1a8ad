//! Snapshots that are whole, and those that are not.

use bootcamp_hnsw::{Coding, Config, Error, Index, Metric, Search, VERSION};

use super::data::{Random, Rows};

fn written(config: Config, rows: &Rows) -> (Index, Vec<u8>) {
    let index = Index::new(config).unwrap();
    index.add(&rows.keys(), &rows.data, 1).unwrap();
    let mut bytes = Vec::new();
    let told = index.write(&mut bytes).unwrap();
    assert_eq!(told.bytes, bytes.len() as u64);
    assert_eq!(told.crc, u32::from_le_bytes(*bytes.last_chunk().unwrap()));
    (index, bytes)
}

/// The error of reading bytes.
fn error(bytes: &[u8]) -> Error {
    Index::read(bytes, false).map(|index| index.info()).unwrap_err()
}

#[test]
fn an_index_comes_back_as_it_was() {
    for (metric, coding, count) in [
        (Metric::L2, Coding::Auto, 20_000),
        (Metric::InnerProduct, Coding::Floats, 700),
        (Metric::Cosine, Coding::Auto, 0),
    ] {
        let rows = Rows::clustered(24, 20_000, 1);
        let rows = Rows { dim: 24, data: rows.data[..count * 24].to_vec() };
        let config = Config { m: 9, ef_construction: 33, coding, ..Config::new(24, metric) };
        let (index, mut bytes) = written(config.clone(), &rows);
        let len = bytes.len();
        // What follows is someone else's.
        bytes.extend([1, 2, 3]);
        let mut input = &bytes[..];
        let loaded = Index::read(&mut input, false).unwrap();
        assert_eq!(input, [1, 2, 3]);
        assert_eq!((loaded.config(), loaded.info()), (&config, index.info()));
        let mut again = Vec::new();
        loaded.write(&mut again).unwrap();
        assert!(again == bytes[..len]);
        for at in 0..rows.len().min(100) {
            let search = Search::nearest(10, 40);
            assert_eq!(index.search(rows.row(at), &search).unwrap(), loaded.search(rows.row(at), &search).unwrap());
        }
    }
}

#[test]
fn a_file_that_is_cut_off_is_told_so_wherever() {
    for coding in [Coding::Bytes, Coding::Floats] {
        let rows = Rows::clustered(70, 400, 2);
        let (_, bytes) = written(Config { coding, ..Config::new(70, Metric::L2) }, &rows);
        let mut random = Random(3);
        let anywhere = (0..300).map(|_| random.next() as usize % bytes.len());
        for len in (0..500).chain(anywhere).chain(bytes.len() - 9..bytes.len()) {
            assert!(matches!(error(&bytes[..len]), Error::Truncated), "cut at {len}: {}", error(&bytes[..len]));
        }
    }
}

#[test]
fn a_file_that_was_changed_anywhere_is_an_error_and_never_a_panic() {
    let rows = Rows::clustered(20, 300, 4);
    let (_, bytes) = written(Config { coding: Coding::Bytes, ..Config::new(20, Metric::L2) }, &rows);
    let mut random = Random(5);
    for round in 0..3000 {
        let mut damaged = bytes.clone();
        let at = if round < 400 { round } else { random.next() as usize % bytes.len() };
        damaged[at] ^= 1 << (random.next() % 8);
        let _ = error(&damaged);
        // The same with checksums that fit: nothing but what is read can tell.
        // One landmark for each of the first 32 rows, thinned out since.
        let landmarks = u32::from_le_bytes(*bytes[68..].first_chunk().unwrap()) as usize;
        let header = 16 + 4 + 8 + 11 * 4 + landmarks * 4 + 3 * 4 + 20 * 4;
        if at != header {
            let crc = crc32fast::hash(&damaged[..header]);
            damaged[header..header + 4].copy_from_slice(&crc.to_le_bytes());
            let end = damaged.len() - 4;
            let crc = crc32fast::hash(&damaged[..end]);
            damaged[end..].copy_from_slice(&crc.to_le_bytes());
            if let Ok(index) = Index::read(&damaged[..], false) {
                // A changed component or offset is just another row.
                let _ = index.search(rows.row(0), &Search::nearest(5, 20));
                let _ = index.unreachable();
            }
        }
    }
}

#[test]
fn files_of_others_of_other_versions_and_of_other_codecs_are_told_apart() {
    let rows = Rows::clustered(20, 300, 6);
    let (_, bytes) = written(Config { coding: Coding::Bytes, ..Config::new(20, Metric::L2) }, &rows);
    assert!(matches!(error(b"this is no index, but it is long enough"), Error::NotAnIndex));
    let mut newer = bytes.clone();
    newer[16] += 1;
    let told = error(&newer);
    assert!(matches!(told, Error::Version { found, expected: VERSION } if found == VERSION + 1), "{told}");
    let mut other = bytes;
    other[20..24].copy_from_slice(b"pq16");
    assert_eq!(error(&other).to_string(), "the index is coded as 'pq16', which this program does not know");
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is on fire"))
        }
    }
    let told = Index::read(Broken, false).map(|index| index.info()).unwrap_err();
    assert_eq!(told.to_string(), "the index cannot be read or written: the disk is on fire");
}

/// A header of a few bytes that tells of two billion rows.
#[test]
fn memory_is_asked_for_only_as_bytes_arrive() {
    let rows = Rows::clustered(20, 1, 7);
    let (_, mut bytes) = written(Config { coding: Coding::Floats, ..Config::new(20, Metric::L2) }, &rows);
    let header = 16 + 4 + 8 + 11 * 4 + 4 + 3 * 4;
    bytes[48..52].copy_from_slice(&0x7fff_fff0_u32.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..header]);
    bytes[header..header + 4].copy_from_slice(&crc.to_le_bytes());
    assert!(matches!(error(&bytes), Error::Truncated));
}
