//! The HTTP API beside what `written` asks of it.

use bootcamp_testkit::program::Server;
use serde_json::json;

use crate::{home, imported};

#[test]
fn the_api_keeps_its_own_word() {
    let home = imported();
    let server = Server::start(&home, &["--import-root", home.path().to_str().unwrap()]);
    server.keeps_its_word(6);
    assert_eq!(server.get("/api/v1/info")["name"], "question-answering", "it is still there");
}

#[test]
fn uploads_are_read_as_files_are() {
    let home = home();
    let server = Server::start(&home, &[]);
    let html = "<title>Shop</title><h1>Refunds</h1><p>We refund within a week.</p><script>alert('no')</script>";
    let files: [(&str, &[u8]); 3] = [
        ("shop.html", html.as_bytes()),
        ("faq.csv", b"question,answer\nWho are you?,A shop.\n,No question.\n"),
        ("broken.pdf", b"%PDF-1.4 broken"),
    ];
    let done = server.send_files("/api/v1/items", &files).unwrap();
    let skipped: Vec<&str> =
        done["skipped"].as_array().unwrap().iter().filter_map(|skip| skip["source"].as_str()).collect();
    assert_eq!((&done["added"], &skipped[..]), (&json!(2), &["faq.csv:3", "broken.pdf"][..]), "{done}");
    let search = |words: &str| {
        let body = json!({"positive": [{"words": words}], "options": {"threshold": 0}});
        server.post("/api/v1/search", &body).unwrap()["hits"][0]["fields"].clone()
    };
    let page = search("refund");
    assert!(page.to_string().contains("We refund within a week.") && !page.to_string().contains("alert"), "{page}");
}
