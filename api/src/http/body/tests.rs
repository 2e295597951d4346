use super::{Fields, Strict, canonical, read};
use crate::error::ApiError;
use poem_openapi::Object;

#[derive(Debug, PartialEq, Object)]
struct Point {
    x: u32,
    y: Option<u32>,
    name: Option<String>,
}

impl Strict for Point {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (x, y, name) = (fields.required("x"), fields.optional("y"), fields.text("name", 5));
        Some(Self { x: x?, y, name })
    }
}

fn wrong(body: &str) -> Vec<(String, String)> {
    match read::<Point>(body.as_bytes()) {
        Err(ApiError::InvalidRequest(errors)) => errors.into_iter().map(|error| (error.field, error.code)).collect(),
        other => panic!("{body}: {other:?}"),
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(field, code)| ((*field).to_owned(), (*code).to_owned()))
        .collect()
}

#[test]
fn reads_an_object() {
    let body = read::<Point>(br#"{"y": null, "x": 1, "name": "a"}"#).unwrap();
    assert_eq!(
        body.value,
        Point {
            x: 1,
            y: None,
            name: Some("a".to_owned())
        }
    );
    assert_eq!(body.canonical, r#"{"name":"a","x":1,"y":null}"#);
}

#[test]
fn tells_everything_that_is_wrong() {
    assert_eq!(
        wrong(r#"{"y": "one", "z": 1, "name": "sesame"}"#),
        pairs(&[
            ("x", "missing"),
            ("y", "invalid"),
            ("name", "too_long"),
            ("z", "unknown")
        ])
    );
    assert_eq!(wrong(r#"{"x": 1, "x": 2}"#), pairs(&[("x", "duplicate")]));
    assert_eq!(wrong(r#"{"x": 1, "name": "\u0000"}"#), pairs(&[("name", "invalid")]));
    for no_text in ["7", "true", "[]", "{}"] {
        let body = format!(r#"{{"x": 1, "name": {no_text}}}"#);
        assert_eq!(wrong(&body), pairs(&[("name", "invalid")]), "{body}");
    }
    assert_eq!(wrong(r#"{"x": 1.0}"#), pairs(&[("x", "invalid")]));
    assert_eq!(wrong(r#"{"x": -1}"#), pairs(&[("x", "invalid")]));
    assert_eq!(wrong("[]"), pairs(&[("", "invalid")]));
    assert_eq!(wrong("null"), pairs(&[("", "invalid")]));
}

#[test]
fn what_is_no_json_is_malformed() {
    let deep = format!(r#"{{"x": {}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        "",
        "{",
        "{\"x\": 1,}",
        "{\"x\": 1} 2",
        r#"{"name": "\ud800"}"#,
        "\u{feff}{}",
        "{\"x\": 1e999}",
        &deep,
    ] {
        let error = read::<Point>(body.as_bytes()).unwrap_err();
        assert!(matches!(error, ApiError::InvalidJson(_)), "{body:.40}: {error:?}");
    }
    let error = read::<Point>(b"{\"name\": \"\xff\"}").unwrap_err();
    assert!(matches!(error, ApiError::InvalidJson(_)), "{error:?}");
}

#[test]
fn a_message_does_not_echo_a_long_body() {
    let body = format!(r#"{{"x": "{}"}}"#, "a".repeat(100_000));
    let Err(ApiError::InvalidRequest(errors)) = read::<Point>(body.as_bytes()) else {
        panic!()
    };
    assert!(errors[0].message.len() < 1_000);
}

#[test]
fn canonical_json_ignores_order_and_spaces_and_nothing_else() {
    let form = |text: &str| canonical(&serde_json::from_str(text).unwrap());
    assert_eq!(
        form(r#"{ "b": [1, {"d": 2, "c": "ü\n"}], "a": null }"#),
        r#"{"a":null,"b":[1,{"c":"ü\n","d":2}]}"#
    );
    assert_ne!(form(r#"{"a": 30}"#), form(r#"{"a": 30.0}"#));
    assert_ne!(form(r#"{"a": null}"#), form("{}"));
    assert_ne!(form(r#"{"a": [1, 2]}"#), form(r#"{"a": [2, 1]}"#));
}
