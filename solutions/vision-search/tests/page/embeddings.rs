//! The embeddings view: a visualization is computed, its points are lassoed, and the grid shows them.

use bootcamp_testkit::program::Server;
use fantoccini::key::Key;

use super::{EACH, SAMPLES, choose, imported, indexed, open};

const STATUS: &str = "($('#map-grid [data-testid=grid-status]')?.textContent ?? '')";

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_embeddings() {
    let home = imported();
    indexed(&home);
    let server = Server::start(&home, &[]);
    let page = open(&server).await;
    page.view("embeddings").await;
    page.wait_text("#map-status", "no visualization yet").await;

    // By the form; a key that is taken is said there.
    page.wait("$shown('#visualize') && $$('#visualize-run option').length === 2").await;
    choose(&page, "#visualize-run", "img_sim").await;
    page.write("#visualize-key", "plane\n").await;
    page.wait_text("#map-status", &format!("{SAMPLES} points, by pca")).await;
    page.wait("$('#visualization').value === 'plane' && $('#visualize-jobs').childElementCount === 0").await;
    page.wait(&format!("{STATUS} === '{SAMPLES} samples'")).await;

    // Coloured by class: the legend says how many there are.
    choose(&page, "#colour-by", "objects").await;
    page.wait("$$('[data-testid=legend]').length === 3").await;
    page.fits_and_is_named("embeddings").await;

    // A point by keys, with its picture.
    page.keys("#map-canvas", &Key::Right.to_string()).await;
    page.wait("$shown('#map-tip') && $('#map-tip img').naturalWidth > 0").await;
    page.keys("#map-canvas", &Key::Enter.to_string()).await;
    page.wait("$('#detail').open && $('#detail-picture img')?.naturalWidth > 0").await;
    page.click("#detail-close").await;

    // A lasso around the left part, around all, and around nothing.
    page.eval("$('#map-frame').scrollIntoView()").await;
    page.draw("#map-canvas", (0.01, 0.01), &[(0.45, 0.01), (0.45, 0.99), (0.01, 0.99)]).await;
    page.wait("location.hash.includes('ids=')").await;
    let count = page.wait(&format!("Number(/^(\\d+) of {SAMPLES} samples/.exec({STATUS})?.[1])")).await;
    assert!((1..SAMPLES as u64).contains(&(count.as_f64().unwrap() as u64)), "{count}");
    page.wait(&format!("$$('#map-grid [data-testid=tile]').length === {count}")).await;
    page.draw("#map-canvas", (0.01, 0.01), &[(0.99, 0.01), (0.99, 0.99), (0.01, 0.99)]).await;
    page.wait(&format!("{STATUS}.startsWith('{SAMPLES} of {SAMPLES} samples')")).await;
    page.draw("#map-canvas", (0.01, 0.99), &[(0.02, 0.99), (0.02, 0.98)]).await;
    page.wait(&format!("{STATUS} === '{SAMPLES} samples' && !location.hash.includes('ids=')")).await;

    // The same by the legend, without a pointer; the grid view shows it, too.
    page.click("[data-testid=legend] [data-testid=only]").await;
    page.wait(&format!("{STATUS} === '{EACH} of {SAMPLES} samples'")).await;
    page.view("grid").await;
    page.wait(&format!("$('#grid [data-testid=grid-status]').textContent === '{EACH} of {SAMPLES} samples'")).await;
    page.finish(&[]).await;
}
