//! A bucket of a real emulator, and answers that the emulator does not give.

use crate::{S3Options, S3Segments, StaticCredentials};
use aws_sdk_s3::config::Region;
use bytes::Bytes;
use emporion_cluster::parts::MiniStack;
use emporion_ports::segments::SegmentStore;
use emporion_ports::store::StoreError;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Segments in a bucket of their own.
struct Own {
    segments: S3Segments,
    options: S3Options,
    _emulator: MiniStack,
}

impl Deref for Own {
    type Target = S3Segments;

    fn deref(&self) -> &S3Segments {
        &self.segments
    }
}

fn options(place: &str, endpoint: &str) -> S3Options {
    let credentials =
        StaticCredentials { access_key_id: "000000000000".to_owned(), secret_access_key: "emulator".to_owned() };
    S3Options {
        place: place.parse().unwrap(),
        endpoint: Some(endpoint.to_owned()),
        region: "us-east-1".to_owned(),
        static_credentials: Some(credentials),
    }
}

async fn open() -> Own {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let emulator = tokio::task::spawn_blocking(|| MiniStack::get().unwrap()).await.unwrap();
    let bucket = format!("journal-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let options = options(&format!("s3://{bucket}/venue/1"), emulator.endpoint());
    options.client().await.unwrap().create_bucket().bucket(bucket).send().await.unwrap();
    Own { segments: S3Segments::open(&options).await.unwrap(), options, _emulator: emulator }
}

emporion_ports::segments_contract!(open);

#[tokio::test]
async fn a_prefix_is_apart_from_others() {
    let own = open().await;
    own.put("a", Bytes::from("1")).await.unwrap();
    let mut beside = own.options.clone();
    for prefix in ["", "venue/", "venue/1/2/", "venue/10/"] {
        beside.place.prefix = prefix.to_owned();
        let beside = S3Segments::open(&beside).await.unwrap();
        assert_eq!(beside.list().await.unwrap(), Vec::<String>::new(), "{prefix}");
        assert_eq!(beside.get("a").await.unwrap(), None, "{prefix}");
    }
}

#[tokio::test]
async fn of_two_that_write_one_name_at_once_one_is_kept() {
    let own = open().await;
    let put = async |text: &'static str| (text, own.put("a", Bytes::from(text)).await);
    let answers = <[_; 2]>::from(tokio::join!(put("one"), put("other")));
    let kept = own.get("a").await.unwrap().unwrap();
    for (text, answer) in answers {
        assert_eq!(answer.is_ok(), kept == text, "{text}: {answer:?}, {kept:?} is kept");
    }
}

#[tokio::test]
async fn more_names_than_a_page_has_are_listed() {
    let own = open().await;
    let names: Vec<String> = (0..1_003).map(|n| format!("{n:04}")).collect();
    for some in names.chunks(20) {
        let puts = some.iter().map(|name| {
            let (segments, name) = (own.segments.clone(), name.clone());
            tokio::spawn(async move { segments.put(&name, Bytes::new()).await })
        });
        for put in puts.collect::<Vec<_>>() {
            put.await.unwrap().unwrap();
        }
    }
    assert!(own.list().await.unwrap() == names);
}

/// Checks that `options` are refused with these words.
async fn check_refused(options: &S3Options, is_unusable: bool, words: &[&str]) {
    let refused = S3Segments::open(options).await.unwrap_err();
    assert_eq!(matches!(refused, StoreError::Unusable(_)), is_unusable, "{refused:?}");
    let text = refused.to_string();
    for word in words.iter().chain(&["s3://"]) {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
    assert!(!text.contains("emulator") && !text.contains('\n'), "{text:?}");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let own = open().await;
    let nowhere = options("s3://nowhere/venue", own.options.endpoint.as_ref().unwrap());
    check_refused(&nowhere, true, &["s3://nowhere/venue", "NoSuchBucket", "make the bucket"]).await;
}

#[tokio::test]
async fn a_bucket_that_goes_is_told_by_every_call() {
    let own = open().await;
    own.options.client().await.unwrap().delete_bucket().bucket(&own.options.place.bucket).send().await.unwrap();
    let put = own.put("a", Bytes::from("1")).await.map(|()| None);
    let list = own.list().await.map(|_| None);
    for result in [put, own.get("a").await, list] {
        assert!(matches!(&result, Err(StoreError::Unusable(text)) if text.contains("NoSuchBucket")), "{result:?}");
    }
}

#[tokio::test]
async fn an_s3_that_is_not_there_is_named() {
    check_refused(&options("s3://journal", "http://127.0.0.1:9"), false, &["s3://journal", "cannot be asked"]).await;
}

/// What AWS answers and the emulator does not.
#[tokio::test]
async fn what_aws_refuses_is_told_with_its_remedy() {
    for (status, code, remedy) in [
        ("403 Forbidden", "AccessDenied", "s3:PutObject"),
        ("403 Forbidden", "InvalidAccessKeyId", "store.segments_access_key"),
        ("403 Forbidden", "SignatureDoesNotMatch", "mend the credentials"),
        ("400 Bad Request", "ExpiredToken", "mend the credentials"),
        ("400 Bad Request", "AuthorizationHeaderMalformed", "store.segments_region"),
        ("301 Moved Permanently", "PermanentRedirect", "store.segments_region"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>It is so.</Message></Error>");
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/xml\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let serve = tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let _ = socket.read(&mut [0; 8_192]).await;
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        check_refused(&options("s3://journal/venue", &endpoint), true, &["s3://journal/venue", code, remedy]).await;
        serve.abort();
    }
}

#[tokio::test]
async fn no_secret_is_shown() {
    let options = options("s3://journal", "http://127.0.0.1:9");
    assert!(!format!("{options:?}").contains("secret") && !format!("{options:?}").contains("emulator"));
    assert_eq!(options.client().await.unwrap().config().region(), Some(&Region::new("us-east-1")));
}
