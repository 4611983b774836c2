//! Management calls on the maps. Each is one step under the lock.

use llm_proxy_core::auth::TokenKey;
use llm_proxy_core::ids::{ProjectId, TokenId};
use llm_proxy_core::manage::{
    Command, CommandError, NewProject, NewToken, Page, Project, ProjectChange, Reply, RevokedCounts, Subject, Token,
    TokenChange, TokenFilter,
};
use llm_proxy_core::time::Timestamp;

use super::{Records, State};
use crate::changes;
use crate::random;
use crate::store::{ExecuteError, StoreError};

const NO_PROJECT: CommandError = CommandError::NotFound(Subject::Project);
const NO_EVENT: CommandError = CommandError::NotFound(Subject::Event);
const NO_TOKEN: CommandError = CommandError::NotFound(Subject::Token);

impl State {
    /// Answers a command that changes nothing.
    pub(super) fn read(&self, command: Command, at: Timestamp) -> Result<Reply, ExecuteError> {
        let reply = match command {
            Command::ListProjects(page) => Ok(self.records.list_projects(page)),
            Command::GetProject(id) => self.records.project(id).cloned().map(Reply::Project),
            Command::ListTokens(filter, page) => Ok(self.records.list_tokens(&filter, page, at)),
            Command::GetToken(id) => self.records.token(id).cloned().map(Reply::Token),
            Command::ListEvents(filter, page) => {
                let (events, total, page) = self.events.list(&filter, page);
                Ok(Reply::Events(events, total, page))
            }
            Command::GetEvent(id) => self.events.get(id).map(|event| Reply::Event(Box::new(event))).ok_or(NO_EVENT),
            Command::PurgeCache(_) => Err(CommandError::CacheDisabled),
            Command::CreateProject(_)
            | Command::UpdateProject(..)
            | Command::DeleteProject(_)
            | Command::RevokeProjectTokens(_)
            | Command::CreateToken(_)
            | Command::UpdateToken(..)
            | Command::RevokeToken(_) => return Err(StoreError::WrongCall.into()),
        };
        Ok(reply?)
    }
}

impl Records {
    /// Does one call of a batch, all of it or nothing.
    pub(super) fn change(&mut self, key: &TokenKey, command: Command, at: Timestamp) -> Result<Reply, ExecuteError> {
        let reply = match command {
            Command::CreateProject(new) => {
                let id = ProjectId::new(at, &random::id_seed().map_err(StoreError::from)?);
                self.create_project(id, new, at)
            }
            Command::UpdateProject(id, change) => self.update_project(id, change, at),
            Command::DeleteProject(id) => self.delete_project(id),
            Command::RevokeProjectTokens(id) => self.revoke_project_tokens(id),
            Command::CreateToken(new) => return self.create_token(key, &new, at),
            Command::UpdateToken(id, change) => self.update_token(id, &change),
            Command::RevokeToken(id) => self.revoke_token(id),
            Command::ListProjects(_)
            | Command::GetProject(_)
            | Command::ListTokens(..)
            | Command::GetToken(_)
            | Command::ListEvents(..)
            | Command::GetEvent(_)
            | Command::PurgeCache(_) => return Err(StoreError::WrongCall.into()),
        };
        Ok(reply?)
    }

    fn create_token(&mut self, key: &TokenKey, new: &NewToken, at: Timestamp) -> Result<Reply, ExecuteError> {
        let id = TokenId::new(at, &random::id_seed().map_err(StoreError::from)?);
        let string = random::token_string().map_err(StoreError::from)?;
        let token = changes::new_token(id, string.masked(), new, at);
        if !self.project(new.project_id)?.is_active {
            return Err(CommandError::ProjectInactive.into());
        }
        self.digests.insert(key.digest(&string), id);
        self.tokens.insert(id, token.clone());
        Ok(Reply::TokenCreated(token, string))
    }

    fn project(&self, id: ProjectId) -> Result<&Project, CommandError> {
        self.projects.get(&id).map(|(project, _)| project).ok_or(NO_PROJECT)
    }

    fn token(&self, id: TokenId) -> Result<&Token, CommandError> {
        self.tokens.get(&id).ok_or(NO_TOKEN)
    }

