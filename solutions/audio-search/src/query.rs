//! What a query sounds like: the embeddings of its windows.

use bootcamp_core::encoder::Frames;
use bootcamp_core::{Error, Filter, Id, Output, PageRequest, Result, Vector, scan};
use bootcamp_kit::{Content, Context, Example, SOURCE, SPAN as FIELDS, SearchQuery, Subject, combine, stored};
use futures::TryStreamExt;

use crate::fields::{number, text};
use crate::listen::{self, Part};
use crate::ranking::Window;
use crate::terms::Terms;

/// Windows of a query that are searched for, spread evenly over it.
const MAX_WINDOWS: usize = 64;
/// Items of a source read together.
const PAGE: usize = 1000;

/// The embeddings to search with.
#[derive(Debug, Default)]
pub struct Sought {
    pub vectors: Vec<Vec<f32>>,
    /// Of each vector.
    pub windows: Vec<Window>,
    /// Sounds that the query is of, which are no answer to it.
    pub own: Vec<String>,
    pub notes: Vec<String>,
}

/// The windows of one example: where each begins, and its embedding.
#[derive(Default)]
struct Heard {
    windows: Vec<(Option<f64>, Vec<f32>)>,
    own: Option<String>,
    notes: Vec<String>,
}

impl Sought {
    /// The windows of the positive examples, moved away from the mean of the negative ones.
    ///
    /// # Errors
    /// `InvalidInput` for what is no sound, or silent; `NotFound` for an item; `Unsupported` for words where the model takes
    /// none.
    pub async fn of(context: &Context, query: &SearchQuery, terms: &Terms) -> Result<Self> {
        let mut sought = Self::default();
        let negative = mean_of(context, &query.negative).await?;
        for (number, example) in query.positive.iter().enumerate() {
            let Heard { windows, own, notes } = windows(context, example, terms).await?;
            for (start, vector) in windows {
                sought.windows.push(Window { example: number, start });
                sought.vectors.push(match &negative {
                    None => vector,
                    Some(negative) => combine(context.metric, vec![vector], vec![negative.clone()]),
                });
            }
            sought.own.extend(own);
            sought.notes.extend(notes);
        }
        Ok(sought)
    }
}

/// The mean of all windows of some examples.
async fn mean_of(context: &Context, examples: &[Example]) -> Result<Option<Vec<f32>>> {
    let mut means = Vec::with_capacity(examples.len());
    for example in examples {
        let heard = windows(context, example, &Terms::default()).await?;
        means.push(combine(context.metric, heard.windows.into_iter().map(|(_, vector)| vector).collect(), Vec::new()));
    }
    Ok((!means.is_empty()).then(|| combine(context.metric, means, Vec::new())))
}

async fn windows(context: &Context, example: &Example, terms: &Terms) -> Result<Heard> {
    if example.region.is_some() {
        return Err(Error::invalid("a sound has no region").with_hint("name a part of it by 'from' and 'to'"));
    }
    match &example.subject {
        Subject::Words(words) => {
            let encoder = context.encoder().await?.clone();
            let text = context.compute(move || encoder.text().cloned()).await?;
            let vectors = text.embed(vec![text.prepare(words)?]).await?;
            Ok(Heard { windows: vectors.into_iter().map(|vector| (None, vector)).collect(), ..Heard::default() })
        }
        Subject::Id(id) => stored_windows(context, id, terms).await,
        Subject::File { name, content } => {
            file_windows(context, content.clone(), terms.part).await.map_err(|error| error.context(name))
        }
    }
}

/// The windows of a file in which something is to be heard.
async fn file_windows(context: &Context, content: Content, part: Part) -> Result<Heard> {
    let encoder = context.encoder().await?.sounds()?.clone();
    let preparing = encoder.clone();
    let (part, cut) = part.of_query();
    let (windows, ends) = context
        .compute(move || {
            let mut sound = listen::open(&content)?;
            let windows = listen::windows(&mut sound, part, &preparing)?;
            let ends = sound.read()?.is_none();
            Ok((windows, ends))
        })
        .await?;
    let audible: Vec<(f64, Frames)> =
        windows.into_iter().filter(|window| !window.silent).map(|window| (window.start, window.frames)).collect();
    if audible.is_empty() {
        return Err(Error::invalid("it is silent").with_hint("choose a part of it in which something is to be heard"));
    }
    let mut notes: Vec<String> = (cut && !ends).then(listen::too_long).into_iter().collect();
    let (starts, frames): (Vec<f64>, Vec<Frames>) = spread(audible, &mut notes).into_iter().unzip();
    let vectors = encoder.embed(frames).await?;
    Ok(Heard { windows: starts.into_iter().map(Some).zip(vectors).collect(), own: None, notes })
}

/// The stored windows: the item's own; all of its sound, or those in a part of it, where that is asked for.
async fn stored_windows(context: &Context, id: &Id, terms: &Terms) -> Result<Heard> {
    let output = Output::only([context.field.as_str(), SOURCE, FIELDS[0]]);
    let item = stored(context, id, &output).await?;
    let source = text(&item.fields, SOURCE).map(str::to_owned);
    let (records, notes) = match &source {
        Some(source) if terms.whole || terms.is_part() => {
            let Part { from, to } = terms.part;
            let mut filter = Filter::eq(SOURCE, source.as_str()).and(Filter::gt(FIELDS[1], from));
            if let Some(to) = to {
                filter = filter.and(Filter::lt(FIELDS[0], to));
            }
            let request = PageRequest { filter: Some(filter), after: None, limit: PAGE, output };
            let mut records: Vec<_> = scan(&*context.store, &context.collection, request).try_collect().await?;
            if records.is_empty() {
                return Err(listen::nothing(terms.part));
            }
            let start = |record: &bootcamp_core::Record| number(&record.fields, FIELDS[0]).unwrap_or_default();
            records.sort_by(|a, b| start(a).total_cmp(&start(b)));
            let mut notes = Vec::new();
            (spread(records, &mut notes), notes)
        }
        _ => (vec![item], Vec::new()),
    };
    let window = |mut record: bootcamp_core::Record| match record.vectors.remove(&context.field) {
        Some(Vector::F32(vector)) => Some((number(&record.fields, FIELDS[0]), vector)),
        _ => None,
    };
    Ok(Heard { windows: records.into_iter().filter_map(window).collect(), own: source, notes })
}

/// At most so many, evenly over all.
fn spread<T>(all: Vec<T>, notes: &mut Vec<String>) -> Vec<T> {
    let count = all.len();
    if count <= MAX_WINDOWS {
        return all;
    }
    notes.push(format!("the query has {count} windows, of which {MAX_WINDOWS} were searched for, evenly over it"));
    let mut chosen = (0..MAX_WINDOWS).map(|n| n * count / MAX_WINDOWS).peekable();
    all.into_iter().enumerate().filter(|(at, _)| chosen.next_if_eq(at).is_some()).map(|(_, one)| one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_queries_are_thinned_evenly() {
        let mut notes = Vec::new();
        assert_eq!(spread((0..64).collect(), &mut notes), (0..64).collect::<Vec<_>>());
        assert!(notes.is_empty());
        let thinned = spread((0..1000).collect::<Vec<_>>(), &mut notes);
        assert_eq!((thinned.len(), thinned[0], thinned[1], thinned[63]), (64, 0, 15, 984));
        assert_eq!(notes, ["the query has 1000 windows, of which 64 were searched for, evenly over it"]);
    }
}
