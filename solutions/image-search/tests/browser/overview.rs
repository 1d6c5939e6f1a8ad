//! What the page tells of a collection as a whole.

use bootcamp_testkit::browser::Page;
use bootcamp_testkit::program::Server;
use fantoccini::key::Key;

use super::{HITS, name, read, wait_count};
use crate::program::Home;

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_map_and_facts() {
    let home = Home::new().with_stamps(30);
    let stamps = home.stamps();
    for (at, name, quality) in [(4, "a.jpg", 90), (4, "b.jpg", 60), (11, "c.jpg", 90)] {
        std::fs::write(home.path().join("stamps").join(name), read(&stamps[at]).to_jpeg(quality).unwrap()).unwrap();
    }
    assert_eq!(home.run(&["import", "stamps", "-q"]).code, Some(0));
    let server = Server::start(&home, &[]);
    let page = Page::open(&server.address).await;
    wait_count(&page, 33).await;

    page.view("duplicates").await;
    // The slider by keys: its end is 1, and a step 0.01.
    page.keys("#duplicates-threshold", &format!("{}{}", Key::End, Key::Left.repeat(20))).await;
    page.wait_text("#duplicates-value", "0.80").await;
    page.click("#duplicates-start").await;
    page.wait_text("#duplicates-status", "2 groups, 5 pictures in all").await;
    let titles = "$$('[data-testid=group]').map((group) =>
        [...group.querySelectorAll('.card-title')].map(({ textContent }) => textContent).sort().join(' ')).sort()";
    let group = |copies: &[&str], at: usize| {
        let mut names = [copies, &[name(&stamps[at])]].concat();
        names.sort_unstable();
        names.join(" ")
    };
    let mut expected = [group(&["a.jpg", "b.jpg"], 4), group(&["c.jpg"], 11)];
    expected.sort();
    assert_eq!(page.list(titles).await, expected);
    page.fits_and_is_named("groups").await;
    let copy = "[data-testid=group] li:has([title='b.jpg'])";
    page.click(&format!("{copy} [data-testid=delete]")).await;
    page.click(&format!("{copy} [data-testid=confirm-delete]")).await;
    wait_count(&page, 32).await;
    page.wait("$$('[data-testid=group] li').length === 4").await;

    page.view("map").await;
    page.wait_text("#map-status", "All 32; the two axes explain").await;
    // Read from a copy, as Chromium complains of canvases that are read often.
    let drawn = "(() => {
        const { width, height } = $('#map-canvas');
        const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
        copy.drawImage($('#map-canvas'), 0, 0);
        return copy.getImageData(0, 0, width, height).data.filter((value, at) => at % 4 === 3 && value > 0).length;
    })()";
    let all = page.wait(drawn).await.as_u64().unwrap();
    assert!(all > 32 * 10, "each point covers some pixels, and there are {all}");
    page.click("#legend label").await;
    page.wait(&format!("{drawn} < {all}")).await;
    page.click("#legend label").await;
    page.wait(&format!("{drawn} === {all}")).await;
    page.keys("#map-canvas", &Key::Right).await;
    page.wait("$('#map-said').textContent && $shown('#map-tip') && $('#map-tip img').naturalWidth > 0").await;
    let said = page.text("#map-said").await;
    page.keys("#map-canvas", &Key::Enter).await;
    page.wait("$('#detail').open && $('#detail-picture img')?.naturalWidth > 0").await;
    assert!(said.starts_with(&page.text("#detail-title").await), "{said}");
    page.wait_text("#detail-fields", "content_hash").await;
    page.click("#detail-more").await;
    page.wait(&format!("!$('#detail').open && $shown('#view-search') && {HITS}.length === 24")).await;

    page.view("about").await;
    let info = server.get("/api/v1/info");
    for (what, fact) in
        [("summary", &info["summary"]), ("model", &info["vectors"]["name"]), ("index", &info["index"]["served_by"])]
    {
        let fact = fact.as_str().unwrap();
        assert!(page.text("#facts").await.contains(fact), "the {what} is not there: {fact}");
    }
    page.wait("[...$$('#facts dt')].find((name) => name.textContent === 'Items').nextSibling.textContent === '32'")
        .await;
    // Colours of one's own choice stay.
    for theme in ["light", "dark"] {
        page.click("#theme").await;
        page.wait(&format!("document.documentElement.dataset.theme === '{theme}'")).await;
    }
    let ground = "getComputedStyle(document.body).backgroundColor";
    let dark = page.eval(ground).await;
    page.load("#about").await;
    page.wait("$shown('#view-about') && $('#theme').ariaLabel === 'Colours: dark'").await;
    assert_eq!(page.eval(ground).await, dark);
    page.finish(&[]).await;
}
