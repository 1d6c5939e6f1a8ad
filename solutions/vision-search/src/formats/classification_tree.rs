//! A folder for each class. FiftyOne takes the first folder's name as the class; here a folder within a folder is a class
//! with a `/`, so that nothing of the tree is lost.

use std::path::{Component, Path};

use bootcamp_core::Result;
use bootcamp_kit::path_name;
use bootcamp_kit::source::Skip;

use super::export::{Export, Holds, Unique};
use super::{Format, Found, Reading, Writer, folder, labels, lacks, skip};
use crate::sample::{Label, LabelKind, Sample};

/// The folder of pictures without a class.
const UNLABELED: &str = "_unlabeled";

pub(super) fn read(reading: &Reading) -> Result<Found> {
    if !reading.root.is_dir() {
        return Err(lacks(Format::ClassificationTree, &reading.root, "folder"));
    }
    let (root, field) = (reading.root.clone(), reading.field());
    let found = folder::pictures(&root, &reading.remarks);
    Ok(Box::new(found.map(move |path| sample(&path?, &root, &field))))
}

fn sample(path: &Path, root: &Path, field: &str) -> Result<Sample, Skip> {
    let class = path.parent().and_then(|folder| folder.strip_prefix(root).ok()).map(path_name).unwrap_or_default();
    let mut sample = Sample::new(path_name(path));
    match class.as_str() {
        "" => return Err(skip(sample.filepath, "it lies in no class's folder")),
        UNLABELED => {}
        class => {
            let label = Label::new(Label::id_at(sample.id, field, 0), class);
            sample.fields.insert(field.to_owned(), labels(LabelKind::Classification, vec![label]));
        }
    }
    Ok(sample)
}

pub(super) struct ClassificationTree;

impl Writer for ClassificationTree {
    fn add(&mut self, sample: &Sample, export: &mut Export) -> Result<()> {
        if !export.has_picture(sample) {
            return Ok(());
        }
        let found = export.labels(sample, &[LabelKind::Classification], |_, _| false);
        let label = found.and_then(|labels| labels.labels.first());
        let class = label.and_then(|label| export.class(label));
        let folder = class.filter(|class| {
            let is_folder = is_folder(class);
            if !is_folder {
                export.remarks.named("classes that cannot be a folder's name,", class);
            }
            is_folder
        });
        if export.picture(sample, folder.unwrap_or(UNLABELED), Unique::Name)?.is_some() {
            label.into_iter().for_each(|label| export.leave_of_label(label, Holds::default()));
            export.leave_tags(sample);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: &mut Export) -> Result<()> {
        Ok(())
    }
}

/// Whether a class comes back when it is a folder's name.
fn is_folder(class: &str) -> bool {
    let parts = class.split('/');
    let is_name = |part: &str| !part.is_empty() && !part.starts_with('.') && part.len() <= 255 && !part.contains('\0');
    let path = Path::new(class);
    class != UNLABELED
        && parts.clone().all(is_name)
        && path.components().all(|part| matches!(part, Component::Normal(_)))
        && path_name(path) == class
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_folders_or_not() {
        for class in ["cat", "animals/cat", "a b", "ü", "a\\b", "..."].iter().filter(|class| !class.starts_with('.')) {
            assert!(is_folder(class), "{class}");
        }
        for class in ["", ".", "..", "a/../b", "/a", "a/", "a//b", ".hidden", "_unlabeled", "a\0", &"x".repeat(256)] {
            assert!(!is_folder(class), "{class:?}");
        }
    }
}
