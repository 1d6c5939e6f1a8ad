//! The similarity panel: from what is chosen in the grid to results, and what can be changed about them.

use bootcamp_testkit::program::Server;
use serde_json::json;

use super::{EACH, NAMES, PATCHES, SAMPLES, STATUS, TILES, choose, imported, indexed, open, wait_status};

/// The distances that the tiles show.
const DISTANCES: &str = "$$('#grid [data-testid=distance]').map(({ textContent }) => Number(textContent))";

#[tokio::test(flavor = "multi_thread")]
async fn sorting_by_similarity_to_what_is_chosen() {
    let home = imported();
    indexed(&home);
    let server = Server::start(&home, &[]);
    let page = open(&server).await;
    choose(&page, "#sort", "filepath").await;
    page.wait(&format!("{NAMES}[0] === 'blue-0.png'")).await;

    // What is like the first: itself, then the others of its class.
    page.click("#grid [data-testid=select]").await;
    page.click("[data-testid=sort-like]").await;
    page.wait(&format!("{STATUS}.startsWith('{SAMPLES} of {SAMPLES} samples, ')")).await;
    page.wait(&format!("{NAMES}.slice(0, {EACH}).every((name) => name.startsWith('blue-'))")).await;
    page.wait(&format!("{NAMES}[0] === 'blue-0.png' && {DISTANCES}[0] === 0")).await;
    page.wait(&format!("{DISTANCES}.every((far, at, all) => !at || far >= all[at - 1])")).await;
    page.wait("$shown('#similarity') && $$('.prompts.positive img').every((picture) => picture.naturalWidth > 0)")
        .await;
    page.wait("!$shown('#similarity-words') && !$shown('#similarity-file + span')").await;
    page.fits_and_is_named("results").await;

    // Fewer of them, and the least similar first; the address has it all.
    page.write("#similarity-k", "5\n").await;
    page.wait(&format!("{TILES}.length === 5 && {NAMES}.every((name) => name.startsWith('blue-'))")).await;
    page.click("#similarity-reverse").await;
    page.wait(&format!("{NAMES}.length === 5 && {NAMES}.every((name) => !name.startsWith('blue-'))")).await;
    page.wait("location.hash.includes('similar=img_sim') && location.hash.includes('k=5&reverse=1')").await;
    page.eval("history.back()").await;
    page.wait(&format!("{NAMES}[0] === 'blue-0.png' && !$('#similarity-reverse').checked")).await;

    // Within what the filters leave, or all the same.
    page.click("[data-testid=field-objects] summary").await;
    page.click("[data-testid=class-filter][value=green]").await;
    page.wait(&format!("{NAMES}.length === 5 && {NAMES}.every((name) => name.startsWith('green-'))")).await;
    page.click("#similarity-everywhere").await;
    page.wait(&format!("{NAMES}.every((name) => name.startsWith('blue-'))")).await;

    // The distances as a field.
    page.write("#distance-field", "far").await;
    page.click("#distance-save").await;
    page.wait_text("#similarity [role=status]", "Saved for 5").await;
    page.wait("$('[data-testid=draw-far]')").await;
    let view = json!({"view": {"exists": ["far"], "sort": {"by": "far"}}});
    let saved = server.post("/api/v1/datasets/scenes/samples", &view).unwrap();
    assert_eq!(saved["total"], 5);
    assert_eq!(saved["samples"][0]["title"], "blue-0.png");

    // Back to the grid, and a query with nothing to be like.
    page.click("[data-testid=unsort]").await;
    wait_status(&page, &format!("8 of {SAMPLES} samples")).await;
    page.click("#grid [data-testid=clear]").await;
    wait_status(&page, &format!("{SAMPLES} samples")).await;
    page.click(".prompts.positive button").await;
    page.click("#grid [data-testid=select]").await;
    page.click("[data-testid=add-negative]").await;
    page.click("#similarity-sort").await;
    page.wait_text("#similarity .problem", "something to be like").await;
    page.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sorting_patches() {
    let home = imported();
    indexed(&home);
    let server = Server::start(&home, &[]);
    let page = open(&server).await;

    // A box in the dialog leads to the patches that are like it.
    page.write("#filter", "filepath like \"%red-0.png\"").await;
    wait_status(&page, &format!("1 of {SAMPLES} samples")).await;
    page.click("#grid [data-testid=open]").await;
    page.click("#detail .box").await;
    page.wait("$('.label-row.marked')").await;
    page.click("#detail [data-testid=label-like]").await;
    page.click("#similarity-everywhere").await;
    page.wait(&format!("{STATUS}.startsWith('{PATCHES} of {PATCHES} patches, ')")).await;
    let first = format!(
        "{TILES}.slice(0, {EACH}).every((tile) => tile.querySelector('[data-testid=label]').textContent === 'red')"
    );
    page.wait(&first).await;
    page.wait("$('[data-testid=patches]').value === 'objects' && location.hash.includes('similar=obj_sim')").await;

    // Several together, and one that results shall not be like.
    page.click("#grid .tile:nth-child(2) [data-testid=select]").await;
    page.click("#grid .tile:nth-child(3) [data-testid=select]").await;
    page.click("[data-testid=add-positive]").await;
    page.wait("$$('.prompts.positive [data-testid=prompt]').length === 3 && $shown('#similarity-aggregation')").await;
    choose(&page, "#similarity-aggregation", "min").await;
    page.wait("location.hash.includes('aggregation=min')").await;
    page.wait(&first).await;

    // From patches to the samples that they are in.
    choose(&page, "#similarity-run", "img_sim").await;
    page.wait("$$('[data-testid=prompt]').length === 0").await;
    page.finish(&[]).await;
}
