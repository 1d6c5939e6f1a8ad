//! A cookie in place of the token.

use super::*;

const TOKEN: &str = "Bearer open sesame";

async fn guarded() -> Server {
    server(|options, _| options.token = Some("open sesame".to_owned().into())).await
}

impl Server {
    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
        let request =
            headers.iter().fold(request(method, path), |request, (name, value)| request.header(*name, *value));
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

fn cookie(response: &Response) -> String {
    response.headers()[header::SET_COOKIE].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_stands_for_the_token_but_begins_no_other() {
    let server = guarded().await;
    let begin = async |headers: &[(&str, &str)]| server.ask(Method::POST, "/api/v1/session", headers).await;
    assert_eq!(begin(&[]).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(begin(&[("authorization", "Bearer wrong")]).await.status(), StatusCode::UNAUTHORIZED);
    let response = begin(&[("authorization", TOKEN)]).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let set = cookie(&response);
    assert!(set.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict") && !set.contains("sesame"), "{set}");
    let secure = begin(&[("authorization", TOKEN), ("origin", "https://127.0.0.1:8080")]).await;
    assert!(cookie(&secure).ends_with("; Secure"));

    let session = set.split(';').next().unwrap();
    let both = format!("theme=dark; {session}");
    let info = async |cookie: &str| server.ask(Method::GET, "/api/v1/info", &[("cookie", cookie)]).await.status();
    assert_eq!((info(session).await, info(&both).await), (StatusCode::OK, StatusCode::OK));
    let (name, value) = session.split_once('=').unwrap();
    for wrong in ["", "theme=dark", &format!("session={value}"), &format!("{name}=1{value}"), &format!("{name}=")] {
        assert_eq!(info(wrong).await, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    assert_eq!(begin(&[("cookie", session)]).await.status(), StatusCode::UNAUTHORIZED);
    let twin = guarded().await;
    let elsewhere = twin.ask(Method::GET, "/api/v1/info", &[("cookie", session)]).await;
    assert_eq!(elsewhere.status(), StatusCode::OK, "it holds at every server with this token");

    let end = server.ask(Method::DELETE, "/api/v1/session", &[("cookie", session)]).await;
    assert_eq!(end.status(), StatusCode::NO_CONTENT);
    assert!(cookie(&end).starts_with(&format!("{name}=; Path=/; Max-Age=0; ")), "{}", cookie(&end));
    let foreign = [("cookie", session), ("origin", "http://evil.example")];
    assert_eq!(server.ask(Method::DELETE, "/api/v1/session", &foreign).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_there_is_no_cookie() {
    let server = server(|_, _| {}).await;
    for method in [Method::POST, Method::DELETE] {
        let response = server.ask(method, "/api/v1/session", &[]).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert!(!response.headers().contains_key(header::SET_COOKIE));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_knows_both_ways_in() {
    let (_, document) = guarded().await.get("/api/openapi.json").await;
    assert_eq!(document["security"], json!([{"bearer": []}, {"session": []}]));
    assert_eq!(document["components"]["securitySchemes"]["session"]["in"], "cookie");
}
