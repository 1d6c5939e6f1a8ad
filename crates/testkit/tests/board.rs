//! A board on a real Redis: what servers post there is read by all, kept up or seen to be dead, and goes by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bootcamp_core::ErrorKind;
use bootcamp_core::metadata::{Board, Notice, RedisOptions};
use bootcamp_testkit::redis::RedisServer;
use proptest::prelude::*;
use secrecy::SecretString;

fn board(redis: &RedisServer, collection: &str, silence: Duration) -> Board {
    let timeout = Duration::from_secs(2);
    let options = RedisOptions {
        owner: "store".to_owned(),
        connect_timeout: timeout,
        response_timeout: timeout,
        silence,
        ..RedisOptions::default()
    };
    Board::open(&SecretString::from(redis.url()), &options, collection).unwrap()
}

fn long() -> Duration {
    Duration::from_secs(60)
}

fn notice(text: &str, is_last: bool, is_kept_up: bool) -> Option<Notice> {
    Some(Notice { text: text.to_owned(), is_last, is_kept_up })
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_for_long_is_seen_to_be_gone_until_heard_of_again() {
    let redis = RedisServer::start().await;
    let (writer, reader) =
        (board(&redis, "c", Duration::from_millis(300)), board(&redis, "c", Duration::from_millis(300)));
    let number = writer.next().await.unwrap();
    writer.post(number, "half").await.unwrap();
    assert_eq!(reader.read(&[number, 99]).await.unwrap(), [notice("half", false, true), None]);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(reader.read(&[number]).await.unwrap(), [notice("half", false, false)]);
    writer.post(number, "more").await.unwrap();
    assert_eq!(reader.read(&[number]).await.unwrap(), [notice("more", false, true)]);
    writer.post_last(number, "all").await.unwrap();
    assert_eq!(reader.read(&[number]).await.unwrap(), [notice("all", true, false)]);
    writer.post(number, "a straggler").await.unwrap();
    assert_eq!(reader.read(&[number]).await.unwrap(), [notice("all", true, true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_but_the_counter_goes_by_itself() {
    let redis = RedisServer::start().await;
    let board = board(&redis, "c", long());
    let number = board.next().await.unwrap();
    board.post_last(number, "all").await.unwrap();
    board.post(number, "half").await.unwrap();
    board.ask_to_stop(number).await.unwrap();
    // Nobody has posted this one, or not any more.
    board.ask_to_stop(7).await.unwrap();
    let ttl = |key: &str| -> i64 {
        let answer = redis.command(&format!("PTTL bootcamp:board:store:c:{key}")).unwrap();
        answer.lines().find_map(|line| line.strip_prefix(':')).unwrap().parse().unwrap()
    };
    let week = 7 * 24 * 3600 * 1000;
    for (key, most) in [("1", week), ("7", week), ("numbers", week), ("1:alive", 60_000)] {
        assert!((most - 30_000..=most).contains(&ttl(key)), "{key}: {}", ttl(key));
    }
    assert_eq!(ttl("next"), -1, "or numbers would be given twice");
    let keys = redis.command("DBSIZE").unwrap();
    assert!(keys.contains(":5"), "{keys}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_say_what_is_wrong_and_no_password() {
    let mut redis = RedisServer::start_with_password("hunter2").await;
    let board = board(&redis, "c", Duration::from_millis(500));
    assert!(!format!("{board:?}").contains("hunter2"));
    let number = board.next().await.unwrap();
    redis.command("CONFIG SET maxmemory 1").unwrap();
    assert_eq!(board.post(number, "text").await.unwrap_err().kind(), ErrorKind::StorageFull);
    redis.command("CONFIG SET maxmemory 0").unwrap();
    board.post(number, "text").await.unwrap();
    redis.kill();
    let error = board.post(number, "text").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    tokio::time::sleep(Duration::from_millis(600)).await;
    redis.restart().await;
    let error = board.next().await.map(drop);
    assert!(error.is_ok(), "{error:?}");
    let read = board.read(&[number]).await.unwrap();
    assert_eq!(read, [notice("text", false, false)], "Redis has been there for long enough to say so");
}

/// What stands under a number.
#[derive(Clone, Debug, Default)]
struct Expected {
    now: Option<u8>,
    last: Option<u8>,
    alive: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Post(u64, u8),
    PostLast(u64, u8),
    AskToStop(u64),
    Clear(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1..9_u64, any::<u8>()).prop_map(|(number, text)| Step::Post(number, text)),
        (1..9_u64, any::<u8>()).prop_map(|(number, text)| Step::PostLast(number, text)),
        (1..9_u64).prop_map(Step::AskToStop),
        (0..6_usize).prop_map(Step::Clear),
    ];
    prop::collection::vec(step, 1..30)
}

/// Each step is done by any of two servers, and twice: a command may be sent again when a connection breaks.
async fn check(boards: &[Board; 2], steps: &[Step]) {
    let mut expected: BTreeMap<u64, Expected> = BTreeMap::new();
    let mut stops: BTreeSet<u64> = BTreeSet::new();
    for (at, step) in steps.iter().enumerate() {
        for board in [&boards[at % 2], &boards[at / 2 % 2]] {
            match *step {
                Step::Post(number, text) => {
                    let stop = board.post(number, &text.to_string()).await.unwrap();
                    assert_eq!(stop, stops.contains(&number));
                    let entry = expected.entry(number).or_default();
                    (entry.now, entry.alive) = (Some(text), true);
                }
                Step::PostLast(number, text) => {
                    board.post_last(number, &text.to_string()).await.unwrap();
                    let entry = expected.entry(number).or_default();
                    (entry.last, entry.now, entry.alive) = (Some(text), None, false);
                }
                Step::AskToStop(number) => {
                    board.ask_to_stop(number).await.unwrap();
                    stops.insert(number);
                }
                Step::Clear(most) => {
                    board.clear(most).await.unwrap();
                    let old: Vec<u64> = expected.keys().rev().skip(most).copied().collect();
                    let gone: Vec<u64> = old.into_iter().filter(|number| !expected[number].alive).collect();
                    expected.retain(|number, _| !gone.contains(number));
                    stops.retain(|number| !gone.contains(number));
                }
            }
        }
        let reader = &boards[(at + 1) % 2];
        assert_eq!(reader.numbers().await.unwrap(), expected.keys().rev().copied().collect::<Vec<_>>());
        let wanted = |number: &u64| {
            let Expected { now, last, alive } = expected.get(number)?.clone();
            notice(&last.or(now)?.to_string(), last.is_some(), alive)
        };
        let all: Vec<u64> = (1..9).collect();
        assert_eq!(reader.read(&all).await.unwrap(), all.iter().map(wanted).collect::<Vec<_>>(), "{steps:?}");
        for number in all {
            assert_eq!(reader.is_asked_to_stop(number).await.unwrap(), stops.contains(&number));
        }
    }
}

#[test]
fn a_board_is_what_a_map_would_be() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let redis = runtime.block_on(RedisServer::start());
    let case = std::cell::Cell::new(0);
    proptest!(ProptestConfig::with_cases(40), |(steps in steps())| {
        case.set(case.get() + 1);
        let name = format!("case{}", case.get());
        runtime.block_on(check(&[board(&redis, &name, long()), board(&redis, &name, long())], &steps));
    });
}
