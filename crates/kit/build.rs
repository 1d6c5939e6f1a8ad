//! Has the crate built again when the page changes, whose files are part of it.

fn main() {
    println!("cargo::rerun-if-changed=page");
}
