//! What people do on the page with sounds, in a real browser, against a real server. Chromium plays without a loudspeaker,
//! and its microphone hears a file.

use std::f32::consts::TAU;
use std::path::PathBuf;

use bootcamp_testkit::browser::Page;
use bootcamp_testkit::program::{Home, Server};
use fantoccini::key::Key;
use serde_json::json;

use crate::home;

const RATE: u32 = 44_100;

/// The titles of the hits, best first.
const TITLES: &str = "$$('#results .card-title').map(({ textContent }) => textContent)";
/// What plays.
const PLAYING: &str = "$$('.play.playing')";
/// Notes where each sound began to play, the number of a result or the name of a place, and the most that did at the same
/// time: a moment may be over before a slow machine looks. Moments of one sound overlap, and their buttons tell it together.
const WATCH: &str = "void (window.played = [], window.most = 0, new MutationObserver((changes) => {
    const sounds = $$('.play.playing').map((button) => button.closest('[data-testid=hit], dialog, section'));
    most = Math.max(most, new Set(sounds).size);
    for (const { target } of changes.filter(({ target }) => target.matches('.play.playing'))) {
      const place = ['detail', 'browse'].find((name) => target.closest(`[id^=${name}]`));
      played.push(place ?? $$('#results > *').indexOf(target.closest('[data-testid=hit]')));
    }
  }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ['class'] }))";
const STAGE: &str = "[data-testid=stage]";

/// Numbers from 0 to 1 that are the same in every run.
fn chance(mut seed: u32) -> impl Iterator<Item = f32> {
    std::iter::repeat_with(move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / 16_777_216.0
    })
}

/// Four notes a second, each with a few overtones; of another seed, in another octave.
fn melody(seed: u32, seconds: usize) -> Vec<f32> {
    let notes: Vec<f32> =
        chance(seed).take(seconds * 4).map(|x| 220.0 * seed as f32 * 2_f32.powf((x * 24.0).floor() / 12.0)).collect();
    let sample = |at: usize| {
        let time = at as f32 / RATE as f32;
        let (note, within) = (notes[(time * 4.0) as usize], time * 4.0 % 1.0);
        let wave = |overtone: f32| (TAU * note * overtone * time).sin() / overtone;
        0.4 * (1.0 - within) * (wave(1.0) + wave(2.0) + wave(3.0))
    };
    (0..seconds * RATE as usize).map(sample).collect()
}

/// Hissing, three bursts a second.
fn hiss(seed: u32, seconds: usize) -> Vec<f32> {
    let loudness = |at: usize| (1.0 - at as f32 * 3.0 / RATE as f32 % 1.0) * 0.8;
    chance(seed).take(seconds * RATE as usize).enumerate().map(|(at, x)| (x * 2.0 - 1.0) * loudness(at)).collect()
}

/// 16 bits, one channel.
fn wav(samples: &[f32]) -> Vec<u8> {
    let size = samples.len() as u32 * 2;
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + size).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(RATE.to_le_bytes());
    bytes.extend((RATE * 2).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(size.to_le_bytes());
    bytes.extend(samples.iter().flat_map(|sample| ((sample * 32_767.0) as i16).to_le_bytes()));
    bytes
}

