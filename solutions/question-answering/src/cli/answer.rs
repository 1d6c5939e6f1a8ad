//! Answers as people read them on a terminal.

use bootcamp_core::Result;
use bootcamp_kit::api::{HitBody, SearchBody};
use bootcamp_kit::{Printer, SearchQuery, Solution};
use serde_json::{Value, json};

use crate::generate::Endpoint;
use crate::solution::QuestionAnswering;
use crate::written::write;

/// Lines of an answer that are shown; the page and `show` have all.
const LINES: usize = 12;

/// Asks, prints what is found, and the answer that is written from it, where there is an endpoint.
pub async fn answer(
    solution: &QuestionAnswering,
    query: &SearchQuery,
    question: &str,
    endpoint: Option<Endpoint>,
    printer: Printer,
) -> Result<()> {
    let start = std::time::Instant::now();
    let found = solution.search(query).await?;
    let body = SearchBody::new(solution, found, start.elapsed());
    if !printer.json {
        print(&body, printer);
    }
    let mut text = String::new();
    let mut outcome = None;
    if let Some(endpoint) = endpoint.filter(|_| !body.hits.is_empty()) {
        if !printer.json {
            printer.line("");
        }
        let (mut pieces, writing) = write(endpoint, question.to_owned(), &body.hits);
        let writing = tokio::spawn(writing);
        while let Some(piece) = pieces.recv().await {
            if !printer.json {
                printer.text(&piece);
            }
            text.push_str(&piece);
        }
        outcome = writing.await.ok();
        if !printer.json {
            printer.line("");
        }
    }
    if printer.json {
        let written =
            outcome.map(|outcome| json!({"text": text, "citations": outcome.citations, "notes": outcome.notes}));
        printer.json(&json!({"answers": body, "written": written}))?;
    } else if let Some(outcome) = outcome {
        outcome.notes.iter().for_each(|note| printer.note(note));
    }
    Ok(())
}

fn print(body: &SearchBody, printer: Printer) {
    for note in &body.notes {
        printer.note(note);
    }
    for (number, hit) in (1..).zip(&body.hits) {
        if number > 1 {
            printer.line("");
        }
        printer.line(format_args!("[{number}] {:.2}  {}", hit.score, hit.item.title));
        if let Some(details) = &hit.details {
            let scores: Vec<String> = details
                .iter()
                .filter(|(_, value)| value.is_number())
                .map(|(name, value)| format!("{name} {:.3}", value.as_f64().unwrap_or_default()))
                .collect();
            if !scores.is_empty() {
                printer.line(format_args!("    {}", scores.join(", ")));
            }
        }
        let text = text(hit, "answer");
        let lines: Vec<&str> = text.lines().collect();
        for line in lines.iter().take(LINES) {
            printer.line(format_args!("    {line}"));
        }
        if lines.len() > LINES {
            printer.line(format_args!(
                "    … {} more lines: question-answering show {}",
                lines.len() - LINES,
                hit.item.id
            ));
        }
        printer.line(format_args!("    — {}", source(hit)));
    }
}

fn text<'a>(hit: &'a HitBody, name: &str) -> &'a str {
    hit.item.fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Where it comes from, with its page.
fn source(hit: &HitBody) -> String {
    let page = hit.item.fields.get("page").and_then(Value::as_i64).map(|page| format!(", page {page}"));
    format!("{}{}", text(hit, "path"), page.unwrap_or_default())
}
