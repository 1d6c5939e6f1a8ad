//! Feeds the filter parser and checker whatever libFuzzer finds: filters come from strangers over HTTP.
#![no_main]

use std::sync::LazyLock;

use bootcamp_core::{CollectionSpec, Filter, IdKind, Metric, ScalarField, VectorField};
use libfuzzer_sys::fuzz_target;

static SPEC: LazyLock<CollectionSpec> = LazyLock::new(|| {
    CollectionSpec::new("c", IdKind::Int)
        .vector(VectorField::f32("v", 4, Metric::L2))
        .scalar(ScalarField::bool("b"))
        .scalar(ScalarField::int("i"))
        .scalar(ScalarField::float("f").nullable())
        .scalar(ScalarField::string("s"))
        .scalar(ScalarField::json("m"))
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Filter::parse(text) {
        Ok(filter) => {
            let _ = filter.check(&SPEC);
            // What a program builds on it prints to the same; it may be longer and deeper than a text may be.
            let filter = filter.and(Filter::eq("i", 1));
            let printed = filter.to_string();
            match Filter::parse(&printed) {
                Ok(again) => assert_eq!(again, filter, "{printed}"),
                Err(error) => assert!(error.to_string().contains("nested") || printed.len() > 1 << 20, "{error}"),
            }
        }
        Err(error) => assert!(error.to_string().starts_with("filter: ")),
    }
});
