//! As much of HTTP/1.1 (RFC 9112) as a provider needs: requests in, with bodies of a known length, and responses out.
//!
//! It must never read without bound, and it does not judge requests beyond their form.

use std::io::{self, Read};

use serde_json::Value;

/// Far above what a client of two documents sends.
const MAX_HEAD: usize = 64 * 1024;
/// Above a form with the longest token, each of whose bytes is percent-encoded.
const MAX_BODY: usize = 512 * 1024;

/// A request that reached the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET` or `POST`, as it was sent.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// What followed the `?`, if there was one.
    pub query: Option<String>,
    /// Names and values in the order in which they were sent; values without the space around them.
    pub headers: Vec<(String, String)>,
    /// What followed the headers, as it was sent; empty without `Content-Length`.
    pub body: Vec<u8>,
}

impl HttpRequest {
    /// The value of the first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The fields of a form body (application/x-www-form-urlencoded), decoded, in the order in which they were sent.
    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// Reads a request.
    ///
    /// # Errors
    /// `UnexpectedEof` if the client goes away first, `InvalidData` if the head is no HTTP or above 64 KiB, or if the
    /// body is chunked or above 512 KiB.
    pub(crate) fn read(stream: &mut impl Read) -> io::Result<Self> {
        let mut head = Vec::new();
        let mut buffer = [0; 4096];
        let end = loop {
            if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if head.len() > MAX_HEAD {
                return Err(io::ErrorKind::InvalidData.into());
            }
            match stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => head.extend_from_slice(&buffer[..count]),
            }
        };
        let mut request = Self::parse(&head[..end]).ok_or(io::ErrorKind::InvalidData)?;
        request.body = head.split_off(end + 4);
        request.read_body(stream)?;
        Ok(request)
    }

    /// Reads what the head's own reads left of the body.
    fn read_body(&mut self, stream: &mut impl Read) -> io::Result<()> {
        let length = match (self.header("Transfer-Encoding"), self.header("Content-Length")) {
            (None, None) => 0,
            (None, Some(length)) => {
                length.parse().ok().filter(|&length| length <= MAX_BODY).ok_or(io::ErrorKind::InvalidData)?
            }
            (Some(_), _) => return Err(io::ErrorKind::InvalidData.into()),
        };
        let read = self.body.len().min(length);
        self.body.resize(length, 0);
        stream.read_exact(&mut self.body[read..])
    }

    fn parse(head: &[u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
        let mut start = lines.next()?.split(' ');
        let (method, target) = (start.next()?, start.next()?);
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let headers = lines
            .map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned())))
            .collect::<Option<_>>()?;
        let (method, path, query) = (method.to_owned(), path.to_owned(), query.map(str::to_owned));
        Some(Self { method, path, query, headers, body: Vec::new() })
    }
}

/// A response that has not been sent yet, so that a fault can still change it.
#[derive(Clone, Debug)]
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl HttpResponse {
    /// Status 200 with a JSON document.
    pub(crate) fn json(document: &Value) -> Self {
        let mut response = Self::empty(200);
        response.set("Content-Type", "application/json");
        response.body = document.to_string().into_bytes();
        response
    }

    /// This status, with a body of no bytes.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// Sets a header, in place of those of this name.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Removes the headers of this name.
    pub(crate) fn unset(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// Status line and headers, with one more header that says how the body is framed.
    pub(crate) fn head(&self, framing: &str) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        // RFC 9110, section 8.6: these have no body, and 204 must not even name its length.
        if !framing.is_empty() && !matches!(self.status, 204 | 304) {
            head.push_str(framing);
            head.push_str("\r\n");
        }
        head.push_str("Connection: close\r\n\r\n");
        head.into_bytes()
    }

    /// The header that frames the body as it is.
    pub(crate) fn framing(&self) -> String {
        format!("Content-Length: {}", self.body.len())
    }

    /// The whole response as it goes over the wire.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head(&self.framing());
        if !matches!(self.status, 204 | 304) {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        304 => "Not Modified",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        300..400 => "Redirection",
        400..500 => "Client Error",
        500..600 => "Server Error",
        _ => "Success",
    }
}
