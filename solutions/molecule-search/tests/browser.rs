//! What chemists do on the page, in a real browser, against a real server.

use bootcamp_testkit::browser::Page;
use bootcamp_testkit::program::{Home, Server};
use fantoccini::key::Key;

use crate::home;

const MOLECULES: &str = "\
CC(=O)Oc1ccccc1C(=O)O aspirin
OC(=O)c1ccccc1O salicylic acid
CC(=O)Nc1ccc(O)cc1 paracetamol
CC(C)Cc1ccc(cc1)C(C)C(=O)O ibuprofen
Cn1cnc2c1c(=O)n(C)c(=O)n2C caffeine
Cn1c(=O)c2[nH]cnc2n(C)c1=O theophylline
c1ccccc1 benzene
";

/// The titles of the hits, best first.
const TITLES: &str = "$$('#results .card-title').map(({ textContent }) => textContent)";

fn imported() -> Home {
    let home = home().with("known.smi", MOLECULES);
    assert_eq!(home.run(&["import", "known.smi", "-q"]).code, Some(0));
    home
}

async fn wait_first(page: &Page, title: &str) {
    page.wait(&format!("{TITLES}[0] === '{title}'")).await;
}

async fn choose(page: &Page, name: &str, value: &str) {
    page.eval(&format!(
        "(() => {{ $('#choice-{name}').value = '{value}'; $('#choice-{name}').dispatchEvent(new Event('change')); }})()"
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn searching_for_structures() {
    let home = imported();
    let server = Server::start(&home, &[]);
    let page = Page::open(&server.address).await;
    page.wait("$('#count').textContent === '7 molecules' && $$('#welcome-items [data-testid=item]').length === 7")
        .await;
    page.wait("$$('#welcome-items img').every((picture) => picture.naturalWidth > 0)").await;

    // An example is drawn, told, and searched with.
    page.click("[data-testid=words-example]").await;
    wait_first(&page, "aspirin").await;
    page.wait("$shown('#words-drawing img') && $('#words-drawing img').naturalWidth > 0").await;
    page.wait_text("#words-note", "C9H8O4, 180.2 Da").await;
    page.wait_text("#results li:first-child .card-facts", "C9H8O4 · 180.2 Da · logP 1.3").await;
    page.wait_text("#results li:first-child .score", "1.00").await;
    page.fits_and_is_named("an answer").await;

    // What is typed is checked while it is: the mistake is pointed at, the last answer stays.
    page.write("#words", "c1ccccc1C(=O").await;
    page.wait_text("#words-error", "a branch that is never closed").await;
    page.wait_text("#words-error pre", "c1ccccc1C(=O").await;
    page.wait("$('#words').ariaInvalid === 'true' && !$shown('#words-drawing') && $('#results.stale')").await;
    page.keys("#words", ")O").await;
    page.wait("!$shown('#words-error') && $shown('#words-drawing') && !$('#results.stale')").await;
    page.wait_text("#words-note", "C7H6O2").await;
    wait_first(&page, "salicylic acid").await;

    // Contains, with the atoms marked; contained in; by name.
    choose(&page, "mode", "contains").await;
    page.wait(&format!("{TITLES}.join() === 'salicylic acid,aspirin'")).await;
    page.wait_text("#status", "2 matches").await;
    page.wait("$('#results img').src.includes('mark=')").await;
    page.write("#words", "[#7;R]~[#6;R]=O").await;
    page.wait_text("#words-note", "SMARTS of 3 atoms").await;
    page.wait(&format!("{TITLES}.sort().join() === 'caffeine,theophylline'")).await;
    choose(&page, "mode", "contained-in").await;
    page.wait_text("#words-error", "SMILES").await;
    page.write("#words", "CC(=O)Oc1ccccc1C(=O)OCC").await;
    page.wait(&format!("{TITLES}.sort().join() === 'aspirin,benzene,salicylic acid'")).await;
    choose(&page, "mode", "named").await;
    page.write("#words", "ETAMOL").await;
    page.wait(&format!("{TITLES}.join() === 'paracetamol'")).await;
    choose(&page, "mode", "similar").await;
    page.wait_text("#words-error", "choose the mode 'named'").await;

    // From a hit on: it takes the place of what was typed, and the other way round.
    page.write("#words", "Cn1cnc2c1c(=O)n(C)c(=O)n2C").await;
    wait_first(&page, "caffeine").await;
    page.click("#results li:first-child [data-testid=more]").await;
    wait_first(&page, "theophylline").await;
    page.wait("$('#words').value === '' && $$('#examples li').length === 1 && location.hash.startsWith('#search?id=')")
        .await;
    page.wait("$('#stage-picture img').naturalWidth > 0").await;
    page.write("#words", "c1ccccc1").await;
    wait_first(&page, "benzene").await;
    page.wait("$$('#examples li').length === 0 && location.hash === '#search?words=c1ccccc1'").await;

    // Other measures, thresholds and filters.
    choose(&page, "coefficient", "dice").await;
    page.wait_text("#results li:first-child .card-facts", "dice 1.00").await;
    page.wait("$shown('#choice-min-similarity') && !$shown('#choice-alpha') && !$shown('#choice-syntax')").await;
    page.write("#choice-min-similarity", "0.9").await;
    page.wait(&format!("{TITLES}.join() === 'benzene'")).await;
    page.write("#choice-min-similarity", "").await;
    page.write("#filter", "mw > 190").await;
    page.wait(&format!("{TITLES}.sort().join() === 'caffeine,ibuprofen'")).await;
    page.keys("#filter", &format!("{}a{}{}", Key::Control, Key::Null, Key::Delete)).await;

    wait_first(&page, "benzene").await;

    // What is asked for has an address, and back leads to the last one.
    page.wait("location.hash === '#search?words=c1ccccc1&coefficient=dice'").await;
    page.eval("location.hash = '#search?words=%5B%237%3BR%5D&mode=contains'").await;
    page.wait(&format!("{TITLES}.sort().join() === 'caffeine,theophylline'")).await;
    page.wait("$('#words').value === '[#7;R]' && $('#choice-mode').value === 'contains'").await;
    page.wait("$shown('#choice-syntax') && !$shown('#choice-coefficient') && !$shown('#choice-min-similarity')").await;
    page.eval("history.back()").await;
    wait_first(&page, "benzene").await;
    page.wait("$('#choice-mode').value === 'similar' && $('#choice-coefficient').value === 'dice'").await;

    // The answer as a file.
    page.wait("$$('#downloads button').map(({ textContent }) => textContent).join() === 'CSV,SDF'").await;
    page.eval("(() => { window.saved = []; const make = URL.createObjectURL; URL.createObjectURL = (blob) => { if (!blob.type.startsWith('image')) blob.text().then((text) => saved.push(text)); return make(blob); }; })()").await;
    for (format, first, last) in [("sdf", "benzene\n", "$$$$\n"), ("csv", "rank,id,title", "\n")] {
        page.click(&format!("[data-testid=save-{format}]")).await;
        let text = page.wait("saved.shift()").await.as_str().unwrap().to_owned();
        assert!(text.starts_with(first) && text.ends_with(last), "{text}");
    }

    // The molecule at large.
    page.click("#results li:first-child [data-testid=open]").await;
    page.wait("$('#detail').open && $('#detail-picture img').naturalWidth > 0").await;
    page.wait_text("#detail-fields", "c1ccccc1").await;
    page.click("#detail-close").await;
    page.finish(&["400 (Bad Request)"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn importing_a_file_of_molecules() {
    let home = imported();
    let server = Server::start(&home, &[]);
    let file = home.path().join("mine.smi");
    std::fs::write(&file, "CCO.[Na+].[Cl-] ethanol\nC1CC broken\n").unwrap();
    let page = Page::open(&server.address).await;
    page.view("import").await;
    page.click("#import-choices summary").await;
    page.click("#import-largest-fragment").await;
    page.choose("#upload-file", &[&file]).await;
    page.wait_text("#upload-report", "Done").await;
    page.wait_text("#upload-report", "mine.smi:2").await;
    page.wait("$('#count').textContent === '8 molecules'").await;
    let ethanol = server.get("/api/v1/items?filter=name%20%3D%3D%20%22ethanol%22");
    assert_eq!(ethanol["items"][0]["fields"]["smiles"], "CCO", "the largest fragment alone");
    page.view("search").await;
    page.choose("#query-file", &[&file]).await;
    wait_first(&page, "ethanol").await;
    page.finish(&[]).await;
}
