//! What people write for a store, a Redis or a hub: told apart in one place, so that a server's address with a slip in
//! it is never taken for a folder. What is refused is answered by the spelling that was meant, and no message repeats a
//! user or password.

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;

use crate::schema::check_name;
use crate::{Error, Result};

/// Where a store is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Folder(PathBuf),
    Server(Server),
}

/// A Milvus server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// `http://host` or `https://host`, with the port if one was given; in lower case.
    pub(crate) uri: String,
    /// The URI's path: pymilvus takes it for the database, too.
    pub(crate) database: Option<String>,
}

/// What is set: blanks around it mean nothing, and blanks alone do not set anything.
pub(crate) fn set(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// A store's address. A folder is a path (`./x`, `/x`, `~/x`), or a name that nobody could mean otherwise.
pub(crate) fn store(text: &str) -> Result<Store> {
    let text = text.trim();
    if let Some((scheme, rest)) = text.split_once("://") {
        return match scheme.to_ascii_lowercase().as_str() {
            scheme @ ("http" | "https") => server(scheme, rest).map(Store::Server),
            other => Err(no_scheme(other, rest)),
        };
    }
    let refused = |what: &str, hint: String| Err(Error::invalid(format!("'{}' {what}", shown(text))).with_hint(hint));
    if let Some(rest) = text.strip_prefix("//").or_else(|| text.strip_prefix(r"\\")) {
        let path = rest.replace('\\', "/");
        return refused(
            "is neither a folder nor a server",
            format!("write http://{} for a server, or /{} for a folder", shown(rest), shown(&path)),
        );
    }
    if text == "~" || text.starts_with("~/") {
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        return match home {
            Some(home) => Ok(Store::Folder(home.join(text.trim_start_matches(['~', '/'])))),
            None => refused("needs a home folder, and HOME is not set", "write the folder's whole path".to_owned()),
        };
    }
    let is_path = text.starts_with('/') || matches!(text.split('/').next(), Some("." | ".."));
    if is_path {
        return Ok(Store::Folder(PathBuf::from(text)));
    }
    if text.contains('\\') || is_drive(text) {
        return refused("is a path of Windows", "write it with slashes, such as ./data or /mnt/c/data".to_owned());
    }
    if text.starts_with('~') {
        return refused("is a home folder that only a shell knows", "write the folder's whole path".to_owned());
    }
    if looks_like_server(text) {
        let meant = format!("write {} for a server, or ./{} for a folder", meant_server(text), shown(text));
        return refused("looks like a server's address", meant);
    }
    if text.trim_end_matches('/').to_ascii_lowercase().ends_with(".db") {
        return refused(
            "looks like a file of Milvus Lite, which this program does not open",
            format!(
                "write ./{text} for a folder of that name, or the address of a Milvus Lite server, http://host:port"
            ),
        );
    }
    Ok(Store::Folder(PathBuf::from(text)))
}

/// The server's address and database in what follows `http://`.
fn server(scheme: &str, rest: &str) -> Result<Server> {
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err(Error::invalid("the Milvus URI contains a user or password")
            .with_hint("set MILVUS_USER and MILVUS_PASSWORD, or MILVUS_TOKEN, instead"));
    }
    let authority = authority.trim_end_matches(':').to_ascii_lowercase();
    let shown = format!("{scheme}://{authority}");
    let wrong = |why: &str| Error::invalid(format!("the Milvus URI '{shown}' {why}"));
    if authority.is_empty() {
        return Err(wrong("has no host").with_hint(format!("write {scheme}://host:port")));
    }
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Err(
            wrong("has an IPv6 address without brackets").with_hint(format!("write {scheme}://[{authority}]:port"))
        );
    }
    let (host, port) = host_and_port(&authority);
    if !is_host(host) {
        return Err(wrong("has an invalid host").with_hint(format!("write {scheme}://host:port")));
    }
    if port.is_some_and(|port| port.parse::<u16>().unwrap_or(0) == 0) {
        return Err(wrong("has an invalid port").with_hint("a port is a number from 1 to 65535"));
    }
    if path.contains(['?', '#']) {
        return Err(wrong("is followed by '?' or '#', which means nothing here")
            .with_hint(format!("write {shown}, or {shown}/database")));
    }
    let database = path.trim_end_matches('/');
    let database = database.strip_prefix('/').unwrap_or(database);
    if database.contains('/') {
        return Err(wrong("is followed by a path of several parts; expected at most the database's name")
            .with_hint(format!("write {shown}, or {shown}/database")));
    }
    if !database.is_empty() {
        check_name("database", database)
            .map_err(|error| error.context(format_args!("the path of the Milvus URI '{shown}' names the database")))?;
    }
    let database = Some(database).filter(|name| !name.is_empty()).map(str::to_owned);
    Ok(Server { uri: shown, database })
}

