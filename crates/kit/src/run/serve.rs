//! `serve`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bootcamp_core::{Error, ErrorKind, Result, local};
use clap::Args;
use secrecy::SecretString;

use crate::http::{ServerOptions, serve};
use crate::printer::Printer;
use crate::program::Program;
use crate::settings::ServerFile;
use crate::solution::Solution;

/// How long a slow body is waited for.
const BODY_GRACE: Duration = Duration::from_secs(10);

#[derive(Args, Debug)]
#[command(after_help = "A token that every request must carry is read from BOOTCAMP_TOKEN, or `token` in the table \
    [server] of bootcamp.toml.")]
pub struct ServeArgs {
    /// The address to listen on [default: 127.0.0.1]
    #[arg(long, env = "BOOTCAMP_HOST")]
    host: Option<String>,
    /// The port; 0 for any free port [default: 8080]
    #[arg(long, env = "BOOTCAMP_PORT")]
    port: Option<u16>,
    /// A host name that browsers may use, beside localhost and IP addresses, and beside names without a dot if other
    /// machines can reach the server [default: none]
    #[arg(long = "allowed-host", env = "BOOTCAMP_ALLOWED_HOSTS", value_name = "NAME", value_delimiter = ',')]
    allowed_hosts: Vec<String>,
    /// A folder that the page and the API may import from [default: none]
    #[arg(long = "import-root", env = "BOOTCAMP_IMPORT_ROOTS", value_name = "FOLDER", value_delimiter = ':')]
    import_roots: Vec<PathBuf>,
    /// The maximum upload size in bytes [default: 32 MiB]
    #[arg(long, env = "BOOTCAMP_MAX_UPLOAD", value_name = "BYTES")]
    max_upload: Option<u64>,
    /// The maximum number of concurrent searches and uploads; excess requests get 429 [default: 32]
    #[arg(long, env = "BOOTCAMP_MAX_SEARCHES", value_name = "N")]
    max_searches: Option<usize>,
    /// The request timeout in seconds [default: 30]
    #[arg(long, env = "BOOTCAMP_REQUEST_TIMEOUT", value_name = "SECONDS")]
    request_timeout: Option<f64>,
}

pub async fn run(
    program: &'static Program,
    solution: Arc<dyn Solution>,
    args: ServeArgs,
    file: ServerFile,
    printer: Printer,
) -> Result<ExitCode> {
    let mut options = args.options(file, printer)?;
    // Load the model now: the first search must neither wait for it nor discover that it cannot be loaded.
    solution.warm_up().await?;
    let title = program.facts.title;
    let folder = solution.context().folder.clone();
    let secret = owner_secret()?;
    options.owner = folder.is_some().then(|| secret.clone());
    let on_listening = |address: SocketAddr| {
        let server = local::Server { address: format!("http://{}", on_this_machine(address)), secret: secret.clone() };
        if let Some(Err(error)) = folder.as_ref().map(|folder| local::announce(folder, &server)) {
            printer.warn(format_args!("other commands cannot write through this server: {error}"));
        }
        printer.line(format_args!("{title} is at http://{address} (stop with Ctrl-C)"));
    };
    serve(program, solution, options, &on_listening).await?;
    Ok(ExitCode::SUCCESS)
}

/// Where this machine reaches a server that may listen on all its addresses.
fn on_this_machine(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// The secret that proves access to the store's folder: 128 random bits, new at each start.
fn owner_secret() -> Result<SecretString> {
    let random = getrandom::u64().and_then(|high| Ok((high, getrandom::u64()?)));
    let (high, low) = random
        .map_err(|error| Error::new(ErrorKind::Internal, "the system provides no random numbers").with_source(error))?;
    Ok(format!("{high:016x}{low:016x}").into())
}

impl ServeArgs {
    /// What the flags, the environment and the settings file ask for; warns where others can reach the server.
    ///
    /// # Errors
    /// `InvalidInput` for values that make no sense, `NotFound` for an import root that is not there.
    pub fn options(self, file: ServerFile, printer: Printer) -> Result<ServerOptions> {
        let options = options(self, file)?;
        if options.token.is_none() && !options.is_loopback() {
            printer.warn(format_args!(
                "{} is reachable from other machines without a token (set BOOTCAMP_TOKEN)",
                options.host
            ));
        }
        Ok(options)
    }
}

fn options(args: ServeArgs, file: ServerFile) -> Result<ServerOptions> {
    let token = std::env::var("BOOTCAMP_TOKEN").ok().filter(|token| !token.is_empty()).map(SecretString::from);
    let seconds = args.request_timeout.or(file.timeout).unwrap_or(30.0);
    if !(seconds > 0.0 && seconds <= 86_400.0) {
        return Err(Error::invalid(format!(
            "the request timeout is {seconds} seconds, expected more than 0 and at most a day"
        )));
    }
    let roots = if args.import_roots.is_empty() { file.import_roots.unwrap_or_default() } else { args.import_roots };
    let import_roots = roots
        .iter()
        .map(|root| match root.canonicalize() {
            Ok(folder) if folder.is_dir() => Ok(folder),
            Ok(_) => Err(Error::invalid(format!("the import root {} is not a folder", root.display()))),
            Err(error) => Err(Error::io("cannot find the import root", root, error)),
        })
        .collect::<Result<Vec<_>>>()?;
    let allowed_hosts =
        if args.allowed_hosts.is_empty() { file.allowed_hosts.unwrap_or_default() } else { args.allowed_hosts };
    let max_searches = args.max_searches.or(file.max_searches).unwrap_or(32);
    if max_searches == 0 {
        return Err(Error::new(ErrorKind::InvalidInput, "the limit of concurrent searches is 0, expected at least 1"));
    }
    Ok(ServerOptions {
        host: args.host.or(file.host).unwrap_or_else(|| "127.0.0.1".to_owned()),
        port: args.port.or(file.port).unwrap_or(8080),
        allowed_hosts,
        token: token.or(file.token),
        owner: None,
        import_roots,
        max_upload: args.max_upload.or(file.max_upload).unwrap_or(32 << 20),
        max_searches,
        request_timeout: Duration::from_secs_f64(seconds),
        body_grace: BODY_GRACE,
    })
}
