//! What people do on the page, in a real browser, against a real server.

mod import;
mod overview;
mod search;
mod trouble;

use std::path::Path;

use bootcamp_core::picture::{Limits, Picture};
use bootcamp_testkit::browser::Page;

use crate::program::Home;

const STAMPS: usize = 40;

/// The ids of the hits, nearest first.
const HITS: &str = "$$('#results [data-testid=hit]').map(({ dataset }) => dataset.id)";

fn imported() -> Home {
    let home = Home::new().with_stamps(STAMPS);
    assert_eq!(home.run(&["import", "stamps", "-q"]).code, Some(0));
    home
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

fn read(path: &Path) -> Picture {
    Picture::read(path, &Limits::default()).unwrap()
}

async fn wait_count(page: &Page, count: usize) {
    page.wait(&format!("$('#count').textContent === '{count} pictures'")).await;
}

async fn wait_hits(page: &Page, count: usize) {
    page.wait(&format!("{HITS}.length === {count}")).await;
}
