//! What a management command means for what is kept in front of the store: grants, leases and counts.

use llm_proxy_core::ids::TokenId;
use llm_proxy_core::manage::{Command, TokenChange};

/// Whether the command gives a token a limit on its requests in all.
pub(crate) const fn sets_a_limit(command: &Command) -> bool {
    matches!(command, Command::UpdateToken(_, TokenChange { max_requests: Some(Some(_)), .. }))
}

/// Whether what was spent here and not settled yet would be missing from the reply.
pub(crate) const fn shows_counts(command: &Command) -> bool {
    match command {
        Command::ListTokens(..) | Command::GetToken(_) => true,
        Command::ListProjects(_)
        | Command::CreateProject(_)
        | Command::GetProject(_)
        | Command::UpdateProject(..)
        | Command::DeleteProject(_)
        | Command::RevokeProjectTokens(_)
        | Command::CreateToken(_)
        | Command::UpdateToken(..)
        | Command::RevokeToken(_)
        | Command::ListEvents(..)
        | Command::GetEvent(_)
        | Command::PurgeCache(_) => false,
    }
}

/// The token whose lease must not outlive the command.
pub(crate) const fn changes_leases(command: &Command) -> Option<TokenId> {
    match command {
        Command::UpdateToken(token, _) | Command::RevokeToken(token) => Some(*token),
        Command::ListProjects(_)
        | Command::CreateProject(_)
        | Command::GetProject(_)
        | Command::UpdateProject(..)
        | Command::DeleteProject(_)
        | Command::RevokeProjectTokens(_)
        | Command::ListTokens(..)
        | Command::CreateToken(_)
        | Command::GetToken(_)
        | Command::ListEvents(..)
        | Command::GetEvent(_)
        | Command::PurgeCache(_) => None,
    }
}

/// Whether a grant that was read before the command may be wrong after it.
pub(crate) const fn changes_grants(command: &Command) -> bool {
    match command {
        Command::UpdateProject(..)
        | Command::DeleteProject(_)
        | Command::RevokeProjectTokens(_)
        | Command::UpdateToken(..)
        | Command::RevokeToken(_) => true,
        Command::ListProjects(_)
        | Command::CreateProject(_)
        | Command::GetProject(_)
        | Command::ListTokens(..)
        | Command::CreateToken(_)
        | Command::GetToken(_)
        | Command::ListEvents(..)
        | Command::GetEvent(_)
        | Command::PurgeCache(_) => false,
    }
}
