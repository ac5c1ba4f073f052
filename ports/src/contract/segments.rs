//! What every place for segments must do.
//!
//! An adapter's test module says `emporion_ports::segments_contract!(open);`, where `open()` is an async function that
//! returns something that derefs to an empty [`SegmentStore`] and lives as long as the case.

use bytes::Bytes;

use crate::segments::SegmentStore;
use crate::store::StoreError;

/// One test per case of the contract on the places that `$open` makes.
#[macro_export]
macro_rules! segments_contract {
    ($open:path) => {
        $crate::segments_contract!(@cases $open:
            what_is_kept_is_found_again,
            the_same_may_be_put_again_and_nothing_else,
            a_large_one_comes_back_whole,
            a_name_leads_nowhere_else,
        );
    };
    (@cases $open:path: $($case:ident,)+) => {
        $(#[tokio::test]
        async fn $case() {
            $crate::contract::segments::$case(&*$open().await).await;
        })+
    };
}

/// In order, by name; what is not there is told apart.
pub async fn what_is_kept_is_found_again(segments: &dyn SegmentStore) {
    assert_eq!(segments.list().await.unwrap(), Vec::<String>::new());
    for (name, bytes) in [("b.segment", "1"), ("a.segment", "2"), ("c+d e", "")] {
        segments.put(name, Bytes::from(bytes)).await.unwrap();
    }
    assert_eq!(segments.list().await.unwrap(), ["a.segment", "b.segment", "c+d e"]);
    assert_eq!(segments.get("b.segment").await.unwrap().unwrap(), "1");
    assert_eq!(segments.get("c+d e").await.unwrap().unwrap(), "");
    assert_eq!(segments.get("b").await.unwrap(), None);
}

/// A put whose answer was lost is repeated; other bytes never take the place of the first.
pub async fn the_same_may_be_put_again_and_nothing_else(segments: &dyn SegmentStore) {
    for _ in 0..2 {
        segments.put("a", Bytes::from("first")).await.unwrap();
    }
    for other in ["other", "fir", "first and more", ""] {
        match segments.put("a", Bytes::from(other)).await {
            Err(StoreError::Damaged(reason)) => assert!(reason.contains('a') && reason.contains("something else")),
            result => panic!("{other:?}: {result:?}"),
        }
    }
    assert_eq!(segments.get("a").await.unwrap().unwrap(), "first");
}

/// Larger than what a network moves at once.
pub async fn a_large_one_comes_back_whole(segments: &dyn SegmentStore) {
    let bytes: Bytes = (0..17_000_000_u32).map(|n| (n % 251) as u8).collect();
    segments.put("large", bytes.clone()).await.unwrap();
    assert!(segments.get("large").await.unwrap().unwrap() == bytes);
}

/// Nobody reads or writes beside the place.
pub async fn a_name_leads_nowhere_else(segments: &dyn SegmentStore) {
    for name in ["", ".", "..", "../a", "a/b", "/etc/passwd", ".hidden", "a\\b", "a\0"] {
        assert!(matches!(segments.get(name).await, Err(StoreError::Unusable(_))), "{name:?}");
        assert!(matches!(segments.put(name, Bytes::new()).await, Err(StoreError::Unusable(_))), "{name:?}");
    }
}
