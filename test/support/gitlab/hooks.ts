/**
 * The hooks of the bare repositories. They get everything from their environment, which `http-backend` hands on:
 * pre-receive refuses in the words of GitLab's branch checks, post-receive tells the stand-in what was pushed.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PRE_RECEIVE = `#!/bin/sh
set -f
in_list() {
  for pattern in $2; do
    case "$1" in $pattern) return 0 ;; esac
  done
  return 1
}
refuse() {
  echo "GitLab: $1" >&2
  exit 1
}
zero=0000000000000000000000000000000000000000
[ -z "$GITLAB_REFUSE" ] || refuse "$GITLAB_REFUSE"
while read -r old new ref; do
  case "$ref" in refs/heads/*) branch=\${ref#refs/heads/} ;; *) continue ;; esac
  if [ "$new" = $zero ] && [ "$branch" = "$GITLAB_DEFAULT_BRANCH" ]; then
    refuse 'The default branch of a project cannot be deleted.'
  fi
  in_list "$branch" "$GITLAB_PROTECTED" || continue
  if [ "$new" = $zero ]; then
    in_list "$branch" "$GITLAB_MAY_PUSH" || refuse 'You are not allowed to delete protected branches from this project. Only a project maintainer or owner can delete a protected branch.'
    refuse 'You can only delete protected branches using the web interface.'
  fi
  if [ "$old" != $zero ] && ! git merge-base --is-ancestor "$old" "$new"; then
    in_list "$branch" "$GITLAB_MAY_FORCE" || refuse 'You are not allowed to force push code to a protected branch on this project.'
  fi
  in_list "$branch" "$GITLAB_MAY_PUSH" || refuse 'You are not allowed to push code to protected branches on this project.'
done
`;

const POST_RECEIVE = `#!/bin/sh
cat > "$GITLAB_PUSHED"
[ -z "$GITLAB_NOTICE" ] || printf '\\n%s\\n\\n' "$GITLAB_NOTICE"
zero=0000000000000000000000000000000000000000
while read -r old new ref; do
  case "$ref" in refs/heads/*) branch=\${ref#refs/heads/} ;; *) continue ;; esac
  if [ "$old" = $zero ] && [ "$branch" != "$GITLAB_DEFAULT_BRANCH" ]; then
    printf '\\nTo create a merge request for %s, visit:\\n  %s/-/merge_requests/new?merge_request%%5Bsource_branch%%5D=%s\\n\\n' "$branch" "$GITLAB_PROJECT_URL" "$branch"
  fi
done < "$GITLAB_PUSHED"
`;

/** Writes them into a new folder and returns its path. */
export function writeHooks(parent: string): string {
  const directory = join(parent, 'hooks');
  mkdirSync(directory);
  for (const [name, text] of [
    ['pre-receive', PRE_RECEIVE],
    ['post-receive', POST_RECEIVE],
  ] as const) {
    writeFileSync(join(directory, name), text);
    chmodSync(join(directory, name), 0o755);
  }
  return directory;
}