    fn list_projects(&self, page: Page) -> Reply {
        let mut all: Vec<&Project> = self.projects.values().map(|(project, _)| project).collect();
        all.sort_by_key(|project| std::cmp::Reverse((project.created_at, project.id)));
        Reply::Projects(cut(&all, page), count(&all))
    }

    fn create_project(&mut self, id: ProjectId, new: NewProject, at: Timestamp) -> Result<Reply, CommandError> {
        self.check_name(&new.name, None)?;
        let project = changes::new_project(id, &new, at);
        self.projects.insert(id, (project.clone(), new.api_key));
        Ok(Reply::ProjectCreated(project))
    }

    fn update_project(&mut self, id: ProjectId, change: ProjectChange, at: Timestamp) -> Result<Reply, CommandError> {
        self.project(id)?;
        if let Some(name) = &change.name {
            self.check_name(name, Some(id))?;
        }
        let (project, key) = self.projects.get_mut(&id).ok_or(NO_PROJECT)?;
        changes::change_project(project, &change, at);
        if let Some(rotated) = change.api_key {
            *key = rotated;
        }
        let project = project.clone();
        if change.revoke_tokens {
            self.switch_tokens_off(id);
        }
        Ok(Reply::Project(project))
    }

    fn check_name(&self, name: &str, except: Option<ProjectId>) -> Result<(), CommandError> {
        let taken = self.projects.values().any(|(project, _)| project.name == name && Some(project.id) != except);
        if taken { Err(CommandError::ProjectNameTaken) } else { Ok(()) }
    }

    fn delete_project(&mut self, id: ProjectId) -> Result<Reply, CommandError> {
        self.projects.remove(&id).ok_or(NO_PROJECT)?;
        self.tokens.retain(|_, token| token.project_id != id);
        self.digests.retain(|_, token| self.tokens.contains_key(token));
        Ok(Reply::Gone)
    }

    fn revoke_project_tokens(&mut self, id: ProjectId) -> Result<Reply, CommandError> {
        self.project(id)?;
        Ok(Reply::Revoked(self.switch_tokens_off(id)))
    }

    fn switch_tokens_off(&mut self, id: ProjectId) -> RevokedCounts {
        let mut counts = RevokedCounts::default();
        for token in self.tokens.values_mut().filter(|token| token.project_id == id) {
            counts.total_tokens += 1;
            if token.is_active {
                counts.revoked_count += 1;
            } else {
                counts.already_revoked_count += 1;
            }
            token.is_active = false;
        }
        counts
    }

    fn list_tokens(&self, filter: &TokenFilter, page: Page, at: Timestamp) -> Reply {
        let mut found: Vec<&Token> = self.tokens.values().filter(|token| self.matches(token, filter, at)).collect();
        found.sort_by_key(|token| std::cmp::Reverse((token.created_at, token.id)));
        Reply::Tokens(cut(&found, page), count(&found))
    }

    fn matches(&self, token: &Token, filter: &TokenFilter, at: Timestamp) -> bool {
        let works =
            || token.is_active && at < token.expires_at && self.project(token.project_id).is_ok_and(|p| p.is_active);
        filter.project_id.is_none_or(|id| id == token.project_id) && (!filter.active_only || works())
    }

    fn update_token(&mut self, id: TokenId, change: &TokenChange) -> Result<Reply, CommandError> {
        let project_active = self.project(self.token(id)?.project_id)?.is_active;
        if change.is_active == Some(true) && !project_active {
            return Err(CommandError::ProjectInactive);
        }
        let token = self.tokens.get_mut(&id).ok_or(NO_TOKEN)?;
        changes::change_token(token, change);
        Ok(Reply::Token(token.clone()))
    }

    fn revoke_token(&mut self, id: TokenId) -> Result<Reply, CommandError> {
        let token = self.tokens.get_mut(&id).ok_or(NO_TOKEN)?;
        token.is_active = false;
        Ok(Reply::TokenRevoked(token.project_id))
    }
}

fn cut<T: Clone>(all: &[&T], page: Page) -> Vec<T> {
    let items = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let limit = page.limit.map_or(usize::MAX, items);
    all.iter().skip(items(page.offset)).take(limit).map(|item| (*item).clone()).collect()
}

fn count<T>(all: &[&T]) -> u64 {
    u64::try_from(all.len()).unwrap_or(u64::MAX)
}
