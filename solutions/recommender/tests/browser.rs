//! The page, in a real browser, against a real server.

use bootcamp_testkit::browser::Page;
use bootcamp_testkit::program::Server;

use crate::{home, trained};

#[tokio::test(flavor = "multi_thread")]
async fn films_are_picked_and_the_list_changes_at_once() {
    let home = trained();
    let server = Server::start(&home, &[]);
    let page = Page::open(&server.address).await;

    // From the shelf of what most people have rated.
    page.wait("$$('[data-testid=popular] [data-testid=item]').length > 10").await;
    page.fits_and_is_named("popular films").await;
    page.write("#pick-film", "western film 2").await;
    page.wait("$$('[data-testid=suggestion]').length > 0").await;
    page.click("[data-testid=suggestion]").await;
    page.wait("$$('[data-testid=hit]').length > 5 && !$('#results').ariaBusy").await;
    page.wait_text("[data-testid=hit]", "Western").await;
    page.wait_text("[data-testid=because]", "Western Film 2").await;
    page.wait("location.hash.startsWith('#search?like=')").await;
    page.fits_and_is_named("recommendations").await;
    let first = page.text("[data-testid=hit] .film-title").await;
    page.click("[data-testid=hit] [data-testid=unlike]").await;
    page.wait(&format!(
        "$('[data-testid=chip-unlike]') && $('[data-testid=hit] .film-title').textContent !== '{first}'"
    ))
    .await;
    page.click("#taste-clear").await;
    page.wait("$('[data-testid=popular]') && location.hash === '#search'").await;

    // A user, what they have rated, and a rating that counts at once.
    page.write("#pick-user", "u1").await;
    page.wait("$$('[data-testid=suggestion]').length > 5").await;
    page.click("[data-testid=suggestion]").await;
    page.wait("$$('[data-testid=rated]').length > 3").await;
    page.wait("$$('[data-testid=hit]').length > 3 && !$('#results').ariaBusy").await;
    let rated = page.eval("$$('[data-testid=rated]').length").await.as_u64().unwrap();
    let first = page.text("[data-testid=hit] .film-title").await;
    page.eval("(() => { const s = $('[data-testid=hit] select'); s.value = '5'; s.onchange(); })()").await;
    page.wait(&format!(
        "$$('[data-testid=rated]').length === {} && $('[data-testid=hit] .film-title').textContent !== '{first}'",
        rated + 1
    ))
    .await;

    // A mistake in the filter stands beside it.
    page.write("#recommend-filter", "yaer > 3").await;
    page.wait("$shown('#recommend-filter-error')").await;
    page.write("#recommend-filter", "year > 1990 and \"Comedy\" in genres").await;
    page.wait("!$shown('#recommend-filter-error') && $$('[data-testid=hit]').length > 0 && !$('#results').classList.contains('stale')").await;
    page.wait_text("[data-testid=hit]", "Comedy").await;

    // A film at large: what is like it, and who would want it.
    page.click("[data-testid=hit] [data-testid=open]").await;
    page.wait(
        "$('#detail').open && $$('[data-testid=similar] a').length > 3 && $$('[data-testid=audience] a').length > 3",
    )
    .await;
    page.fits_and_is_named("a film at large").await;
    page.click("#detail-close").await;
    page.finish(&["400 (Bad Request)"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_map_and_trainings_are_shown() {
    let home = trained();
    let server = Server::start(&home, &[]);
    let page = Page::open(&server.address).await;
    page.load("#map").await;
    page.wait("$$('#view-map .legend li').length === 3").await;
    page.wait_text("#map-status", "same people like both").await;
    page.fits_and_is_named("the map").await;

    page.load("#training").await;
    page.wait_text("[data-testid=current]", "als").await;
    page.wait("!$shown('[data-testid=evaluation]')").await;
    page.click("[data-testid=start-evaluate]").await;
    page.wait("$$('[data-testid=scored]').length === 5").await;
    page.wait_text("[data-testid=evaluation]", "popularity").await;
    page.click("[data-testid=start-train]").await;
    page.wait("$('[data-testid=rollback]')").await;
    page.fits_and_is_named("trainings").await;
    page.click("[data-testid=rollback]").await;
    page.wait("$('[data-testid=rollback]')").await;
    page.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_said() {
    let server = Server::start(&home(), &[]);
    let page = Page::open(&server.address).await;
    page.wait_text(".welcome", "There is nothing to recommend yet").await;
    page.load("#training").await;
    page.wait_text("[data-testid=current]", "No model is trained yet").await;
    page.finish(&["404 (Not Found)"]).await;
}
