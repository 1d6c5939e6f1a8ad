//! Real Milvus servers: 2.3.5 standalone, and Milvus Lite's. Both come from PyPI, see `scripts/test-servers`.
//!
//! A standalone server takes ten seconds to start and half a gigabyte of memory, and nextest runs every test in a
//! process of its own: a test that needs one starts one and runs all its cases on it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bootcamp_core::milvus::MilvusStore;
use bootcamp_core::{
    CollectionSpec, ErrorKind, IdKind, Metric, MilvusConfig, Record, SearchRequest, StoreSettings, VectorField,
    VectorStore,
};
use tempfile::TempDir;

use crate::process::{ServerProcess, artefact, free_ports, touch, write_file};

/// What a server is to ask of its clients.
#[derive(Clone, Debug, Default)]
pub struct MilvusOptions {
    /// User and password; there is `root` with password `Milvus`.
    pub authorization: bool,
    /// Certificates in this folder: `server.pem`, `server.key`, `ca.pem`.
    pub tls: Option<Tls>,
    /// The test kills it: once it is started again, it waits ten seconds rather than thirty for what it was before.
    pub killed: bool,
}

/// Transport security.
#[derive(Clone, Debug)]
pub struct Tls {
    pub folder: PathBuf,
    /// Clients must show a certificate too.
    pub mutual: bool,
    /// How the readiness check connects.
    pub settings: StoreSettings,
}

/// A Milvus 2.3.5 standalone server on loopback.
#[derive(Debug)]
pub struct MilvusServer {
    process: ServerProcess,
    folder: TempDir,
    settings: StoreSettings,
    web_port: u16,
}

impl MilvusServer {
    /// Starts a server on an empty folder and waits until it answers.
    pub async fn start() -> Self {
        Self::start_with(&MilvusOptions::default()).await
    }

    /// [`MilvusServer::start`] with options.
    pub async fn start_with(options: &MilvusOptions) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder for Milvus: {error}"));
        let [port, web_port, ports @ ..] = free_ports::<13>();
        configure(folder.path(), port, &ports, options);
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let mut settings = options.tls.as_ref().map_or_else(StoreSettings::default, |tls| tls.settings.clone());
        settings.uri = Some(format!("{scheme}://127.0.0.1:{port}"));
        if options.authorization {
            settings.user = Some("root".into());
            settings.password = Some("Milvus".to_owned().into());
        }
        let process = spawn(folder.path(), web_port);
        let mut server = Self { process, folder, settings, web_port };
        server.wait().await;
        server
    }

    /// Where it listens, and how to get in.
    pub fn settings(&self) -> StoreSettings {
        self.settings.clone()
    }

    /// A connection with all else as by default.
    pub fn config(&self) -> MilvusConfig {
        config(&self.settings)
    }

    /// Kills the server.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again after [`MilvusServer::kill`], on the same folder and ports.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = spawn(self.folder.path(), self.web_port);
        self.wait().await;
    }

    async fn wait(&mut self) {
        let config = self.config();
        self.process.wait_until_ready(Duration::from_secs(120), async || answers(&config).await).await;
    }
}

impl Drop for MilvusServer {
    fn drop(&mut self) {
        self.process.kill();
        // The server leaves this behind wherever its folder is.
        let _ = std::fs::remove_file(format!("/tmp/milvus/server_id_{}", self.process.id()));
    }
}

/// Milvus Lite's server on loopback.
#[derive(Debug)]
pub struct MilvusLiteServer {
    process: ServerProcess,
    folder: TempDir,
    settings: StoreSettings,
    port: u16,
}

impl MilvusLiteServer {
    /// Starts a server on an empty folder and waits until it answers.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder for Milvus Lite: {error}"));
        let [port] = free_ports();
        let settings = StoreSettings { uri: Some(format!("http://127.0.0.1:{port}")), ..StoreSettings::default() };
        let mut server = Self { process: spawn_lite(folder.path(), port), folder, settings, port };
        server.wait().await;
        server
    }

    /// Kills the server.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again after [`MilvusLiteServer::kill`], on the same folder and port.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = spawn_lite(self.folder.path(), self.port);
        self.wait().await;
    }

    async fn wait(&mut self) {
        let config = self.config();
        self.process.wait_until_ready(Duration::from_secs(60), async || answers(&config).await).await;
    }

    /// Where it listens.
    pub fn settings(&self) -> StoreSettings {
        self.settings.clone()
    }

    /// A connection with all else as by default.
    pub fn config(&self) -> MilvusConfig {
        config(&self.settings)
    }
}

fn config(settings: &StoreSettings) -> MilvusConfig {
    match settings.clone().resolve().map(|config| config.place) {
        Ok(bootcamp_core::Place::Milvus(config)) => *config,
        other => panic!("these settings lead to no server: {other:?}"),
    }
}

/// Whether the server stores a record and finds it again: its port is open, and its health endpoint content, long
/// before.
async fn answers(config: &MilvusConfig) -> bool {
    probe(config).await.is_ok()
}

