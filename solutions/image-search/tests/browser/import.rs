//! What goes in, is seen, and goes again.

use std::path::{Path, PathBuf};

use bootcamp_testkit::browser::Page;
use bootcamp_testkit::program::Server;
use bootcamp_testkit::reference;
use fantoccini::key::Key;

use super::{STAMPS, imported, name, wait_count, wait_hits};
use crate::program::Home;

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
        page.wait_text("#upload-report [data-testid=skip] span", "it is text").await;
        assert_eq!(page.text("#upload-report").await.contains("1 other file passed over"), at == 0);
        wait_count(&page, STAMPS + 3).await;
    }
    page.fits_and_is_named("an upload").await;

    // From a folder that the server reads, with every state that was shown.
    page.write("#server-path", home.path().to_str().unwrap()).await;
    page.click("#server-import-form [type=submit]").await;
    page.wait_text("#server-import-error", "root").await;
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
