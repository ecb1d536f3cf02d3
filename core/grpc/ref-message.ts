import type { ManifestRef } from '../model/agent-config.ts';
import type { GitRefCF } from './generated/agentcfg_pb.ts';

/** A revision to follow, in the words of the protocol. */
export function refMessage(ref: ManifestRef): GitRefCF['ref'] {
  if ('branch' in ref) return { case: 'branch', value: ref.branch };
  return 'tag' in ref ? { case: 'tag', value: ref.tag } : { case: 'commit', value: ref.commit };
}
