/** A person at a terminal of their own: a home, and Git credentials as their own git finds them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GitLab } from './gitlab/gitlab.ts';
import { pluginEnvironment } from './plugin.ts';

/** The environment of a person whose git has a credential helper for this GitLab; without a token, none. */
export function personEnvironment(
  t: { teardown(end: () => void): void },
  gitlab: GitLab,
  token: string | undefined,
): Record<string, string> {
  const home = mkdtempSync(join(tmpdir(), 'person-'));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  const { protocol, host } = new URL(gitlab.url);
  if (token !== undefined)
    writeFileSync(join(home, '.git-credentials'), `${protocol}//oauth2:${token}@${host}\n`, { mode: 0o600 });
  writeFileSync(
    join(home, '.gitconfig'),
    `[credential]\n\thelper = store\n[user]\n\tname = Ann\n\temail = ann@example.com\n[http]\n\tsslCAInfo = ${gitlab.caFile ?? ''}\n`,
  );
  return { ...pluginEnvironment(), HOME: home };
}
