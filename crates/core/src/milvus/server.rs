//! A server's kind, version and capabilities: the small adapter between versions.

use crate::filter::Dialect;
use crate::schema::{CollectionSpec, IndexKind, VectorKind};
use crate::store::ServerKind;
use crate::{Error, ErrorKind, Result};

/// A server's kind and version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) kind: ServerKind,
    /// As the server says it, without the leading `v`.
    pub(super) version: String,
    /// Major and minor; (0, 0) when the version is not a number.
    release: (u32, u32),
    /// PyPI's build of the whole server: it takes DISKANN and fails to build it, again and again.
    is_embedded: bool,
}

impl Server {
    /// Reads a version such as `v2.3.5`, `2.6.1-gpu` or `milvus-lite-3.2.2`.
    pub(super) fn new(version: &str) -> Self {
        let lower = version.to_ascii_lowercase();
        // 2.3's own build inside a Python package calls itself "lite" as well, but is the whole server.
        let kind = if lower.contains("milvus-lite") || lower.contains("milvus_lite") {
            ServerKind::MilvusLite
        } else {
            ServerKind::Milvus
        };
        let version = version.trim_start_matches(|c: char| !c.is_ascii_digit());
        let is_embedded = kind == ServerKind::Milvus && version.ends_with("-lite");
        let version = version.trim_end_matches("-lite");
        let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
        let release = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        Self { kind, version: version.to_owned(), release, is_embedded }
    }

    /// `Milvus 2.3.5`.
    pub(super) fn name(&self) -> String {
        let kind = if self.kind == ServerKind::MilvusLite { "Milvus Lite" } else { "Milvus" };
        format!("{kind} {}", self.version)
    }

    fn at_least(&self, major: u32, minor: u32) -> bool {
        self.kind == ServerKind::MilvusLite || self.release >= (major, minor)
    }

    /// Whether a scalar field may be null. Elsewhere nullable fields live in the dynamic field, where a missing key is
    /// what null is.
    pub(super) fn has_nullable_fields(&self) -> bool {
        self.at_least(2, 5)
    }

    /// Whether a limited query answers with the smallest primary keys, in order. Lite answers with any.
    pub(super) fn pages_in_order(&self) -> bool {
        self.kind != ServerKind::MilvusLite
    }

    /// Whether a read in the same session sees a deletion at once. 2.3 does not say when it takes effect.
    pub(super) fn sessions_see_deletions(&self) -> bool {
        self.at_least(2, 4)
    }

    /// Whether the server's list of collections has their numbers, without which the client refuses it. Lite's has
    /// names alone.
    pub(super) fn lists_collections_in_full(&self) -> bool {
        self.kind != ServerKind::MilvusLite
    }

    /// Whether an index's parameters come as one JSON text: Lite passes over all others.
    pub(super) fn wants_nested_parameters(&self) -> bool {
        self.kind == ServerKind::MilvusLite
    }

    /// Whether scores of searches by words are negative: Lite hands on what sorts them.
    pub(super) fn negates_text_scores(&self) -> bool {
        self.kind == ServerKind::MilvusLite
    }

    /// Whether a collection can have full-text fields.
    pub(super) fn has_full_text(&self) -> bool {
        self.at_least(2, 5)
    }

    fn has_many_vectors(&self) -> bool {
        self.at_least(2, 4)
    }

    fn has_binary_vectors(&self) -> bool {
        self.kind != ServerKind::MilvusLite
    }

    /// Whether the server can build the index. Lite takes any name, fails after every flush, and scans.
    fn has_index(&self, index: IndexKind) -> bool {
        match index {
            IndexKind::DiskAnn => self.kind != ServerKind::MilvusLite && !self.is_embedded,
            IndexKind::IvfPq { .. } => self.kind != ServerKind::MilvusLite,
            _ => true,
        }
    }

    /// How filters are written for this server.
    pub(super) fn dialect(&self) -> Dialect {
        match self.kind {
            ServerKind::MilvusLite => Dialect::lite(self.name()),
            _ => Dialect::milvus(self.name(), self.release.0, self.release.1),
        }
    }

    /// The error for something this server cannot do; `what` begins a sentence.
    pub(super) fn unsupported(&self, what: &str) -> Error {
        Error::new(ErrorKind::Unsupported, format!("{what} not supported by this server ({})", self.name()))
    }

    /// Refuses schemas that this server cannot hold.
    pub(super) fn check(&self, spec: &CollectionSpec) -> Result<()> {
        if spec.vectors.len() > 1 && !self.has_many_vectors() {
            return Err(self
                .unsupported("several vector fields in one collection are")
                .with_hint("use one collection per vector field, or a server from 2.4 on"));
        }
        if spec.vectors.iter().any(|field| field.kind == VectorKind::Binary) && !self.has_binary_vectors() {
            return Err(self
                .unsupported("binary vectors are")
                .with_hint("use the local store or a Milvus standalone server"));
        }
        if let Some(field) = spec.vectors.iter().find(|field| !self.has_index(field.index)) {
            return Err(self
                .unsupported(&format!("index {} is", field.index.name()))
                .with_hint("AUTOINDEX, FLAT, HNSW, IVF_FLAT and IVF_SQ8 work on every server"));
        }
        if spec.scalars.iter().any(|field| field.full_text) && !self.has_full_text() {
            return Err(self
                .unsupported("full-text search is")
                .with_hint("use the local store, or a server from 2.5 on"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_servers_say_them() {
        let server = Server::new("v2.3.5-lite");
        assert_eq!((server.kind, server.release), (ServerKind::Milvus, (2, 3)));
        assert_eq!(server.name(), "Milvus 2.3.5");
        assert!(!server.has_nullable_fields() && !server.has_many_vectors());
        assert!(!server.has_index(IndexKind::DiskAnn) && Server::new("v2.3.5").has_index(IndexKind::DiskAnn));
        let server = Server::new("v2.10.0");
        assert!(server.has_nullable_fields() && server.has_many_vectors());
        assert_eq!(Server::new("milvus-lite-3.2.2").name(), "Milvus Lite 3.2.2");
        assert_eq!(Server::new("unknown").release, (0, 0));
    }

    #[test]
    fn what_is_missing_is_said_with_the_version() {
        let error = Server::new("v2.3.5").unsupported("full-text search is");
        assert_eq!(error.to_string(), "full-text search is not supported by this server (Milvus 2.3.5)");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
