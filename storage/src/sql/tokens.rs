//! Management calls on tokens. Each takes a connection; one that changes something takes one within a transaction that
//! its caller began, and leaves it half done where it fails.
//!
//! Whoever changes a token takes its project's row first, as deleting a project does: transactions that lock rows in
//! one order do not wait for each other in a circle.

use llm_proxy_core::ids::TokenId;
use llm_proxy_core::manage::{CommandError, NewToken, Page, Project, Reply, Subject, Token, TokenChange, TokenFilter};
use llm_proxy_core::time::Timestamp;

use super::SqlStore;
use super::dialect::{self, Dialect, values};
use super::rows::{self, sql_number};
use super::statements::{self, Statement};
use crate::changes;
use crate::random;
use crate::store::{ExecuteError, StoreError};

const NO_TOKEN: CommandError = CommandError::NotFound(Subject::Token);

impl<D: Dialect> SqlStore<D> {
    pub(super) async fn list_tokens(
        &self,
        connection: &mut D::Connection,
        (filter, page): (&TokenFilter, Page),
        at: Timestamp,
    ) -> Result<Reply, ExecuteError> {
        let project = filter.project_id;
        let mut filtered = values![project, project, !filter.active_only, at];
        let total = dialect::one::<D>(connection, &statements::COUNT_TOKENS, filtered.clone()).await?;
        filtered.extend(values![page.limit.map_or(i64::MAX, sql_number), sql_number(page.offset)]);
        let found = dialect::all::<D>(connection, &statements::LIST_TOKENS, filtered).await?;
        let tokens: Result<_, StoreError> = found.iter().map(rows::token::<D>).collect();
        Ok(Reply::Tokens(tokens?, rows::total::<D>(total.as_ref())?))
    }

    pub(super) async fn create_token(
        &self,
        connection: &mut D::Connection,
        new: &NewToken,
        at: Timestamp,
    ) -> Result<Reply, ExecuteError> {
        let id = TokenId::new(at, &random::id_seed().map_err(StoreError::from)?);
        let string = random::token_string().map_err(StoreError::from)?;
        let token = changes::new_token(id, string.masked(), new, at);
        let project = self.read_project(connection, &statements::READ_PROJECT_TO_RELY_ON, new.project_id).await?;
        if !project.project.is_active {
            return Err(CommandError::ProjectInactive.into());
        }
        let columns = values![
            id,
            token.project_id,
            self.token_key.digest(&string).as_bytes().to_vec(),
            &*token.token,
            token.expires_at,
            token.is_active,
            token.max_requests.map(sql_number),
            token.requests_per_minute.map(sql_number),
            token.created_at,
        ];
        dialect::run::<D>(connection, &statements::INSERT_TOKEN, columns).await?;
        Ok(Reply::TokenCreated(token, string))
    }

    pub(super) async fn get_token(&self, connection: &mut D::Connection, id: TokenId) -> Result<Reply, ExecuteError> {
        Ok(Reply::Token(read_token::<D>(connection, &statements::READ_TOKEN, id).await?))
    }

    pub(super) async fn update_token(
        &self,
        connection: &mut D::Connection,
        (id, change): (TokenId, &TokenChange),
    ) -> Result<Reply, ExecuteError> {
        let (project, mut token) = self.read_token_to_change(connection, id).await?;
        if change.is_active == Some(true) && !project.is_active {
            return Err(CommandError::ProjectInactive.into());
        }
        changes::change_token(&mut token, change);
        write_token::<D>(connection, &token).await?;
        Ok(Reply::Token(token))
    }

    pub(super) async fn revoke_token(
        &self,
        connection: &mut D::Connection,
        id: TokenId,
    ) -> Result<Reply, ExecuteError> {
        let (_, mut token) = self.read_token_to_change(connection, id).await?;
        token.is_active = false;
        write_token::<D>(connection, &token).await?;
        Ok(Reply::TokenRevoked(token.project_id))
    }

    /// The token and its project, neither of which changes until the transaction ends.
    async fn read_token_to_change(
        &self,
        connection: &mut D::Connection,
        id: TokenId,
    ) -> Result<(Project, Token), ExecuteError> {
        let project = self.read_project(connection, &statements::READ_PROJECT_OF_TOKEN_TO_RELY_ON, id).await;
        let project = project.map_err(|error| match error {
            ExecuteError::Refused(_) => ExecuteError::Refused(NO_TOKEN),
            ExecuteError::Failed(_) => error,
        })?;
        let token = read_token::<D>(connection, &statements::READ_TOKEN_TO_CHANGE, id).await?;
        Ok((project.project, token))
    }
}

async fn read_token<D: Dialect>(
    connection: &mut D::Connection,
    statement: &Statement,
    id: TokenId,
) -> Result<Token, ExecuteError> {
    let row = dialect::one::<D>(connection, statement, values![id]).await?;
    Ok(rows::token::<D>(&row.ok_or(NO_TOKEN)?)?)
}

async fn write_token<D: Dialect>(connection: &mut D::Connection, token: &Token) -> Result<(), StoreError> {
    let columns = values![
        token.is_active,
        token.max_requests.map(sql_number),
        token.requests_per_minute.map(sql_number),
        token.id,
    ];
    Ok(dialect::run::<D>(connection, &statements::UPDATE_TOKEN, columns).await.map(drop)?)
}
