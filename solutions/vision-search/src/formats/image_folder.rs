//! Pictures in folders, without labels.

use bootcamp_core::Result;
use bootcamp_kit::path_name;

use super::export::{Export, Unique};
use super::{Format, Found, Reading, Writer, folder, lacks};
use crate::sample::Sample;

pub(super) fn read(reading: &Reading) -> Result<Found> {
    if !reading.root.is_dir() {
        return Err(lacks(Format::ImageFolder, &reading.root, "folder"));
    }
    let found = folder::pictures(&reading.root, &reading.remarks);
    Ok(Box::new(found.map(|found| found.map(|path| Sample::new(path_name(&path))))))
}

pub(super) struct ImageFolder;

impl Writer for ImageFolder {
    fn add(&mut self, sample: &Sample, export: &mut Export) -> Result<()> {
        if export.picture(sample, "", Unique::Name)?.is_some() {
            export.labels(sample, &[], |_, _| false);
            export.leave_tags(sample);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: &mut Export) -> Result<()> {
        Ok(())
    }
}
