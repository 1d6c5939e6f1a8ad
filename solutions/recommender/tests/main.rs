//! The program as its users have it: imports, training, questions, new ratings, bad input, kills, servers, the page.

#![cfg(test)] // clippy allows `unwrap` in what says so

mod browser;
mod cli;
mod crash;
mod live;
mod models;
mod odd;
mod server;
mod stores;

use bootcamp_testkit::program::Home;
use bootcamp_testkit::truth::Random;

/// A folder to run the program in.
fn home() -> Home {
    Home::of(env!("CARGO_BIN_EXE_recommender"))
}

/// The film of a number, of one of three kinds.
const KINDS: [&str; 3] = ["Comedy", "Horror", "Western"];

/// Films `f0`… with titles, years and genres; the last `cold` have no ratings.
fn films(count: usize) -> String {
    let rows = (0..count).map(|film| {
        let kind = KINDS[film % 3];
        format!("f{film},{kind} Film {film} ({}),{kind}\n", 1980 + film % 30)
    });
    format!("movieId,title,genres\n{}", rows.collect::<String>())
}

/// Ratings of users `u0`…, each of whom likes one kind: most of its films get 4 or 5, and some others 1 or 2.
fn ratings(users: usize, films: usize) -> String {
    let mut random = Random::new(17);
    let mut text = String::from("userId,movieId,rating,timestamp\n");
    for user in 0..users {
        let mut time = 1_000_000_000 + user * 1000;
        for film in 0..films {
            let is_own = film % 3 == user % 3;
            let value = match (is_own, random.below(100)) {
                (true, 0..60) => 4 + random.below(2),
                (false, 0..6) => 1 + random.below(2),
                _ => continue,
            };
            time += 60;
            text += &format!("u{user},f{film},{value},{time}\n");
        }
    }
    text
}

/// A folder with films and ratings, imported and trained.
fn trained() -> Home {
    let home = home().with("films.csv", films(63)).with("ratings.csv", ratings(60, 60));
    let run = home.run(&["import", "films.csv", "ratings.csv", "-q"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    home
}

/// The titles of hits.
fn titles(body: &serde_json::Value) -> Vec<String> {
    let hits = body["hits"].as_array().unwrap();
    hits.iter().map(|hit| hit["title"].as_str().unwrap().to_owned()).collect()
}
