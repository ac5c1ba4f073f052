//! `openapi.json` is what the code describes, and describes what the path table says.

use emporion_api::paths::{self, Security};
use emporion_api::v1::openapi_json;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// `UPDATE_GOLDENS=1` writes the file instead of comparing it.
#[test]
fn the_committed_description_is_the_current_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    #[expect(clippy::disallowed_methods, reason = "a switch for the developer who runs the test")]
    let update = std::env::var("UPDATE_GOLDENS").is_ok_and(|value| value == "1");
    if update {
        fs::write(&file, openapi_json()).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == openapi_json(), "api/openapi.json is out of date: run this test with UPDATE_GOLDENS=1");
}

#[test]
fn every_path_of_v1_is_described_with_its_security() {
    let description: Value = serde_json::from_str(&openapi_json()).unwrap();
    let mut described = BTreeSet::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let scheme = operation["security"][0].as_object().and_then(|scheme| scheme.keys().next());
            described.insert((method.to_uppercase(), path.clone(), scheme.cloned()));
        }
    }
    let expected = paths::ALL.iter().filter(|endpoint| endpoint.is_v1()).map(|endpoint| {
        let scheme = match endpoint.security {
            Security::Session => Some("session".to_owned()),
            Security::Operator => Some("operator".to_owned()),
            Security::None | Security::Trade | Security::UserData => None,
        };
        (endpoint.method.as_str().to_owned(), endpoint.path.to_owned(), scheme)
    });
    assert_eq!(described, expected.collect());
}
