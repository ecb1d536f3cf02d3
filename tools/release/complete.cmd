@kubectl-gitlab_agent.exe __complete %*
