//! A node's description of its cluster.

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, Value, from_redis_value};

use super::address::Endpoint;
use super::error::Redacted;
use super::info::Info;
use super::slots::Slots;

/// A cluster as one of its nodes sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct View {
    /// `true` if the node serves requests, which it does only on the side of the majority.
    serves: bool,
    /// Rises with each change that the nodes agree on.
    pub(crate) epoch: u64,
    /// The owners of the slots.
    pub(crate) primaries: Vec<(Endpoint, Slots)>,
    /// All nodes that own slots or replicate them.
    pub(crate) nodes: Vec<Endpoint>,
}

impl View {
    /// Asks a node for its view.
    ///
    /// # Errors
    ///
    /// The text tells what went wrong.
    pub(crate) async fn ask(node: &Endpoint, connection: &mut MultiplexedConnection) -> Result<Self, String> {
        let mut questions = redis::pipe();
        questions.cmd("CLUSTER").arg("INFO").cmd("CLUSTER").arg("SLOTS");
        let answer = questions.query_async(connection).await;
        let (info, slots): (String, Value) = answer.map_err(|error| match error.code() {
            Some("ERR") => "it is not a node of a cluster".to_owned(),
            _ => Redacted(error).to_string(),
        })?;
        Self::read(node, &Info::parse(&info), &slots)
            .ok_or_else(|| "its answer to CLUSTER SLOTS has an unknown form".to_owned())
    }

    /// Reads `CLUSTER SLOTS`: for each range its bounds, the primary and its replicas, each with host, port and more. A
    /// node that does not know its own host names none.
    pub(crate) fn read(asked: &Endpoint, info: &Info, slots: &Value) -> Option<Self> {
        let mut view = Self {
            serves: info.get("cluster_state") == "ok",
            epoch: info.get("cluster_current_epoch").parse().ok()?,
            primaries: Vec::new(),
            nodes: Vec::new(),
        };
        for range in decode::<Vec<Vec<Value>>>(slots)? {
            let [start, end, nodes @ ..] = range.as_slice() else { return None };
            let range = number(start)?..=number(end)?;
            for (index, node) in nodes.iter().enumerate() {
                let node = decode::<Vec<Value>>(node)?;
                let host = decode::<Option<String>>(node.first()?)?.filter(|host| !host.is_empty() && host != "?");
                let host = host.as_deref().unwrap_or(asked.host());
                let endpoint = Endpoint::new(host, number(node.get(1)?)?, asked.is_tls());
                if index == 0 {
                    view.has(&endpoint, range.clone());
                }
                if !view.nodes.contains(&endpoint) {
                    view.nodes.push(endpoint);
                }
            }
        }
        Some(view)
    }

    fn has(&mut self, endpoint: &Endpoint, range: std::ops::RangeInclusive<u16>) {
        if let Some((_, slots)) = self.primaries.iter_mut().find(|(known, _)| known == endpoint) {
            return slots.add(range);
        }
        let mut slots = Slots::default();
        slots.add(range);
        self.primaries.push((endpoint.clone(), slots));
    }

    /// Ranks views by trust: first those of nodes that serve, then those with the latest change.
    pub(crate) fn rank(&self) -> (bool, u64) {
        (self.serves, self.epoch)
    }
}

fn decode<T: FromRedisValue>(value: &Value) -> Option<T> {
    from_redis_value(value.clone()).ok()
}

/// Needed because the decoder of `u16` truncates larger numbers.
fn number(value: &Value) -> Option<u16> {
    decode::<i64>(value)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn node(host: Value, port: i64) -> Value {
        Value::Array(vec![host, Value::Int(port), text("id"), Value::Array(Vec::new())])
    }

    fn view(info: &str, slots: Vec<Value>) -> Option<View> {
        let asked = Endpoint::parse("10.0.0.9:7000", 6379).unwrap();
        View::read(&asked, &Info::parse(info), &Value::Array(slots))
    }

    const INFO: &str = "cluster_state:ok\r\ncluster_current_epoch:6\r\n";

    #[test]
    fn ranges_of_one_primary_belong_together() {
        let range =
            |start, end, nodes: Vec<Value>| Value::Array([vec![Value::Int(start), Value::Int(end)], nodes].concat());
        let view = view(
            INFO,
            vec![
                range(0, 99, vec![node(text("10.0.0.1"), 7001), node(text("10.0.0.2"), 7002)]),
                range(100, 199, vec![node(Value::Nil, 7000)]),
                range(300, 300, vec![node(text("10.0.0.1"), 7001)]),
            ],
        )
        .unwrap();
        let primaries: Vec<_> = view.primaries.iter().map(|(node, slots)| (node.name(), slots.count())).collect();
        assert_eq!(primaries, [("10.0.0.1:7001".to_owned(), 101), ("10.0.0.9:7000".to_owned(), 100)]);
        assert_eq!(view.nodes.len(), 3);
        assert_eq!(view.rank(), (true, 6));
    }

    #[test]
    fn what_is_no_such_answer_is_none() {
        assert_eq!(view("cluster_enabled:0", vec![]), None);
        assert_eq!(view(INFO, vec![Value::Int(1)]), None);
        assert_eq!(view(INFO, vec![Value::Array(vec![Value::Int(0), Value::Int(99_999), node(text("a"), 1)])]), None);
    }
}
