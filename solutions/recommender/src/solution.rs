//! The solution: what an import and a search of a recommender do, and what people see of an item.

use async_trait::async_trait;
use bootcamp_core::{CollectionSpec, ErrorKind, Fields, Result};
use bootcamp_kit::ingest::Import;
use bootcamp_kit::source::{Places, Sources};
use bootcamp_kit::{
    Answer, Card, Context, Laps, Look, OptionValue, Options, Preview, ProgramOption, Report, SearchQuery, Solution,
};
use serde_json::{Value, json};

use crate::recommend::{Found, recommend, similar};
use crate::registry::Registry;
use crate::serving::Serving;
use crate::wish::{USER, Wish};
use crate::{collections, import, training};

/// Options of a search.
pub const OPTIONS: &[ProgramOption] = &[
    ProgramOption::new(
        "mode",
        "BOOTCAMP_MODE",
        "Find what somebody with this taste would want next, or items that are like the given ones",
        OptionValue::OneOf(&["recommend", "similar"]),
    ),
    ProgramOption::new("seen", "BOOTCAMP_SEEN", "Also what the user has rated already", OptionValue::Switch)
        .only_with("mode", &["recommend"]),
    ProgramOption::new(
        "diversity",
        "BOOTCAMP_DIVERSITY",
        "How much items of the list shall differ from each other, 0 to 1 [default: 0]",
        OptionValue::Number { least: 0.0, most: 1.0 },
    )
    .only_with("mode", &["recommend"]),
    ProgramOption::new(
        "novelty",
        "BOOTCAMP_NOVELTY",
        "How much items that few people have rated are preferred, 0 to 1 [default: 0]",
        OptionValue::Number { least: 0.0, most: 1.0 },
    )
    .only_with("mode", &["recommend"]),
    ProgramOption::new(
        "explain",
        "BOOTCAMP_EXPLAIN",
        "Say which of the user's items speak for each hit, and what they add to its score",
        OptionValue::Switch,
    )
    .only_with("mode", &["recommend"]),
];

/// A recommender on one catalogue.
#[derive(Debug)]
pub struct Recommender {
    context: Context,
    serving: Serving,
}

impl Recommender {
    pub fn new(context: Context) -> Self {
        Self { context, serving: Serving::default() }
    }

    pub fn serving(&self) -> &Serving {
        &self.serving
    }

    /// Items that fit the query, with reasons.
    ///
    /// # Errors
    /// As [`recommend`].
    pub async fn find(&self, query: &SearchQuery) -> Result<Found> {
        let wish = Wish::of(&self.context, query).await?;
        match query.options.get("mode") {
            Some("similar") => similar(&self.context, &self.serving, query, &wish).await,
            _ => recommend(&self.context, &self.serving, query, &wish).await,
        }
    }

    /// The first import is of no use without a model, so it trains one.
    async fn train_first(&self, report: &Report, import: &Watched) -> Result<()> {
        let is_wanted = !import.options.is_on("no-train") && !report.interrupted;
        if !is_wanted || Registry::new(&self.context).pointer().await?.current.is_some() {
            return Ok(());
        }
        import.watch.say("training");
        // Of its own, because its progress is in epochs.
        let watch = bootcamp_kit::Watch::default();
        let (stop, cancelled) = (watch.clone(), import.watch.cancelled());
        let stopping = tokio::spawn(async move {
            cancelled.await;
            stop.cancel();
        });
        let trained = training::train(self.context.clone(), Options::default(), watch).await;
        stopping.abort();
        match trained {
            // Facts alone are not to be learned from; and who stops an import does not ask for a model.
            Err(error) if error.kind() == ErrorKind::NotFound || import.watch.is_cancelled() => Ok(()),
            other => other.map(drop),
        }
    }
}

/// What is left of an import that has been used.
struct Watched {
    options: Options,
    watch: bootcamp_kit::Watch,
}

#[async_trait]
impl Solution for Recommender {
    fn context(&self) -> &Context {
        &self.context
    }

    fn collection(&self) -> CollectionSpec {
        collections::catalogue(&self.context)
    }

    async fn collections(&self) -> Result<Vec<String>> {
        let mut names = vec![self.context.collection.clone()];
        names.extend(Registry::new(&self.context).collections().await?);
        Ok(names)
    }

    fn discover(&self, places: &Places) -> Result<Sources> {
        import::discover(places)
    }

    /// Tables of ratings and facts; the first ratings also train the first model.
    async fn import(&self, import: Import) -> Result<Report> {
        let watched = Watched { options: import.options.clone(), watch: import.watch.clone() };
        let report = import::import(&self.context, import).await?;
        self.train_first(&report, &watched).await?;
        Ok(watched.watch.report())
    }

    /// Items for a user, for a newcomer who likes some items, or similar ones.
    async fn search(&self, query: &SearchQuery) -> Result<Answer> {
        let mut laps = Laps::start();
        let Found { hits, reasons, notes } = self.find(query).await?;
        let details = reasons
            .iter()
            .map(|reasons| {
                let because: Vec<Value> = reasons.iter().map(crate::recommend::Reason::json).collect();
                Fields::from_iter([("because".to_owned(), json!(because))])
            })
            .collect();
        Ok(Answer { hits, details, notes, search_ms: laps.lap(), ..Answer::default() })
    }

    fn present(&self, fields: &Fields) -> Card {
        let title = fields.get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
        let genres: Vec<&str> =
            fields.get("genres").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let year = fields.get("year").and_then(Value::as_i64).map(|year| year.to_string());
        let caption = year.into_iter().chain(Some(genres.join(", ")).filter(|text| !text.is_empty()));
        let caption: Vec<String> = caption.collect();
        Card {
            title,
            caption: Some(caption.join(" · ")).filter(|text| !text.is_empty()),
            label: genres.first().map(|genre| (*genre).to_owned()),
        }
    }

    /// Facts, which the page has already.
    fn look(&self, _: &Fields, _: &[usize]) -> Result<Look> {
        Ok(Look::Nothing)
    }

    fn preview(&self, words: &str, _: &Options) -> Result<Preview> {
        let note = match words.trim().strip_prefix(USER) {
            Some(user) => format!("the user '{}'", user.trim()),
            None => format!("the item called '{}'", words.trim()),
        };
        Ok(Preview { note, drawing: None })
    }

    /// The model's small parts.
    async fn warm_up(&self) -> Result<()> {
        match self.serving.model(&self.context).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map(drop),
        }
    }
}
