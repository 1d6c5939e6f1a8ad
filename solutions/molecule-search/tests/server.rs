//! What the server answers: searches by structure, and drawings.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::program::Home;

struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// On any free port; listens when this returns.
    fn start(home: &Home) -> Self {
        let mut child = home.command(&["serve", "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next());
        Self { address: format!("http://{}", address.unwrap_or_else(|| panic!("{line}")).trim()), child }
    }

    fn search(&self, body: &Value) -> (u16, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = agent.post(format!("{}/api/v1/search", self.address)).content_type("application/json");
        let mut response = request.send(body.to_string()).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        (response.status().as_u16(), serde_json::from_str(&text).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn structures_are_found_and_drawn() {
    let home = Home::new().with("a.smi", "CC(=O)Oc1ccccc1C(=O)O aspirin\nCCO ethanol\n");
    assert_eq!(home.run(&["import", "a.smi", "-q"]).code, Some(0));
    let server = Server::start(&home);
    let acid = json!({"positive": [{"words": "[CX3](=O)[OX2H1]"}], "options": {"mode": "contains"}});
    let (status, found) = server.search(&acid);
    assert_eq!((status, &found["notes"]), (200, &json!(["1 molecules contain it"])), "{found}");
    let hit = &found["hits"][0];
    assert_eq!((&hit["title"], &hit["details"]["atoms"]), (&json!("aspirin"), &json!([10, 11, 12])));

    let drawing = format!("{}{}", server.address, hit["thumbnail"].as_str().unwrap());
    let mut response = ureq::get(&drawing).call().unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        (header("content-type").as_str(), header("x-content-type-options").as_str()),
        ("image/svg+xml", "nosniff")
    );
    assert!(header("content-security-policy").starts_with("default-src 'none'"));
    let plain = response.body_mut().read_to_string().unwrap();
    let marked = ureq::get(format!("{drawing}?mark=10,11,12")).call().unwrap().body_mut().read_to_string().unwrap();
    assert!(plain.starts_with("<svg") && !plain.contains("class=\"mark\"") && marked.contains("class=\"mark\""));

    let (status, problem) = server.search(&json!({"positive": [{"words": "C(C"}]}));
    assert_eq!((status, &problem["detail"]), (400, &json!("SMILES: a branch that is never closed\n  C(C\n   ^")));
}
