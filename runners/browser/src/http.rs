//! HTTP 1.1 as far as one browser needs it of a site of this machine: a
//! thread for each connection, which stays open.
//!
//! Written out, because the small blocking server of the crates (`tiny_http`)
//! can leave a fifth connection waiting for ever, and the large ones would
//! have the engines built again with other features of what they share.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// A head that is longer is no browser's.
const HEAD_BYTES: u64 = 64 << 10;
const HEADERS: usize = 64;

/// What a browser asks.
#[derive(Debug, Default)]
pub(crate) struct Request {
    /// Path and query.
    pub(crate) address: String,
    /// Whether the answer may be packed with Brotli.
    pub(crate) takes_brotli: bool,
    pub(crate) body: Vec<u8>,
}

/// What it is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: &'static str,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: Body,
}

#[derive(Debug)]
pub(crate) enum Body {
    Bytes(Vec<u8>),
    File(File),
}

/// Answers browsers on a free port until the process ends.
pub(crate) fn serve(
    answer: impl Fn(Request) -> Answer + Clone + Send + 'static,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::Builder::new().name("wasmfit-site".into()).spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            let connection = thread::Builder::new().name("wasmfit-site".into());
            // A browser that is refused one connection uses another.
            let _ = connection.spawn(move || converse(&stream, &answer));
        }
    })?;
    Ok(address)
}

/// Answers on a connection until it is closed, or makes no sense.
fn converse(stream: &TcpStream, answer: &impl Fn(Request) -> Answer) -> io::Result<()> {
    // Else the end of an answer waits for the beginning to be acknowledged.
    stream.set_nodelay(true)?;
    let mut incoming = BufReader::new(stream);
    while let Some(request) = read(&mut incoming)? {
        write(stream, answer(request))?;
    }
    Ok(())
}

/// The next request; none at the end of the connection.
fn read(from: &mut impl BufRead) -> io::Result<Option<Request>> {
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let left = HEAD_BYTES.saturating_sub(head.len() as u64);
        if from.by_ref().take(left).read_until(b'\n', &mut head)? == 0 {
            return if head.is_empty() { Ok(None) } else { Err(malformed()) };
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    if !parsed.parse(&head).is_ok_and(|it| it.is_complete()) {
        return Err(malformed());
    }
    let value = |name: &str| {
        let found = parsed.headers.iter().find(|it| it.name.eq_ignore_ascii_case(name))?;
        str::from_utf8(found.value).ok()
    };
    let length = value("Content-Length").map_or(Ok(0), str::parse).map_err(|_| malformed())?;
    let codings = value("Accept-Encoding").unwrap_or_default();
    let takes_brotli = codings.split(',').any(|coding| coding.trim() == "br");
    let address = parsed.path.unwrap_or_default().to_owned();
    let mut body = Vec::new();
    // Grown by what arrives: a length alone allocates nothing.
    if from.take(length).read_to_end(&mut body)? as u64 != length {
        return Err(malformed());
    }
    Ok(Some(Request { address, takes_brotli, body }))
}

fn write(mut to: &TcpStream, answer: Answer) -> io::Result<()> {
    let Answer { status, headers, body } = answer;
    let length = match &body {
        Body::Bytes(bytes) => bytes.len() as u64,
        Body::File(file) => file.metadata()?.len(),
    };
    let mut packet = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n").into_bytes();
    for (name, value) in headers {
        write!(packet, "{name}: {value}\r\n")?;
    }
    packet.extend_from_slice(b"\r\n");
    match body {
        Body::Bytes(bytes) => {
            packet.extend_from_slice(&bytes);
            to.write_all(&packet)
        }
        Body::File(file) => {
            to.write_all(&packet)?;
            io::copy(&mut file.take(length), &mut to).map(|_| ())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_one_connection_are_told_apart() {
        let sent = b"POST /next HTTP/1.1\r\nHost: a\r\ncontent-length: 4\r\n\r\nbodyGET / HTTP/1.1\r\nAccept-Encoding: gzip, br\r\n\r\n";
        let mut from = &sent[..];
        let first = read(&mut from).expect("read").expect("one");
        assert_eq!(
            (&*first.address, &*first.body, first.takes_brotli),
            ("/next", &b"body"[..], false)
        );
        let second = read(&mut from).expect("read").expect("another");
        assert_eq!((&*second.address, second.takes_brotli), ("/", true));
        assert!(read(&mut from).expect("read").is_none());
    }

    #[test]
    fn what_is_no_request_ends_the_connection() {
        let endless = b"a".repeat(70_000);
        for sent in
            [&b"GET"[..], b"\r\n\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", &endless]
        {
            assert!(read(&mut &sent[..]).is_err(), "{:?}", &sent[..sent.len().min(20)]);
        }
        let cut = b"POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\nshort";
        assert!(read(&mut &cut[..]).is_err());
    }
}
