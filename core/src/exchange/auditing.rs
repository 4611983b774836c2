//! What an exchange tells the audit: the facts of its request, and the events that no command leaves.
//!
//! Nothing here runs for a request that is allowed. No secret is in what is told: texts pass through [`Shown`], which is
//! given the request's own credentials and the management token to leave out wherever the client put a copy.

use super::effect::StoreEffect;
use super::message::{Context, Effect, Outcome};
use super::{Exchange, State, Voice};
use crate::audit::{self, Action, Actor, Draft, RequestFacts, Shown};
use crate::ids::{ProjectId, TokenId};
use crate::manage;
use crate::proxy::credential_words;
use crate::reject::Refusal;
use crate::routing::ManageRoute;
use crate::rules::Rules;
use crate::settings::client_ip;

/// Why a call failed whose client left before all of it was there.
pub(super) const CLIENT_GONE: &str = "client_gone";

/// The longest texts in an event, characters.
const LONGEST_PATH: usize = 1024;
const LONGEST_TEXT: usize = 256;

/// What an event calls the request, and the management route that tells what it was about.
type Named = (Action, Option<ManageRoute>);

impl Exchange {
    /// What an event says of this request.
    pub(super) fn request_facts(&self, rules: &Rules) -> Box<RequestFacts> {
        let head = &self.request.head;
        let mut secrets: Vec<&[u8]> = credential_words(head.fields()).collect();
        secrets.push(rules.management_token.reveal().as_bytes());
        secrets.extend(self.denied_grant.as_ref().map(|grant| grant.upstream_key.reveal().as_bytes()));
        let shown = |text: &[u8]| Shown::hiding(text, &secrets, LONGEST_TEXT);
        Box::new(RequestFacts {
            request_id: shown(self.ids.request().as_bytes()),
            correlation_id: shown(self.ids.correlation().as_bytes()),
            client_ip: client_ip(self.request.peer, head.fields(), &rules.trusted_proxies),
            method: shown(head.method().as_str().as_bytes()),
            path: Shown::hiding(head.path().as_bytes(), &secrets, LONGEST_PATH),
            user_agent: head.fields().get_all("user-agent").next().map(shown),
        })
    }

    /// Refuses someone who has not shown who they are, or who may not. The event is handed on, and nobody waits for it.
    pub(super) fn refuse_and_note(&mut self, refusal: &Refusal, voice: Voice, named: Named, cx: &mut Context<'_>) {
        let code = refusal.answer().code;
        let event = self.event(Actor::Anonymous, named, (audit::Outcome::Denied, code), cx);
        self.refuse(refusal, voice, cx);
        self.effect = Some(Effect::Audit(event));
    }

    /// Refuses a management call that became no command, as soon as its event is durable.
    pub(super) fn record_refusal(&mut self, refusal: Refusal, outcome: Outcome, cx: &Context<'_>) {
        let event = self.event(Actor::ManagementApi, self.called(), audit::Outcome::of_refusal(&refusal), cx);
        self.ask(StoreEffect::Record(event));
        self.state = State::Recording { since: cx.now.mono, refusal: Box::new(refusal), outcome };
    }

    /// The event is durable, or will not be: the refusal is answered.
    pub(super) fn finish_refusal(&mut self, cx: &mut Context<'_>) {
        let State::Recording { refusal, outcome, .. } = &self.state else { return };
        let (refusal, outcome) = (refusal.clone(), *outcome);
        self.refuse(&refusal, Voice::Own, cx);
        self.end(outcome, cx.now);
    }

    /// The event of a management call whose client left before all of it was there; `None` for anything else.
    pub(super) fn abandoned_call(&self, cx: &Context<'_>) -> Option<Box<Draft>> {
        let State::Collecting { .. } = self.state else { return None };
        Some(self.event(Actor::ManagementApi, self.called(), (audit::Outcome::Failure, CLIENT_GONE), cx))
    }

    /// What an event calls the management call whose content is being taken.
    fn called(&self) -> Named {
        let State::Collecting { route, .. } = self.state else { return (Action::AdminAccess, None) };
        (manage::action_of(route, self.request.head.method()), Some(route))
    }

    pub(super) fn event(
        &self,
        actor: Actor,
        (action, route): Named,
        (outcome, reason): (audit::Outcome, &'static str),
        cx: &Context<'_>,
    ) -> Box<Draft> {
        let (project, token) = route.map_or((None, None), subjects);
        Box::new(Draft {
            actor,
            outcome,
            reason: Some(reason),
            project_id: self.payer.map(|payer| payer.project).or(project),
            token_id: self.payer.map(|payer| payer.token).or(token),
            request: Some(self.request_facts(cx.rules)),
            ..Draft::of_system(cx.now.wall, action)
        })
    }
}

/// Which project and token a management path names.
const fn subjects(route: ManageRoute) -> (Option<ProjectId>, Option<TokenId>) {
    match route {
        ManageRoute::Project(id) | ManageRoute::RevokeTokens(id) => (id, None),
        ManageRoute::Token(id) => (None, id),
        ManageRoute::Projects
        | ManageRoute::Tokens
        | ManageRoute::Events
        | ManageRoute::Event(_)
        | ManageRoute::PurgeCache
        | ManageRoute::Unknown => (None, None),
    }
}
