//! Doing several things beside a workflow's story, in an order that a replay repeats.

use futures::future::{FusedFuture, FutureExt, LocalBoxFuture};
use std::{future::poll_fn, task::Poll};

/// Resolves when one of them is done, and lets go of it; polled in their order, so that a replay does the same.
pub(crate) fn any<'a>(under_way: &'a mut Vec<LocalBoxFuture<'_, ()>>) -> impl FusedFuture<Output = ()> + 'a {
    poll_fn(move |cx| {
        let before = under_way.len();
        under_way.retain_mut(|sending| sending.poll_unpin(cx).is_pending());
        if under_way.len() < before {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .fuse()
}
