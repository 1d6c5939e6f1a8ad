//! The program as it is started.

#![cfg(test)] // clippy allows `unwrap` in what says so

use std::process::Command;

#[test]
fn arguments_that_name_nothing_are_told_what_there_is() {
    for arguments in [&[][..], &["store"], &["store", "2m"], &["molecule", "import", "1k"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_bootcamp-bench")).args(arguments).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && told.contains("usage: bootcamp-bench store SCALE"),
            "{arguments:?}: {told}"
        );
    }
}
