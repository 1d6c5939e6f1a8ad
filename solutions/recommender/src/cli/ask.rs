//! `recommend` and `similar`.

use std::process::ExitCode;

use bootcamp_core::{Error, Result};
use bootcamp_kit::{Context, Options, OwnCommand, Printer};
use clap::{Arg, ArgAction, ArgMatches, Command};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::{cells, item_json, options, query, texts, with_options, with_terms};
use crate::recommend::{Found, Reason};
use crate::solution::{OPTIONS, Recommender};
use crate::wish::USER;

pub const RECOMMEND: OwnCommand = OwnCommand { define: recommend, writes: false, run: run_recommend };
pub const SIMILAR: OwnCommand = OwnCommand { define: similar, writes: false, run: run_similar };

fn recommend() -> Command {
    let items = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("ITEM").action(ArgAction::Append).help(help)
    };
    let command = Command::new("recommend")
        .about("Recommend items to a user, or to somebody who likes some items")
        .arg(Arg::new("user").value_name("USER").help("The user, as the ratings call them"))
        .arg(items("like", "An item that is liked: its id, or its title; may be repeated"))
        .arg(items("unlike", "An item that is not wanted; may be repeated"));
    with_options(with_terms(command))
}

fn similar() -> Command {
    let command = Command::new("similar")
        .about("Find items that are like others")
        .arg(Arg::new("item").required(true).num_args(1..).value_name("ITEM").help("An item's id, or its title"));
    with_terms(command)
}

fn run_recommend(context: Context, matches: ArgMatches, printer: Printer) -> BoxFuture<'static, Result<ExitCode>> {
    Box::pin(async move {
        let user = matches.get_one::<String>("user").map(|user| format!("{USER}{user}"));
        let likes = texts(&matches, "like").into_iter().map(str::to_owned);
        let positive: Vec<String> = user.into_iter().chain(likes).collect();
        if positive.is_empty() {
            return Err(Error::invalid("nobody is asked for").with_hint("name a user, or items with --like"));
        }
        let negative = texts(&matches, "unlike").into_iter().map(str::to_owned).collect();
        let query = query(positive, negative, &matches, options(&matches)?)?;
        print(&Recommender::new(context).find(&query).await?, printer)
    })
}

fn run_similar(context: Context, matches: ArgMatches, printer: Printer) -> BoxFuture<'static, Result<ExitCode>> {
    Box::pin(async move {
        let items = texts(&matches, "item").into_iter().map(str::to_owned).collect();
        let options = Options::of(OPTIONS, [("mode", "similar")])?;
        print(&Recommender::new(context).find(&query(items, Vec::new(), &matches, options)?).await?, printer)
    })
}

fn print(found: &Found, printer: Printer) -> Result<ExitCode> {
    if printer.json {
        let hits: Vec<Value> = found
            .hits
            .iter()
            .enumerate()
            .map(|(at, hit)| {
                let mut body = item_json(&hit.fields);
                body["score"] = json!(hit.score);
                if let Some(reasons) = found.reasons.get(at) {
                    body["because"] = reasons.iter().map(Reason::json).collect();
                }
                body
            })
            .collect();
        printer.json(&json!({"hits": hits}))?;
        return Ok(ExitCode::SUCCESS);
    }
    if found.hits.is_empty() {
        printer.line("nothing passes the filter");
        return Ok(ExitCode::SUCCESS);
    }
    let explains = !found.reasons.is_empty();
    let mut header = vec!["", "score", "item", "title", "year", "genres"];
    header.extend(explains.then_some("because of"));
    let row = |(at, hit): (usize, &bootcamp_core::Hit)| {
        let mut row = vec![(at + 1).to_string(), format!("{:.4}", hit.score)];
        row.extend(cells(&hit.fields));
        row.extend(explains.then(|| because(found.reasons.get(at).map_or(&[], Vec::as_slice))));
        row
    };
    printer.table(&header, found.hits.iter().enumerate().map(row));
    Ok(ExitCode::SUCCESS)
}

/// `Toy Story (+0.21), Antz (+0.08)`.
fn because(reasons: &[Reason]) -> String {
    let one = |reason: &Reason| format!("{} ({:+.2})", reason.title, reason.adds);
    reasons.iter().map(one).collect::<Vec<_>>().join(", ")
}
