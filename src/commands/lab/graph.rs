//! `lab graph`: a picture of a lab.

use crate::cli::GraphFormat;
use crate::context::Context;
use crate::error::Result;
use crate::lab::directory::existing;
use crate::lab::graph::{self, Picture};
use crate::lab::nested;
use crate::report::result;

/// # Errors
/// When there is no such lab.
pub(in crate::commands) fn run(context: &Context, name: &str, format: GraphFormat) -> Result<()> {
    let (_, lab) = existing(context, Some(name))?;
    // Where no guests are made yet, the picture has the wanted ones.
    let guests = match nested::set(&lab)? {
        Some(set) => set.guests().into_iter().map(|g| g.name).collect(),
        None => (1..=lab.spec.containers)
            .map(|n| format!("lxc{n}"))
            .collect(),
    };
    let picture = Picture::of(&lab, guests);
    result(match format {
        GraphFormat::Svg => graph::svg(&picture),
        GraphFormat::Dot => graph::dot(&picture),
        GraphFormat::Mermaid => graph::mermaid(&picture),
    });
    Ok(())
}
