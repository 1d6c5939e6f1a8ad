//! The fields of an item beside the kit's: what is known of the sound that it is a moment of.

use bootcamp_core::{Fields, ScalarField};
use serde_json::Value;

/// The outline of a sound, on its first item.
pub const PEAKS: &str = "_peaks";
/// The number of values in the fingerprint of a sound, on its first item: 0 where the sound is too short for one, and
/// missing where the store cannot keep fingerprints.
pub const FINGERPRINT: &str = "_fingerprint";
/// The SHA-256 of a sound's file.
pub const CONTENT_HASH: &str = "content_hash";

/// All of them. What may be missing: tags; bits and a bit rate, which not every format has; the loudness of silence; notes
/// on a file that is damaged.
pub fn all() -> Vec<ScalarField> {
    vec![
        ScalarField::string("label").nullable(),
        ScalarField::string("caption").nullable(),
        // In seconds, as it was heard.
        ScalarField::float("duration"),
        ScalarField::int("sample_rate"),
        ScalarField::int("channels"),
        ScalarField::string("container"),
        ScalarField::string("codec"),
        ScalarField::int("bits").nullable(),
        ScalarField::int("bit_rate").nullable(),
        ScalarField::string("title").nullable(),
        ScalarField::string("artist").nullable(),
        ScalarField::string("album").nullable(),
        ScalarField::int("year").nullable(),
        // Integrated, in LUFS (EBU R 128).
        ScalarField::float("loudness").nullable(),
        ScalarField::int("bytes"),
        ScalarField::string(CONTENT_HASH),
        ScalarField::string("notes").nullable().not_filterable(),
        // What else a table said of the sound: extra["mood"] == "dark".
        ScalarField::json("extra").nullable(),
        ScalarField::string(PEAKS).nullable().not_filterable(),
        ScalarField::int(FINGERPRINT).nullable(),
    ]
}

/// A field that is a text.
pub fn text<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str)
}

/// A field that is a number.
pub fn number(fields: &Fields, name: &str) -> Option<f64> {
    fields.get(name).and_then(Value::as_f64)
}
