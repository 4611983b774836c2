//! The flags that ask for one page of a list. Without them, the whole list is printed.

use clap::Args;

/// Which page.
#[derive(Args, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct PageFlags {
    /// One page only, from 1
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) page: Option<u64>,
    /// Items of a page; alone, of the first
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) page_size: Option<u64>,
}

impl PageFlags {
    /// The query parameters.
    pub(super) fn query(self) -> [(&'static str, Option<String>); 2] {
        let page = self.page.or_else(|| self.page_size.map(|_| 1));
        [("page", page), ("page_size", self.page_size)]
            .map(|(name, number)| (name, number.map(|number| number.to_string())))
    }
}
