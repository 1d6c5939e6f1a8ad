//! Names made from untrusted input: content hashes and safe file names.

use sha2::{Digest, Sha256};

/// Most letters of an uploaded file's name that are kept.
const MAX_FILE_NAME: usize = 100;

/// A SHA-256 in hex.
pub fn hex(bytes: &[u8]) -> String {
    digits(&Sha256::digest(bytes))
}

/// Bytes as hex digits.
pub(crate) fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The last part of a name, without characters that are special to a file system, a shell or a page.
pub(crate) fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = last.trim_start_matches('.').chars().map(plain).collect();
    let skip = name.chars().count().saturating_sub(MAX_FILE_NAME);
    let name: String = name.chars().skip(skip).collect();
    if name.is_empty() { "upload".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploaded_names_stay_names() {
        let cases = [
            ("cat.jpg", "cat.jpg"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\me\\Bild 1.png", "Bild_1.png"),
            ("..", "upload"),
            (".htaccess", "htaccess"),
            ("a\0b<script>.png", "a_b_script_.png"),
            ("Schöne Grüße.png", "Schöne_Grüße.png"),
        ];
        for (name, expected) in cases {
            assert_eq!(file_name(name), expected);
        }
        let long = file_name(&format!("{}.png", "x".repeat(500)));
        assert!(long.len() == MAX_FILE_NAME && long.ends_with(".png"), "{long}");
    }
}
