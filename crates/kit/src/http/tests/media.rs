//! Files that items are shown as: what they are, their parts, and what a browser has already.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use axum::body::Bytes;
use axum::http::HeaderMap;

use super::*;
use crate::testing::EVERY_KIND;

const WAV: &[u8] = b"RIFF\x24\0\0\0WAVEfmt ";

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Server {
    async fn file(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Got {
        let request =
            headers.iter().fold(request(method, path), |request, (name, value)| request.header(*name, *value));
        let response = self.send(request.body(Body::empty()).unwrap()).await;
        let (status, headers) = (response.status(), response.headers().clone());
        Got { status, headers, body: axum::body::to_bytes(response.into_body(), 10 << 20).await.unwrap() }
    }

    async fn media(&self, title: &str) -> String {
        format!("/api/v1/items/{}/media", self.id(title).await)
    }

    /// Puts another content where an item came from.
    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.folder.path().join("texts").join(name), bytes).unwrap();
    }

    async fn import(&self, path: &Path) {
        let places = crate::source::Places::new(vec![path.to_owned()]);
        let solution = &self.app.solution;
        let import = crate::imports::prepare(&**solution, &places, false, crate::watch::Watch::default()).unwrap();
        assert_eq!(solution.import(import).await.unwrap().skips, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_sent_in_the_parts_that_are_asked_for() {
    let server = server_of(&EVERY_KIND, |_, _| {}).await;
    let bytes: Vec<u8> = (0..1000_u32).map(|at| b'a' + (at % 26) as u8).collect();
    server.write("one.txt", &bytes);
    let place = server.media("one.txt").await;
    let whole = server.file(Method::GET, &place, &[]).await;
    assert_eq!((whole.status, &whole.body[..]), (StatusCode::OK, &bytes[..]));
    assert_eq!((whole.header("accept-ranges"), whole.header("content-length")), ("bytes", "1000"));
    for (range, from, to) in
        [("0-9", 0, 9), ("-10", 990, 999), ("990-", 990, 999), ("0-5000", 0, 999), ("-5000", 0, 999), ("7-7", 7, 7)]
    {
        let part = server.file(Method::GET, &place, &[("range", &format!("bytes={range}"))]).await;
        assert_eq!((part.status, &part.body[..]), (StatusCode::PARTIAL_CONTENT, &bytes[from..=to]), "{range}");
        assert_eq!(part.header("content-range"), format!("bytes {from}-{to}/1000"), "{range}");
        assert_eq!(part.header("content-type"), "text/plain; charset=utf-8");
    }
    for range in ["1000-", "-0", "5000-6000", "9-3", "x", "", "-", "99999999999999999999999-"] {
        let refused = server.file(Method::GET, &place, &[("range", &format!("bytes={range}"))]).await;
        assert_eq!(refused.status, StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
        assert_eq!(refused.header("content-range"), "bytes */1000", "{range}");
        assert_eq!(refused.header("content-type"), "application/problem+json");
    }
    for range in ["bytes=0-1,5-6", "items=0-9", "0-9"] {
        let whole = server.file(Method::GET, &place, &[("range", range)]).await;
        assert_eq!((whole.status, whole.body.len()), (StatusCode::OK, 1000), "{range}");
    }
    server.write("one.txt", b"");
    for range in ["bytes=0-0", "bytes=-1", "bytes=5-"] {
        let empty = server.file(Method::GET, &place, &[("range", range)]).await;
        assert_eq!((empty.status, empty.header("content-length")), (StatusCode::OK, "0"), "{range}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_browser_has_already_is_not_sent_again() {
    let server = server_of(&EVERY_KIND, |_, _| {}).await;
    let place = server.media("one.txt").await;
    let get = async |headers: &[(&str, &str)]| server.file(Method::GET, &place, headers).await;
    let first = get(&[]).await;
    let (tag, date) = (first.header("etag"), first.header("last-modified"));
    assert!(tag.starts_with('"') && first.header("cache-control") == "private, max-age=60", "{tag}");
    let weak = format!("W/{tag}");
    for known in [tag, &weak, "*", &format!("\"other\", {tag}")] {
        let again = get(&[("if-none-match", known)]).await;
        assert_eq!(
            (again.status, again.body.len(), again.header("etag")),
            (StatusCode::NOT_MODIFIED, 0, tag),
            "{known}"
        );
    }
    assert_eq!(get(&[("if-modified-since", date)]).await.status, StatusCode::NOT_MODIFIED);
    assert_eq!(get(&[("if-none-match", "\"other\"")]).await.status, StatusCode::OK);
    assert_eq!(get(&[("if-match", tag)]).await.status, StatusCode::OK);
    let other = get(&[("if-match", "\"other\"")]).await;
    assert_eq!(
        (other.status, other.header("content-type")),
        (StatusCode::PRECONDITION_FAILED, "application/problem+json")
    );
    for (had, range, expected) in [
        (tag, "bytes=0-1", StatusCode::PARTIAL_CONTENT),
        (tag, "bytes=9-", StatusCode::RANGE_NOT_SATISFIABLE),
        ("\"other\"", "bytes=0-1", StatusCode::OK),
        ("\"other\"", "bytes=9-", StatusCode::OK),
        (&weak, "bytes=0-1", StatusCode::OK),
        (date, "bytes=0-1", StatusCode::OK),
    ] {
        assert_eq!(get(&[("if-range", had), ("range", range)]).await.status, expected, "{had} {range}");
    }
    let head = server.file(Method::HEAD, &place, &[("range", "bytes=0-1")]).await;
    assert_eq!((head.status, head.body.len(), head.header("content-length")), (StatusCode::OK, 0, "3"));
    assert_eq!((head.header("etag"), head.header("content-type")), (tag, "text/plain; charset=utf-8"));
    server.write("one.txt", b"other");
    let changed = get(&[("if-none-match", tag)]).await;
    assert_eq!((changed.status, &changed.body[..]), (StatusCode::OK, &b"other"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_what_their_content_is_and_nothing_else_leaves_the_disk() {
    let server = server_of(&EVERY_KIND, |_, _| {}).await;
    let place = server.media("one.txt").await;
    let cases: [(&[u8], &str); 5] = [
        (WAV, "audio/wav"),
        (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41", "video/mp4"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        (b"<!doctype html><script>alert(1)</script>", "text/plain; charset=utf-8"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "text/plain; charset=utf-8"),
    ];
    for (bytes, expected) in cases {
        server.write("one.txt", bytes);
        let got = server.file(Method::GET, &place, &[]).await;
        assert_eq!((got.status, got.header("content-type"), &got.body[..]), (StatusCode::OK, expected, bytes));
        let policy = got.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && policy.ends_with("sandbox"), "{policy}");
        assert_eq!(got.header("x-content-type-options"), "nosniff");
    }
    server.write("one.txt", b"PK\x03\x04\x14\0\0\0");
    let (status, problem) = server.get(&place).await;
    let expected = json!("the item's file is no picture, sound, video, text");
    assert_eq!((status, &problem["detail"]), (StatusCode::NOT_FOUND, &expected));
    std::fs::remove_file(server.folder.path().join("texts/one.txt")).unwrap();
    assert_eq!(server.get(&place).await.0, StatusCode::NOT_FOUND);
    std::fs::create_dir(server.folder.path().join("texts/one.txt")).unwrap();
    assert_eq!(server.get(&place).await.0, StatusCode::NOT_FOUND, "a folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_an_archive_is_unpacked_once() {
    let server = server_of(&EVERY_KIND, |_, _| {}).await;
    let sound = [WAV, &[7; 2 << 20]].concat();
    let archive = server.folder.path().join("a.tgz");
    let mut packed = flate2::write::GzEncoder::new(File::create(&archive).unwrap(), flate2::Compression::fast());
    {
        let mut tar = tar::Builder::new(&mut packed);
        let mut header = tar::Header::new_gnu();
        header.set_size(sound.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, "sound.txt", &sound[..]).unwrap();
        tar.finish().unwrap();
    }
    packed.finish().unwrap();
    server.import(&archive).await;
    let place = server.media("sound.txt").await;
    let get = async |range: &str| server.file(Method::GET, &place, &[("range", range)]).await;
    let first = get("bytes=0-15").await;
    assert_eq!((first.status, &first.body[..]), (StatusCode::PARTIAL_CONTENT, WAV));
    assert_eq!(first.header("content-range"), format!("bytes 0-15/{}", sound.len()));
    // The archive cannot be read any more, and nobody notices until it looks changed.
    let (size, modified) = {
        let was = archive.metadata().unwrap();
        (was.len(), was.modified().unwrap())
    };
    let mut file = File::options().write(true).open(&archive).unwrap();
    file.write_all(&vec![0; size as usize]).unwrap();
    file.set_modified(modified).unwrap();
    let again = get("bytes=-4").await;
    assert_eq!(
        (again.status, &again.body[..], again.header("etag")),
        (StatusCode::PARTIAL_CONTENT, &[7; 4][..], first.header("etag"))
    );
    file.set_modified(modified + Duration::from_secs(1)).unwrap();
    assert_eq!(get("bytes=0-15").await.status, StatusCode::BAD_REQUEST);
    std::fs::remove_file(&archive).unwrap();
    assert_eq!(get("bytes=0-15").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_thumbnail_is_made_again_as_the_solution_does_it() {
    let server = server_of(&EVERY_KIND, |_, _| {}).await;
    let place = format!("/api/v1/items/{}/thumbnail", server.id("two.txt").await);
    let made = server.file(Method::GET, &place, &[]).await;
    let small = Picture::decode(&made.body, &bootcamp_core::picture::Limits::default()).unwrap();
    assert_eq!((made.status, small.width(), small.height()), (StatusCode::OK, 4, 1), "four letters");
    std::fs::remove_dir_all(server.folder.path().join("texts")).unwrap();
    assert_eq!(server.file(Method::GET, &place, &[]).await.body, made.body, "it is kept");
}
