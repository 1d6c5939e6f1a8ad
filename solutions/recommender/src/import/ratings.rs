//! A table of ratings as bundles, one or more for each user: grouped in memory, where a rating takes 24 bytes.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bootcamp_core::{Error, Fields, MAX_JSON, Result, Vector};
use bootcamp_kit::Watch;
use bootcamp_kit::ingest::{Item, Items, Pipeline};
use bootcamp_kit::source::{Skip, Source};

use crate::collections;
use crate::tables::{self, Layout, RatingRow};
use crate::truth::events::{Event, MAX_BUNDLE, pack};

/// Bytes of a bundle with more ratings of one item than a field can hold: there it is cut all the same.
const MOST: usize = MAX_JSON - 2048;
/// Rows after which progress is told and a stop is obeyed.
const PACE: usize = 100_000;

/// How the tables of ratings are read, and which items they rate.
pub struct Bundles {
    /// By the names of the files.
    layouts: HashMap<String, Layout>,
    watch: Watch,
    met: Arc<Mutex<BTreeSet<String>>>,
}

/// Names with numbers, in the order in which they came.
#[derive(Default)]
struct Names {
    numbers: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let (number, name): (u32, Arc<str>) = (self.names.len() as u32, name.into());
        self.numbers.insert(Arc::clone(&name), number);
        self.names.push(name);
        number
    }
}

/// A row, by numbers. Rows are sorted by user and item, and keep the order of their lines otherwise.
struct Numbered {
    user: u32,
    item: u32,
    value: f32,
    time: Option<i64>,
}

impl Bundles {
    pub fn new(tables: &[(Source, Layout)], watch: Watch) -> Self {
        let layouts = tables.iter().map(|(source, layout)| (source.name.clone(), layout.clone())).collect();
        Self { layouts, watch, met: Arc::default() }
    }

    /// The items that are rated, gathered while tables are read.
    pub fn met(&self) -> Arc<Mutex<BTreeSet<String>>> {
        Arc::clone(&self.met)
    }

    fn read(&self, source: &Source) -> Result<(Vec<Numbered>, Names, Names)> {
        let layout = self.layouts.get(&source.name).ok_or_else(|| Error::invalid("it was found only now"))?;
        let (mut rows, mut users, mut items) = (Vec::new(), Names::default(), Names::default());
        let table = tables::ratings(&source.name, &source.content, layout, self.watch.notes())?;
        for (count, (line, row)) in table.enumerate() {
            if count % PACE == PACE - 1 {
                self.watch.say(format!("{} rows", count + 1));
                if self.watch.is_cancelled() {
                    return Err(Error::invalid("the import was stopped"));
                }
            }
            match row {
                Ok(RatingRow { user, item, value, time }) => {
                    rows.push(Numbered { user: users.number(&user), item: items.number(&item), value, time });
                }
                Err(error) => self.watch.skip(Skip::new(format!("{}:{line}", source.name), &error)),
            }
        }
        if rows.is_empty() {
            self.watch.notes().empty(&source.name);
            return Err(Error::invalid("it has no ratings"));
        }
        rows.sort_by_key(|row| (row.user, row.item));
        Ok((rows, users, items))
    }
}

#[async_trait]
impl Pipeline for Bundles {
    type Input = ();

    const BATCH: usize = 256;

    fn decode<'a>(&'a self, source: &'a Source) -> Result<Items<'a, ()>> {
        let (rows, users, items) = self.read(source)?;
        self.met.lock().unwrap_or_else(PoisonError::into_inner).extend(items.names.iter().map(|name| name.to_string()));
        let mut at = 0;
        Ok(Box::new(std::iter::from_fn(move || {
            let user = rows.get(at)?.user;
            let (mut events, mut size) = (Vec::new(), 0);
            while let Some(row) = rows.get(at).filter(|row| row.user == user) {
                let item = &items.names[row.item as usize];
                let event = Event { item: item.to_string(), value: row.value, time: row.time };
                // Ratings of one item stay together, so that their order is that of their lines.
                let is_same = at > 0 && rows[at - 1].user == user && rows[at - 1].item == row.item;
                let larger = size + event.size();
                if !events.is_empty() && larger > if is_same { MOST } else { MAX_BUNDLE } {
                    break;
                }
                size += event.size();
                events.push(event);
                at += 1;
            }
            let user = users.names[user as usize].to_string();
            let fields = Fields::from_iter([("user".to_owned(), user.into()), ("events".to_owned(), pack(&events))]);
            Some(Ok(Item { fields, thumbnail: None, span: None, input: () }))
        })))
    }

    async fn encode(&self, inputs: Vec<()>) -> Result<Vec<Vector>> {
        Ok(inputs.iter().map(|()| collections::unused().into()).collect())
    }
}