/// For schemes that are not those of a Milvus server.
fn no_scheme(scheme: &str, rest: &str) -> Error {
    let rest = shown(rest);
    let hint = match scheme {
        "tcp" | "grpc" | "milvus" | "h2c" => format!("write http://{rest}"),
        "grpcs" | "tls" | "ssl" | "tcps" | "milvuss" => format!("write https://{rest}"),
        "file" => format!("write the folder's path, {}", rest.trim_start_matches("localhost")),
        _ => "give a folder, or http://host:port or https://host:port of a Milvus server".to_owned(),
    };
    Error::invalid(format!("'{scheme}://' is not a kind of store")).with_hint(hint)
}

/// Whether a text without `://` that is no path with a beginning (`./`, `/`) may be meant for a server.
fn looks_like_server(text: &str) -> bool {
    if text.contains([':', '@', '[', ']']) {
        return true;
    }
    let host = text.split('/').next().unwrap_or_default();
    let labels: Vec<&str> = host.split('.').collect();
    let is_name = |label: &&str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let is_top = |label: &&str| label.len() > 1 && label.bytes().all(|b| b.is_ascii_alphabetic());
    let is_domain = labels.len() > 2 && labels.iter().all(is_name) && labels.last().is_some_and(is_top);
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok() || is_domain
}

/// The URI that was probably meant by a server's address without `http://`.
fn meant_server(text: &str) -> String {
    if text.parse::<Ipv6Addr>().is_ok() {
        return format!("http://[{text}]:19530");
    }
    let (scheme, rest) = match text.split_once(':') {
        Some((word, rest)) if !rest.starts_with(|c: char| c.is_ascii_digit()) || rest.starts_with("//") => {
            match word.to_ascii_lowercase().as_str() {
                "unix" => return "http://host:port".to_owned(),
                "https" => ("https", rest),
                "http" | "tcp" | "grpc" => ("http", rest),
                _ => ("http", text),
            }
        }
        _ => ("http", text),
    };
    let rest = shown(rest.trim_start_matches('/'));
    // Whoever writes the address alone means the usual port.
    let has_port = host_and_port(rest.split('/').next().unwrap_or_default()).1.is_some();
    if has_port || scheme == "https" || rest.contains('/') {
        format!("{scheme}://{rest}")
    } else {
        format!("{scheme}://{rest}:19530")
    }
}