/// Sounds in folders that are their labels, imported.
fn imported() -> Home {
    let home = home();
    let sounds = [
        ("melodies/one", melody(1, 16)),
        ("melodies/two", melody(2, 16)),
        ("noises/hiss", hiss(3, 8)),
        ("noises/long", hiss(4, 12)),
    ];
    for (name, samples) in sounds {
        let path = home.path().join(format!("sounds/{name}.wav"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, wav(&samples)).unwrap();
    }
    let run = home.run(&["import", "sounds", "-q"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    home
}

/// A file to search with.
fn query(home: &Home, name: &str, bytes: &[u8]) -> PathBuf {
    let path = home.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

async fn wait_first(page: &Page, title: &str) {
    page.wait(&format!("{TITLES}[0] === '{title}'")).await;
}

async fn space(page: &Page) {
    page.eval("document.activeElement.blur()").await;
    page.keys("body", " ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_sound_finds_others() {
    let home = imported();
    let server = Server::start(&home, &[]);
    let page = Page::open(&server.address).await;
    page.wait("$$('#welcome-items [data-testid=item] .play').length > 3").await;
    page.wait("$$('#welcome-items img').every((picture) => picture.naturalWidth > 0)").await;

    // Eight seconds of hissing, eight of a melody: each half finds its own.
    let halves = [hiss(9, 8), melody(1, 8)].concat();
    page.choose("#query-file", &[&query(&home, "halves.wav", &wav(&halves))]).await;
    page.wait("$$('#results [data-testid=hit]').length === 4").await;
    page.wait_text(&format!("{STAGE} [data-testid=part]"), "Drag to search a part").await;
    page.fits_and_is_named("an answer").await;
    let wave = format!("{STAGE} [data-testid=wave]");
    page.drag(&wave, (0.55, 0.5), (0.95, 0.4)).await;
    wait_first(&page, "one.wav").await;
    page.wait_text(&format!("{STAGE} [data-testid=part]"), "Part 0:08.").await;
    page.wait("location.hash.includes('from=0%3A08.') && $('#choice-from').value.startsWith('0:08.')").await;
    page.drag(&wave, (0.02, 0.5), (0.45, 0.5)).await;
    page.wait(&format!("['hiss.wav', 'long.wav'].includes({TITLES}[0])")).await;

    // By keys, typed, and back to the whole.
    let end = "$('[data-testid=range-end]').ariaValueNow";
    let before = page.eval(end).await;
    page.keys("[data-testid=range-end]", &char::from(Key::Right).to_string()).await;
    page.wait(&format!("Number({end}) > {}", before.as_str().unwrap())).await;
    page.write("#choice-from", "0:09").await;
    page.write("#choice-to", "15.5").await;
    page.wait_text(&format!("{STAGE} [data-testid=part]"), "Part 0:09.0–0:15.5").await;
    wait_first(&page, "one.wav").await;
    page.write("#choice-from", "soon").await;
    page.wait_text("#query-error", "soon").await;
    page.click("[data-testid=whole]").await;
    page.wait("!location.hash.includes('from') && $('#choice-from').value === '' && !$shown('#query-error')").await;

    // A part is one of this file: the next has none.
    page.drag(&wave, (0.55, 0.5), (0.95, 0.4)).await;
    page.wait("location.hash.includes('from')").await;
    page.click("#results li:first-child [data-testid=more]").await;
    page.wait("location.hash.startsWith('#search?id=') && !location.hash.includes('from')").await;
    page.wait_text(&format!("{STAGE} [data-testid=part]"), "The moment 0:").await;
    page.wait("$$('#results [data-testid=hit]').length > 0").await;

    // What is no sound: the browser says that it cannot play it, the server what it is.
    page.click("#query-clear").await;
    page.wait("$$('#welcome-items [data-testid=item]').length > 3").await;
    page.choose("#query-file", &[&query(&home, "notes.mp3", "These are notes, and no sound.\n".repeat(9).as_bytes())])
        .await;
    page.wait_text("#query-error", "text").await;
    page.wait_text(STAGE, "This browser cannot play this file").await;
    page.wait(&format!("!$shown('{STAGE} .play') && $$('#results > *').length === 0")).await;
    page.finish(&["400 (Bad Request)"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_play_one_at_a_time() {
    let home = imported();
    let server = Server::start(&home, &[]);
    let page = Page::open(&server.address).await;
    page.choose("#query-file", &[&query(&home, "query.wav", &wav(&melody(2, 8)))]).await;
    wait_first(&page, "two.wav").await;
    page.wait("$$('#results [data-testid=band]').length >= 4").await;

    // It begins at its moment, and another takes its place.
    page.eval(WATCH).await;
    let moments = "#results [data-testid=hit]:last-child [data-testid=moment]:last-child";
    page.click(&format!("{moments} .play")).await;
    let (start, at) = (
        page.eval(&format!("$('{moments} .play').ariaLabel.match(/(\\d+):(\\d+\\.\\d)–/).slice(1).reduce((sum, part) => sum * 60 + Number(part), 0)")).await,
        "Number($('#results [data-testid=hit]:last-child [data-testid=seek]').ariaValueNow)",
    );
    page.wait(&format!("played.at(-1) === $$('#results > *').length - 1 && {at} >= {start}")).await;
    page.click("#results [data-testid=hit]:first-child .play").await;
    page.wait("played.at(-1) === 0").await;
    // At its end it stops by itself.
    page.wait(&format!("{PLAYING}.length === 0")).await;

    // Space goes on with the last one and stops it; in a field it is a space.
    let before = page.eval("played.length").await;
    space(&page).await;
    page.wait(&format!("played.length > {before} && played.at(-1) === 0")).await;
    // It stops what plays; a moment that is over would begin again.
    if page.eval(&format!("{PLAYING}.length")).await == 1 {
        space(&page).await;
    }
    page.wait(&format!("{PLAYING}.length === 0")).await;
    for (key, value) in [(' ', " "), (char::from(Key::Backspace), "")] {
        page.eval("void ($('#results').firstChild.id = 'before')").await;
        page.keys("#filter", &key.to_string()).await;
        page.wait(&format!("$('#filter').value === '{value}' && {PLAYING}.length === 0")).await;
        // Each change of the filter brings another answer, in which nothing plays.
        page.wait("!$('#before') && $$('#results [data-testid=band]').length >= 4").await;
    }

    // The waveform plays from where it is pressed, and is moved along by keys.
    let seek = "#results [data-testid=hit]:first-child [data-testid=seek]";
    page.drag("#results [data-testid=hit]:first-child [data-testid=wave]", (0.5, 0.5), (0.5, 0.5)).await;
    page.wait(&format!("Number($('{seek}').ariaValueNow) >= 7.5 && {PLAYING}.length <= 1")).await;
    page.keys(seek, " ").await;
    let now = page.eval(&format!("Number($('{seek}').ariaValueNow)")).await;
    page.keys(seek, &char::from(Key::Left).to_string()).await;
    page.wait(&format!("Number($('{seek}').ariaValueNow) < {now}")).await;

    // At large, where the query plays no longer.
    page.click(&format!("{STAGE} .play")).await;
    page.wait(&format!("$('{STAGE} .play.playing')")).await;
    page.click("#results [data-testid=hit]:first-child [data-testid=open]").await;
    page.wait("$('#detail').open && document.activeElement.matches('#detail .play')").await;
    page.keys("#detail .play", " ").await;
    page.wait("played.at(-1) === 'detail'").await;
    page.wait_text("#detail-fields", "44,100").await;
    page.click("#detail-close").await;
    page.wait(&format!("{PLAYING}.length === 0")).await;

    page.view("browse").await;
    page.click("#browse-items li:first-child .play").await;
    page.wait("played.at(-1) === 'browse'").await;
    assert_eq!(page.eval("most").await, 1, "sounds that played at the same time");
    page.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_excerpt_finds_its_recording() {
    let home = imported();
    let server = Server::start(&home, &[]);
    let page = Page::open(&server.address).await;
    page.eval("location.hash = '#search?mode=same'").await;
    page.wait("$('#choice-mode').value === 'same'").await;
    // Six seconds from the fifth on, at half the loudness.
    let excerpt: Vec<f32> =
        melody(2, 16)[5 * RATE as usize..11 * RATE as usize].iter().map(|sample| sample / 2.0).collect();
    page.choose("#query-file", &[&query(&home, "excerpt.wav", &wav(&excerpt))]).await;
    wait_first(&page, "two.wav").await;
    let start = page.wait("$('#results [data-testid=moment] .play').textContent").await;
    assert!(start.as_str().unwrap().starts_with("0:0"), "{start}");
    let seconds: f32 = start.as_str().unwrap()[2..6].parse().unwrap();
    assert!((seconds - 5.0).abs() < 0.5, "it was cut out at 5 s: {start}");
    page.wait_text("#results [data-testid=details]", "the query begins at 0:0").await;
    // From there on it is about likeness.
    page.wait("!$('#results [data-testid=less]')").await;
    page.click("#results [data-testid=more]").await;
    page.wait("location.hash.startsWith('#search?id=') && $('#choice-mode').value === 'similar'").await;
    page.wait("$('#results [data-testid=less]')").await;
    page.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_a_query() {
    let home = imported();
    let server = Server::start(&home, &[]);
    let heard = query(&home, "heard.wav", &wav(&melody(1, 16)));
    let microphone = format!("use-file-for-fake-audio-capture={}", heard.display());
    let switches = ["use-fake-device-for-media-stream", "use-fake-ui-for-media-stream", &microphone];
    let page = Page::open_with(&server.address, &switches).await;

    // Thrown away, then kept.
    page.click("[data-testid=record]").await;
    page.wait("$shown('[data-testid=record-time]') && Number($('[role=meter]').ariaValueNow) > 20").await;
    page.fits_and_is_named("recording").await;
    page.click("[data-testid=record-cancel]").await;
    page.wait(
        "$shown('[data-testid=record]') && !$shown('[data-testid=record-time]') && $$('#examples li').length === 0",
    )
    .await;
    page.click("[data-testid=record]").await;
    page.wait("$('[data-testid=record-time]').textContent >= '0:04'").await;
    page.click("[data-testid=record-stop]").await;
    wait_first(&page, "one.wav").await;
    page.wait("$('#examples').textContent.includes('recording.wav') || $('#examples [aria-label*=\"recording.wav\"]')")
        .await;
    page.wait_text(&format!("{STAGE} [data-testid=part]"), "Drag to search a part").await;
    let length = page.eval("Number($('[data-testid=range-end]').ariaValueNow)").await;
    assert!((3.5..20.0).contains(&length.as_f64().unwrap()), "{length}");
    page.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_microphone_may_be_refused() {
    let server = Server::start(&home(), &[]);
    let page = Page::open_with(&server.address, &["use-fake-device-for-media-stream", "deny-permission-prompts"]).await;
    page.click("[data-testid=record]").await;
    page.wait_text("[data-testid=record-error]", "may not use the microphone").await;
    page.wait("$shown('[data-testid=record]') && !$('[data-testid=record]').disabled").await;

    // Where the browser has no means to record, it says why.
    page.eval("void Object.defineProperty(navigator, 'mediaDevices', { value: undefined })").await;
    page.click("[data-testid=record]").await;
    page.wait_text("[data-testid=record-error]", "This browser cannot record").await;

    // Times as people write them, and samples as a file.
    let times = [
        ("75", Some(75.0)),
        ("1:15.5", Some(75.5)),
        ("1:02:03", Some(3723.0)),
        ("1:2:3:4", None),
        ("-1", None),
        ("", None),
        ("a", None),
    ];
    for (text, seconds) in times {
        let call = format!("import('/solution/times.js').then(({{ parseTime }}) => parseTime({}))", json!(text));
        assert_eq!(page.eval(&call).await.as_f64(), seconds, "{text}");
    }
    for (seconds, text) in [(0.0, "0:00"), (75.5, "1:15.5"), (59.999, "1:00"), (3723.04, "1:02:03.04")] {
        let call = format!("import('/solution/times.js').then(({{ writeTime }}) => writeTime({seconds}))");
        assert_eq!(page.eval(&call).await, text);
    }
    let file = "import('/solution/wav.js').then(({ wavOf }) => wavOf([new Float32Array([0, 0.5]), new Float32Array([-2])], 44100).arrayBuffer())
        .then((bytes) => [...new Uint8Array(bytes)])";
    assert_eq!(page.eval(file).await, json!(wav(&[0.0, 0.500_02, -1.0])));
    // An empty collection has no map.
    page.finish(&["404 (Not Found)"]).await;
}
