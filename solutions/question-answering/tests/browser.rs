//! A conversation on the page, in a real browser, against a real server.

use bootcamp_testkit::browser::Page;
use bootcamp_testkit::program::{Home, Server};
use fantoccini::key::Key;
use serde_json::json;

use crate::home;
use crate::written::{Says, endpoint};

/// The last turn.
const TURN: &str = "[data-testid=turn]:last-child";

fn imported() -> Home {
    let long = "Nothing else is known of it, and nobody has asked so far. ".repeat(40);
    let mill = "Köln 🌊 owned the mill from 1850 on. Who owned the mill before is not known; the city of Köln bought the mill \
                and owned it for many years. ";
    let pairs = [
        json!({"question": "How do I get my money back?", "answer": "Send it back within 30 days: we refund it.", "tags": ["orders"]}),
        json!({"question": "How long does delivery take?", "answer": "Grüße 🌊 aus Köln! Two days, up to ten days abroad."}),
        json!({"question": "What is <b>bold</b>?", "answer": "<img src=x onerror=\"window.hacked = 1\"><script>window.hacked = 1</script> is markup."}),
        json!({"question": "What happened then?", "answer": format!("{long}{mill}{long}")}),
    ];
    let lines: Vec<String> = pairs.iter().map(ToString::to_string).collect();
    let home = home().with("faq.jsonl", lines.join("\n"));
    let run = home.run(&["import", "faq.jsonl", "-q"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    home
}

async fn ask(page: &Page, question: &str) {
    page.write("#ask-input", question).await;
    page.keys("#ask-input", &char::from(Key::Enter).to_string()).await;
    page.wait(&format!("$('{TURN} .asked')?.textContent === {} && !$('{TURN}').ariaBusy", json!(question))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_asked_and_answered() {
    let home = imported();
    let server = Server::start(&home, &[]);
    let page = Page::open(&server.address).await;

    page.click("[data-testid=welcome] button").await;
    page.wait(&format!("$('{TURN}') && !$('{TURN}').ariaBusy")).await;

    ask(&page, "How long does delivery take?").await;
    page.wait_text(&format!("{TURN} .answers > li:first-child"), "aus Köln! Two days").await;
    page.wait_text(&format!("{TURN} .answers > li:first-child"), "1.00").await;
    page.wait_text(&format!("{TURN} [data-testid=source]"), "faq.jsonl").await;
    page.fits_and_is_named("an answer").await;

    // The best part of a long answer, whose place is told in bytes; words that are asked for.
    ask(&page, "Who owned the mill in Köln from 1850 on?").await;
    page.click(&format!("{TURN} [data-testid=show-all]")).await;
    page.wait_text(&format!("{TURN} [data-testid=show-all]"), "Show less").await;
    let best = page.text(&format!("{TURN} .answers > li:first-child [data-testid=best]")).await;
    assert!(best.contains("Köln 🌊 owned the mill") && best.len() < 2000, "{best}");
    let marked = page.list(&format!("$$('{TURN} mark').map(({{ textContent }}) => textContent)")).await;
    assert!(marked.iter().any(|word| word == "Köln") && marked.iter().any(|word| word == "mill"), "{marked:?}");

    // What an answer says is text.
    ask(&page, "What is <b>bold</b>?").await;
    page.wait_text(&format!("{TURN} .answers"), "<script>window.hacked = 1</script> is markup.").await;
    page.wait("window.hacked === undefined && !$('.log script, .log img, .log b')").await;

    ask(&page, "What is the capital of Mongolia?").await;
    page.wait_text(&format!("{TURN} [data-testid=notes]"), "No good answer").await;

    // The address asks, and leads back.
    page.load("#search?words=How+do+I+get+my+money+back%3F").await;
    page.wait_text(".answers > li:first-child", "30 days").await;
    page.click(".answers > li:first-child [data-testid=find-similar]").await;
    page.wait("$$('[data-testid=similar]').length > 0").await;
    page.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn written_answers_cite_what_was_found() {
    let home = imported();
    let (url, _) = endpoint(Says::Pieces(vec!["Two days [", "1], they say [8]."]));
    let mut command = home.command(&["serve", "--port", "0"]);
    command.env("BOOTCAMP_GENERATE_URL", url).env("BOOTCAMP_GENERATE_MODEL", "test");
    let server = Server::of(command);
    let page = Page::open(&server.address).await;
    ask(&page, "How long does delivery take?").await;
    page.wait_text("[data-testid=written-text]", "Two days 1, they say").await;
    page.wait_text("[data-testid=notes]", "Left out citations of what was not retrieved: 8").await;
    page.click("[data-testid=cite]").await;
    page.wait("document.activeElement.textContent.includes('Two days, up to ten')").await;
    page.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_on() {
    let home = imported();
    let (url, _) = endpoint(Says::Nothing);
    let mut command = home.command(&["serve", "--port", "0"]);
    command.env("BOOTCAMP_GENERATE_URL", url).env("BOOTCAMP_GENERATE_MODEL", "test");
    let server = Server::of(command);
    let page = Page::open(&server.address).await;

    // The slash leads to the composer, and shift makes a line of Enter.
    page.wait("$('[data-testid=example]')").await;
    page.eval("document.activeElement.blur()").await;
    page.keys("body", "/").await;
    page.wait("document.activeElement.id === 'ask-input' && $('#ask-input').value === ''").await;
    let (shift, enter) = (char::from(Key::Shift), char::from(Key::Enter));
    page.keys("#ask-input", &format!("How long{shift}{enter}{shift}does delivery take?{enter}")).await;
    page.wait_text(&format!("{TURN} .asked"), "How long\ndoes delivery take?").await;

    // What was found is there while nothing is written, and stays when that is stopped.
    page.wait_text(&format!("{TURN} .answers > li:first-child"), "Two days").await;
    page.wait_text(&format!("{TURN} [data-testid=turn-status]"), "writing an answer").await;
    page.click("#ask-stop").await;
    page.wait_text(&format!("{TURN} [data-testid=turn-status]"), "Stopped – ").await;
    page.wait(&format!("!$shown('#ask-stop') && !$('{TURN}').ariaBusy && $$('{TURN} .answers > li').length > 0")).await;
    page.click("#ask-options summary").await;
    page.click("#ask-generate").await;

    // Scores of the parts of the search, and a filter: a mistake in it stands beside it, and the question can be asked again.
    page.click("#ask-explain").await;
    page.write("#ask-filter", "nonsense ==").await;
    ask(&page, "How can I get my money back?").await;
    page.wait("$('#ask-options').open && $shown('#ask-filter-error') && $('#ask-filter').ariaInvalid === 'true'").await;
    page.write("#ask-filter", "question like \"%money%\"").await;
    page.click(&format!("{TURN} [data-testid=again]")).await;
    page.wait_text(&format!("{TURN} .answers > li:first-child"), "30 days").await;
    page.wait_text(&format!("{TURN} .answers > li:first-child [data-testid=details]"), "dense").await;
    page.wait("location.hash === '#search?words=How+can+I+get+my+money+back%3F&explain=true'").await;

    // Back to a turn that is there still, which is not asked once more.
    page.eval("history.back()").await;
    page.wait("location.hash.startsWith('#search?words=How+long') && $$('[data-testid=turn]').length === 2").await;
    page.wait("!$('#ask-explain').checked").await;

    // An entry at large, and what is like it from there.
    page.eval("$('#ask-options').open = false").await;
    page.click("[data-testid=turn] [data-testid=open]").await;
    page.wait("$('#detail').open").await;
    page.wait_text("#detail .large-text", "Two days").await;
    page.click("#detail-more").await;
    page.wait_text(&format!("{TURN} .asked"), "Like “How long does delivery take?”").await;
    page.wait(&format!("$$('{TURN} .answers > li').length > 0")).await;
    page.click("#ask-new").await;
    page.wait(
        "location.hash === '#search' && $$('[data-testid=turn]').length === 0 && $shown('[data-testid=welcome]')",
    )
    .await;

    page.load("#ask?q=How+long+does+delivery+take%3F").await;
    page.wait_text(".asked", "How long does delivery take?").await;
    page.wait_text("[data-testid=turn-status]", "writing an answer").await;
    page.keys("#ask-input", &char::from(Key::Escape).to_string()).await;
    page.wait_text("[data-testid=turn-status]", "Stopped – ").await;
    page.finish(&["400 (Bad Request)"]).await;
}

/// What the page's modules compute, against what is known of it.
#[tokio::test(flavor = "multi_thread")]
async fn places_words_and_events_are_found() {
    let server = Server::start(&home(), &[]);
    let page = Page::open(&server.address).await;
    page.wait_text("[data-testid=welcome]", "The collection is empty").await;

    let text = "Grüße 🌊 aus Köln: naïve 👩‍👩‍👧 日本 – the end";
    for part in ["Grüße", "🌊", "Köln: na", "👩‍👩‍👧 日", "the end"] {
        let from = text.find(part).unwrap();
        let call = format!("rangeOf({}, {from}, {})", json!(text), from + part.len());
        let slice = format!(
            "import('/solution/text.js').then(({{ rangeOf }}) => {{ const r = {call}; return {}.slice(r.start, r.end); }})",
            json!(text)
        );
        assert_eq!(page.eval(&slice).await, part);
    }

    let asked =
        "import('/solution/text.js').then(({ asked }) => asked('How do I read_file 3 Größen of the FILE, 日本?'))";
    assert_eq!(page.eval(asked).await, json!(["read", "file", "größen", "日本"]));
    let forms = [
        ("refunds", "refunding", true),
        ("größe", "größen", true),
        ("cat", "car", false),
        ("2024", "20245", false),
        ("file", "filter", false),
    ];
    for (one, other, expected) in forms {
        let call = format!("import('/solution/text.js').then(({{ areForms }}) => areForms('{one}', '{other}'))");
        assert_eq!(page.eval(&call).await, expected, "{one} {other}");
    }

    // Of a long text, what surrounds its best part, in whole words; all of a short one.
    let long = format!("{}needle {}", "hay ".repeat(1000), "straw ".repeat(1000));
    let call = format!(
        "import('/solution/text.js').then(({{ excerpt }}) => {{ const e = excerpt({}, {{ start: 4000, end: 4006 }}); return {}.slice(e.start, e.end); }})",
        json!(long),
        json!(long)
    );
    let excerpt = page.eval(&call).await;
    let excerpt = excerpt.as_str().unwrap();
    assert!(excerpt.starts_with("hay ") && excerpt.contains("needle") && excerpt.ends_with("straw"), "{excerpt}");
    assert!((300..1000).contains(&excerpt.len()), "{}", excerpt.len());
    let short = "import('/solution/text.js').then(({ excerpt }) => excerpt('All of it.', null))";
    assert_eq!(page.eval(short).await, json!({"start": 0, "end": 10}));

    // However a stream is cut.
    let stream = ": a comment\r\nevent: a\r\ndata: {\"x\":\r\ndata:  \"ü🌊\u{2028}\"}\r\n\r\nid: 3\n\nevent:b\rdata:2\r\revent: c\ndata: cut";
    let cut = format!(
        "import('/assets/events.js').then(({{ createParser }}) => {{
            const text = {};
            const all = new Set();
            for (let i = 0; i <= text.length; i += 1)
                for (let j = i; j <= text.length; j += 1) {{
                    const parse = createParser();
                    all.add(JSON.stringify([text.slice(0, i), text.slice(i, j), text.slice(j)].flatMap(parse)));
                }}
            return [...all].map(JSON.parse);
        }})",
        json!(stream)
    );
    let events = json!([{"event": "a", "data": "{\"x\":\n \"ü🌊\u{2028}\"}"}, {"event": "b", "data": "2"}]);
    assert_eq!(page.eval(&cut).await, json!([events]));
    // An empty collection has no map.
    page.finish(&["404 (Not Found)"]).await;
}
