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
