//! The query of the call that lists audit events: which ones, and which page.
//!
//! Words of closed lists (`action`, `actor`, `outcome`) that are none are refused, not answered with an empty page: a
//! mistyped word would read like "nothing happened". Texts are compared as they are; `search` looks without regard to
//! the case of ASCII letters. [`EventFilter::matches`] says for every store what a filter means.

use std::net::IpAddr;

use super::invalid::Invalid;
use super::query::{DEFAULT_PAGE_SIZE, MAX_PAGE, number, parsed};
use super::token::ID_RULE;
use crate::audit::{Action, Actor, Event, Outcome};
use crate::ids::{EventId, ProjectId, TokenId};
use crate::time::Timestamp;

const MAX_PAGE_SIZE: u64 = 100;

const ACTION_RULE: &str = "an action of an audit event, such as token.create or proxy_request";
const ACTOR_RULE: &str = "one of system, anonymous, admin, management_api";
const OUTCOME_RULE: &str = "one of success, failure, denied, error";
const IP_RULE: &str = "an IPv4 or IPv6 address, without a port";
const TIME_RULE: &str = "an RFC 3339 time, such as 2026-01-31T12:00:00Z";
const TEXT_RULE: &str = "1 to 1024 characters";
const LONGEST_TEXT: usize = 1024;

/// Which audit events to list: those to which everything applies that is there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EventFilter {
    /// Of this kind.
    pub action: Option<Action>,
    /// By this kind of caller.
    pub actor: Option<Actor>,
    /// About this project.
    pub project_id: Option<ProjectId>,
    /// About this token.
    pub token_id: Option<TokenId>,
    /// From this address; an IPv4 address that is mapped into IPv6 is the IPv4 address.
    pub client_ip: Option<IpAddr>,
    /// That went like this.
    pub outcome: Option<Outcome>,
    /// Of this request.
    pub request_id: Option<String>,
    /// With this correlation id.
    pub correlation_id: Option<String>,
    /// With this method; case counts.
    pub method: Option<String>,
    /// With exactly this path.
    pub path: Option<String>,
    /// With this text somewhere in action, reason, path, user agent, request id or correlation id; the case of ASCII
    /// letters does not count.
    pub search: Option<String>,
    /// Not before this.
    pub start_time: Option<Timestamp>,
    /// Before this.
    pub end_time: Option<Timestamp>,
}

/// Which page of the events, newest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventPage {
    /// From 1.
    pub page: u64,
    /// Events a page, 1 to 100.
    pub page_size: u64,
    /// Only events up to this one (`id <= as_of`), so that pages stay as they are while new ones come.
    pub as_of: Option<EventId>,
}

impl Default for EventPage {
    fn default() -> Self {
        Self { page: 1, page_size: DEFAULT_PAGE_SIZE, as_of: None }
    }
}

impl EventPage {
    /// How many events come before it.
    #[must_use]
    pub const fn offset(self) -> u64 {
        (self.page - 1).saturating_mul(self.page_size)
    }
}

impl EventFilter {
    /// Whether that event is one of them.
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        let word = |wanted: Option<&str>, is: &str| wanted.is_none_or(|wanted| wanted == is);
        let text = |wanted: &Option<String>, is: &Option<String>| wanted.is_none() || wanted == is;
        word(self.action.map(Action::as_str), &event.action)
            && word(self.actor.map(Actor::as_str), &event.actor)
            && word(self.outcome.map(Outcome::as_str), &event.outcome)
            && (self.project_id.is_none() || self.project_id == event.project_id)
            && (self.token_id.is_none() || self.token_id == event.token_id)
            && (self.client_ip.is_none() || self.client_ip == event.client_ip)
            && text(&self.request_id, &event.request_id)
            && text(&self.correlation_id, &event.correlation_id)
            && text(&self.method, &event.method)
            && text(&self.path, &event.path)
            && self.start_time.is_none_or(|start| event.timestamp >= start)
            && self.end_time.is_none_or(|end| event.timestamp < end)
            && self.search.as_deref().is_none_or(|wanted| is_found(wanted, event))
    }

    /// The names of what it asks for.
    pub(super) fn names(&self) -> Vec<&'static str> {
        let given = [
            ("action", self.action.is_some()),
            ("actor", self.actor.is_some()),
            ("project_id", self.project_id.is_some()),
            ("token_id", self.token_id.is_some()),
            ("client_ip", self.client_ip.is_some()),
            ("outcome", self.outcome.is_some()),
            ("request_id", self.request_id.is_some()),
            ("correlation_id", self.correlation_id.is_some()),
            ("method", self.method.is_some()),
            ("path", self.path.is_some()),
            ("search", self.search.is_some()),
            ("start_time", self.start_time.is_some()),
            ("end_time", self.end_time.is_some()),
        ];
        given.into_iter().filter_map(|(name, is_given)| is_given.then_some(name)).collect()
    }
}

fn is_found(wanted: &str, event: &Event) -> bool {
    let wanted = wanted.to_ascii_lowercase();
    let optional = [&event.reason, &event.path, &event.user_agent, &event.request_id, &event.correlation_id];
    let mut texts = optional.into_iter().flatten().chain([&event.action]);
    texts.any(|text| text.to_ascii_lowercase().contains(&wanted))
}

/// Reads all filters.
pub(super) fn filter(query: Option<&str>) -> Result<EventFilter, Invalid> {
    Ok(EventFilter {
        action: parsed(query, "action", ACTION_RULE, Action::parse)?,
        actor: parsed(query, "actor", ACTOR_RULE, Actor::parse)?,
        project_id: parsed(query, "project_id", ID_RULE, ProjectId::parse)?,
        token_id: parsed(query, "token_id", ID_RULE, TokenId::parse)?,
        client_ip: parsed(query, "client_ip", IP_RULE, |text| text.parse().ok())?.map(|ip: IpAddr| ip.to_canonical()),
        outcome: parsed(query, "outcome", OUTCOME_RULE, Outcome::parse)?,
        request_id: text(query, "request_id")?,
        correlation_id: text(query, "correlation_id")?,
        method: text(query, "method")?,
        path: text(query, "path")?,
        search: text(query, "search")?,
        start_time: parsed(query, "start_time", TIME_RULE, Timestamp::parse_rfc3339)?,
        end_time: parsed(query, "end_time", TIME_RULE, Timestamp::parse_rfc3339)?,
    })
}

/// Reads `page` (from 1), `page_size` (1 to 100) and `as_of`.
pub(super) fn page(query: Option<&str>) -> Result<EventPage, Invalid> {
    let standard = EventPage::default();
    Ok(EventPage {
        page: number(query, "page", MAX_PAGE)?.unwrap_or(standard.page),
        page_size: number(query, "page_size", MAX_PAGE_SIZE)?.unwrap_or(standard.page_size),
        as_of: parsed(query, "as_of", ID_RULE, EventId::parse)?,
    })
}

fn text(query: Option<&str>, name: &'static str) -> Result<Option<String>, Invalid> {
    parsed(query, name, TEXT_RULE, |text| (1..=LONGEST_TEXT).contains(&text.chars().count()).then(|| text.to_owned()))
}
