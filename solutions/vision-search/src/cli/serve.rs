//! `serve`

use std::net::SocketAddr;
use std::process::ExitCode;

use bootcamp_core::Result;
use bootcamp_kit::ServerFile;
use bootcamp_kit::command::ServeArgs;
use bootcamp_kit::http::serve_routes;

use super::App;
use crate::http::{Server, router, spool};

pub async fn run(app: &App, args: ServeArgs, file: ServerFile) -> Result<ExitCode> {
    let options = args.options(file, app.printer)?;
    let server = Server::new(app.brain.clone(), &app.home, options);
    let printer = app.printer;
    let on_listening = move |address: SocketAddr| {
        printer.line(format_args!("{} is at http://{address} (stop with Ctrl-C)", crate::FACTS.title));
    };
    serve_routes(server.shell(), router(&server), spool(&app.home), &on_listening).await?;
    Ok(ExitCode::SUCCESS)
}
