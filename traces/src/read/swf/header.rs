//! The comment lines at the top of a log: `; Name: value`, continued by lines of `;` and blanks.

/// How many directives are kept; a header has a few dozen.
const MOST: usize = 1_000;

/// What the header of a log says about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SwfHeader {
    /// Every directive in order, for example `("Computer", "IBM SP2")`; at most 1,000.
    pub directives: Vec<(String, String)>,
    /// Jobs, as the header counts them.
    pub max_jobs: Option<u64>,
    /// Rows, as the header counts them; more than jobs where checkpoints are logged.
    pub max_records: Option<u64>,
    /// Nodes of the machine.
    pub max_nodes: Option<u64>,
    /// Processors of the machine.
    pub max_procs: Option<u64>,
    /// Seconds since 1970 of time 0.
    pub unix_start_time: Option<i64>,
    /// The zone of the local times in the header, as an area and a town.
    pub time_zone: Option<String>,
}

impl SwfHeader {
    /// The width of the machine: processors, else nodes.
    #[must_use]
    pub fn width(&self) -> Option<u64> {
        self.max_procs.or(self.max_nodes)
    }

    /// How many rows the log should have.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        self.max_records.or(self.max_jobs)
    }

    /// Takes one comment line in; `line` begins after its first `;`.
    pub(crate) fn read_line(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let text = line.trim();
        // A continuation may hold a colon too (an address), so it is told by how far it is set in.
        let set_in = line.len() - line.trim_start().len() >= 3;
        match text.split_once(':') {
            Some((name, value)) if !set_in && is_name(name) => self.directive(name.trim(), value.trim()),
            _ if set_in && !text.is_empty() => {
                if let Some((_, value)) = self.directives.last_mut()
                    && value.len() < 4_096
                {
                    value.push('\n');
                    value.push_str(text);
                }
            }
            _ => {}
        }
    }

    fn directive(&mut self, name: &str, value: &str) {
        let count = || leading_integer(value).and_then(|number| u64::try_from(number).ok()).filter(|&count| count > 0);
        match name {
            "MaxJobs" => self.max_jobs = count(),
            "MaxRecords" => self.max_records = count(),
            "MaxNodes" => self.max_nodes = count().max(self.max_nodes),
            "MaxProcs" => self.max_procs = count().max(self.max_procs),
            "UnixStartTime" => self.unix_start_time = self.unix_start_time.or(leading_integer(value)),
            "TimeZoneString" => self.time_zone = Some(value.to_string()),
            _ => {}
        }
        if self.directives.len() < MOST {
            self.directives.push((name.to_string(), value.to_string()));
        }
    }
}

fn is_name(name: &str) -> bool {
    let name = name.trim();
    !name.is_empty() && name.chars().all(|character| character.is_ascii_alphanumeric())
}

/// The number that a text begins with: some logs say `100 (two partitions)`.
fn leading_integer(text: &str) -> Option<i64> {
    let end = text
        .char_indices()
        .find(|(at, character)| !(character.is_ascii_digit() || (*at == 0 && *character == '-')))
        .map_or(text.len(), |(at, _)| at);
    text.get(..end)?.parse().ok()
}
