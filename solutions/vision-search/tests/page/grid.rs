//! The grid: labels drawn on pictures, filters, patches, tags, the dialog.

use bootcamp_testkit::program::Server;
use fantoccini::key::Key;

use super::{NAMES, PATCHES, SAMPLES, STATUS, TILES, choose, imported, open, wait_status};

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_samples_and_narrowing_them() {
    let home = imported();
    let server = Server::start(&home, &[]);
    let page = open(&server).await;

    // Boxes lie where the labels say, and can be left out.
    page.wait(&format!("{TILES}.slice(0, 6).every((tile) => tile.querySelector('img').naturalWidth > 0)")).await;
    assert_eq!(page.eval("$$('#grid .box').length").await, PATCHES);
    let place = "[...$('#grid .box').style].sort().map((side) => `${side} ${$('#grid .box').style[side]}`).join()";
    assert_eq!(page.eval(place).await, "height 40%,left 25%,top 25%,width 40%");
    page.click("[data-testid=draw-objects]").await;
    page.wait("$$('#grid .box').length === 0").await;
    page.click("[data-testid=draw-objects]").await;
    page.wait(&format!("$$('#grid .box').length === {PATCHES}")).await;

    // Classes have the counts of what is shown; a condition has a chip that lifts it.
    page.click("[data-testid=field-objects] summary").await;
    page.wait("$$('[data-testid=class-filter]').map(({ value }) => value).sort().join() === 'blue,green,mark,red'")
        .await;
    page.click("[data-testid=class-filter][value=mark]").await;
    wait_status(&page, &format!("6 of {SAMPLES} samples")).await;
    page.wait("location.hash.includes('labels=objects&class=mark')").await;
    page.click("[data-testid=class-filter][value=blue]").await;
    wait_status(&page, &format!("12 of {SAMPLES} samples")).await;
    page.wait("$$('[data-testid=condition]').length === 2").await;
    page.click("#grid [data-testid=lift]").await;
    wait_status(&page, &format!("8 of {SAMPLES} samples")).await;
    page.eval("history.back()").await;
    wait_status(&page, &format!("12 of {SAMPLES} samples")).await;
    page.wait("$$('[data-testid=class-filter]:checked').length === 2").await;
    page.click("#grid [data-testid=clear]").await;
    wait_status(&page, &format!("{SAMPLES} samples")).await;

    // An expression, and what is wrong with it beside its box.
    page.write("#filter", "width >").await;
    page.wait("$shown('#filter-error') && $('#filter').ariaInvalid === 'true'").await;
    page.write("#filter", "filepath like \"%red-%\"").await;
    wait_status(&page, &format!("8 of {SAMPLES} samples")).await;
    page.wait("!$shown('#filter-error')").await;
    page.write("#filter", "weight > 3\n").await;
    page.wait_text("#filter-error", "weight").await;
    page.write("#filter", &format!("{}\n", Key::Delete)).await;
    wait_status(&page, &format!("{SAMPLES} samples")).await;
    page.write("[data-testid=least-width]", "161\n").await;
    wait_status(&page, &format!("0 of {SAMPLES} samples")).await;
    page.wait_text("#grid .nothing", "Nothing").await;
    page.click("#grid [data-testid=lift]").await;

    // The order.
    choose(&page, "#sort", "filepath").await;
    page.wait(&format!("{NAMES}[0] === 'blue-0.png'")).await;
    page.click("[data-testid=descending]").await;
    page.wait(&format!("{NAMES}[0] === 'red-7.png' && location.hash.endsWith('sort=-filepath')")).await;

    // Patches: one tile a label, which leads to its sample.
    choose(&page, "[data-testid=patches]", "objects").await;
    wait_status(&page, &format!("{PATCHES} patches")).await;
    page.click("[data-testid=class-filter][value=mark]").await;
    wait_status(&page, &format!("6 of {PATCHES} patches")).await;
    page.wait(&format!("{TILES}.every((tile) => tile.querySelector('img').naturalWidth > 0)")).await;
    page.click("#grid [data-testid=open]").await;
    page.wait("$('#detail').open && $('#detail .box.marked')?.ariaLabel === 'mark'").await;
    page.fits_and_is_named("the dialog").await;
    page.click("#detail-close").await;
    page.wait("!$('#detail').open && document.activeElement.dataset.testid === 'open'").await;
    page.finish(&["400 (Bad Request)"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn choosing_and_tagging_by_keys() {
    let home = imported();
    let server = Server::start(&home, &[]);
    let page = open(&server).await;

    // Four in a row: Space for the first, Shift and Space for all up to the last.
    let current = "#grid .tile-open[tabindex='0']";
    page.keys(current, " ").await;
    page.wait_text("[data-testid=chosen]", "1 selected").await;
    for _ in 0..3 {
        page.keys(current, &Key::Right.to_string()).await;
    }
    page.keys(current, &format!("{} {}", Key::Shift, Key::Null)).await;
    page.wait_text("[data-testid=chosen]", "4 selected").await;
    page.click("[data-testid=tag-chosen]").await;
    page.keys("#grid [data-testid=add-tag]", "train\n").await;
    page.wait("$$('#grid .tile [data-testid=tag]').length === 4").await;
    page.wait_text("[data-testid=chosen]", "4").await;
    let info = server.get("/api/v1/datasets/scenes");
    assert_eq!(info["tags"].to_string(), r#"[{"count":4,"value":"train"}]"#);

    // Only those with the tag, and then only those without what one of them has lost.
    page.click("[data-testid=field-tags] summary").await;
    page.click("[data-testid=tag-filter][value=train]").await;
    wait_status(&page, &format!("4 of {SAMPLES} samples")).await;
    page.keys(current, &Key::Enter.to_string()).await;
    page.wait("$('#detail').open && $('#detail-picture img')?.naturalWidth > 0").await;
    let first = page.text("#detail-title").await;
    page.keys("#detail-close", &Key::Right.to_string()).await;
    page.wait(&format!("$('#detail-title').textContent !== '{first}'")).await;
    page.keys("#detail-close", &Key::Left.to_string()).await;
    page.wait(&format!("$('#detail-title').textContent === '{first}'")).await;
    page.click("#detail-tags .tag-list button").await;
    page.wait("$$('#detail-tags [data-testid=tag]').length === 0").await;
    page.click("#detail-close").await;
    wait_status(&page, &format!("3 of {SAMPLES} samples")).await;
    page.click("#grid [data-testid=select]").await;
    page.click("[data-testid=only-chosen]").await;
    wait_status(&page, &format!("1 of {SAMPLES} samples")).await;
    page.wait("location.hash.includes('ids=')").await;

    // Colours for the night.
    while page.eval("document.documentElement.dataset.theme ?? ''").await != "dark" {
        page.click("#theme").await;
    }
    let paper = "getComputedStyle(document.documentElement).backgroundColor";
    assert_eq!(page.eval(paper).await, "rgb(16, 22, 20)");
    assert_ne!(page.eval(STATUS).await, "");
    page.finish(&[]).await;
}
