use super::*;

fn read(flags: &[(&'static str, &str)], environment: &[(&str, &str)], file: &str) -> Result<BrainConfig> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("brain.json");
    std::fs::write(&path, file).unwrap();
    let flags = Flags { backend: None, milvus: flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect() };
    let get = |name: &str| match name {
        CONFIG_PATH => path.to_str().map(str::to_owned),
        _ => environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
    };
    BrainConfig::read(flags, &get, environment.iter().map(|(name, _)| (*name).to_owned()))
}

fn in_force(config: &BrainConfig, key: &str) -> (Option<String>, String) {
    let row = config.shown().unwrap().into_iter().find(|row| row.key == key).unwrap();
    let origin = match row.origin {
        Some(Origin::File(_)) => "file".to_owned(),
        Some(origin) => origin.to_string(),
        None => String::new(),
    };
    (row.value, origin)
}

#[test]
fn flags_are_stronger_than_the_environment_and_that_than_the_file() {
    let file = r#"{"default_similarity_backend": "milvus", "similarity_backends": {"milvus":
        {"uri": "http://file:1", "user": "me", "password": "123", "metric": "cosine", "secure": false}}}"#;
    let uri = |config: &BrainConfig| in_force(config, "milvus.uri");
    let of = |value: &str, origin: &str| (Some(value.to_owned()), origin.to_owned());
    let fiftyone = ("FIFTYONE_BRAIN_SIMILARITY_MILVUS_URI", "http://fiftyone:1");
    let ours = ("MILVUS_URI", "http://ours:1");
    assert_eq!(uri(&read(&[("uri", "http://flag:1")], &[fiftyone, ours], file).unwrap()), of("http://flag:1", "flag"));
    let config = read(&[], &[ours, fiftyone], file).unwrap();
    assert_eq!(uri(&config), of("http://fiftyone:1", "environment: FIFTYONE_BRAIN_SIMILARITY_MILVUS_URI"));
    assert_eq!(in_force(&config, "milvus.password"), of("********", "file"));
    assert_eq!(in_force(&config, "milvus.metric"), of("cosine", "file"));
    assert_eq!(config.backend().unwrap(), Backend::Milvus);
    assert_eq!(uri(&read(&[], &[ours], file).unwrap()), of("http://ours:1", "environment: MILVUS_URI"));
    assert_eq!(uri(&read(&[], &[], file).unwrap()), of("http://file:1", "file"));
    let nothing = read(&[], &[], "{}").unwrap();
    assert_eq!(uri(&nothing), of("http://localhost:19530", "default"));
    assert_eq!(nothing.backend().unwrap(), Backend::Local);
    // A folder is not a server.
    assert_eq!(read(&[], &[("MILVUS_URI", "./data")], "{}").unwrap().backend().unwrap(), Backend::Local);
}

#[test]
fn passwords_stay_what_they_are() {
    let environment =
        [("FIFTYONE_BRAIN_SIMILARITY_MILVUS_USER", "7"), ("FIFTYONE_BRAIN_SIMILARITY_MILVUS_PASSWORD", "00123")];
    let config = read(&[("uri", "http://127.0.0.1:1")], &environment, "{}").unwrap();
    let bootcamp_core::Place::Milvus(server) = config.milvus().unwrap().place else { panic!() };
    assert_eq!(server.password.unwrap().expose_secret(), "00123");
    assert!(!format!("{config:?}").contains("00123"));
    let file = r#"{"similarity_backends": {"milvus": {"password": 12345}}}"#;
    let error = read(&[], &[], file).unwrap_err();
    assert!(error.to_string().ends_with("similarity_backends.milvus.password is not a string"), "{error}");
    assert!(!error.to_string().contains("12345"));
}

#[test]
fn a_token_of_a_stronger_layer_takes_the_place_of_a_user() {
    let file = r#"{"similarity_backends": {"milvus": {"user": "me", "password": "x"}}}"#;
    let config = read(&[], &[("MILVUS_TOKEN", "t"), ("MILVUS_URI", "http://127.0.0.1:1")], file).unwrap();
    let bootcamp_core::Place::Milvus(server) = config.milvus().unwrap().place else { panic!() };
    assert!(server.user.is_none() && server.password.is_none() && server.token.is_some());
}

#[test]
fn unknown_keys_are_errors_with_a_suggestion() {
    let wrong = |environment: &[(&str, &str)], file: &str| {
        let error = read(&[], environment, file).unwrap_err();
        let message = error.to_string();
        let message = message.rsplit("brain.json: ").next().unwrap().to_owned();
        (message, error.hint().unwrap_or_default().to_owned())
    };
    let hint = |(_, hint): (String, String)| hint;
    assert_eq!(
        wrong(&[("FIFTYONE_BRAIN_SIMILARITY_MILVUS_PASWORD", "x")], "{}"),
        (
            "FIFTYONE_BRAIN_SIMILARITY_MILVUS_PASWORD is not a setting of the Milvus backend".to_owned(),
            "did you mean FIFTYONE_BRAIN_SIMILARITY_MILVUS_PASSWORD?".to_owned()
        )
    );
    assert_eq!(
        wrong(&[], r#"{"similarity_backends": {"milvus": {"urii": "x"}}}"#),
        (
            "unknown key similarity_backends.milvus.urii".to_owned(),
            "did you mean similarity_backends.milvus.uri?".to_owned()
        )
    );
    assert_eq!(hint(wrong(&[], r#"{"similarity_backend": {}}"#)), "did you mean similarity_backends?");
    assert_eq!(
        hint(wrong(&[], r#"{"similarity_backends": {"mivlus": {}}}"#)),
        "did you mean similarity_backends.milvus?"
    );
    assert_eq!(wrong(&[], "{\n!").0, "line 2 is not valid JSON");
    assert_eq!(wrong(&[], "[]").0, "the file is not an object of keys and values");
    read(&[], &[], r#"{"similarity_backends": {"qdrant": {"url": 1}, "mine": {"config_cls": "x"}}}"#).unwrap();
}

#[test]
fn values_are_checked_and_their_origin_is_named() {
    let wrong = |name: &str, value: &str| read(&[], &[(name, value)], "{}").unwrap_err().to_string();
    assert_eq!(
        wrong("FIFTYONE_BRAIN_SIMILARITY_MILVUS_METRIC", "cos"),
        "environment: FIFTYONE_BRAIN_SIMILARITY_MILVUS_METRIC: the metric is 'cos', expected cosine, dotproduct or euclidean"
    );
    assert_eq!(
        wrong("FIFTYONE_BRAIN_SIMILARITY_MILVUS_SECURE", "maybe"),
        "environment: FIFTYONE_BRAIN_SIMILARITY_MILVUS_SECURE: secure is 'maybe', expected true or false"
    );
    assert!(wrong(DEFAULT_BACKEND, "qdrant").contains("expected local or milvus"));
    let error = read(&[("uri", "./milvus.db")], &[], "{}").unwrap().milvus().unwrap_err();
    assert_eq!(error.to_string(), "'./milvus.db' is not the address of a Milvus server");
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let get = |name: &str| (name == CONFIG_PATH).then(|| "/nowhere/x.json".to_owned());
    let error = BrainConfig::read(Flags::default(), &get, std::iter::empty()).unwrap_err();
    assert_eq!(error.kind(), bootcamp_core::ErrorKind::NotFound);
    let get = |name: &str| (name == "HOME").then(|| "/nowhere".to_owned());
    BrainConfig::read(Flags::default(), &get, std::iter::empty()).unwrap();
}
