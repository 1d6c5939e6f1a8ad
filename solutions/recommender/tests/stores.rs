//! The same answers on every store.

use bootcamp_testkit::milvus::{MilvusLiteServer, MilvusServer};
use bootcamp_testkit::program::{Home, Run};
use serde_json::Value;

use crate::{films, home, ratings};

/// Programs on one store.
struct On {
    home: Home,
    uri: Option<String>,
}

impl On {
    fn new(uri: Option<String>) -> Self {
        Self { home: home().with("films.csv", films(63)).with("ratings.csv", ratings(60, 60)), uri }
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let mut command = self.home.command(&[arguments, &["--json", "-q"]].concat());
        command.envs(self.uri.as_ref().map(|uri| ("MILVUS_URI", uri)));
        let run = Run::of(command.output().unwrap());
        assert_eq!(run.code, Some(0), "{arguments:?}: {}", run.err);
        serde_json::from_str(&run.out).unwrap_or_default()
    }

    /// Items of the answers to questions of every kind, after each step of a life.
    fn told(&self) -> Vec<Vec<String>> {
        let mut told = Vec::new();
        let mut ask = |arguments: &[&str]| {
            let body = self.json(arguments);
            let list =
                body["hits"].as_array().or(body["users"].as_array()).or(body["because"].as_array()).unwrap().clone();
            let name = |one: &Value| one["item"].as_str().or(one["user"].as_str()).unwrap().to_owned();
            told.push(list.iter().map(name).collect());
        };
        self.json(&["import", "films.csv", "ratings.csv"]);
        let filter = "year > 1990 and \"Horror\" in genres";
        ask(&["recommend", "u0", "-k", "5"]);
        ask(&["recommend", "u1", "-k", "5", "--filter", filter]);
        ask(&["recommend", "--like", "f2", "--like", "f5", "--unlike", "f0", "-k", "5", "--explain"]);
        ask(&["similar", "f1", "-k", "4"]);
        ask(&["audience", "f4", "-k", "5"]);
        ask(&["explain", "u2", "f8"]);
        for film in ["f2", "f5", "f8", "f11"] {
            self.json(&["rate", "new", film, "5"]);
        }
        ask(&["recommend", "new", "-k", "5"]);
        self.json(&["train", "--algorithm", "ease"]);
        ask(&["recommend", "new", "-k", "5"]);
        self.json(&["rollback"]);
        ask(&["recommend", "u0", "-k", "5"]);
        assert_eq!(told[0], told[8], "the model before answers as it did");
        self.json(&["train"]);
        self.json(&["train"]);
        let kept = self.json(&["trainings"])["models"].as_array().unwrap().len();
        assert_eq!(kept, 2, "older models are gone");
        told
    }
}

/// Equal scores may come in any order, and rounding differs: of each list most must be the same.
fn assert_alike(found: &[Vec<String>], local: &[Vec<String>]) {
    for (found, local) in found.iter().zip(local) {
        let same = found.iter().filter(|item| local.contains(item)).count();
        assert!(found.len() == local.len() && same + 1 >= local.len(), "{found:?} {local:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn milvus_2_3_5_recommends_the_same() {
    let server = MilvusServer::start().await;
    let uri = server.settings().uri;
    let both = tokio::task::spawn_blocking(move || (On::new(uri).told(), On::new(None).told()));
    let (found, local) = both.await.unwrap();
    assert_alike(&found, &local);
}

#[tokio::test(flavor = "multi_thread")]
async fn milvus_lite_recommends_the_same() {
    let server = MilvusLiteServer::start().await;
    let uri = server.settings().uri;
    let both = tokio::task::spawn_blocking(move || (On::new(uri).told(), On::new(None).told()));
    let (found, local) = both.await.unwrap();
    assert_alike(&found, &local);
}
