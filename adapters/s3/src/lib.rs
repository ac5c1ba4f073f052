//! Segments of the journal in a bucket of S3.
//!
//! What lives here: calls of S3, and what its answers mean for [`SegmentStore`]. What must not: what a segment holds,
//! and when a part of the journal may leave the database.

mod failure;
mod options;
#[cfg(test)]
mod tests;

pub use options::{Place, S3Options, StaticCredentials};

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use emporion_ports::segments::{SegmentStore, is_name};
use emporion_ports::store::StoreError;
use sha2::{Digest, Sha256};
use std::fmt;

/// What is larger is no segment, and is not read into memory.
const BYTES_MAX: i64 = 1 << 30;

/// Segments as objects under one prefix of a bucket.
#[derive(Clone)]
pub struct S3Segments {
    client: Client,
    place: Place,
}

impl S3Segments {
    /// Connects, and checks that the bucket is there and answers to these credentials.
    ///
    /// # Errors
    /// [`StoreError::Unusable`]: the bucket, the region or the credentials are wrong, in one sentence with the remedy.
    /// [`StoreError::Failed`]: S3 does not answer.
    pub async fn open(options: &S3Options) -> Result<Self, StoreError> {
        let segments = Self { client: options.client().await?, place: options.place.clone() };
        let asked = segments.client.list_objects_v2().bucket(&segments.place.bucket).prefix(&segments.place.prefix);
        asked.max_keys(1).send().await.map_err(|error| failure::of_call(&segments.place, &error))?;
        Ok(segments)
    }

    /// Names come from whoever exports and never lead elsewhere; one that would is refused.
    fn key(&self, name: &str) -> Result<String, StoreError> {
        if !is_name(name) {
            return Err(StoreError::Unusable(format!("{name:?} cannot be the name of a segment")));
        }
        Ok(format!("{}{name}", self.place.prefix))
    }

    fn damaged(&self, name: &str, reason: &str) -> StoreError {
        StoreError::Damaged(format!("{}/{name} (segments) {reason}", self.place))
    }
}

#[async_trait]
impl SegmentStore for S3Segments {
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), StoreError> {
        let key = self.key(name)?;
        let put = self
            .client
            .put_object()
            .bucket(&self.place.bucket)
            .key(key)
            .if_none_match("*")
            // S3 refuses what arrives otherwise.
            .checksum_sha256(BASE64_STANDARD.encode(Sha256::digest(&bytes)))
            .content_type("application/octet-stream")
            .body(ByteStream::from(bytes.clone()))
            .send();
        match put.await {
            Ok(_) => Ok(()),
            // Perhaps by an earlier try, whose answer was lost.
            Err(error) if error.code() == Some("PreconditionFailed") => match self.get(name).await? {
                Some(found) if found == bytes => Ok(()),
                Some(_) => Err(self.damaged(name, "holds something else than the journal: move it away")),
                None => Err(StoreError::Failed(format!("{}/{name} (segments) comes and goes", self.place))),
            },
            Err(error) => Err(failure::of_call(&self.place, &error)),
        }
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        let object = self.client.get_object().bucket(&self.place.bucket).key(self.key(name)?);
        let found = match object.send().await {
            Ok(found) => found,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(failure::of_call(&self.place, &error)),
        };
        if found.content_length.is_none_or(|bytes| bytes > BYTES_MAX) {
            return Err(self.damaged(name, "is larger than any segment"));
        }
        let bytes = found.body.collect().await.map_err(|error| {
            StoreError::Failed(format!("{}/{name} (segments) cannot be read to its end: {error}", self.place))
        })?;
        Ok(Some(bytes.into_bytes()))
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        let asked = self.client.list_objects_v2().bucket(&self.place.bucket).prefix(&self.place.prefix).delimiter("/");
        let mut pages = asked.into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure::of_call(&self.place, &error))?;
            let keys = page.contents().iter().filter_map(|object| object.key());
            names.extend(keys.filter_map(|key| key.strip_prefix(&self.place.prefix)).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }
}

impl fmt::Debug for S3Segments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Segments").field("place", &self.place).finish_non_exhaustive()
    }
}
