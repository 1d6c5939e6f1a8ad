//! Several servers of one store and one Redis, as behind a load balancer: each answers for the jobs of all.

use std::collections::BTreeSet;

use bootcamp_core::Id;
use bootcamp_core::metadata::{Board, RedisOptions};
use bootcamp_testkit::redis::RedisServer;
use futures::StreamExt;
use secrecy::SecretString;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::context::Context;
use crate::job::{IMPORT, Outcome};
use crate::source::Skip;
use crate::watch::{Outcome as Fate, Watch};

/// What servers share.
struct Cluster {
    redis: RedisServer,
    folder: TempDir,
    context: Context,
}

impl Cluster {
    async fn start() -> Self {
        let (folder, context) = context().await;
        Self { redis: RedisServer::start().await, folder, context }
    }

    fn server(&self) -> Server {
        self.server_of("letters", RedisOptions::default().silence)
    }

    fn server_of(&self, collection: &str, silence: Duration) -> Server {
        let timeout = Duration::from_secs(2);
        let options = RedisOptions {
            owner: "http://milvus:19530".to_owned(),
            connect_timeout: timeout,
            response_timeout: timeout,
            silence,
            ..RedisOptions::default()
        };
        let board = Board::open(&SecretString::from(self.redis.url()), &options, collection).unwrap();
        let context = Context { board: Some(Arc::new(board)), ..self.context.clone() };
        let import_roots = vec![self.folder.path().canonicalize().unwrap()];
        let app = App::new(&PROGRAM, solution(&context), ServerOptions { import_roots, ..super::options() });
        Server { folder: tempfile::tempdir().unwrap(), router: router(Arc::clone(&app)), app }
    }
}

/// A job that goes on until it is told to end, or to stop.
struct Held {
    id: String,
    watch: Watch,
    end: Arc<Notify>,
}

async fn hold(server: &Server) -> Held {
    let (watch, end) = (Watch::default(), Arc::new(Notify::new()));
    let (watched, told) = (watch.clone(), Arc::clone(&end));
    let work = async move {
        tokio::select! {
            () = told.notified() => {}
            // What was begun is finished.
            () = watched.cancelled() => tokio::time::sleep(Duration::from_millis(300)).await,
        }
        Ok(Outcome::Imported(watched.report()))
    };
    let job = server.app.jobs.begin(IMPORT.to_owned(), "held".to_owned(), watch.clone(), Box::pin(work)).await.unwrap();
    Held { id: job.id, watch, end }
}

impl Server {
    async fn job(&self, id: &str) -> Value {
        let (status, job) = self.get(&format!("/api/v1/jobs/{id}")).await;
        assert_eq!(status, StatusCode::OK, "{job}");
        job
    }

