//! The answer to `INFO`.

use std::collections::HashMap;
use std::fmt;

/// The fields of an answer to `INFO`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Info(HashMap<String, String>);

impl Info {
    pub(crate) fn parse(text: &str) -> Self {
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        Self(fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Returns the connected replicas of a primary.
    pub(crate) fn replicas(&self) -> Vec<Replica> {
        let lines = (0..).map_while(|index| self.0.get(&format!("slave{index}")));
        let written: Option<u64> = self.get("master_repl_offset").parse().ok();
        let replica = |line: &String| {
            let fields: HashMap<_, _> = line.split(',').filter_map(|field| field.split_once('=')).collect();
            let number = |name| fields.get(name).and_then(|text| text.parse::<u64>().ok());
            (fields.get("state") == Some(&"online")).then_some(())?;
            Some(Replica {
                name: format!("{}:{}", fields.get("ip")?, fields.get("port")?),
                behind: written?.saturating_sub(number("offset")?),
                silent: number("lag")?,
            })
        };
        lines.filter_map(replica).collect()
    }

    /// Returns the server's memory, if the answer has it.
    pub(crate) fn memory(&self) -> Option<Memory> {
        let used = self.get("used_memory").parse().ok()?;
        Some(Memory { used, max: self.get("maxmemory").parse().ok().filter(|max| *max > 0) })
    }

    pub(crate) fn version(&self) -> Option<(u32, u32)> {
        let mut numbers = self.get("redis_version").split('.').map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

/// A replica, as its primary sees it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Replica {
    name: String,
    /// Bytes that were written and not yet acknowledged.
    behind: u64,
    /// Seconds since the last acknowledgement.
    silent: u64,
}

impl fmt::Display for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes behind, {} s ago)", self.name, self.behind, self.silent)
    }
}

/// A server's memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) used: u64,
    /// The limit, if there is one.
    pub(crate) max: Option<u64>,
}

impl Memory {
    /// Returns the used share of the limit, in percent.
    pub(crate) fn percent(self) -> Option<u64> {
        Some(self.used.saturating_mul(100) / self.max?)
    }
}
