//! `rate`: a rating, at once.

use std::process::ExitCode;

use bootcamp_core::Result;
use bootcamp_kit::{Context, OwnCommand, Printer};
use clap::{Arg, ArgMatches, Command, value_parser};
use futures::future::BoxFuture;

use super::text;
use crate::rate::{Given, take};
use crate::serving::Serving;
use crate::truth::catalogue::{find, name_of};

pub const COMMAND: OwnCommand = OwnCommand { define, writes: true, run };

fn define() -> Command {
    Command::new("rate")
        .about("Keep a user's rating of an item; their recommendations change at once")
        .arg(Arg::new("user").required(true).value_name("USER").help("The user; a new one becomes known"))
        .arg(Arg::new("item").required(true).value_name("ITEM").help("The item's id, or its title"))
        .arg(
            Arg::new("value")
                .required(true)
                .value_name("VALUE")
                .allow_negative_numbers(true)
                .value_parser(value_parser!(f64))
                .help("The rating"),
        )
        .arg(Arg::new("time").long("time").value_name("TIME").help("When it was given [default: now]"))
        .arg(
            Arg::new("id")
                .long("id")
                .value_name("ID")
                .help("What makes it different from others of the same user and item; without it, the last one counts"),
        )
}

fn run(context: Context, matches: ArgMatches, printer: Printer) -> BoxFuture<'static, Result<ExitCode>> {
    Box::pin(async move {
        // A typing error must not become an item.
        context.existing().await?;
        let (_, fields) = find(&context, text(&matches, "item")).await?;
        let optional = |name: &str| matches.get_one::<String>(name).cloned();
        let given = Given {
            user: text(&matches, "user").to_owned(),
            item: name_of(&fields).to_owned(),
            value: matches.get_one::<f64>("value").copied(),
            time: optional("time").map(Into::into),
            id: optional("id"),
        };
        let taken = take(&context, &Serving::default(), vec![given]).await?;
        if printer.json {
            printer.json(&taken)?;
        } else if taken.folded > 0 {
            printer.line("kept; the recommendations have changed");
        } else {
            printer.line("kept; there is no trained model yet");
        }
        Ok(ExitCode::SUCCESS)
    })
}
