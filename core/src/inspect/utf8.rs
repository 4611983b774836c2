//! UTF-8 byte by byte (RFC 3629 section 4): no overlong form, no surrogate, nothing beyond U+10FFFF.

/// What the next bytes of a character must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Rest {
    low: u8,
    high: u8,
    more: u8,
}

impl Rest {
    /// After the first byte of a character that has several; `None` if it begins none.
    pub(super) const fn after(first: u8) -> Option<Self> {
        let (low, high, more) = match first {
            0xC2..=0xDF => (0x80, 0xBF, 0),
            0xE0 => (0xA0, 0xBF, 1),
            0xE1..=0xEC | 0xEE | 0xEF => (0x80, 0xBF, 1),
            0xED => (0x80, 0x9F, 1),
            0xF0 => (0x90, 0xBF, 2),
            0xF1..=0xF3 => (0x80, 0xBF, 2),
            0xF4 => (0x80, 0x8F, 2),
            _ => return None,
        };
        Some(Self { low, high, more })
    }

    /// Takes a further byte: `Err` if it does not belong there, `Ok(None)` if the character is complete.
    pub(super) const fn take(self, byte: u8) -> Result<Option<Self>, ()> {
        if byte < self.low || byte > self.high {
            return Err(());
        }
        match self.more {
            0 => Ok(None),
            more => Ok(Some(Self { low: 0x80, high: 0xBF, more: more - 1 })),
        }
    }
}