/// A Redis's address as its client takes it.
pub(crate) fn redis(text: &str) -> Result<String> {
    const FORM: &str = "set REDIS_URL to redis://[user:password@]host[:port][/database], or unix:///path of a socket";
    let text = text.trim();
    let wrong = |what: String| Err(Error::invalid(what));
    let Some((scheme, rest)) = text.split_once("://") else {
        let hint = match text.split_once(':') {
            Some(("unix", path)) if path.starts_with('/') => format!("write unix://{path}"),
            Some(("redis" | "valkey", rest)) if rest.starts_with('/') => {
                format!("write redis://{}", shown(rest.trim_start_matches('/')))
            }
            _ if text.starts_with("//") => format!("write redis:{}", shown(text)),
            _ if text.starts_with('/') => format!("write unix://{text}"),
            _ if text.is_empty() => FORM.to_owned(),
            _ => format!("write redis://{}", shown(text)),
        };
        return Err(Error::invalid("REDIS_URL does not begin with redis://").with_hint(hint));
    };
    let scheme = scheme.to_ascii_lowercase();
    match scheme.as_str() {
        "redis" | "valkey" => {}
        "unix" | "redis+unix" | "valkey+unix" if rest.starts_with('/') => return Ok(format!("{scheme}://{rest}")),
        "unix" | "redis+unix" | "valkey+unix" => {
            return wrong(format!("REDIS_URL begins with {scheme}:// but names no socket"))
                .map_err(|error| error.with_hint("write unix:///path/to/redis.sock, with three slashes"));
        }
        "rediss" | "valkeys" => {
            return Err(Error::invalid(format!(
                "REDIS_URL begins with {scheme}://, and TLS to Redis is not supported"
            ))
            .with_hint("write redis://…, by way of a tunnel where the network is not trusted"));
        }
        _ => {
            let hint = format!("write redis://{}", shown(rest));
            let hint = if matches!(scheme.as_str(), "tcp" | "http" | "https") { hint } else { FORM.to_owned() };
            return Err(
                Error::invalid(format!("REDIS_URL begins with '{scheme}://', which is not Redis")).with_hint(hint)
            );
        }
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, address) = authority.rsplit_once('@').map_or(("", authority), |(user, address)| (user, address));
    let (host, port) = host_and_port(address);
    let port = port.filter(|port| !port.is_empty());
    if !is_host(host) {
        let hint = match address.parse::<Ipv6Addr>() {
            Ok(_) => format!("write redis://[{address}]"),
            // A password with '/', '?' or '#' in it ends the address too early.
            Err(_) if rest[authority.len()..].contains('@') => {
                "write '/', '?', '#' and '@' within the password as %2F, %3F, %23 and %40".to_owned()
            }
            Err(_) => FORM.to_owned(),
        };
        return Err(Error::invalid("the host in REDIS_URL is missing or invalid").with_hint(hint));
    }
    if port.is_some_and(|port| port.parse::<u16>().unwrap_or(0) == 0) {
        let hint = match path.contains('@') {
            true => "write '/', '?', '#' and '@' within the password as %2F, %3F, %23 and %40",
            false => "a port is a number from 1 to 65535",
        };
        return Err(Error::invalid("the port in REDIS_URL is invalid").with_hint(hint));
    }
    let database = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    if !database.is_empty() && database.parse::<u32>().is_err() {
        return Err(Error::invalid("the database in REDIS_URL is not a number")
            .with_hint("write redis://host:port/0, or another database's number"));
    }
    let user = if user.is_empty() { String::new() } else { format!("{user}@") };
    let port = port.map_or(String::new(), |port| format!(":{port}"));
    let query = path.find('?').map_or("", |at| &path[at..]);
    Ok(format!("{scheme}://{user}{host}{port}/{database}{query}"))
}

/// The address of a hub, without its last slash; a path is a mirror's own matter.
#[cfg_attr(not(feature = "encoders"), allow(dead_code, reason = "only models are downloaded"))]
pub(crate) fn hub(variable: &str, text: &str) -> Result<String> {
    let text = text.trim();
    let wrong = || Error::invalid(format!("{variable} is not an http:// or https:// address without a user"));
    let Some((scheme, rest)) = text.split_once("://") else {
        let rest = text.split_once(':').filter(|(word, _)| word.to_ascii_lowercase().starts_with("http"));
        let rest = rest.map_or(text, |(_, rest)| rest).trim_start_matches('/');
        return Err(wrong().with_hint(format!("write https://{}", shown(rest.trim_end_matches('/')))));
    };
    let scheme = scheme.to_ascii_lowercase();
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = host_and_port(authority);
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    if !matches!(scheme.as_str(), "http" | "https") || authority.contains('@') || !is_host(host) || !is_port {
        return Err(wrong().with_hint("set it to https://huggingface.co or a mirror, and the token in HF_TOKEN"));
    }
    if path.contains(['?', '#']) || path.contains(char::is_whitespace) {
        return Err(Error::invalid(format!("{variable} has '?', '#' or a blank in it"))
            .with_hint(format!("write {scheme}://{authority}")));
    }
    Ok(format!("{scheme}://{}{}", authority.to_ascii_lowercase(), path.trim_end_matches('/')))
}

/// Splits `host:port`; the colons of an IPv6 address stand in brackets.
fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    let start = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[start..].find(':') {
        Some(at) => (&authority[..start + at], Some(&authority[start + at + 1..])),
        None => (authority, None),
    }
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)),
    }
}

/// A drive of Windows: `C:`, `c:/data`.
fn is_drive(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!(bytes, [letter, b':'] | [letter, b':', b'/', ..] if letter.is_ascii_alphabetic())
}

