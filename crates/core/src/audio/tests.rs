//! Sounds of every kind, good and bad.
