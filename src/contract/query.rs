//! Live queries: a named question with typed parameters, whose answer the server keeps pushing.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Channel, ChannelName, InvalidChannelName, Refusal};

/// The parameters of a query, which stand for it; `#[derive(Clone, Serialize, Deserialize)]`.
///
/// Its channel is `query:{NAME}:{parameters}`: the parameters as JSON in URL-safe base64 without padding,
/// behind a `p`, so that equal parameters are one channel and any client can build the name.
pub trait LiveQuery: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The query's name in channels.
    const NAME: &'static str;
    /// The answer.
    type Output: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The channel that carries the answers.
    ///
    /// # Errors
    /// [`InvalidChannelName`] when the parameters are too long for a name: about 130 bytes of JSON.
    fn channel(&self) -> Result<Channel<Self::Output>, InvalidChannelName> {
        let json = serde_json::to_vec(self).map_err(|_| InvalidChannelName)?;
        let mut name = ["query:", Self::NAME, ":p"].concat();
        encode(&json, &mut name);
        ChannelName::new(&name).map(Channel::new)
    }
}

/// The payload of a query's channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered<T> {
    /// The answer as it is now.
    Result(T),
    /// Why there is none; it is tried again at the next change.
    Refused(Refusal),
}

/// The parameters behind the last `:` of a query's channel; `None` when they are not what
/// [`LiveQuery::channel`] makes.
pub fn parameters<Q: LiveQuery>(segment: &str) -> Option<Q> {
    serde_json::from_slice(&decode(segment.strip_prefix('p')?)?).ok()
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// RFC 4648, section 5. A crate for these lines would be downloaded by every visitor.
fn encode(bytes: &[u8], text: &mut String) {
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte));
        let group = group << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            let digit = group >> (18 - 6 * place) & 63;
            text.push(char::from(ALPHABET[digit as usize]));
        }
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.as_bytes().chunks(4) {
        if chunk.len() == 1 {
            return None;
        }
        let mut group = 0u32;
        for byte in chunk {
            let digit = ALPHABET.iter().position(|letter| letter == byte)?;
            group = group << 6 | u32::try_from(digit).ok()?;
        }
        let group = (group << (6 * (4 - chunk.len()))).to_be_bytes();
        bytes.extend_from_slice(&group[1..chunk.len()]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
    struct Top {
        n: u32,
        name: String,
    }

    impl LiveQuery for Top {
        const NAME: &'static str = "top";
        type Output = Vec<String>;
    }

    #[test]
    fn parameters_survive_the_name() {
        for name in ["", "a", "ab", "äöü", "-_.:/\\\"", "a longer one, with spaces"] {
            let query = Top { n: 7, name: name.into() };
            let channel = query.channel().unwrap();
            let segment = channel.name().as_str().rsplit(':').next().unwrap();
            assert_eq!(parameters::<Top>(segment), Some(query));
        }
    }

    #[test]
    fn the_encoding_is_the_standards() {
        let mut text = String::new();
        encode(b"\xfb\xff\xfe{}", &mut text);
        assert_eq!(text, "-__-e30");
        assert_eq!(decode("-__-e30").unwrap(), b"\xfb\xff\xfe{}");
    }

    #[test]
    fn anything_else_is_refused() {
        for segment in ["", "p", "x", "pA", "p!!!!", "pe30", "pbm8"] {
            assert_eq!(parameters::<Top>(segment), None, "{segment}");
        }
        let long = Top { n: 1, name: "x".repeat(200) };
        assert_eq!(long.channel().err(), Some(InvalidChannelName));
    }
}
