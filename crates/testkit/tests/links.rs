//! Links of the project's Markdown files to its other files lead somewhere.

use std::path::{Path, PathBuf};

use crate::layering::{files, workspace_folder};

/// Where the links of a Markdown text lead that name a file beside it, without their anchors. Code is left out.
fn relative_links(markdown: &str) -> Vec<&str> {
    let mut in_code = false;
    let mut links = Vec::new();
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            // What stands between backticks is every second part.
            let prose = line.split('`').step_by(2);
            let starts = [("](", ')'), ("src=\"", '"'), ("href=\"", '"')];
            links.extend(prose.flat_map(|text| {
                starts.into_iter().flat_map(move |(start, end)| {
                    text.split(start).skip(1).filter_map(move |rest| rest.split([end, ' ', '#']).next())
                })
            }));
        }
    }
    links.retain(|link| !link.is_empty() && !link.contains(':'));
    links
}

#[test]
fn links_lead_somewhere() {
    let root = workspace_folder();
    let mut markdown: Vec<PathBuf> = files(&root, "md");
    markdown.sort();
    assert!(markdown.contains(&root.join("README.md")));
    let mut wrong = Vec::new();
    for file in &markdown {
        for link in relative_links(&std::fs::read_to_string(file).unwrap()) {
            if !file.parent().unwrap_or(Path::new(".")).join(link).exists() {
                wrong.push(format!(
                    "{} links to {link}, which is not there",
                    file.strip_prefix(&root).unwrap().display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn links_are_found() {
    let markdown = "
[a](docs/a.md#part), [`b`](b.rs) and ![c](c.png \"title\"); <img src=\"d.png\"> <a href=\"e.md\">e</a>
[here](#part) [there](https://example.org/f.md) `[code](g.md)`
```
[code](h.md)
```
[i](i.md)";
    assert_eq!(relative_links(markdown), ["docs/a.md", "b.rs", "c.png", "d.png", "e.md", "i.md"]);
}
