//! Running a solution's binary as its users do, for its tests.

use std::process::Output;

/// What a run gave.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Run {
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap_or_else(|error| panic!("it printed no text: {error}"));
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// All of it, for a snapshot.
    pub fn shown(&self) -> String {
        let code = self.code.map_or("killed".to_owned(), |code| code.to_string());
        format!("exit code: {code}\n--- out\n{}--- err\n{}", self.out, self.err)
    }
}
