//! Standard input and output as the descriptors that they are. Wasmer's own
//! hand every read and write to another thread.

use std::fs::File;
use std::io::{self, Read, SeekFrom, Write};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use wasmer_wasix::virtual_fs::{FsError, Result, VirtualFile};

/// One of the three standard descriptors. Reading and writing block.
#[derive(Debug)]
pub(crate) struct Descriptor {
    number: u32,
    file: File,
}

impl Descriptor {
    pub(crate) fn standard_input() -> io::Result<Box<Self>> {
        Self::new(0, &io::stdin())
    }

    pub(crate) fn standard_output() -> io::Result<Box<Self>> {
        Self::new(1, &io::stdout())
    }

    pub(crate) fn standard_error() -> io::Result<Box<Self>> {
        Self::new(2, &io::stderr())
    }

    fn new(number: u32, of: &impl AsFd) -> io::Result<Box<Self>> {
        let file = File::from(of.as_fd().try_clone_to_owned()?);
        Ok(Box::new(Self { number, file }))
    }
}

impl VirtualFile for Descriptor {
    fn last_accessed(&self) -> u64 {
        0
    }

    fn last_modified(&self) -> u64 {
        0
    }

    fn created_time(&self) -> u64 {
        0
    }

    fn size(&self) -> u64 {
        0
    }

    fn set_len(&mut self, _: u64) -> Result<()> {
        Err(FsError::PermissionDenied)
    }

    fn unlink(&mut self) -> Result<()> {
        Ok(())
    }

    fn get_special_fd(&self) -> Option<u32> {
        Some(self.number)
    }

    fn poll_read_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // Reading blocks, so there is nothing to wait for before.
        Poll::Ready(Ok(1))
    }

    fn poll_write_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(1))
    }
}

impl AsyncRead for Descriptor {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(self.file.read(buffer.initialize_unfilled()).map(|read| buffer.advance(read)))
    }
}

impl AsyncWrite for Descriptor {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.file.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for Descriptor {
    fn start_seek(self: Pin<&mut Self>, _: SeekFrom) -> io::Result<()> {
        Err(io::ErrorKind::NotSeekable.into())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Err(io::ErrorKind::NotSeekable.into()))
    }
}