    /// The job once it is as wanted.
    async fn job_when(&self, id: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let start = std::time::Instant::now();
        loop {
            let job = self.job(id).await;
            if is_wanted(&job) {
                return job;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "it stays {job}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn listed(&self) -> Vec<String> {
        let (status, list) = self.get("/api/v1/jobs").await;
        assert_eq!(status, StatusCode::OK, "{list}");
        list["jobs"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect()
    }

    async fn delete(&self, id: &str) -> (StatusCode, Value) {
        body(self.send(request(Method::DELETE, &format!("/api/v1/jobs/{id}")).body(Body::empty()).unwrap()).await).await
    }

    /// A job's events as they come.
    fn follow(&self, id: &str) -> UnboundedReceiver<Value> {
        let events = request(Method::GET, &format!("/api/v1/jobs/{id}/events")).body(Body::empty()).unwrap();
        let router = self.router.clone();
        let (sender, receiver) = unbounded_channel();
        tokio::spawn(async move {
            let response = router.oneshot(events).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            let mut frames = response.into_body().into_data_stream();
            while let Some(frame) = frames.next().await {
                let text = String::from_utf8(frame.unwrap().into()).unwrap();
                for data in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
                    sender.send(serde_json::from_str(data).unwrap()).unwrap();
                }
            }
        });
        receiver
    }
}

/// All events to come, until the stream ends.
async fn rest(mut events: UnboundedReceiver<Value>) -> Vec<Value> {
    let mut all = Vec::new();
    while let Some(event) = events.recv().await {
        all.push(event);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_server_shows_lists_and_follows_the_jobs_of_all() {
    let cluster = Cluster::start().await;
    let (a, b) = (cluster.server(), cluster.server());
    let held = hold(&a).await;
    assert_eq!(b.job(&held.id).await["subject"], "held", "whoever learns of a job can ask any server for it at once");
    let mut events = b.follow(&held.id);
    held.watch.set_total(40);
    held.watch.imported(&Id::from("x"), Fate::Added);
    for number in 0..30 {
        held.watch.skip(Skip { source: format!("{number}.txt"), reason: "it is broken".to_owned() });
    }
    let running = b.job_when(&held.id, |job| job["progress"]["done"] == 31).await;
    assert_eq!((&running["state"], &running["progress"]["total"]), (&json!("running"), &json!(40)));
    let report = &running["report"];
    assert_eq!((&report["skipped"], report["skips"].as_array().unwrap().len()), (&json!(30), 20));
    assert_eq!((b.listed().await, a.listed().await), (vec![held.id.clone()], vec![held.id.clone()]));
    while events.recv().await.unwrap()["progress"]["done"] != 31 {}
    held.end.notify_one();
    let events = rest(events).await;
    let (end, before) = events.split_last().unwrap();
    assert_eq!((&end["state"], end["report"]["skips"].as_array().unwrap().len()), (&json!("done"), 30));
    assert_eq!(end["report"]["interrupted"], false);
    assert!(before.iter().all(|job| job["state"] == "running"), "the end ends the stream");
    assert_eq!((a.job(&held.id).await, b.get("/api/v1/jobs/99").await.0), (end.clone(), StatusCode::NOT_FOUND));
}

#[tokio::test(flavor = "multi_thread")]
async fn that_a_job_runs_is_told_though_nothing_else_changes() {
    let cluster = Cluster::start().await;
    // So long that a sign of life does not tell it.
    let silence = Duration::from_secs(600);
    let servers: Vec<Server> = (0..8).map(|_| cluster.server_of("letters", silence)).collect();
    for (at, held) in futures::future::join_all(servers.iter().map(hold)).await.into_iter().enumerate() {
        servers[(at + 1) % servers.len()].job_when(&held.id, |job| job["state"] == "running").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_job_gave_is_the_same_on_every_server() {
    let cluster = Cluster::start().await;
    let (a, b) = (cluster.server(), cluster.server());
    let texts = cluster.folder.path().join("texts");
    std::fs::create_dir(&texts).unwrap();
    for (name, text) in [("one.txt", "aab"), ("two.txt", "baa"), ("three.txt", "xyz"), ("bad.txt", "broken")] {
        std::fs::write(texts.join(name), text).unwrap();
    }
    let (status, import) = a.post("/api/v1/imports", json!({"path": texts})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{import}");
    let done = b.finished(&import).await;
    assert_eq!((&done["report"]["added"], &done["report"]["skipped"]), (&json!(3), &json!(1)), "{done}");
    let (_, search) = b.post("/api/v1/duplicates", json!({"threshold": 0.999})).await;
    let found = a.finished(&search).await;
    assert_eq!(found["groups"][0]["items"].as_array().unwrap().len(), 2, "{found}");
    for job in [import, search] {
        let id = job["id"].as_str().unwrap();
        assert_eq!(a.job(id).await, b.job(id).await);
    }
    for server in [&a, &b] {
        let mut listed = found.clone();
        listed["groups"] = Value::Null;
        assert_eq!(server.get("/api/v1/jobs").await.1["jobs"], json!([listed, done]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_server_stops_the_jobs_of_all() {
    let cluster = Cluster::start().await;
    let (a, b) = (cluster.server(), cluster.server());
    let (running, waiting) = (hold(&a).await, hold(&a).await);
    for held in [&waiting, &running] {
        let (status, job) = b.delete(&held.id).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{job}");
        let stopped = b.job_when(&held.id, |job| job["state"] == "cancelled").await;
        assert_eq!(a.job(&held.id).await["state"], "cancelled", "{stopped}");
    }
    assert_eq!(b.job(&waiting.id).await["error"]["detail"], "the job was cancelled before it began");
    assert_eq!(b.delete(&running.id).await.1["state"], "cancelled", "it is over: nothing to ask for");
    assert_eq!(b.delete("99").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_server_died_has_failed() {
    let cluster = Cluster::start().await;
    let silence = Duration::from_secs(3);
    let b = cluster.server_of("letters", silence);
    // Whoever dies takes all its tasks along, as a process does.
    let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let a = cluster.server_of("letters", silence);
    let held = process.spawn(async move { hold(&a).await }).await.unwrap();
    held.watch.imported(&Id::from("x"), Fate::Added);
    b.job_when(&held.id, |job| job["state"] == "running" && job["progress"]["done"] == 1).await;
    // A server that lives is heard of, though nothing changes.
    tokio::time::sleep(silence + Duration::from_millis(500)).await;
    assert_eq!(b.job(&held.id).await["state"], "running");
    let events = b.follow(&held.id);
    process.shutdown_background();
    let failed = b.job_when(&held.id, |job| job["state"] != "running").await;
    let error = &failed["error"];
    assert_eq!((&failed["state"], &error["detail"]), (&json!("failed"), &json!("its server has stopped")));
    assert_eq!(error["hint"], "start it again: finished work is not repeated");
    assert_eq!(failed["report"]["added"], 1, "how far it had come");
    assert_eq!(rest(events).await.last().unwrap()["state"], "failed");
    assert_eq!(b.delete(&held.id).await, (StatusCode::ACCEPTED, failed.clone()));
    assert_eq!(cluster.server().get("/api/v1/jobs").await.1["jobs"], json!([failed]), "a new server says so too");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_own_jobs_go_on_and_later_all_is_told() {
    let mut cluster = Cluster::start().await;
    let (a, b) = (cluster.server(), cluster.server());
    let held = hold(&a).await;
    let events = b.follow(&held.id);
    b.job_when(&held.id, |job| job["state"] == "running").await;
    cluster.redis.kill();
    let place = format!("/api/v1/jobs/{}", held.id);
    for (server, path) in [(&a, "/api/v1/jobs"), (&b, "/api/v1/jobs"), (&b, place.as_str())] {
        let (status, problem) = server.get(path).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {problem}");
        assert_eq!(problem["hint"], "check that Redis is running and that REDIS_URL is correct");
    }
    let path = cluster.folder.path().join("store");
    assert_eq!(a.post("/api/v1/imports", json!({"path": path})).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(b.delete(&held.id).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(a.job(&held.id).await["state"], "running");
    held.end.notify_one();
    a.job_when(&held.id, |job| job["state"] == "done").await;
    cluster.redis.restart().await;
    assert_eq!(rest(events).await.last().unwrap()["state"], "done", "whoever followed it elsewhere heard its end");
    assert_eq!(b.listed().await, [held.id.as_str()]);
    let next = hold(&b).await;
    assert_eq!(a.listed().await, [next.id, held.id]);
}

/// What the dead of a Redis that was away for long are: not dead.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_taken_for_dead_because_redis_was_away() {
    let mut cluster = Cluster::start().await;
    let silence = Duration::from_secs(3);
    let (a, b) = (cluster.server_of("letters", silence), cluster.server_of("letters", silence));
    let held = hold(&a).await;
    let events = b.follow(&held.id);
    b.job_when(&held.id, |job| job["state"] == "running").await;
    cluster.redis.kill();
    tokio::time::sleep(silence + Duration::from_millis(500)).await;
    cluster.redis.restart().await;
    assert_eq!(b.job(&held.id).await["state"], "running");
    tokio::time::sleep(silence + Duration::from_millis(500)).await;
    assert_eq!(b.job(&held.id).await["state"], "running", "it has been heard of again");
    held.end.notify_one();
    let events = rest(events).await;
    assert!(events.iter().all(|job| job["state"] != "failed") && events.last().unwrap()["state"] == "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_unique_and_collections_keep_to_themselves() {
    let cluster = Cluster::start().await;
    let (a, b) = (cluster.server(), cluster.server());
    let other = cluster.server_of("numbers", Duration::from_secs(20));
    let begun = futures::future::join_all([&a, &b].iter().flat_map(|server| (0..10).map(move |_| hold(server)))).await;
    let ids: BTreeSet<u64> = begun.iter().map(|job| job.id.parse().unwrap()).collect();
    assert_eq!(ids, (1..=20).collect());
    let newest_first: Vec<String> = ids.iter().rev().map(u64::to_string).collect();
    assert_eq!((a.listed().await, b.listed().await), (newest_first.clone(), newest_first));
    assert_eq!((other.listed().await, other.get("/api/v1/jobs/1").await.0), (Vec::new(), StatusCode::NOT_FOUND));
    let apart = hold(&other).await;
    assert_eq!((apart.id.as_str(), other.listed().await), ("1", vec!["1".to_owned()]));
    apart.end.notify_one();
    other.job_when("1", |job| job["state"] == "done").await;
    assert_ne!(a.job("1").await["state"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_stop_tells_how_its_jobs_ended() {
    let cluster = Cluster::start().await;
    let (a, b) = (cluster.server(), cluster.server());
    let (running, waiting) = (hold(&a).await, hold(&a).await);
    b.job_when(&running.id, |job| job["state"] == "running").await;
    a.app.jobs.stop().await;
    for held in [running, waiting] {
        let job = b.job(&held.id).await;
        assert_eq!((&job["state"], held.watch.is_cancelled()), (&json!("cancelled"), true), "{job}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_jobs_are_remembered_and_all_that_are_at_work() {
    let cluster = Cluster::start().await;
    let (a, b) = (cluster.server(), cluster.server());
    let long = hold(&a).await;
    for number in 2..=110 {
        let short = hold(&b).await;
        short.end.notify_one();
        a.job_when(&short.id, |job| job["state"] == "done").await;
        assert_eq!(short.id, number.to_string());
    }
    let expected: Vec<String> = (11..=110_u64).rev().chain([1]).map(|id| id.to_string()).collect();
    assert_eq!(a.listed().await, expected);
    assert_eq!(
        (a.job(&long.id).await["state"].clone(), a.get("/api/v1/jobs/10").await.0),
        (json!("running"), StatusCode::NOT_FOUND)
    );
    assert_eq!(b.listed().await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_jobs_of_a_server_may_wait() {
    let cluster = Cluster::start().await;
    let (a, b) = (cluster.server(), cluster.server());
    let held = futures::future::join_all((0..16).map(|_| hold(&a))).await;
    let path = cluster.folder.path().join("store");
    let (status, problem) = a.post("/api/v1/imports", json!({"path": path})).await;
    assert_eq!((status, &problem["detail"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("16 jobs are already waiting")));
    hold(&b).await;
    held[3].watch.cancel();
    a.job_when(&held[3].id, |job| job["state"] == "cancelled").await;
    hold(&a).await;
}
