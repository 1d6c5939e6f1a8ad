//! A program's page in a headless Chromium. Nothing sleeps for a fixed time: what a test does next waits for what it needs.

use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{ServerProcess, free_ports, is_open};
use crate::reference;

/// For the slowest machine: nothing that works takes as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The width of a narrow phone.
const NARROW: u32 = 390;

/// What must have a name that a screen reader can say.
const NAMED: [&str; 11] = [
    "button",
    "checkbox",
    "combobox",
    "dialog",
    "image",
    "link",
    "ProgressIndicator",
    "searchbox",
    "slider",
    "spinbutton",
    "textbox",
];

/// A browser that ends with the test.
#[derive(Debug)]
pub struct Page {
    client: Client,
    /// The session's place at the driver, for what `WebDriver` itself has not.
    session: String,
    origin: String,
    /// What the console has said so far: reading it empties it.
    console: Vec<String>,
    _driver: ServerProcess,
    folder: TempDir,
}

impl Page {
    /// Opens the page at this origin, and returns when it is there.
    pub async fn open(origin: &str) -> Self {
        Self::open_with(origin, &[]).await
    }

    /// The same with more of Chromium's switches, without their dashes: those of a microphone, for example.
    pub async fn open_with(origin: &str, switches: &[&str]) -> Self {
        let [port] = free_ports();
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("chromedriver");
        command.args([format!("--port={port}")]).env("HOME", folder.path()).env("TMPDIR", folder.path());
        let mut driver = ServerProcess::spawn("chromedriver", &command, &folder.path().join("driver.log"));
        driver.wait_until_ready(PATIENCE, async || is_open(port).await).await;

        let profile = format!("user-data-dir={}", folder.path().join("profile").display());
        let arguments = ["headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1280,900", &profile];
        let arguments = [&arguments[..], switches].concat();
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities.as_object().unwrap().clone());
        let driver_url = format!("http://127.0.0.1:{port}");
        let client = builder.connect(&driver_url).await.unwrap();
        let session = format!("{driver_url}/session/{}", client.session_id().await.unwrap().unwrap());
        let page = Self { client, session, origin: origin.to_owned(), console: Vec::new(), _driver: driver, folder };
        page.client.goto(origin).await.unwrap();
        page
    }

    /// Loads the page anew, at a place within it.
    pub async fn load(&self, place: &str) {
        self.client.goto("about:blank").await.unwrap();
        self.client.goto(&format!("{}/{place}", self.origin)).await.unwrap();
    }

    /// The value of an expression of JavaScript, in which `$` finds one node, `$$` all, and `$shown` says whether one is
    /// to be seen.
    pub async fn eval(&self, expression: &str) -> Value {
        let script = format!(
            "const $ = (css) => document.querySelector(css);
             const $$ = (css) => [...document.querySelectorAll(css)];
             const $shown = (css) => Boolean($(css)?.checkVisibility());
             return ({expression});"
        );
        self.client.execute(&script, Vec::new()).await.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Waits until the expression is true (as JavaScript has it), and gives its value.
    pub async fn wait(&self, expression: &str) -> Value {
        let start = Instant::now();
        loop {
            let value = self.eval(expression).await;
            let is_false = [json!(null), json!(false), json!(0), json!("")].contains(&value);
            if !is_false {
                return value;
            }
            assert!(start.elapsed() < PATIENCE, "it did not come to this: {expression}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Waits until the node is to be seen and its text contains this.
    pub async fn wait_text(&self, css: &str, part: &str) {
        self.wait(&format!("$shown('{css}') && $('{css}').textContent.includes({})", json!(part))).await;
    }

    /// The text of a node.
    pub async fn text(&self, css: &str) -> String {
        self.eval(&format!("$('{css}').textContent")).await.as_str().unwrap().to_owned()
    }

    /// What an expression gives that is a list of strings.
    pub async fn list(&self, expression: &str) -> Vec<String> {
        let value = self.eval(expression).await;
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    /// Tries until it succeeds: a node may not be there yet, or be replaced just now.
    async fn insist<T>(&self, what: &str, mut act: impl AsyncFnMut() -> Result<T, fantoccini::error::CmdError>) -> T {
        let start = Instant::now();
        loop {
            match act().await {
                Ok(value) => return value,
                Err(error) => assert!(start.elapsed() < PATIENCE, "{what}: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    pub async fn click(&self, css: &str) {
        self.insist(css, async || self.client.find(Locator::Css(css)).await?.click().await).await;
    }

    /// Presses keys as a user does, in a node that has the focus then.
    pub async fn keys(&self, css: &str, keys: &str) {
        self.insist(css, async || self.client.find(Locator::Css(css)).await?.send_keys(keys).await).await;
    }

    /// Writes into a field in place of what is there.
    pub async fn write(&self, css: &str, text: &str) {
        self.keys(css, &format!("{}a{}{}{text}", Key::Control, Key::Null, Key::Delete)).await;
    }

    /// Chooses files.
    pub async fn choose(&self, css: &str, files: &[&Path]) {
        let paths: Vec<_> = files.iter().map(|file| file.to_str().unwrap()).collect();
        self.keys(css, &paths.join("\n")).await;
    }

    /// Draws a rectangle with the mouse, from and to shares of the node's sides.
    pub async fn drag(&self, css: &str, from: (f64, f64), to: (f64, f64)) {
        self.draw(css, from, &[to]).await;
    }

    /// Draws a line with the mouse, from one place to the next, in shares of the node's sides.
    pub async fn draw(&self, css: &str, from: (f64, f64), path: &[(f64, f64)]) {
        let element = self.client.find(Locator::Css(css)).await.unwrap();
        let (_, _, width, height) = element.rectangle().await.unwrap();
        let move_to = |(x, y): (f64, f64)| PointerAction::MoveToElement {
            element: element.clone(),
            duration: Some(Duration::from_millis(50)),
            // The driver counts from the middle, and in whole pixels.
            x: ((x - 0.5) * width).round(),
            y: ((y - 0.5) * height).round(),
        };
        let button = MOUSE_BUTTON_LEFT;
        let mouse = MouseActions::new("mouse".into()).then(move_to(from)).then(PointerAction::Down { button });
        let mouse = path.iter().fold(mouse, |mouse, place| mouse.then(move_to(*place)));
        self.client.perform_actions(mouse.then(PointerAction::Up { button })).await.unwrap();
    }

    /// Goes to a view by its link, and returns when it is shown.
    pub async fn view(&self, name: &str) {
        self.click(&format!("nav [data-view={name}]")).await;
        self.wait(&format!("$shown('#view-{name}') && $$('main > section:not([hidden])').length === 1")).await;
        self.wait("!$('main > section:not([hidden]) [aria-busy=true]')").await;
    }

    /// What of the ends of every test is asked once: nothing is wrong with the page in any view, as far as can be told
    /// without looking at it. `expected` is what the console may have complained of.
    pub async fn finish(mut self, expected: &[&str]) {
        let size = json!({"width": NARROW, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size);
        self.wait(&format!("innerWidth === {NARROW}")).await;
        for view in self.list("$$('nav [data-view]:not([hidden])').map(({ dataset }) => dataset.view)").await {
            self.view(&view).await;
            self.fits_and_is_named(&view).await;
        }
        let places = "performance.getEntriesByType('resource').map(({ name }) => name)";
        let foreign = format!("{places}.filter((name) => new URL(name).origin !== location.origin)");
        assert_eq!(self.list(&foreign).await, [""; 0], "the page asks nobody but its server");
        assert!(self.list(places).await.len() > 10);
        self.read_console();
        let strange: Vec<_> = self.console.iter().filter(|line| !expected.iter().any(|e| line.contains(e))).collect();
        assert!(strange.is_empty(), "the console says {strange:#?}");
    }

    /// Asserts that what is shown does not reach beyond the window, and that every control and picture has a name.
    pub async fn fits_and_is_named(&self, place: &str) {
        let widths = self.eval("[document.documentElement.scrollWidth, innerWidth]").await;
        assert!(widths[0].as_u64() <= widths[1].as_u64(), "{place} is too wide: {widths}");
        let tree = self.devtools("Accessibility.getFullAXTree", json!({}));
        let nodes = tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] == false);
        let named: Vec<_> =
            nodes.filter(|node| NAMED.contains(&node["role"]["value"].as_str().unwrap_or(""))).collect();
        assert!(named.len() >= 3, "{place}: {named:?}");
        let is_nameless = |node: &&&Value| node["name"]["value"].as_str().is_none_or(|name| name.trim().is_empty());
        let nameless: Vec<_> = named.iter().filter(is_nameless).collect();
        assert!(nameless.is_empty(), "{place}: without a name: {nameless:#?}");
    }

    fn read_console(&mut self) {
        let answer = call(&format!("{}/se/log", self.session), &json!({"type": "browser"}));
        let entries = answer.as_array().into_iter().flatten();
        let bad = entries.filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING");
        self.console.extend(bad.map(|entry| format!("{}: {}", entry["level"], entry["message"])));
    }

    /// A command of Chromium's own.
    fn devtools(&self, command: &str, parameters: Value) -> Value {
        call(&format!("{}/goog/cdp/execute", self.session), &json!({"cmd": command, "params": parameters}))
    }

    /// Prints what the page complained of and keeps a picture of it, beside the logs of the servers of tests that failed.
    #[allow(clippy::print_stderr, reason = "it is for whoever looks at a failed test")]
    fn tell(&mut self) {
        self.read_console();
        eprintln!("--- the console ---\n{}", self.console.join("\n"));
        let shot = self.devtools("Page.captureScreenshot", json!({"format": "png"}));
        let text = self.folder.path().join("page.base64");
        let name = std::thread::current().name().unwrap_or("page").replace("::", "-");
        let kept = reference::cache().join("test-servers/logs").join(format!("{name}-{}.png", std::process::id()));
        let _ = std::fs::create_dir_all(kept.parent().unwrap());
        let _ = std::fs::write(&text, shot["data"].as_str().unwrap_or_default());
        if let (Ok(picture), Ok(decoded)) =
            (std::fs::File::create(&kept), Command::new("base64").arg("-d").arg(&text).output())
        {
            let _ = std::io::Write::write_all(&mut &picture, &decoded.stdout);
            eprintln!("--- a picture of the page: {} ---", kept.display());
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell();
        }
        // Chromium ends with its session; the driver, and what may be left of both, with its process group.
        let _ = agent().delete(&self.session).call();
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
    config.build().into()
}

/// What the driver answers; null when it cannot.
fn call(place: &str, body: &Value) -> Value {
    let answer = agent().post(place).content_type("application/json").send(body.to_string());
    let mut text = String::new();
    let read = answer.map(|mut answer| answer.body_mut().as_reader().read_to_string(&mut text));
    let answer: Value = read.ok().and_then(|_| serde_json::from_str(&text).ok()).unwrap_or_default();
    answer["value"].clone()
}
