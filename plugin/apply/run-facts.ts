import { hostname } from 'node:os';
import type { RecordOptions } from '../../core/apply/recorder.ts';
import { cleanRevision } from '../../core/git/clean-revision.ts';
import type { InputFlags } from '../inputs.ts';
import type { Io } from '../io.ts';
import { userName } from '../user-name.ts';

/** What the parent of a set tells of a run from this machine. */
export async function recordOf(flags: InputFlags, io: Io): Promise<RecordOptions> {
  const { filename = [], kustomize, rev } = flags;
  const files = kustomize === undefined ? filename : [kustomize];
  const revision = await cleanRevision(
    { paths: files, whole: kustomize !== undefined, revision: rev },
    { cwd: io.cwd, env: io.env, signal: io.signal },
  );
  return {
    facts: {
      source: {
        files,
        ...(rev !== undefined && { ref: rev }),
        by: `${userName(io) ?? 'unknown'}@${hostname()}`,
        tool: `gitlab-agent/v${io.version}`,
      },
      ...(revision !== undefined && { revision }),
      trigger: 'apply',
    },
  };
}
