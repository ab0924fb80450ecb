//! Redis errors that may be logged.

use std::error::Error;
use std::fmt;

use redis::RedisError;

/// A Redis error that shows only its code or kind: the text of a server error can repeat the arguments of a command.
pub(crate) struct Redacted(pub(crate) RedisError);

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.code() {
            Some(code) => write!(f, "{code} from the server"),
            None => f.write_str(self.0.category()),
        }
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The source is that of an I/O error, whose text is the operating system's.
impl Error for Redacted {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if self.0.is_io_error() { self.0.source() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use redis::{ErrorKind, FromRedisValue, Value, parse_redis_value};

    use super::*;
    use crate::otp::StoreError;

    /// Everything that printing the error and its sources shows.
    fn shown(error: &dyn Error) -> String {
        let chain = std::iter::successors(Some(error), |&error| error.source());
        chain.map(|error| format!("{error} {error:?}")).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn what_a_server_error_quotes_is_not_shown() {
        let refusal = parse_redis_value(b"-ERR unknown command, with args: 15551234567\r\n").unwrap();
        let refusal = refusal.extract_error().unwrap_err();
        let not_a_number = u64::from_redis_value(Value::BulkString(b"+15551234567 ".to_vec())).unwrap_err();
        let errors = [refusal, not_a_number.into(), (ErrorKind::Client, "no", "15551234567".to_owned()).into()];
        for error in errors {
            assert!(error.to_string().contains("15551234567"), "{error}");
            let shown = shown(&StoreError::Faulty(Redacted(error).into()));
            assert!(!shown.contains("5551234567"), "{shown}");
        }
    }

    #[test]
    fn an_io_error_is_kept_as_the_source() {
        let broken = io::Error::from(io::ErrorKind::BrokenPipe);
        let text = broken.to_string();
        let error = StoreError::NoAnswer(Redacted(broken.into()).into());
        assert_eq!(error.to_string(), "the store did not answer: I/O error");
        assert!(error.source().unwrap().to_string().contains(&text));
        assert!(error.cause().is::<Redacted>());
    }
}
