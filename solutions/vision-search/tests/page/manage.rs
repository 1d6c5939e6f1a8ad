//! The runs and datasets views: what is computed, imported, renamed and deleted there.

use bootcamp_testkit::program::Server;
use serde_json::Value;

use super::{SAMPLES, choose, imported, indexed, open, wait_status};

fn keys(server: &Server, dataset: &str) -> Vec<String> {
    let runs = server.get(&format!("/api/v1/datasets/{dataset}/runs"));
    let key = |run: &Value| run["key"].as_str().unwrap().to_owned();
    runs["runs"].as_array().unwrap().iter().map(key).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn managing_runs() {
    let home = imported();
    indexed(&home);
    let server = Server::start(&home, &[]);
    let page = open(&server).await;
    page.view("runs").await;
    page.wait_text("[data-key=img_sim] [data-testid=counts]", &format!("{SAMPLES} embeddings")).await;
    page.wait_text("[data-key=obj_sim]", "patches of").await;

    // Computed by a model, with its progress; a key that is taken is said in the form.
    page.write("#compute-key", "img_sim").await;
    choose(&page, "#compute-source", "m:sscd-distilled").await;
    page.click("#compute [type=submit]").await;
    page.wait_text("#view-runs [role=alert]:not([hidden])", "img_sim").await;
    page.write("#compute-key", "by_model").await;
    choose(&page, "#compute-of", "p:objects").await;
    page.write("#compute-alpha", "0.1").await;
    page.click("#compute [type=submit]").await;
    page.wait_text("#run-jobs", "Done").await;
    page.wait_text("[data-key=by_model]", "10 %").await;
    page.wait_text("[data-key=by_model]", "sscd-distilled").await;

    // Renamed, in its own place.
    page.click("[data-key=by_model] [data-testid=rename]").await;
    page.write("[data-key=by_model] [data-testid=new-name]", "img_sim\n").await;
    page.wait_text("[data-key=by_model] .renamer .problem", "img_sim").await;
    page.write("[data-key=by_model] [data-testid=new-name]", "renamed\n").await;
    page.wait("$('[data-key=renamed]') && document.activeElement.dataset.testid === 'rename'").await;
    assert_eq!(keys(&server, "scenes"), ["img_sim", "obj_sim", "renamed"]);

    // Deleted: asked first, and the collection that stays is named.
    page.click("[data-key=obj_sim] [data-testid=delete-run] button").await;
    page.wait_text("[data-key=obj_sim] .confirm-question", "stays").await;
    page.click("[data-key=obj_sim] [data-testid=delete-run] [data-testid=confirm-delete]").await;
    page.wait_text("#runs-note", "is still there").await;
    assert_eq!(keys(&server, "scenes"), ["img_sim", "renamed"]);

    // Cleaned up: the collection goes, too.
    page.click("[data-key=renamed] [data-testid=clean-up] button").await;
    page.click("[data-key=renamed] [data-testid=clean-up] [data-testid=confirm-delete]").await;
    page.wait_text("#runs-note", "is dropped").await;
    assert_eq!(keys(&server, "scenes"), ["img_sim"]);
    page.finish(&["409 (Conflict)", "400 (Bad Request)"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn managing_datasets() {
    let home = imported();
    indexed(&home);
    let root = home.path().join("scenes");
    let server = Server::start(&home, &["--import-root", root.to_str().unwrap()]);
    let page = open(&server).await;
    page.view("datasets").await;

    // Imported from the server's folder, with what is wrong beside the form.
    page.write("#import-name", "again").await;
    page.write("#import-path", "/nowhere").await;
    page.click("#import [type=submit]").await;
    page.wait_text("#import .problem", "/nowhere").await;
    page.write("#import-path", root.to_str().unwrap()).await;
    page.write("#import-tags", "new, more").await;
    page.click("#import [type=submit]").await;
    page.wait_text("#import-jobs", &format!("{SAMPLES} added")).await;
    page.wait_text("[data-name=again]", &format!("new ({SAMPLES})")).await;

    // A clone says which runs it has not.
    page.click("[data-name=scenes] [data-testid=clone]").await;
    page.write("[data-name=scenes] [data-testid=new-name]", "copy\n").await;
    page.wait_text("#datasets-note", "img_sim, obj_sim").await;
    assert!(keys(&server, "copy").is_empty());

    // The dataset that is shown gets another name, and its page stays.
    page.click("[data-name=scenes] [data-testid=rename]").await;
    page.write("[data-name=scenes] [data-testid=new-name]", "pictures\n").await;
    page.wait("$('[data-name=pictures]') && $('#dataset').value === 'pictures'").await;
    assert_eq!(keys(&server, "pictures"), ["img_sim", "obj_sim"]);
    page.click("[data-name=copy] [data-testid=delete]").await;
    page.click("[data-name=copy] [data-testid=confirm-delete]").await;
    page.wait_text("#datasets-note", "‘copy’ is deleted").await;
    page.wait("!$('[data-name=copy]')").await;
    page.click("[data-name=again] [data-testid=open-dataset]").await;
    page.wait("$('#dataset').value === 'again' && location.hash.startsWith('#grid?dataset=again')").await;
    wait_status(&page, &format!("{SAMPLES} samples")).await;
    page.finish(&["403 (Forbidden)"]).await;
}
