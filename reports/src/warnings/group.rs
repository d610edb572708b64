//! Warnings by kind: twenty cells with few launches are one thing to know.

use super::{Severity, Warning};

/// Warnings of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WarningGroup {
    pub(crate) severity: Severity,
    pub(crate) title: &'static str,
    pub(crate) remedy: &'static str,
    pub(crate) findings: Vec<String>,
}

/// Groups sorted warnings.
pub(crate) fn grouped(warnings: &[Warning]) -> Vec<WarningGroup> {
    warnings
        .chunk_by(|a, b| a.title() == b.title())
        .filter_map(|group| {
            let first = group.first()?;
            Some(WarningGroup {
                severity: first.severity(),
                title: first.title(),
                remedy: first.remedy(),
                findings: group.iter().map(Warning::finding).collect(),
            })
        })
        .collect()
}
