//! Answers as people read them on a terminal.

use bootcamp_core::Result;
use bootcamp_kit::api::{HitBody, SearchBody};
use bootcamp_kit::{Printer, SearchQuery, Solution};
use serde_json::{Value, json};

use crate::generate::Endpoint;
use crate::solution::QuestionAnswering;
use crate::written::{Outcome, write};

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
    let endpoint = endpoint.filter(|_| !body.hits.is_empty());
    if printer.json {
        let written = match endpoint {
            Some(endpoint) => {
                let (text, outcome) = written(endpoint, question, &body.hits, |_| ()).await;
                outcome.map(|outcome| json!({"text": text, "citations": outcome.citations, "notes": outcome.notes}))
            }
            None => None,
        };
        return printer.json(&json!({"answers": body, "written": written}));
    }
    print(&body, printer);
    if let Some(endpoint) = endpoint {
        printer.line("");
        let (_, outcome) = written(endpoint, question, &body.hits, |piece| printer.text(piece)).await;
        printer.line("");
        outcome.iter().flat_map(|outcome| &outcome.notes).for_each(|note| printer.note(note));
    }
    Ok(())
}

/// The answer that an endpoint writes from what was found, and what came of it. Its pieces are told as they arrive.
async fn written(
    endpoint: Endpoint,
    question: &str,
    hits: &[HitBody],
    told: impl Fn(&str),
) -> (String, Option<Outcome>) {
    let (mut pieces, writing) = write(endpoint, question.to_owned(), hits);
    let writing = tokio::spawn(writing);
    let mut text = String::new();
    while let Some(piece) = pieces.recv().await {
        told(&piece);
        text.push_str(&piece);
    }
    (text, writing.await.ok())
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