async fn probe(config: &MilvusConfig) -> bootcamp_core::Result<()> {
    const NAME: &str = "testkit_probe";
    let quick = MilvusConfig { timeout: Duration::from_secs(10), retries: 0, ..config.clone() };
    let store = MilvusStore::connect(&quick).await?;
    store.health().await?;
    let spec = CollectionSpec::new(NAME, IdKind::Int).vector(VectorField::f32("v", 2, Metric::L2));
    match store.create(&spec).await {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    store.upsert(NAME, &[Record::new(1).vector("v", vec![1.0, 2.0])]).await?;
    store.search(NAME, &SearchRequest::new("v", vec![1.0, 2.0], 1)).await?;
    store.remove(NAME).await
}

fn spawn_lite(folder: &Path, port: u16) -> ServerProcess {
    let mut command = Command::new(artefact("milvus-lite-3.2.2").join("bin/milvus-lite"));
    command.args(["server", "--host", "127.0.0.1", "--port", &port.to_string(), "--data-dir"]);
    command.arg(folder.join("data"));
    ServerProcess::spawn("Milvus Lite", &command, &folder.join("log"))
}

fn spawn(folder: &Path, web_port: u16) -> ServerProcess {
    let bin = artefact("milvus-2.3.5").join("bin");
    let mut command = Command::new(bin.join("milvus"));
    command
        .args(["run", "standalone"])
        .current_dir(folder)
        .env("LD_LIBRARY_PATH", bin)
        .env("DEPLOY_MODE", "STANDALONE")
        .env("METRICS_PORT", web_port.to_string())
        .env("MILVUS_RUN_DIR", folder.join("run"))
        .env("MILVUSCONF", folder.join("configs"));
    ServerProcess::spawn("Milvus 2.3.5", &command, &folder.join("log"))
}

/// The pauses of its parts between looks at what there is to do, which tests would otherwise mostly wait for: what takes
/// its time by itself stays as it is.
const QUICKER: [(&str, &str); 2] = [
    ("\n  timeTickInterval: 200 ", "\n  timeTickInterval: 50 "),
    (
        "\n  distPullInterval: 500\n",
        "\n  distPullInterval: 100\n  checkSegmentInterval: 100\n  checkChannelInterval: 100\n",
    ),
];

/// Writes the server's configuration. `ports` are for its parts, which talk to each other over loopback; the last two
/// are for the etcd within, which would take 2379 and 2380 of every server alike.
fn configure(folder: &Path, port: u16, ports: &[u16; 11], options: &MilvusOptions) {
    let data = folder.join("data");
    for path in [&data, &folder.join("configs"), &folder.join("logs"), &folder.join("run")] {
        std::fs::create_dir_all(path).unwrap_or_else(|error| panic!("cannot create {}: {error}", path.display()));
    }
    touch(&folder.join("log"));
    let artefact = artefact("milvus-2.3.5");
    let read = |name: &str| {
        std::fs::read_to_string(artefact.join(name)).unwrap_or_else(|error| panic!("cannot read {name}: {error}"))
    };
    let [etcd_client, etcd_peer] = [ports[9], ports[10]];
    let mut parts = ports.iter();
    let tls = options.tls.as_ref();
    let fill = |key: &str, default: Option<&str>| match key {
        "proxy_port" => port.to_string(),
        "etcd_port" => etcd_client.to_string(),
        "etcd_data_dir" => data.join("etcd").display().to_string(),
        "etcd_log_level" => "error".to_owned(),
        "local_storage_dir" => data.display().to_string(),
        "rocksmq_data_dir" => data.join("rocksmq").display().to_string(),
        "system_log_path" => folder.join("logs").display().to_string(),
        "authorization_enabled" => options.authorization.to_string(),
        "tls_mode" => tls.map_or(0, |tls| if tls.mutual { 2 } else { 1 }).to_string(),
        "server_pem_path" | "server_key_path" | "ca_pem_path" => {
            let name = key.trim_end_matches("_path").replace('_', ".");
            tls.map_or_else(String::new, |tls| tls.folder.join(name).display().to_string())
        }
        _ if key.ends_with("_port") => parts.next().map_or_else(String::new, u16::to_string),
        _ => default.unwrap_or_default().to_owned(),
    };
    let etcd = folder.join("configs/etcd.yaml");
    let mut config = fill_template(&read("config.yaml.template"), fill);
    for (setting, quicker) in QUICKER {
        assert!(config.contains(setting), "Milvus's configuration has no '{setting}'");
        config = config.replacen(setting, quicker, 1);
    }
    if options.killed {
        config = config.replacen("    ttl: 30 ", "    ttl: 10 ", 1);
    }
    let config = config.replace("  ip: # if", "  ip: 127.0.0.1 # if").replacen(
        "etcd:\n",
        &format!("etcd:\n  config:\n    path: {}\n", etcd.display()),
        1,
    );
    write_file(&folder.join("configs/milvus.yaml"), &config);
    write_file(&folder.join("configs/glog.conf"), &read("glog.conf"));
    let (client, peer) = (format!("http://127.0.0.1:{etcd_client}"), format!("http://127.0.0.1:{etcd_peer}"));
    write_file(
        &etcd,
        &format!(
            "name: default\nlisten-client-urls: {client}\nadvertise-client-urls: {client}\n\
             listen-peer-urls: {peer}\ninitial-advertise-peer-urls: {peer}\ninitial-cluster: default={peer}\n"
        ),
    );
}

/// Fills `{{ key(type): default }}`.
fn fill_template(template: &str, mut fill: impl FnMut(&str, Option<&str>) -> String) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (inside, after) = after.split_once("}}").unwrap_or((after, ""));
        let (key, default) = match inside.split_once(':') {
            Some((key, default)) => (key, Some(default.trim())),
            None => (inside, None),
        };
        let key = key.split('(').next().unwrap_or_default().trim();
        filled += before;
        filled += &fill(key, default);
        rest = after;
    }
    filled + rest
}