/// A text for messages: without user and password, or a query, which may hold a key.
fn shown(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    text.rsplit_once('@').map_or(text, |(_, rest)| rest).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_paths_and_plain_names() {
        for text in [
            "./data",
            "../data",
            ".",
            "..",
            "/var/lib/store",
            "data",
            "my data",
            "data/store",
            "store.v2",
            "data.2026.11",
            "./localhost:19530",
            "./milvus.db",
            "/a/milvus.db",
            "/data:1",
            "./a@b",
            "dbs",
            "x.dbx",
            "höhle",
        ] {
            assert_eq!(store(text).unwrap(), Store::Folder(PathBuf::from(text)), "{text}");
        }
        assert_eq!(store(" ./data \n").unwrap(), Store::Folder(PathBuf::from("./data")));
        if let Some(home) = std::env::home_dir() {
            assert_eq!(store("~/data").unwrap(), Store::Folder(home.join("data")));
        }
    }

    #[test]
    fn servers_are_known_however_they_are_written() {
        for (text, uri, database) in [
            ("http://host:19530", "http://host:19530", None),
            ("HTTP://HOST:19530", "http://host:19530", None),
            ("  https://host/ ", "https://host", None),
            ("http://host:", "http://host", None),
            ("http://my_host-1.example.com:19530//", "http://my_host-1.example.com:19530", None),
            ("http://[::1]:19530", "http://[::1]:19530", None),
            ("http://[::1]", "http://[::1]", None),
            ("http://127.0.0.1", "http://127.0.0.1", None),
            ("http://host:19530/mydb", "http://host:19530", Some("mydb")),
            ("Https://host/MyDb/", "https://host", Some("MyDb")),
            ("http://host/default", "http://host", Some("default")),
        ] {
            let database = database.map(str::to_owned);
            assert_eq!(store(text).unwrap(), Store::Server(Server { uri: uri.to_owned(), database }), "{text}");
        }
    }

    #[test]
    fn what_may_be_meant_for_a_server_is_no_folder() {
        for (text, meant) in [
            ("localhost:19530", "write http://localhost:19530 for a server, or ./localhost:19530 for a folder"),
            ("localhost", "write http://localhost:19530 for a server"),
            ("LOCALHOST", "write http://LOCALHOST:19530"),
            ("localhost/mydb", "write http://localhost/mydb"),
            ("localhost:19530/mydb", "write http://localhost:19530/mydb"),
            ("milvus:19530", "write http://milvus:19530"),
            ("in01-x.example.com:19531", "write http://in01-x.example.com:19531"),
            ("in01-x.example.com", "write http://in01-x.example.com:19530"),
            ("127.0.0.1", "write http://127.0.0.1:19530"),
            ("127.0.0.1:19530", "write http://127.0.0.1:19530"),
            ("[::1]:19530", "write http://[::1]:19530"),
            ("[::1]", "write http://[::1]:19530"),
            ("::1", "write http://[::1]:19530"),
            ("http:/host", "write http://host:19530"),
            ("http:host:19530", "write http://host:19530"),
            ("HTTPS:/host", "write https://host"),
            ("tcp:localhost:19530", "write http://localhost:19530"),
            ("unix:/tmp/x.sock", "write http://host:port"),
            ("unix:///tmp/x.sock", "http://host:port"),
            ("tcp://host:19530", "write http://host:19530"),
            ("GRPC://host:19530", "write http://host:19530"),
            ("grpcs://host", "write https://host"),
            ("milvus://host", "write http://host"),
            ("//host", "write http://host for a server, or /host for a folder"),
            ("//host:19530/db", "write http://host:19530/db"),
            ("milvus.db", "write ./milvus.db for a folder"),
            ("MILVUS.DB", "write ./MILVUS.DB"),
            ("data/milvus.db", "write ./data/milvus.db"),
            ("milvus.db/", "write ./milvus.db/"),
            ("file:///x/y", "write the folder's path, /x/y"),
            ("file://localhost/x", "write the folder's path, /x"),
            ("sqlite:///x.db", "give a folder"),
            ("redis://host", "give a folder"),
            ("s3://bucket/x", "give a folder"),
            ("://host", "give a folder"),
            (r"C:\data", "write it with slashes"),
            ("C:/data", "write it with slashes"),
            ("c:", "write it with slashes"),
            (r"data\store", "write it with slashes"),
            (r"\\host\share", "write http://"),
            ("~me/data", "whole path"),
            ("http://", "write http://host:port"),
            ("http:///db", "write http://host:port"),
            ("http://:19530", "write http://host:port"),
            ("http://ho st", "write http://host:port"),
            ("http://host:port", "from 1 to 65535"),
            ("http://host:0", "from 1 to 65535"),
            ("http://host:195300", "from 1 to 65535"),
            ("http://host:1:2", "from 1 to 65535"),
            ("http://::1", "write http://[::1]:port"),
            ("http://[::1", "write http://host:port"),
            ("http://host/a/b", "write http://host, or http://host/database"),
            ("http://host/?db=a", "write http://host, or http://host/database"),
            ("http://host/a#b", "write http://host, or http://host/database"),
            ("http://host/my-db", "a name starts with a letter"),
            ("http://http://host", "write http://http, or"),
        ] {
            let error = store(text).expect_err(text);
            assert_eq!(error.kind(), crate::ErrorKind::InvalidInput);
            assert!(error.hint().is_some_and(|hint| hint.contains(meant)), "{text}: {error} ({:?})", error.hint());
        }
    }

    #[test]
    fn addresses_of_redis_are_checked() {
        for (text, url) in [
            ("redis://host", "redis://host/"),
            (" REDIS://host:6379/ ", "redis://host:6379/"),
            ("redis://user:p%40ss@host:6379/3", "redis://user:p%40ss@host:6379/3"),
            ("redis://:p@ss@host", "redis://:p@ss@host/"),
            ("valkey://host/1?protocol=resp3", "valkey://host/1?protocol=resp3"),
            ("redis://[::1]:6379", "redis://[::1]:6379/"),
            ("unix:///tmp/x.sock", "unix:///tmp/x.sock"),
            ("redis+unix:///tmp/x.sock?db=1", "redis+unix:///tmp/x.sock?db=1"),
        ] {
            assert_eq!(redis(text).unwrap(), url, "{text}");
        }
        for (text, meant) in [
            ("localhost:6379", "write redis://localhost:6379"),
            ("redis:6379", "write redis://redis:6379"),
            ("host", "write redis://host"),
            ("redis:/host", "write redis://host"),
            ("//host", "write redis://host"),
            ("unix:/tmp/x.sock", "write unix:///tmp/x.sock"),
            ("/tmp/x.sock", "write unix:///tmp/x.sock"),
            ("unix://tmp/x.sock", "three slashes"),
            ("http://host:6379", "write redis://host:6379"),
            ("tcp://host:6379", "write redis://host:6379"),
            ("mysql://host", "set REDIS_URL to redis://"),
            ("rediss://host", "write redis://"),
            ("valkeys://host", "write redis://"),
            ("redis://", "set REDIS_URL to redis://"),
            ("redis://::1", "write redis://[::1]"),
            ("redis://host:port", "from 1 to 65535"),
            ("redis://host/zero", "write redis://host:port/0"),
            ("redis://host/-1", "write redis://host:port/0"),
            ("redis://host/0/1", "write redis://host:port/0"),
        ] {
            let error = redis(text).expect_err(text);
            assert!(error.hint().is_some_and(|hint| hint.contains(meant)), "{text}: {error} ({:?})", error.hint());
        }
    }

    #[test]
    fn addresses_of_hubs_are_checked() {
        let hub = |text: &str| super::hub("HF_ENDPOINT", text);
        for (text, url) in [
            ("https://huggingface.co", "https://huggingface.co"),
            (" HTTPS://Hf-Mirror.com/ ", "https://hf-mirror.com"),
            ("http://127.0.0.1:8080//", "http://127.0.0.1:8080"),
            ("https://host/Mirror/hf/", "https://host/Mirror/hf"),
        ] {
            assert_eq!(hub(text).unwrap(), url, "{text}");
        }
        for (text, meant) in [
            ("huggingface.co", "write https://huggingface.co"),
            ("hf-mirror.com/", "write https://hf-mirror.com"),
            ("localhost:8080", "write https://localhost:8080"),
            ("https:/huggingface.co", "write https://huggingface.co"),
            ("https:huggingface.co", "write https://huggingface.co"),
            ("//huggingface.co", "write https://huggingface.co"),
            ("https://", "set it to https://huggingface.co"),
            ("ftp://host", "set it to https://huggingface.co"),
            ("https://host:x", "set it to https://huggingface.co"),
            ("https://host/?a=b", "write https://host"),
        ] {
            let error = hub(text).expect_err(text);
            assert!(error.hint().is_some_and(|hint| hint.contains(meant)), "{text}: {error} ({:?})", error.hint());
        }
    }

    #[test]
    fn secrets_are_not_repeated() {
        for rest in ["me:hunter2@host:1", ":hunter2@host", "me:hun/hunter2@host/x", "host?token=hunter2", "me:hunter2@"]
        {
            for before in [
                "",
                "http://",
                "https:/",
                "tcp://",
                "redis:",
                "redis://",
                "rediss://",
                "//",
                "unix:",
                "file://",
                "x://",
            ] {
                let text = format!("{before}{rest}");
                let errors = [store(&text).err(), redis(&text).err(), hub("HF_ENDPOINT", &text).err()];
                for error in errors.into_iter().flatten() {
                    assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}: {error:?}");
                }
            }
        }
    }
}
