//! What the site tells browsers, and what it takes from them: `cross_site` whose pages may change something,
//! `body` how much they may send, `headers` and `policy` what their browser may do, `posted` why a form was
//! refused.

mod body;
mod cross_site;
mod headers;
mod policy;
mod posted;
mod refused;

pub(crate) use body::{Bounds, bounded};
pub(crate) use cross_site::{Sites, only_own_pages};
pub(crate) use headers::{Headers, files, headers};
pub(crate) use posted::{Seal, sealed};
pub(crate) use refused::refused;
