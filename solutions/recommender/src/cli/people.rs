//! `audience`, `explain` and `history`: items and users, the other way round.

use std::process::ExitCode;

use bootcamp_core::{Id, Result};
use bootcamp_kit::{Context, OwnCommand, Printer};
use clap::{Arg, ArgAction, ArgMatches, Command};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::{cells, item_json, k, text, with_terms};
use crate::audience::audience;
use crate::ratings::Duplicates;
use crate::recommend::{Reason, explain};
use crate::serving::{Model, Serving};
use crate::truth::catalogue::{by_id, find};
use crate::truth::events::{history, item_id};
use crate::wish::Named;

pub const AUDIENCE: OwnCommand = OwnCommand { define: define_audience, writes: false, run: run_audience };
pub const EXPLAIN: OwnCommand = OwnCommand { define: define_explain, writes: false, run: run_explain };
pub const HISTORY: OwnCommand = OwnCommand { define: define_history, writes: false, run: run_history };

fn user() -> Arg {
    Arg::new("user").required(true).value_name("USER").help("The user, as the ratings call them")
}

fn item() -> Arg {
    Arg::new("item").required(true).value_name("ITEM").help("The item's id, or its title")
}

fn define_audience() -> Command {
    let command = Command::new("audience")
        .about("Find the users who would want an item")
        .arg(item())
        .arg(Arg::new("seen").long("seen").action(ArgAction::SetTrue).help("Also those who have rated it already"));
    with_terms(command).mut_arg("filter", |filter| {
        filter.help("Only users that match, in Milvus's expression language: `ratings > 20 and facts[\"age\"] < 30`")
    })
}

fn define_explain() -> Command {
    Command::new("explain")
        .about("Say which of a user's items speak for an item, and by how much")
        .arg(user())
        .arg(item())
}

fn define_history() -> Command {
    Command::new("history").about("List what a user has rated, the latest first").arg(user())
}

async fn named(context: &Context, matches: &ArgMatches) -> Result<Named> {
    let (id, fields) = find(context, text(matches, "item")).await?;
    Ok(Named { id, fields })
}

fn run_audience(context: Context, matches: ArgMatches, printer: Printer) -> BoxFuture<'static, Result<ExitCode>> {
    Box::pin(async move {
        let item = named(&context, &matches).await?;
        let filter = matches.get_one::<String>("filter").map(String::as_str);
        let hits =
            audience(&context, &Serving::default(), &item, k(&matches), filter, matches.get_flag("seen")).await?;
        let field = |hit: &bootcamp_core::Hit, name: &str| hit.fields.get(name).cloned().unwrap_or_default();
        if printer.json {
            let users: Vec<Value> = hits
                .iter()
                .map(|hit| json!({"user": field(hit, "user"), "score": hit.score, "ratings": field(hit, "ratings"), "facts": field(hit, "facts")}))
                .collect();
            printer.json(&json!({"item": item_json(&item.fields), "users": users}))?;
            return Ok(ExitCode::SUCCESS);
        }
        let shown = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let row = |(at, hit): (usize, &bootcamp_core::Hit)| {
            let own = ["user", "ratings", "facts"].map(|name| shown(field(hit, name)));
            [vec![(at + 1).to_string(), format!("{:.4}", hit.score)], own.to_vec()].concat()
        };
        printer.table(&["", "score", "user", "ratings", "facts"], hits.iter().enumerate().map(row));
        Ok(ExitCode::SUCCESS)
    })
}

fn run_explain(context: Context, matches: ArgMatches, printer: Printer) -> BoxFuture<'static, Result<ExitCode>> {
    Box::pin(async move {
        let item = named(&context, &matches).await?;
        let (score, reasons) = explain(&context, &Serving::default(), text(&matches, "user"), &item).await?;
        if printer.json {
            let because: Vec<Value> = reasons.iter().map(Reason::json).collect();
            printer.json(&json!({"item": item_json(&item.fields), "score": score, "because": because}))?;
            return Ok(ExitCode::SUCCESS);
        }
        printer.note(format_args!("the score is {score:.4}; each item adds to it"));
        let row = |reason: &Reason| vec![format!("{:+.4}", reason.adds), reason.item.clone(), reason.title.clone()];
        printer.table(&["adds", "item", "title"], reasons.iter().map(row));
        Ok(ExitCode::SUCCESS)
    })
}

fn run_history(context: Context, matches: ArgMatches, printer: Printer) -> BoxFuture<'static, Result<ExitCode>> {
    Box::pin(async move {
        context.existing().await?;
        let user = text(&matches, "user");
        let rated = history(&context, user, Duplicates::Last).await?;
        if rated.is_empty() {
            return Err(Model::no_user(user));
        }
        let ids: Vec<Id> = rated.iter().map(|rated| item_id(&rated.item)).collect();
        let fields = by_id(&context, &ids).await?;
        let shown = rated.iter().zip(&ids).map(|(rated, id)| (rated, fields.get(id).cloned().unwrap_or_default()));
        if printer.json {
            let list: Vec<Value> = shown
                .map(|(rated, fields)| {
                    let mut body = item_json(&fields);
                    body["item"] = rated.item.clone().into();
                    body["value"] = json!(rated.value);
                    body["time"] = json!(rated.time);
                    body
                })
                .collect();
            printer.json(&json!({"user": user, "ratings": list}))?;
            return Ok(ExitCode::SUCCESS);
        }
        let row = |(rated, fields): (&crate::truth::events::Rated, bootcamp_core::Fields)| {
            let mut row = vec![rated.value.to_string()];
            row.extend(cells(&fields));
            row
        };
        printer.table(&["value", "item", "title", "year", "genres"], shown.map(row));
        Ok(ExitCode::SUCCESS)
    })
}
