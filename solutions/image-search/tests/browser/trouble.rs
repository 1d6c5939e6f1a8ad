//! A bad file, a server that is away, and one that asks for a token.

use bootcamp_testkit::browser::Page;
use bootcamp_testkit::process::free_ports;
use bootcamp_testkit::program::Server;
use fantoccini::key::Key;

use super::{STAMPS, imported, wait_count, wait_hits};

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_told() {
    let home = imported();
    let [port] = free_ports();
    let serve = || home.command(&["serve", "--port", &port.to_string()]);
    let server = Server::of(serve());
    let page = Page::open(&server.address).await;
    wait_count(&page, STAMPS).await;
    let no_picture = home.path().join("text.png");
    std::fs::write(&no_picture, "This is no picture.").unwrap();
    page.choose("#query-file", &[&no_picture]).await;
    page.wait_text("#query-error", "text.png: it is text").await;
    page.wait_text("#query-error .problem-hint", "convert").await;
    page.wait_text("#stage-picture", "no preview").await;
    page.click("#query-clear").await;
    page.wait("$('#query-error').hidden && $shown('#welcome')").await;

    // The server goes, and comes back.
    drop(server);
    page.click("nav [data-view=browse]").await;
    page.wait_text("#offline", "does not answer").await;
    page.fits_and_is_named("the banner").await;
    let server = Server::of(serve());
    page.wait("!$shown('#offline')").await;
    page.wait(&format!("$$('#browse-items li').length === {STAMPS}")).await;

    // It goes, and comes back with a token that the page was not told of.
    drop(server);
    page.click("nav [data-view=map]").await;
    page.wait_text("#offline", "does not answer").await;
    let mut command = serve();
    command.env("BOOTCAMP_TOKEN", "open sesame");
    let _server = Server::of(command);
    page.wait("$('#token-dialog').open && !$shown('#offline')").await;
    page.fits_and_is_named("the dialog").await;
    for wrong in ["wrong", "ключ"] {
        // It cannot be left.
        page.keys("#token", &Key::Escape.repeat(3)).await;
        page.keys("#token", &format!("{wrong}{}", Key::Enter)).await;
        page.wait_text("#token-text", "does not accept this token").await;
        page.wait("$('#token-dialog').open && $('#token').value === ''").await;
    }
    page.keys("#token", &format!("open sesame{}", Key::Enter)).await;
    page.wait("!$('#token-dialog').open").await;
    page.wait_text("#map-status", "explain").await;
    // It is known from now on, and pictures come with it.
    page.load("#browse").await;
    page.wait("$$('#browse-items img').slice(0, 4).filter(({ naturalWidth }) => naturalWidth > 0).length === 4").await;
    page.click("#browse-items [data-testid=open]").await;
    page.wait("$('#detail-picture img')?.naturalWidth > 0").await;
    page.click("#detail-part").await;
    page.wait_text("#region-text", "Part 0.250,0.250,0.500,0.500").await;
    wait_hits(&page, 24).await;
    assert!(page.eval("$('#token-dialog').open").await == false);
    page.finish(&["400 (Bad Request)", "401 (Unauthorized)", "net::ERR_"]).await;
}
