import { oneLine } from '../../core/report/escape.ts';
import type { Job } from '../job.ts';

/** Who asked for a commit, and from which pipeline, as lines of its message. */
export function askedFor({ actor, pipelineUrl }: Job): string[] {
  return [
    ...(actor ? [`Asked for by ${oneLine(actor)}`] : []),
    ...(pipelineUrl ? [`Pipeline: ${pipelineUrl}`] : []),
  ];
}
