//! Searching: by files, parts, items, and with everything that narrows an answer.

use std::collections::HashMap;
use std::path::PathBuf;

use bootcamp_testkit::browser::Page;
use bootcamp_testkit::program::Server;
use fantoccini::key::Key;
use serde_json::Value;

use super::{HITS, STAMPS, imported, name, wait_count, wait_hits};
use crate::program::Home;

/// The ids of what is stored, by path.
fn ids(home: &Home) -> HashMap<PathBuf, String> {
    let listed = home.run(&["list", "--limit", "0", "--json"]).out;
    let items = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    items.map(|item| (item["fields"]["path"].as_str().unwrap().into(), item["id"].as_str().unwrap().into())).collect()
}

async fn wait_first(page: &Page, id: &str) {
    page.wait(&format!("{HITS}[0] === '{id}'")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn searching() {
    let home = imported();
    let ids = ids(&home);
    let stamps: Vec<PathBuf> = home.stamps().iter().map(|path| path.canonicalize().unwrap()).collect();
    let server = Server::start(&home, &[]);
    let page = Page::open(&server.address).await;
    wait_count(&page, STAMPS).await;
    page.wait("$shown('#welcome') && $$('#welcome-items [data-testid=item]').length === 24").await;

    // An edited copy finds its original.
    page.choose("#query-file", &[&home.edited(&stamps[8])]).await;
    wait_first(&page, &ids[&stamps[8]]).await;
    page.wait(r"/^24 of 40 in \d+ ms \(encode \d+ ms, search \d+ ms\)$/.test($('#status').textContent)").await;
    let scores = page.eval("$$('#results [data-testid=hit]').map(({ dataset }) => Number(dataset.score))").await;
    let scores: Vec<f64> = scores.as_array().unwrap().iter().map(|score| score.as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    page.wait("$$('#results img').slice(0, 4).every((picture) => picture.naturalWidth > 0)").await;
    page.fits_and_is_named("an answer").await;

    page.write("#min-score", &f64::midpoint(scores[0], scores[1]).to_string()).await;
    wait_hits(&page, 1).await;
    page.write("#min-score", "1.1").await;
    page.wait_text("#status", "No results match").await;
    page.write("#min-score", "").await;
    wait_hits(&page, 24).await;
    page.write("#k-number", "5").await;
    wait_hits(&page, 5).await;
    page.keys("#k", &Key::Right).await;
    wait_hits(&page, 6).await;

    let label = name(stamps[8].parent().unwrap());
    page.write("#filter", &format!("label == \"{label}\"")).await;
    let labels = "$$('#results .card-label').map(({ textContent }) => textContent)";
    page.wait(&format!("{labels}.length > 0 && {labels}.every((label) => label === '{label}')")).await;
    let before = page.list(HITS).await;
    // Whatever part of this is there when the page asks, it is no filter.
    page.keys("#filter", " and labl == \"food\"").await;
    page.wait_text("#filter-error", "labl").await;
    page.wait("$shown('#filter-error .problem-hint') && $('#filter').ariaInvalid === 'true'").await;
    assert_eq!(page.list(HITS).await, before, "the last answer stays while a filter is typed");
    assert!(page.eval("$('#results').classList.contains('stale') && $('#query-error').hidden").await == true);
    page.write("#filter", "").await;
    page.wait("$('#filter-error').hidden && !$('#results').classList.contains('stale')").await;
    wait_hits(&page, 6).await;
    page.click("#filter-names button").await;
    assert_eq!(page.eval("$('#filter').value === $('#filter-names button').textContent + ' '").await, true);
    page.write("#filter", "").await;

    // One of two pictures in one, marked with the mouse, and then the other.
    let (pair, left, right) = home.beside(&stamps[3], &stamps[35]);
    let middle = f64::from(left.width()) / f64::from(left.width() + right.width());
    page.click("#query-clear").await;
    page.wait("$shown('#welcome') && !$$('#examples li').length").await;
    page.choose("#query-file", &[&pair]).await;
    page.wait("$('#stage-picture img')?.naturalWidth > 0").await;
    wait_hits(&page, 6).await;
    page.drag("#region", (0.01, 0.01), (middle - 0.01, 0.99)).await;
    wait_first(&page, &ids[&stamps[3]]).await;
    page.wait_text("#region-text", "Part 0.").await;
    assert!(page.eval("getSelection().isCollapsed").await == true, "drawing selects nothing else");
    page.click("#region-clear").await;
    page.wait_text("#region-text", "Drag").await;
    page.drag("#region", (middle + 0.01, 0.01), (0.99, 0.99)).await;
    wait_first(&page, &ids[&stamps[35]]).await;
    page.drag("#region", (0.01, 0.01), (middle - 0.01, 0.99)).await;
    wait_first(&page, &ids[&stamps[3]]).await;

    // More and less like a hit.
    let found = page.list(HITS).await;
    page.click("#results li:nth-child(2) [data-testid=more]").await;
    page.wait(&format!("location.hash === '#search?id={}'", found[1])).await;
    page.wait(&format!("{HITS}.length === 6 && !{HITS}.includes('{}')", found[1])).await;
    let alike = page.list(HITS).await;
    page.click("#results li:nth-child(1) [data-testid=less]").await;
    page.wait(&format!("{HITS}.length === 6 && !{HITS}.includes('{}')", alike[0])).await;
    page.wait("$$('#examples li').length === 2 && $$('#examples .negative').length === 1").await;
    assert_eq!(page.eval("location.hash").await, "#search", "such a query fits into no address");
    page.click("#examples li:nth-child(2) .chip-remove").await;
    page.wait(&format!("{HITS}.join() === '{}'", alike.join(","))).await;

    // A query of one item has an address, with its part; the part moves by keys.
    page.load(&format!("#search?id={}&region=0.250,0.250,0.500,0.500", found[1])).await;
    wait_hits(&page, 24).await;
    page.wait_text("#region-text", "Part 0.250,0.250,0.500,0.500").await;
    page.keys("#region", &format!("{}{}{}", Key::Right, Key::Shift, Key::Down)).await;
    page.wait_text("#region-text", "Part 0.270,0.250,0.500,0.520").await;
    page.wait("location.hash.endsWith('region=0.270%2C0.250%2C0.500%2C0.520')").await;
    page.keys("#region", &Key::Escape).await;
    page.wait_text("#region-text", "Drag").await;

    // A picture that is dropped on the page, and one that is pasted.
    for (at, event) in [
        (30, "$('#drop').dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }))"),
        (25, "document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: dataTransfer, cancelable: true }))"),
    ] {
        page.click("#query-clear").await;
        page.wait("$shown('#welcome')").await;
        let id = &ids[&stamps[at]];
        page.eval(&format!(
            "fetch('/api/v1/items/{id}/media').then((answer) => answer.blob()).then((picture) => {{
                const dataTransfer = new DataTransfer();
                dataTransfer.items.add(new File([picture], 'picture.png'));
                {event};
            }})"
        ))
        .await;
        wait_first(&page, id).await;
    }
    page.finish(&["400 (Bad Request)"]).await;
}
