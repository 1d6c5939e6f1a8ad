//! The page in a real browser: on an empty collection, with modules of a solution's own, with choices of an import, and
//! with sounds that have moments.

use bootcamp_testkit::browser::Page;

use super::*;
use crate::testing::{PAGED, context_of};
use crate::toy::TOY;

/// The page on a collection that holds nothing yet.
async fn open(program: &'static Program) -> (TempDir, Page) {
    let (folder, context) = context_of(program).await;
    let root = folder.path().canonicalize().unwrap().join("texts");
    std::fs::create_dir(&root).unwrap();
    for (name, text) in [("long.txt", "aabbccdd"), ("short.txt", "abc")] {
        std::fs::write(root.join(name), text).unwrap();
    }
    let options = ServerOptions { import_roots: vec![root], ..options() };
    let router = router(App::new(program, (program.open)(context), options));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    (folder, Page::open(&format!("http://{address}")).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_solutions_modules_extend_the_page() {
    let (folder, page) = open(&PAGED).await;
    page.wait_text("#welcome-empty", "The collection is empty").await;
    page.wait_text("#count", "0 texts").await;
    page.view("about").await;
    page.wait_text("#facts", "it is made by the first import").await;
    imports_take_options(&page, &folder).await;

    // A view of its own, and one in place of the kit's; the address leads there.
    page.view("longest").await;
    page.wait("$$('#view-longest .card-title').map(({ textContent }) => textContent)[0] === 'long.txt'").await;
    page.wait_text("#view-longest li:first-child .card-facts", "8 letters").await;
    assert_eq!(page.eval("getComputedStyle($('.card-facts')).fontStyle").await, "italic", "page.css");
    page.click("#view-longest [data-testid=open]").await;
    page.wait_text("#spelled", "d-d-c-c-b-b-a-a").await;
    page.fits_and_is_named("the detail").await;
    page.click("#detail-close").await;
    page.load("#map").await;
    page.wait_text("#view-map", "In place of the map").await;
    page.wait("$('nav [data-view=map]').textContent === 'Plan' && !$('#map-canvas')").await;

    // Controls of its own: in the query, in the address, and back from there.
    page.view("search").await;
    page.write("#spell", "a-b-c").await;
    page.wait("$('#results .card-title')?.textContent === 'short.txt' && $('#results #end')").await;
    page.wait("location.hash === '#search?spell=a-b-c'").await;
    page.eval("location.hash = '#search?spell=a-a-b-b-c-c-d-d'").await;
    page.wait("$('#results .card-title')?.textContent === 'long.txt' && $('#spell').value.endsWith('d-d')").await;
    page.write("#spell", "").await;
    page.click("#any").await;
    page.wait("location.hash.startsWith('#search?id=') && $$('#results [data-testid=hit]').length === 2").await;

    // An example at large in its own way, and options that end with it.
    page.click("#stage-picture #by-length").await;
    page.wait("location.hash.endsWith('&order=length') && $('#choice-order').value === 'length'").await;
    page.click("#last").await;
    page.wait("$('#detail').open").await;
    page.click("#detail-more").await;
    page.wait("!location.hash.includes('order') && $('#choice-order').value === 'likeness'").await;
    page.wait("document.body.dataset.staged === 'true' && $$('#results [data-testid=hit]').length === 2").await;
    page.click("#query-clear").await;
    page.wait("document.body.dataset.staged === 'false' && location.hash === '#search'").await;
    page.finish(&[]).await;
}

/// Both ways of importing have the program's choices.
async fn imports_take_options(page: &Page, folder: &TempDir) {
    page.view("import").await;
    let notes = "fetch('/api/v1/items').then((answer) => answer.json())
        .then(({ items }) => items.map(({ fields }) => fields.note).sort().join())";
    page.click("#import-choices summary").await;
    page.click("#import-reverse").await;
    page.fits_and_is_named("the import").await;
    page.choose("#upload-file", &[&folder.path().join("texts/short.txt")]).await;
    page.wait_text("#upload-report", "1 added").await;
    assert_eq!(page.eval(notes).await, "cba");
    page.click("#server-import-form [type=submit]").await;
    page.wait_text("#import-jobs .status", "2 added").await;
    assert_eq!(page.eval(notes).await, "cba,cba,ddccbbaa");
    page.wait_text("#count", "3 texts").await;
}

/// Items that are spans of their sources, and work of the program's own on them.
async fn moments_and_jobs_are_shown(page: &Page) {
    page.view("import").await;
    assert_eq!(page.eval("$('#import-choices').hidden").await, true, "it has no options");
    page.click("#server-import-form [type=submit]").await;
    page.wait_text("#import-jobs .status", "2 added").await;
    page.view("browse").await;
    page.wait_text("#browse-items .card-span", "0:00.0–0:01.0").await;
    page.wait("$('#browse-items [data-testid=open]').ariaLabel.endsWith(', 0:00.0–0:01.0')").await;

    page.view("work").await;
    page.wait_text("#work-forms form", "Counts how often each word occurs").await;
    page.click("#work-forms [type=submit]").await;
    page.wait_text("#work-jobs .job-head", "Done").await;
    page.wait_text("#work-jobs .status", "2 words").await;
    page.wait("$('#work-jobs .facts').textContent.includes('words2')").await;
    page.fits_and_is_named("the jobs").await;
    page.view("search").await;
    page.view("work").await;
    page.wait("$$('#work-jobs .job').length === 1").await;
}

/// Ten seconds of a tone, as a WAV file that the page makes itself.
const TONE: &str = "
    const rate = 8000, length = 10 * rate;
    const view = new DataView(new ArrayBuffer(44 + length));
    const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
    text(0, 'RIFF'); view.setUint32(4, 36 + length, true); text(8, 'WAVEfmt ');
    view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
    view.setUint32(24, rate, true); view.setUint32(28, rate, true); view.setUint16(32, 1, true); view.setUint16(34, 8, true);
    text(36, 'data'); view.setUint32(40, length, true);
    for (let at = 0; at < length; at++) view.setUint8(44 + at, 128 + 60 * Math.sin(at / 3));
    const tone = URL.createObjectURL(new Blob([view], { type: 'audio/wav' }));";

#[tokio::test(flavor = "multi_thread")]
async fn moments_are_played_and_jobs_are_followed() {
    let (_folder, page) = open(&TOY).await;
    page.wait_text("#count", "0 items").await;
    let show = |item: &str| {
        format!(
            "(() => {{ {TONE}
                import('/assets/render.js').then(({{ mediaOf }}) => $('#main').replaceChildren(mediaOf({item})));
            }})()"
        )
    };
    let span = "{ id: 'x', title: 'tone', thumbnail: '/assets/favicon.svg', media: tone, span: { start: 2.5, end: 3 } }, 'audio'";
    page.eval(&show(span)).await;
    page.wait("$('audio')?.currentTime === 2.5 && $('audio').paused && $('.player img').naturalWidth > 0").await;
    page.wait_text("[data-testid=play-span]", "Play 0:02.5–0:03.0").await;
    page.fits_and_is_named("a player").await;
    page.click("[data-testid=play-span]").await;
    page.wait("$('audio').paused && $('audio').currentTime >= 3").await;
    assert!(page.eval("$('audio').currentTime").await.as_f64().unwrap() < 9.0, "it stops at the end of the span");
    // Once more from its beginning.
    page.eval("(() => { window.jumps = []; $('audio').onseeked = () => jumps.push($('audio').currentTime); })()").await;
    page.click("[data-testid=play-span]").await;
    page.wait("jumps.length === 1 && $('audio').paused && $('audio').currentTime >= 3").await;
    let jump = page.eval("jumps[0]").await.as_f64().unwrap();
    assert!((2.5..3.0).contains(&jump), "{jump}");

    // What is no sound is told, with the still in place of the player.
    let broken = span.replace("media: tone", "media: '/assets/favicon.svg'");
    page.eval(&show(&broken)).await;
    page.wait_text(".player-note", "cannot play the file").await;
    page.wait("!$('audio') && $('.player img').naturalWidth > 0").await;
    let text = span.replace("media: tone", "media: '/assets/theme.js'").replace("'audio'", "'text'");
    page.eval(&show(&text)).await;
    page.wait_text("#main pre", "localStorage").await;

    page.load("#import").await;
    moments_and_jobs_are_shown(&page).await;
    // Its items have no pictures.
    page.finish(&["400 (Bad Request)", "404 (Not Found)"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_solutions_files_are_served_beside_the_kits() {
    let own = server_of(&PAGED, |_, _| {}).await;
    let without = server(|_, _| {}).await;
    let get = async |server: &Server, path: &str| {
        let response = server.send(request(Method::GET, path).body(Body::empty()).unwrap()).await;
        let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (kind, String::from_utf8(bytes.into()).unwrap())
    };
    let script = "text/javascript; charset=utf-8".to_owned();
    let (kind, text) = get(&own, "/solution/page.js").await;
    assert!(kind == script && text.contains("export const renderer"), "{text}");
    assert_eq!(get(&own, "/solution/lib/letters.js").await.0, script);
    assert_eq!(get(&without, "/solution/page.js").await, (script, String::new()));
    assert_eq!(get(&without, "/solution/page.css").await, ("text/css; charset=utf-8".to_owned(), String::new()));
    for path in
        ["/solution/lib", "/solution/app.js", "/solution/..%2F..%2Ftesting.rs", "/solution/", "/solution/lib/page.js"]
    {
        assert_eq!(own.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}
