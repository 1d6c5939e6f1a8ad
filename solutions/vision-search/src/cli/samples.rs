//! `samples` and `tag`: looking at the samples or patches of a view, and tagging them.

use std::process::ExitCode;

use bootcamp_core::{Error, Result};
use bootcamp_kit::blocking;
use clap::Args;
use serde_json::json;

use super::App;
use super::view::ViewArgs;
use crate::library::Start;
use crate::sample::{Field, Sample};

/// Rows of a list, unless `--take` says otherwise.
const ROWS: u64 = 20;

#[derive(Args, Debug)]
pub struct SamplesArgs {
    /// The dataset
    dataset: String,
    /// List the patches of this field instead of samples
    #[arg(long, value_name = "FIELD")]
    patches: Option<String>,
    /// Print all ids, one a line, in the order in which embeddings are given
    #[arg(long)]
    ids: bool,
    #[command(flatten)]
    view: ViewArgs,
}

pub async fn list(app: &App, args: SamplesArgs) -> Result<ExitCode> {
    let dataset = app.dataset(&args.dataset).await?;
    let view = args.view.view()?;
    let printer = app.printer;
    if args.ids {
        let ids = blocking(move || match args.patches {
            Some(field) => dataset.patch_ids(&view, &field),
            None => dataset.ids(&view),
        });
        let ids = ids.await?;
        if printer.json {
            printer.json(&ids)?;
        } else {
            ids.iter().for_each(|id| printer.line(id));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let limit = view.take.unwrap_or(ROWS);
    if let Some(field) = args.patches {
        let (total, patches) = blocking(move || {
            Ok((dataset.patch_count(&view, &field)?, dataset.patches(&view, &field, Start::At(0), limit)?))
        })
        .await?;
        if printer.json {
            printer.json(&json!({"patches": patches, "total": total}))?;
            return Ok(ExitCode::SUCCESS);
        }
        let shown = patches.len();
        printer.table(
            &["label", "class", "box", "sample"],
            patches.into_iter().map(|patch| {
                let label = patch.label;
                let bounds = label.bounds().map_or(String::new(), |bounds| bounds.map(|x| format!("{x:.3}")).join(" "));
                vec![label.id.to_string(), label.label.unwrap_or_default(), bounds, patch.sample.to_string()]
            }),
        );
        printer.note(format_args!("{shown} of {total} patches"));
        return Ok(ExitCode::SUCCESS);
    }
    let (total, samples) =
        blocking(move || Ok((dataset.count(&view)?, dataset.page(&view, Start::At(0), limit)?))).await?;
    if printer.json {
        printer.json(&json!({"samples": samples, "total": total}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let shown = samples.len();
    printer.table(
        &["sample", "file", "tags", "labels"],
        samples.into_iter().map(|sample| {
            let labels = summary(&sample);
            vec![sample.id.to_string(), sample.filepath, sample.tags.join(", "), labels]
        }),
    );
    printer.note(format_args!("{shown} of {total} samples"));
    Ok(ExitCode::SUCCESS)
}

/// `ground_truth: swan 2, owl; weather: rain`
pub fn summary(sample: &Sample) -> String {
    let field = |(name, field): (&String, &Field)| match field {
        Field::Value(value) => format!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
        Field::Labels(labels) => {
            let mut classes: Vec<(&str, usize)> = Vec::new();
            for label in &labels.labels {
                let class = label.label.as_deref().unwrap_or("?");
                match classes.iter_mut().find(|(known, _)| *known == class) {
                    Some((_, count)) => *count += 1,
                    None => classes.push((class, 1)),
                }
            }
            let class = |(class, count): &(&str, usize)| {
                if *count == 1 { (*class).to_owned() } else { format!("{class} {count}") }
            };
            format!("{name}: {}", classes.iter().map(class).collect::<Vec<_>>().join(", "))
        }
    };
    sample.fields.iter().map(field).collect::<Vec<_>>().join("; ")
}

#[derive(Args, Debug)]
pub struct TagArgs {
    /// The dataset
    dataset: String,
    /// A tag that the samples get
    #[arg(long = "add", value_name = "TAG")]
    add: Vec<String>,
    /// A tag that they lose
    #[arg(long = "remove", value_name = "TAG")]
    remove: Vec<String>,
    #[command(flatten)]
    view: ViewArgs,
}

pub async fn tag(app: &App, args: TagArgs) -> Result<ExitCode> {
    if args.add.is_empty() && args.remove.is_empty() {
        return Err(Error::invalid("there is no tag to add or remove").with_hint("give one with --add or --remove"));
    }
    let dataset = app.dataset(&args.dataset).await?;
    let view = args.view.view()?;
    let changed = blocking(move || crate::tags::change(&dataset, &view, &args.add, &args.remove)).await?;
    if app.printer.json {
        app.printer.json(&json!({"changed": changed}))?;
    } else {
        app.printer.line(format_args!("{changed} tags changed"));
    }
    Ok(ExitCode::SUCCESS)
}
