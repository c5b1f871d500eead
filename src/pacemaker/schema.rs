//! What depends on the version of a CIB's schema (`validate-with`).

/// Names of a promotable clone's roles, which changed with schema pacemaker-3.7
/// (Pacemaker 2.1, xml/resources-3.7.rng).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// `Promoted`, or `Master` before pacemaker-3.7.
    pub promoted: &'static str,
    /// `Unpromoted`, or `Slave` before pacemaker-3.7.
    pub unpromoted: &'static str,
}

impl Roles {
    /// The role names that belong to a schema (`validate-with`).
    pub fn of_schema(schema: &str) -> Roles {
        let newer = at_least(schema, (3, 7));
        if newer {
            Roles {
                promoted: "Promoted",
                unpromoted: "Unpromoted",
            }
        } else {
            Roles {
                promoted: "Master",
                unpromoted: "Slave",
            }
        }
    }
}

/// Whether the version in a schema's name (`validate-with`) is this one or later.
pub(super) fn at_least(schema: &str, version: (u32, u32)) -> bool {
    match schema.strip_prefix("pacemaker-") {
        Some("next") => true,
        Some(text) => {
            let mut parts = text.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
            let number = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
            number >= version
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_names_follow_the_schema() {
        for (schema, promoted) in [
            ("pacemaker-3.6", "Master"),
            ("pacemaker-3.7", "Promoted"),
            ("pacemaker-3.10", "Promoted"),
            ("pacemaker-4.0", "Promoted"),
            ("pacemaker-2.10", "Master"),
            ("pacemaker-next", "Promoted"),
            ("none", "Master"),
        ] {
            assert_eq!(Roles::of_schema(schema).promoted, promoted, "{schema}");
        }
    }
}
