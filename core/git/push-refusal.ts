const MOVED =
  /stale info|fetch first|non-fast-forward|cannot lock ref|failed to (update|lock) ref|incorrect old value/i;

/**
 * What git and the server said of a push that failed: the branch is elsewhere by now, or it is refused, by a rule or for
 * a missing right (`said` is foreign text); undefined for anything else.
 */
export function pushRefusal(
  output: string,
): { kind: 'moved' } | { kind: 'refused'; said: string } | undefined {
  if (MOVED.test(output)) return { kind: 'moved' };
  const rule = /^remote: GitLab: (.*)$/m.exec(output)?.[1];
  const status = /requested URL returned error: (401|403|404)/.exec(output)?.[1];
  const denied = status && /^remote: (?!HTTP Basic)(.*\S)$/m.exec(output)?.[1];
  const said =
    rule ??
    denied ??
    (/pre-receive hook declined/.test(output) ? 'a hook of the project declined it' : undefined);
  if (said === undefined && status === undefined && !/Authentication failed/.test(output)) return undefined;
  return { kind: 'refused', said: said ?? `it answers ${status ?? 401}` };
}
