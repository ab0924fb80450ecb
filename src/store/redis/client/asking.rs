//! Commands for a node that is importing a slot, which accepts them only after `ASKING`.

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, Pipeline, RedisFuture, Value};

/// A connection that sends `ASKING` before each command.
pub(crate) struct Asking<'c>(pub(crate) &'c mut MultiplexedConnection);

impl ConnectionLike for Asking<'_> {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let mut both = redis::pipe();
        both.cmd("ASKING").add_command(command.clone());
        Box::pin(async move {
            // The first answer is that of ASKING.
            let mut answers = self.0.req_packed_commands(&both, 1, 1).await?;
            answers.pop().unwrap_or(Value::Nil).extract_error()
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        // No script is sent as part of a pipeline.
        self.0.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.0.get_db()
    }
}
