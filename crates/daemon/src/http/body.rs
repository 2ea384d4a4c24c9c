//! Reading the body of a request: bounded in size and time, and explained when it is wrong.

use api::{ErrorCode, Problem};
use axum::extract::{FromRequest, Request};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use model::limits;
use serde::de::DeserializeOwned;

use super::Failure;

/// A body that holds JSON.
pub(super) struct Json<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let bytes = read(request).await?;
        let wrong = |error: serde_json::Error| {
            let message = format!("the body is not what this route takes: {error}");
            Problem::new(ErrorCode::BadRequest, message)
                .with_hint("GET /openapi.json has its schema")
        };
        Ok(Self(serde_json::from_slice(&bytes).map_err(wrong)?))
    }
}

/// A body that is text.
pub(super) struct Text(pub(super) String);

impl<S: Sync> FromRequest<S> for Text {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let bytes = read(request).await?;
        Ok(Self(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// A body as it is.
pub(super) struct Bytes(pub(super) bytes::Bytes);

impl<S: Sync> FromRequest<S> for Bytes {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        Ok(Self(read(request).await?))
    }
}

async fn read(request: Request) -> Result<bytes::Bytes, Problem> {
    let limited = Limited::new(request.into_body(), limits::HTTP_BODY_BYTES_MAX);
    match tokio::time::timeout(limits::HTTP_BODY_TIMEOUT, limited.collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let message = format!(
                "the body is larger than {} bytes",
                limits::HTTP_BODY_BYTES_MAX
            );
            Err(Problem::new(ErrorCode::TooLarge, message))
        }
        Ok(Err(error)) => Err(Problem::new(
            ErrorCode::BadRequest,
            format!("the body broke off: {error}"),
        )),
        Err(_) => {
            let seconds = limits::HTTP_BODY_TIMEOUT.as_secs();
            Err(Problem::new(
                ErrorCode::Timeout,
                format!("the body took more than {seconds} s"),
            ))
        }
    }
}
