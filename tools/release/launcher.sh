#!/bin/sh
# Starts the bundle beside this file, or beside what links to it lead to, with the Node.js of the machine.
file=$0
while [ -L "$file" ]; do
  link=$(readlink "$file")
  case $link in
  /*) file=$link ;;
  *) file=$(dirname "$file")/$link ;;
  esac
done
if ! command -v node >/dev/null; then
  echo 'error: kubectl gitlab-agent needs Node.js 22.19 or newer here, and there is no node on PATH' >&2
  echo 'hint: brew install node' >&2
  exit 2
fi
exec node "$(dirname "$file")/plugin/kubectl-gitlab_agent.cjs" "$@"
