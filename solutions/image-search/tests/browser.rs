//! What people do on the page, in a real browser, against a real server.

mod driver;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bootcamp_core::picture::{Limits, Picture};
use bootcamp_testkit::process::free_ports;
use bootcamp_testkit::reference;
use fantoccini::key::Key;
use serde_json::Value;

use self::driver::Page;
use crate::program::Home;
use crate::server::Server;

const STAMPS: usize = 40;

/// The ids of the hits, nearest first.
const HITS: &str = "$$('#results [data-testid=hit]').map(({ dataset }) => dataset.id)";

fn imported() -> Home {
    let home = Home::new().with_stamps(STAMPS);
    assert_eq!(home.run(&["import", "stamps", "-q"]).code, Some(0));
    home
}

/// The ids of what is stored, by path.
fn ids(home: &Home) -> HashMap<PathBuf, String> {
    let listed = home.run(&["list", "--limit", "0", "--json"]).out;
    let items = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    items.map(|item| (item["fields"]["path"].as_str().unwrap().into(), item["id"].as_str().unwrap().into())).collect()
}

/// Copies of sample pictures that are not among the stamps of a [`Home`].
fn fresh(home: &Home, folder: &str, count: usize) -> Vec<PathBuf> {
    let folder = home.path().join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    let others = reference::stamps(2 * STAMPS).into_iter().skip(1).step_by(2).take(count);
    let copy = |(at, picture): (usize, PathBuf)| {
        let target = folder.join(format!("{at:02}-{}", picture.file_name().unwrap().display()));
        std::fs::copy(picture, &target).unwrap();
        target
    };
    others.enumerate().map(copy).collect()
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

fn read(path: &Path) -> Picture {
    Picture::read(path, &Limits::default()).unwrap()
}

/// Writes a picture of two, one beside the other; also gives the share of its width that is the left one's.
fn beside(home: &Home, left: &Path, right: &Path) -> (PathBuf, f64) {
    let (left, right) = (read(left), read(right));
    let (width, height) = (left.width() + right.width(), left.height().max(right.height()));
    let mut pixels = vec![255; (width * height * 3) as usize];
    for (picture, x) in [(&left, 0), (&right, left.width())] {
        for (y, row) in picture.pixels().chunks_exact(picture.width() as usize * 3).enumerate() {
            let start = (y * width as usize + x as usize) * 3;
            pixels[start..start + row.len()].copy_from_slice(row);
        }
    }
    let path = home.path().join("pair.png");
    std::fs::write(&path, Picture::new(width, height, pixels).unwrap().to_png().unwrap()).unwrap();
    (path, f64::from(left.width()) / f64::from(width))
}

async fn wait_count(page: &Page, count: usize) {
    page.wait(&format!("$('#count').textContent === '{count} pictures'")).await;
}

async fn wait_first(page: &Page, id: &str) {
    page.wait(&format!("{HITS}[0] === '{id}'")).await;
}

async fn wait_hits(page: &Page, count: usize) {
    page.wait(&format!("{HITS}.length === {count}")).await;
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
    page.wait(r"/^24 of 40 in \d+ ms: \d+ encode, \d+ search$/.test($('#status').textContent)").await;
    let scores = page.eval("$$('#results [data-testid=hit]').map(({ dataset }) => Number(dataset.score))").await;
    let scores: Vec<f64> = scores.as_array().unwrap().iter().map(|score| score.as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    page.wait("$$('#results img').slice(0, 4).every((picture) => picture.naturalWidth > 0)").await;
    page.fits_and_is_named("an answer").await;

    page.write("#min-score", &f64::midpoint(scores[0], scores[1]).to_string()).await;
    wait_hits(&page, 1).await;
    page.write("#min-score", "1.1").await;
    page.wait_text("#status", "Nothing passes").await;
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
    page.write("#filter", "labl == \"food\"").await;
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

    // The right one of two pictures in one, marked with the mouse.
    let (pair, middle) = beside(&home, &stamps[3], &stamps[20]);
    page.click("#query-clear").await;
    page.wait("$shown('#welcome') && !$$('#examples li').length").await;
    page.choose("#query-file", &[&pair]).await;
    page.wait("$('#stage-picture img')?.naturalWidth > 0").await;
    wait_hits(&page, 6).await;
    page.drag("#region", (middle, 0.0), (0.999, 0.999)).await;
    wait_first(&page, &ids[&stamps[20]]).await;
    page.wait_text("#region-text", "Part 0.").await;
    page.drag("#region", (0.0, 0.0), (middle, 0.999)).await;
    wait_first(&page, &ids[&stamps[3]]).await;
    page.click("#region-clear").await;
    page.wait_text("#region-text", "Drag").await;

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

    // A picture that is dropped on the page.
    page.click("#query-clear").await;
    page.wait("$shown('#welcome')").await;
    let id = &ids[&stamps[30]];
    page.eval(&format!(
        "fetch('/api/v1/items/{id}/media').then((answer) => answer.blob()).then((picture) => {{
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([picture], 'dropped.png'));
            $('#drop').dispatchEvent(new DragEvent('drop', {{ dataTransfer, bubbles: true, cancelable: true }}));
        }})"
    ))
    .await;
    wait_first(&page, id).await;
    page.finish(&["400 (Bad Request)"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn importing_browsing_and_deleting() {
    let home = imported();
    let more = fresh(&home, "more", STAMPS);
    let (uploads, more) = more.split_at(3);
    let uploads: Vec<PathBuf> = uploads
        .iter()
        .map(|path| {
            let target = home.path().join(name(path));
            std::fs::rename(path, &target).unwrap();
            target
        })
        .collect();
    let (broken, note) = (home.path().join("broken.png"), home.path().join("note.txt"));
    std::fs::write(&broken, "hello").unwrap();
    std::fs::write(&note, "hello").unwrap();
    let root = home.path().join("more").canonicalize().unwrap();
    let server = Server::start(&home, &["--import-root", root.to_str().unwrap()]);
    let page = Page::open(&server.address).await;
    wait_count(&page, STAMPS).await;

    // From this device: what is no picture is told of, and the rest goes in.
    page.view("import").await;
    page.write("#upload-label", "uploaded").await;
    let mut files: Vec<&Path> = uploads.iter().map(PathBuf::as_path).collect();
    files.extend([broken.as_path(), note.as_path()]);
    for (at, outcome) in ["3 added, 1 skipped", "0 added, 3 unchanged, 1 skipped"].into_iter().enumerate() {
        page.choose("#upload-file", &files[..files.len() - at]).await;
        page.wait_text("#upload-report .status", outcome).await;
        page.wait_text("#upload-report .job-head", "Done").await;
        page.wait_text("#upload-report .status", "4 of 4").await;
        page.wait_text("#upload-report [data-testid=skip]", "broken.png").await;
        assert!(page.text("#upload-report [data-testid=skip] span").await.len() > 10, "it says why");
        assert_eq!(page.text("#upload-report").await.contains("1 file left out"), at == 0);
        wait_count(&page, STAMPS + 3).await;
    }
    page.fits_and_is_named("an upload").await;

    // From a folder that the server reads, with every state that was shown.
    page.write("#server-path", home.path().to_str().unwrap()).await;
    page.click("#server-import-form [type=submit]").await;
    page.wait_text("#server-import-error", "import").await;
    page.eval(
        "(() => {
            window.seen = [];
            new MutationObserver(() => {
                const [bar, head] = [$('#import-jobs progress'), $('#import-jobs strong')];
                if (head) seen.push([head.textContent, bar.value]);
            }).observe($('#import-jobs'), { childList: true, subtree: true, attributes: true, characterData: true });
        })()",
    )
    .await;
    page.write("#server-path", root.to_str().unwrap()).await;
    page.click("#server-import-form [type=submit]").await;
    page.wait_text("#import-jobs .job-head", "Done").await;
    page.wait_text("#import-jobs .status", &format!("{} added", more.len())).await;
    let seen = page.eval("seen").await;
    let done: Vec<f64> = seen.as_array().unwrap().iter().map(|state| state[1].as_f64().unwrap()).collect();
    assert!(done.is_sorted(), "{seen}");
    assert!(["Waiting", "Running"].contains(&seen[0][0].as_str().unwrap()), "it is seen at work: {seen}");
    assert_eq!(done.last().copied(), Some(more.len() as f64), "{seen}");
    wait_count(&page, 2 * STAMPS).await;
    assert!(page.eval("$('#server-import-error').hidden").await == true);

    page.view("browse").await;
    page.wait_text("#browse-status", "60 of 80 pictures").await;
    page.click("#browse-more").await;
    page.wait("$$('#browse-items li').length === 80 && !$shown('#browse-more')").await;
    page.view("import").await;
    page.wait("$$('#import-jobs .job').length === 1").await;
    page.view("browse").await;
    page.write("#browse-filter", "label = \"uploaded\"").await;
    page.wait_text("#browse-filter-error", "==").await;
    page.write("#browse-filter", "label == \"uploaded\"").await;
    page.wait("$('#browse-filter-error').hidden && $$('#browse-items li').length === 3").await;
    page.wait_text("#browse-status", "3 pictures").await;
    let mut titles = page.list("$$('#browse-items .card-title').map(({ textContent }) => textContent)").await;

    // One at large; another; and away with it, once asked and once answered.
    page.click("#browse-items li:nth-child(1) [data-testid=open]").await;
    page.wait_text("#detail-title", &titles[0]).await;
    page.wait("$('#detail').open && $('#detail-picture img').naturalWidth > 0").await;
    let fields = page.list("$$('#detail-fields th').map(({ textContent }) => textContent)").await;
    for field in ["path", "label", "width", "height", "format", "bytes", "content_hash", "imported_at"] {
        assert!(fields.iter().any(|shown| shown == field), "{field} is not among {fields:?}");
    }
    page.wait_text("#detail-fields", "uploaded").await;
    page.fits_and_is_named("the detail").await;
    page.click("#detail-next").await;
    page.wait_text("#detail-title", &titles[1]).await;
    page.keys("#detail-next", &Key::Left).await;
    page.wait_text("#detail-title", &titles[0]).await;
    page.click("#detail [data-testid=delete]").await;
    page.click("#detail .confirm button:last-child").await;
    page.wait("!$('#detail [data-testid=confirm-delete]')").await;
    page.click("#detail [data-testid=delete]").await;
    page.click("#detail [data-testid=confirm-delete]").await;
    wait_count(&page, 2 * STAMPS - 1).await;
    page.wait_text("#detail-title", &titles[1]).await;
    page.click("#detail-close").await;
    page.wait("!$('#detail').open && $$('#browse-items li').length === 2").await;
    let gone = titles.remove(0);

    // What was uploaded is found; what was deleted is not.
    let edited = |title: &str| home.edited(uploads.iter().find(|path| name(path) == title).unwrap());
    let first = "$('#results .card-title')?.textContent";
    page.view("search").await;
    page.choose("#query-file", &[&edited(&titles[0])]).await;
    page.wait(&format!("{first} === '{}'", titles[0])).await;
    page.click("#query-clear").await;
    page.wait("$shown('#welcome')").await;
    page.choose("#query-file", &[&edited(&gone)]).await;
    wait_hits(&page, 24).await;
    assert_ne!(page.eval(first).await, gone.as_str());
    page.finish(&["400 (Bad Request)", "403 (Forbidden)"]).await;
}

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
    let drawn = "[...$('#map-canvas').getContext('2d').getImageData(0, 0, $('#map-canvas').width, \
        $('#map-canvas').height).data].filter((value, at) => at % 4 === 3 && value > 0).length";
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
        [("summary", &info["summary"]), ("model", &info["model"]["name"]), ("index", &info["index"]["served_by"])]
    {
        let fact = fact.as_str().unwrap();
        assert!(page.text("#facts").await.contains(fact), "the {what} is not there: {fact}");
    }
    page.wait("[...$$('#facts dt')].find((name) => name.textContent === 'Items').nextSibling.textContent === '32'")
        .await;
    // Where its links lead, the interface explains itself.
    page.finish(&[]).await;
}

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
    page.wait("$shown('#query-error') && $('#query-error').textContent.length > 10").await;
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
    page.keys("#token", &Key::Escape).await;
    page.keys("#token", &format!("wrong{}", Key::Enter)).await;
    page.wait_text("#token-text", "does not know this token").await;
    page.wait("$('#token-dialog').open && $('#token').value === ''").await;
    page.keys("#token", &format!("open sesame{}", Key::Enter)).await;
    page.wait("!$('#token-dialog').open").await;
    page.wait_text("#map-status", "explain").await;
    // It is known from now on, and pictures come with it.
    page.load("#browse").await;
    page.wait("$$('#browse-items img').slice(0, 4).filter(({ naturalWidth }) => naturalWidth > 0).length === 4").await;
    page.click("#browse-items [data-testid=open]").await;
    page.wait("$('#detail-picture img')?.naturalWidth > 0").await;
    page.click("#detail-more").await;
    wait_hits(&page, 24).await;
    assert!(page.eval("$('#token-dialog').open").await == false);
    page.finish(&["400 (Bad Request)", "401 (Unauthorized)", "net::ERR_CONNECTION_REFUSED"]).await;
}
