#!/bin/sh
# Save as kubectl_complete-gitlab_agent in a directory of PATH, executable.
exec kubectl-gitlab_agent __complete "$@"
