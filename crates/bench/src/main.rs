//! The program; all of it is in the library, which has tests and documentation.

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    bootcamp_bench::run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}
