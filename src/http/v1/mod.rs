//! The verification API, `/v1`: verifications as resources, and problems with stable codes.

mod json;
mod presenter;
mod problem;
mod problem_code;
mod rate_limit;
mod request;
mod resource;

use super::edge::route::Surface;

pub(super) static SURFACE: Surface = Surface { present: presenter::present, is_enabled: |_| true };
